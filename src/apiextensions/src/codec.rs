//! How custom resources are read and written: from clients, and from storage.
//!
//! Nothing is known of them but their schemas. What comes along that is no custom resource (options, a Status)
//! is read and written as everywhere else.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/customresource_handler.go unstructuredNegotiatedSerializer,
//! schemaCoercingDecoder, crdConversionRESTOptionsGetter

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    managedfields::overlay,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::{codec, yaml},
    },
    schema::{custom::Malformed, decode},
};
use apiserver::endpoints::{
    codec::{Codec, Convertor, DecodeError, Decoded, UntypedCodec},
    negotiation::MediaType,
};
use phase::{BoxFuture, trace::Trace};
use serde_json::Value;

use crate::{conversion::Converter, fieldmanager, schema::structural::Structural};

/// The schemas of a definition's versions.
pub type Structurals = Arc<BTreeMap<String, Structural>>;

/// Reads and writes the bodies of one custom kind.
pub struct CustomCodec {
    /// The kind at the version of the endpoint.
    pub kind: GroupVersionKind,
    /// By version.
    pub structurals: Structurals,
    /// Reads and writes everything else.
    pub others: Arc<dyn Codec>,
}

impl CustomCodec {
    /// Returns the schema of an object, if it is one of the kind.
    fn structural(&self, kind: &GroupVersionKind) -> Option<&Structural> {
        let own = kind.group == self.kind.group && kind.kind == self.kind.kind;
        self.structurals.get(&kind.version).filter(|_| own)
    }

    /// Drops what the schema does not know, and says so.
    fn coerce(&self, mut object: Object, mut strict: Vec<String>) -> Result<Decoded, DecodeError> {
        let kind = object.gvk();
        let Some(structural) = self.structural(&kind) else { return Ok(Decoded { object, strict }) };
        let unknown = structural.coerce(&mut object, Malformed::Refuse);
        let unknown = unknown.map_err(|bad| DecodeError { kind: Some(kind), message: bad.to_string() })?;
        strict.extend(unknown.into_iter().map(|path| format!("unknown field \"{path}\"")));
        Ok(Decoded { object, strict })
    }
}

/// A body as an object without a type, and what is repeated in it.
fn parse(media: MediaType, body: &[u8]) -> Result<(Value, Vec<String>), String> {
    let unreadable = |error: String| format!("couldn't get version/kind; json parse error: {error}");
    match media {
        MediaType::Json => match decode::untyped(body) {
            Ok(decoded) => Ok((decoded.value, decoded.strict)),
            // What is no object is told by its own words below.
            Err(error) => match serde_json::from_slice(body) {
                Ok(value) => Ok((value, Vec::new())),
                Err(_) => Err(unreadable(error.0)),
            },
        },
        MediaType::Yaml => {
            let document = yaml::decode(body).map_err(|error| error.to_string())?;
            let duplicates = document.strict_error().map(|error| error.to_string());
            Ok((document.value, duplicates.into_iter().collect()))
        }
        MediaType::Protobuf => Err("custom resources have no protobuf form".to_owned()),
    }
}

impl Codec for CustomCodec {
    fn decode(&self, default: &GroupVersionKind, media: MediaType, body: &[u8]) -> Result<Decoded, DecodeError> {
        if default.kind != self.kind.kind || default.group != self.kind.group {
            return self.others.decode(default, media, body);
        }
        let unrecognized = |message| DecodeError { kind: None, message };
        let (value, strict) = parse(media, body).map_err(unrecognized)?;
        codec::interpret(&value).map_err(|error| unrecognized(error.message))?;
        let object = Object::from_value(value).unwrap_or_default();
        if object.kind().is_empty() {
            let body = String::from_utf8_lossy(body);
            return Err(unrecognized(format!("Object 'Kind' is missing in '{body}'")));
        }
        self.coerce(object, strict)
    }

    fn decode_value(&self, object: Object) -> Result<Decoded, DecodeError> {
        self.coerce(object, Vec::new())
    }

    fn default(&self, object: &mut Object) {
        if let Some(structural) = self.structural(&object.gvk()) {
            structural.default(object);
        }
    }

    fn overlay(&self, original: &Object, applied: &Object) -> Result<Object, String> {
        let structural = self.structural(&original.gvk()).ok_or("type converter must not be nil")?;
        let schema = fieldmanager::with_meta(&structural.schema, &fieldmanager::object_meta());
        let merged = overlay::overlay(&schema, &original.clone().into_value(), &applied.clone().into_value())?;
        Ok(Object::from_value(merged).unwrap_or_default())
    }

    fn encode(&self, object: &Object, media: MediaType) -> Result<Vec<u8>, StatusError> {
        match media {
            MediaType::Json | MediaType::Yaml => UntypedCodec.encode(object, media),
            MediaType::Protobuf => self.others.encode(object, media),
        }
    }
}

/// Between the bytes in the store and one version of the kind.
///
/// Go: crdConversionRESTOptionsGetter
pub struct StorageCodec {
    /// The version in memory.
    pub version: GroupVersion,
    /// The version of the bytes that are written.
    pub storage_version: GroupVersion,
    /// By version.
    pub structurals: Structurals,
    /// Converts between them.
    pub converter: Arc<Converter>,
}

impl StorageCodec {
    fn coerce(&self, object: &mut Object, malformed: Malformed) -> Result<(), StatusError> {
        let version = object.gvk().version;
        let Some(structural) = self.structurals.get(&version) else { return Ok(()) };
        structural.coerce(object, malformed).map_err(|bad| StatusError::new_internal_error(bad.to_string()))?;
        Ok(())
    }

    async fn convert(&self, object: Object, to: &GroupVersion) -> Result<Object, StatusError> {
        if object.gvk().group_version() == *to {
            return Ok(object);
        }
        let converted = self.converter.convert(&Trace::unwatched(), vec![object], to).await?;
        let mut object = converted.into_iter().next().expect("one object was converted to one");
        self.coerce(&mut object, Malformed::Refuse)?;
        Ok(object)
    }
}

impl storage::interface::Codec for StorageCodec {
    /// Defaults are those of the version that was stored; a version that the object is converted to adds none.
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move {
            let mut object: Object = serde_json::from_slice(data).map_err(StatusError::new_internal_error)?;
            self.coerce(&mut object, Malformed::Drop)?;
            if object.generation() == 0 {
                object.set(&["metadata", "generation"], 1);
            }
            if let Some(structural) = self.structurals.get(&object.gvk().version) {
                structural.default(&mut object);
            }
            self.convert(object, &self.version).await
        })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move {
            if object.gvk().group_version() == self.storage_version {
                return Ok(object.to_json());
            }
            Ok(self.convert(object.clone(), &self.storage_version).await?.to_json())
        })
    }
}
