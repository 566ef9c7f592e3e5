//! What may change of a pod that is there.
//!
//! Go: pkg/apis/core/validation/validation.go ValidatePodUpdate, ValidatePodStatusUpdate, ValidatePodResize

use apimachinery::{
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::{
    resources, security,
    strategy::{trimmed_image, validate_pod},
};
use crate::{diff::diff, gostruct, node::Node, rules::same, validation::required_text};

const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be \
    set to 1 if it was previously negative)";
const MIRROR: &str = "kubernetes.io/config.mirror";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

pub(super) fn validate(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_pod(object);
    annotations(&mut errors, object, old);
    let (new_spec, old_spec) = (Node::of(object, "spec"), Node::of(old, "spec"));
    for list in ["containers", "initContainers"] {
        if new_spec.len(list) != old_spec.len(list) {
            errors.push(new_spec.child(list).forbidden("pod updates may not add or remove containers"));
            return errors;
        }
        for container in new_spec.items(list) {
            required_text(&mut errors, &container.child("image"));
            trimmed_image(&mut errors, &container);
        }
    }
    if !deadline(&mut errors, &new_spec, &old_spec) {
        return errors;
    }
    only_added_tolerations(&mut errors, &new_spec, &old_spec);
    only_deleted_gates(&mut errors, &new_spec, &old_spec);
    if same(new_spec.value, old_spec.value) {
        return errors;
    }
    let munged = munge(&mut errors, &new_spec, &old_spec);
    if !same(Some(&munged), old_spec.value) {
        let difference = diff(old_spec.value, Some(&munged));
        let text = format!("pod updates may not change fields other than {UPDATABLE}\n{difference}");
        errors.push(new_spec.forbidden(text));
    }
    errors
}

/// The deadline may come nearer. Says whether it makes sense to go on.
fn deadline(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) -> bool {
    let deadline = new.child("activeDeadlineSeconds");
    match (new.opt_int("activeDeadlineSeconds"), old.opt_int("activeDeadlineSeconds")) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            errors.push(deadline.invalid("must be between 0 and 2147483647, inclusive"));
            false
        }
        (Some(new), Some(old)) if old < new => {
            errors.push(deadline.invalid("must be less than or equal to previous value"));
            false
        }
        (None, Some(_)) => {
            let text = "must not update from a positive integer to nil value";
            errors.push(Error::invalid(&deadline.path, Value::Null, text));
            true
        }
        _ => true,
    }
}

fn only_added_tolerations(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) {
    let without_seconds = |toleration: &Node<'_>| {
        let mut value = toleration.value.cloned().unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("tolerationSeconds");
        }
        value
    };
    let present: Vec<Value> = new.items("tolerations").iter().map(without_seconds).collect();
    for toleration in old.items("tolerations") {
        if !present.contains(&without_seconds(&toleration)) {
            let text = "existing toleration can not be modified except its tolerationSeconds";
            errors.push(new.child("tolerations").forbidden(text));
        }
    }
}

fn only_deleted_gates(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) {
    let gates = old.items("schedulingGates");
    let known: Vec<&str> = gates.iter().map(|gate| gate.text("name")).collect();
    for gate in new.items("schedulingGates") {
        let name = gate.text("name");
        if !known.contains(&name) {
            let text = format!("only deletion is allowed, but found new scheduling gate '{name}'");
            errors.push(gate.child("name").forbidden(text));
        }
    }
}

/// Returns the new spec with its allowed changes undone.
fn munge(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) -> Value {
    let mut munged = new.value.cloned().unwrap_or_default();
    let put = |munged: &mut Value, field: &str| match old.get(field) {
        Some(value) => munged[field] = value.clone(),
        None => drop(munged.as_object_mut().and_then(|fields| fields.remove(field))),
    };
    for list in ["containers", "initContainers"] {
        for (index, container) in old.items(list).iter().enumerate() {
            munged[list][index]["image"] = json!(container.text("image"));
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        put(&mut munged, field);
    }
    if old.int("terminationGracePeriodSeconds") < 0 && new.int("terminationGracePeriodSeconds") == 1 {
        put(&mut munged, "terminationGracePeriodSeconds");
    }
    if old.len("schedulingGates") == 0 {
        return munged;
    }
    // While a pod is held back, where it may run may still be narrowed.
    if !same(new.get("nodeSelector"), old.get("nodeSelector")) {
        let kept = |(key, value): &(&str, Node<'_>)| new.child("nodeSelector").key(key).value == value.value;
        if !old.entries("nodeSelector").iter().all(kept) {
            let selector = new.child("nodeSelector");
            let text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            errors.push(Error::invalid(&selector.path, selector.shown(), text));
        }
        put(&mut munged, "nodeSelector");
    }
    if !same(new.get("affinity.nodeAffinity"), old.get("affinity.nodeAffinity")) {
        narrowed(errors, &new.child("affinity.nodeAffinity"), &old.child("affinity.nodeAffinity"));
        match (old.get("affinity.nodeAffinity"), munged.get_mut("affinity")) {
            (Some(affinity), Some(munged)) if munged.is_object() => munged["nodeAffinity"] = affinity.clone(),
            (Some(affinity), _) => munged["affinity"] = json!({ "nodeAffinity": affinity }),
            (None, Some(munged)) => drop(munged.as_object_mut().and_then(|fields| fields.remove("nodeAffinity"))),
            (None, None) => {}
        }
        if old.get("affinity").is_none() && munged["affinity"].as_object().is_some_and(serde_json::Map::is_empty) {
            put(&mut munged, "affinity");
        }
    }
    munged
}

/// Go: validateNodeAffinityMutation
fn narrowed(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) {
    if !old.has(REQUIRED) {
        return;
    }
    let terms = new.child(REQUIRED).child("nodeSelectorTerms");
    let old_terms = old.child(REQUIRED).items("nodeSelectorTerms");
    let new_terms = terms.items_here();
    if !old_terms.is_empty() && old_terms.len() != new_terms.len() {
        let text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        let shown = terms.is_set().then(|| new_terms.iter().map(|term| shown_term(term).to_string()));
        let shown = shown.map_or("null".to_owned(), |terms| format!("[{}]", terms.collect::<Vec<_>>().join(",")));
        return errors.push(Error::invalid(&terms.path, BadValue::Text(shown), text));
    }
    for (new, old) in new_terms.iter().zip(&old_terms) {
        let only_adds = |list: &str| {
            let (new, old) = (new.items(list), old.items(list));
            new.len() >= old.len() && old.iter().zip(&new).all(|(old, new)| same(old.value, new.value))
        };
        let was_empty = old.len("matchExpressions") == 0 && old.len("matchFields") == 0;
        let is_empty = new.len("matchExpressions") == 0 && new.len("matchFields") == 0;
        if (was_empty && !is_empty) || !only_adds("matchExpressions") || !only_adds("matchFields") {
            let text = "only additions are allowed (no mutations or deletions)";
            errors.push(Error::invalid(&new.path, shown_term(new), text));
        }
    }
}

fn shown_term(term: &Node<'_>) -> BadValue {
    gostruct::shown(term.value, "io.k8s.api.core.v1.NodeSelectorTerm")
}

/// Go: ValidatePodSpecificAnnotationUpdates
pub(super) fn annotations(errors: &mut ErrorList, object: &Object, old: &Object) {
    const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
    let path = Path::new("metadata").child("annotations");
    let (new, old) = (object.annotations(), old.annotations());
    let mut refuse = |key: &str, verb: &str| {
        if key.starts_with(APP_ARMOR) {
            errors.push(Error::forbidden(&path.key(key), format!("may not {verb} AppArmor annotations")));
        }
        if key == MIRROR {
            errors.push(Error::forbidden(&path.key(key), format!("may not {verb} mirror pod annotation")));
        }
    };
    for (key, value) in &old {
        if new.get(key) != Some(value) {
            refuse(key, "remove or update");
        }
    }
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        refuse(key, "add");
    }
}

fn is_static(object: &Object) -> bool {
    let source = object.str(&["metadata", "annotations", "kubernetes.io/config.source"]);
    !matches!(source, "" | "api") || object.annotations().contains_key(MIRROR)
}

pub(super) fn validate_ephemeral_containers(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_pod(object);
    annotations(&mut errors, object, old);
    if is_static(old) {
        let text = "static pods do not support ephemeral containers";
        return vec![Error::forbidden(&Path::default().key(""), text)].into();
    }
    let list = Node::of(object, "spec.ephemeralContainers");
    for container in Node::of(old, "spec.ephemeralContainers").items_here() {
        let name = container.text("name");
        match list.items_here().into_iter().find(|new| new.text("name") == name) {
            None => {
                let text = format!("existing ephemeral containers {name:?} may not be removed\n");
                errors.push(list.forbidden(text));
            }
            Some(new) if !same(new.value, container.value) => {
                let difference = diff(container.value, new.value);
                let text = format!("existing ephemeral containers {name:?} may not be changed\n{difference}");
                errors.push(list.forbidden(text));
            }
            Some(_) => {}
        }
    }
    errors
}

pub(super) fn validate_resize(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_pod(object);
    let (new_spec, old_spec) = (Node::of(object, "spec"), Node::of(old, "spec"));
    let whole = Path::default().key("");
    if is_static(old) {
        return vec![Error::forbidden(&whole, "static pods cannot be resized")].into();
    }
    if old_spec.value.is_some_and(security::is_windows) {
        return vec![Error::forbidden(&whole, "windows pods cannot be resized")].into();
    }
    let (before, after) = (old.str(&["status", "qosClass"]), new_spec.value.map(resources::qos_class));
    if after != Some(before) {
        let text = "Pod QOS Class may not change as a result of resizing";
        errors.push(Error::invalid(&new_spec.path, before, text));
    }
    for list in ["containers", "initContainers"] {
        let names = |spec: &Node<'_>| -> Vec<String> {
            spec.items(list).iter().map(|container| container.text("name").to_owned()).collect()
        };
        let (new, old) = (names(&new_spec), names(&old_spec));
        if new != old {
            let verb = if new.len() == old.len() { "renamed or reordered" } else { "added or removed" };
            errors.push(new_spec.child(list).forbidden(format!("{list} may not be {verb} on resize")));
            return errors;
        }
    }
    let running = Node::of(old, "status").items("containerStatuses");
    // A node that cannot resize does not report what containers have.
    if running.iter().find(|status| status.has("state.running")).is_some_and(|status| !status.has("resources")) {
        errors.push(new_spec.forbidden("Pod running on node without support for resize"));
    }
    only_cpu_and_memory(&mut errors, &new_spec, &old_spec);
    errors
}

/// What else than cpu and memory a resize changes: of containers, of sidecars, and of those that only run at first.
fn only_cpu_and_memory(errors: &mut ErrorList, new_spec: &Node<'_>, old_spec: &Node<'_>) {
    let (new, old) = (without_cpu_and_memory(new_spec), without_cpu_and_memory(old_spec));
    let before = errors.len();
    for list in ["containers", "initContainers"] {
        let at = |spec: &Value, index: usize| spec.get(list).and_then(|list| list.get(index)).cloned();
        for (index, container) in old_spec.items(list).iter().enumerate() {
            let is_sidecar = container.text("restartPolicy") == "Always";
            let (is_same, text) = match (list, is_sidecar) {
                ("initContainers", false) => (
                    same(new_spec.child(list).index(index).value, container.value),
                    "resources for non-sidecar init containers are immutable",
                ),
                ("initContainers", true) => (
                    same(at(&new, index).as_ref(), at(&old, index).as_ref()),
                    "only cpu and memory resources for sidecar containers are mutable",
                ),
                _ => (
                    same(at(&new, index).as_ref(), at(&old, index).as_ref()),
                    "only cpu and memory resources are mutable",
                ),
            };
            if !is_same {
                errors.push(new_spec.forbidden(text));
            }
        }
    }
    if errors.len() == before && !same(Some(&new), Some(&old)) {
        errors.push(new_spec.forbidden("only cpu and memory resources are mutable"));
    }
}

/// A spec without what a resize may change.
fn without_cpu_and_memory(spec: &Node<'_>) -> Value {
    let mut spec = spec.value.cloned().unwrap_or_default();
    let strip = |holder: &mut Value| {
        for kind in ["requests", "limits"] {
            if let Some(amounts) =
                holder.get_mut("resources").and_then(|r| r.get_mut(kind)).and_then(Value::as_object_mut)
            {
                amounts.remove("cpu");
                amounts.remove("memory");
            }
            // What is empty now was not there perhaps.
            if let Some(resources) = holder.get_mut("resources").and_then(Value::as_object_mut)
                && resources.get(kind).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
            {
                resources.remove(kind);
            }
        }
        if let Some(fields) = holder.as_object_mut() {
            fields.remove("resizePolicy");
            if fields.get("resources").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
                fields.remove("resources");
            }
        }
    };
    strip(&mut spec);
    for list in ["containers", "initContainers"] {
        crate::defaults::items(&mut spec, list).for_each(strip);
    }
    spec
}
