//! What a kubelet, or whoever else writes `pods/status`, may say of a pod.
//!
//! Go: pkg/apis/core/validation/validation.go ValidatePodStatusUpdate

use std::net::IpAddr;

use apimachinery::{
    api::validation::name::name_is_dns_subdomain,
    runtime::object::Object,
    util::{
        ip::{self, Strictness},
        validation,
    },
    validation::field::{BadValue, Error, ErrorList, Path},
};

use super::update;
use crate::{
    node::Node,
    rules::same,
    validation::{duplicate_struct, each, go_struct, immutable, named, supported},
};

/// The lists of statuses, with the list of containers each is about.
const LISTS: [(&str, &str); 3] = [
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
];

pub(super) fn validate(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    update::annotations(&mut errors, object, old);
    let (status, before) = (Node::of(object, "status"), Node::of(old, "status"));
    let spec = Node::of(old, "spec");
    conditions(&mut errors, &status);
    let nominated = status.child("nominatedNodeName");
    if !nominated.as_str().is_empty() && !same(nominated.value, before.get("nominatedNodeName")) {
        named(&mut errors, &nominated, name_is_dns_subdomain);
    }
    immutable(&mut errors, &status.child("qosClass"), &before.child("qosClass"));
    for (list, _) in LISTS {
        stays_terminated(&mut errors, &status, &before, &spec, list);
    }
    claims(&mut errors, &status, &spec);
    addresses(&mut errors, &status, &before, "podIPs");
    if status.len("hostIPs") > 0 {
        let first = status.child("hostIPs").index(0).child("ip");
        if status.text("hostIP") != first.as_str() {
            errors.push(first.invalid("must be equal to `hostIP`"));
        }
        addresses(&mut errors, &status, &before, "hostIPs");
    }
    for (list, _) in LISTS {
        users(&mut errors, &status, &spec, list);
    }
    for (list, containers) in LISTS {
        allocated(&mut errors, &status, &spec, list, containers);
    }
    errors
}

/// Conditions that the system does not know have names like labels. Go has them in the metadata.
fn conditions(errors: &mut ErrorList, status: &Node<'_>) {
    let path = Path::new("metadata").child("conditions");
    for (index, condition) in status.items("conditions").iter().enumerate() {
        let kind = condition.child("type").or_empty().at(path.index(index).child("Type"));
        if !matches!(kind.as_str(), "PodScheduled" | "Ready" | "Initialized") {
            each(errors, &kind, validation::is_qualified_name(kind.as_str()));
        }
    }
}

/// A container that came to its end does not run again, unless it is to be restarted; ephemeral ones never are.
///
/// Go: ValidateContainerStateTransition, ValidateInitContainerStateTransition
fn stays_terminated(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>, spec: &Node<'_>, list: &str) {
    let policy = if list == "ephemeralContainerStatuses" { "Never" } else { spec.text("restartPolicy") };
    if policy == "Always" {
        return;
    }
    let sidecars = spec.items("initContainers");
    for status in old.items(list) {
        let name = status.text("name");
        let restarts = list == "initContainerStatuses"
            && sidecars
                .iter()
                .any(|container| container.text("name") == name && container.text("restartPolicy") == "Always");
        let failed = status.int("state.terminated.exitCode") != 0;
        if !status.has("state.terminated") || (failed && policy == "OnFailure") || restarts {
            continue;
        }
        for new in new.items(list).iter().filter(|new| new.text("name") == name) {
            if !new.has("state.terminated") {
                let path = status.path.child("state");
                errors.push(Error::forbidden(&path, "may not be transitioned to non-terminated state"));
            }
        }
    }
}

/// Go: validatePodResourceClaimStatuses
fn claims(errors: &mut ErrorList, status: &Node<'_>, spec: &Node<'_>) {
    let known = spec.items("resourceClaims");
    let statuses = status.items("resourceClaimStatuses");
    for (index, claim) in statuses.iter().enumerate() {
        let name = claim.child("name").or_empty();
        if !known.iter().any(|known| known.text("name") == name.as_str()) {
            errors.push(name.invalid("must match the name of an entry in `spec.resourceClaims`"));
        }
        if statuses[..index].iter().any(|other| other.text("name") == name.as_str()) {
            errors.push(name.duplicate());
        }
        let made = claim.child("resourceClaimName");
        if made.is_set() {
            named(errors, &made.at(claim.path.child("name")), name_is_dns_subdomain);
        }
    }
}

/// At most one address of each family. Go: validatePodIPs, validateHostIPs
fn addresses(errors: &mut ErrorList, status: &Node<'_>, before: &Node<'_>, list: &str) {
    let items = status.items(list);
    let held: Vec<&str> = before.items(list).iter().map(|item| item.text("ip")).collect();
    for item in &items {
        errors.extend(ip::is_valid_ip_for_legacy_field(&item.path, item.text("ip"), Strictness::Strict, &held));
    }
    if items.len() < 2 {
        return;
    }
    let families: Vec<bool> =
        items.iter().filter_map(|item| ip::parse_ip_sloppy(item.text("ip"))).map(|ip: IpAddr| ip.is_ipv4()).collect();
    let is_dual = families.contains(&true) && families.contains(&false);
    if !is_dual || items.len() > 2 {
        let shown: Vec<String> = items.iter().map(|item| go_struct(item.value, "IP:ip").to_string()).collect();
        let shown = BadValue::Text(format!("[{}]", shown.join(",")));
        let text = "may specify no more than one IP for each IP family";
        errors.push(Error::invalid(&status.path.child(list), shown, text));
    }
    for (index, item) in items.iter().enumerate() {
        if items[..index].iter().any(|other| other.text("ip") == item.text("ip")) {
            errors.push(duplicate_struct(item, "IP:ip"));
        }
    }
}

/// As whom containers run. Go: validateContainerStatusUsers
fn users(errors: &mut ErrorList, status: &Node<'_>, spec: &Node<'_>, list: &str) {
    for container in status.items(list) {
        let linux = container.child("user.linux").at(container.path.child("linux"));
        if !linux.is_set() {
            continue;
        }
        match spec.text("os.name") {
            "windows" => errors.push(linux.forbidden("cannot be set for a windows pod")),
            "" | "linux" => {
                each(errors, &linux.child("uid"), validation::is_valid_user_id(linux.int("uid")));
                each(errors, &linux.child("gid"), validation::is_valid_group_id(linux.int("gid")));
                for group in linux.items("supplementalGroups") {
                    each(errors, &group, validation::is_valid_group_id(group.as_int()));
                }
            }
            _ => {}
        }
    }
}

/// Resources that a status tells the health of are those its container asks for.
///
/// Go: validateContainerStatusAllocatedResourcesStatus, validateContainerStatusNoAllocatedResourcesStatus
fn allocated(errors: &mut ErrorList, status: &Node<'_>, spec: &Node<'_>, list: &str, containers: &str) {
    const FIELD: &str = "allocatedResourcesStatus";
    let containers = spec.items(containers);
    for status in status.items(list) {
        if list == "ephemeralContainerStatuses" {
            if status.len(FIELD) > 0 {
                errors.push(status.child(FIELD).forbidden("must not be specified in container status"));
            }
            continue;
        }
        let container = containers.iter().find(|container| container.text("name") == status.text("name"));
        for resource in status.items(FIELD) {
            // Whether the container is known at all is not asked.
            if let Some(container) = container {
                asked_for(errors, container, &resource.child("name").or_empty());
            }
            health(errors, &resource.items("resources"));
        }
    }
}

fn asked_for(errors: &mut ErrorList, container: &Node<'_>, name: &Node<'_>) {
    let (is_asked_for, text) = match name.as_str().strip_prefix("claim:") {
        Some(name) => (
            container.items("resources.claims").iter().any(|claim| match claim.text("request") {
                "" => claim.text("name") == name,
                request => name == format!("{}/{request}", claim.text("name")),
            }),
            "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or \
             'claim:<claimName>' if request is empty",
        ),
        None => (
            container.child("resources.requests").has_key(name.as_str()),
            "must match one of the container's resource requests",
        ),
    };
    if !is_asked_for {
        errors.push(name.invalid(text));
    }
}

fn health(errors: &mut ErrorList, parts: &[Node<'_>]) {
    for (index, part) in parts.iter().enumerate() {
        supported(errors, &part.child("health").or_empty(), &["Healthy", "Unhealthy", "Unknown"]);
        let id = part.child("resourceID").or_empty();
        if parts[..index].iter().any(|other| other.text("resourceID") == id.as_str()) {
            errors.push(id.duplicate());
        }
    }
}
