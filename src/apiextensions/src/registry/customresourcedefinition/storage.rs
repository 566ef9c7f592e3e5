//! Where definitions lie, and how they are deleted: marked first, gone once their objects are.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresourcedefinition/etcd.go

use std::{collections::BTreeMap, sync::Arc};

use api::scheme::Scheme;
use apimachinery::{
    api::errors::StatusError,
    meta::{
        conditions::{Condition, Status},
        options::{DeleteOptions, GetOptions},
        time,
    },
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion, GroupVersionKind},
    },
};
use apiserver::{
    endpoints::{
        codec::{Codec, Convertor, FieldManager, RenamingConvertor},
        installer::{self, Manager},
        negotiation::MediaType,
        schema_codec::SchemaCodec,
    },
    registry::{
        generic::{RESTOptionsGetter, WatchCache},
        rest::{Answer, CollectionDeleter, Deleted, DeletedAnswer, GracefulDeleter, Result, Storage, Validation},
        store::{DeletionAnswer, NoHooks, Store},
        subresource::SubresourceStore,
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::{Value, json};
use storage::{
    errors::{interpret_get_error, interpret_update_error},
    interface::{self, Missing, Preconditions, TryUpdate, Ttl},
};

use crate::{
    definition::{self, CLEANUP_FINALIZER, GROUP, TERMINATING},
    fieldmanager::KindFieldManager,
    registry::customresourcedefinition::{
        strategy::{self, DefinitionStrategy, StatusStrategy},
        v1beta1,
    },
};

/// The key of all definitions.
const KEY_ROOT: &str = "/apiextensions.k8s.io/customresourcedefinitions";

/// Returns the codec of definitions.
pub fn codec() -> Arc<dyn Codec> {
    Arc::new(SchemaCodec { kinds: Arc::new(Scheme), default: strategy::default })
}

/// Opens the storage of definitions; returns what to install, by path.
///
/// Go: NewREST, NewStatusREST
pub fn storages(getter: &dyn RESTOptionsGetter) -> BTreeMap<String, Arc<dyn Storage>> {
    let resource = GroupResource::new(GROUP, "customresourcedefinitions");
    let storage = getter.get_rest_options(
        interface::Resource {
            group_resource: resource.clone(),
            prefix: KEY_ROOT.to_owned(),
            codec: Arc::new(StorageCodec(codec())),
            fields: Arc::new(interface::metadata_fields),
        },
        WatchCache::On,
    );
    let store = Store {
        kind: definition::kind(),
        resource,
        singular_name: "customresourcedefinition".to_owned(),
        short_names: vec!["crd".to_owned(), "crds".to_owned()],
        categories: vec!["api-extensions".to_owned()],
        strategy: Arc::new(DefinitionStrategy),
        hooks: Arc::new(NoHooks),
        table_convertor: Arc::new(apiserver::registry::rest::table::DefaultTableConvertor),
        storage,
        key_root: KEY_ROOT.to_owned(),
        deletion_answer: DeletionAnswer::Status,
    };
    let status = SubresourceStore::new(&store, Arc::new(StatusStrategy));
    BTreeMap::from([
        ("customresourcedefinitions".to_owned(), Arc::new(DefinitionREST(store)) as Arc<dyn Storage>),
        ("customresourcedefinitions/status".to_owned(), Arc::new(status)),
    ])
}

/// Definitions are stored as JSON; those that kube-apiserver wrote may be of the version before.
struct StorageCodec(Arc<dyn Codec>);

impl interface::Codec for StorageCodec {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, std::result::Result<Object, StatusError>> {
        Box::pin(async move {
            let stored: Object = serde_json::from_slice(data).map_err(StatusError::new_internal_error)?;
            let stored = v1beta1::upgrade(stored);
            let decoded = self.0.decode_value(stored);
            let mut object = decoded.map_err(|error| StatusError::new_internal_error(error.message))?.object;
            self.0.default(&mut object);
            self.0.complete(&mut object);
            Ok(object)
        })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, std::result::Result<Vec<u8>, StatusError>> {
        Box::pin(async move { self.0.encode(object, MediaType::Json) })
    }
}

/// What is known of the kinds of this group.
pub struct DefinitionScheme;

impl installer::Scheme for DefinitionScheme {
    fn codec(&self, _: &GroupVersionKind) -> Arc<dyn Codec> {
        codec()
    }

    fn convertor(&self) -> Arc<dyn Convertor> {
        Arc::new(RenamingConvertor)
    }

    fn field_manager(&self, scope: &Manager<'_>) -> Option<Arc<dyn FieldManager>> {
        Some(Arc::new(KindFieldManager::of_definitions(scope, codec())))
    }

    fn served_kind(&self, _: &GroupVersion, _: &str, storage: &dyn Storage) -> GroupVersionKind {
        storage.kind()
    }
}

/// The store, with a delete of its own.
///
/// Go: REST
struct DefinitionREST(Store);

impl Storage for DefinitionREST {
    fn base(&self) -> Option<&dyn Storage> {
        Some(&self.0)
    }

    fn kind(&self) -> GroupVersionKind {
        self.0.kind()
    }

    fn namespace_scoped(&self) -> bool {
        false
    }

    fn singular_name(&self) -> &str {
        self.0.singular_name()
    }

    fn graceful_deleter(&self) -> Option<&dyn GracefulDeleter> {
        Some(self)
    }

    fn collection_deleter(&self) -> Option<&dyn CollectionDeleter> {
        Some(self)
    }
}

impl GracefulDeleter for DefinitionREST {
    /// The first delete marks the definition and adds the finalizer; any other is the store's.
    fn delete<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>> {
        Box::pin(async move {
            let getter = self.0.getter().expect("a store gets");
            let current = getter.get(cx, name, &GetOptions::default()).await?.into_object();
            self.check_preconditions(&current, name, options)?;
            if current.deletion_timestamp().is_some() {
                let deleter = self.0.graceful_deleter().expect("a store deletes");
                return deleter.delete(cx, name, validation, options).await;
            }
            self.mark(cx, &current, validation, options).await
        })
    }
}

impl DefinitionREST {
    fn check_preconditions(&self, current: &Object, name: &str, options: &DeleteOptions) -> Result<()> {
        let wanted = &options.preconditions;
        for (what, wanted, found) in [
            ("UID", &wanted.uid, current.uid()),
            ("ResourceVersion", &wanted.resource_version, current.resource_version()),
        ] {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
                let why =
                    format!("precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}");
                return Err(StatusError::new_conflict(&self.0.resource, name, &why));
            }
        }
        Ok(())
    }

    async fn mark(
        &self,
        cx: &Context,
        current: &Object,
        validation: &dyn Validation,
        options: &DeleteOptions,
    ) -> Result<Deleted> {
        let name = current.name();
        let key = format!("{KEY_ROOT}/{name}");
        let mut mark = Mark { cx, validation };
        if options.is_dry_run() {
            let marked = mark.apply(current.clone()).await?;
            return Ok(Deleted { answer: DeletedAnswer::Object(Answer::Object(marked)), immediately: false });
        }
        let preconditions = Preconditions {
            uid: Some(current.uid().to_owned()),
            resource_version: options.preconditions.resource_version.clone(),
        };
        let written = self.0.storage.guaranteed_update(&cx.trace, &key, Missing::Fail, preconditions, &mut mark).await;
        match written {
            Ok(marked) => Ok(Deleted { answer: DeletedAnswer::Object(Answer::Encoded(marked)), immediately: false }),
            Err(error) if error.is_not_found() => Err(interpret_get_error(error, &self.0.resource, name)),
            Err(error) => Err(interpret_update_error(error, &self.0.resource, name)),
        }
    }
}

/// The update that marks a definition.
struct Mark<'a> {
    cx: &'a Context,
    validation: &'a dyn Validation,
}

impl Mark<'_> {
    async fn apply(&mut self, current: Object) -> Result<Object> {
        let mut object = self.validation.delete(self.cx, current).await?;
        let now = time::rfc3339(self.cx.services.clock.wall());
        if object.deletion_timestamp().is_none() {
            object.set(&["metadata", "deletionTimestamp"], now.as_str());
        }
        let mut finalizers: Vec<Value> = object.finalizers().into_iter().map(Value::from).collect();
        if !finalizers.iter().any(|finalizer| finalizer == CLEANUP_FINALIZER) {
            finalizers.push(json!(CLEANUP_FINALIZER));
            object.set(&["metadata", "finalizers"], finalizers);
        }
        let condition = Condition {
            kind: TERMINATING,
            status: Status::True,
            reason: "InstanceDeletionPending",
            message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        };
        definition::set_condition(&mut object, condition, &now);
        Ok(object)
    }
}

impl TryUpdate for Mark<'_> {
    fn try_update<'b>(
        &'b mut self,
        current: Option<&'b Arc<apimachinery::runtime::encoded::Encoded>>,
    ) -> BoxFuture<'b, std::result::Result<(Object, Ttl), StatusError>> {
        Box::pin(async move {
            let current = current.expect("a missing object fails before").object();
            Ok((self.apply(current).await?, None))
        })
    }
}

impl CollectionDeleter for DefinitionREST {
    /// Deletes one after the other, each as a single delete would.
    fn delete_collection<'a>(
        &'a self,
        cx: &'a Context,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
        list: &'a apimachinery::meta::options::ListOptions,
    ) -> BoxFuture<'a, Result<interface::List>> {
        Box::pin(async move {
            let lister = self.0.lister().expect("a store lists");
            let found = lister.list(cx, list).await?;
            for item in &found.items {
                match self.delete(cx, &item.name, validation, options).await {
                    Err(error) if !error.is_not_found() => return Err(error),
                    _ => {}
                }
            }
            Ok(found)
        })
    }
}
