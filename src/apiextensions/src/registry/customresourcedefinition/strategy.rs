//! What differs for definitions in a write.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go,
//! apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go

use api::rules;
use apimachinery::{runtime::object::Object, validation::field::ErrorList};
use apiserver::{
    registry::rest::strategy::{ResetFields, Strategy},
    request::context::Context,
};
use serde_json::{Value, json};

use crate::{registry::customresourcedefinition::warnings, validation};

/// The versions whose books know of fields that are the server's.
const API_VERSIONS: [&str; 2] = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"];

/// Fills in what a definition does not say.
///
/// Go: apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go SetDefaults_CustomResourceDefinitionSpec
pub fn default(object: &mut Object) {
    if object.kind() != "CustomResourceDefinition" {
        return;
    }
    let kind = object.str(&["spec", "names", "kind"]).to_owned();
    for (field, value) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
        let path = ["spec", "names", field];
        if !kind.is_empty() && object.str(&path).is_empty() {
            object.set(&path, value);
        }
    }
    if object.get(&["spec", "conversion"]).is_none_or(Value::is_null) {
        object.set(&["spec", "conversion"], json!({"strategy": "None"}));
    }
    let service = ["spec", "conversion", "webhook", "clientConfig", "service"];
    if object.get(&service).is_some_and(|service| service.is_object() && service.get("port").is_none()) {
        object.set(&[&service[..], &["port"]].concat(), 443);
    }
    let stored = object.get(&["status", "storedVersions"]);
    if stored.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        note_stored_version(object);
    }
}

/// Notes the storage version among those in which objects may lie.
fn note_stored_version(object: &mut Object) {
    let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
    let stored = versions.into_iter().flatten().find(|version| version["storage"] == true);
    let Some(stored) = stored.and_then(|version| version["name"].as_str()).map(str::to_owned) else { return };
    let mut all = match object.get(&["status", "storedVersions"]) {
        Some(Value::Array(all)) => all.clone(),
        _ => Vec::new(),
    };
    if !all.iter().any(|known| *known == stored) {
        all.push(stored.into());
        object.set(&["status", "storedVersions"], all);
    }
}

/// The definition as a whole.
#[derive(Clone, Copy, Debug)]
pub struct DefinitionStrategy;

impl Strategy for DefinitionStrategy {
    fn namespace_scoped(&self) -> bool {
        false
    }

    fn prepare_for_create(&self, _cx: &Context, object: &mut Object) {
        // As Go writes an empty status.
        let names = json!({"plural": "", "kind": ""});
        object.set(&["status"], json!({"conditions": null, "acceptedNames": names, "storedVersions": null}));
        object.set(&["metadata", "generation"], 1);
        note_stored_version(object);
    }

    fn validate(&self, _cx: &Context, object: &Object) -> ErrorList {
        validation::validate_create(object)
    }

    fn warnings_on_create(&self, _cx: &Context, object: &Object) -> Vec<String> {
        warnings::of_new(object)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn prepare_for_update(&self, _cx: &Context, object: &mut Object, old: &Object) {
        rules::keep(object, old, &["status"]);
        if rules::differs(object, old, "spec") {
            object.set(&["metadata", "generation"], old.generation() + 1);
        }
        note_stored_version(object);
    }

    fn validate_update(&self, _cx: &Context, object: &Object, old: &Object) -> ErrorList {
        validation::validate_update(object, old)
    }

    fn warnings_on_update(&self, _cx: &Context, object: &Object, old: &Object) -> Vec<String> {
        warnings::of_change(object, old)
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        reset("status")
    }
}

/// `customresourcedefinitions/status`.
///
/// Go: statusStrategy
#[derive(Clone, Copy, Debug)]
pub struct StatusStrategy;

impl Strategy for StatusStrategy {
    fn namespace_scoped(&self) -> bool {
        false
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    /// The metadata stays as it was sent: Kubernetes means to reset it and does not.
    fn prepare_for_update(&self, _cx: &Context, object: &mut Object, old: &Object) {
        rules::keep(object, old, &["spec"]);
    }

    fn validate_update(&self, _cx: &Context, object: &Object, old: &Object) -> ErrorList {
        validation::validate_status_update(object, old)
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        reset("spec")
    }
}

fn reset(field: &str) -> Vec<ResetFields> {
    API_VERSIONS
        .iter()
        .map(|version| ResetFields { api_version: (*version).to_owned(), paths: vec![vec![field.to_owned()]] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_conversion_are_filled_in() {
        let mut object = Object::from_value(json!({"kind": "CustomResourceDefinition", "spec": {
            "names": {"kind": "Thing", "plural": "things"}}}))
        .expect("object");
        default(&mut object);
        assert_eq!(object.str(&["spec", "names", "singular"]), "thing");
        assert_eq!(object.str(&["spec", "names", "listKind"]), "ThingList");
        assert_eq!(object.str(&["spec", "conversion", "strategy"]), "None");
    }

    #[test]
    fn a_new_storage_version_joins_the_stored_ones() {
        let mut object = Object::from_value(json!({"status": {"storedVersions": ["v1"]}, "spec": {
            "versions": [{"name": "v1", "storage": false}, {"name": "v2", "storage": true}]}}))
        .expect("object");
        note_stored_version(&mut object);
        note_stored_version(&mut object);
        assert_eq!(object.get(&["status", "storedVersions"]), Some(&json!(["v1", "v2"])));
    }
}
