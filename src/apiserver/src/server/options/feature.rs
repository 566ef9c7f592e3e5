//! Profiling, and priority and fairness.
//!
//! Go: apiserver/pkg/server/options/feature.go

use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect};

use crate::server::{config::Config, flowcontrol::controller::Controller};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Features",
    flags: &[
        flag("profiling", Kind::Bool, "true", "Whether /debug/pprof is there."),
        flag("contention-profiling", Kind::Bool, "false", "Whether lock contention is profiled."),
        flag("enable-priority-and-fairness", Kind::Bool, "true", "Whether requests queue by flow; otherwise only their number is limited."),
        no_effect("debug-socket-path", Kind::String, "", "Socket for profiling."),
    ],
};

/// Go: apiserver/pkg/server/options/feature.go FeatureOptions
#[derive(Clone, Copy, Debug)]
pub struct FeatureOptions {
    /// `--profiling`
    pub enable_profiling: bool,
    /// `--contention-profiling`
    pub enable_contention_profiling: bool,
    /// `--enable-priority-and-fairness`
    pub enable_priority_and_fairness: bool,
}

impl FeatureOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        Self {
            enable_profiling: values.bool("profiling"),
            enable_contention_profiling: values.bool("contention-profiling"),
            enable_priority_and_fairness: values.bool("enable-priority-and-fairness"),
        }
    }

    /// Returns all mistakes: there is nothing to get wrong.
    ///
    /// Go: apiserver/pkg/server/options/feature.go Validate
    pub fn validate(self) -> Vec<String> {
        Vec::new()
    }

    /// Go: apiserver/pkg/server/options/feature.go ApplyTo
    pub fn apply_to(self, c: &mut Config) {
        let Self { enable_profiling, enable_contention_profiling, enable_priority_and_fairness } = self;
        c.enable_profiling = enable_profiling;
        c.enable_contention_profiling = enable_contention_profiling;
        if enable_priority_and_fairness {
            let seats = c.max_requests_in_flight + c.max_mutating_requests_in_flight;
            c.flow_control = Some(Controller::new(c.services.clock.clone(), seats));
        }
    }
}
