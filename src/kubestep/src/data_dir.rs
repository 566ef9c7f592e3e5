//! Where a single-machine server keeps its store, keys and kubeconfig between runs.
//!
//! ```text
//! $XDG_DATA_HOME/kubestep/        (or --data-dir)
//!   FORMAT                        version of this layout; a newer one is refused
//!   LOCK                          held while a server runs; names its process
//!   pki/                          CA, certificates, service account key
//!   store/                        the embedded engine
//!   kubeconfig                    users admin and dev
//! ```

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rustix::fs::FlockOperation;

/// Version of the layout. A change that an older program would misread raises it.
const FORMAT: u32 = 1;

/// A locked data directory. Dropping it releases the lock and, if it is ephemeral, removes it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holds the advisory lock; the kernel releases it with the process, also after `kill -9`.
    _lock: File,
    ephemeral: bool,
}

impl DataDir {
    /// Returns the directory used when none is named.
    pub fn default_path() -> anyhow::Result<PathBuf> {
        let xdg = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        let base = xdg.or(home).context("neither XDG_DATA_HOME nor HOME is set; name a directory with --data-dir")?;
        Ok(base.join("kubestep"))
    }

    /// Opens and locks a directory, making it if need be.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::lock(path.to_owned(), false)
    }

    /// Makes a directory that is removed again at the end.
    pub fn ephemeral(name: &str) -> anyhow::Result<Self> {
        Self::lock(env::temp_dir().join(format!("kubestep-{name}")), true)
    }

    fn lock(path: PathBuf, ephemeral: bool) -> anyhow::Result<Self> {
        make_private(&path)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("LOCK"))
            .with_context(|| format!("cannot open {}", path.join("LOCK").display()))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            lock.read_to_string(&mut holder).unwrap_or_default();
            bail!(
                "the data directory {} is in use by {}; stop it, or name another with --data-dir, or use --ephemeral",
                path.display(),
                holder.trim()
            );
        }
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "process {}", std::process::id())?;
        check_format(&path)?;
        Ok(Self { path, _lock: lock, ephemeral })
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the embedded engine keeps its files.
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Returns where keys and certificates are.
    pub fn pki(&self) -> PathBuf {
        self.path.join("pki")
    }

    /// Returns the kubeconfig's path.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// Removes everything but the lock; the next start begins from nothing.
    pub fn reset(&self) -> anyhow::Result<()> {
        for name in ["store", "pki"] {
            match fs::remove_dir_all(self.path.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        match fs::remove_file(self.kubeconfig()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if self.ephemeral {
            fs::remove_dir_all(&self.path).unwrap_or_default();
        }
    }
}

/// Makes a directory that only its owner may enter: it holds private keys.
fn make_private(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the data directory {}", path.display()))
}

/// Refuses a layout that this program does not know, and writes the version into a new directory.
fn check_format(path: &Path) -> anyhow::Result<()> {
    let file = path.join("FORMAT");
    match fs::read_to_string(&file) {
        Ok(text) if text.trim().parse() == Ok(FORMAT) => Ok(()),
        Ok(text) => bail!(
            "{} has format {}, this program knows format {FORMAT}; use the program that wrote it, or `kubestep reset`",
            path.display(),
            text.trim()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::write(&file, format!("{FORMAT}\n")).with_context(|| format!("cannot write {}", file.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().expect("temp dir");
        let first = DataDir::open(dir.path()).expect("first");
        let error = DataDir::open(dir.path()).expect_err("locked").to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        DataDir::open(dir.path()).expect("released");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::write(dir.path().join("FORMAT"), "99\n").expect("write");
        let error = DataDir::open(dir.path()).expect_err("newer").to_string();
        assert!(error.contains("format 99"), "{error}");
    }
}
