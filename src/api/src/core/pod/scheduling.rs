//! Where a pod may run: affinity, tolerations, spreading, gates.
//!
//! Go: pkg/apis/core/validation/validation.go validateAffinity, ValidateTolerations, validateTopologySpreadConstraints

use apimachinery::{
    meta::validation as meta,
    util::validation,
    validation::field::{Error, ErrorList},
};

use crate::{
    node::Node,
    validation::{dns_label, each, label_selector, node_selector, node_selector_term, qualified_name, supported},
};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn affinity(errors: &mut ErrorList, affinity: &Node<'_>) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let nodes = affinity.child("nodeAffinity");
    if nodes.has(REQUIRED) {
        node_selector(errors, &nodes.child(REQUIRED));
    }
    for term in nodes.items(PREFERRED) {
        weight(errors, &term);
        node_selector_term(errors, &term.child("preference"));
    }
    for pods in [affinity.child("podAffinity"), affinity.child("podAntiAffinity")] {
        for term in pods.items(REQUIRED) {
            pod_term(errors, &term);
        }
        for term in pods.items(PREFERRED) {
            weight(errors, &term);
            pod_term(errors, &term.child("podAffinityTerm"));
        }
    }
}

fn weight(errors: &mut ErrorList, term: &Node<'_>) {
    let weight = term.child("weight");
    if !(1..=100).contains(&weight.as_int()) {
        errors.push(Error::invalid(&weight.path, weight.as_int(), "must be in the range 1-100"));
    }
}

/// Go: validatePodAffinityTerm
fn pod_term(errors: &mut ErrorList, term: &Node<'_>) {
    label_selector(errors, &term.child("labelSelector"));
    label_selector(errors, &term.child("namespaceSelector"));
    for namespace in term.items("namespaces") {
        dns_label(errors, &namespace.at(term.path.child("namespace")));
    }
    label_keys(errors, term);
    let topology = term.child("topologyKey");
    if topology.as_str().is_empty() {
        errors.push(topology.required("can not be empty"));
    }
    errors.extend(meta::validate_label_name(topology.as_str(), &topology.path));
}

/// Keys whose values are taken from the pod only narrow a selector that there is, and say what it does not say.
///
/// Go: ValidateMatchLabelKeysAndMismatchLabelKeys
fn label_keys(errors: &mut ErrorList, term: &Node<'_>) {
    for list in ["matchLabelKeys", "mismatchLabelKeys"] {
        if term.len(list) > 0 && !term.has("labelSelector") {
            errors.push(term.child(list).forbidden("must not be specified when labelSelector is not set"));
            continue;
        }
        for key in term.items(list) {
            errors.extend(meta::validate_label_name(key.as_str(), &key.path));
        }
    }
    let keys = term.texts("matchLabelKeys");
    // The selector has the keys already, each in an expression; another one says the same twice.
    let mut selected: Vec<&str> = term.entries("labelSelector.matchLabels").iter().map(|(key, _)| *key).collect();
    for expression in term.items("labelSelector.matchExpressions") {
        let key = expression.text("key");
        if let (Some(index), true) = (keys.iter().rposition(|known| *known == key), selected.contains(&key)) {
            let text = "exists in both matchLabelKeys and labelSelector";
            errors.push(Error::invalid(&term.path.index(index), key, text));
        }
        selected.push(key);
    }
    let others = term.texts("mismatchLabelKeys");
    for key in term.items("matchLabelKeys") {
        if others.contains(&key.as_str()) {
            errors.push(key.invalid("exists in both matchLabelKeys and mismatchLabelKeys"));
        }
    }
}

/// Go: ValidateTolerations
pub fn tolerations(errors: &mut ErrorList, list: &Node<'_>) {
    for toleration in list.items_here() {
        let (key, operator, effect) =
            (toleration.child("key"), toleration.child("operator"), toleration.child("effect"));
        let value = toleration.text("value");
        if !key.as_str().is_empty() {
            errors.extend(meta::validate_label_name(key.as_str(), &key.path));
        } else if operator.as_str() != "Exists" {
            let text = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(operator.invalid(text));
        }
        if toleration.has("tolerationSeconds") && effect.as_str() != "NoExecute" {
            errors.push(effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set"));
        }
        match operator.as_str() {
            "Equal" | "" => {
                let sentences = validation::is_valid_label_value(value);
                if !sentences.is_empty() {
                    errors.push(Error::invalid(&operator.path, value, sentences.join(";")));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    let text = "value must be empty when `operator` is 'Exists'";
                    errors.push(Error::invalid(&operator.path, value, text));
                }
            }
            "Lt" | "Gt" => errors.push(operator.not_supported(&["Equal", "Exists", "Lt", "Gt"])),
            _ => errors.push(operator.not_supported(&["Equal", "Exists"])),
        }
        if !effect.as_str().is_empty() {
            supported(errors, &effect, &EFFECTS);
        }
    }
}

/// Go: validateNodeTaints
pub fn taints(errors: &mut ErrorList, list: &Node<'_>) {
    let mut seen = Vec::new();
    for taint in list.items_here() {
        let (key, value, effect) = (taint.child("key"), taint.child("value"), taint.child("effect"));
        errors.extend(meta::validate_label_name(key.as_str(), &key.path));
        let sentences = validation::is_valid_label_value(value.as_str());
        if !sentences.is_empty() {
            errors.push(value.invalid(sentences.join(";")));
        }
        if effect.as_str().is_empty() {
            errors.push(effect.required(""));
        } else {
            supported(errors, &effect, &EFFECTS);
        }
        let identity = (key.as_str(), effect.as_str());
        if seen.contains(&identity) {
            let mut error = crate::validation::duplicate_struct(&taint, "Key Value Effect TimeAdded?");
            "taints must be unique by key and effect pair".clone_into(&mut error.detail);
            errors.push(error);
        } else {
            seen.push(identity);
        }
    }
}

pub(super) fn spread(errors: &mut ErrorList, list: &Node<'_>) {
    let constraints = list.items_here();
    for (index, constraint) in constraints.iter().enumerate() {
        let skew = constraint.child("maxSkew");
        if skew.as_int() <= 0 {
            errors.push(Error::invalid(&skew.path, skew.as_int(), "must be greater than zero"));
        }
        let topology = constraint.child("topologyKey");
        if topology.as_str().is_empty() {
            errors.push(topology.required("can not be empty"));
        }
        let action = constraint.child("whenUnsatisfiable").or_empty();
        supported(errors, &action, &["DoNotSchedule", "ScheduleAnyway"]);
        let same = |other: &Node<'_>| {
            other.text("topologyKey") == topology.as_str() && other.text("whenUnsatisfiable") == action.as_str()
        };
        if constraints[index + 1..].iter().any(same) {
            let path = constraint.path.child("{topologyKey, whenUnsatisfiable}");
            errors.push(Error::duplicate(&path, format!("{{{}, {}}}", topology.as_str(), action.as_str())));
        }
        let domains = constraint.child("minDomains");
        if domains.is_set() && domains.as_int() <= 0 {
            errors.push(domains.invalid("must be greater than zero"));
        }
        if domains.is_set() && action.as_str() != "DoNotSchedule" {
            let text = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", action.as_str());
            errors.push(domains.invalid(text));
        }
        for policy in [constraint.child("nodeAffinityPolicy"), constraint.child("nodeTaintsPolicy")] {
            if policy.is_set() {
                supported(errors, &policy, &["Honor", "Ignore"]);
            }
        }
        label_keys(errors, constraint);
        label_selector(errors, &constraint.child("labelSelector"));
    }
}

/// Go: validateReadinessGates, validateSchedulingGates
pub(super) fn gates(errors: &mut ErrorList, spec: &Node<'_>) {
    for gate in spec.items("readinessGates") {
        let kind = gate.child("conditionType").or_empty();
        qualified_name(errors, &kind);
    }
    let mut seen = Vec::new();
    for gate in spec.items("schedulingGates") {
        let name = gate.child("name").or_empty().at(gate.path.clone());
        each(errors, &name, validation::is_qualified_name(name.as_str()));
        if seen.contains(&name.as_str()) {
            errors.push(name.duplicate());
        }
        seen.push(name.as_str());
    }
}
