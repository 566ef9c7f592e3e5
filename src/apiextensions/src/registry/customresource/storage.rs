//! The stores of one definition: one for each version, over the same keys.
//!
//! Each version has a watch cache of its own that holds objects as that version serves them, so that a read converts
//! nothing.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource/etcd.go NewStorage

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion, GroupVersionKind},
    },
};
use apiserver::registry::{
    generic::{RESTOptionsGetter, WatchCache},
    rest::{Result, Storage},
    store::{DeletionAnswer, NoHooks, Store},
    subresource::SubresourceStore,
};
use storage::interface;
use tokio_util::sync::CancellationToken;

use crate::{
    codec::{StorageCodec, Structurals},
    conversion::Converter,
    definition::{Definition, Version},
    jsonpath::{self, JSONPath},
    registry::customresource::{
        lazy::LazyStorage,
        scale::{self, ScaleREST},
        strategy::{CustomResourceStrategy, StatusStrategy},
        tableconvertor::Columns,
        validator::CustomResourceValidator,
    },
};

/// What one version has.
///
/// Go: CustomResourceStorage
#[derive(Clone)]
pub struct CustomResourceStorage {
    /// The objects.
    pub custom_resource: Arc<CustomResource>,
    /// `/status`, if the version has it.
    pub status: Option<Arc<SubresourceStore>>,
    /// `/scale`, if the version has it.
    pub scale: Option<Arc<ScaleREST>>,
}

/// What all versions of a definition share.
pub struct Shared<'a> {
    /// The definition.
    pub definition: &'a Definition,
    /// The schemas.
    pub structurals: &'a Structurals,
    /// Between the versions.
    pub converter: &'a Arc<Converter>,
    /// Opens storage.
    pub getter: &'a Arc<dyn RESTOptionsGetter>,
    /// Comes when the definition changes or goes: what was opened is closed.
    pub stop: &'a CancellationToken,
}

impl Shared<'_> {
    /// Opens the storage of one version.
    ///
    /// Go: NewStorage
    pub fn open(&self, version: &Version) -> CustomResourceStorage {
        let definition = self.definition;
        let kind = definition.gvk(&version.name);
        let names = &definition.status.accepted_names;
        let resource = GroupResource::new(&definition.spec.group, &names.plural);
        let selectable = SelectableFields::new(version);
        let fields = selectable.clone();
        let prefix = format!("/{}/{}", definition.spec.group, names.plural);
        let stored = definition.storage_version().map_or(&version.name, |stored| &stored.name);
        let described = interface::Resource {
            group_resource: resource.clone(),
            prefix: prefix.clone(),
            codec: Arc::new(StorageCodec {
                version: kind.group_version(),
                storage_version: GroupVersion::new(&definition.spec.group, stored),
                structurals: self.structurals.clone(),
                converter: self.converter.clone(),
            }),
            fields: Arc::new(move |object| fields.of(object)),
        };
        let (getter, stop) = (self.getter.clone(), self.stop.clone());
        let open = move || getter.get_rest_options_until(described.clone(), WatchCache::On, stop.clone());
        let lazy = Arc::new(LazyStorage::new(Box::new(open)));
        let strategy = self.strategy(version);
        let store = Store {
            kind,
            resource,
            singular_name: names.singular.clone(),
            short_names: names.short_names.clone(),
            categories: names.categories.clone(),
            strategy: Arc::new(strategy.clone()),
            hooks: Arc::new(NoHooks),
            table_convertor: Arc::new(Columns::of_version(version)),
            storage: lazy.clone(),
            key_root: prefix,
            deletion_answer: DeletionAnswer::Status,
        };
        let status = version.subresources.status.is_some();
        let status = status.then(|| Arc::new(SubresourceStore::new(&store, Arc::new(StatusStrategy(strategy)))));
        let scale = version
            .subresources
            .scale
            .as_ref()
            .map(|scale| Arc::new(ScaleREST::new(&store, scale, scale::replicas_paths(definition))));
        let custom_resource = Arc::new(CustomResource { store, lazy, list_kind: names.list_kind.clone(), selectable });
        CustomResourceStorage { custom_resource, status, scale }
    }

    fn strategy(&self, version: &Version) -> CustomResourceStrategy {
        let definition = self.definition;
        let structural = &self.structurals[&version.name];
        let has_status = version.subresources.status.is_some();
        let scale = version.subresources.scale.clone();
        let kind = definition.gvk(&version.name);
        let validator = CustomResourceValidator::new(kind, definition.namespaced(), structural, has_status, scale);
        CustomResourceStrategy { validator: Arc::new(validator), has_status }
    }
}

/// The fields of a version that a field selector may name, besides name and namespace.
///
/// Go: prepareSelectableFields
#[derive(Clone)]
struct SelectableFields(Arc<BTreeMap<String, JSONPath>>);

impl SelectableFields {
    fn new(version: &Version) -> Self {
        let read = |field: &crate::definition::SelectableField| {
            let name = field.json_path.trim_start_matches('.').to_owned();
            JSONPath::parse(&field.json_path).map(|path| (name, path))
        };
        Self(Arc::new(version.selectable_fields.iter().filter_map(read).collect()))
    }

    fn of(&self, object: &Object) -> BTreeMap<String, String> {
        let mut fields = interface::metadata_fields(object);
        if !self.0.is_empty() {
            let value = serde_json::Value::Object(object.0.clone());
            let text = |path: &JSONPath| path.find(&value).first().map(|found| jsonpath::print(found));
            fields.extend(self.0.iter().map(|(name, path)| (name.clone(), text(path).unwrap_or_default())));
        }
        fields
    }
}

/// The objects of a version: the store, with field selectors of its own.
///
/// Go: customresource.REST
pub struct CustomResource {
    /// Does all the work.
    pub store: Store,
    /// Its storage, for those who open it before it is needed.
    pub lazy: Arc<LazyStorage>,
    /// `ThingList`
    list_kind: String,
    selectable: SelectableFields,
}

impl Storage for CustomResource {
    fn base(&self) -> Option<&dyn Storage> {
        Some(&self.store)
    }

    fn kind(&self) -> GroupVersionKind {
        self.store.kind()
    }

    fn list_kind(&self) -> Option<String> {
        Some(self.list_kind.clone())
    }

    fn namespace_scoped(&self) -> bool {
        self.store.namespace_scoped()
    }

    fn singular_name(&self) -> &str {
        self.store.singular_name()
    }

    /// Go: crConverter.ConvertFieldLabel
    fn convert_field_label(&self, label: &str, value: &str) -> Result<(String, String)> {
        let known = label == "metadata.name"
            || (label == "metadata.namespace" && self.namespace_scoped())
            || self.selectable.0.contains_key(label);
        if known {
            return Ok((label.to_owned(), value.to_owned()));
        }
        Err(StatusError::new_bad_request(format!("field label not supported: {label}")))
    }
}
