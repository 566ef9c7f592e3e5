//! A certificate and its key in two files.
//!
//! Go: apiserver/pkg/server/options/serving.go CertKey

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;

/// Where a certificate chain and its key lie, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertKeyFiles {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl CertKeyFiles {
    /// Names two files; nothing is opened.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { cert: cert.into(), key: key.into() }
    }

    /// Reads both files as they are now.
    pub fn read(&self) -> io::Result<(Bytes, Bytes)> {
        Ok((read(&self.cert)?, read(&self.key)?))
    }

    /// Writes both files, making their folders. Only the owner may read the key.
    pub fn write(&self, cert: &str, key: &str) -> io::Result<()> {
        for path in [&self.cert, &self.key] {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
        }
        fs::write(&self.cert, cert)?;
        fs::write(&self.key, "")?;
        #[cfg(unix)]
        fs::set_permissions(&self.key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        fs::write(&self.key, key)
    }
}

fn read(path: &Path) -> io::Result<Bytes> {
    fs::read(path)
        .map(Bytes::from)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_missing_file_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let files = CertKeyFiles::new(folder.path().join("a/tls.crt"), folder.path().join("a/tls.key"));
        assert!(files.read().expect_err("missing").to_string().contains("tls.crt"));
        files.write("cert", "key").expect("written");
        assert_eq!(files.read().expect("read"), (Bytes::from("cert"), Bytes::from("key")));
    }
}
