//! The status of a job, which others than the job controller may write, too: it must make sense, and go one way.
//!
//! A check of a whole status holds only for what the update touches, so that a status that was written before there
//! was the check can still be updated. [`RULES`] is the table of these checks.
//!
//! Go: pkg/apis/batch/validation/validation.go validateJobStatus, pkg/registry/batch/job/strategy.go
//! getStatusValidationOptions

use apimachinery::{
    meta::time,
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList, Path},
};

use super::policies::{count_indexes, overlap};
use crate::{
    node::Node,
    rules::same,
    validation::{go_struct, not_negative},
};

/// A job with a status, and what of it is asked again and again.
struct Job<'a> {
    spec: Node<'a>,
    status: Node<'a>,
}

impl<'a> Job<'a> {
    fn of(object: &'a Object) -> Self {
        Self { spec: Node::of(object, "spec"), status: Node::of(object, "status") }
    }

    /// Whether a condition is `True`.
    fn is(&self, condition: &str) -> bool {
        let conditions = self.status.items("conditions");
        conditions.iter().any(|found| found.text("type") == condition && found.text("status") == "True")
    }

    fn is_finished(&self) -> bool {
        self.is("Complete") || self.is("Failed")
    }

    fn is_indexed(&self) -> bool {
        self.spec.text("completionMode") == "Indexed"
    }

    fn completions(&self) -> Option<i64> {
        self.spec.opt_int("completions")
    }

    fn time(&self, field: &str) -> Option<std::time::Duration> {
        time::parse(self.status.text(field))
    }

    /// An error about a field of the status.
    fn invalid(&self, field: &str, text: impl Into<String>) -> Option<Error> {
        let node = self.status.child(field);
        Some(Error::invalid(&node.path, node.shown(), text))
    }

    /// An error about the conditions, which are not shown.
    fn conditions(&self, text: &str) -> Option<Error> {
        Some(Error::invalid(&self.status.path.child("conditions"), BadValue::Omitted, text))
    }

    fn required(&self, field: &str, text: &str) -> Option<Error> {
        Some(self.status.child(field).required(text))
    }
}

/// What an update must touch for a rule to hold: conditions (capitals) or fields of the status.
type Touched = &'static [&'static str];
type Rule = fn(&Job<'_>) -> Option<Error>;

/// The rules in the order of their errors.
const RULES: &[(Touched, Rule)] = &[
    (&["Complete", "Failed"], |job| {
        (job.is("Complete") && job.is("Failed"))
            .then(|| job.conditions("cannot set Complete=True and Failed=true conditions"))?
    }),
    (&["Complete", "FailureTarget"], |job| {
        (job.is("Complete") && job.is("FailureTarget"))
            .then(|| job.conditions("cannot set Complete=True and FailureTarget=true conditions"))?
    }),
    (&["Complete", "completionTime"], |job| {
        let text = "cannot set completionTime when there is no Complete=True condition";
        (job.status.has("completionTime") && !job.is("Complete")).then(|| job.invalid("completionTime", text))?
    }),
    (&["Complete", "completionTime"], |job| {
        (!job.status.has("completionTime") && job.is("Complete"))
            .then(|| job.required("completionTime", "completionTime is required for Complete jobs"))?
    }),
    (&["startTime", "completionTime"], |job| {
        let text = "completionTime cannot be set before startTime";
        (job.time("completionTime")? < job.time("startTime")?).then(|| job.invalid("completionTime", text))?
    }),
    (&["Failed", "FailureTarget"], |job| {
        let text = "cannot set Failed=True condition without the FailureTarget=true condition";
        (job.is("Failed") && !job.is("FailureTarget")).then(|| job.conditions(text))?
    }),
    (&["Complete", "SuccessCriteriaMet"], |job| {
        let text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        (job.is("Complete") && !job.is("SuccessCriteriaMet")).then(|| job.conditions(text))?
    }),
    (&["Finished", "active"], |job| {
        (job.status.int("active") > 0 && job.is_finished())
            .then(|| job.invalid("active", "active>0 is invalid for finished job"))?
    }),
    (&["Finished", "startTime"], |job| {
        // A suspended job without any completions is finished without having started.
        let never_started = job.spec.flag("suspend") && job.completions() == Some(0);
        (!job.status.has("startTime") && job.is_finished() && !never_started)
            .then(|| job.required("startTime", "startTime is required for finished job"))?
    }),
    (&["Finished", "uncountedTerminatedPods"], |job| {
        let uncounted = job.status.child("uncountedTerminatedPods");
        let text = "uncountedTerminatedPods needs to be empty for finished job";
        (job.is_finished() && uncounted.len("failed") + uncounted.len("succeeded") > 0)
            .then(|| Error::invalid(&uncounted.path, go_struct(uncounted.value, "Succeeded? Failed?"), text))
    }),
    (&["completedIndexes"], |job| indexes(job, "completedIndexes")),
    (&["failedIndexes"], |job| job.spec.has("backoffLimitPerIndex").then(|| indexes(job, "failedIndexes"))?),
    (&["completedIndexes"], |job| {
        let text = "cannot set non-empty completedIndexes when non-indexed completion mode";
        (!job.status.text("completedIndexes").is_empty() && !job.is_indexed())
            .then(|| job.invalid("completedIndexes", text))?
    }),
    (&["failedIndexes"], |job| {
        let text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        (job.status.has("failedIndexes") && !job.spec.has("backoffLimitPerIndex"))
            .then(|| job.invalid("failedIndexes", text))?
    }),
    (&["failedIndexes", "completedIndexes"], |job| {
        let at = overlap(job.status.text("completedIndexes"), job.status.text("failedIndexes"), job.completions()?)?;
        job.invalid("failedIndexes", format!("failedIndexes and completedIndexes overlap at index: {at}"))
    }),
    (&["Finished", "terminating"], |job| {
        (job.status.int("terminating") > 0 && job.is_finished())
            .then(|| job.invalid("terminating", "terminating>0 is invalid for finished job"))?
    }),
    (&["ready", "active"], |job| {
        (job.status.int("ready") > job.status.int("active"))
            .then(|| job.invalid("ready", "cannot set more ready pods than active"))?
    }),
    (&[], |job| {
        (job.is("SuccessCriteriaMet") && job.is("Failed"))
            .then(|| job.conditions("cannot set SuccessCriteriaMet=True and Failed=true conditions"))?
    }),
    (&[], |job| {
        (job.is("SuccessCriteriaMet") && job.is("FailureTarget"))
            .then(|| job.conditions("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"))?
    }),
    (&[], |job| {
        let text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        (job.spec.has("successPolicy") && !job.is("SuccessCriteriaMet") && job.is("Complete"))
            .then(|| job.conditions(text))?
    }),
];

fn indexes(job: &Job<'_>, field: &str) -> Option<Error> {
    let error = count_indexes(job.status.text(field), job.completions()?).err()?;
    job.invalid(field, format!("error parsing {field}: {error}"))
}

/// Go: ValidateJobStatusUpdate
pub(super) fn validate(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let (job, before) = (Job::of(object), Job::of(old));
    for field in ["active", "succeeded", "failed", "ready", "terminating"] {
        not_negative(&mut errors, &job.status.child(field));
    }
    uncounted(&mut errors, &job.status.child("uncountedTerminatedPods"));
    let touches = |what: &str| match what {
        "Finished" => job.is_finished() != before.is_finished(),
        condition if condition.starts_with(|char: char| char.is_ascii_uppercase()) => {
            job.is(condition) != before.is(condition)
        }
        field => !same(job.status.get(field), before.status.get(field)),
    };
    for (touched, rule) in RULES {
        if touched.is_empty() || touched.iter().any(|what| touches(what)) {
            errors.extend(rule(&job));
        }
    }
    only_forward(&mut errors, &job, &before);
    errors
}

/// Pods that are not counted yet are listed once.
fn uncounted(errors: &mut ErrorList, lists: &Node<'_>) {
    let mut seen = Vec::new();
    for uid in ["succeeded", "failed"].map(|list| lists.items(list)).concat() {
        if uid.as_str().is_empty() {
            errors.push(uid.or_empty().invalid("must not be empty"));
        } else if seen.contains(&uid.as_str()) {
            errors.push(uid.duplicate());
        } else {
            seen.push(uid.as_str());
        }
    }
}

/// What has happened stays so.
fn only_forward(errors: &mut ErrorList, job: &Job<'_>, before: &Job<'_>) {
    for condition in ["Failed", "Complete", "FailureTarget"] {
        if before.is(condition) && !job.is(condition) {
            errors.extend(job.conditions(&format!("cannot disable the terminal {condition}=True condition")));
        }
    }
    // An indexed job may be made smaller, together with its parallelism.
    let elastic = job.is_indexed() && same(job.spec.get("completions"), job.spec.get("parallelism"));
    for field in ["failed", "succeeded"] {
        if job.status.int(field) < before.status.int(field) && !(elastic && field == "succeeded") {
            let path = Path::new("status").child(field);
            let text = format!("cannot decrease the {field} counter");
            errors.push(Error::invalid(&path, job.status.int(field), text));
        }
    }
    let changed = |field: &str| !same(job.status.get(field), before.status.get(field));
    let time = "completionTime";
    if job.status.has(time) && before.status.has(time) && changed(time) {
        errors.extend(job.invalid(time, "completionTime cannot be mutated"));
    }
    // A job that goes on after it was suspended starts anew.
    let resumes = before.is("Suspended") && !job.is("Suspended");
    if before.status.has("startTime") && changed("startTime") && !job.spec.flag("suspend") && !resumes {
        errors.extend(job.invalid("startTime", "field is immutable for unsuspended job once set"));
    }
    let met = "SuccessCriteriaMet";
    if before.is(met) && !job.is(met) {
        errors.extend(job.conditions("cannot disable the SuccessCriteriaMet=True condition"));
    }
    if before.is("Complete") && !before.is(met) && job.is(met) {
        let text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        errors.extend(job.conditions(text));
    }
}
