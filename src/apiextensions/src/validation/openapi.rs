//! The schema of a version: its root, and then node by node what OpenAPI offers and custom resources do not support.
//!
//! Go: validateCustomResourceDefinitionValidation, ValidateCustomResourceDefinitionOpenAPISchema

use api::node::Node;
use apimachinery::validation::field::{BadValue, Error, ErrorList, Path};
use serde_json::Value;

use super::{defaults, internal, lists, ratchet::Strictness, rules, structural};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// What may stand at the root if there is a `status` subresource: its schema is then cut out of `properties`, and
/// anything else at the root would be lost on it.
const AT_ROOT_WITH_STATUS: [&str; 22] = [
    "Description",
    "Type",
    "Format",
    "Title",
    "Maximum",
    "ExclusiveMaximum",
    "Minimum",
    "ExclusiveMinimum",
    "MaxLength",
    "MinLength",
    "Pattern",
    "MaxItems",
    "MinItems",
    "UniqueItems",
    "MultipleOf",
    "Required",
    "Items",
    "Properties",
    "ExternalDocs",
    "Example",
    "XPreserveUnknownFields",
    "XValidations",
];

/// Checks the schema of one version, or of all.
pub fn validate(
    errors: &mut ErrorList,
    holder: &Node<'_>,
    has_status: bool,
    strict_cost: bool,
    strictness: &Strictness,
) {
    let schema = holder.child("openAPIV3Schema");
    let Some(value) = schema.value else { return };
    let mut found = ErrorList::new();
    if has_status {
        root_with_status(&mut found, &schema);
    }
    if schema.flag("nullable") {
        found.push(schema.child("nullable").forbidden("nullable cannot be true at the root"));
    }
    let mut not_structural = None;
    let mut judge = None;
    if strictness.structural {
        let shape = structural::validate(&schema);
        if let Err(error) = structural::can_be(value) {
            not_structural = Some(Error::invalid(&schema.path, "", error));
        } else if !shape.is_empty() {
            found.extend(shape);
        } else {
            let unfit = defaults::validate(&schema, strictness);
            if unfit.is_empty() {
                judge = Some(rules::Judge::new(strict_cost));
            }
            found.extend(unfit);
        }
    }
    let mut walk =
        Walk { strictness, judge: judge.as_mut(), schema_errors: ErrorList::new(), rule_errors: ErrorList::new() };
    walk.node(&schema, &Place::root(), Some(&rules::Reach::root(value)));
    let Walk { schema_errors, rule_errors, .. } = walk;
    found.extend(schema_errors);
    found.extend(rule_errors);
    if found.is_empty() {
        found.extend(not_structural);
    }
    if let Some(judge) = judge {
        judge.total(&mut found, &schema.path);
    }
    errors.extend(found);
}

fn root_with_status(errors: &mut ErrorList, schema: &Node<'_>) {
    for field in internal::set_fields(schema.value.expect("the caller has a schema")) {
        if field == "Type" {
            if schema.text("type") != "object" {
                return errors.push(schema.child("type").invalid(
                    "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled",
                ));
            }
        } else if !AT_ROOT_WITH_STATUS.contains(&field) {
            let detail = format!(
                "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
                AT_ROOT_WITH_STATUS.join(" ")
            );
            let shown = BadValue::Text(internal::schema(schema.value));
            return errors.push(Error::invalid(&schema.path, shown, detail));
        }
    }
}

/// What the way to a node says about it.
#[derive(Clone, Default)]
struct Place {
    is_root: bool,
    /// Inside `apiVersion`, `kind` or `metadata`, of the object or of an embedded one.
    inside_metadata: bool,
    /// Why no default may stand here.
    no_defaults: Option<String>,
    /// The first ancestor whose old value cannot be told; rules below it cannot use `oldSelf`.
    uncorrelatable: Option<Path>,
}

impl Place {
    fn root() -> Self {
        Self { is_root: true, ..Self::default() }
    }

    fn below(&self) -> Self {
        Self { is_root: false, ..self.clone() }
    }

    fn uncorrelated(mut self, path: &Path) -> Self {
        self.uncorrelatable.get_or_insert_with(|| path.clone());
        self
    }
}

struct Walk<'a> {
    strictness: &'a Strictness,
    /// Compiles rules; absent if the schema is not fit for it.
    judge: Option<&'a mut rules::Judge>,
    schema_errors: ErrorList,
    rule_errors: ErrorList,
}

impl Walk<'_> {
    fn node(&mut self, schema: &Node<'_>, place: &Place, reach: Option<&rules::Reach<'_>>) {
        let before = self.schema_errors.len();
        standard(&mut self.schema_errors, schema, place, self.strictness);
        if schema.flag("uniqueItems") {
            self.schema_errors.push(
                schema
                    .child("uniqueItems")
                    .forbidden("uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
            );
        }
        self.fields(schema, place, reach);
        for field in ["allOf", "oneOf", "anyOf"] {
            schema.items(field).iter().for_each(|part| self.node(part, &place.below(), None));
        }
        for field in ["not", "definitions", "dependencies"] {
            let child = schema.child(field);
            match field {
                "not" if child.is_set() => self.node(&child, &place.below(), None),
                "not" => {}
                _ => child
                    .entries_here()
                    .iter()
                    .filter(|(_, node)| node.value.is_some_and(Value::is_object))
                    .for_each(|(_, node)| self.node(node, &place.below(), None)),
            }
        }
        self.items(schema, place, reach);
        lists::validate(&mut self.schema_errors, schema, self.strictness);
        rules::texts(&mut self.schema_errors, schema);
        let sound = self.schema_errors.len() == before;
        if let (true, Some(judge), Some(reach)) =
            (sound && schema.len("x-kubernetes-validations") > 0, &mut self.judge, reach)
        {
            judge.node(&mut self.rule_errors, schema, reach, place.uncorrelatable.as_ref());
        }
    }

    /// `properties` and `additionalProperties`.
    fn fields(&mut self, schema: &Node<'_>, place: &Place, reach: Option<&rules::Reach<'_>>) {
        let additional = schema.child("additionalProperties");
        if additional.is_set() {
            if schema.len("properties") > 0 && additional.value != Some(&Value::Bool(true)) {
                self.schema_errors
                    .push(additional.forbidden("additionalProperties and properties are mutual exclusive"));
            }
            let mut below = place.below();
            if place.inside_metadata {
                below.no_defaults = Some("inside additionalProperties applying to object metadata".to_owned());
            }
            if additional.value.is_some_and(Value::is_object) {
                self.node(&additional, &below, reach.map(rules::Reach::values).as_ref());
            }
        }
        let is_resource = place.is_root || schema.flag("x-kubernetes-embedded-resource");
        for (name, property) in schema.entries("properties") {
            let mut below = place.below();
            if schema.text("x-kubernetes-map-type") == "atomic" {
                below = below.uncorrelated(&schema.path);
            }
            if is_resource && matches!(name, "apiVersion" | "kind" | "metadata") {
                below.inside_metadata = true;
                if place.is_root {
                    below.no_defaults = Some(format!("in top-level {name}"));
                }
            }
            self.node(&property, &below, reach.map(|reach| reach.property(name)).as_ref());
        }
    }

    fn items(&mut self, schema: &Node<'_>, place: &Place, reach: Option<&rules::Reach<'_>>) {
        let items = schema.child("items");
        let mut below = place.below();
        // Only the items of a list-map have an old value of their own.
        if schema.text("x-kubernetes-list-type") != "map" {
            below = below.uncorrelated(&schema.path);
        }
        match items.value {
            Some(Value::Array(_)) => items.items_here().iter().for_each(|item| self.node(item, &below, None)),
            Some(_) => self.node(&items, &below, reach.map(rules::Reach::items).as_ref()),
            None => {}
        }
    }
}

/// What OpenAPI knows and this server does not. Go: specStandardValidatorV3.validate
fn standard(errors: &mut ErrorList, schema: &Node<'_>, place: &Place, strictness: &Strictness) {
    if strictness.valid_types && schema.value.is_some_and(|schema| !is_known_type(schema)) {
        errors.push(schema.child("type").not_supported(&TYPES));
    }
    if let (true, Some(reason)) = (schema.has("default"), &place.no_defaults) {
        errors.push(schema.child("default").forbidden(format!("must not be set {reason}")));
    }
    let is_empty = |field: &str| match schema.get(field) {
        None => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Object(entries)) => entries.is_empty(),
        Some(_) => false,
    };
    let whenever_set = |field: &str| !schema.has(field);
    type IsAbsent<'a> = &'a dyn Fn(&str) -> bool;
    let refused: [(&str, IsAbsent<'_>); 6] = [
        ("id", &is_empty),
        ("additionalItems", &whenever_set),
        ("patternProperties", &is_empty),
        ("definitions", &is_empty),
        ("dependencies", &whenever_set),
        ("$ref", &whenever_set),
    ];
    for (field, is_absent) in refused {
        if !is_absent(field) {
            errors.push(Error::forbidden(&schema.path.child(field), format!("{field} is not supported")));
        }
    }
    if schema.text("type") == "null" {
        errors.push(schema.child("type").forbidden("type cannot be set to null, use nullable as an alternative"));
    }
    if schema.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
        errors.push(schema.child("items").forbidden("items must be a schema object and not an array"));
    }
    if place.inside_metadata && schema.flag("x-kubernetes-embedded-resource") {
        errors
            .push(schema.child("x-kubernetes-embedded-resource").forbidden("must not be used inside of resource meta"));
    }
}

/// Says whether a node's type is one of OpenAPI's, or none.
pub fn is_known_type(schema: &Value) -> bool {
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    kind.is_empty() || TYPES.contains(&kind)
}

/// Says whether a node uses an extension that needs a structural schema. Go: schemaHasKubernetesExtensions
pub fn has_extensions(schema: &Value) -> bool {
    let node = Node::root(schema);
    node.flag("x-kubernetes-embedded-resource")
        || node.flag("x-kubernetes-int-or-string")
        || node.has("x-kubernetes-preserve-unknown-fields")
        || node.has("x-kubernetes-list-type")
        || node.len("x-kubernetes-list-map-keys") > 0
        || node.len("x-kubernetes-validations") > 0
}

/// Says whether something holds of every node of a schema. Go: SchemaHas
pub fn every(schema: &Value, holds: &mut dyn FnMut(&Value) -> bool) -> bool {
    const SINGLE: [&str; 4] = ["items", "additionalProperties", "additionalItems", "not"];
    const MAPS: [&str; 4] = ["properties", "patternProperties", "definitions", "dependencies"];
    const LISTS: [&str; 4] = ["items", "allOf", "anyOf", "oneOf"];
    if !holds(schema) {
        return false;
    }
    let single = SINGLE.iter().filter_map(|field| schema.get(*field));
    let maps = MAPS.iter().filter_map(|field| schema.get(*field)?.as_object()).flat_map(|map| map.values());
    let lists = LISTS.iter().filter_map(|field| schema.get(*field)?.as_array()).flatten();
    single.chain(maps).chain(lists).filter(|child| child.is_object()).all(|child| every(child, holds))
}
