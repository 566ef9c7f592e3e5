//! The server of custom resources.
//!
//! ```text
//!   CustomResourceDefinition --registry--> storage --informer--> controllers: names, established, finalizer,
//!                                              |                 discovery, OpenAPI
//!                                              '--> handler: a definition becomes routes, a store, a codec
//!   /apis/GROUP/VERSION/RESOURCE  --handler--> scope of the version --> the same handlers as built-in resources
//! ```
//!
//! Go: k8s.io/apiextensions-apiserver
//!
//! Read in this order.

pub mod apiserver;

pub mod definition;

pub mod validation;

pub mod schema;

pub mod conversion;

pub mod codec;

pub mod fieldmanager;

pub mod jsonpath;

pub mod registry;

pub mod serving;

pub mod handler;

pub mod discovery;

pub mod openapi;

pub mod controller;
