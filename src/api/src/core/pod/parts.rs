//! Ports, environment and resize policies of a container.
//!
//! Go: pkg/apis/core/validation/validation.go validateContainerPorts, ValidateEnv, ValidateEnvFrom

use apimachinery::{
    api::validation::name::name_is_dns_subdomain,
    util::validation,
    validation::field::{Error, ErrorList},
};

use super::{containers::Pod, fields};
use crate::{
    core::{endpoints::PROTOCOLS, volumes::no_backsteps},
    node::Node,
    validation::{dns_label, each, named, one_of, port_number},
};

pub(super) fn ports(errors: &mut ErrorList, container: &Node<'_>) {
    let mut names = Vec::new();
    for port in container.items("ports") {
        let name = port.child("name");
        if !name.as_str().is_empty() {
            let sentences = validation::is_valid_port_name(name.as_str());
            if !sentences.is_empty() {
                each(errors, &name, sentences);
            } else if names.contains(&name.as_str()) {
                errors.push(name.duplicate());
            } else {
                names.push(name.as_str());
            }
        }
        if port.int("containerPort") == 0 {
            errors.push(port.child("containerPort").required(""));
        } else {
            port_number(errors, &port.child("containerPort"));
        }
        if port.int("hostPort") != 0 {
            port_number(errors, &port.child("hostPort"));
        }
        one_of(errors, &port.child("protocol"), &PROTOCOLS);
    }
}

pub(super) fn variables(errors: &mut ErrorList, container: &Node<'_>) {
    for variable in container.items("env") {
        let name = variable.child("name");
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        } else {
            each(errors, &name, validation::is_relaxed_env_var_name(name.as_str()));
        }
        if variable.has("valueFrom") {
            value_from(errors, &variable);
        }
    }
}

/// Go: validateEnvVarValueFrom
fn value_from(errors: &mut ErrorList, variable: &Node<'_>) {
    let source = variable.child("valueFrom");
    let mut count = 0;
    let mut part = |name: &str| {
        let part = source.child(name);
        count += usize::from(part.is_set());
        Some(part).filter(Node::is_set)
    };
    if let Some(reference) = part("fieldRef") {
        fields::of_object(errors, &reference, &fields::OF_VARIABLES);
    }
    if let Some(reference) = part("resourceFieldRef") {
        fields::of_container(errors, &reference, false);
    }
    for name in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(reference) = part(name) {
            named(errors, &reference.child("name").or_empty(), name_is_dns_subdomain);
            let key = reference.child("key");
            if key.as_str().is_empty() {
                errors.push(key.required(""));
            } else {
                each(errors, &key, validation::is_config_map_key(key.as_str()));
            }
        }
    }
    if let Some(reference) = part("fileKeyRef") {
        file_key(errors, &reference);
    }
    let refused = if count == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if !variable.text("value").is_empty() {
        "may not be specified when `value` is not empty"
    } else if count > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    errors.push(Error::invalid(&source.path, "", refused));
}

/// Go: validateFileKeySelector
fn file_key(errors: &mut ErrorList, reference: &Node<'_>) {
    let [key, volume, path] = ["key", "volumeName", "path"].map(|name| reference.child(name));
    for part in [&key, &volume, &path] {
        if part.as_str().is_empty() {
            errors.push(part.required(""));
        }
    }
    if !key.as_str().is_empty() {
        each(errors, &key, validation::is_relaxed_env_var_name(key.as_str()));
    }
    if !volume.as_str().is_empty() {
        dns_label(errors, &volume);
    }
    no_backsteps(errors, &path);
}

pub(super) fn variable_sources(errors: &mut ErrorList, container: &Node<'_>) {
    let list = container.child("envFrom");
    for source in list.items_here() {
        let prefix = source.child("prefix");
        if !prefix.as_str().is_empty() {
            each(errors, &prefix, validation::is_relaxed_env_var_name(prefix.as_str()));
        }
        let references = [source.child("configMapRef"), source.child("secretRef")];
        for reference in references.iter().filter(|reference| reference.is_set()) {
            let name = reference.child("name");
            if name.as_str().is_empty() {
                errors.push(name.required(""));
            } else {
                named(errors, &name, name_is_dns_subdomain);
            }
        }
        match references.iter().filter(|reference| reference.is_set()).count() {
            0 => {
                errors.push(Error::invalid(&list.path, "", "must specify one of: `configMapRef` or `secretRef`"));
            }
            1 => {}
            _ => {
                let text = "may not have more than one field specified at a time";
                errors.push(Error::invalid(&list.path, "", text));
            }
        }
    }
}

/// Go: validateResizePolicy
pub(super) fn resize_policy(errors: &mut ErrorList, pod: &Pod<'_>, container: &Node<'_>) {
    let list = container.child("resizePolicy");
    let mut seen = Vec::new();
    for policy in list.items_here() {
        let (resource, restart) = (policy.text("resourceName"), policy.text("restartPolicy"));
        if seen.contains(&resource) {
            errors.push(Error::duplicate(&policy.path, resource));
        }
        seen.push(resource);
        match resource {
            "cpu" | "memory" => {}
            "" => errors.push(list.required("")),
            _ => errors.push(Error::not_supported(&list.path, resource, &["cpu", "memory"])),
        }
        match restart {
            "NotRequired" | "RestartContainer" => {}
            "" => errors.push(list.required("")),
            _ => errors.push(Error::not_supported(&list.path, restart, &["NotRequired", "RestartContainer"])),
        }
        if pod.spec.text("restartPolicy") == "Never" && restart != "NotRequired" {
            let text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(Error::invalid(&list.path, restart, text));
        }
    }
}
