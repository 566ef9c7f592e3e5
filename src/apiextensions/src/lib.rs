//! The server of custom resources.
