//! The objects of a definition: strategy, scale, columns.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource

pub mod strategy;

pub mod validator;

pub mod storage;

pub mod lazy;

pub mod scale;

pub mod tableconvertor;
