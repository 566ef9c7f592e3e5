//! The batch group: pods that come to an end.
//!
//! Go: pkg/apis/batch, pkg/registry/batch

pub mod cronjob;
pub mod job;
pub mod jobspec;
mod jobstatus;
pub mod policies;
pub mod schedule;

use crate::rules::Rules;

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    Some(match kind {
        "CronJob" => &cronjob::CRON_JOB,
        "Job" => &job::JOB,
        _ => return None,
    })
}
