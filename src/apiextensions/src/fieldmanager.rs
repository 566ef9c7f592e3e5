//! Who set which field: of a definition, and of a custom resource.
//!
//! For a custom resource, the books are kept by the schema of its version, with the metadata that every object has
//! added to it; a field that the schema does not know is owned as its value suggests.
//!
//! Go: apimachinery/pkg/util/managedfields/fieldmanager.go NewDefaultCRDFieldManager,
//! apiextensions-apiserver/pkg/controller/openapi/builder/builder.go BuildOpenAPIV3

use std::{collections::BTreeMap, sync::Arc};

use api::scheme::Scheme;
use apimachinery::{
    api::errors::StatusError,
    managedfields::{
        fieldpath::Set,
        manager::{self, ConvertError, Versions},
        updater::Force,
    },
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
    schema::{
        model::{Field, GoField, Kind, ObjectType, Omit, Schema},
        registry::{Kinds, Link},
    },
};
use apiserver::{
    endpoints::{
        codec::{self, Codec, FieldManager},
        installer::Manager,
    },
    registry::rest::strategy::ResetFields,
    request::context::Context,
};

use crate::{conversion::Converter, registry::customresource::scale};

/// Keeps the books of one endpoint, whose objects are of the endpoint's own version.
pub struct KindFieldManager {
    manager: manager::FieldManager,
    versions: Arc<dyn Versions>,
    kind: GroupVersionKind,
    codec: Arc<dyn Codec>,
}

impl KindFieldManager {
    /// Returns the field manager of an endpoint for definitions.
    pub fn of_definitions(scope: &Manager<'_>, codec: Arc<dyn Codec>) -> Self {
        let versions = Arc::new(OneVersion(codec.clone()));
        let reset = ResetFields::sets(&scope.storage.reset_fields());
        Self::new(Arc::new(Scheme), versions, scope.kind, scope.subresource, reset, codec)
    }

    /// Returns what keeps the books of `/scale`, by the type of scales.
    fn of_scale(codec: Arc<dyn Codec>) -> Self {
        let versions = Arc::new(OneVersion(codec.clone()));
        Self::new(Arc::new(Scheme), versions, &scale::kind(), "scale", BTreeMap::new(), codec)
    }

    /// Returns the field manager of an endpoint for custom resources. `reset` is for all versions.
    pub fn of_custom_resources(
        kinds: Arc<CustomKinds>,
        converter: Arc<Converter>,
        kind: &GroupVersionKind,
        subresource: &str,
        reset: &[ResetFields],
        codec: Arc<dyn Codec>,
    ) -> Self {
        Self::new(kinds, Arc::new(CustomVersions(converter)), kind, subresource, ResetFields::sets(reset), codec)
    }

    fn new(
        kinds: Arc<dyn Kinds>,
        versions: Arc<dyn Versions>,
        kind: &GroupVersionKind,
        subresource: &str,
        reset: BTreeMap<String, Set>,
        codec: Arc<dyn Codec>,
    ) -> Self {
        let manager = manager::FieldManager::new(kinds, versions.clone(), kind.clone(), subresource, reset);
        Self { manager, versions, kind: kind.clone(), codec }
    }

    fn live(&self, live: Option<&Object>) -> Object {
        live.cloned().unwrap_or_else(|| self.versions.empty(&self.kind))
    }
}

impl FieldManager for KindFieldManager {
    fn update(&self, cx: &Context, live: Option<&Object>, new: Object, manager: &str) -> Object {
        self.manager.update(&self.live(live), new, manager, cx.services.clock.wall())
    }

    fn apply(
        &self,
        cx: &Context,
        live: Option<&Object>,
        applied: Object,
        manager: &str,
        force: Force,
    ) -> Result<Object, StatusError> {
        let merged = self.manager.apply(&self.live(live), &applied, manager, force, cx.services.clock.wall())?;
        codec::read_applied(&*self.codec, merged)
    }
}

/// Keeps the books of `/scale` of custom resources. An apply is beyond it, as it is in Kubernetes: what is applied has no
/// type there, and is taken for a custom resource.
pub struct ScaleFieldManager(KindFieldManager);

impl ScaleFieldManager {
    /// Returns the field manager; `codec` reads and writes scales.
    pub fn new(codec: Arc<dyn Codec>) -> Self {
        Self(KindFieldManager::of_scale(codec))
    }
}

impl FieldManager for ScaleFieldManager {
    fn update(&self, cx: &Context, live: Option<&Object>, new: Object, manager: &str) -> Object {
        self.0.update(cx, live, new, manager)
    }

    fn apply(
        &self,
        _cx: &Context,
        _live: Option<&Object>,
        applied: Object,
        _manager: &str,
        _force: Force,
    ) -> Result<Object, StatusError> {
        let kind = applied.gvk();
        let message = format!(
            "failed to convert new object ({}/{}; {kind}) to proper version: request to convert CR to an invalid \
             group/version: {}",
            applied.namespace(),
            applied.name(),
            kind.group_version()
        );
        Err(StatusError::new(500, "", message))
    }
}

/// Kinds that have one version here: definitions, scales.
struct OneVersion(Arc<dyn Codec>);

impl Versions for OneVersion {
    fn convert(&self, object: Object, version: &GroupVersion) -> Result<Object, ConvertError> {
        if object.gvk().group_version() == *version { Ok(object) } else { Err(ConvertError::MissingVersion) }
    }

    fn empty(&self, gvk: &GroupVersionKind) -> Object {
        let mut object = Object::new(gvk);
        self.0.complete(&mut object);
        object
    }
}

/// The versions of a custom resource.
struct CustomVersions(Arc<Converter>);

impl Versions for CustomVersions {
    fn convert(&self, object: Object, version: &GroupVersion) -> Result<Object, ConvertError> {
        self.0.convert_blocking(object, version)
    }

    fn empty(&self, gvk: &GroupVersionKind) -> Object {
        Object::new(gvk)
    }
}

/// The schemas of a custom resource's versions, as field management sees them.
pub struct CustomKinds(BTreeMap<GroupVersionKind, Arc<Schema>>);

impl CustomKinds {
    /// Adds metadata to the schema of each version.
    pub fn new<'a>(schemas: impl IntoIterator<Item = (GroupVersionKind, &'a Schema)>) -> Self {
        let object_meta = object_meta();
        let complete = |(kind, schema): (GroupVersionKind, &Schema)| (kind, Arc::new(with_meta(schema, &object_meta)));
        Self(schemas.into_iter().map(complete).collect())
    }
}

impl Kinds for CustomKinds {
    fn schema(&self, gvk: &GroupVersionKind) -> Option<Arc<Schema>> {
        self.0.get(gvk).cloned()
    }
}

/// Returns the type of the metadata that every object has.
pub fn object_meta() -> Link {
    api::scheme::schemas().link("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
}

/// Returns a custom kind's schema with the fields that every object has.
pub(crate) fn with_meta(schema: &Schema, object_meta: &Link) -> Schema {
    complete(schema, object_meta, Place::Root)
}

/// Where a node of a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Below,
}

fn complete(schema: &Schema, object_meta: &Link, place: Place) -> Schema {
    let mut schema = schema.clone();
    let inner = |link: &Link| Link::from(complete(link.get(), object_meta, Place::Below));
    match &mut schema.kind {
        Kind::Object(object) => {
            object.properties.values_mut().for_each(|field| field.schema = inner(&field.schema));
            object.additional = object.additional.as_ref().map(inner);
            if place == Place::Root || object.embedded_resource {
                put_meta(object, object_meta);
            }
        }
        Kind::Array(array) => array.items = inner(&array.items),
        // An object that declares nothing, at the root of a custom kind.
        Kind::Deduced | Kind::Any if place == Place::Root => {
            let mut object = ObjectType { preserve_unknown_fields: true, ..ObjectType::default() };
            put_meta(&mut object, object_meta);
            schema.kind = Kind::Object(object);
        }
        _ => {}
    }
    schema
}

fn put_meta(object: &mut ObjectType, object_meta: &Link) {
    let go = || GoField { omit: Omit::Empty, ..GoField::default() };
    let texts = [
        ("apiVersion", "The version of the schema that the object follows."),
        ("kind", "What the object is. Cannot be changed."),
    ];
    for (name, description) in texts {
        let schema = Schema::of(Kind::String).into();
        let field = Field { schema, description: description.into(), go: go(), ..Field::default() };
        object.properties.insert(name.into(), field);
    }
    let description = "What every object has: its name, labels, annotations and the like.".into();
    let metadata = Field { schema: object_meta.clone(), description, go: go(), ..Field::default() };
    object.properties.insert("metadata".into(), metadata);
}

#[cfg(test)]
mod tests {
    use apimachinery::schema::openapi;
    use serde_json::json;

    use super::*;

    #[test]
    fn field_management_knows_metadata() {
        let thing = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "n": {"type": "object"}, "pod": {"type": "object", "x-kubernetes-embedded-resource": true}}}}});
        let schema = with_meta(&openapi::schema(&thing, None), &object_meta());
        assert!(schema.at(&["metadata", "name"]).is_some());
        assert!(schema.at(&["spec", "pod", "metadata", "name"]).is_some());
        assert!(schema.at(&["spec", "n", "metadata"]).is_none());
    }
}
