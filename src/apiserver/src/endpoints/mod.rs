//! From a path to a resource, and from a resource to the bytes of an answer.
//!
//! Go: apiserver/pkg/endpoints
//!
//! ```text
//!   filters        what comes before
//!   installer      from storages to handlers and discovery
//!   groupversion   one handler per group and version: RequestInfo -> resource and verb
//!     handlers     one file per verb; what they share is `scope`, and enters each phase once
//!       negotiation    what the client accepts and sends
//!       codec          what a kind's bodies mean
//!       registry::rest what the resource can do
//!   discovery      what there is, in documents
//! ```

pub mod filters;

pub mod negotiation;

pub mod codec;

pub mod schema_codec;

pub mod handlers;

pub mod groupversion;

pub mod installer;

pub mod discovery;

pub mod openapi;
