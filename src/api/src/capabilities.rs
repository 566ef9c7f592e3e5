//! What the server as a whole lets pods do; set once at start-up.
//!
//! Go: pkg/capabilities/capabilities.go

use std::sync::OnceLock;

static ALLOW_PRIVILEGED: OnceLock<bool> = OnceLock::new();

/// Says whether containers may be privileged (`--allow-privileged`). Only the first call counts.
///
/// Go: capabilities.Setup
pub fn setup(allow_privileged: bool) {
    let _ = ALLOW_PRIVILEGED.set(allow_privileged);
}

/// Whether containers may be privileged; they may where nobody said otherwise.
pub fn allow_privileged() -> bool {
    *ALLOW_PRIVILEGED.get().unwrap_or(&true)
}
