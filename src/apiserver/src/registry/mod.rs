//! Resources as the endpoints see them, and the generic store behind most of them.
//!
//! Go: apiserver/pkg/registry
//!
//! ```text
//!   endpoints::handlers --> rest::{Getter, Creater, Updater...} <-- store::Store --> storage::Interface
//!                                                                     |
//!                                              what differs per kind: rest::strategy::Strategy
//! ```
//!
//! [`rest`] names what a resource can do, and holds the steps that every write takes whatever the kind.
//! [`store`] takes them in order over storage; [`subresource`] shows a part of an object under a name of its own.

pub mod generic;

pub mod rest;

pub mod store;

pub mod subresource;
