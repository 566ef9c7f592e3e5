//! Names of drivers, pools, requests and attributes.
//!
//! Go: pkg/apis/resource/validation/validation.go validatePoolName, validateQualifiedName, validateDriverName

use apimachinery::{
    util::validation::{is_c_identifier, is_dns1123_label, is_dns1123_subdomain},
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use crate::{core::volumes::csi_driver, node::Node};

const POOL_NAME_LENGTH: usize = 253;
const IDENTIFIER_LENGTH: usize = 32;
const NO_SUCH_REQUEST: &str =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// A driver is named as a CSI driver is.
pub(super) fn driver(errors: &mut ErrorList, node: &Node<'_>) {
    csi_driver(errors, node);
}

/// Subdomains, joined by slashes.
pub(super) fn pool(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_str().is_empty() {
        return errors.push(node.required(""));
    }
    if node.as_str().len() > POOL_NAME_LENGTH {
        errors.push(Error::too_long(&node.path, POOL_NAME_LENGTH));
    }
    for part in node.as_str().split('/') {
        errors.extend(is_dns1123_subdomain(part).into_iter().map(|text| Error::invalid(&node.path, part, text)));
    }
}

/// The name of a request, a device, a counter: a label, which is not empty.
pub(super) fn label(errors: &mut ErrorList, node: &Node<'_>) {
    label_at(errors, node.as_str(), &node.path);
}

fn label_at(errors: &mut ErrorList, name: &str, path: &Path) {
    errors.extend(is_dns1123_label(name).into_iter().map(|text| Error::invalid(path, name, text)));
}

/// `name`, or `domain/name`: what an attribute or a capacity is called.
pub(super) fn qualified(errors: &mut ErrorList, node: &Node<'_>) {
    let parts: Vec<&str> = node.as_str().split('/').collect();
    match parts[..] {
        [name] => identifier(errors, name, &node.path),
        [domain, name] => {
            if domain.is_empty() {
                errors.push(Error::invalid(&node.path, "", "the domain must not be empty"));
            } else {
                let value = Value::from(domain);
                driver(errors, &Node::new(Some(&value), node.path.clone()));
            }
            if name.is_empty() {
                errors.push(Error::invalid(&node.path, "", "the name must not be empty"));
            } else {
                identifier(errors, name, &node.path);
            }
        }
        _ => {}
    }
}

/// `domain/name`. Go: validateFullyQualifiedName
pub(super) fn fully_qualified(errors: &mut ErrorList, node: &Node<'_>) {
    qualified(errors, node);
    if !node.as_str().contains('/') {
        errors.push(node.invalid("a fully qualified name must be a domain and a name separated by a slash"));
    }
}

fn identifier(errors: &mut ErrorList, name: &str, path: &Path) {
    if name.len() > IDENTIFIER_LENGTH {
        errors.push(Error::too_long(path, IDENTIFIER_LENGTH));
    }
    errors.extend(is_c_identifier(name).into_iter().map(|text| Error::invalid(path, name, text)));
}

/// A reference to a request of the claim, `devices`, or to one of its alternatives.
///
/// Go: validateRequestNameRef
pub(super) fn request_reference(errors: &mut ErrorList, node: &Node<'_>, devices: &Node<'_>) {
    let segments: Vec<&str> = node.as_str().split('/').collect();
    if segments.len() <= 2 {
        segments.iter().for_each(|segment| label_at(errors, segment, &node.path));
    }
    if !names_request(&segments, devices) {
        errors.push(node.clone().or_empty().invalid(NO_SUCH_REQUEST));
    }
}

fn names_request(segments: &[&str], devices: &Node<'_>) -> bool {
    let requests = devices.items("requests");
    let find = |name: &str| requests.iter().rev().find(|request| request.text("name") == name);
    match segments {
        [request] => find(request).is_some(),
        [request, alternative] => find(request).is_some_and(|request| {
            request.items("firstAvailable").iter().any(|other| other.text("name") == *alternative)
        }),
        _ => false,
    }
}

/// A UUID in lower case, with its hyphens. Go: validateUID
pub(super) fn uid(errors: &mut ErrorList, node: &Node<'_>) {
    let text = node.as_str();
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    let normal = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part));
    if !(normal || text.len() == 32 && is_hex(text)) {
        errors.push(node.invalid(format!("error validating uid: invalid UUID length: {}", text.len())));
    } else if !normal || text != text.to_lowercase() {
        errors.push(node.invalid(
            "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters",
        ));
    }
}
