//! DaemonSet.
//!
//! Go: pkg/apis/apps/validation/validation.go ValidateDaemonSet, pkg/registry/apps/daemonset/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use super::template;
use crate::{
    core::pod::warnings,
    defaults::{absent, made},
    node::Node,
    rules::{Part, Request, Rules, differs},
    validation::{label_selector, not_negative},
};

/// Takes from the metadata of a daemon set what is no metadata in the hub: whoever asks for metadata alone gets the
/// hub's.
pub fn hide_template_generation(metadata: &mut Value) {
    let [_, annotations, generation] = TEMPLATE_GENERATION;
    let Some(fields) = metadata.as_object_mut() else { return };
    let Some(values) = fields.get_mut(annotations).and_then(Value::as_object_mut) else { return };
    values.remove(generation);
    if values.is_empty() {
        fields.remove(annotations);
    }
}

/// Where the generation of the template is kept, which is no field of this version.
const TEMPLATE_GENERATION: [&str; 3] = ["metadata", "annotations", "deprecated.daemonset.template.generation"];

pub(super) const DAEMON_SET: Rules = Rules {
    default,
    prepare_for_create: |_, object| {
        template::prepare_template(object);
        let sent: i64 = object.str(&TEMPLATE_GENERATION).parse().unwrap_or_default();
        object.set(&TEMPLATE_GENERATION, sent.max(1).to_string());
    },
    prepare_for_update,
    validate: |object| validate(object),
    validate_update: |object, old| {
        let mut errors = validate(object);
        template::selector_is_immutable(&mut errors, object, old);
        errors
    },
    warnings_on_create: warnings::of_workload,
    warnings_on_update: warnings::of_workload_update,
    status: Part { validate_update: validate_status, ..Part::PLAIN },
    ..Rules::WITH_STATUS
};

/// Go: SetDefaults_DaemonSet
fn default(object: &mut Object) {
    // A field of the hub, which is written into every object of this version.
    let generation: i64 = object.str(&TEMPLATE_GENERATION).parse().unwrap_or_default();
    object.set(&TEMPLATE_GENERATION, generation.to_string());
    let spec = made(&mut object.0, "spec");
    absent(spec, "updateStrategy", json!({}));
    template::default_rolling_update(
        &mut spec["updateStrategy"],
        &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))],
    );
    absent(spec, "revisionHistoryLimit", 10);
    template::default_template(object);
}

fn prepare_for_update(_: &Request, object: &mut Object, old: &Object) {
    template::prepare_template(object);
    let before: i64 = old.str(&TEMPLATE_GENERATION).parse().unwrap_or_default();
    let now = before + i64::from(differs(object, old, "spec.template"));
    object.set(&TEMPLATE_GENERATION, now.to_string());
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    label_selector(&mut errors, &spec.child("selector"));
    if let Ok(selector) = spec.selector("selector").as_selector()
        && !selector.matches(&template::labels(&spec))
    {
        template::mismatch(&mut errors, &spec);
    }
    if spec.selector("selector").is_empty() {
        let shown = spec.selector("selector").shown();
        errors.push(Error::invalid(&spec.path.child("selector"), shown, "empty selector is invalid for daemonset"));
    }
    template::template(&mut errors, &spec, "DaemonSet", true);
    strategy(&mut errors, &spec.child("updateStrategy"));
    not_negative(&mut errors, &spec.child("minReadySeconds"));
    not_negative(&mut errors, &spec.child("revisionHistoryLimit"));
    errors
}

fn strategy(errors: &mut ErrorList, strategy: &Node<'_>) {
    match strategy.text("type") {
        "OnDelete" => {}
        "RollingUpdate" => {
            let rolling = strategy.child("rollingUpdate");
            let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
            for share in [&unavailable, &surge] {
                template::int_or_percent(errors, share);
                template::at_most_all(errors, share);
            }
            match (template::number_or_percent(&unavailable) != 0, template::number_or_percent(&surge) != 0) {
                (true, true) => errors.push(surge.invalid("may not be set when maxUnavailable is non-zero")),
                (false, false) => errors.push(unavailable.required("cannot be 0 when maxSurge is 0")),
                _ => {}
            }
        }
        _ => {
            let shown = super::shown_strategy(strategy, "MaxUnavailable? MaxSurge?");
            errors.push(Error::not_supported(&strategy.path, shown, &["RollingUpdate", "OnDelete"]));
        }
    }
}

fn validate_status(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    let fields = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    template::counts(&mut errors, &status, &fields);
    template::not_decremented(&mut errors, &status, &Node::of(old, "status"));
    errors
}
