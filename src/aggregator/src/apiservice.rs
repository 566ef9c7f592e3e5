//! An APIService as this crate reads it.
//!
//! Go: kube-aggregator/pkg/apis/apiregistration/v1/helper/helpers.go

use std::{cmp::Reverse, sync::Arc};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionResource},
};
use apiserver::endpoints::discovery::aggregated::kube_version;
use serde_json::{Value, json};

/// The group of APIServices.
pub const GROUP: &str = "apiregistration.k8s.io";

/// The name of the only APIService whose group has no name.
pub const LEGACY: &str = "v1.";

/// The one condition.
const AVAILABLE: &str = "Available";

/// Returns the resource.
pub fn resource() -> GroupVersionResource {
    GroupVersionResource::new(GROUP, "v1", "apiservices")
}

/// Whom an APIService names.
///
/// Go: apiregistration/v1 ServiceReference
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceReference {
    /// Namespace of the service.
    pub namespace: String,
    /// Name of the service.
    pub name: String,
    /// Port of the service.
    pub port: u16,
}

/// Returns the version that an APIService is about.
pub fn group_version(object: &Object) -> GroupVersion {
    GroupVersion::new(object.str(&["spec", "group"]), object.str(&["spec", "version"]))
}

/// Returns the version that the name of an APIService is about.
///
/// Go: APIServiceNameToGroupVersion
pub fn name_to_group_version(name: &str) -> GroupVersion {
    let (version, group) = name.split_once('.').unwrap_or((name, ""));
    GroupVersion::new(group, version)
}

/// Returns where an APIService's resources are.
pub fn root(version: &GroupVersion) -> String {
    if version.group.is_empty() { format!("/api/{}", version.version) } else { format!("/apis/{version}") }
}

/// Returns the service, unless the server itself answers.
pub fn service(object: &Object) -> Option<ServiceReference> {
    let service = object.get(&["spec", "service"]).filter(|service| !service.is_null())?;
    let text = |field: &str| service[field].as_str().unwrap_or_default().to_owned();
    let port = service["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(443);
    Some(ServiceReference { namespace: text("namespace"), name: text("name"), port })
}

/// Returns `groupPriorityMinimum` and `versionPriority`.
pub fn priorities(object: &Object) -> (i64, i64) {
    let number = |field: &str| object.get(&["spec", field]).and_then(Value::as_i64).unwrap_or_default();
    (number("groupPriorityMinimum"), number("versionPriority"))
}

/// Says whether the condition is there, and true.
///
/// Go: IsAPIServiceConditionTrue
pub fn is_available(object: &Object) -> bool {
    condition(object).is_some_and(|condition| condition["status"] == "True")
}

fn condition(object: &Object) -> Option<&Value> {
    let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array)?;
    conditions.iter().find(|condition| condition["type"] == AVAILABLE)
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word.
    pub reason: &'static str,
    /// For a person.
    pub message: String,
}

/// Returns the object with the condition set; its time changes with its status alone. `None`: it says so already.
///
/// Go: SetAPIServiceCondition
pub fn with_condition(object: &Object, finding: &Finding, now: &str) -> Option<Object> {
    let Finding { status, reason, message } = finding;
    let old = condition(object);
    if old.is_some_and(|old| old["status"] == *status && old["reason"] == *reason && old["message"] == **message) {
        return None;
    }
    let since = old.filter(|old| old["status"] == *status).map_or(now.into(), |old| old["lastTransitionTime"].clone());
    let condition = json!({
        "type": AVAILABLE, "status": status, "lastTransitionTime": since, "reason": reason, "message": message,
    });
    let mut conditions = object.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    match conditions.iter_mut().find(|condition| condition["type"] == AVAILABLE) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
    let mut changed = object.clone();
    changed.set(&["status", "conditions"], conditions);
    Some(changed)
}

/// Orders APIServices: groups by their highest priority, then by name; versions of a group by theirs, then by age.
///
/// Go: SortedByGroupAndVersion
pub fn sorted_by_group_and_version(mut services: Vec<Arc<Object>>) -> Vec<Vec<Arc<Object>>> {
    services.sort_by(|a, b| (Reverse(priorities(a).0), a.name()).cmp(&(Reverse(priorities(b).0), b.name())));
    let mut groups: Vec<Vec<Arc<Object>>> = Vec::new();
    for service in services {
        let group = service.str(&["spec", "group"]);
        match groups.iter_mut().find(|known| known[0].str(&["spec", "group"]) == group) {
            Some(known) => known.push(service),
            None => groups.push(vec![service]),
        }
    }
    for group in &mut groups {
        group.sort_by_cached_key(|service| {
            Reverse((priorities(service).1, kube_version(service.str(&["spec", "version"]))))
        });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, priorities: (i64, i64)) -> Arc<Object> {
        let version = name_to_group_version(name);
        let object = json!({"metadata": {"name": name}, "spec": {
            "group": version.group, "version": version.version,
            "groupPriorityMinimum": priorities.0, "versionPriority": priorities.1,
        }});
        Arc::new(Object::from_value(object).expect("an object"))
    }

    #[test]
    fn groups_come_by_priority_and_versions_within_them() {
        let services = vec![
            service("v1.b.io", (100, 10)),
            service("v1beta1.a.io", (100, 10)),
            service("v1.a.io", (50, 10)),
            service("v2.a.io", (100, 20)),
            service("v1.c.io", (200, 1)),
        ];
        let sorted = sorted_by_group_and_version(services);
        let names: Vec<Vec<&str>> = sorted.iter().map(|group| group.iter().map(|one| one.name()).collect()).collect();
        assert_eq!(names, [vec!["v1.c.io"], vec!["v1.b.io"], vec!["v2.a.io", "v1.a.io", "v1beta1.a.io"]]);
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let object = service("v1.a.io", (1, 1));
        let finding = |status, reason| Finding { status, reason, message: String::new() };
        let first = with_condition(&object, &finding("False", "A"), "t1").expect("new");
        assert_eq!(with_condition(&first, &finding("False", "A"), "t2"), None);
        let time = |object: &Object| condition(object).expect("there")["lastTransitionTime"].clone();
        let second = with_condition(&first, &finding("False", "B"), "t2").expect("another reason");
        assert_eq!(time(&second), "t1");
        let third = with_condition(&second, &finding("True", "C"), "t3").expect("another status");
        assert_eq!((time(&third), is_available(&third)), ("t3".into(), true));
    }
}
