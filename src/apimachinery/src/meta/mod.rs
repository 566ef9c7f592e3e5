//! `meta/v1`: metadata, lists, options, conditions.
//!
//! Go: apimachinery/pkg/apis/meta/v1

pub mod label_selector;
pub mod object_meta;
pub mod time;
pub mod validation;
