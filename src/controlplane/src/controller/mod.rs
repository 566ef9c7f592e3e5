//! What the control plane keeps in order by itself, each started by a post-start hook of the same name.
//!
//! Go: pkg/controlplane/controller, pkg/registry/{scheduling,flowcontrol}/rest

pub mod apiserverlease;
pub mod clusterauthenticationtrust;
pub mod defaultservicecidr;
pub mod ensure;
pub mod flowcontrol;
pub mod kubernetesservice;
pub mod leases;
pub mod legacytokentracking;
pub mod peerlease;
pub mod priorityclasses;
pub mod systemnamespaces;
