//! CronJob.
//!
//! Go: pkg/apis/batch/validation/validation.go ValidateCronJobSpec, pkg/registry/batch/cronjob/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use super::{job, jobspec, schedule};
use crate::{
    core::pod::{self, warnings},
    defaults::{absent, made, zero},
    node::Node,
    rules::{Part, Rules, drop_pod_fields},
    validation::{not_negative, one_of},
};

/// A job is named after its CronJob with eleven more characters.
const MAX_NAME: usize = 52;

pub(super) const CRON_JOB: Rules = Rules {
    default,
    prepare_for_create: |_, object| drop_pod_fields(object, "spec.jobTemplate.spec.template.spec"),
    prepare_for_update: |_, object, _| drop_pod_fields(object, "spec.jobTemplate.spec.template.spec"),
    validate: |object| {
        let mut errors = validate(object);
        if object.name().len() > MAX_NAME {
            let path = Path::new("metadata").child("name");
            errors.push(Error::invalid(&path, object.name(), "must be no more than 52 characters"));
        }
        errors
    },
    validate_update: |object, _| validate(object),
    warnings_on_create: |object| {
        let mut warnings = warnings::of_name(object, "Pod names and hostnames");
        warnings.extend(job::warnings_at(object, "spec.jobTemplate.spec"));
        warnings
    },
    warnings_on_update: |object, old| {
        if object.generation() == old.generation() {
            Vec::new()
        } else {
            job::warnings_at(object, "spec.jobTemplate.spec")
        }
    },
    status: Part::PLAIN,
    ..Rules::WITH_STATUS
};

/// Go: SetDefaults_CronJob
fn default(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    zero(spec, "concurrencyPolicy", "Allow");
    absent(spec, "suspend", false);
    absent(spec, "successfulJobsHistoryLimit", 3);
    absent(spec, "failedJobsHistoryLimit", 1);
    let Some(fields) = spec.as_object_mut() else { return };
    let Some(template) = made(fields, "jobTemplate").as_object_mut() else { return };
    let job_spec = made(template, "spec");
    job::default_spec(job_spec);
    if let Some(fields) = job_spec.as_object_mut()
        && let Some(template) = made(fields, "template").as_object_mut()
    {
        pod::defaults::pod_spec(made(template, "spec"));
    }
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    let text = spec.child("schedule");
    if text.as_str().is_empty() {
        errors.push(text.required(""));
    } else if text.as_str().contains("TZ") {
        errors.push(text.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
    } else if let Err(error) = schedule::parse(text.as_str()) {
        errors.push(text.invalid(error));
    }
    not_negative(&mut errors, &spec.child("startingDeadlineSeconds"));
    time_zone(&mut errors, &spec.child("timeZone"));
    one_of(&mut errors, &spec.child("concurrencyPolicy"), &["Allow", "Forbid", "Replace"]);
    let job = spec.child("jobTemplate.spec");
    jobspec::validate(&mut errors, &job);
    if job.has("selector") {
        let shown = job.selector("selector").shown();
        errors.push(Error::invalid(&job.path.child("selector"), shown, "`selector` will be auto-generated"));
    }
    if job.flag("manualSelector") {
        errors.push(Error::not_supported(&job.path.child("manualSelector"), Value::Bool(true), &["nil", "false"]));
    }
    not_negative(&mut errors, &spec.child("successfulJobsHistoryLimit"));
    not_negative(&mut errors, &spec.child("failedJobsHistoryLimit"));
    errors
}

/// Go: validateTimeZone
fn time_zone(errors: &mut ErrorList, zone: &Node<'_>) {
    if !zone.is_set() {
        return;
    }
    let name = zone.as_str();
    if name.is_empty() {
        errors.push(zone.invalid("timeZone must be nil or non-empty string"));
    } else if name.eq_ignore_ascii_case("local") {
        let text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(zone.invalid(text));
    } else if !schedule::is_time_zone(name) {
        errors.push(zone.invalid(format!("unknown time zone {name}")));
    }
}
