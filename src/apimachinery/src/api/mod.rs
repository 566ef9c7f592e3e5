//! The vocabulary of answers: `metav1.Status` and its reasons.
//!
//! Go: apimachinery/pkg/api

pub mod errors;
