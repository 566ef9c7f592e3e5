//! Small tools that answer as Go's standard library does.
//!
//! Messages quote what a client sent, so the quoting must be Go's; names, ports and addresses are
//! checked here with the texts that clients know.
//!
//! Go: apimachinery/pkg/util, strconv

pub mod intstr;
pub mod ip;
pub mod strconv;
pub mod url;
pub mod validation;
