//! The schema of one version, in the forms in which it is used: to prune and default, to validate, to keep books.
//!
//! ```text
//!   body --> metadata typed --> unknown fields pruned --> nulls that are no values dropped --> defaults
//!            (coerce)                                                                           (default)
//! ```
//!
//! Go: apiextensions-apiserver/pkg/apiserver/customresource_handler.go unstructuredSchemaCoercer, unstructuredDefaulter

use std::sync::Arc;

use apimachinery::{
    runtime::object::Object,
    schema::{
        custom::{self, BadMetadata, Malformed},
        defaulting,
        model::Schema,
        openapi,
    },
};
use serde_json::{Value, json};

use crate::{definition::Version, fieldmanager::object_meta};

/// The schema of a version.
#[derive(Clone, Debug)]
pub struct Structural {
    /// The document, as its author wrote it; `null` where there is none.
    pub document: Value,
    /// As the generic code reads it.
    pub schema: Arc<Schema>,
    /// Whether fields that it does not declare are kept.
    preserve_unknown_fields: bool,
}

impl Structural {
    /// Reads the schema of a version.
    pub fn new(version: &Version, preserve_unknown_fields: bool) -> Self {
        let document = version.open_api_v3_schema().cloned().unwrap_or_default();
        let anything = json!({"x-kubernetes-preserve-unknown-fields": true});
        let schema = openapi::schema(if document.is_null() { &anything } else { &document }, None);
        let preserve_unknown_fields = preserve_unknown_fields || document.is_null();
        Self { document, schema: Arc::new(schema), preserve_unknown_fields }
    }

    /// Does to an object what decoding into a struct does to a built-in one. Returns the paths of the fields that
    /// were dropped.
    ///
    /// Go: unstructuredSchemaCoercer.apply
    pub fn coerce(&self, object: &mut Object, malformed: Malformed) -> Result<Vec<String>, BadMetadata> {
        let mut value = std::mem::take(object).into_value();
        let meta = object_meta();
        let metadata = custom::coerce_metadata(&self.schema, meta.get(), &mut value, malformed)?;
        let mut fields = Object::from_value(value).unwrap_or_default();
        let mut unknown = Vec::new();
        if !self.preserve_unknown_fields {
            unknown = custom::prune(&self.schema, &mut fields.0);
            let mut value = fields.into_value();
            defaulting::prune_nulls(&self.schema, &mut value);
            fields = Object::from_value(value).unwrap_or_default();
        }
        *object = fields;
        // The metadata of the object itself comes first, that of embedded ones last.
        let (mut all, embedded): (Vec<_>, Vec<_>) =
            metadata.into_iter().partition(|path| path.starts_with("metadata."));
        all.extend(unknown);
        all.extend(embedded);
        Ok(all)
    }

    /// Fills in what an object does not say.
    pub fn default(&self, object: &mut Object) {
        let mut value = std::mem::take(object).into_value();
        defaulting::apply(&self.schema, &mut value);
        *object = Object::from_value(value).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structural(schema: Value) -> Structural {
        Structural::new(&Version { schema: json!({"openAPIV3Schema": schema}), ..Version::default() }, false)
    }

    #[test]
    fn a_body_is_pruned_and_then_defaulted() {
        let schema = structural(json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "a": {"type": "string", "default": "x"}, "n": {"type": "string"}}}}}));
        let body = json!({"kind": "T", "metadata": {"name": "a", "bogus": 1}, "spec": {"n": null, "y": 1, "a": null}});
        let mut object = Object::from_value(body).expect("object");
        let unknown = schema.coerce(&mut object, Malformed::Refuse).expect("well-formed");
        schema.default(&mut object);
        assert_eq!(unknown, ["metadata.bogus", "spec.y"]);
        assert_eq!(object.get(&["spec"]), Some(&json!({"a": "x"})));
    }
}
