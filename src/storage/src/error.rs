//! What can go wrong between the registry and storage.
//!
//! Go: apiserver/pkg/storage/errors.go

use apimachinery::api::errors::StatusError;

/// Why storage did not do what it was asked to. The texts are Go's, since clients get to see them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("StorageError: key not found, Code: 1, Key: {key}, ResourceVersion: {revision}, AdditionalErrorMsg: ")]
    KeyNotFound {
        /// Its key.
        key: String,
        /// The revision at which it was not there.
        revision: u64,
    },
    /// There is such an object already.
    #[error("StorageError: key exists, Code: 2, Key: {key}, ResourceVersion: {revision}, AdditionalErrorMsg: ")]
    KeyExists {
        /// Its key.
        key: String,
        /// Its revision, where that is known.
        revision: u64,
    },
    /// Someone else wrote in between.
    #[error(
        "StorageError: resource version conflicts, Code: 3, Key: {key}, ResourceVersion: {revision}, \
         AdditionalErrorMsg: "
    )]
    ResourceVersionConflicts {
        /// Its key.
        key: String,
        /// The revision that was expected.
        revision: u64,
    },
    /// A precondition does not hold.
    #[error("StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {message}")]
    InvalidObject {
        /// Its key.
        key: String,
        /// Which one.
        message: String,
    },
    /// Storage does not answer.
    #[error("StorageError: server unreachable, Code: 5, Key: {key}, ResourceVersion: {revision}, AdditionalErrorMsg: ")]
    Unreachable {
        /// The key that was asked for.
        key: String,
        /// The revision that was asked for.
        revision: u64,
    },
    /// Something that should not happen.
    #[error("Internal error occurred: {0}")]
    Internal(String),
    /// Something without a code of its own: a client sees it as 500 with this text.
    #[error("{0}")]
    Other(String),
    /// An answer for the client, ready made.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl Error {
    /// Says whether there was no such object.
    ///
    /// Go: IsNotFound
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::KeyNotFound { .. })
    }

    /// Says whether there was such an object already.
    ///
    /// Go: IsExist
    pub fn is_exist(&self) -> bool {
        matches!(self, Self::KeyExists { .. })
    }

    /// Says whether a write lost a race.
    ///
    /// Go: IsConflict
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::ResourceVersionConflicts { .. })
    }

    /// Says whether a precondition did not hold.
    ///
    /// Go: IsInvalidObj
    pub fn is_invalid_object(&self) -> bool {
        matches!(self, Self::InvalidObject { .. })
    }

    /// Takes an error of the backend apart, for the one key or prefix that was asked for.
    pub fn from_kv(error: kv::error::Error, key: &str) -> Self {
        match error {
            kv::error::Error::Interrupted(interrupted) => Self::Status(interrupted.into()),
            kv::error::Error::TooLarge => Self::Other("etcdserver: request is too large".to_owned()),
            kv::error::Error::LeaseNotFound => Self::Other("etcdserver: requested lease not found".to_owned()),
            kv::error::Error::Compacted { .. } => {
                Self::Other("etcdserver: mvcc: required revision has been compacted".to_owned())
            }
            kv::error::Error::FutureRevision { .. } => {
                Self::Other("etcdserver: mvcc: required revision is a future revision".to_owned())
            }
            kv::error::Error::Unavailable(message) | kv::error::Error::Timeout(message) => Self::Other(message),
            kv::error::Error::Corrupt(message) => Self::Internal(format!("{key}: {message}")),
        }
    }
}
