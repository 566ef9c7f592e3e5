//! StorageClass and VolumeAttributesClass: what a volume is made with, and what it may be changed to.
//!
//! Go: pkg/apis/storage/validation/validation.go ValidateStorageClass, ValidateVolumeAttributesClass

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{
    meta::validation::validate_label_name,
    runtime::object::Object,
    util::validation::is_qualified_name,
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use crate::{
    node::Node,
    rules::{Rules, differs},
    validation::{immutable, node_label_deprecation, one_of_or_empty, required_text, supported},
};

/// A driver is given at most so many parameters, of at most so many bytes together.
const MOST_PARAMETERS: usize = 512;
const MOST_PARAMETER_BYTES: usize = 256 << 10;

const BINDING_MODES: [&str; 2] = ["Immediate", "WaitForFirstConsumer"];

pub(super) const STORAGE_CLASS: Rules = Rules {
    default: |class| {
        for (field, value) in [("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")] {
            if class.get(&[field]).is_none_or(Value::is_null) {
                class.set(&[field], value);
            }
        }
    },
    validate: validate_class,
    validate_update: |class, old| {
        let mut errors = validate_class(class);
        forbid_changes(&mut errors, class, old, &["parameters", "provisioner", "reclaimPolicy"]);
        let mode = |object| Node::of(object, "volumeBindingMode");
        immutable(&mut errors, &mode(class), &mode(old));
        errors
    },
    warnings_on_create: warnings,
    warnings_on_update: |class, _| warnings(class),
    ..Rules::PLAIN
};

pub(super) const ATTRIBUTES_CLASS: Rules = Rules {
    validate: validate_attributes,
    validate_update: |class, old| {
        let mut errors = validate_attributes(class);
        forbid_changes(&mut errors, class, old, &["driverName", "parameters"]);
        errors
    },
    ..Rules::PLAIN
};

/// Go: pkg/api/storage/util.go GetWarningsForStorageClass
fn warnings(class: &Object) -> Vec<String> {
    let terms = Node::of(class, "allowedTopologies").items_here();
    let keys = terms.iter().flat_map(|term| term.items("matchLabelExpressions")).map(|item| item.child("key"));
    keys.filter_map(|key| node_label_deprecation(&key.path, key.as_str())).collect()
}

fn forbid_changes(errors: &mut ErrorList, class: &Object, old: &Object, fields: &[&str]) {
    for field in fields.iter().filter(|field| differs(class, old, field)) {
        errors.push(Node::of(class, field).forbidden(format!("updates to {field} are forbidden.")));
    }
}

fn validate_class(class: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    provisioner(&mut errors, &Node::of(class, "provisioner"));
    parameters(&mut errors, &Node::of(class, "parameters"));
    one_of_or_empty(&mut errors, &Node::of(class, "reclaimPolicy"), &["Delete", "Retain"]);
    let mode = Node::of(class, "volumeBindingMode");
    if mode.is_set() {
        supported(&mut errors, &mode, &BINDING_MODES);
    } else {
        errors.push(mode.required(""));
    }
    allowed_topologies(&mut errors, &Node::of(class, "allowedTopologies"));
    errors
}

fn validate_attributes(class: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    provisioner(&mut errors, &Node::of(class, "driverName"));
    let parameters_node = Node::of(class, "parameters");
    if parameters_node.entries_here().is_empty() {
        errors.push(parameters_node.required("must contain at least one key/value pair"));
    }
    parameters(&mut errors, &parameters_node);
    errors
}

/// Go: validateProvisioner
fn provisioner(errors: &mut ErrorList, node: &Node<'_>) {
    required_text(errors, node);
    if !node.as_str().is_empty() {
        let lower = node.as_str().to_lowercase();
        errors
            .extend(is_qualified_name(&lower).into_iter().map(|text| Error::invalid(&node.path, lower.as_str(), text)));
    }
}

/// Go: validateParameters
fn parameters(errors: &mut ErrorList, node: &Node<'_>) {
    let entries = node.entries_here();
    if entries.len() > MOST_PARAMETERS {
        return errors.push(Error::too_long(&node.path, MOST_PARAMETERS));
    }
    if entries.iter().any(|(key, _)| key.is_empty()) {
        errors.push(Error::invalid(&node.path, "", "field can not be empty."));
    }
    if entries.iter().map(|(key, value)| key.len() + value.as_str().len()).sum::<usize>() > MOST_PARAMETER_BYTES {
        errors.push(Error::too_long(&node.path, MOST_PARAMETER_BYTES));
    }
}

/// Terms that say the same are refused. Kubernetes compares each with as many empty terms as there are terms, too,
/// so that one that says nothing is always a duplicate.
///
/// Go: validateAllowedTopologies
fn allowed_topologies(errors: &mut ErrorList, list: &Node<'_>) {
    let terms = list.items_here();
    let mut seen = vec![BTreeMap::new(); terms.len()];
    for term in terms {
        let meaning = topology_term(errors, &term);
        let duplicate = Error::duplicate(&term.path.child("matchLabelExpressions"), "");
        errors.extend(seen.iter().filter(|other| **other == meaning).map(|_| duplicate.clone()));
        seen.push(meaning);
    }
}

/// Checks a term and returns the values that it allows for each key.
///
/// Go: ValidateTopologySelectorTerm
fn topology_term<'a>(errors: &mut ErrorList, term: &Node<'a>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut meaning = BTreeMap::new();
    for requirement in term.items("matchLabelExpressions") {
        let mut values = BTreeSet::new();
        if requirement.len("values") == 0 {
            errors.push(requirement.child("values").required(""));
        }
        for value in requirement.items("values") {
            if !values.insert(value.as_str()) {
                errors.push(value.duplicate());
            }
        }
        let key = requirement.child("key");
        errors.extend(validate_label_name(key.as_str(), &key.path));
        if meaning.insert(key.as_str(), values).is_some() {
            errors.push(key.duplicate());
        }
    }
    meaning
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_term_that_says_nothing_is_a_duplicate() {
        let value = json!({"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": []}]});
        let mut class = Object::from_value(value).expect("an object");
        (STORAGE_CLASS.default)(&mut class);
        let errors = validate_class(&class);
        assert_eq!(errors.to_string(), "allowedTopologies[0].matchLabelExpressions: Duplicate value: \"\"");
    }
}
