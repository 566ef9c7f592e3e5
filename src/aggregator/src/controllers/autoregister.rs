//! Keeps a set of APIServices present: those of the groups that this process itself serves.
//!
//! Go: kube-aggregator/pkg/controllers/autoregister/autoregister_controller.go
//!
//! ```text
//!                                     wanted: no       on start          always
//!   there is none                     -                create once       create
//!   not ours                          -                -                 -
//!   ours, on start, made since then   -                -                 -
//!   ours, on start, there at start    delete once      repair once       repair once
//!   ours, always                      delete           repair once       repair
//! ```
//!
//! So a person may remove or change the APIService of a built-in group, and it stays so until the next start.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use client::{
    cache::{informer::SharedInformer, store::Store},
    rest::{Client, Error},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    apiservice,
    controllers::queue::{Enqueue, Queue},
};

/// The label by which this controller knows its own.
///
/// Go: AutoRegisterManagedLabel
pub const MANAGED_LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// How an APIService is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// Once, when the process starts: built-in groups.
    OnStart,
    /// For as long as it is wanted: groups of custom resources.
    Continuously,
}

impl Manage {
    fn label(self) -> &'static str {
        match self {
            Self::OnStart => "onstart",
            Self::Continuously => "true",
        }
    }

    fn of(object: &Object) -> Option<Self> {
        match object.labels().get(MANAGED_LABEL)?.as_str() {
            "onstart" => Some(Self::OnStart),
            "true" => Some(Self::Continuously),
            _ => None,
        }
    }
}

/// Go: autoRegisterController
pub struct AutoRegisterController {
    client: Client,
    informer: Arc<SharedInformer>,
    lister: Arc<Store>,
    queue: Arc<Queue>,
    /// What is wanted, by name. Written by whoever serves something.
    wanted: Mutex<BTreeMap<String, Object>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names that were brought in line once.
    synced: BTreeSet<String>,
    /// Names that were there when the controller began.
    at_start: BTreeSet<String>,
}

/// What to do about one name.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Create,
    Delete,
    Repair,
}

impl AutoRegisterController {
    /// Returns a controller that does nothing before [`AutoRegisterController::run`].
    pub fn new(client: Client, informer: Arc<SharedInformer>) -> Arc<Self> {
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(1000));
        informer.add_event_handler(Enqueue::names(queue.clone()));
        let lister = informer.store();
        Arc::new(Self { client, informer, lister, queue, wanted: Mutex::default(), state: Mutex::default() })
    }

    /// Wants a local APIService.
    ///
    /// Go: AddAPIServiceToSync, AddAPIServiceToSyncOnStart
    pub fn add(&self, version: &GroupVersion, priorities: (i64, i64), manage: Manage) {
        let object = api_service(version, priorities, manage);
        let name = object.name().to_owned();
        self.wanted.lock().insert(name.clone(), object);
        self.queue.add(&name);
    }

    /// Wants it no longer.
    ///
    /// Go: RemoveAPIServiceToSync
    pub fn remove(&self, name: &str) {
        self.wanted.lock().remove(name);
        self.queue.add(name);
    }

    /// Says whether it is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.lock().contains_key(name)
    }

    /// Works until `stop`.
    pub async fn run(self: Arc<Self>, workers: usize, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = self.informer.wait_for_sync(Duration::MAX) => {}
        }
        self.state.lock().at_start = self.lister.list().iter().map(|object| object.name().to_owned()).collect();
        let queue = self.queue.clone();
        queue.run(workers, &stop, move |name| {
            let controller = self.clone();
            async move { controller.check(&name).await.map_err(|error| error.to_string()) }
        });
    }

    /// Go: checkAPIService
    async fn check(&self, name: &str) -> Result<(), Error> {
        let wanted = self.wanted.lock().get(name).cloned();
        let present = self.lister.get("", name);
        let action = self.state.lock().action(name, present.as_deref(), wanted.as_ref());
        let client = self.client.resource(&apiservice::resource());
        let done = match (action, wanted, present) {
            (Action::Create, Some(wanted), _) => client.create(&wanted).await.map(drop),
            (Action::Repair, Some(wanted), Some(present)) => {
                let mut repaired = Object::clone(&present);
                repaired.set(&["spec"], wanted.get(&["spec"]).cloned().unwrap_or_default());
                client.update(&repaired, "").await.map(drop)
            }
            (Action::Delete, _, Some(present)) => {
                let options = json!({"preconditions": {"uid": present.uid()}});
                client.delete(name, &options).await.map(drop)
            }
            _ => Ok(()),
        };
        match done {
            // Somebody was faster; the change will come by.
            Err(error) if error.is_already_exists() || error.is_not_found() || error.is_conflict() => {}
            other => other?,
        }
        self.state.lock().synced.insert(name.to_owned());
        Ok(())
    }
}

impl State {
    fn action(&self, name: &str, present: Option<&Object>, wanted: Option<&Object>) -> Action {
        let synced = self.synced.contains(name);
        let wanted_on_start = wanted.and_then(Manage::of) == Some(Manage::OnStart);
        match (present, wanted) {
            (None, None) => return Action::Nothing,
            _ if wanted_on_start && synced => return Action::Nothing,
            (None, Some(_)) => return Action::Create,
            (Some(_), _) => {}
        }
        let Some(present) = present else { return Action::Nothing };
        match (Manage::of(present), wanted) {
            (None, _) => Action::Nothing,
            (Some(Manage::OnStart), _) if synced || !self.at_start.contains(name) => Action::Nothing,
            (Some(_), None) => Action::Delete,
            (Some(_), Some(wanted)) if present.get(&["spec"]) == wanted.get(&["spec"]) => Action::Nothing,
            (Some(_), Some(_)) => Action::Repair,
        }
    }
}

/// Returns the APIService of a version that is served behind the aggregator.
fn api_service(version: &GroupVersion, (group_priority, version_priority): (i64, i64), manage: Manage) -> Object {
    let GroupVersion { group, version } = version;
    let mut spec = json!({
        "version": version, "groupPriorityMinimum": group_priority, "versionPriority": version_priority,
    });
    if !group.is_empty() {
        spec["group"] = group.as_str().into();
    }
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": format!("{version}.{group}"), "labels": {MANAGED_LABEL: manage.label()}},
        "spec": spec,
    });
    Object::from_value(object).expect("made as an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_did_to_a_built_in_one_stays_and_a_continuous_one_is_put_back() {
        let version = GroupVersion::new("a.io", "v1");
        let on_start = api_service(&version, (100, 1), Manage::OnStart);
        let always = api_service(&version, (100, 1), Manage::Continuously);
        let other = api_service(&version, (200, 1), Manage::Continuously);
        let mut state = State::default();
        let name = "v1.a.io";
        assert_eq!(state.action(name, None, Some(&on_start)), Action::Create);
        assert_eq!(state.action(name, Some(&on_start), None), Action::Nothing, "made since the start");
        state.at_start.insert(name.to_owned());
        assert_eq!(state.action(name, Some(&on_start), None), Action::Delete);
        state.synced.insert(name.to_owned());
        assert_eq!(state.action(name, None, Some(&on_start)), Action::Nothing);
        assert_eq!(state.action(name, None, Some(&always)), Action::Create);
        assert_eq!(state.action(name, Some(&other), Some(&always)), Action::Repair);
        assert_eq!(state.action(name, Some(&always), Some(&always)), Action::Nothing);
        let mut strangers = other;
        strangers.remove(&["metadata", "labels"]);
        assert_eq!(state.action(name, Some(&strangers), Some(&always)), Action::Nothing);
    }
}
