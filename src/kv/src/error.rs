//! What can go wrong with keys and revisions.

use crate::backend::Revision;

/// Why a backend did not do what it was asked to.
///
/// A condition that did not hold is no error: see [`crate::backend::Outcome`].
///
/// Go: etcd/api/v3/v3rpc/rpctypes/error.go
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The revision is older than the history that is kept.
    #[error("required revision {requested} has been compacted (oldest is {compacted})")]
    Compacted {
        /// The revision that was asked for.
        requested: Revision,
        /// The oldest revision that can be read.
        compacted: Revision,
    },
    /// The revision has not been reached yet.
    #[error("required revision {requested} is a future revision (current is {current})")]
    FutureRevision {
        /// The revision that was asked for.
        requested: Revision,
        /// The newest one.
        current: Revision,
    },
    /// The lease has expired or never was.
    #[error("requested lease not found")]
    LeaseNotFound,
    /// Key and value are larger than the backend takes.
    #[error("request is too large")]
    TooLarge,
    /// The backend cannot be reached, or could not write. Whether a write took place is then unknown.
    #[error("{0}")]
    Unavailable(String),
    /// It did not answer in time. Whether a write took place is unknown.
    #[error("{0}")]
    Timeout(String),
    /// What was read makes no sense.
    #[error("{0}")]
    Corrupt(String),
    /// A person ended the request while it was held.
    #[error(transparent)]
    Interrupted(#[from] phase::hook::Interrupted),
}
