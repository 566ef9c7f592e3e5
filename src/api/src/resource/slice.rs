//! ResourceSlice: devices that a driver offers, at a node or anywhere.
//!
//! Go: pkg/apis/resource/validation/validation.go ValidateResourceSlice, pkg/registry/resource/resourceslice/strategy.go

use std::sync::LazyLock;

use apimachinery::{
    meta::time,
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList},
};
use regex::Regex;
use serde_json::{Value, json};

use super::{capacity, each_entry, each_of, each_once, names, requests::taint, status::binding};
use crate::{
    defaults::items,
    gostruct,
    node::Node,
    rules::{Generation, Request, Rules, same},
    validation::{SUBDOMAIN, go_struct, immutable, named, node_selector},
};

const MOST_DEVICES: usize = 128;
const MOST_COMPLEX_DEVICES: usize = 64;
const MOST_ATTRIBUTES: usize = 32;
const MOST_TAINTS: usize = 16;
const MOST_COUNTER_SETS: usize = 8;
const MOST_COUNTERS: usize = 32;
const MOST_CONSUMPTIONS: usize = 2;
const LONGEST_VALUE: usize = 64;
const LISTS: [&str; 4] = ["ints", "bools", "strings", "versions"];

static SEMANTIC_VERSION: LazyLock<Regex> = LazyLock::new(|| {
    let (number, pre) = (r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)");
    let pattern = format!(r"^{number}\.{number}\.{number}(-{pre}(\.{pre})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$");
    Regex::new(&pattern.replace(r"\d", "[0-9]")).expect("a constant")
});

pub(super) const SLICE: Rules = Rules {
    generation: Generation::Fields(&["spec"]),
    prepare_for_create: |request, slice| prepare(request, slice),
    prepare_for_update: |request, slice, _| prepare(request, slice),
    validate: |slice| validate(slice, None),
    validate_update: |slice, old| validate(slice, Some(old)),
    fields: |slice| {
        let text = |field: &str| slice.str(&["spec", field]).to_owned();
        vec![("spec.nodeName", text("nodeName")), ("spec.driver", text("driver"))]
    },
    ..Rules::PLAIN
};

/// Says since when a device is tainted, and forgets fields that are not enabled.
fn prepare(request: &Request, slice: &mut Object) {
    let Some(spec) = slice.0.get_mut("spec") else { return };
    for device in items(spec, "devices") {
        for taint in items(device, "taints").filter(|taint| taint.get("timeAdded").is_none_or(Value::is_null)) {
            taint["timeAdded"] = json!(time::rfc3339(request.now));
        }
        if let Some(fields) = device.as_object_mut() {
            fields.remove("nodeAllocatableResourceMappings");
        }
        let attributes = device.get_mut("attributes").and_then(Value::as_object_mut);
        for attribute in attributes.into_iter().flat_map(serde_json::Map::values_mut).filter_map(Value::as_object_mut) {
            LISTS.iter().for_each(|list| drop(attribute.remove(*list)));
        }
    }
}

/// Go: validateResourceSliceSpec
fn validate(slice: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(slice, "spec");
    names::driver(&mut errors, &spec.child("driver"));
    pool(&mut errors, &spec.child("pool"));
    if let Some(old) = old {
        let before = Node::of(old, "spec");
        for field in ["pool.name", "driver", "nodeName"] {
            let of = |spec: &Node<'_>| spec.get(field).cloned().or((field != "nodeName").then(|| Value::from("")));
            let (new, before) = (of(&spec), of(&before));
            let path = spec.child(field).path;
            immutable(&mut errors, &Node::new(new.as_ref(), path.clone()), &Node::new(before.as_ref(), path));
        }
    }
    placement(&mut errors, &spec);
    if spec.has("sharedCounters") && spec.has("devices") {
        errors.push(Error::invalid(&spec.path, "", "only one of `sharedCounters` or `devices` is allowed"));
    }
    let devices = spec.child("devices");
    let complex = |device: &Node<'_>| device.len("taints") > 0 || device.len("consumesCounters") > 0;
    let most = if devices.items_here().iter().any(complex) { MOST_COMPLEX_DEVICES } else { MOST_DEVICES };
    let before = old.map(|old| Node::of(old, "spec").items("devices")).unwrap_or_default();
    each_once(
        &mut errors,
        &devices,
        most,
        |device| device.text("name"),
        |errors, item| {
            let old = before.iter().find(|other| other.text("name") == item.text("name"));
            device(errors, item, old, spec.flag("perDeviceNodeSelection"));
        },
    );
    let sets = spec.child("sharedCounters");
    each_once(
        &mut errors,
        &sets,
        MOST_COUNTER_SETS,
        |set| set.text("name"),
        |errors, set| {
            counters(errors, set, "name");
        },
    );
    errors
}

fn pool(errors: &mut ErrorList, pool: &Node<'_>) {
    names::pool(errors, &pool.child("name"));
    let (count, generation) = (pool.int("resourceSliceCount"), pool.int("generation"));
    if count <= 0 {
        errors.push(Error::invalid(&pool.path.child("resourceSliceCount"), count, "must be greater than zero"));
    }
    if generation < 0 {
        let text = "must be greater than or equal to zero";
        errors.push(Error::invalid(&pool.path.child("generation"), generation, text));
    }
}

/// Exactly one field says where the devices are.
fn placement(errors: &mut ErrorList, spec: &Node<'_>) {
    const ONE: &str = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let mut set = Vec::new();
    node_name(errors, spec, &mut set, "must be either unset or set to a non-empty string");
    let selector = spec.child("nodeSelector");
    if selector.is_set() {
        set.push("`nodeSelector`");
        node_selector(errors, &selector);
        let terms = selector.child("nodeSelectorTerms");
        if selector.len("nodeSelectorTerms") != 1 {
            let shown = match selector.get("nodeSelectorTerms") {
                None => BadValue::Value(Value::Null),
                Some(Value::Array(terms)) => {
                    let term =
                        |term: &Value| gostruct::shown(Some(term), "io.k8s.api.core.v1.NodeSelectorTerm").to_string();
                    BadValue::Text(format!("[{}]", terms.iter().map(term).collect::<Vec<_>>().join(",")))
                }
                Some(other) => BadValue::Value(other.clone()),
            };
            errors.push(Error::invalid(&terms.path, shown, "must have exactly one node selector term"));
        }
    }
    unset_or_true(errors, &spec.child("allNodes"), "`allNodes`", &mut set);
    unset_or_true(errors, &spec.child("perDeviceNodeSelection"), "`perDeviceNodeSelection`", &mut set);
    match set.len() {
        0 => errors.push(spec.required(ONE)),
        1 => {}
        _ => {
            let text = format!("{ONE}, but multiple fields are set");
            errors.push(Error::invalid(&spec.path, format!("{{{}}}", set.join(", ")), text));
        }
    }
}

fn node_name(errors: &mut ErrorList, spec: &Node<'_>, set: &mut Vec<&str>, empty: &str) {
    let name = spec.child("nodeName");
    if name.is_set() && name.as_str().is_empty() {
        errors.push(name.invalid(empty));
    } else if name.is_set() {
        set.push("`nodeName`");
        named(errors, &name, SUBDOMAIN);
    }
}

fn unset_or_true<'a>(errors: &mut ErrorList, flag: &Node<'_>, name: &'a str, set: &mut Vec<&'a str>) {
    match flag.value {
        Some(Value::Bool(true)) => set.push(name),
        Some(_) => errors.push(flag.invalid("must be either unset or set to true")),
        None => {}
    }
}

/// Go: validateDevice
fn device(errors: &mut ErrorList, device: &Node<'_>, old: Option<&Node<'_>>, placed: bool) {
    names::label(errors, &device.child("name").or_empty());
    let (attributes, capacities) = (device.child("attributes"), device.child("capacity"));
    let count = device.len("attributes") + device.len("capacity");
    if count > MOST_ATTRIBUTES {
        let text = format!("the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}");
        errors.push(Error::invalid(&device.path, count, text));
    }
    each_entry(errors, &attributes, None, names::qualified, attribute);
    // What did not change is not looked at again.
    let changed = |field: &str| old.is_none_or(|old| !same(old.get(field), device.get(field)));
    if changed("capacity") {
        let shared = device.flag("allowMultipleAllocations");
        each_entry(errors, &capacities, None, names::qualified, |errors, entry| {
            capacity::validate(errors, entry, shared);
        });
    }
    if changed("taints") {
        each_of(errors, &device.child("taints"), MOST_TAINTS, taint);
    }
    let consumed = device.child("consumesCounters");
    each_once(
        errors,
        &consumed,
        MOST_CONSUMPTIONS,
        |set| set.text("counterSet"),
        |errors, set| {
            counters(errors, set, "counterSet");
        },
    );
    device_placement(errors, device, placed);
    binding(errors, device);
}

fn device_placement(errors: &mut ErrorList, device: &Node<'_>, placed: bool) {
    const ONE: &str = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    if !placed {
        if ["nodeName", "nodeSelector", "allNodes"].iter().any(|field| device.has(field)) {
            let text = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            errors.push(Error::invalid(&device.path, BadValue::Value(Value::Null), text));
        }
        return;
    }
    let mut set = Vec::new();
    node_name(errors, device, &mut set, "must not be empty");
    let selector = device.child("nodeSelector");
    if selector.is_set() {
        set.push("`nodeSelector`");
        node_selector(errors, &selector);
    }
    unset_or_true(errors, &device.child("allNodes"), "`allNodes`", &mut set);
    match set.len() {
        0 => errors.push(device.required(ONE)),
        1 => {}
        _ => errors.push(Error::invalid(&device.path, format!("{{{}}}", set.join(", ")), ONE)),
    }
}

/// A set of counters, or what is consumed of one. Go: validateCounterSet, validateDeviceCounterConsumption
fn counters(errors: &mut ErrorList, set: &Node<'_>, name: &str) {
    let (name, counters) = (set.child(name), set.child("counters"));
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        names::label(errors, &name);
    }
    if set.len("counters") == 0 {
        errors.push(counters.required(""));
    } else {
        each_entry(errors, &counters, Some(MOST_COUNTERS), names::label, |_, _| {});
    }
}

/// Go: validateDeviceAttribute
fn attribute(errors: &mut ErrorList, attribute: &Node<'_>) {
    const ONE: &str = "exactly one value must be specified";
    let (text, version) = (attribute.child("string"), attribute.child("version"));
    if version.is_set() && !SEMANTIC_VERSION.is_match(version.as_str()) {
        errors.push(version.invalid("must be a string compatible with semver.org spec 2.0.0"));
    }
    for value in [&text, &version] {
        if value.as_str().len() > LONGEST_VALUE {
            errors.push(Error::too_long(&value.path, LONGEST_VALUE));
        }
    }
    match ["int", "bool", "string", "version"].iter().filter(|field| attribute.has(field)).count() {
        0 => errors.push(Error::invalid(&attribute.path, "", ONE)),
        1 => {}
        _ => {
            let fields = "IntValue:int? BoolValue:bool? StringValue:string? VersionValue:version? \
                          IntValues:ints? BoolValues:bools? StringValues:strings? VersionValues:versions?";
            errors.push(Error::invalid(&attribute.path, go_struct(attribute.value, fields), ONE));
        }
    }
}
