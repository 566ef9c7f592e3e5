//! `spec`: everything but metadata and status.
//!
//! Go: validateCustomResourceDefinitionSpec

use api::{node::Node, validation};
use apimachinery::validation::field::{BadValue, Error, ErrorList};

use super::{
    columns, conversion, names, openapi,
    ratchet::{self, Strictness},
    versions,
};

/// Checks a spec in its internal form.
pub fn validate(errors: &mut ErrorList, spec: &Node<'_>, strictness: &Strictness) {
    names::group(errors, &spec.child("group"));
    validation::one_of(errors, &spec.child("scope").or_empty(), &["Cluster", "Namespaced"]);
    let strictness = tightened(errors, spec, strictness);
    versions::validate(errors, spec, &strictness);
    names::required(errors, &spec.child("names"));
    names::well_formed(errors, &spec.child("names"));
    let strict_cost = !strictness.tolerates_cost(spec.text("version"));
    let has_status = has_status(spec);
    openapi::validate(errors, &spec.child("validation"), has_status, strict_cost, &strictness);
    columns::subresources(errors, &spec.child("subresources"));
    columns::printer_columns(errors, &spec.child("additionalPrinterColumns"));
    selectable_fields(errors, spec, &strictness);
    conversion::validate(errors, spec, &strictness);
}

/// What may never change, and what may not once the definition is established.
///
/// Go: validateCustomResourceDefinitionSpecUpdate
pub fn immutable(errors: &mut ErrorList, spec: &Node<'_>, old: &Node<'_>, strictness: &Strictness) {
    let established: &[&str] = if strictness.immutable_names { &["scope", "names.kind"] } else { &[] };
    for field in established.iter().chain(&["group", "names.plural"]) {
        validation::immutable(errors, &spec.child(field).or_empty(), &old.child(field).or_empty());
    }
}

/// Pruning, defaults and extensions need structural schemas, whatever the old object was.
fn tightened(errors: &mut ErrorList, spec: &Node<'_>, strictness: &Strictness) -> Strictness {
    let preserves = spec.flag("preserveUnknownFields");
    let mut strictness = strictness.clone();
    strictness.structural |= !preserves;
    let shared = spec.has("validation.openAPIV3Schema");
    for version in spec.items("versions") {
        let schema = version.child("schema.openAPIV3Schema");
        if shared || schema.is_set() {
            continue;
        }
        if strictness.schema {
            errors.push(schema.required(""));
        } else if !preserves && version.flag("served") {
            errors.push(schema.required("because otherwise all fields are pruned"));
        }
    }
    let has = |wanted: fn(&serde_json::Value) -> bool| {
        ratchet::schemas(spec).iter().any(|(_, schema)| !openapi::every(schema, &mut |node| !wanted(node)))
    };
    if has(|schema| schema.get("default").is_some_and(|default| !default.is_null())) {
        strictness.structural = true;
        if preserves {
            let path = spec.path.child("preserveUnknownFields");
            errors.push(Error::invalid(&path, true, "must be false in order to use defaults in the schema"));
        }
    }
    strictness.structural |= has(openapi::has_extensions);
    strictness
}

fn has_status(spec: &Node<'_>) -> bool {
    let has = |node: &Node<'_>| node.has("subresources.status");
    has(spec) || spec.items("versions").iter().any(has)
}

fn selectable_fields(errors: &mut ErrorList, spec: &Node<'_>, strictness: &Strictness) {
    let fields = spec.child("selectableFields");
    if spec.len("selectableFields") == 0 {
        return;
    }
    match spec.get("validation.openAPIV3Schema") {
        None => errors.push(Error::invalid(
            &fields.path,
            BadValue::from(""),
            "may only be set when validations.schema is included",
        )),
        Some(schema) => columns::selectable_fields(errors, &fields, schema, columns::may_be_many(strictness, "")),
    }
}
