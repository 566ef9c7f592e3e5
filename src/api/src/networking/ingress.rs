//! Ingress: which host and path lead to which service.
//!
//! Go: pkg/apis/networking/validation/validation.go ValidateIngressCreate, pkg/registry/networking/ingress/strategy.go

use apimachinery::{
    runtime::object::Object,
    util::{
        ip::{Strictness, is_valid_ip_for_legacy_field, parse_ip_sloppy, warnings_for_ip},
        validation,
    },
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use super::typed_reference;
use crate::{
    node::Node,
    rules::{Part, Rules},
    validation::{dns_label, dns_subdomain, each, port_number},
};

/// What came before `spec.ingressClassName`.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const NO_ADDRESS: &str = "must be a DNS name, not an IP address";

pub(super) const INGRESS: Rules = Rules {
    validate: validate_create,
    validate_update: |ingress, _| validate(ingress),
    warnings_on_create: |ingress| {
        let deprecated = ingress.annotations().contains_key(CLASS_ANNOTATION);
        let text =
            "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
        deprecated.then(|| text.to_owned()).into_iter().collect()
    },
    status: Part {
        validate_update: validate_status,
        warnings_on_update: |ingress, _| {
            let list = Node::of(ingress, "status.loadBalancer").items("ingress");
            list.iter().map(|one| one.child("ip")).flat_map(|ip| warnings_for_ip(&ip.path, ip.as_str())).collect()
        },
        ..Part::PLAIN
    },
    ..Rules::WITH_STATUS
};

fn validate_create(ingress: &Object) -> ErrorList {
    let mut errors = validate(ingress);
    let class = ingress.str(&["spec", "ingressClassName"]);
    let annotations = ingress.annotations();
    if let Some(old) = annotations.get(CLASS_ANNOTATION)
        && ingress.get(&["spec", "ingressClassName"]).is_some_and(|class| !class.is_null())
        && old != class
    {
        let path = Path::new("annotations").child(CLASS_ANNOTATION);
        let text = "must match `ingressClassName` when both are specified";
        errors.push(Error::invalid(&path, old.as_str(), text));
    }
    errors
}

/// Go: ValidateIngressSpec
fn validate(ingress: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(ingress, "spec");
    if spec.len("rules") == 0 && !spec.has("defaultBackend") {
        let shown = spec.get("rules").cloned().unwrap_or_default();
        let text = "either `defaultBackend` or `rules` must be specified";
        errors.push(Error::invalid(&spec.path, apimachinery::validation::field::BadValue::Value(shown), text));
    }
    if spec.has("defaultBackend") {
        backend(&mut errors, &spec.child("defaultBackend"));
    }
    for rule in spec.items("rules") {
        self::rule(&mut errors, &rule);
    }
    for tls in spec.items("tls") {
        for host in tls.items("hosts") {
            host_name(&mut errors, &host);
        }
        let secret = tls.child("secretName");
        if !secret.as_str().is_empty() {
            dns_subdomain(&mut errors, &secret);
        }
    }
    if spec.has("ingressClassName") {
        dns_subdomain(&mut errors, &spec.child("ingressClassName"));
    }
    errors
}

/// Requires a host, or all hosts below one.
fn host_name(errors: &mut ErrorList, host: &Node<'_>) {
    if host.as_str().contains('*') {
        each(errors, host, validation::is_wildcard_dns1123_subdomain(host.as_str()));
    } else {
        dns_subdomain(errors, &host.clone().or_empty());
    }
}

/// Go: validateIngressRules
fn rule(errors: &mut ErrorList, rule: &Node<'_>) {
    let host = rule.child("host");
    if !host.as_str().is_empty() {
        if parse_ip_sloppy(host.as_str()).is_some() {
            errors.push(host.invalid(NO_ADDRESS));
        }
        host_name(errors, &host);
    }
    let http = rule.child("http");
    if !http.is_set() {
        return;
    }
    if http.len("paths") == 0 {
        errors.push(http.child("paths").required(""));
    }
    for path in http.items("paths") {
        self::path(errors, &path);
    }
}

/// Go: validateHTTPIngressPath
fn path(errors: &mut ErrorList, node: &Node<'_>) {
    let (kind, path) = (node.child("pathType"), node.child("path").or_empty());
    if !kind.is_set() {
        errors.push(kind.required("pathType must be specified"));
        return;
    }
    let text = path.as_str();
    match kind.as_str() {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                errors.push(path.invalid("must be an absolute path"));
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|part| text.contains(part)) {
                errors.push(path.invalid(format!("must not contain '{part}'")));
            }
            for end in ["/..", "/."].into_iter().filter(|end| text.ends_with(end)) {
                errors.push(path.invalid(format!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.push(path.invalid("must be an absolute path"));
            }
        }
        _ => errors.push(kind.not_supported(&["Exact", "ImplementationSpecific", "Prefix"])),
    }
    backend(errors, &node.child("backend"));
}

/// Go: validateIngressBackend
fn backend(errors: &mut ErrorList, backend: &Node<'_>) {
    let refused = |text: &str| Error::invalid(&backend.path, Value::from(""), text);
    match (backend.has("resource"), backend.has("service")) {
        (true, true) => errors.push(refused("cannot set both resource and service backends")),
        (true, false) => typed_reference(errors, &backend.child("resource")),
        (false, true) => {
            let service = backend.child("service");
            let name = service.child("name");
            if name.as_str().is_empty() {
                errors.push(name.required(""));
            } else {
                dns_label(errors, &name);
            }
            match (service.text("port.name"), service.int("port.number")) {
                ("", 0) => errors.push(backend.required("port name or number is required")),
                ("", _) => port_number(errors, &service.child("port.number")),
                (name, 0) => each(errors, &service.child("port.name"), validation::is_valid_port_name(name)),
                _ => errors.push(refused("cannot set both port name & port number")),
            }
        }
        (false, false) => errors.push(refused("resource or service backend is required")),
    }
}

/// Go: ValidateIngressLoadBalancerStatus
fn validate_status(ingress: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let old_list = Node::of(old, "status.loadBalancer").items("ingress");
    let before: Vec<&str> = old_list.iter().map(|one| one.text("ip")).collect();
    for one in Node::of(ingress, "status.loadBalancer").items("ingress") {
        let (address, host) = (one.child("ip"), one.child("hostname"));
        if !address.as_str().is_empty() {
            let strictness = Strictness::Strict;
            errors.extend(is_valid_ip_for_legacy_field(&address.path, address.as_str(), strictness, &before));
        }
        if !host.as_str().is_empty() {
            dns_subdomain(&mut errors, &host);
            if parse_ip_sloppy(host.as_str()).is_some() {
                errors.push(host.invalid(NO_ADDRESS));
            }
        }
    }
    errors
}
