//! Webhook configurations.
//!
//! Go: validateValidatingWebhook, validateMutatingWebhook

use apimachinery::{
    meta::validation::{LabelSelectorOptions, validate_label_selector},
    runtime::object::Object,
    util::validation,
    validation::field::{Error, ErrorList},
};

use super::{client_config, expressions, matching};
use crate::{node::Node, rules};

/// The versions of AdmissionReview that this server and the one before it know.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];

/// Which webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those that change objects.
    Mutating,
    /// Those that refuse them.
    Validating,
}

/// Rules that came later hold only for configurations that met them before.
struct Strictness {
    conditions: bool,
    no_side_effects: bool,
    known_review: bool,
    unique_names: bool,
    any_label_value: bool,
}

impl Strictness {
    fn after(new: &[Node<'_>], old: Option<&[Node<'_>]>) -> Self {
        let Some(old) = old else {
            let (conditions, any_label_value) = (true, false);
            return Self { conditions, no_side_effects: true, known_review: true, unique_names: true, any_label_value };
        };
        let same =
            |(new, old): (&Node<'_>, &Node<'_>)| rules::same(new.get("matchConditions"), old.get("matchConditions"));
        let known = |hook: &Node<'_>| {
            let versions = hook.texts("admissionReviewVersions");
            versions.is_empty() || versions.iter().any(|version| REVIEWS.contains(version))
        };
        let mut names: Vec<&str> = old.iter().map(|hook| hook.text("name")).collect();
        names.sort_unstable();
        Self {
            conditions: new.len() != old.len() || !new.iter().zip(old).all(same),
            no_side_effects: old.iter().all(|hook| NO_SIDE_EFFECTS.contains(&hook.text("sideEffects"))),
            known_review: old.iter().all(known),
            unique_names: names.windows(2).all(|pair| pair[0] != pair[1]),
            any_label_value: old.iter().any(|hook| {
                let mut errors = ErrorList::new();
                selectors(&mut errors, hook, false);
                !errors.is_empty()
            }),
        }
    }
}

/// Checks a configuration, new or against what it was.
pub fn validate(object: &Object, kind: Kind, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let hooks = Node::of(object, "webhooks").items_here();
    let before = old.map(|old| Node::of(old, "webhooks").items_here());
    let strictness = Strictness::after(&hooks, before.as_deref());
    let mut names: Vec<&str> = Vec::new();
    for hook in &hooks {
        validate_one(&mut errors, hook, kind, &strictness);
        let name = hook.child("name");
        if strictness.unique_names && !name.as_str().is_empty() && names.contains(&name.as_str()) {
            errors.push(name.duplicate());
        }
        names.push(name.as_str());
    }
    errors
}

fn validate_one(errors: &mut ErrorList, hook: &Node<'_>, kind: Kind, strictness: &Strictness) {
    let name = hook.child("name");
    errors.extend(validation::is_fully_qualified_name(&name.path, name.as_str()));
    hook.items("rules").iter().for_each(|rule| matching::rule(errors, rule));
    matching::choice(errors, &hook.child("failurePolicy"), &matching::FAILURE_POLICIES);
    matching::choice(errors, &hook.child("matchPolicy"), &matching::MATCH_POLICIES);
    let allowed: &[&str] = if strictness.no_side_effects { &NO_SIDE_EFFECTS } else { &SIDE_EFFECTS };
    let effects = hook.child("sideEffects");
    if effects.is_set() {
        matching::choice(errors, &effects, allowed);
    } else {
        errors.push(effects.required(format!("must specify one of {}", allowed.join(", "))));
    }
    let timeout = hook.child("timeoutSeconds");
    if timeout.is_set() && !(1..=30).contains(&timeout.as_int()) {
        errors.push(timeout.invalid("the timeout value must be between 1 and 30 seconds"));
    }
    selectors(errors, hook, strictness.any_label_value);
    if kind == Kind::Mutating {
        matching::choice(errors, &hook.child("reinvocationPolicy"), &["IfNeeded", "Never"]);
    }
    client(errors, &hook.child("clientConfig"));
    if strictness.conditions {
        expressions::match_conditions(errors, &hook.child("matchConditions"), false);
    }
    reviews(errors, &hook.child("admissionReviewVersions"), strictness.known_review);
}

fn selectors(errors: &mut ErrorList, hook: &Node<'_>, any_label_value: bool) {
    for field in ["namespaceSelector", "objectSelector"] {
        let path = hook.path.child(field);
        let options = LabelSelectorOptions { allow_invalid_label_value: any_label_value, ..Default::default() };
        errors.extend(validate_label_selector(hook.selector(field), options, &path));
    }
}

fn client(errors: &mut ErrorList, config: &Node<'_>) {
    match (config.has("url"), config.has("service")) {
        (true, false) => client_config::url(errors, &config.child("url")),
        (false, true) => {
            // Name and namespace are handed over in the wrong order, as in kube-apiserver.
            let service = config.child("service");
            client_config::service(errors, &service, service.text("name"), service.text("namespace"));
        }
        _ => errors.push(config.required("exactly one of url or service is required")),
    }
}

fn reviews(errors: &mut ErrorList, versions: &Node<'_>, must_be_known: bool) {
    let items = versions.items_here();
    if items.is_empty() {
        return errors.push(versions.required(format!("must specify one of {}", REVIEWS.join(", "))));
    }
    let mut seen: Vec<&str> = Vec::new();
    for version in &items {
        let version = version.clone().or_empty();
        if seen.contains(&version.as_str()) {
            errors.push(version.invalid("duplicate version"));
            continue;
        }
        seen.push(version.as_str());
        errors.extend(validation::is_dns1035_label(version.as_str()).into_iter().map(|text| version.invalid(text)));
    }
    if must_be_known && !seen.iter().any(|version| REVIEWS.contains(version)) {
        let detail = format!("must include at least one of {}", REVIEWS.join(", "));
        errors.push(Error::invalid(&versions.path, versions.shown(), detail));
    }
}
