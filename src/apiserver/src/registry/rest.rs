//! What a resource can do.
//!
//! Go: apiserver/pkg/registry/rest/rest.go
//!
//! Go finds out with type assertions which of these interfaces a storage implements; here a
//! [`Storage`] hands out the ones it has. The installer makes a route for each.

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object, schema::GroupVersionKind},
};
use phase::BoxFuture;
use serde_json::Value;

use crate::request::{context::Context, handler::Response};

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

/// A page of a collection.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The revision at which the list is consistent.
    pub revision: u64,
    /// The objects, in key order.
    pub items: Vec<Arc<Encoded>>,
    /// Where to go on; empty at the end.
    pub continue_token: String,
    /// How many are left, if known.
    pub remaining_item_count: Option<u64>,
}

/// One change, or a bookmark.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// The object came into the selection.
    Added(Arc<Encoded>),
    /// It changed.
    Modified(Arc<Encoded>),
    /// It left the selection; its last state, at the revision of the change.
    Deleted(Arc<Encoded>),
    /// Nothing older than this revision will come.
    Bookmark {
        /// The revision.
        revision: u64,
        /// Whether the initial state is complete with it.
        initial_events_end: bool,
    },
    /// The last event of a watch that fails.
    Error(StatusError),
}

/// A stream of changes; dropping it ends the watch.
pub type WatchStream = client::transport::BoxStream<'static, WatchEvent>;

/// A resource or sub-resource.
///
/// Go: apiserver/pkg/registry/rest/rest.go Storage, Scoper, GroupVersionKindProvider, SingularNameProvider...
pub trait Storage: Send + Sync {
    /// The kind this resource reads and writes: `Pod`; for `pods/eviction`: `Eviction`.
    fn kind(&self) -> GroupVersionKind;
    /// Whether objects live in namespaces.
    fn namespace_scoped(&self) -> bool;
    /// The singular: `pod`; empty for sub-resources.
    fn singular_name(&self) -> &str;
    /// Short names for kubectl: `po`.
    fn short_names(&self) -> &[String] {
        &[]
    }
    /// Categories for kubectl: `all`.
    fn categories(&self) -> &[String] {
        &[]
    }
    /// `get`
    fn getter(&self) -> Option<&dyn Getter> {
        None
    }
    /// `list`
    fn lister(&self) -> Option<&dyn Lister> {
        None
    }
    /// `watch`
    fn watcher(&self) -> Option<&dyn Watcher> {
        None
    }
    /// `create`
    fn creater(&self) -> Option<&dyn Creater> {
        None
    }
    /// `update` and `patch`
    fn updater(&self) -> Option<&dyn Updater> {
        None
    }
    /// `delete`
    fn graceful_deleter(&self) -> Option<&dyn GracefulDeleter> {
        None
    }
    /// `deletecollection`
    fn collection_deleter(&self) -> Option<&dyn CollectionDeleter> {
        None
    }
    /// exec, proxy, log and the like
    fn connecter(&self) -> Option<&dyn Connecter> {
        None
    }
}

/// Go: rest.Getter
pub trait Getter: Send + Sync {
    /// Returns one object. `options` is `GetOptions`.
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, options: &'a GetOptions) -> BoxFuture<'a, Result<Answer>>;
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

/// Checks, run by the store once the object is complete: validating admission.
pub type ValidateObject<'a> = dyn Fn(Object) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a;

/// The same for updates: new state, old state.
pub type ValidateObjectUpdate<'a> = dyn Fn(Object, Object) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a;

/// Go: rest.Creater, rest.NamedCreater
pub trait Creater: Send + Sync {
    /// Stores a new object, or does what creating this sub-resource means. `name` is the URL's (sub-resources only).
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        object: Object,
        validate: &'a ValidateObject<'a>,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>>;
}

/// Makes the new state from the present one; called again when a write lost a race.
///
/// Go: rest.UpdatedObjectInfo
pub trait UpdatedObjectInfo: Send + Sync {
    /// Returns the new state. `current` is `None` where the object does not exist (create on update, apply).
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<Object>) -> BoxFuture<'a, Result<Object>>;
    /// What the caller believes about the present state.
    fn preconditions(&self) -> Preconditions {
        Preconditions::default()
    }
}

/// What must be true of the present state; empty: anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The uid.
    pub uid: Option<String>,
    /// The resource version.
    pub resource_version: Option<String>,
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
    /// Replaces an object by what `info` makes of it.
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, update: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>>;
}

/// The parameters of an update.
#[derive(Clone, Copy)]
pub struct UpdateCall<'a> {
    /// Makes the new state.
    pub info: &'a dyn UpdatedObjectInfo,
    /// Checks a create on update.
    pub create_validation: &'a ValidateObject<'a>,
    /// Checks an update.
    pub update_validation: &'a ValidateObjectUpdate<'a>,
    /// Whether a missing object may be created whatever the strategy says: server-side apply.
    pub force_allow_create: bool,
    /// The options of the request.
    pub options: &'a WriteOptions,
}

/// How a delete went.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// The object as it was, or as it is while it is going away; `None`: answer with a Status of success.
    pub answer: Option<Answer>,
    /// Whether it is gone.
    pub immediately: bool,
    /// Name, group, resource and uid for the Status of success.
    pub uid: String,
}

/// Go: rest.GracefulDeleter
pub trait GracefulDeleter: Send + Sync {
    /// Removes an object, or marks it.
    fn delete<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        validate: &'a ValidateObject<'a>,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>>;
}

/// Go: rest.CollectionDeleter
pub trait CollectionDeleter: Send + Sync {
    /// Removes what the options select, and returns it.
    fn delete_collection<'a>(
        &'a self,
        cx: &'a Context,
        validate: &'a ValidateObject<'a>,
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
    /// Answers, possibly by an upgrade. `path` is what follows the sub-resource in the URL.
    fn connect<'a>(&'a self, cx: &'a mut Context, name: &'a str, path: &'a str) -> BoxFuture<'a, Response>;
}

/// Go: metav1.GetOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Not older than this; empty: the newest.
    pub resource_version: String,
}

/// Go: metainternalversion.ListOptions
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// The label selector, unparsed.
    pub label_selector: String,
    /// The field selector, unparsed, its labels already converted for this kind.
    pub field_selector: String,
    /// See reference on resource versions; empty: the newest.
    pub resource_version: String,
    /// `NotOlderThan`, `Exact` or empty.
    pub resource_version_match: String,
    /// Page size; 0: all.
    pub limit: u64,
    /// Where to go on.
    pub continue_token: String,
    /// Whether this is a watch.
    pub watch: bool,
    /// Whether bookmarks are wanted.
    pub allow_watch_bookmarks: bool,
    /// Whether the watch begins with the present state.
    pub send_initial_events: Option<bool>,
    /// Seconds after which a watch ends; `None`: the server's choice.
    pub timeout_seconds: Option<u64>,
}

/// What CreateOptions, UpdateOptions and PatchOptions have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether nothing is stored.
    pub dry_run: bool,
    /// Who manages the fields; empty: from the user agent.
    pub field_manager: String,
    /// `Strict`, `Warn` or `Ignore`.
    pub field_validation: String,
    /// Apply only: take fields over from others.
    pub force: Option<bool>,
}

/// Go: metav1.DeleteOptions
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds to go gracefully; `None`: the kind's default.
    pub grace_period_seconds: Option<i64>,
    /// What must be true of the object.
    pub preconditions: Preconditions,
    /// Deprecated spelling of `propagationPolicy: Orphan`.
    pub orphan_dependents: Option<bool>,
    /// `Orphan`, `Background`, `Foreground`.
    pub propagation_policy: Option<String>,
    /// Whether nothing is removed.
    pub dry_run: bool,
    /// The options as they were sent, for admission.
    pub raw: Value,
}
