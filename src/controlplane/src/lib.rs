//! The server of the built-in resources.
