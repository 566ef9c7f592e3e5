//! The options that kube-apiserver has beyond those of every generic API server.
//!
//! Go: pkg/kubeapiserver/options, pkg/controlplane/apiserver/options
//!
//! Each group is one file: its flags, how they are read, what is wrong with them, and what they set
//! in the config.

pub mod authentication;
pub mod authorization;
pub mod kube;
pub mod run;
pub mod servicecidr;
