//! What is written down about requests, and where.
//!
//! Go: apiserver/pkg/server/options/audit.go

use std::{path::PathBuf, sync::Arc};

use auth::audit::{
    log::{self, LogBackend},
    policy::Policy,
};
use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect, refused};

use crate::server::{config::Config, start_error::StartError};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Auditing",
    flags: &[
        flag("audit-policy-file", Kind::String, "", "Which requests are written down, and how much of them; without it none is."),
        flag("audit-log-path", Kind::String, "", "File to write to; - for standard output."),
        flag("audit-log-format", Kind::String, "json", "json or legacy."),
        flag("audit-log-maxage", Kind::Int, "366", "Days to keep old files; 0: for ever."),
        flag("audit-log-maxbackup", Kind::Int, "100", "Old files to keep; 0: all."),
        flag("audit-log-maxsize", Kind::Int, "100", "Megabytes of a file before the next begins; 0: no limit."),
        flag("audit-log-mode", Kind::String, "blocking", "batch, blocking or blocking-strict."),
        flag("audit-log-batch-buffer-size", Kind::Int, "10000", "Events that may wait to be written."),
        refused("audit-webhook-config-file", Kind::String, "", "kubeconfig of a webhook that is sent the events."),
        flag("audit-webhook-mode", Kind::String, "batch", "batch, blocking or blocking-strict."),
        flag("audit-webhook-batch-buffer-size", Kind::Int, "10000", "Events that may wait to be sent."),
        flag("audit-webhook-batch-max-size", Kind::Int, "400", "Events sent at once."),
        flag("audit-webhook-batch-max-wait", Kind::Duration, "30s", "How long events wait for others."),
        no_effect("audit-log-compress", Kind::Bool, "false", "Compress old files."),
        no_effect("audit-log-version", Kind::String, "audit.k8s.io/v1", "The only version."),
        no_effect("audit-log-batch-max-size", Kind::Int, "1", "Events written at once."),
        no_effect("audit-log-batch-max-wait", Kind::Duration, "0s", "How long events wait for others."),
        no_effect("audit-log-batch-throttle-enable", Kind::Bool, "false", "Limit the rate."),
        no_effect("audit-log-batch-throttle-qps", Kind::Float, "0", "Limit of the rate."),
        no_effect("audit-log-batch-throttle-burst", Kind::Int, "0", "Limit of the rate."),
        no_effect("audit-log-truncate-enabled", Kind::Bool, "false", "Cut events that are too large."),
        no_effect("audit-log-truncate-max-batch-size", Kind::Int, "10485760", "Bytes of a batch."),
        no_effect("audit-log-truncate-max-event-size", Kind::Int, "102400", "Bytes of an event."),
        no_effect("audit-webhook-version", Kind::String, "audit.k8s.io/v1", "The only version."),
        no_effect("audit-webhook-initial-backoff", Kind::Duration, "10s", "Pause before the second try."),
        no_effect("audit-webhook-batch-throttle-enable", Kind::Bool, "true", "Limit the rate."),
        no_effect("audit-webhook-batch-throttle-qps", Kind::Float, "10", "Limit of the rate."),
        no_effect("audit-webhook-batch-throttle-burst", Kind::Int, "15", "Limit of the rate."),
        no_effect("audit-webhook-truncate-enabled", Kind::Bool, "false", "Cut events that are too large."),
        no_effect("audit-webhook-truncate-max-batch-size", Kind::Int, "10485760", "Bytes of a batch."),
        no_effect("audit-webhook-truncate-max-event-size", Kind::Int, "102400", "Bytes of an event."),
        refused("audit-dynamic-configuration", Kind::Bool, "false", "Gone upstream."),
    ],
};

/// Go: apiserver/pkg/server/options/audit.go AuditOptions
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// `--audit-policy-file`
    pub policy_file: Option<PathBuf>,
    /// `--audit-log-*`
    pub log: AuditLogOptions,
    /// `--audit-webhook-*`
    pub webhook: AuditWebhookOptions,
}

/// Go: apiserver/pkg/server/options/audit.go AuditLogOptions
#[derive(Clone, Debug, Default)]
pub struct AuditLogOptions {
    /// `--audit-log-path`; `-` for standard output.
    pub path: String,
    /// `--audit-log-format`
    pub format: String,
    /// `--audit-log-mode`
    pub mode: String,
    /// `--audit-log-maxage`, in days
    pub max_age: i64,
    /// `--audit-log-maxbackup`
    pub max_backups: i64,
    /// `--audit-log-maxsize`, in megabytes
    pub max_size: i64,
    /// `--audit-log-batch-buffer-size`
    pub buffer_size: i64,
}

/// Go: apiserver/pkg/server/options/audit.go AuditWebhookOptions
#[derive(Clone, Debug, Default)]
pub struct AuditWebhookOptions {
    /// `--audit-webhook-config-file`
    pub config_file: Option<PathBuf>,
    /// `--audit-webhook-mode`
    pub mode: String,
    /// `--audit-webhook-batch-buffer-size`
    pub buffer_size: i64,
    /// `--audit-webhook-batch-max-size`
    pub max_batch_size: i64,
    /// `--audit-webhook-batch-max-wait`
    pub max_batch_wait: std::time::Duration,
}

/// How a backend may be driven.
const ALLOWED_MODES: [&str; 3] = ["batch", "blocking", "blocking-strict"];

impl AuditOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        let path = |text: String| (!text.is_empty()).then(|| PathBuf::from(text));
        Self {
            policy_file: path(values.string("audit-policy-file")),
            log: AuditLogOptions {
                path: values.string("audit-log-path"),
                format: values.string("audit-log-format"),
                mode: values.string("audit-log-mode"),
                max_age: values.int("audit-log-maxage"),
                max_backups: values.int("audit-log-maxbackup"),
                max_size: values.int("audit-log-maxsize"),
                buffer_size: values.int("audit-log-batch-buffer-size"),
            },
            webhook: AuditWebhookOptions {
                config_file: path(values.string("audit-webhook-config-file")),
                mode: values.string("audit-webhook-mode"),
                buffer_size: values.int("audit-webhook-batch-buffer-size"),
                max_batch_size: values.int("audit-webhook-batch-max-size"),
                max_batch_wait: values.duration("audit-webhook-batch-max-wait"),
            },
        }
    }

    /// Returns all mistakes.
    ///
    /// Go: apiserver/pkg/server/options/audit.go Validate
    pub fn validate(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (what, mode) in [("log", &self.log.mode), ("webhook", &self.webhook.mode)] {
            if !ALLOWED_MODES.contains(&mode.as_str()) {
                let allowed = ALLOWED_MODES.join(",");
                mistakes.push(format!("invalid audit {what} mode {mode}, allowed modes are {allowed:?}"));
            }
        }
        if !["json", "legacy"].contains(&self.log.format.as_str()) {
            mistakes.push(format!("invalid audit log format {}, allowed formats are \"legacy,json\"", self.log.format));
        }
        let limits = [
            ("maxage", self.log.max_age),
            ("maxbackup", self.log.max_backups),
            ("maxsize", self.log.max_size),
            ("batch-buffer-size", self.log.buffer_size),
        ];
        for (flag, value) in limits {
            if value < 0 {
                mistakes.push(format!("--audit-log-{flag} {value} can't be a negative number"));
            }
        }
        mistakes
    }
}

impl AuditOptions {
    /// Opens the log and reads the policy; one without the other writes nothing.
    ///
    /// Simplified: `batch` writes as `blocking` does, for a line costs less here than to queue it.
    ///
    /// Go: apiserver/pkg/server/options/audit.go ApplyTo
    pub fn apply_to(&self, c: &mut Config) -> Result<(), StartError> {
        let failed = |option, error: String| StartError::option("audit", option, error);
        if let Some(path) = &self.policy_file {
            let policy = Policy::load(path);
            let policy =
                policy.map_err(|error| failed("--audit-policy-file", format!("loading audit policy file: {error}")))?;
            c.audit_policy_rule_evaluator = Some(Arc::new(policy));
        }
        if self.log.path.is_empty() {
            return Ok(());
        }
        if c.audit_policy_rule_evaluator.is_none() {
            tracing::info!("No audit policy file provided, no events will be recorded for log backend");
            return Ok(());
        }
        let options = log::Options {
            path: self.log.path.clone(),
            format: if self.log.format == "legacy" { log::Format::Legacy } else { log::Format::Json },
            max_size: u64::try_from(self.log.max_size).unwrap_or_default() * 1024 * 1024,
            max_backups: usize::try_from(self.log.max_backups).unwrap_or_default(),
            strict: self.log.mode == "blocking-strict",
        };
        let log = LogBackend::open(options, c.services.clock.clone());
        let log = log.map_err(|error| failed("--audit-log-path", error.to_string()))?;
        c.audit_backend = Some(Arc::new(log));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_mistake_is_told_and_the_defaults_have_none() {
        let read = |given: &[(&str, &str)]| {
            let given: BTreeMap<_, _> =
                given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
            AuditOptions::from_values(&mut Values::new(&[FLAGS], given)).validate()
        };
        assert_eq!(read(&[]), Vec::<String>::new());
        let wrong = [("audit-log-mode", "often"), ("audit-log-format", "xml"), ("audit-log-maxsize", "-1")];
        assert_eq!(read(&wrong).len(), 3);
    }
}
