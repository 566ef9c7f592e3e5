//! Connections to what runs behind objects: kubelets, pods, endpoints.
//!
//! ```text
//!   pods/exec, attach, portforward   pod -> node -> kubelet        location     where it is
//!   pods/log                         pod -> node -> kubelet        kubelet      how kubelets are reached
//!   nodes/proxy                      node -> kubelet               forward      sends the request there
//!   pods/proxy, services/proxy       pod or endpoint               storages     the resources
//! ```
//!
//! Go: pkg/registry/core/{pod,node,service}/{rest,storage}, pkg/kubelet/client, apimachinery/pkg/util/proxy
//!
//! Read in this order.

pub mod kubelet;

pub mod location;

pub mod forward;

pub mod log;

pub mod storages;
