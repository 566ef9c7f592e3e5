//! Whether an object fits into the quotas, and what they are at then.
//!
//! Go: apiserver/pkg/admission/plugin/resourcequota/controller.go CheckRequest

use std::{sync::Arc, time::Duration};

use apimachinery::{
    api::{errors::StatusError, resource::Quantity},
    runtime::object::Object,
};
use apiserver::admission::{
    attributes::{Attributes, Operation},
    errors,
};
use serde_json::Value;

use crate::admission::{
    pod_resources::{self, ResourceList},
    resource_quota::evaluator::Evaluator,
};

/// A quota to be written.
pub(super) struct Charge {
    /// The quota as it was.
    pub(super) quota: Arc<Object>,
    /// What is used of it now.
    pub(super) used: ResourceList,
}

/// Returns the quotas that the object counts against, charged; refuses if it does not fit into one.
pub(super) fn check_request(
    attributes: &Attributes,
    evaluator: &Evaluator,
    quotas: &[Arc<Object>],
    wall: Duration,
) -> Result<Vec<Charge>, StatusError> {
    let Some(object) = &attributes.object else { return Ok(Vec::new()) };
    let pertinent = pertinent(attributes, evaluator, quotas, object)?;
    if pertinent.is_empty() {
        return Ok(Vec::new());
    }
    let mut delta = evaluator.usage(object, wall);
    let negative: Vec<_> =
        delta.iter().filter(|(_, quantity)| quantity.sign() < 0).map(|(name, _)| name.clone()).collect();
    if !negative.is_empty() {
        let reason = format!("quota usage is negative for resource(s): {}", negative.join(","));
        return Err(errors::forbidden(attributes, reason));
    }
    if let (Operation::Update, Some(old)) = (attributes.operation, &attributes.old_object)
        && !old.resource_version().is_empty()
    {
        subtract(&mut delta, &evaluator.usage(old, wall));
    }
    delta.retain(|_, quantity| !quantity.is_zero());
    let mut charges = Vec::new();
    for quota in pertinent {
        let hard = list(quota, "hard");
        let requested: ResourceList = delta
            .iter()
            .filter(|(name, _)| hard.contains_key(*name))
            .map(|(name, quantity)| (name.clone(), *quantity))
            .collect();
        if requested.is_empty() {
            continue;
        }
        let used = list(quota, "used");
        let mut new = used.clone();
        pod_resources::add(&mut new, &requested);
        let exceeds = |name: &&String| new[*name] > hard[*name];
        let exceeded: Vec<&String> = requested.keys().filter(exceeds).collect();
        if !exceeded.is_empty() {
            let shown = |list: &ResourceList| show(list, &exceeded);
            let reason = format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name(),
                shown(&requested),
                shown(&used),
                shown(&hard)
            );
            return Err(errors::forbidden(attributes, reason));
        }
        charges.push(Charge { quota: quota.clone(), used: new });
    }
    Ok(charges)
}

/// Returns the quotas that the object counts against.
fn pertinent<'a>(
    attributes: &Attributes,
    evaluator: &Evaluator,
    quotas: &'a [Arc<Object>],
    object: &Object,
) -> Result<Vec<&'a Arc<Object>>, StatusError> {
    let mut pertinent = Vec::new();
    for quota in quotas {
        let hard = list(quota, "hard");
        let matching: Vec<String> = hard.keys().filter(|name| evaluator.counts(name)).cloned().collect();
        if matching.is_empty() || !scopes(quota).iter().all(|scope| evaluator.in_scope(scope, object)) {
            continue;
        }
        if let Err(error) = evaluator.check_constraints(&matching, object) {
            return Err(errors::forbidden(attributes, format!("failed quota: {}: {error}", quota.name())));
        }
        let used = list(quota, "used");
        if matching.iter().any(|name| !used.contains_key(name)) {
            let reason = format!("status unknown for quota: {}, resources: {}", quota.name(), matching.join(","));
            return Err(errors::forbidden(attributes, reason));
        }
        pertinent.push(quota);
    }
    Ok(pertinent)
}

/// What a quota is limited to: priority classes, pods without requests...
pub(super) struct Scope {
    /// `PriorityClass`, `BestEffort`...
    pub(super) name: String,
    /// `Exists`, `In`...
    pub(super) operator: String,
    /// For `In` and `NotIn`.
    pub(super) values: Vec<String>,
}

/// Go: apiserver/pkg/quota/v1/generic/evaluator.go getScopeSelectorsFromQuota
fn scopes(quota: &Object) -> Vec<Scope> {
    let items = |path: &[&str]| quota.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let plain = items(&["spec", "scopes"]).into_iter();
    let plain = plain.map(|name| Scope { name: text(&name), operator: "Exists".to_owned(), values: Vec::new() });
    let selected = items(&["spec", "scopeSelector", "matchExpressions"]).into_iter().map(|expression| Scope {
        name: text(&expression["scopeName"]),
        operator: text(&expression["operator"]),
        values: expression["values"].as_array().into_iter().flatten().map(text).collect(),
    });
    plain.chain(selected).collect()
}

fn list(quota: &Object, field: &str) -> ResourceList {
    quota.get(&["status", field]).map(pod_resources::read).unwrap_or_default()
}

/// Takes away what was used before; nothing gets less than nothing.
///
/// Go: apiserver/pkg/quota/v1/resources.go SubtractWithNonNegativeResult
fn subtract(from: &mut ResourceList, before: &ResourceList) {
    for (name, quantity) in from.iter_mut() {
        if let Some(before) = before.get(name) {
            let rest = quantity.minus(*before);
            *quantity = if rest.sign() < 0 { Quantity::default() } else { rest };
        }
    }
}

/// Writes `pods=1,requests.cpu=1`.
fn show(list: &ResourceList, names: &[&String]) -> String {
    let shown = names.iter().filter_map(|name| Some(format!("{name}={}", list.get(*name)?)));
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::schema::{GroupVersion, GroupVersionKind};
    use serde_json::json;

    use super::*;
    use crate::admission::resource_quota::evaluator;

    fn check(hard: Value, used: Value, container: Value) -> Result<Vec<Charge>, String> {
        let pods = GroupVersion::new("", "v1").with_resource("pods");
        let mut attributes = Attributes::new(Operation::Create, GroupVersionKind::new("", "v1", "Pod"), pods);
        attributes.name = "p".to_owned();
        attributes.object = Object::from_value(json!({"spec": {"containers": [container]}}));
        let quota = json!({"metadata": {"name": "q"}, "status": {"hard": hard, "used": used}});
        let quota = Arc::new(Object::from_value(quota).expect("object"));
        let evaluator = evaluator::of(&attributes).expect("pods are counted");
        check_request(&attributes, &evaluator, &[quota], Duration::ZERO).map_err(|error| error.message)
    }

    #[test]
    fn sentences_are_those_of_kubernetes() {
        let hard = json!({"pods": "2", "requests.cpu": "1", "limits.memory": "1Gi"});
        let used = json!({"pods": "1", "requests.cpu": "400m", "limits.memory": "256Mi"});
        let container = |requests: Value, limits: Value| json!({"name": "main", "resources": {"requests": requests, "limits": limits}});
        let refused = |container| check(hard.clone(), used.clone(), container).err().expect("refused");
        assert_eq!(
            refused(json!({"name": "main"})),
            "pods \"p\" is forbidden: failed quota: q: must specify limits.memory for: main; requests.cpu for: main"
        );
        assert_eq!(
            refused(container(json!({"cpu": "1"}), json!({"memory": "2Gi"}))),
            "pods \"p\" is forbidden: exceeded quota: q, requested: limits.memory=2Gi,requests.cpu=1, \
             used: limits.memory=256Mi,requests.cpu=400m, limited: limits.memory=1Gi,requests.cpu=1"
        );
        let charges = check(hard.clone(), used.clone(), container(json!({"cpu": "400m"}), json!({"memory": "256Mi"})));
        let used = &charges.expect("fits")[0].used;
        assert_eq!(
            (used["limits.memory"].to_string(), used["requests.cpu"].to_string()),
            ("512Mi".into(), "800m".into())
        );
    }
}
