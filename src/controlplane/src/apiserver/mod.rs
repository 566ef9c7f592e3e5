//! From completed options to the config of the control plane.
//!
//! Go: pkg/controlplane/apiserver
//!
//! ```text
//! build_generic_config    generic config -> storage -> authentication -> authorization -> audit
//! create_config           ... -> admission -> Extra
//! ```

pub mod config;
pub mod environment;
pub mod storage;
