//! Pods and claims stay within the limit ranges of their namespace; what they leave out is filled in.
//!
//! Go: plugin/pkg/admission/limitranger/admission.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{
    api::{errors::StatusError, resource::Quantity},
    runtime::{object::Object, schema::GroupVersion},
    validation::field,
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use client::{cache::informer::SharedInformer, rest::Client};
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    clock::{Clock, Nanos},
};
use serde_json::{Map, Value, json};

use crate::admission::pod_resources::{self, Part, ResourceList};

/// The plugin's name.
pub const NAME: &str = "LimitRanger";

/// Annotation that tells which values the plugin filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// For so long a live answer about a namespace is believed.
const LIVE_TTL: Duration = Duration::from_secs(30);

/// Go: plugin/pkg/admission/limitranger/admission.go LimitRanger
struct LimitRanger {
    ranges: Arc<SharedInformer>,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Live answers for namespaces of which the copy knows no range, with the time until which they count. Swept when
    /// one is added.
    live: Mutex<BTreeMap<String, (Nanos, Vec<Arc<Object>>)>>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let ranges = GroupVersion::new("", "v1").with_resource("limitranges");
    Ok(Arc::new(LimitRanger {
        ranges: initializers.informers.informer(&ranges),
        client: initializers.client.clone(),
        clock: initializers.clock.clone(),
        live: Mutex::default(),
    }))
}

impl Interface for LimitRanger {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for LimitRanger {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !supports(attributes) || attributes.resource.resource != "pods" {
                return Ok(());
            }
            for range in self.ranges(attributes).await? {
                if let Some(pod) = &mut attributes.object {
                    fill_in(pod, &range);
                }
            }
            Ok(())
        })
    }
}

impl ValidationInterface for LimitRanger {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(object) = attributes.object.as_ref().filter(|_| supports(attributes)) else { return Ok(()) };
            for range in self.ranges(attributes).await? {
                let mistakes = match attributes.resource.resource.as_str() {
                    "pods" => check_pod(object, &range),
                    _ => check_claim(object, &range),
                };
                if !mistakes.is_empty() {
                    return Err(errors::forbidden(attributes, field::aggregate(mistakes)));
                }
            }
            Ok(())
        })
    }
}

/// Says whether ranges apply. The containers of a pod never change, except when it is resized.
///
/// Go: plugin/pkg/admission/limitranger/admission.go SupportsAttributes
fn supports(attributes: &Attributes) -> bool {
    let going_away = attributes.old_object.as_ref().is_some_and(|old| old.deletion_timestamp().is_some());
    let update = attributes.operation == Operation::Update;
    let kind = attributes.is("", "pods", "") && !update
        || attributes.is("", "pods", "resize") && update
        || attributes.is("", "persistentvolumeclaims", "");
    kind && !going_away
}

impl LimitRanger {
    /// Returns the ranges of the object's namespace.
    ///
    /// Go: plugin/pkg/admission/limitranger/admission.go GetLimitRanges
    async fn ranges(&self, attributes: &Attributes) -> Result<Vec<Arc<Object>>, StatusError> {
        errors::wait_for_ready(attributes, &[&self.ranges]).await?;
        let namespace = &attributes.namespace;
        let known = self.ranges.store().in_namespace(namespace);
        if !known.is_empty() {
            return Ok(known);
        }
        // The copy may not have seen a range that was made a moment ago.
        let now = self.clock.now();
        if let Some((_, ranges)) = self.live.lock().get(namespace).filter(|(until, _)| *until > now) {
            return Ok(ranges.clone());
        }
        let resource = GroupVersion::new("", "v1").with_resource("limitranges");
        let list = self.client.resource(&resource).namespace(namespace).list(&[]).await;
        let list = list.map_err(|error| errors::forbidden(attributes, error))?;
        let ranges: Vec<_> = list.items.into_iter().map(Arc::new).collect();
        let mut live = self.live.lock();
        live.retain(|_, (until, _)| *until > now);
        live.insert(namespace.clone(), (now + LIVE_TTL.as_nanos() as Nanos, ranges.clone()));
        Ok(ranges)
    }
}

fn limits<'a>(range: &'a Object, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let limits = range.get(&["spec", "limits"]).and_then(Value::as_array);
    limits.into_iter().flatten().filter(move |limit| limit["type"] == kind)
}

/// Fills in what containers leave out, and tells so in an annotation.
///
/// Go: plugin/pkg/admission/limitranger/admission.go mergePodResourceRequirements
fn fill_in(pod: &mut Object, range: &Object) {
    let (mut requests, mut maxima) = (Map::new(), Map::new());
    for limit in limits(range, "Container") {
        for (defaults, field) in [(&mut requests, "defaultRequest"), (&mut maxima, "default")] {
            defaults.extend(limit[field].as_object().cloned().unwrap_or_default());
        }
    }
    let mut told = Vec::new();
    for (list, kind) in [("containers", "container"), ("initContainers", "init container")] {
        let containers = pod.0.get_mut("spec").and_then(|spec| spec.get_mut(list)).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default().to_owned();
            for (defaults, field, what) in [(&requests, "requests", "request"), (&maxima, "limits", "limit")] {
                let set = fill_in_list(container, field, defaults);
                if !set.is_empty() {
                    told.push(format!("{} {what} for {kind} {name}", set.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        pod.set(&["metadata", "annotations", ANNOTATION], format!("LimitRanger plugin set: {}", told.join("; ")));
    }
}

/// Adds the defaults that a resource list lacks, and returns their names.
fn fill_in_list(container: &mut Value, field: &str, defaults: &Map<String, Value>) -> Vec<String> {
    let missing = |name: &String| container["resources"][field].get(name).is_none();
    let names: Vec<String> = defaults.keys().filter(|name| missing(name)).cloned().collect();
    if !names.is_empty() {
        let resources = &mut container["resources"];
        if !resources.is_object() {
            *resources = json!({});
        }
        let list = &mut resources[field];
        if !list.is_object() {
            *list = json!({});
        }
        for name in &names {
            list[name] = defaults[name].clone();
        }
    }
    names
}

/// Go: plugin/pkg/admission/limitranger/admission.go PodValidateLimitFunc
fn check_pod(pod: &Object, range: &Object) -> Vec<String> {
    let Some(spec) = pod.get(&["spec"]) else { return Vec::new() };
    let mut mistakes = Vec::new();
    for limit in limits(range, "Container") {
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array().into_iter().flatten() {
                let part = |part: Part| pod_resources::read(&container["resources"][part.field()]);
                check(limit, "Container", &part(Part::Requests), &part(Part::Limits), &mut mistakes);
            }
        }
    }
    for limit in limits(range, "Pod") {
        let part = |part| pod_resources::of_containers(spec, part);
        check(limit, "Pod", &part(Part::Requests), &part(Part::Limits), &mut mistakes);
    }
    mistakes
}

fn check(limit: &Value, kind: &str, requests: &ResourceList, maxima: &ResourceList, mistakes: &mut Vec<String>) {
    for (name, min) in pod_resources::read(&limit["min"]) {
        mistakes.extend(check_min(kind, &name, min, requests.get(&name), maxima.get(&name)));
    }
    for (name, max) in pod_resources::read(&limit["max"]) {
        let start = format!("maximum {name} usage per {kind} is {max}");
        mistakes.extend(match (requests.get(&name), maxima.get(&name)) {
            (_, None) => Some(format!("{start}.  No limit is specified")),
            (_, Some(limit)) if *limit > max => Some(format!("{start}, but limit is {limit}")),
            (Some(request), _) if *request > max => Some(format!("{start}, but request is {request}")),
            _ => None,
        });
    }
    for (name, ratio) in pod_resources::read(&limit["maxLimitRequestRatio"]) {
        mistakes.extend(check_ratio(kind, &name, ratio, requests.get(&name), maxima.get(&name)));
    }
}

/// Go: plugin/pkg/admission/limitranger/admission.go minConstraint
fn check_min(
    kind: &str,
    name: &str,
    min: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let start = format!("minimum {name} usage per {kind} is {min}");
    match (request, limit) {
        (None, _) => Some(format!("{start}.  No request is specified")),
        (Some(request), _) if *request < min => Some(format!("{start}, but request is {request}")),
        (_, Some(limit)) if *limit < min => Some(format!("{start}, but limit is {limit}")),
        _ => None,
    }
}

/// Go: plugin/pkg/admission/limitranger/admission.go limitRequestRatioConstraint
fn check_ratio(
    kind: &str,
    name: &str,
    max: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let start = format!("{name} max limit to request ratio per {kind} is {max}");
    let Some(request) = request.filter(|request| !request.is_zero()) else {
        return Some(format!("{start}, but no request is specified or request is 0"));
    };
    let Some(limit) = limit.filter(|limit| !limit.is_zero()) else {
        return Some(format!("{start}, but no limit is specified or limit is 0"));
    };
    let ratio = limit.as_f64() / request.as_f64();
    (ratio > max.as_f64()).then(|| format!("{start}, but provided ratio is {ratio:.6}"))
}

/// Go: plugin/pkg/admission/limitranger/admission.go PersistentVolumeClaimValidateLimitFunc
fn check_claim(claim: &Object, range: &Object) -> Vec<String> {
    const KIND: &str = "PersistentVolumeClaim";
    let requests = claim.get(&["spec", "resources", "requests"]).map(pod_resources::read).unwrap_or_default();
    let mut mistakes = Vec::new();
    for limit in limits(range, KIND) {
        for (name, min) in pod_resources::read(&limit["min"]) {
            mistakes.extend(check_min(KIND, &name, min, requests.get(&name), None));
        }
        for (name, max) in pod_resources::read(&limit["max"]) {
            let start = format!("maximum {name} usage per {KIND} is {max}");
            mistakes.extend(match requests.get(&name) {
                None => Some(format!("{start}.  No request is specified")),
                Some(request) if *request > max => Some(format!("{start}, but request is {request}")),
                Some(_) => None,
            });
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(limit: Value) -> Object {
        Object::from_value(json!({"spec": {"limits": [limit]}})).expect("object")
    }

    fn pod(resources: Value) -> Object {
        Object::from_value(json!({"spec": {"containers": [{"name": "main", "resources": resources}]}})).expect("object")
    }

    #[test]
    fn defaults_are_filled_in_and_told() {
        let range = range(
            json!({"type": "Container", "default": {"cpu": "500m", "memory": "256Mi"}, "defaultRequest": {"cpu": "100m"}}),
        );
        let mut pod = pod(json!({"limits": {"cpu": "1"}}));
        fill_in(&mut pod, &range);
        let told = "LimitRanger plugin set: cpu request for container main; memory limit for container main";
        assert_eq!(pod.annotations()[ANNOTATION], told);
        let resources = &pod.get(&["spec", "containers"]).expect("containers")[0]["resources"];
        assert_eq!(*resources, json!({"limits": {"cpu": "1", "memory": "256Mi"}, "requests": {"cpu": "100m"}}));
    }

    #[test]
    fn sentences_are_those_of_kubernetes() {
        let range = range(
            json!({"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "10"}}),
        );
        let mistakes = |resources| check_pod(&pod(resources), &range);
        assert_eq!(
            mistakes(json!({"requests": {"cpu": "10m"}, "limits": {"cpu": "60m"}})),
            ["minimum cpu usage per Container is 50m, but request is 10m"]
        );
        assert_eq!(
            mistakes(json!({"requests": {"cpu": "3"}, "limits": {"cpu": "3"}})),
            ["maximum cpu usage per Container is 2, but limit is 3"]
        );
        let ratio = "cpu max limit to request ratio per Container is 10, but provided ratio is 15.000000";
        assert_eq!(mistakes(json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "1500m"}})), [ratio]);
    }
}
