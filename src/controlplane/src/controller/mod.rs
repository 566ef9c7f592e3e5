//! What the control plane keeps in order by itself, each started by a post-start hook of the same name.
//!
//! Go: pkg/controlplane/controller, pkg/registry/{scheduling,flowcontrol}/rest

pub mod ensure;
pub mod systemnamespaces;
pub mod priorityclasses;
pub mod flowcontrol;
pub mod clusterauthenticationtrust;
pub mod kubernetesservice;
pub mod defaultservicecidr;
pub mod apiserverlease;
pub mod legacytokentracking;
