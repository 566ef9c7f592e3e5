//! Which admission plugins run.
//!
//! Go: apiserver/pkg/server/options/admission.go

use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect};

use crate::admission::plugins::{self, Registered};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Admission",
    flags: &[
        flag("enable-admission-plugins", Kind::List, "", "Plugins to run besides the default ones; their order does not matter."),
        flag("disable-admission-plugins", Kind::List, "", "Default plugins not to run."),
        flag("default-not-ready-toleration-seconds", Kind::Int, "300", "How long pods tolerate a node that is not ready."),
        flag("default-unreachable-toleration-seconds", Kind::Int, "300", "How long pods tolerate a node that cannot be reached."),
        flag("admission-control-config-file", Kind::String, "", "Configuration of the plugins."),
        no_effect("admission-control", Kind::List, "", "Gone upstream."),
    ],
};

/// Go: apiserver/pkg/server/options/admission.go AdmissionOptions
#[derive(Clone, Debug, Default)]
pub struct AdmissionOptions {
    /// `--enable-admission-plugins`
    pub enable_plugins: Vec<String>,
    /// `--disable-admission-plugins`
    pub disable_plugins: Vec<String>,
    /// `--admission-control-config-file`
    pub config_file: String,
    /// `--default-not-ready-toleration-seconds`
    pub default_not_ready_toleration_seconds: i64,
    /// `--default-unreachable-toleration-seconds`
    pub default_unreachable_toleration_seconds: i64,
}

impl AdmissionOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        Self {
            enable_plugins: values.list("enable-admission-plugins"),
            disable_plugins: values.list("disable-admission-plugins"),
            config_file: values.string("admission-control-config-file"),
            default_not_ready_toleration_seconds: values.int("default-not-ready-toleration-seconds"),
            default_unreachable_toleration_seconds: values.int("default-unreachable-toleration-seconds"),
        }
    }

    /// Returns all mistakes. `registered` are the plugins there are.
    ///
    /// Go: apiserver/pkg/server/options/admission.go Validate
    pub fn validate(&self, registered: &[Registered]) -> Vec<String> {
        plugins::validate(registered, &self.enable_plugins, &self.disable_plugins)
    }
}
