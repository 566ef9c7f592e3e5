//! How strict an update is: no stricter than what the old object already met.
//!
//! Rules were added over the years. A definition that was stored before one of them existed must still be updatable, so
//! each such rule holds only if the old object obeys it.
//!
//! Go: validationOptions, ValidateCustomResourceDefinitionUpdate

use api::{admissionregistration::client_config, node::Node, rules};
use apimachinery::validation::field::{ErrorList, Path};
use serde_json::Value;

use super::{columns, conversion, lists, openapi, structural};

/// Which rules hold.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a rule of its own, as in Go")]
pub struct Strictness {
    /// A webhook must speak a version of ConversionReview that this server knows.
    pub recognized_review_version: bool,
    /// Scope and kind may not change: the definition is established.
    pub immutable_names: bool,
    /// Every version needs a schema.
    pub schema: bool,
    /// Types are those of OpenAPI.
    pub valid_types: bool,
    /// Schemas are structural.
    pub structural: bool,
    /// The items of a set are atomic.
    pub atomic_sets: bool,
    /// Keys of list-maps are there, and items are not null.
    pub list_map_keys: bool,
    /// Defaults have no unknown fields.
    pub pruned_defaults: bool,
    /// A webhook's CA bundle need not be one.
    pub any_ca_bundle: bool,
    /// Versions whose schema did not change; what their rules cost was accepted before.
    pub unchanged_schemas: Vec<String>,
    /// Versions (`""`: all) that had too many selectable fields before and still have the same.
    pub many_selectable_fields: Vec<String>,
}

impl Strictness {
    /// What a new definition must meet.
    pub fn full() -> Self {
        Self {
            recognized_review_version: true,
            schema: true,
            valid_types: true,
            structural: true,
            atomic_sets: true,
            list_map_keys: true,
            pruned_defaults: true,
            // Nobody is converted through it before the definition is established.
            any_ca_bundle: true,
            ..Self::default()
        }
    }

    /// What a definition must meet that was `old` before, both in their internal form.
    pub fn after(old: &Value, new: &Value) -> Self {
        let root = Node::root(old);
        let (spec, conditions) = (root.child("spec"), root.items("status.conditions"));
        let is_true = |condition: &Node<'_>| condition.text("status") == "True";
        let established =
            conditions.iter().any(|condition| condition.text("type") == "Established" && is_true(condition));
        let schemas = schemas(&spec);
        let every =
            |rule: fn(&Value) -> bool| schemas.iter().all(|(_, schema)| openapi::every(schema, &mut |s| rule(s)));
        let old_conversion = spec.child("conversion");
        let reviews = old_conversion.texts("conversionReviewVersions");
        Self {
            recognized_review_version: reviews.is_empty() || reviews.iter().any(|v| conversion::is_recognized(v)),
            immutable_names: established,
            schema: all_have_schemas(&spec),
            valid_types: every(openapi::is_known_type),
            structural: schemas.iter().all(|(path, schema)| structural::is_structural(schema, path)),
            atomic_sets: every(|schema| lists::atomic_set_error(schema).is_none()),
            list_map_keys: every(|schema| {
                let mut errors = ErrorList::new();
                lists::list_map_items(&mut errors, &Node::root(schema));
                errors.is_empty()
            }),
            pruned_defaults: true,
            any_ca_bundle: !established || has_broken_bundle(&old_conversion),
            unchanged_schemas: unchanged(old, new),
            many_selectable_fields: too_many(old, new),
        }
    }

    /// The same, but for what the rules of a version cost.
    pub fn tolerates_cost(&self, version: &str) -> bool {
        self.unchanged_schemas.iter().any(|name| name == version)
    }
}

/// Returns all schemas of a definition, each with its place.
pub fn schemas<'a>(spec: &Node<'a>) -> Vec<(Path, &'a Value)> {
    let shared = spec.child("validation.openAPIV3Schema");
    let own = spec.items("versions").into_iter().map(|version| version.child("schema.openAPIV3Schema"));
    std::iter::once(shared).chain(own).filter_map(|node| Some((node.path, node.value?))).collect()
}

fn all_have_schemas(spec: &Node<'_>) -> bool {
    let has = |version: Node<'_>| version.has("schema.openAPIV3Schema");
    spec.has("validation.openAPIV3Schema") || spec.items("versions").into_iter().all(has)
}

fn has_broken_bundle(conversion: &Node<'_>) -> bool {
    let mut errors = ErrorList::new();
    client_config::ca_bundle(&mut errors, &conversion.child("webhookClientConfig.caBundle"));
    !errors.is_empty()
}

/// The schema that a version has, its own or that of all; null if it has none. `None`: there is no such version.
fn schema_of<'a>(definition: &'a Value, version: &str) -> Option<&'a Value> {
    let root = Node::root(definition);
    let found = root.items("spec.versions").into_iter().find(|node| node.text("name") == version)?;
    Some(root.get("spec.validation").or(found.get("schema")).unwrap_or(&Value::Null))
}

fn unchanged(old: &Value, new: &Value) -> Vec<String> {
    let versions = Node::root(new).items("spec.versions");
    let names = versions.iter().map(|version| version.text("name"));
    let same = |name: &&str| {
        let (new, old) = (schema_of(new, name), schema_of(old, name));
        new.is_some() && old.is_some() && rules::same(new, old)
    };
    names.filter(same).map(str::to_owned).collect()
}

fn too_many(old: &Value, new: &Value) -> Vec<String> {
    let many = |old: &Node<'_>, new: &Node<'_>| {
        old.len("selectableFields") > columns::MAX_SELECTABLE_FIELDS
            && rules::same(new.get("selectableFields"), old.get("selectableFields"))
    };
    let (old, new) = (Node::root(old).child("spec"), Node::root(new).child("spec"));
    let before = old.items("versions");
    let mut found: Vec<String> = many(&old, &new).then(String::new).into_iter().collect();
    for version in new.items("versions") {
        let name = version.text("name");
        if before.iter().any(|old| old.text("name") == name && many(old, &version)) {
            found.push(name.to_owned());
        }
    }
    found
}
