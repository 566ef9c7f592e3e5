//! The behaviour that every implementation of the seam must show, with or without a watch cache.
//!
//! Go: apiserver/pkg/storage/testing/store_tests.go

use std::{sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object, schema::GroupResource},
};
use futures_util::StreamExt;
use kv::{backend::Backend, memory::Memory, observed::Observed};
use phase::{BoxFuture, clock::VirtualClock, trace::Trace};
use serde_json::json;

use tokio_util::sync::CancellationToken;

use crate::{
    cacher::store::Cacher,
    error::Error,
    etcd3::{
        compact::Compactor,
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{
        AllowWatchBookmarks, Codec, GetOptions, Interface, ListOptions, Missing, Preconditions, Resource,
        ResourceVersionMatch, ValidateAll, WatchEvent, WatchStream, metadata_fields,
    },
    selection::SelectionPredicate,
    value::Identity,
};

/// Stores objects as JSON, as custom resources are.
pub(crate) struct Json;

impl Codec for Json {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move { serde_json::from_slice(data).map_err(StatusError::new_internal_error) })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move { Ok(object.to_json()) })
    }
}

/// A store of pods in memory, with everything that a test needs to look behind it.
pub(crate) struct Fixture {
    pub(crate) client: Arc<dyn Backend>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<VirtualClock>,
}

pub(crate) fn fixture() -> Fixture {
    let clock = Arc::new(VirtualClock::default());
    let client = Arc::new(Observed::new(Memory::new(clock.clone())));
    fixture_on(client, clock)
}

/// The same on another backend.
pub(crate) fn fixture_on(client: Arc<dyn Backend>, clock: Arc<VirtualClock>) -> Fixture {
    let resource = Resource {
        group_resource: GroupResource::new("", "pods"),
        prefix: "/pods".to_owned(),
        codec: Arc::new(Json),
        fields: Arc::new(metadata_fields),
    };
    let leases = LeaseManager::new(LeaseManagerConfig::default(), clock.clone());
    let store = Arc::new(Store::new(client.clone(), "/registry", resource, Arc::new(Identity), leases));
    Fixture { client, store, clock }
}

/// A watch cache before the store, filled and running.
pub(crate) async fn cached(fixture: &Fixture) -> Arc<Cacher> {
    let cacher = Cacher::new(fixture.store.clone(), fixture.clock.clone());
    tokio::spawn(cacher.clone().run(CancellationToken::new()));
    while cacher.readiness_check().is_err() {
        tokio::task::yield_now().await;
    }
    cacher
}

pub(crate) const TRACE: Trace = Trace::unwatched();

pub(crate) fn pod(name: &str, labels: serde_json::Value) -> Object {
    let value = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "labels": labels}
    });
    Object::from_value(value).expect("object")
}

pub(crate) async fn create(store: &dyn Interface, name: &str) -> Arc<Encoded> {
    let labels = json!({"app": name});
    store.create(&TRACE, &format!("/pods/shop/{name}"), pod(name, labels), None).await.expect("created")
}

pub(crate) async fn relabel(store: &dyn Interface, name: &str, app: &str) -> Arc<Encoded> {
    let mut update = |current: Option<Object>| {
        let mut object = current.expect("exists");
        object.set(&["metadata", "labels", "app"], app);
        Ok((object, None))
    };
    let key = format!("/pods/shop/{name}");
    let updated = store.guaranteed_update(&TRACE, &key, Missing::Fail, Preconditions::default(), &mut update).await;
    updated.expect("updated")
}

pub(crate) async fn delete(store: &dyn Interface, name: &str) -> Result<Arc<Encoded>, Error> {
    store.delete(&TRACE, &format!("/pods/shop/{name}"), Preconditions::default(), &mut ValidateAll).await
}

pub(crate) fn app(app: &'static str) -> SelectionPredicate {
    let matches = move |object: &Encoded| object.labels.get("app").is_some_and(|value| value == app);
    SelectionPredicate { matches: Some(Arc::new(matches)), ..SelectionPredicate::default() }
}

pub(crate) fn all() -> ListOptions {
    ListOptions { recursive: true, ..ListOptions::default() }
}

pub(crate) fn names(items: &[Arc<Encoded>]) -> Vec<&str> {
    items.iter().map(|object| object.name.as_str()).collect()
}

pub(crate) async fn next(watch: &mut WatchStream) -> WatchEvent {
    let next = tokio::time::timeout(Duration::from_secs(5), watch.next()).await;
    next.expect("an event in time").expect("the watch goes on")
}

/// The next event in one line: `ADDED web 7`.
pub(crate) async fn line(watch: &mut WatchStream) -> String {
    match next(watch).await {
        WatchEvent::Added(object) => format!("ADDED {} {}", object.name, object.revision),
        WatchEvent::Modified(object) => format!("MODIFIED {} {}", object.name, object.revision),
        WatchEvent::Deleted(object) => {
            assert_eq!(object.object().resource_version(), object.revision.to_string());
            format!("DELETED {} {}", object.name, object.revision)
        }
        WatchEvent::Bookmark { revision, initial_events_end } => format!("BOOKMARK {revision} {initial_events_end}"),
        WatchEvent::Error(error) => format!("ERROR {} {}", error.code, error.message),
    }
}

/// One test, run against an implementation.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod etcd3 {
            $(
                #[tokio::test]
                async fn $name() {
                    let fixture = super::fixture();
                    super::$name(&*fixture.store, &fixture).await;
                }
            )*
        }

        mod cacher {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    let fixture = super::fixture();
                    let cacher = super::cached(&fixture).await;
                    super::$name(&*cacher, &fixture).await;
                }
            )*
        }
    };
}

suite!(
    what_is_created_is_read_back,
    an_update_is_retried_and_writes_only_changes,
    preconditions_are_named_when_they_fail,
    a_deletion_returns_the_last_state_at_its_own_revision,
    pages_show_one_revision_and_count_what_follows,
    versions_are_honoured_or_refused,
    an_expired_list_goes_on_at_the_newest_revision,
    a_selector_turns_changes_into_additions_and_deletions,
    initial_events_end_with_a_bookmark,
    an_object_with_a_ttl_goes_away,
);

async fn what_is_created_is_read_back(store: &dyn Interface, _: &Fixture) {
    let created = create(store, "web").await;
    assert_eq!(created.object().resource_version(), created.revision.to_string());
    let got = store.get(&TRACE, "/pods/shop/web", GetOptions::default()).await.expect("there");
    assert_eq!(got.json, created.json);
    let again = store.create(&TRACE, "/pods/shop/web", pod("web", json!({})), None).await;
    let expected = "StorageError: key exists, Code: 2, Key: /registry/pods/shop/web, ResourceVersion: 0, \
                    AdditionalErrorMsg: ";
    assert_eq!(again.expect_err("exists").to_string(), expected);
    let mut versioned = pod("other", json!({}));
    versioned.set_resource_version("3");
    let refused = store.create(&TRACE, "/pods/shop/other", versioned, None).await.expect_err("refused");
    assert_eq!(refused.to_string(), "resourceVersion should not be set on objects to be created");
    let missing = store.get(&TRACE, "/pods/shop/none", GetOptions::default()).await;
    assert!(missing.expect_err("missing").is_not_found());
}

async fn an_update_is_retried_and_writes_only_changes(store: &dyn Interface, fixture: &Fixture) {
    let created = create(store, "web").await;
    // Someone else writes during the first attempt, behind the back of any cache.
    let other = fixture.store.clone();
    let mut attempts = 0;
    let mut update = |current: Option<Object>| {
        attempts += 1;
        let mut object = current.expect("exists");
        if attempts == 1 {
            let other = other.clone();
            let write = async move { relabel(&*other, "web", "theirs").await };
            futures_util::FutureExt::now_or_never(write).expect("memory answers at once");
        }
        object.set(&["metadata", "annotations", "mine"], "yes");
        Ok((object, None))
    };
    let key = "/pods/shop/web";
    let updated = store.guaranteed_update(&TRACE, key, Missing::Fail, Preconditions::default(), &mut update).await;
    let updated = updated.expect("updated");
    assert_eq!(attempts, 2);
    assert_eq!((updated.revision, updated.labels["app"].as_str()), (created.revision + 2, "theirs"));
    let unchanged = relabel(store, "web", "theirs").await;
    assert_eq!((unchanged.revision, &unchanged.json), (updated.revision, &updated.json));
    let mut refuse = |_: Option<Object>| Err(StatusError::new_bad_request("no"));
    let refused = store.guaranteed_update(&TRACE, key, Missing::Fail, Preconditions::default(), &mut refuse).await;
    assert_eq!(refused.expect_err("refused").to_string(), "no");
    let mut make = |current: Option<Object>| Ok((current.unwrap_or_else(|| pod("new", json!({}))), None));
    let key = "/pods/shop/new";
    let missing = store.guaranteed_update(&TRACE, key, Missing::Fail, Preconditions::default(), &mut make).await;
    assert!(missing.expect_err("missing").is_not_found());
    let made = store.guaranteed_update(&TRACE, key, Missing::Create, Preconditions::default(), &mut make).await;
    assert_eq!(made.expect("made").name, "new");
}

async fn preconditions_are_named_when_they_fail(store: &dyn Interface, _: &Fixture) {
    let created = create(store, "web").await;
    let key = "/pods/shop/web";
    let mut same = |current: Option<Object>| Ok((current.expect("exists"), None));
    let uid = Preconditions { uid: Some("a".to_owned()), ..Preconditions::default() };
    let error = store.guaranteed_update(&TRACE, key, Missing::Fail, uid.clone(), &mut same).await.expect_err("uid");
    let expected = "StorageError: invalid object, Code: 4, Key: /registry/pods/shop/web, ResourceVersion: 0, \
                    AdditionalErrorMsg: Precondition failed: UID in precondition: a, UID in object meta: uid-of-web";
    assert_eq!(error.to_string(), expected);
    assert!(store.delete(&TRACE, key, uid, &mut ValidateAll).await.expect_err("uid").is_invalid_object());
    let version = Preconditions { resource_version: Some("1".to_owned()), ..Preconditions::default() };
    let error = store.delete(&TRACE, key, version, &mut ValidateAll).await.expect_err("version").to_string();
    let end = format!(
        "Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: {}",
        created.revision
    );
    assert!(error.ends_with(&end), "{error}");
}

async fn a_deletion_returns_the_last_state_at_its_own_revision(store: &dyn Interface, fixture: &Fixture) {
    create(store, "web").await;
    // A state that a cache has not seen yet must not be missed.
    let newest = relabel(&*fixture.store, "web", "newest").await;
    let deleted = delete(store, "web").await.expect("deleted");
    assert_eq!((deleted.revision, deleted.labels["app"].as_str()), (newest.revision + 1, "newest"));
    assert!(delete(store, "web").await.expect_err("gone").is_not_found());
}

async fn pages_show_one_revision_and_count_what_follows(store: &dyn Interface, _: &Fixture) {
    for name in ["a", "b", "c", "d", "e"] {
        create(store, name).await;
    }
    let page = |limit, continue_token: &str| ListOptions {
        predicate: SelectionPredicate {
            limit,
            continue_token: continue_token.to_owned(),
            ..SelectionPredicate::default()
        },
        ..all()
    };
    let first = store.get_list(&TRACE, "/pods/", page(2, "")).await.expect("first page");
    assert_eq!((names(&first.items), first.remaining_item_count), (vec!["a", "b"], Some(3)));
    delete(store, "c").await.expect("deleted");
    let second = store.get_list(&TRACE, "/pods/", page(2, &first.continue_token)).await.expect("second page");
    assert_eq!((names(&second.items), second.remaining_item_count), (vec!["c", "d"], Some(1)));
    assert_eq!(second.revision, first.revision);
    let last = store.get_list(&TRACE, "/pods/", page(2, &second.continue_token)).await.expect("last page");
    assert_eq!((names(&last.items), last.continue_token.as_str()), (vec!["e"], ""));
    assert_eq!(last.remaining_item_count, None);
    // A selector: pages are full all the same, and nobody knows how many follow.
    relabel(store, "d", "x").await;
    relabel(store, "e", "x").await;
    let selected = ListOptions { predicate: SelectionPredicate { limit: 1, ..app("x") }, ..all() };
    let found = store.get_list(&TRACE, "/pods/", selected).await.expect("selected");
    assert_eq!((names(&found.items), found.remaining_item_count), (vec!["d"], None));
    assert!(!found.continue_token.is_empty());
    let refused = store.get_list(&TRACE, "/pods/", page(2, "abc")).await.expect_err("refused");
    let expected =
        "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value";
    assert_eq!(refused.to_string(), expected);
    let both = ListOptions { resource_version: "3".to_owned(), ..page(2, &first.continue_token) };
    let refused = store.get_list(&TRACE, "/pods/", both).await.expect_err("refused");
    assert_eq!(refused.to_string(), "specifying resource version is not allowed when using continue");
}

async fn versions_are_honoured_or_refused(store: &dyn Interface, _: &Fixture) {
    let first = create(store, "a").await;
    let second = create(store, "b").await;
    let at = |version: &str, resource_version_match| ListOptions {
        resource_version: version.to_owned(),
        resource_version_match,
        ..all()
    };
    let version = first.revision.to_string();
    let exact = store.get_list(&TRACE, "/pods/", at(&version, ResourceVersionMatch::Exact)).await.expect("exact");
    assert_eq!((names(&exact.items), exact.revision), (vec!["a"], first.revision));
    let newest = store.get_list(&TRACE, "/pods/", all()).await.expect("newest");
    assert_eq!((names(&newest.items), newest.revision), (vec!["a", "b"], second.revision));
    let later = store.get_list(&TRACE, "/pods/", at(&version, ResourceVersionMatch::NotOlderThan)).await;
    assert!(later.expect("later").revision >= first.revision);
    for how in [ResourceVersionMatch::Exact, ResourceVersionMatch::NotOlderThan, ResourceVersionMatch::Unset] {
        let error = store.get_list(&TRACE, "/pods/", at("9999", how)).await.expect_err("future");
        let expected = format!("Timeout: Too large resource version: 9999, current: {}", second.revision);
        assert_eq!(error.to_string(), expected, "{how:?}");
    }
    let error = store.get_list(&TRACE, "/pods/", at("x", ResourceVersionMatch::Unset)).await.expect_err("text");
    let expected = "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid \
         syntax";
    assert_eq!(error.to_string(), expected);
    let get = GetOptions { resource_version: "9999".to_owned() };
    let error = store.get(&TRACE, "/pods/shop/a", get).await.expect_err("future").to_string();
    assert!(error.starts_with("Timeout: Too large resource version: 9999"), "{error}");
    let one = ListOptions { recursive: false, ..all() };
    let one = store.get_list(&TRACE, "/pods/shop/b", one).await.expect("one");
    assert_eq!(names(&one.items), ["b"]);
}

async fn an_expired_list_goes_on_at_the_newest_revision(store: &dyn Interface, fixture: &Fixture) {
    for name in ["a", "b", "c"] {
        create(&*fixture.store, name).await;
    }
    let page = |token: &str| ListOptions {
        predicate: SelectionPredicate { limit: 1, continue_token: token.to_owned(), ..SelectionPredicate::default() },
        ..all()
    };
    let first = fixture.store.get_list(&TRACE, "/pods/", page("")).await.expect("first page");
    delete(&*fixture.store, "b").await.expect("deleted");
    fixture.client.compact(first.revision + 1).await.expect("compacted");
    let expired = fixture.store.get_list(&TRACE, "/pods/", page(&first.continue_token)).await.expect_err("expired");
    let Error::Status(status) = expired else { panic!("not a status: {expired}") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let rest = store.get_list(&TRACE, "/pods/", page(&status.continue_token)).await.expect("the rest");
    assert_eq!(names(&rest.items), ["c"]);
    let exact = ListOptions {
        resource_version: first.revision.to_string(),
        resource_version_match: ResourceVersionMatch::Exact,
        ..all()
    };
    let error = fixture.store.get_list(&TRACE, "/pods/", exact).await.expect_err("expired");
    assert_eq!(error.to_string(), "The resourceVersion for the provided list is too old.");
}

async fn a_selector_turns_changes_into_additions_and_deletions(store: &dyn Interface, _: &Fixture) {
    let r = create(store, "web").await.revision;
    let from = ListOptions { resource_version: r.to_string(), predicate: app("x"), ..all() };
    let mut selected = store.watch(&TRACE, "/pods/", from.clone()).await.expect("watch");
    let mut everything = store
        .watch(&TRACE, "/pods/shop/", ListOptions { predicate: SelectionPredicate::default(), ..from })
        .await
        .expect("watch");
    relabel(store, "web", "x").await;
    relabel(store, "web", "y").await;
    relabel(store, "web", "x").await;
    delete(store, "web").await.expect("deleted");
    create(store, "other").await;
    let expected = ["ADDED web", "DELETED web", "ADDED web", "DELETED web"];
    for (index, expected) in expected.iter().enumerate() {
        assert_eq!(line(&mut selected).await, format!("{expected} {}", r + 1 + index as u64));
    }
    let expected = ["MODIFIED web", "MODIFIED web", "MODIFIED web", "DELETED web", "ADDED other"];
    for (index, expected) in expected.iter().enumerate() {
        assert_eq!(line(&mut everything).await, format!("{expected} {}", r + 1 + index as u64));
    }
}

async fn initial_events_end_with_a_bookmark(store: &dyn Interface, _: &Fixture) {
    let a = create(store, "a").await.revision;
    let b = create(store, "b").await.revision;
    let options = ListOptions {
        send_initial_events: Some(true),
        allow_watch_bookmarks: AllowWatchBookmarks::Yes,
        resource_version_match: ResourceVersionMatch::NotOlderThan,
        ..all()
    };
    let mut watch = store.watch(&TRACE, "/pods/", options.clone()).await.expect("watch");
    assert_eq!(line(&mut watch).await, format!("ADDED a {a}"));
    assert_eq!(line(&mut watch).await, format!("ADDED b {b}"));
    assert_eq!(line(&mut watch).await, format!("BOOKMARK {b} true"));
    let c = create(store, "c").await.revision;
    assert_eq!(line(&mut watch).await, format!("ADDED c {c}"));
    let from_now = ListOptions { send_initial_events: Some(false), ..options.clone() };
    let mut watch = store.watch(&TRACE, "/pods/", from_now).await.expect("watch");
    let d = create(store, "d").await.revision;
    assert_eq!(line(&mut watch).await, format!("ADDED d {d}"));
    let legacy = ListOptions { send_initial_events: None, ..options };
    let mut watch = store.watch(&TRACE, "/pods/shop/", legacy).await.expect("watch");
    assert_eq!(line(&mut watch).await, format!("ADDED a {a}"));
}

async fn an_object_with_a_ttl_goes_away(store: &dyn Interface, fixture: &Fixture) {
    let kept = store.create(&TRACE, "/pods/shop/kept", pod("kept", json!({})), Some(3600)).await.expect("created");
    store.create(&TRACE, "/pods/shop/brief", pod("brief", json!({})), Some(60)).await.expect("created");
    fixture.clock.advance(Duration::from_secs(70));
    assert_eq!(fixture.client.expire().await.expect("expired"), 1);
    let from = ListOptions { resource_version: kept.revision.to_string(), ..all() };
    let mut watch = store.watch(&TRACE, "/pods/", from).await.expect("watch");
    assert!(line(&mut watch).await.starts_with("ADDED brief"));
    assert!(line(&mut watch).await.starts_with("DELETED brief"));
    let left = store.get_list(&TRACE, "/pods/", all()).await.expect("list");
    assert_eq!(names(&left.items), ["kept"]);
}

#[tokio::test]
async fn two_compactors_leave_one_to_two_intervals_of_past() {
    let fixture = fixture();
    let (mut one, mut other) = (Compactor::default(), Compactor::default());
    let mut last = create(&*fixture.store, "web").await.revision;
    let mut newest = Vec::new();
    for interval in 0..6 {
        for (compactor, turn) in [(&mut one, 0), (&mut other, 1)] {
            compactor.compact(&*fixture.client).await.expect("compacted, or someone else did");
            last = relabel(&*fixture.store, "web", &format!("{interval}-{turn}")).await.revision;
        }
        newest.push(last);
        let compacted = fixture.client.revisions().await.expect("revisions").compacted;
        if interval >= 3 {
            assert!(compacted <= newest[interval - 1], "the last interval can be read: {compacted} of {newest:?}");
            assert!(compacted > newest[interval - 3], "what is older cannot: {compacted} of {newest:?}");
        }
    }
}

#[tokio::test]
async fn a_lease_is_shared_for_a_while_and_by_so_many() {
    let fixture = fixture();
    let config = LeaseManagerConfig { reuse_duration_seconds: 60, max_object_count: 3 };
    let manager = LeaseManager::new(config, fixture.clock.clone());
    let lease = async |ttl| manager.lease(&*fixture.client, &TRACE, ttl).await.expect("lease");
    let first = lease(3600).await;
    assert_eq!([lease(3600).await, lease(3600).await], [first, first]);
    let second = lease(3600).await;
    assert_ne!(second, first, "three objects are enough");
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(lease(3600).await, second);
    fixture.clock.advance(Duration::from_secs(2));
    let third = lease(3600).await;
    assert_ne!(third, second, "its object would not live long enough");
    assert_ne!(lease(60).await, third, "its object would live too long");
}
