//! What a claim got: its allocation, who has reserved it, and what drivers say of the devices.
//!
//! Go: pkg/apis/resource/validation/validation.go validateResourceClaimStatusUpdate

use apimachinery::{
    meta::validation::{validate_conditions, validate_label_name},
    runtime::object::Object,
    util::ip::is_valid_interface_address,
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::{Value, json};

use super::{
    class::{MOST_CONFIGS, configuration, json_object},
    each_of, each_once, names,
    requests::{references, toleration},
    selector::Age,
};
use crate::{
    gostruct,
    node::Node,
    rules::{self, Request, differs, same},
    validation::{FIELD_IMMUTABLE, go_struct, node_selector, one_of, required_text},
};

const MOST_CONSUMERS: usize = 256;
const MOST_RESULTS: usize = 32;
const MOST_BINDING_CONDITIONS: usize = 4;
const MOST_DEVICE_CONDITIONS: usize = 8;
const LONGEST_DATA: usize = 10 << 10;
const MOST_IPS: usize = 16;

/// Devices that are no longer allocated lose what was said of them.
pub(super) fn prepare_for_update(_: &Request, claim: &mut Object, old: &Object) {
    rules::keep(claim, old, &["spec"]);
    rules::reset_object_meta_for_status(claim, old);
    let (before, now) = (allocated(&Node::of(old, "status")), allocated(&Node::of(claim, "status")));
    let Some(Value::Array(mut devices)) = claim.remove(&["status", "devices"]) else { return };
    devices.retain(|device| {
        let id = device_id(&Node::root(device));
        !before.contains(&id) || now.contains(&id)
    });
    if !devices.is_empty() {
        claim.set(&["status", "devices"], devices);
    }
}

/// Driver, pool, device and share.
type DeviceId = [String; 4];

fn device_id(device: &Node<'_>) -> DeviceId {
    ["driver", "pool", "device", "shareID"].map(|field| device.text(field).to_owned())
}

fn allocated(status: &Node<'_>) -> Vec<DeviceId> {
    status.items("allocation.devices.results").iter().map(device_id).collect()
}

/// Go: ValidateResourceClaimStatusUpdate
pub(super) fn validate_update(claim: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let (status, before) = (Node::of(claim, "status"), Node::of(old, "status"));
    reserved_for(&mut errors, claim, &status, &before);
    devices(&mut errors, &status);
    let allocation = status.child("allocation");
    if allocation.is_set() && before.has("allocation") {
        if differs(claim, old, "status.allocation") {
            let shown = gostruct::shown(allocation.value, "io.k8s.api.resource.v1.AllocationResult");
            errors.push(Error::invalid(&allocation.path, shown, FIELD_IMMUTABLE));
        }
    } else if allocation.is_set() {
        allocation_result(&mut errors, &allocation, &Node::of(claim, "spec").child("devices"));
    }
    errors
}

fn reserved_for(errors: &mut ErrorList, claim: &Object, status: &Node<'_>, before: &Node<'_>) {
    let list = status.child("reservedFor");
    each_once(
        errors,
        &list,
        MOST_CONSUMERS,
        |consumer| consumer.text("uid"),
        |errors, consumer| {
            ["resource", "name", "uid"].iter().for_each(|field| required_text(errors, &consumer.child(field)));
        },
    );
    if status.len("reservedFor") == 0 {
        return;
    }
    let known = before.items("reservedFor");
    let is_new = |consumer: &Node<'_>| !known.iter().any(|other| same(other.value, consumer.value));
    if !status.has("allocation") {
        errors.push(list.forbidden("may not be specified when `allocated` is not set"));
    } else if claim.deletion_timestamp().is_some() && list.items_here().iter().any(is_new) {
        let text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
        errors.push(list.forbidden(text));
    }
}

/// Go: validateDeviceStatus
fn devices(errors: &mut ErrorList, status: &Node<'_>) {
    let allocated = allocated(status);
    let items = status.items("devices");
    for (index, device) in items.iter().enumerate() {
        common(errors, device);
        let id = device_id(device);
        let value = json!({"driver": id[0], "pool": id[1], "device": id[2], "shareID": id[3]});
        let shown = || go_struct(Some(&value), "Driver Pool Device ShareID");
        if !allocated.contains(&id) {
            errors.push(Error::invalid(&device.path, shown(), "must be an allocated device in the claim"));
        }
        conditions(errors, &device.child("conditions"));
        if device.has("data") {
            json_object(errors, &device.child("data"), LONGEST_DATA);
        }
        network(errors, &device.child("networkData"));
        if items[..index].iter().any(|other| device_id(other) == id) {
            errors.push(Error::duplicate(&device.path, shown()));
        }
    }
}

fn conditions(errors: &mut ErrorList, list: &Node<'_>) {
    let conditions: &[Value] = list.value.and_then(Value::as_array).map_or(&[], Vec::as_slice);
    if conditions.len() > MOST_DEVICE_CONDITIONS {
        errors.push(Error::too_many(&list.path, conditions.len(), MOST_DEVICE_CONDITIONS));
    }
    errors.extend(validate_conditions(conditions, &list.path));
}

fn network(errors: &mut ErrorList, data: &Node<'_>) {
    for (field, longest) in [("interfaceName", 256), ("hardwareAddress", 128)] {
        if data.text(field).len() > longest {
            errors.push(Error::too_long(&data.path.child(field), longest));
        }
    }
    each_once(
        errors,
        &data.child("ips"),
        MOST_IPS,
        |address| address.as_str(),
        |errors, address| {
            errors.extend(is_valid_interface_address(&address.path, address.as_str()));
        },
    );
}

/// What names a device, wherever it is named.
fn common(errors: &mut ErrorList, device: &Node<'_>) {
    names::driver(errors, &device.child("driver"));
    names::pool(errors, &device.child("pool"));
    names::label(errors, &device.child("device").or_empty());
    let share = device.child("shareID");
    if share.is_set() {
        names::uid(errors, &share);
    }
}

/// Checks a new allocation. Go: validateAllocationResult
fn allocation_result(errors: &mut ErrorList, allocation: &Node<'_>, devices: &Node<'_>) {
    each_of(errors, &allocation.child("devices.results"), MOST_RESULTS, |errors, result| {
        names::request_reference(errors, &result.child("request").or_empty(), devices);
        common(errors, result);
        binding(errors, result);
        result.items("tolerations").iter().for_each(|item| toleration(errors, item));
    });
    each_of(errors, &allocation.child("devices.config"), 2 * MOST_CONFIGS, |errors, config| {
        one_of(errors, &config.child("source"), &["FromClaim", "FromClass"]);
        references(errors, &config.child("requests"), devices);
        configuration(errors, config, Age::New);
    });
    let selector = allocation.child("nodeSelector");
    if selector.is_set() {
        node_selector(errors, &selector);
    }
}

/// Conditions to wait for, and those that end the wait: both or none, each once.
///
/// Go: validateDeviceBindingParameters
pub(super) fn binding(errors: &mut ErrorList, device: &Node<'_>) {
    let lists = ["bindingConditions", "bindingFailureConditions"].map(|field| device.child(field));
    for list in &lists {
        each_of(errors, list, MOST_BINDING_CONDITIONS, |errors, name| {
            errors.extend(validate_label_name(name.as_str(), &name.path));
        });
    }
    let [success, failure] = lists.each_ref().map(Node::items_here);
    for list in [&success, &failure] {
        for (index, name) in list.iter().enumerate() {
            if list[..index].iter().any(|other| other.value == name.value) {
                errors.push(name.duplicate());
            }
        }
    }
    for name in failure.iter().filter(|name| success.iter().any(|other| other.value == name.value)) {
        errors.push(name.invalid("bindingFailureConditions must not overlap with bindingConditions"));
    }
    let missing = |list: &Node<'_>, text: &str| {
        let shown = BadValue::Value(list.value.cloned().unwrap_or_default());
        Error::invalid(&list.path, shown, text)
    };
    match (success.is_empty(), failure.is_empty()) {
        (true, false) => {
            errors.push(missing(&lists[0], "bindingConditions are required to use bindingFailureConditions"));
        }
        (false, true) => {
            errors.push(missing(&lists[1], "bindingFailureConditions are required to use bindingConditions"));
        }
        _ => {}
    }
}
