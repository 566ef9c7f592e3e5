//! `meta/v1`: metadata, selectors, options, conditions.
//!
//! `object_meta` and `label_selector` are views of values that others own; `options` reads what a request
//! asks for besides its path, through `query`; `validation` checks what all kinds have in common.
//!
//! Go: apimachinery/pkg/apis/meta/v1

pub mod conditions;
pub mod label_selector;
pub mod object_meta;
pub mod options;
pub mod query;
pub mod time;
pub mod validation;
