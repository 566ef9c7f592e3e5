//! The codec of a kind that has a schema: every built-in one.
//!
//! Go: k8s.io/apimachinery/pkg/runtime/serializer, with the structs of k8s.io/api

use std::sync::Arc;

use api::declared::{self, TakenApart};
use apimachinery::{
    api::errors::StatusError,
    managedfields::overlay,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::codec::{self, Format},
    },
    schema::{decode, defaulting, model::Schema, registry::Kinds, tidy},
    strategicpatch::{self, patch::StrategicMergePatch},
};
use serde_json::Value;

use crate::endpoints::{
    codec::{Codec, DecodeError, Decoded},
    negotiation::MediaType,
};

/// Where Go's scheme was made; part of the sentence about kinds that it does not know.
const SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";

/// Reads and writes the kinds of a world of schemas.
pub struct SchemaCodec {
    /// The world.
    pub kinds: Arc<dyn Kinds>,
    /// Fills in what the schema's own defaults cannot say.
    pub default: fn(&mut Object),
}

/// The kinds that a client may send: what answers alone are turned into is none of them.
struct Readable<'a>(&'a dyn Kinds);

impl Kinds for Readable<'_> {
    fn schema(&self, kind: &GroupVersionKind) -> Option<Arc<Schema>> {
        let is_answer = kind.group == "apidiscovery.k8s.io"
            || (kind.group == "meta.k8s.io" && kind.kind.starts_with("PartialObjectMetadata"));
        if is_answer { None } else { self.0.schema(kind) }
    }
}

impl SchemaCodec {
    fn schema(&self, kind: &GroupVersionKind) -> Option<Arc<Schema>> {
        self.kinds.schema(kind)
    }

    /// Applies something to an object as a value of its type.
    fn with_schema(&self, object: &mut Object, apply: impl FnOnce(&Schema, &mut Value)) {
        if let Some(schema) = self.schema(&object.gvk()) {
            object.with_value(|value| apply(&schema, value));
        }
    }
}

fn format(media: MediaType) -> Format {
    match media {
        MediaType::Json => Format::Json,
        MediaType::Yaml => Format::Yaml,
        MediaType::Protobuf => Format::Protobuf,
    }
}

impl Codec for SchemaCodec {
    fn decode(&self, default: &GroupVersionKind, media: MediaType, body: &[u8]) -> Result<Decoded, DecodeError> {
        let decoded = codec::decode(&Readable(&*self.kinds), SCHEME, default, format(media), body)
            .map_err(|codec::DecodeError { kind, message }| DecodeError { kind, message })?;
        Ok(Decoded { object: decoded.object, strict: decoded.strict })
    }

    fn decode_value(&self, object: Object) -> Result<Decoded, DecodeError> {
        let kind = object.gvk();
        let Some(schema) = self.schema(&kind) else {
            let message = format!(
                "no kind {:?} is registered for version {:?} in scheme {SCHEME:?}",
                kind.kind,
                kind.group_version().to_string()
            );
            return Err(DecodeError { kind: Some(kind), message });
        };
        let decoded = decode::from_value(&schema, object.into_value())
            .map_err(|decode::DecodeError(message)| DecodeError { kind: Some(kind.clone()), message })?;
        let mut object = Object::from_value(decoded.value).unwrap_or_default();
        object.set_gvk(&kind);
        Ok(Decoded { object, strict: decoded.strict })
    }

    fn is_registered(&self, version: &GroupVersion) -> bool {
        self.kinds.is_registered(version)
    }

    fn default(&self, object: &mut Object) {
        (self.default)(object);
        self.with_schema(object, defaulting::apply_declared);
    }

    fn strategic_merge(&self, original: &Object, patch: Object) -> Result<Decoded, StatusError> {
        let kind = original.gvk();
        let Some(schema) = self.schema(&kind) else {
            return Err(StatusError::new_internal_error(format!("{kind} has no schema")));
        };
        let patch = StrategicMergePatch { fields: patch.0, strict: Vec::new() };
        let decoded = strategicpatch::patch::apply(&original.0, patch, &schema)?;
        let mut object = Object::from_value(decoded.value).unwrap_or_default();
        // The result is read into a struct of the kind, whatever type the patch says it has.
        object.set_gvk(&kind);
        Ok(Decoded { object, strict: decoded.strict })
    }

    fn overlay(&self, original: &Object, applied: &Object) -> Result<Object, String> {
        let schema = self.schema(&original.gvk()).ok_or("type converter must not be nil")?;
        let merged = overlay::overlay(&schema, &original.clone().into_value(), &applied.clone().into_value())?;
        Ok(Object::from_value(merged).unwrap_or_default())
    }

    fn show_patched(&self, kind: &GroupVersionKind, document: &Value, apart: &TakenApart) -> String {
        match self.schema(kind) {
            Some(schema) => declared::document(&schema, document, apart),
            None => document.to_string(),
        }
    }

    fn complete(&self, object: &mut Object) {
        self.with_schema(object, tidy::tidy);
    }

    fn encode(&self, object: &Object, media: MediaType) -> Result<Vec<u8>, StatusError> {
        let kind = object.gvk();
        // The oldest documents of discovery bear no version.
        let unversioned = || self.schema(&GroupVersionKind::new("", "v1", &kind.kind));
        let schema = self.schema(&kind).or_else(|| unversioned().filter(|_| kind.version.is_empty()));
        codec::encode(schema.as_deref(), format(media), object).map_err(StatusError::new_internal_error)
    }
}
