//! The resource `customresourcedefinitions`: its strategy, its storage, what is filled in, how it is installed.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresourcedefinition

pub mod strategy;

pub mod warnings;

pub mod storage;

pub mod v1beta1;
