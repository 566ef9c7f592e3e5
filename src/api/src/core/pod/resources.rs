//! What containers ask for and may use, and the class of service that follows.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateContainerResourceRequirements, pkg/apis/core/helper/qos/qos.go

use std::collections::BTreeMap;

use apimachinery::{
    api::resource::Quantity,
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use crate::{
    node::{Node, at},
    validation::{
        container_resource_name, dns_label, is_huge_page_resource, is_native_resource, less, resource_name,
        resource_quantity,
    },
};

/// What may be asked for by the pod as a whole.
const POD_LEVEL: [&str; 3] = ["cpu", "hugepages-", "memory"];

/// Says whether a pod as a whole may ask for a resource.
pub fn is_pod_level_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_page_resource(name)
}

/// Says whether more of a resource may be promised than there is. Go: IsOvercommitAllowed
pub fn may_be_overcommitted(name: &str) -> bool {
    is_native_resource(name) && !is_huge_page_resource(name)
}

/// Checks the resources of a container. `claims` are the names of the pod's resource claims.
pub(super) fn container(errors: &mut ErrorList, resources: &Node<'_>, claims: &[&str]) {
    requirements(errors, resources, container_resource_name);
    claim_names(errors, resources, claims);
}

/// Checks an overhead as if it were a container's limits; errors name `limits` under the path.
///
/// Go: validateOverhead
pub fn overhead(errors: &mut ErrorList, overhead: &Node<'_>) {
    let resources = json!({"limits": overhead.value});
    requirements(errors, &Node::new(Some(&resources), overhead.path.clone()), container_resource_name);
}

/// Checks the resources of the pod itself, and that its containers fit in.
///
/// Go: validatePodResources
pub(super) fn pod(errors: &mut ErrorList, spec: &Node<'_>, claims: &[&str]) {
    let resources = spec.child("resources");
    if !resources.is_set() {
        return;
    }
    if spec.text("os.name") == "windows" {
        return errors.push(resources.forbidden("may not be set for a windows pod"));
    }
    if resources.has("claims") {
        errors.push(resources.child("claims").forbidden("claims may not be set for Resources at pod-level"));
    }
    requirements(errors, &resources, |errors, entry, name| {
        let before = errors.len();
        resource_name(errors, entry, name);
        if errors.len() == before && !is_pod_level_resource(name) {
            errors.push(Error::not_supported(&entry.path, name, &POD_LEVEL));
        }
    });
    claim_names(errors, &resources, claims);
    if let Some(value) = spec.value {
        fits(errors, spec, &resources, value);
    }
}

/// Containers have to fit into what their pod has. Go: validatePodResourceConsistency
fn fits(errors: &mut ErrorList, spec: &Node<'_>, resources: &Node<'_>, value: &Value) {
    for (name, sum) in aggregate(value, "resources.requests") {
        let entry = resources.child("requests").key(&name);
        if let Some(own) = entry.as_quantity().filter(|own| less(*own, sum)) {
            let text = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.push(Error::invalid(&entry.path, own.to_string(), text));
        }
    }
    for (name, sum) in aggregate(value, "resources.limits").into_iter().filter(|(name, _)| is_huge_page_resource(name))
    {
        let entry = resources.child("limits").key(&name);
        if let Some(own) = entry.as_quantity().filter(|own| less(*own, sum)) {
            let text = format!("must be greater than or equal to aggregate container limits of {sum}");
            errors.push(Error::invalid(&entry.path, own.to_string(), text));
        }
    }
    for container in spec.items("containers") {
        for (name, entry) in container.entries("resources.limits") {
            let of_pod = resources.child("limits").key(name).as_quantity();
            if let (Some(of_pod), Some(own)) = (of_pod, entry.as_quantity())
                && less(of_pod, own)
            {
                // The path is put together in another order than the field's, and under the pod's resources.
                let index = container.path.to_string();
                let index = index.rsplit_once('[').map_or("0", |(_, index)| index.trim_end_matches(']'));
                let path = resources.path.child("containers").key(index).key(name).child("limits");
                let text = format!("must be less than or equal to pod limits of {of_pod}");
                errors.push(Error::invalid(&path, own.to_string(), text));
            }
        }
    }
}

/// Checks names and amounts, and that nothing is asked for beyond its limit.
///
/// Go: ValidateContainerResourceRequirements
fn requirements(errors: &mut ErrorList, resources: &Node<'_>, name_rule: fn(&mut ErrorList, &Node<'_>, &str)) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    let mut names = Vec::new();
    for (name, entry) in limits.entries_here().into_iter().chain(requests.entries_here()) {
        name_rule(errors, &entry, name);
        resource_quantity(errors, name, &entry);
        huge_page(errors, name, &entry);
        names.push(name);
    }
    for (name, entry) in requests.entries_here() {
        let Some(asked) = entry.as_quantity() else { continue };
        match limits.key(name).as_quantity() {
            Some(limit) => {
                let different = less(asked, limit) || less(limit, asked);
                let text = if different && !may_be_overcommitted(name) {
                    format!("must be equal to {name} limit of {limit}")
                } else if less(limit, asked) {
                    format!("must be less than or equal to {name} limit of {limit}")
                } else {
                    continue;
                };
                errors.push(Error::invalid(&requests.path, asked.to_string(), text));
            }
            None if !may_be_overcommitted(name) => {
                errors.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            None => {}
        }
    }
    let has_huge_pages = names.iter().any(|name| is_huge_page_resource(name));
    if has_huge_pages && !names.iter().any(|name| matches!(*name, "cpu" | "memory")) {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
}

/// Go: validateResourceQuantityHugePageValue
fn huge_page(errors: &mut ErrorList, name: &str, entry: &Node<'_>) {
    let Some(size) = name.strip_prefix("hugepages-").and_then(|size| size.parse::<Quantity>().ok()) else { return };
    let Some(amount) = entry.as_quantity() else { return };
    if size.value() > 0 && amount.value() % size.value() != 0 {
        let text = format!("{amount} is not positive integer multiple of {name}");
        errors.push(Error::invalid(&entry.path, amount.to_string(), text));
    }
}

/// Go: validateResourceClaimNames
fn claim_names(errors: &mut ErrorList, resources: &Node<'_>, claims: &[&str]) {
    let mut seen: Vec<String> = Vec::new();
    for item in resources.items("claims") {
        let (name, request) = (item.text("name"), item.child("request"));
        if name.is_empty() {
            errors.push(item.required(""));
            continue;
        }
        // Whoever uses a claim uses all of its requests.
        if seen.iter().any(|key| key == name) {
            errors.push(Error::duplicate(&item.path, name));
        } else if request.as_str().is_empty() {
            let parts = seen.iter().filter(|key| key.split_once('/').is_some_and(|(claim, _)| claim == name)).count();
            (0..parts).for_each(|_| errors.push(Error::duplicate(&item.path, name)));
            seen.push(name.to_owned());
        } else {
            dns_label(errors, &request);
            let key = format!("{name}/{}", request.as_str());
            if seen.contains(&key) {
                errors.push(Error::duplicate(&item.path, key.as_str()));
            }
            seen.push(key);
        }
        if !claims.contains(&name) {
            let mut error = Error::not_found(&item.path, name);
            "must be one of the names in pod.spec.resourceClaims".clone_into(&mut error.detail);
            error.detail +=
                &(if claims.is_empty() { " which is empty".to_owned() } else { format!(": {}", claims.join(", ")) });
            errors.push(error);
        }
    }
}

/// Adds up what the containers of a pod ask for: all main ones together, or the greediest initial one.
///
/// Go: component-helpers/resource/helpers.go AggregateContainerRequests
pub fn aggregate_requests(spec: &Value) -> BTreeMap<String, Quantity> {
    aggregate(spec, "resources.requests")
}

/// As [`aggregate_requests`], for requests or limits.
fn aggregate(spec: &Value, kind: &str) -> BTreeMap<String, Quantity> {
    let requests = |container: &Value| requests(container, kind);
    let mut sums: BTreeMap<String, Quantity> = BTreeMap::new();
    for container in containers(spec, "containers") {
        add(&mut sums, &requests(container));
    }
    // A sidecar goes on beside everything that starts after it.
    let (mut sidecars, mut greatest) = (BTreeMap::new(), BTreeMap::new());
    for container in containers(spec, "initContainers") {
        let mut asked = requests(container);
        if container.get("restartPolicy").is_some_and(|policy| policy == "Always") {
            add(&mut sums, &asked);
            add(&mut sidecars, &asked);
            asked.clone_from(&sidecars);
        } else {
            add(&mut asked, &sidecars);
        }
        maximum(&mut greatest, &asked);
    }
    maximum(&mut sums, &greatest);
    sums
}

fn containers<'a>(spec: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    spec.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn requests(container: &Value, kind: &str) -> BTreeMap<String, Quantity> {
    let entries = at(Some(container), kind).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), Quantity::from_value(value).ok()?))).collect()
}

fn add(sums: &mut BTreeMap<String, Quantity>, more: &BTreeMap<String, Quantity>) {
    for (name, quantity) in more {
        let sum = sums.get(name).map_or(*quantity, |sum| sum.plus(*quantity));
        sums.insert(name.clone(), sum);
    }
}

fn maximum(sums: &mut BTreeMap<String, Quantity>, others: &BTreeMap<String, Quantity>) {
    for (name, quantity) in others {
        if sums.get(name).is_none_or(|sum| less(*sum, *quantity)) {
            sums.insert(name.clone(), *quantity);
        }
    }
}

/// Returns the class of service: `Guaranteed` where cpu and memory are limited to what is asked for everywhere,
/// `BestEffort` where nothing is asked for, else `Burstable`.
///
/// Go: qos.ComputePodQOS
pub fn qos_class(spec: &Value) -> &'static str {
    let positive = |value: Option<&Value>, list: &str| -> BTreeMap<String, Quantity> {
        let entries = at(value, list).and_then(Value::as_object).into_iter().flatten();
        entries
            .filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory"))
            .filter_map(|(name, value)| Some((name.clone(), Quantity::from_value(value).ok()?)))
            .filter(|(_, quantity)| quantity.sign() > 0)
            .collect()
    };
    let is_same = |a: &BTreeMap<String, Quantity>, b: &BTreeMap<String, Quantity>| {
        a.iter().all(|(name, a)| b.get(name).is_some_and(|b| !less(*a, *b) && !less(*b, *a)))
    };
    let (mut all_requests, mut all_limits) = (BTreeMap::new(), BTreeMap::new());
    let mut guaranteed = true;
    let own = at(Some(spec), "resources");
    let lists: Vec<Option<&Value>> = match own {
        Some(_) => vec![own],
        None => ["containers", "initContainers"]
            .iter()
            .flat_map(|list| containers(spec, list))
            .map(|container| at(Some(container), "resources"))
            .collect(),
    };
    for resources in lists {
        let (requests, limits) = (positive(resources, "requests"), positive(resources, "limits"));
        guaranteed &= limits.len() == 2;
        add(&mut all_requests, &requests);
        add(&mut all_limits, &limits);
    }
    if all_requests.is_empty() && all_limits.is_empty() {
        "BestEffort"
    } else if guaranteed && is_same(&all_requests, &all_limits) && all_requests.len() == all_limits.len() {
        "Guaranteed"
    } else {
        "Burstable"
    }
}
