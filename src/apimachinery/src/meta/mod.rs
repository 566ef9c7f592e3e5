//! `meta/v1`: metadata, lists, options, conditions.
//!
//! Go: apimachinery/pkg/apis/meta/v1

pub mod time;
