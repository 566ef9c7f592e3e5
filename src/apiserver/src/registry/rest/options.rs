//! The options of a request, decoded.
//!
//! Go: apimachinery/pkg/apis/meta/v1/types.go, apimachinery/pkg/apis/meta/internalversion/types.go

use apimachinery::{fields, labels::selector as labels, runtime::object::Object};
use storage::interface::Preconditions;

/// Go: metav1.GetOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Not older than this; empty: the newest.
    pub resource_version: String,
}

/// Go: metainternalversion.ListOptions
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Which labels.
    pub label_selector: labels::Selector,
    /// Which fields; their labels are already converted for this kind.
    pub field_selector: fields::Selector,
    /// Empty: the newest; `"0"`: any.
    pub resource_version: String,
    /// `NotOlderThan`, `Exact` or empty.
    pub resource_version_match: String,
    /// Page size; 0: all.
    pub limit: i64,
    /// Where to go on.
    pub continue_token: String,
    /// Whether this is a watch.
    pub watch: bool,
    /// Whether bookmarks are wanted.
    pub allow_watch_bookmarks: bool,
    /// Whether the watch begins with the present state.
    pub send_initial_events: Option<bool>,
    /// Seconds after which a watch ends; `None`: the server's choice.
    pub timeout_seconds: Option<i64>,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            label_selector: labels::Selector::everything(),
            field_selector: fields::Selector::everything(),
            resource_version: String::new(),
            resource_version_match: String::new(),
            limit: 0,
            continue_token: String::new(),
            watch: false,
            allow_watch_bookmarks: false,
            send_initial_events: None,
            timeout_seconds: None,
        }
    }
}

/// Whether a write is only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It is written.
    #[default]
    No,
    /// Everything but the write: `dryRun=All`.
    All,
}

/// How unknown and repeated fields of a body are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They are refused.
    Strict,
}

/// What CreateOptions, UpdateOptions and PatchOptions have in common.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Whether anything is stored.
    pub dry_run: DryRun,
    /// Who manages the fields; empty: from the user agent.
    pub field_manager: String,
    /// How strict decoding is.
    pub field_validation: FieldValidation,
    /// Apply only: take fields over from others.
    pub force: Option<bool>,
    /// The options as an object, for admission.
    pub raw: Object,
}

/// Go: metav1.DeleteOptions
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds to go gracefully; `None`: the kind's default.
    pub grace_period_seconds: Option<i64>,
    /// What must be true of the object.
    pub preconditions: Preconditions,
    /// Deprecated spelling of `propagationPolicy: Orphan`.
    pub orphan_dependents: Option<bool>,
    /// `Orphan`, `Background`, `Foreground`.
    pub propagation_policy: Option<String>,
    /// Whether anything is removed.
    pub dry_run: DryRun,
    /// The options as an object, for admission.
    pub raw: Object,
}
