//! Rules that the cluster itself holds, written in CEL.
//!
//! Go: apiserver/pkg/admission/plugin/policy
//!
//! ```text
//! policies and bindings (informers) --> source: policies, each with its bindings
//!                                         |  matching: constraints of the policy, then of the binding
//!                                         |  params: the objects that a binding names
//!                                         v
//!             expressions: object, oldObject, request, params, namespaceObject, variables
//!                                         |
//!                    validating: refuse, warn, annotate      mutating: change the object
//! ```
//!
//! Simplified: expressions are evaluated without a type checker and within one common limit of steps; the variable
//! `authorizer` is not known to them.
//!
//! Read in this order.

pub mod matching;
pub mod source;

pub mod expressions;
pub mod params;

pub mod mutating;
pub mod validating;
