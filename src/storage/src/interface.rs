//! The seam between the registry and whatever keeps its objects.
//!
//! Go: apiserver/pkg/storage/interfaces.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object, schema::GroupResource},
};
use futures_util::stream::BoxStream;
use phase::{BoxFuture, record::TraceId, trace::Trace};

use crate::{error::Error, selection::SelectionPredicate};

/// What an object is kept for, in seconds; `None`: until someone deletes it.
pub type Ttl = Option<u64>;

/// Which state a get may return.
///
/// Go: GetOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Empty: the newest. `"0"`: any. Else: one at least this new.
    pub resource_version: String,
}

/// What a list or a watch is to return.
///
/// Go: ListOptions
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// List: empty is the newest state, `"0"` any, else see `resource_version_match`.
    /// Watch: empty and `"0"` begin with the state as it is, else the changes after it.
    pub resource_version: String,
    /// How `resource_version` is meant.
    pub resource_version_match: ResourceVersionMatch,
    /// Which objects, how many, from where on.
    pub predicate: SelectionPredicate,
    /// Whether the key is the beginning of many (ends in `/`), or that of one object.
    pub recursive: bool,
    /// Watch: whether the state as it is comes first, as ADDED events with a bookmark after them.
    pub send_initial_events: Option<bool>,
    /// Watch: whether bookmarks are wanted.
    pub allow_watch_bookmarks: AllowWatchBookmarks,
    /// Watch: when its reader is going to end it. The last bookmark comes shortly before.
    pub timeout: Option<Duration>,
}

/// Go: metav1.ResourceVersionMatch
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceVersionMatch {
    /// Not said: at least this new; with a limit, exactly this.
    #[default]
    Unset,
    /// At least this new.
    NotOlderThan,
    /// Exactly this.
    Exact,
}

/// Whether a watch delivers bookmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowWatchBookmarks {
    /// It does not.
    #[default]
    No,
    /// Now and then.
    Yes,
}

/// What must hold for an update or a deletion to take place.
///
/// Go: Preconditions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The object's uid.
    pub uid: Option<String>,
    /// The object's resource version.
    pub resource_version: Option<String>,
}

/// The answer to a list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The revision that the list shows; `metadata.resourceVersion` of the list.
    pub revision: u64,
    /// The objects, in the order of their keys.
    pub items: Vec<Arc<Encoded>>,
    /// Where to go on; empty: this is all.
    pub continue_token: String,
    /// How many objects follow, where that is known.
    pub remaining_item_count: Option<i64>,
}

/// What a watch delivers.
///
/// An object is shared by all who watch, so that each of its encodings is made once.
///
/// Go: apimachinery/pkg/watch/watch.go Event
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// It came into being, or into the selection.
    Added(Arc<Encoded>),
    /// It changed.
    Modified(Arc<Encoded>),
    /// It is gone, or no longer selected: its last state, with the revision of the change.
    Deleted(Arc<Encoded>),
    /// Everything up to a revision has been delivered.
    Bookmark {
        /// That revision.
        revision: u64,
        /// Whether this ends the events that make up the initial state.
        initial_events_end: bool,
    },
    /// The watch is over, and this is why.
    Error(StatusError),
}

/// The events of a watch. It ends when the watch does: after an error, or when the reader is too slow.
pub type WatchStream = BoxStream<'static, WatchEvent>;

/// Makes the new state of an object from the current one. Called again when the write lost a race.
///
/// A phase that is entered inside lies within that of the update, since both share the trace.
///
/// Go: UpdateFunc
pub trait TryUpdate: Send {
    /// Returns the new state, and for how long it is kept. `current` is `None` where there is no such object.
    fn try_update<'a>(
        &'a mut self,
        current: Option<&'a Arc<Encoded>>,
    ) -> BoxFuture<'a, Result<(Object, Ttl), StatusError>>;
}

/// An update that waits for nothing: a plain function from the current object to the new one.
impl<F> TryUpdate for F
where
    F: FnMut(Option<Object>) -> Result<(Object, Ttl), StatusError> + Send,
{
    fn try_update<'a>(
        &'a mut self,
        current: Option<&'a Arc<Encoded>>,
    ) -> BoxFuture<'a, Result<(Object, Ttl), StatusError>> {
        Box::pin(async move { self(current.map(|current| current.object())) })
    }
}

/// Says whether an object may be deleted. Called again when the deletion lost a race.
///
/// Go: ValidateObjectFunc
pub trait ValidateDeletion: Send {
    /// Refuses, or lets it go.
    fn validate<'a>(&'a mut self, current: &'a Arc<Encoded>) -> BoxFuture<'a, Result<(), StatusError>>;
}

/// Lets everything go.
///
/// Go: ValidateAllObjectFunc
#[derive(Clone, Copy, Debug)]
pub struct ValidateAll;

impl ValidateDeletion for ValidateAll {
    fn validate<'a>(&'a mut self, _: &'a Arc<Encoded>) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async { Ok(()) })
    }
}

/// What is known of a resource's size.
///
/// Go: Stats
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many objects there are.
    pub object_count: u64,
    /// How large one is in storage on average, in bytes; 0 where that is not known.
    pub estimated_average_object_size_bytes: u64,
}

/// Where the objects of one resource are kept.
///
/// Keys are relative to the prefix of all of storage and begin with that of the resource:
/// `/pods/shop/web`. A key of many objects ends in a slash: `/pods/`, `/pods/shop/`.
///
/// Go: Interface
pub trait Interface: Send + Sync {
    /// Writes an object that must not exist. Returns it as it was written.
    fn create<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        object: Object,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>>;

    /// Returns an object.
    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: GetOptions,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>>;

    /// Returns the objects under a prefix (or the one of a key) that a predicate selects.
    fn get_list<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<List, Error>>;

    /// Watches the objects under a prefix (or the one of a key) that a predicate selects.
    fn watch<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<WatchStream, Error>>;

    /// Returns an object as it would be read if it were written now.
    ///
    /// Go: what DryRunnableStorage does by copyInto
    fn as_stored(&self, object: Object) -> BoxFuture<'_, Result<Object, Error>>;

    /// Updates an object: read, change, write, and again if someone else wrote in between. Writes nothing if nothing
    /// changed. Returns the object as it is then.
    fn guaranteed_update<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        missing: Missing,
        preconditions: Preconditions,
        update: &'a mut dyn TryUpdate,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>>;

    /// Deletes an object. Returns its last state, with the revision of the deletion.
    fn delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        preconditions: Preconditions,
        validate: &'a mut dyn ValidateDeletion,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>>;

    /// Returns how many objects there are, and how large they are.
    fn stats<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<Stats, Error>>;

    /// Says whether requests can be answered.
    fn readiness_check(&self) -> Result<(), Error>;

    /// Asks for a sign of progress on every watch.
    fn request_watch_progress(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns the revision of the newest write, of this resource or any other.
    fn current_resource_version<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<u64, Error>>;

    /// Returns who watches, for a person who looks on; those who watch past the watch cache are not known.
    fn watchers(&self) -> Vec<WatcherInfo> {
        Vec::new()
    }
}

/// Someone who watches, and how far behind that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatcherInfo {
    /// The request that watches, if requests are followed.
    pub request: Option<TraceId>,
    /// The whole key or prefix that is watched.
    pub key: String,
    /// The field and the value that its selector demands, if it does.
    pub exact: Option<(String, String)>,
    /// Changes that it has taken.
    pub taken: u64,
    /// Changes that wait in its queue.
    pub queued: usize,
    /// The first revision that it has yet to read from the window of past changes; `None`: it is up to date.
    pub behind: Option<u64>,
}

/// What an update does about an object that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It fails.
    Fail,
    /// It lets the update make one.
    Create,
}

/// Translates between an object and its stored bytes.
///
/// Asynchronous, because a custom resource may have to be converted by a webhook.
///
/// Go: apimachinery/pkg/runtime/interfaces.go Codec
pub trait Codec: Send + Sync {
    /// Reads stored bytes, converts to the version that is served from memory, and fills in defaults.
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>>;

    /// Brings an object that is about to be written into the form in which it will be read: what was changed since it
    /// was decoded may lack fields that are always there, and the same state must always be the same bytes.
    fn tidy(&self, _object: &mut Object) {}

    /// Converts to the version of storage and writes the bytes to store.
    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>>;
}

/// Extracts what the field selectors of a resource may name, `metadata.name` and `metadata.namespace` among them.
///
/// Go: apiserver/pkg/storage/selection_predicate.go AttrFunc
pub type Fields = Arc<dyn Fn(&Object) -> BTreeMap<String, String> + Send + Sync>;

/// What storage knows of the resource whose objects it keeps.
///
/// Go: apiserver/pkg/storage/storagebackend/config.go ConfigForResource
#[derive(Clone)]
pub struct Resource {
    /// Group and resource, for messages and metrics.
    pub group_resource: GroupResource,
    /// Where its keys begin, relative to the prefix of all of storage: `/pods`, without a slash at the end.
    pub prefix: String,
    /// How its objects are stored.
    pub codec: Arc<dyn Codec>,
    /// What its field selectors may name.
    pub fields: Fields,
}

/// The fields that every resource has.
pub fn metadata_fields(object: &Object) -> BTreeMap<String, String> {
    let metadata = [("metadata.name", object.name()), ("metadata.namespace", object.namespace())];
    metadata.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
