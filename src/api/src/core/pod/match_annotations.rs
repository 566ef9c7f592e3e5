//! Profiles that a new pod names twice, by an annotation of old and by a field, must be the same.
//!
//! Go: pkg/apis/core/validation/validation.go validateSeccompAnnotationsAndFields,
//! validateAppArmorAnnotationsAndFieldsMatchOnCreate

use std::collections::BTreeMap;

use apimachinery::{meta::object_meta::ObjectMeta, validation::field::ErrorList};

use super::{security, warnings};
use crate::node::Node;

/// What kind of profile it is.
struct Kind {
    /// As errors name it.
    name: &'static str,
    /// The field.
    field: &'static str,
    /// What annotations say for the default of the runtime.
    defaults: &'static [&'static str],
}

const SECCOMP: Kind =
    Kind { name: "seccomp", field: "seccompProfile", defaults: &["runtime/default", "docker/default"] };
const APP_ARMOR: Kind = Kind { name: "apparmor", field: "appArmorProfile", defaults: &["runtime/default"] };

/// Checks a pod, or a template.
pub(super) fn check(errors: &mut ErrorList, metadata: ObjectMeta<'_>, spec: &Node<'_>) {
    let annotations: BTreeMap<&str, &str> = metadata.annotations().collect();
    let mut compare = |kind: &Kind, key: &str, holder: &Node<'_>| {
        let profile = holder.child("securityContext").child(kind.field);
        if let (true, Some(annotation)) = (profile.is_set(), annotations.get(key).copied()) {
            agree(errors, kind, annotation, &profile);
        }
    };
    compare(&SECCOMP, warnings::SECCOMP_POD, spec);
    let containers = ["initContainers", "containers", "ephemeralContainers"].map(|list| spec.items(list)).concat();
    for container in &containers {
        compare(&SECCOMP, &format!("{}{}", warnings::SECCOMP_CONTAINER, container.text("name")), container);
    }
    if spec.value.is_some_and(security::is_windows) {
        return;
    }
    for container in &containers {
        compare(&APP_ARMOR, &format!("{}{}", warnings::APP_ARMOR, container.text("name")), container);
    }
}

fn agree(errors: &mut ErrorList, kind: &Kind, annotation: &str, profile: &Node<'_>) {
    let is_same_type = match profile.text("type") {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => kind.defaults.contains(&annotation),
        "Localhost" => match annotation.strip_prefix("localhost/") {
            Some(local) if Some(local) != profile.get("localhostProfile").and_then(|name| name.as_str()) => {
                let text = format!("{} profile in annotation and field must match", kind.name);
                return errors.push(profile.child("localhostProfile").forbidden(text));
            }
            local => local.is_some(),
        },
        _ => true,
    };
    if !is_same_type {
        let text = format!("{} type in annotation and field must match", kind.name);
        errors.push(profile.child("type").forbidden(text));
    }
}
