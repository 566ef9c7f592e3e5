//! Probes and lifecycle hooks of a container.
//!
//! Go: pkg/apis/core/validation/validation.go validateProbe, validateHandler, validateLifecycle

use apimachinery::{
    util::validation,
    validation::field::{Error, ErrorList},
};

use super::containers::Pod;
use crate::{
    node::Node,
    validation::{each, not_negative, port_number, port_number_or_name, required_text, supported},
};

pub(super) fn all(errors: &mut ErrorList, pod: &Pod<'_>, container: &Node<'_>) {
    for hook in ["lifecycle.postStart", "lifecycle.preStop"] {
        let hook = container.child(hook);
        if hook.is_set() {
            handler(errors, pod, &hook);
        }
    }
    let signal = container.child("lifecycle.stopSignal");
    if signal.is_set() && !pod.spec.has("os.name") {
        errors.push(signal.forbidden("may not be set for containers with empty `spec.os.name`"));
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let node = container.child(name);
        if node.is_set() {
            probe(errors, pod, &node);
            let seconds = node.child("terminationGracePeriodSeconds");
            if name == "readinessProbe" {
                if seconds.is_set() {
                    errors.push(seconds.invalid("must not be set for readinessProbes"));
                }
            } else if node.int("successThreshold") != 1 {
                errors.push(node.child("successThreshold").invalid("must be 1"));
            }
        }
    }
}

fn probe(errors: &mut ErrorList, pod: &Pod<'_>, probe: &Node<'_>) {
    handler(errors, pod, probe);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        not_negative(errors, &probe.child(field));
    }
    let seconds = probe.child("terminationGracePeriodSeconds");
    if seconds.is_set() && seconds.as_int() <= 0 {
        errors.push(seconds.invalid("must be greater than 0"));
    }
}

fn handler(errors: &mut ErrorList, pod: &Pod<'_>, handler: &Node<'_>) {
    let mut count = 0;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = handler.child(kind);
        if !action.is_set() {
            continue;
        }
        if count > 0 {
            errors.push(action.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        count += 1;
        match kind {
            "exec" => {
                if action.len("command") == 0 {
                    errors.push(action.child("command").required(""));
                }
            }
            "httpGet" => http_get(errors, &action),
            "tcpSocket" => port_number_or_name(errors, &action.child("port")),
            "grpc" => port_number(errors, &action.child("port")),
            _ => {
                let (seconds, grace) = (action.int("seconds"), pod.grace_period());
                if !(0..=grace).contains(&seconds) {
                    let text = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                    errors.push(Error::invalid(&action.path, seconds, text));
                }
            }
        }
    }
    if count == 0 {
        errors.push(handler.required("must specify a handler type"));
    }
}

fn http_get(errors: &mut ErrorList, action: &Node<'_>) {
    required_text(errors, &action.child("path"));
    port_number_or_name(errors, &action.child("port"));
    supported(errors, &action.child("scheme"), &["HTTP", "HTTPS"]);
    for header in action.items("httpHeaders") {
        let name = header.child("name").or_empty().at(action.path.child("httpHeaders"));
        each(errors, &name, validation::is_http_header_name(name.as_str()));
    }
}
