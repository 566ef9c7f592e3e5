//! Names: of the group, of the resource and its kinds.
//!
//! Go: ValidateCustomResourceDefinitionNames

use api::node::Node;
use apimachinery::{
    util::validation,
    validation::field::{Error, ErrorList},
};

const KINDS: &str = "may have mixed case, but should otherwise match: ";

/// Checks names that are there, in `spec.names` and in `status.acceptedNames`.
pub fn well_formed(errors: &mut ErrorList, names: &Node<'_>) {
    for field in ["plural", "singular"] {
        label(errors, &names.child(field), "");
    }
    for field in ["kind", "listKind"] {
        label(errors, &names.child(field), KINDS);
    }
    // An empty short name or category is refused, for it was written; an empty plural may be missing.
    for field in ["shortNames", "categories"] {
        for name in names.items(field) {
            let sentences = validation::is_dns1035_label(name.as_str());
            if !sentences.is_empty() {
                errors.push(name.or_empty().invalid(sentences.join(",")));
            }
        }
    }
    if !names.text("kind").is_empty() && names.text("kind") == names.text("listKind") {
        errors.push(names.child("listKind").invalid("kind and listKind may not be the same"));
    }
}

/// Requires the names that a definition must give.
pub fn required(errors: &mut ErrorList, names: &Node<'_>) {
    for field in ["plural", "singular", "kind", "listKind"] {
        if names.text(field).is_empty() {
            errors.push(names.child(field).required(""));
        }
    }
}

/// Checks the group, which must be a domain.
pub fn group(errors: &mut ErrorList, group: &Node<'_>) {
    let sentences = validation::is_dns1123_subdomain(group.as_str());
    if group.as_str().is_empty() {
        errors.push(group.required(""));
    } else if !sentences.is_empty() {
        errors.push(group.invalid(sentences.join(",")));
    } else if !group.as_str().contains('.') {
        errors.push(group.invalid("should be a domain with at least one dot"));
    }
}

fn label(errors: &mut ErrorList, name: &Node<'_>, prefix: &str) {
    let lower = if prefix.is_empty() { name.as_str().to_owned() } else { name.as_str().to_lowercase() };
    let sentences = validation::is_dns1035_label(&lower);
    if !lower.is_empty() && !sentences.is_empty() {
        errors.push(Error::invalid(&name.path, name.as_str(), format!("{prefix}{}", sentences.join(","))));
    }
}
