//! The options of a generic server: flags in, config out.
//!
//! One file per group. Each has the table of its flags, a struct that is read from them, `validate`,
//! which returns every mistake and not just the first, and `apply_to`, which sets its part of the config.
//!
//! Go: apiserver/pkg/server/options

pub mod admission;
pub mod api_enablement;
pub mod audit;
pub mod etcd;
pub mod feature;
pub mod server_run_options;
pub mod serving;

use component_base::flagset::FlagSet;

/// All groups of this crate, in the order of the help.
pub const FLAG_SETS: &[FlagSet] = &[
    server_run_options::FLAGS,
    etcd::FLAGS,
    serving::FLAGS,
    audit::FLAGS,
    feature::FLAGS,
    api_enablement::FLAGS,
    admission::FLAGS,
];
