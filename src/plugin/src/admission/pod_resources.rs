//! What a pod asks for in all.
//!
//! Go: component-helpers/resource/helpers.go
//!
//! Containers run side by side, so they add up. Init containers run one after the other before them, so the largest
//! counts; those that are restarted always (side cars) run on beside what follows.

use std::collections::BTreeMap;

use apimachinery::api::resource::Quantity;
use serde_json::Value;

/// Quantities by resource name.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Reads a resource list; what is no quantity is left out, for validation refuses it.
pub fn read(value: &Value) -> ResourceList {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), quantity(value)?))).collect()
}

/// Reads a quantity, which may be written as a number.
pub fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Adds `more` to `list`, resource by resource.
pub fn add(list: &mut ResourceList, more: &ResourceList) {
    for (name, quantity) in more {
        let sum = list.get(name).map_or(*quantity, |known| known.plus(*quantity));
        list.insert(name.clone(), sum);
    }
}

/// Raises `list` to `other`, resource by resource.
fn raise(list: &mut ResourceList, other: &ResourceList) {
    for (name, quantity) in other {
        if list.get(name).is_none_or(|known| known < quantity) {
            list.insert(name.clone(), *quantity);
        }
    }
}

/// Requests or limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is set aside.
    Requests,
    /// What is the most.
    Limits,
}

impl Part {
    /// Returns the field's name.
    pub fn field(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }
}

/// Returns what the containers of a pod need in all, without the overhead of its runtime class.
///
/// Go: component-helpers/resource/helpers.go PodRequests, PodLimits
pub fn of_containers(spec: &Value, part: Part) -> ResourceList {
    let of = |container: &Value| read(&container["resources"][part.field()]);
    let list = |field: &str| spec[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut total = ResourceList::new();
    for container in list("containers") {
        add(&mut total, &of(container));
    }
    let (mut side_cars, mut largest) = (ResourceList::new(), ResourceList::new());
    for container in list("initContainers") {
        let own = of(container);
        if container["restartPolicy"] == "Always" {
            add(&mut total, &own);
            add(&mut side_cars, &own);
            raise(&mut largest, &side_cars);
        } else {
            let mut together = own;
            add(&mut together, &side_cars);
            raise(&mut largest, &together);
        }
    }
    raise(&mut total, &largest);
    // What is said of the pod as a whole counts instead of the sum.
    total.extend(read(&spec["resources"][part.field()]));
    total
}

/// Returns what a pod needs in all, its overhead included. Limits grow by it only where there is a limit.
pub fn of_pod(spec: &Value, part: Part) -> ResourceList {
    let mut total = of_containers(spec, part);
    let overhead = read(&spec["overhead"]);
    match part {
        Part::Requests => add(&mut total, &overhead),
        Part::Limits => {
            let limited =
                overhead.into_iter().filter(|(name, _)| total.get(name).is_some_and(|limit| !limit.is_zero()));
            let limited: ResourceList = limited.collect();
            add(&mut total, &limited);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn side_cars_count_beside_what_follows_them() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let mut side_car = container("100m");
        side_car["restartPolicy"] = json!("Always");
        let spec = json!({
            "initContainers": [container("300m"), side_car, container("350m")],
            "containers": [container("200m"), container("100m")],
            "overhead": {"cpu": "10m"},
        });
        let total = of_pod(&spec, Part::Requests);
        // 350m beside the side car is more than 300m of containers with it.
        assert_eq!(total["cpu"], "460m".parse().expect("quantity"));
    }
}
