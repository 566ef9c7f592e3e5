//! What is written down about a request.
//!
//! ```text
//!   policy     how much, by who asks for what: the first rule that matches decides
//!   event      one stage of one request, as audit.k8s.io/v1 has it
//!   log        events into a file, a line each
//! ```
//!
//! The filter that puts them together is `apiserver::endpoints::filters::audit`.
//!
//! Go: apiserver/pkg/audit, apiserver/plugin/pkg/audit

pub mod event;
pub mod log;
pub mod policy;

use serde_json::Value;

/// Where events go.
///
/// Go: apiserver/pkg/audit/types.go Sink
pub trait Sink: Send + Sync {
    /// Takes an event. Its error means that the event is lost.
    fn process_event(&self, event: &Value) -> Result<(), String>;
    /// Says whether a request must fail whose arrival could not be written down: `blocking-strict`.
    fn is_strict(&self) -> bool {
        false
    }
}
