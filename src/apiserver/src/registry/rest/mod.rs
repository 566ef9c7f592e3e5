//! What a resource can do.
//!
//! Go: apiserver/pkg/registry/rest/rest.go
//!
//! Go finds out with type assertions which of these interfaces a storage implements; here a
//! [`Storage`] hands out the ones it has. The installer makes a route for each.

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    meta::options::{DeleteOptions, GetOptions, ListOptions, WriteOptions},
    runtime::{
        encoded::Encoded,
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
};
use phase::BoxFuture;
use serde_json::Value;

use crate::request::{context::Context, handler::Response};

pub mod strategy;

pub mod create;

pub mod update;

pub mod delete;

pub mod table;

pub use storage::interface::{List, Preconditions, WatchEvent, WatchStream};

/// The result of a call that the client sees as a Status when it fails.
pub type Result<T> = std::result::Result<T, StatusError>;

/// An object on its way out.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As it lies in the cache: its bytes are copied.
    Encoded(Arc<Encoded>),
    /// Made for this request.
    Object(Object),
}

impl Answer {
    /// Returns the object, decoding it if need be.
    pub fn into_object(self) -> Object {
        match self {
            Self::Encoded(encoded) => encoded.object(),
            Self::Object(object) => object,
        }
    }
}

/// A resource or sub-resource.
///
/// Go: apiserver/pkg/registry/rest/rest.go Storage, Scoper, GroupVersionKindProvider, SingularNameProvider...
pub trait Storage: Send + Sync {
    /// The kind this resource reads and writes: `Pod`; for `pods/eviction`: `Eviction`.
    fn kind(&self) -> GroupVersionKind;
    /// The storage that this one stands before: it answers whatever is not said here.
    fn base(&self) -> Option<&dyn Storage> {
        None
    }
    /// The kind of its lists, where it is not the kind with `List` behind it: custom resources choose it.
    ///
    /// Go: rest.Lister NewList
    fn list_kind(&self) -> Option<String> {
        self.base().and_then(Storage::list_kind)
    }
    /// Whether objects live in namespaces.
    fn namespace_scoped(&self) -> bool;
    /// The singular: `pod`; empty for sub-resources.
    fn singular_name(&self) -> &str;
    /// Short names for kubectl: `po`.
    fn short_names(&self) -> &[String] {
        self.base().map_or(&[], |base| base.short_names())
    }
    /// Categories for kubectl: `all`.
    fn categories(&self) -> &[String] {
        self.base().map_or(&[], |base| base.categories())
    }
    /// The kind under which objects are stored, if they are: discovery publishes a hash of it.
    ///
    /// Go: rest.StorageVersionProvider
    fn storage_version(&self) -> Option<GroupVersionKind> {
        self.base().and_then(Storage::storage_version)
    }
    /// Whether a create may bring uid, creationTimestamp and the like: `pods/binding`, `pods/eviction`...
    ///
    /// Go: rest.SubresourceObjectMetaPreserver
    fn preserves_metadata_on_create(&self) -> bool {
        self.base().is_some_and(Storage::preserves_metadata_on_create)
    }
    /// Whether a body may be of another version than the kind's, which the resource then converts by itself.
    ///
    /// Go: rest.GroupVersionAcceptor
    fn accepts_group_version(&self, version: &GroupVersion) -> bool {
        self.base().is_some_and(|base| base.accepts_group_version(version))
    }
    /// Whether a delete answers with the object, for those who publish that.
    ///
    /// Go: rest.MayReturnFullObjectDeleter
    fn delete_returns_object(&self) -> bool {
        self.base().is_some_and(Storage::delete_returns_object)
    }
    /// Fields that a client cannot own through this resource, by API version: `{"v1": [["status"]]}`.
    ///
    /// Go: rest.ResetFieldsStrategy
    fn reset_fields(&self) -> Vec<strategy::ResetFields> {
        self.base().map_or_else(Vec::new, Storage::reset_fields)
    }
    /// Translates a field selector's label to the hub version's, or refuses a field that nobody may select by.
    ///
    /// Go: runtime.FieldLabelConversionFunc
    fn convert_field_label(&self, label: &str, value: &str) -> Result<(String, String)> {
        match self.base() {
            Some(base) => base.convert_field_label(label, value),
            None => strategy::default_field_label(label, value),
        }
    }
    /// Returns what every client of the resource should know: that it is deprecated.
    ///
    /// Go: apiserver/pkg/endpoints/deprecation/deprecation.go WarningMessage
    fn deprecation_warning(&self) -> Option<&str> {
        self.base().and_then(|base| base.deprecation_warning())
    }
    /// Takes from metadata that is shown alone what is no metadata in Go's hub version.
    fn hide_from_metadata(&self, metadata: &mut Value) {
        if let Some(base) = self.base() {
            base.hide_from_metadata(metadata);
        }
    }
    /// Says whether objects are shown in columns: what can only be created is no object of a list.
    fn shows_tables(&self) -> bool {
        self.getter().is_some() || self.lister().is_some()
    }
    /// How objects are shown in columns.
    fn table_convertor(&self) -> Arc<dyn table::TableConvertor> {
        self.base().map_or_else(|| Arc::new(table::DefaultTableConvertor) as _, Storage::table_convertor)
    }
    /// `get`
    fn getter(&self) -> Option<&dyn Getter> {
        self.base().and_then(|base| base.getter())
    }
    /// `list`
    fn lister(&self) -> Option<&dyn Lister> {
        self.base().and_then(|base| base.lister())
    }
    /// `watch`
    fn watcher(&self) -> Option<&dyn Watcher> {
        self.base().and_then(|base| base.watcher())
    }
    /// `create`
    fn creater(&self) -> Option<&dyn Creater> {
        self.base().and_then(|base| base.creater())
    }
    /// `update` and `patch`
    fn updater(&self) -> Option<&dyn Updater> {
        self.base().and_then(|base| base.updater())
    }
    /// `delete`
    fn graceful_deleter(&self) -> Option<&dyn GracefulDeleter> {
        self.base().and_then(|base| base.graceful_deleter())
    }
    /// `deletecollection`
    fn collection_deleter(&self) -> Option<&dyn CollectionDeleter> {
        self.base().and_then(|base| base.collection_deleter())
    }
    /// `get` whose answer is no object: logs.
    fn streamer(&self) -> Option<&dyn Streamer> {
        self.base().and_then(|base| base.streamer())
    }
    /// exec, proxy and the like
    fn connecter(&self) -> Option<&dyn Connecter> {
        self.base().and_then(|base| base.connecter())
    }
}

/// Go: rest.Getter
pub trait Getter: Send + Sync {
    /// Returns one object.
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, options: &'a GetOptions) -> BoxFuture<'a, Result<Answer>>;
}

/// Answers a get by a stream of bytes.
///
/// Go: rest.ResourceStreamer, rest.StorageMetadata
pub trait Streamer: Send + Sync {
    /// The media type of what it answers, besides those of an error.
    fn produces(&self) -> &'static str;
    /// The kind of its options: `PodLogOptions`.
    fn options_kind(&self) -> &str;
    /// Opens the stream.
    fn stream<'a>(&'a self, cx: &'a Context, name: &'a str) -> BoxFuture<'a, Result<Response>>;
}

/// Go: rest.Lister
pub trait Lister: Send + Sync {
    /// Returns a page of the collection that `cx.info.namespace` names.
    fn list<'a>(&'a self, cx: &'a Context, options: &'a ListOptions) -> BoxFuture<'a, Result<List>>;
}

/// Go: rest.Watcher
pub trait Watcher: Send + Sync {
    /// Opens a stream of changes; it ends when it is dropped.
    fn watch<'a>(&'a self, cx: &'a Context, options: &'a ListOptions) -> BoxFuture<'a, Result<WatchStream>>;
}

/// What a write must still pass once its object is complete: validating admission; for a delete, all of admission.
///
/// Objects are lent: they go in and come back, so that nobody has to copy them.
///
/// Go: rest.ValidateObjectFunc, rest.ValidateObjectUpdateFunc
pub trait Validation: Send + Sync {
    /// Refuses a new object, or gives it back.
    fn create<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>>;
    /// Refuses a change, or gives back the new and the old state.
    fn update<'a>(&'a self, cx: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>>;
    /// Refuses a removal, or gives the present state back.
    fn delete<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>>;
}

/// Lets everything pass: for the server's own writes.
///
/// Go: rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc
#[derive(Clone, Copy, Debug)]
pub struct ValidateAll;

impl Validation for ValidateAll {
    fn create<'a>(&'a self, _: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move { Ok(object) })
    }

    fn update<'a>(&'a self, _: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>> {
        Box::pin(async move { Ok((object, old)) })
    }

    fn delete<'a>(&'a self, _: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move { Ok(object) })
    }
}

/// Go: rest.Creater, rest.NamedCreater
pub trait Creater: Send + Sync {
    /// Stores a new object, or does what creating this sub-resource means. `name` is the URL's (sub-resources only).
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        object: Object,
        validation: &'a dyn Validation,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>>;
}

/// Makes the new state from the present one; called again when the write lost a race.
///
/// Go: rest.UpdatedObjectInfo
pub trait UpdatedObjectInfo: Send + Sync {
    /// Returns the new state. `current` is `None` where the object does not exist (create on update, apply).
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>>;
    /// What the caller believes about the present state.
    fn preconditions(&self) -> Preconditions {
        Preconditions::default()
    }
}

/// A plain function as an update: for the server's own writes.
///
/// Go: rest.DefaultUpdatedObjectInfo
pub struct UpdateWith<F>(pub F);

impl<F> UpdatedObjectInfo for UpdateWith<F>
where
    F: Fn(Option<&Object>) -> Result<Object> + Send + Sync,
{
    fn updated_object<'a>(&'a self, _: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move { (self.0)(current) })
    }
}

/// How an update went.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The object afterwards.
    pub answer: Answer,
    /// Whether it did not exist before.
    pub created: bool,
}

/// Go: rest.Updater, rest.Patcher
pub trait Updater: Send + Sync {
    /// Replaces an object by what `call.info` makes of it.
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>>;
}

/// The parameters of an update.
#[derive(Clone, Copy)]
pub struct UpdateCall<'a> {
    /// Makes the new state.
    pub info: &'a dyn UpdatedObjectInfo,
    /// Checks what it made.
    pub validation: &'a dyn Validation,
    /// Whether a missing object may be created.
    pub missing: OnMissing,
    /// The options of the request.
    pub options: &'a WriteOptions,
}

/// What an update does where there is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// What the strategy says.
    AsStrategy,
    /// It creates one: server-side apply. Go: forceAllowCreate
    Create,
}

/// How a delete went.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// What is left of the object.
    pub answer: DeletedAnswer,
    /// Whether it is gone.
    pub immediately: bool,
}

/// What a delete answers with.
#[derive(Clone, Debug)]
pub enum DeletedAnswer {
    /// The object: as it was, or as it is while it is going away.
    Object(Answer),
    /// A Status of success that names it.
    Status {
        /// Its name.
        name: String,
        /// Its uid.
        uid: String,
    },
}

/// Go: rest.GracefulDeleter
pub trait GracefulDeleter: Send + Sync {
    /// Removes an object, or marks it.
    fn delete<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>>;
}

/// Go: rest.CollectionDeleter
pub trait CollectionDeleter: Send + Sync {
    /// Removes what the options select, and returns it.
    fn delete_collection<'a>(
        &'a self,
        cx: &'a Context,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
        list: &'a ListOptions,
    ) -> BoxFuture<'a, Result<List>>;
}

/// Go: rest.Connecter
pub trait Connecter: Send + Sync {
    /// The methods it accepts.
    fn methods(&self) -> &[http::Method];
    /// The kind of its options: `PodExecOptions`; decoded from the query for admission.
    fn options_kind(&self) -> Option<&str> {
        None
    }
    /// Whether the URL may go on after the sub-resource: `proxy`.
    fn takes_path(&self) -> bool {
        false
    }
    /// Answers, possibly by an upgrade. `path` is what follows the sub-resource in the URL.
    fn connect<'a>(&'a self, cx: &'a mut Context, name: &'a str, path: &'a str) -> BoxFuture<'a, Response>;
}
