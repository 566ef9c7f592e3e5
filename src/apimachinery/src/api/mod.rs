//! What requests and answers have in common: the validation of metadata, and `metav1.Status` with its reasons.
//!
//! Go: apimachinery/pkg/api

pub mod errors;
pub mod resource;
pub mod validation;
