//! Services, ingresses and what they lead to.
//!
//! Go: pkg/printers/internalversion/printers.go printService, printIngress, printEndpoints...

use std::{collections::BTreeSet, time::Duration};

use apimachinery::runtime::object::Object;
use serde_json::Value;

use super::{
    Printer,
    cells::{NONE, UNSET, age, labels, or, selector, spec, status},
};
use crate::node::Node;

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    ("", "Service", Printer::new("Type Cluster-IP External-IP Port(s) Age Selector*", service)),
    ("", "Endpoints", Printer::new("Endpoints Age", |object, now| vec![endpoints(object).into(), age(object, now)])),
    ("discovery.k8s.io", "EndpointSlice", Printer::new("AddressType Ports Endpoints Age", endpoint_slice)),
    ("networking.k8s.io", "Ingress", Printer::new("Class Hosts Address Ports Age", ingress)),
    ("networking.k8s.io", "IngressClass", Printer::new("Controller Parameters Age", ingress_class)),
    (
        "networking.k8s.io",
        "NetworkPolicy",
        Printer::new("Pod-Selector Age", |object, now| {
            vec![selector(spec(object).get("podSelector")), age(object, now)]
        }),
    ),
    (
        "networking.k8s.io",
        "ServiceCIDR",
        Printer::new("CIDRs Age", |object, now| vec![spec(object).texts("cidrs").join(",").into(), age(object, now)]),
    ),
    // The age has no column, but a cell.
    (
        "networking.k8s.io",
        "IPAddress",
        Printer::new("ParentRef", |object, now| vec![parent(&spec(object).child("parentRef")), age(object, now)]),
    ),
];

fn parent(parent: &Node<'_>) -> Value {
    let dotted = match (parent.text("resource"), parent.text("group")) {
        (resource, "") => resource.to_owned(),
        (resource, group) => format!("{resource}.{group}"),
    };
    let parts = [dotted.as_str(), parent.text("namespace"), parent.text("name")];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/").into()
}

fn service(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let kind = spec.text("type");
    let address = spec.texts("clusterIPs").first().copied().unwrap_or_default();
    let ports: Vec<String> = spec
        .items("ports")
        .iter()
        .map(|port| match port.int("nodePort") {
            0 => format!("{}/{}", port.int("port"), port.text("protocol")),
            node => format!("{}:{node}/{}", port.int("port"), port.text("protocol")),
        })
        .collect();
    vec![
        kind.into(),
        or(address, NONE),
        external(object, &spec, kind).into(),
        or(&ports.join(","), NONE),
        age(object, now),
        labels(spec.get("selector")),
    ]
}

/// Go: getServiceExternalIP
fn external(object: &Object, spec: &Node<'_>, kind: &str) -> String {
    let own = spec.texts("externalIPs").join(",");
    let or_none = |text: String| if text.is_empty() { NONE.to_owned() } else { text };
    match kind {
        "ExternalName" => spec.text("externalName").to_owned(),
        "LoadBalancer" => {
            let balancer = addresses(&status(object));
            match (balancer.is_empty(), own.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (false, false) => format!("{balancer},{own}"),
                _ => balancer + &own,
            }
        }
        _ => or_none(own),
    }
}

/// Where a load balancer is reached, each address once, sorted. Go: loadBalancerStatusStringer
fn addresses(status: &Node<'_>) -> String {
    let points = status.items("loadBalancer.ingress");
    let shown =
        points.iter().map(|point| if point.text("ip").is_empty() { point.text("hostname") } else { point.text("ip") });
    shown.filter(|text| !text.is_empty()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

/// Go: formatEndpoints
fn endpoints(object: &Object) -> String {
    const MOST: usize = 3;
    let (mut shown, mut count) = (Vec::new(), 0);
    for subset in Node::of(object, "subsets").items_here() {
        let (ports, addresses) = (subset.items("ports"), subset.items("addresses"));
        if ports.is_empty() {
            count += addresses.len();
            shown.extend(addresses.iter().map(|address| address.text("ip").to_owned()));
        }
        for port in ports {
            count += addresses.len();
            shown.extend(addresses.iter().map(|address| {
                let ip = address.text("ip");
                let ip = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
                format!("{ip}:{}", port.int("port"))
            }));
        }
    }
    shown.truncate(MOST);
    match shown.join(",") {
        text if text.is_empty() => NONE.to_owned(),
        text if count > MOST => format!("{text} + {} more...", count - MOST),
        text => text,
    }
}

fn endpoint_slice(object: &Object, now: Duration) -> Vec<Value> {
    let ports = Node::of(object, "ports").items_here();
    let ports: Vec<String> = ports
        .iter()
        .map(|port| match port.opt_int("port") {
            Some(number) => number.to_string(),
            None if port.has("name") => port.text("name").to_owned(),
            None => "*".to_owned(),
        })
        .collect();
    let endpoints = Node::of(object, "endpoints").items_here();
    let addresses: Vec<&str> = endpoints.iter().flat_map(|endpoint| endpoint.texts("addresses")).collect();
    vec![object.str(&["addressType"]).into(), several(&ports), several(&addresses), age(object, now)]
}

/// The first three, and how many more there are.
fn several<T: AsRef<str>>(items: &[T]) -> Value {
    let shown: Vec<&str> = items.iter().take(3).map(AsRef::as_ref).collect();
    match items.len() {
        0 => UNSET.into(),
        count if count > 3 => format!("{} + {} more...", shown.join(","), count - 3).into(),
        _ => shown.join(",").into(),
    }
}

fn ingress(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let rules = spec.items("rules");
    let mut hosts: Vec<&str> = rules.iter().map(|rule| rule.text("host")).filter(|host| !host.is_empty()).collect();
    let count = hosts.len();
    hosts.truncate(3);
    let hosts = match (count, hosts.join(",")) {
        (0, _) => "*".to_owned(),
        (count, text) if count > 3 => format!("{text} + {} more...", count - 3),
        (_, text) => text,
    };
    let ports = if spec.len("tls") > 0 { "80, 443" } else { "80" };
    vec![
        or(spec.text("ingressClassName"), NONE),
        hosts.into(),
        addresses(&status(object)).into(),
        ports.into(),
        age(object, now),
    ]
}

fn ingress_class(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let parameters = spec.child("parameters");
    let shown = if parameters.is_set() {
        let kind = parameters.text("kind");
        match parameters.text("apiGroup") {
            "" => format!("{kind}/{}", parameters.text("name")),
            group => format!("{kind}.{group}/{}", parameters.text("name")),
        }
    } else {
        NONE.to_owned()
    };
    vec![spec.text("controller").into(), shown.into(), age(object, now)]
}
