//! What the log is written to: a file, or in tests something that breaks in known ways.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Database, DatabaseError};

/// Something that a database can be opened on, again and again.
pub trait Medium: Send + Sync {
    /// Opens the database, or makes an empty one. Called again after a failed write, when the last one is closed.
    fn open(&self) -> Result<Database, DatabaseError>;

    /// Returns the bytes it takes.
    fn size(&self) -> io::Result<u64>;

    /// Names it for a person.
    fn name(&self) -> String;
}

/// The name of the one file in the directory.
const FILE: &str = "kubestep.redb";

/// A file in a directory.
#[derive(Debug)]
pub struct File {
    directory: PathBuf,
    cache_bytes: usize,
}

impl File {
    /// Names the file in a directory.
    pub fn new(directory: &Path, cache_bytes: usize) -> Self {
        Self { directory: directory.to_owned(), cache_bytes }
    }
}

impl Medium for File {
    fn open(&self) -> Result<Database, DatabaseError> {
        fs::create_dir_all(&self.directory).map_err(storage)?;
        let path = self.directory.join(FILE);
        let database = Database::builder().set_cache_size(self.cache_bytes).create(path)?;
        // A new file is only there for good when its directory says so.
        fs::File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(storage)?;
        Ok(database)
    }

    fn size(&self) -> io::Result<u64> {
        fs::metadata(self.directory.join(FILE)).map(|metadata| metadata.len())
    }

    fn name(&self) -> String {
        self.directory.join(FILE).display().to_string()
    }
}

fn storage(error: io::Error) -> DatabaseError {
    DatabaseError::Storage(redb::StorageError::Io(error))
}
