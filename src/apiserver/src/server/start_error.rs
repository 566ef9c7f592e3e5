//! Why a server does not start.

use phase::hook::Interrupted;

/// A start that failed: at which stage, because of which option, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {message}")]
pub struct StartError {
    /// The stage: `secure serving`, `storage`...
    pub stage: &'static str,
    /// The option at fault, as a flag: `--tls-cert-file`; empty where none is.
    pub option: &'static str,
    /// What went wrong.
    pub message: String,
    /// Whether a person ended the start at a held phase.
    pub interrupted: bool,
}

impl StartError {
    /// Returns an error of a stage.
    pub fn new(stage: &'static str, message: impl ToString) -> Self {
        Self { stage, option: "", message: message.to_string(), interrupted: false }
    }

    /// Returns an error of a stage that an option is to blame for.
    pub fn option(stage: &'static str, option: &'static str, message: impl std::fmt::Display) -> Self {
        Self { stage, option, message: format!("{option}: {message}"), interrupted: false }
    }
}

impl From<Interrupted> for StartError {
    fn from(interrupted: Interrupted) -> Self {
        Self { stage: "start-up", option: "", message: interrupted.to_string(), interrupted: true }
    }
}
