//! The server of the built-in resources.
//!
//! Go: pkg/controlplane, pkg/kubeapiserver, pkg/registry
//!
//! ```text
//! options      flags -> options -> completed options
//! apiserver    completed options -> the config, stage by stage
//! instance     the config -> the server
//! registry     what its resources are
//! controller   what it keeps in order by itself
//! ```
//!
//! Read in this order.

pub mod options;

pub mod apiserver;
pub mod resource_config;

pub mod instance;

pub mod registry;

pub mod controller;
