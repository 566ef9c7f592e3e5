//! The versions of a definition, and those in which objects may be stored.
//!
//! Go: validateCustomResourceDefinitionVersion, ValidateCustomResourceDefinitionStoredVersions

use api::node::Node;
use apimachinery::{
    util::{strconv, validation},
    validation::field::{BadValue, Error, ErrorList},
};

use super::{columns, internal, openapi, ratchet::Strictness};

/// Checks every version and what they must be together.
pub fn validate(errors: &mut ErrorList, spec: &Node<'_>, strictness: &Strictness) {
    let versions = spec.items("versions");
    let own_subresources = versions.iter().any(|version| version.has("subresources"));
    for version in &versions {
        let name = version.child("name").or_empty();
        dns_label(errors, &name);
        let has_status = if own_subresources { version } else { spec }.has("subresources.status");
        validate_one(errors, version, has_status, strictness);
    }
    let list = spec.child("versions");
    let mut whole = |detail: &str| {
        errors.push(Error::invalid(&list.path, BadValue::Text(internal::versions(list.value)), detail));
    };
    let mut names: Vec<&str> = versions.iter().map(|version| version.text("name")).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        whole("must contain unique version names");
    }
    if versions.iter().filter(|version| version.flag("storage")).count() != 1 {
        whole("must have exactly one version marked as storage version");
    }
    let first = spec.child("version");
    if !first.as_str().is_empty() {
        dns_label(errors, &first);
    }
}

fn dns_label(errors: &mut ErrorList, name: &Node<'_>) {
    let sentences = validation::is_dns1035_label(name.as_str());
    if !sentences.is_empty() {
        errors.push(name.invalid(sentences.join(",")));
    }
}

fn validate_one(errors: &mut ErrorList, version: &Node<'_>, has_status: bool, strictness: &Strictness) {
    deprecation(errors, version);
    let strict_cost = !strictness.tolerates_cost(version.text("name"));
    openapi::validate(errors, &version.child("schema"), has_status, strict_cost, strictness);
    columns::subresources(errors, &version.child("subresources"));
    columns::printer_columns(errors, &version.child("additionalPrinterColumns"));
    if version.len("selectableFields") == 0 {
        return;
    }
    let fields = version.child("selectableFields");
    match version.get("schema.openAPIV3Schema") {
        // The sentence says the opposite of what it means, in kube-apiserver, too.
        None => errors.push(Error::invalid(
            &fields.path,
            "",
            "may only be set when `version.schema.openAPIV3Schema` is not included",
        )),
        Some(schema) => {
            let may_be_many = columns::may_be_many(strictness, version.text("name"));
            columns::selectable_fields(errors, &fields, schema, may_be_many);
        }
    }
}

/// Go: validateDeprecationWarning
fn deprecation(errors: &mut ErrorList, version: &Node<'_>) {
    let warning = version.child("deprecationWarning");
    if !warning.is_set() {
        return;
    }
    if !version.flag("deprecated") {
        return errors.push(warning.invalid("can only be set for deprecated versions"));
    }
    let text = warning.as_str();
    if text.len() > 256 {
        errors.push(warning.invalid("must be <= 256 characters long"));
    }
    if text.is_empty() {
        errors.push(warning.invalid("must not be an empty string"));
    }
    if let Some((index, _)) = text.char_indices().find(|(_, char)| !strconv::is_print(*char)) {
        errors.push(warning.invalid(format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        )));
    }
}

/// Checks the versions in which objects may be stored: the present one, and none that is gone.
pub fn stored(errors: &mut ErrorList, stored: &Node<'_>, spec: &Node<'_>) {
    let names: Vec<&str> = stored.items_here().iter().map(Node::as_str).collect();
    if names.is_empty() {
        return errors.push(Error::invalid(&stored.path, stored.shown(), "must have at least one stored version"));
    }
    // A name is found once: a second version of that name does not count as stored.
    let mut left: Vec<&str> = names.clone();
    for version in spec.items("versions") {
        let name = version.text("name");
        let found = left.iter().position(|stored| *stored == name);
        if version.flag("storage") && found.is_none() {
            errors.push(stored.invalid(format!("must have the storage version {name}")));
        }
        if found.is_some() {
            left.retain(|stored| *stored != name);
        }
    }
    for (index, name) in names.iter().enumerate() {
        if left.contains(name) && !names[index + 1..].contains(name) {
            errors.push(stored.index(index).invalid(format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
                 until a storage migration ensures no data remains persisted in {name} and removes {name} from \
                 status.storedVersions"
            )));
        }
    }
}
