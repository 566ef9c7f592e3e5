//! What the handlers need to know about a kind: how its bodies are read and written, what is filled
//! in, how it becomes another version, and who owns its fields.
//!
//! Go: apimachinery/pkg/runtime/interfaces.go Decoder, Encoder, ObjectDefaulter, ObjectConvertor
//!
//! Built-in kinds answer from schemas, custom kinds from the schemas of their definitions; the
//! handlers see no difference.

use api::declared::TakenApart;
use apimachinery::{
    api::errors::StatusError,
    managedfields::updater::Force,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::yaml,
    },
};
use phase::{BoxFuture, trace::Trace};
use serde_json::Value;

use crate::{endpoints::negotiation::MediaType, request::context::Context};

/// A body as an object.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The object, with its type set; unknown fields are dropped.
    pub object: Object,
    /// What strict decoding would refuse: `unknown field "spec.foo"`, `duplicate field "a"`.
    pub strict: Vec<String>,
}

/// Why a body is no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The type that the body says it has, where that much could be read.
    pub kind: Option<GroupVersionKind>,
    /// Go's sentence.
    pub message: String,
}

/// Reads and writes the bodies of one kind.
pub trait Codec: Send + Sync {
    /// Reads a body. `default` is the type of a body that does not say.
    fn decode(&self, default: &GroupVersionKind, media: MediaType, body: &[u8]) -> Result<Decoded, DecodeError>;

    /// Reads a value as the kind does: what a patch or a webhook made. Refuses what does not fit.
    fn decode_value(&self, object: Object) -> Result<Decoded, DecodeError>;

    /// Says whether a version is known, although it may not be served.
    fn is_registered(&self, _version: &GroupVersion) -> bool {
        false
    }

    /// Fills in what the object does not say.
    fn default(&self, object: &mut Object);

    /// Merges a strategic merge patch into an object of this kind, and reads the result as the kind does; list elements
    /// meet by their merge keys.
    ///
    /// Go: apiserver/pkg/endpoints/handlers/patch.go applyPatchToObject
    fn strategic_merge(&self, _original: &Object, _patch: Object) -> Result<Decoded, StatusError> {
        Err(StatusError::new_bad_request("strategic merge patch needs a description of the kind"))
    }

    /// Puts what a policy applies over an object of this kind, as an apply without owners would.
    ///
    /// Go: apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go ApplyStructuredMergeDiff
    fn overlay(&self, _original: &Object, _applied: &Object) -> Result<Object, String> {
        Err("type converter must not be nil".to_owned())
    }

    /// Shows a patched document of this kind in a refusal, as Go would; `apart`: what the patch took apart.
    fn show_patched(&self, _kind: &GroupVersionKind, document: &Value, _apart: &TakenApart) -> String {
        document.to_string()
    }

    /// Adds what Go writes of a kind even where it is empty: `spec: {}`.
    fn complete(&self, _object: &mut Object) {}

    /// Writes an object, or any other document of the API machinery (a Status, a list, a Table).
    fn encode(&self, object: &Object, media: MediaType) -> Result<Vec<u8>, StatusError>;
}

/// Brings objects from one served version to another.
///
/// Asynchronous, because a webhook may have to be asked; many at once, because it then is asked once.
pub trait Convertor: Send + Sync {
    /// Converts objects of one kind.
    fn convert<'a>(
        &'a self,
        trace: &'a Trace,
        objects: Vec<Object>,
        to: &'a GroupVersion,
    ) -> BoxFuture<'a, Result<Vec<Object>, StatusError>>;
}

/// For kinds whose versions differ in name only, or that have one.
#[derive(Clone, Copy, Debug)]
pub struct RenamingConvertor;

impl Convertor for RenamingConvertor {
    fn convert<'a>(
        &'a self,
        _: &'a Trace,
        mut objects: Vec<Object>,
        to: &'a GroupVersion,
    ) -> BoxFuture<'a, Result<Vec<Object>, StatusError>> {
        for object in &mut objects {
            let kind = object.kind().to_owned();
            object.set_gvk(&to.with_kind(&kind));
        }
        Box::pin(async move { Ok(objects) })
    }
}

/// Who owns which fields.
///
/// Go: apimachinery/pkg/util/managedfields/fieldmanager.go FieldManager
pub trait FieldManager: Send + Sync {
    /// Notes what `manager` changed. Never refuses: a field manager that fails must not stop a write.
    ///
    /// Go: UpdateNoErrors
    fn update(&self, cx: &Context, live: Option<&Object>, new: Object, manager: &str) -> Object;

    /// Merges what `manager` wants into the live object. `force`: takes over what others own.
    ///
    /// Go: Apply
    fn apply(
        &self,
        cx: &Context,
        live: Option<&Object>,
        applied: Object,
        manager: &str,
        force: Force,
    ) -> Result<Object, StatusError>;
}

/// Reads what an apply made, as if a client had sent it.
///
/// Go: apimachinery/pkg/util/managedfields/internal/structuredmerge.go Apply
pub fn read_applied(codec: &dyn Codec, merged: Object) -> Result<Object, StatusError> {
    let (namespace, name, kind) = (merged.namespace().to_owned(), merged.name().to_owned(), merged.gvk());
    let texts = merged.1.clone();
    let decoded = codec.decode_value(merged).map_err(|error| {
        // Bytes are what Go leaves to its JSON decoder here.
        let by = if error.message.starts_with("illegal base64") { "error decoding from json: " } else { "" };
        let message = format!(
            "failed to convert new object ({namespace}/{name}; {kind}) to proper version: unable to convert \
             unstructured object to {kind}: {by}{}",
            error.message
        );
        StatusError::new(500, "", message)
    })?;
    let mut object = decoded.object;
    object.1 = texts;
    codec.default(&mut object);
    codec.complete(&mut object);
    Ok(object)
}

/// Reads and writes the JSON and YAML of kinds that nobody described.
#[derive(Clone, Copy, Debug)]
pub struct UntypedCodec;

impl Codec for UntypedCodec {
    fn decode(&self, default: &GroupVersionKind, media: MediaType, body: &[u8]) -> Result<Decoded, DecodeError> {
        let error = |message: String| DecodeError { kind: None, message };
        let mut object: Object = match media {
            MediaType::Json => serde_json::from_slice(body).map_err(|cause| error(cause.to_string()))?,
            MediaType::Yaml => {
                let document = yaml::decode(body).map_err(|cause| error(cause.0))?;
                Object::from_value(document.value).unwrap_or_default()
            }
            MediaType::Protobuf => return Err(error("protobuf needs a schema".to_owned())),
        };
        if object.kind().is_empty() && object.api_version().is_empty() {
            object.set_gvk(default);
        }
        Ok(Decoded { object, strict: Vec::new() })
    }

    fn decode_value(&self, object: Object) -> Result<Decoded, DecodeError> {
        Ok(Decoded { object, strict: Vec::new() })
    }

    fn default(&self, _: &mut Object) {}

    fn encode(&self, object: &Object, media: MediaType) -> Result<Vec<u8>, StatusError> {
        match media {
            MediaType::Json => Ok(object.to_json()),
            MediaType::Yaml => Ok(yaml::encode(&Value::Object(object.0.clone()))),
            MediaType::Protobuf => Err(StatusError::new_not_acceptable(&[MediaType::Json.as_str()])),
        }
    }
}
