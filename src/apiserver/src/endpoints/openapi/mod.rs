//! What a server serves, as OpenAPI describes it.
//!
//! Go: kube-openapi, apiserver/pkg/server/routes/openapi.go
//!
//! Documents are made when somebody asks for the first time after a change, and kept with their hashes.

pub mod definitions;

pub mod parameters;

pub mod connections;

pub mod operations;

pub mod protobuf;

pub mod merge;

pub mod manager;

pub mod handler;
