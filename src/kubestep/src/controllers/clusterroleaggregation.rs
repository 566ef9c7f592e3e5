//! A ClusterRole with an `aggregationRule` holds the rules of the roles its selectors select.
//!
//! Go: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go

use std::{sync::Arc, time::Duration};

use apimachinery::{
    meta::label_selector::LabelSelector,
    runtime::{object::Object, schema::GroupVersionResource},
};
use client::{
    cache::informer::EventHandler,
    rest::{Error, PatchType, Resource},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::controllers::{Context, leader::Leader};

/// Who owns the aggregated rules.
const FIELD_MANAGER: &str = "clusterrole-aggregation-controller";

/// How soon the roles are looked at again without a change.
const RESYNC: Duration = Duration::from_secs(30);

/// Registers what it follows, and returns what runs until it is stopped.
pub fn run(context: Context, leader: Leader) -> impl Future<Output = ()> {
    let resource = GroupVersionResource::new("rbac.authorization.k8s.io", "v1", "clusterroles");
    let informer = context.informers.informer(&resource);
    let changed = Arc::new(Notify::new());
    informer.add_event_handler(Arc::new(Wake(changed.clone())));
    let roles = context.client.resource(&resource);
    async move {
        loop {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return,
                () = changed.notified() => {}
                () = tokio::time::sleep(RESYNC) => {}
            }
            if !informer.has_synced() || leader.is_someone_else() {
                continue;
            }
            let all = informer.store().list();
            for role in all.iter().filter(|role| role.get(&["aggregationRule"]).is_some()) {
                if let Err(error) = aggregate(&roles, role, &all).await {
                    tracing::debug!(role = role.name(), %error, "cannot aggregate the cluster role yet");
                }
            }
        }
    }
}

struct Wake(Arc<Notify>);

impl EventHandler for Wake {
    fn on_add(&self, _object: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_update(&self, _old: &Arc<Object>, _new: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_delete(&self, _object: &Arc<Object>) {
        self.0.notify_one();
    }
}

/// Applies the collected rules, if they are not there already.
async fn aggregate(roles: &Resource, role: &Object, all: &[Arc<Object>]) -> Result<(), Error> {
    let rules = collected_rules(role, all);
    let present = role.get(&["rules"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if present == rules {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role.name()},
        "rules": rules,
    });
    let query = [("fieldManager", FIELD_MANAGER), ("force", "true")];
    roles.patch(role.name(), "", PatchType::Apply, &patch, &query).await.map(|_| ())
}

/// The rules of all selected roles, in the order of the selectors and then of names, without repetition.
fn collected_rules(role: &Object, all: &[Arc<Object>]) -> Vec<Value> {
    let selectors = role.get(&["aggregationRule", "clusterRoleSelectors"]).and_then(Value::as_array);
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.into_iter().flatten() {
        let Ok(selector) = LabelSelector::new(Some(selector)).as_selector() else { continue };
        let mut selected: Vec<&Arc<Object>> =
            all.iter().filter(|other| other.name() != role.name() && selector.matches(&other.labels())).collect();
        selected.sort_by_key(|other| other.name().to_owned());
        for rule in selected.iter().filter_map(|other| other.get(&["rules"]).and_then(Value::as_array)).flatten() {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_collected_once_in_order_of_names() {
        let role = |value: Value| Arc::new(Object::from_value(value).expect("object"));
        let labelled = |name: &str, verb: &str| {
            role(json!({"metadata": {"name": name, "labels": {"to": "view"}}, "rules": [{"verbs": [verb]}]}))
        };
        let view = role(json!({
            "metadata": {"name": "view"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "view"}}]},
        }));
        let all = [labelled("b", "get"), labelled("a", "list"), labelled("c", "get"), view.clone()];
        assert_eq!(collected_rules(&view, &all), [json!({"verbs": ["list"]}), json!({"verbs": ["get"]})]);
    }
}
