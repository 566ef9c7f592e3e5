//! Definitions of the version before, as kube-apiserver still stores them: what all versions have in common stands
//! once, above them.
//!
//! Simplified: they are read, and written as v1; kube-apiserver still writes v1beta1.
//!
//! Go: apiextensions-apiserver/pkg/apis/apiextensions/v1beta1/{conversion,defaults}.go,
//! apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go

use apimachinery::runtime::object::Object;
use serde_json::{Map, Value, json};

use crate::definition;

/// Returns a stored definition as one of v1.
pub fn upgrade(mut object: Object) -> Object {
    if object.api_version() != "apiextensions.k8s.io/v1beta1" {
        return object;
    }
    object.set_gvk(&definition::kind());
    let Some(spec) = object.0.get_mut("spec").and_then(Value::as_object_mut) else { return object };
    let mut common: Vec<(&str, Value)> = Vec::new();
    for (above, below) in [
        ("validation", "schema"),
        ("subresources", "subresources"),
        ("additionalPrinterColumns", "additionalPrinterColumns"),
        ("selectableFields", "selectableFields"),
    ] {
        common.extend(spec.remove(above).map(|value| (below, rename_columns(value))));
    }
    let single = spec.remove("version");
    let versions = spec.entry("versions").or_insert_with(|| {
        let name = single.unwrap_or_default();
        json!([{"name": name, "served": true, "storage": true}])
    });
    for version in versions.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(columns) = version.remove("additionalPrinterColumns") {
            version.insert("additionalPrinterColumns".to_owned(), rename_columns(columns));
        }
        for (below, value) in &common {
            version.entry(*below).or_insert_with(|| value.clone());
        }
    }
    if let Some(conversion) = spec.get_mut("conversion").and_then(Value::as_object_mut) {
        upgrade_conversion(conversion);
    }
    if spec.get("preserveUnknownFields") == Some(&Value::Bool(false)) {
        spec.remove("preserveUnknownFields");
    }
    object
}

/// The path of a column is spelled otherwise.
fn rename_columns(mut value: Value) -> Value {
    for column in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(path) = column.remove("JSONPath") {
            column.insert("jsonPath".to_owned(), path);
        }
    }
    value
}

/// What belongs to the webhook stands below it in v1.
fn upgrade_conversion(conversion: &mut Map<String, Value>) {
    let config = conversion.remove("webhookClientConfig");
    let versions = conversion.remove("conversionReviewVersions");
    if config.is_some() || versions.as_ref().is_some_and(|versions| !versions.is_null()) {
        let mut webhook = Map::new();
        webhook.extend(config.map(|config| ("clientConfig".to_owned(), config)));
        webhook.extend(versions.map(|versions| ("conversionReviewVersions".to_owned(), versions)));
        conversion.insert("webhook".to_owned(), Value::Object(webhook));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_goes_to_each_version() {
        let stored = json!({"apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition", "spec": {
            "group": "example.com", "version": "v1", "validation": {"openAPIV3Schema": {"type": "object"}},
            "additionalPrinterColumns": [{"name": "A", "JSONPath": ".a"}], "preserveUnknownFields": false,
            "versions": [{"name": "v1", "served": true, "storage": true}],
            "conversion": {"strategy": "Webhook", "webhookClientConfig": {"url": "u"}, "conversionReviewVersions": ["v1"]}}});
        let object = upgrade(Object::from_value(stored).expect("object"));
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
            "additionalPrinterColumns": [{"name": "A", "jsonPath": ".a"}]});
        assert_eq!(object.api_version(), "apiextensions.k8s.io/v1");
        assert_eq!(
            object.get(&["spec"]),
            Some(&json!({"group": "example.com", "versions": [version],
            "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "u"}, "conversionReviewVersions": ["v1"]}}}))
        );
    }
}
