//! How built-in kinds are read and written: from clients and from storage.
//!
//! Go: k8s.io/kubernetes/pkg/api/legacyscheme, apiserver/pkg/server/storage/storage_codec.go

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
};

use api::{conversion, rules, scheme::Scheme};
use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::protobuf::{
            envelope::{self, MAGIC, Unknown},
            wire::Writer,
        },
    },
    schema::{model::Schema, registry::Kinds, tidy},
};
use apiserver::{
    endpoints::{
        codec::{Codec, Convertor, FieldManager},
        installer,
        negotiation::MediaType,
        openapi::definitions::Definitions,
        schema_codec::SchemaCodec,
    },
    registry::rest::Storage,
};
use phase::{BoxFuture, trace::Trace};

use crate::registry::fieldmanager::BuiltInFieldManager;

/// The one codec of all built-in kinds.
pub fn codec() -> Arc<dyn Codec> {
    static CODEC: LazyLock<Arc<SchemaCodec>> = LazyLock::new(|| {
        let default = |object: &mut Object| (rules::of(&object.gvk()).default)(object);
        Arc::new(SchemaCodec { kinds: Arc::new(Scheme), default })
    });
    CODEC.clone()
}

/// Converts between the versions of built-in kinds.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInConvertor;

impl Convertor for BuiltInConvertor {
    fn convert<'a>(
        &'a self,
        _trace: &'a Trace,
        objects: Vec<Object>,
        to: &'a GroupVersion,
    ) -> BoxFuture<'a, Result<Vec<Object>, StatusError>> {
        let converted = objects.into_iter().map(|object| convert(object, to)).collect();
        Box::pin(async move { converted })
    }
}

fn convert(object: Object, to: &GroupVersion) -> Result<Object, StatusError> {
    let from = object.gvk();
    conversion::convert(object, to)
        .ok_or_else(|| StatusError::new_internal_error(format!("{from} cannot be converted to {to}")))
}

/// What is known of the built-in kinds.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn;

impl installer::Scheme for BuiltIn {
    fn codec(&self, _: &GroupVersionKind) -> Arc<dyn Codec> {
        codec()
    }

    fn convertor(&self) -> Arc<dyn Convertor> {
        Arc::new(BuiltInConvertor)
    }

    fn field_manager(&self, scope: &installer::Manager<'_>) -> Option<Arc<dyn FieldManager>> {
        Some(Arc::new(BuiltInFieldManager::new(scope)))
    }

    /// Events are kept as those of the core group, and served as what they are asked for.
    fn served_kind(&self, version: &GroupVersion, path: &str, storage: &dyn Storage) -> GroupVersionKind {
        let hub = storage.kind();
        let resource = path.split('/').next().unwrap_or_default();
        match api::resources::find(&version.group, &version.version, resource) {
            Some(served) if served.kind == hub.kind => served.gvk(),
            _ => hub,
        }
    }
}

impl Definitions for BuiltIn {
    fn get(&self, name: &str) -> Option<Arc<Schema>> {
        api::scheme::schemas().get(name)
    }

    fn name_of(&self, kind: &GroupVersionKind) -> Option<String> {
        api::scheme::name_of(kind).map(str::to_owned)
    }
}

/// Between the bytes in the store and the version that is kept in memory.
pub struct StorageCodec {
    /// The version in memory, which is also that of the bytes that are written.
    pub hub: GroupVersionKind,
    /// The form in which objects are written; both are read.
    pub media: MediaType,
}

impl storage::interface::Codec for StorageCodec {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move {
            let codec = codec();
            let renamed = named(&self.hub, data, Way::Read);
            let data = renamed.as_deref().unwrap_or(data);
            let media = if data.starts_with(MAGIC) { MediaType::Protobuf } else { MediaType::Json };
            let decoded = codec.decode(&self.hub, media, data);
            let decoded = decoded.map_err(|error| StatusError::new_internal_error(error.message))?;
            let mut object = decoded.object;
            codec.default(&mut object);
            let mut object = convert(object, &self.hub.group_version())?;
            codec.complete(&mut object);
            Ok(object)
        })
    }

    fn tidy(&self, object: &mut Object) {
        let Some(schema) = Scheme.schema(&object.gvk()) else { return };
        object.with_value(|value| match self.media {
            MediaType::Protobuf => tidy::tidy_stored(&schema, value),
            MediaType::Json | MediaType::Yaml => tidy::tidy(&schema, value),
        });
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move {
            let data = codec().encode(object, self.media)?;
            Ok(named(&self.hub, &data, Way::Written).unwrap_or(data))
        })
    }
}

/// Kinds that are stored as those of an older version, which no longer has a schema here: the fields are the same.
///
/// Go: pkg/kubeapiserver/default_storage_factory_builder.go
const STORED_AS: [(&str, &str); 2] = [
    ("MutatingAdmissionPolicy", "admissionregistration.k8s.io/v1beta1"),
    ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1beta1"),
];

/// Whether bytes come from storage or go there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    Written,
}

/// Returns the bytes with the name of the version in memory, or of the one in storage; `None` if they are right as they are.
fn named(hub: &GroupVersionKind, data: &[u8], way: Way) -> Option<Vec<u8>> {
    let (_, stored) = STORED_AS.iter().find(|(kind, _)| *kind == hub.kind)?;
    let served = hub.group_version().to_string();
    let (from, to) = if way == Way::Read { (*stored, served.as_str()) } else { (served.as_str(), *stored) };
    if data.starts_with(MAGIC) {
        let unknown = Unknown::decode(data).ok().filter(|unknown| unknown.api_version == from)?;
        let message = |writer: &mut Writer| {
            writer.0.extend_from_slice(unknown.raw);
            Ok::<(), Infallible>(())
        };
        return envelope::encode(to, &unknown.kind, message).ok();
    }
    let mut object: Object = serde_json::from_slice(data).ok()?;
    if object.api_version() != from {
        return None;
    }
    object.set(&["apiVersion"], to);
    Some(object.to_json())
}

/// Reads stored bytes for a person: how they are encoded, and what they say; secrets are made unreadable.
pub fn describe(data: &[u8]) -> (&'static str, serde_json::Value) {
    use phase::snapshot::Subject as _;
    let (name, media) =
        if data.starts_with(MAGIC) { ("protobuf", MediaType::Protobuf) } else { ("json", MediaType::Json) };
    match codec().decode(&GroupVersionKind::default(), media, data) {
        Ok(decoded) => (name, decoded.object.snapshot().to_value()),
        Err(_) => (name, serde_json::from_slice(data).unwrap_or_else(|_| format!("{} bytes", data.len()).into())),
    }
}
