//! How validation speaks: paths of fields, and lists of errors about them.
//!
//! Go: apimachinery/pkg/util/validation/field

pub mod field;
