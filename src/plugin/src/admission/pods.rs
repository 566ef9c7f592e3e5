//! Small plugins for pods that are off by default, and one for services.
//!
//! Go: plugin/pkg/admission/{alwayspullimages,antiaffinity,extendedresourcetoleration,network/denyserviceexternalips}

use std::{collections::BTreeSet, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    runtime::object::{self, Object},
    validation::field::{self, Path},
};
use apiserver::admission::{
    attributes::{Attributes, Operation},
    errors,
    initializer::Initializers,
    interfaces::Interface,
};
use serde_json::{Value, json};

use crate::admission::{plain::Plain, tolerations};

/// The plugin that makes nodes ask the registry each time, so that nobody runs an image without the right to pull it.
pub const ALWAYS_PULL_IMAGES: &str = "AlwaysPullImages";
/// The plugin that lets pods keep others away from their node only.
pub const HARD_ANTI_AFFINITY: &str = "LimitPodHardAntiAffinityTopology";
/// The plugin that lets pods onto the nodes whose devices they ask for.
pub const EXTENDED_RESOURCE_TOLERATION: &str = "ExtendedResourceToleration";
/// The plugin that forbids services to claim addresses outside of the cluster.
pub const DENY_EXTERNAL_IPS: &str = "DenyServiceExternalIPs";

const WRITES: &[Operation] = &[Operation::Create, Operation::Update];

/// Fields of a pod's spec that hold containers.
pub(super) const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Makes AlwaysPullImages.
pub fn new_always_pull_images(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let plain = Plain { name: ALWAYS_PULL_IMAGES, operations: WRITES, admit: Some(pull), validate: Some(check_pull) };
    Ok(plain.shared())
}

/// Makes LimitPodHardAntiAffinityTopology.
pub fn new_hard_anti_affinity(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let plain =
        Plain { name: HARD_ANTI_AFFINITY, operations: WRITES, admit: None, validate: Some(check_anti_affinity) };
    Ok(plain.shared())
}

/// Makes ExtendedResourceToleration.
pub fn new_extended_resource_toleration(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let name = EXTENDED_RESOURCE_TOLERATION;
    Ok(Plain { name, operations: WRITES, admit: Some(tolerate), validate: None }.shared())
}

/// Makes DenyServiceExternalIPs.
pub fn new_deny_external_ips(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let plain = Plain { name: DENY_EXTERNAL_IPS, operations: WRITES, admit: None, validate: Some(check_external_ips) };
    Ok(plain.shared())
}

/// Returns the pod of a write of pods themselves.
fn pod(attributes: &Attributes) -> Option<&Object> {
    attributes.object.as_ref().filter(|_| attributes.is("", "pods", ""))
}

/// Go: plugin/pkg/admission/alwayspullimages/admission.go Admit
fn pull(attributes: &mut Attributes) -> Result<(), StatusError> {
    if pod(attributes).is_none() || !has_new_images(attributes) {
        return Ok(());
    }
    let spec = attributes.object.as_mut().and_then(|pod| pod.0.get_mut("spec"));
    let Some(spec) = spec else { return Ok(()) };
    for list in CONTAINER_LISTS {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            container["imagePullPolicy"] = json!("Always");
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if volume["image"].is_object() {
            volume["image"]["pullPolicy"] = json!("Always");
        }
    }
    Ok(())
}

/// Go: plugin/pkg/admission/alwayspullimages/admission.go Validate
fn check_pull(attributes: &Attributes) -> Result<(), StatusError> {
    let Some(pod) = pod(attributes).filter(|_| has_new_images(attributes)) else { return Ok(()) };
    let mut mistakes = Vec::new();
    for list in CONTAINER_LISTS {
        let containers = pod.get(&["spec", list]).and_then(Value::as_array).into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let policy = container["imagePullPolicy"].as_str().unwrap_or_default();
            if policy != "Always" {
                let path = Path::new("spec").child(list).index(index).child("imagePullPolicy");
                mistakes.push(field::Error::not_supported(&path, policy, &["Always"]).to_string());
            }
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(errors::forbidden(attributes, field::aggregate(mistakes))) }
}

/// Says whether an update brings an image that the old state does not have; a new pod always does.
///
/// Go: plugin/pkg/admission/alwayspullimages/admission.go isUpdateWithNoNewImages
fn has_new_images(attributes: &Attributes) -> bool {
    let images = |object: &Object| -> BTreeSet<String> {
        let lists = CONTAINER_LISTS.iter().filter_map(|list| object.get(&["spec", list]).and_then(Value::as_array));
        lists.flatten().filter_map(|container| container["image"].as_str()).map(str::to_owned).collect()
    };
    match (&attributes.object, &attributes.old_object) {
        (Some(new), Some(old)) => !images(new).is_subset(&images(old)),
        _ => true,
    }
}

/// Go: plugin/pkg/admission/antiaffinity/admission.go Validate
fn check_anti_affinity(attributes: &Attributes) -> Result<(), StatusError> {
    const HOSTNAME: &str = "kubernetes.io/hostname";
    let path = ["spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = pod(attributes).and_then(|pod| pod.get(&path)).and_then(Value::as_array);
    let mut keys = terms.into_iter().flatten().map(|term| term["topologyKey"].as_str().unwrap_or_default());
    match keys.find(|key| *key != HOSTNAME) {
        None => Ok(()),
        Some(key) => {
            let start = "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey";
            Err(errors::forbidden(attributes, format!("{start} {key} but only key {HOSTNAME} is allowed")))
        }
    }
}

/// Go: plugin/pkg/admission/extendedresourcetoleration/admission.go Admit
fn tolerate(attributes: &mut Attributes) -> Result<(), StatusError> {
    let Some(pod) = pod(attributes) else { return Ok(()) };
    let mut names = BTreeSet::new();
    for list in ["initContainers", "containers"] {
        for container in pod.get(&["spec", list]).and_then(Value::as_array).into_iter().flatten() {
            let requests = container["resources"]["requests"].as_object().into_iter().flatten();
            names.extend(requests.map(|(name, _)| name.clone()).filter(|name| is_extended(name)));
        }
    }
    let known = pod.get(&["spec", "tolerations"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let added = names.into_iter().map(|name| json!({"key": name, "operator": "Exists"})).collect();
    let merged = tolerations::merge(known, added);
    if let Some(pod) = attributes.object.as_mut().filter(|_| !merged.is_empty()) {
        pod.set(&["spec", "tolerations"], merged);
    }
    Ok(())
}

/// Says whether a resource is a device of somebody's own: its name has a domain, and not one of Kubernetes'.
///
/// Go: pkg/apis/core/helper/helpers.go IsExtendedResourceName
pub(super) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// Go: plugin/pkg/admission/network/denyserviceexternalips/admission.go Validate
fn check_external_ips(attributes: &Attributes) -> Result<(), StatusError> {
    if !attributes.is("", "services", "") {
        return Ok(());
    }
    let addresses = |object: &Option<Object>| -> BTreeSet<String> {
        let list =
            object.as_ref().map(|object| object::strings(object.get(&["spec", "externalIPs"]))).unwrap_or_default();
        list.into_iter().map(str::to_owned).collect()
    };
    if addresses(&attributes.object).is_subset(&addresses(&attributes.old_object)) {
        return Ok(());
    }
    Err(errors::forbidden(attributes, "Use of external IPs is denied by admission control"))
}
