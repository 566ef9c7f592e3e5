//! `meta/v1`: metadata, lists, options, conditions.
//!
//! Go: apimachinery/pkg/apis/meta/v1

pub mod conditions;
pub mod label_selector;
pub mod object_meta;
pub mod options;
pub mod query;
pub mod time;
pub mod validation;
