//! What is wrong with a request for a certificate, and with what became of it.
//!
//! Go: pkg/apis/certificates/validation/validation.go, pkg/apis/core/validation/validation.go ValidateSignerName

use apimachinery::{
    runtime::object::Object,
    util::{
        strconv,
        validation::{is_dns1123_label, is_dns1123_subdomain},
    },
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use super::pem;
use crate::node::Node;

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
/// How long a domain, and a label of it, may be.
const MAX_SUBDOMAIN: usize = 253;
const MAX_LABEL: usize = 63;

/// What an update may do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Neither.
    Nothing,
    /// Approve or deny.
    Approval,
    /// Set the certificate.
    Certificate,
}

pub(super) fn validate(request: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(request, "spec");
    if let Err(text) = pem::check_request(spec.get("request")) {
        errors.push(Error::invalid(&spec.path.child("request"), spec.child("request").shown(), text));
    }
    usages(&mut errors, &spec);
    let signer = spec.child("signerName");
    if signer.as_str() == LEGACY_SIGNER {
        errors.push(signer.invalid("the legacy signerName is not allowed via this API version"));
    } else {
        signer_name(&mut errors, &signer);
    }
    if spec.opt_int("expirationSeconds").is_some_and(|seconds| seconds < 600) {
        let text = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(spec.child("expirationSeconds").invalid(text));
    }
    conditions(&mut errors, &Node::of(request, "status.conditions"));
    let certificate = Node::of(request, "status.certificate");
    if let Err(text) = pem::check_certificates(certificate.value) {
        errors.push(Error::invalid(&certificate.path, Value::from("<certificate data>"), text));
    }
    errors
}

fn usages(errors: &mut ErrorList, spec: &Node<'_>) {
    if spec.len("usages") == 0 {
        errors.push(spec.child("usages").required(""));
    }
    let items = spec.items("usages");
    for usage in items.iter().filter(|usage| !USAGES.contains(&usage.as_str())) {
        errors.push(usage.not_supported(&USAGES));
    }
    for (index, usage) in items.iter().enumerate() {
        if items[..index].iter().any(|other| other.as_str() == usage.as_str()) {
            errors.push(usage.duplicate());
        }
    }
}

/// Requires `example.com/name`.
fn signer_name(errors: &mut ErrorList, signer: &Node<'_>) {
    let name = signer.as_str();
    if name.is_empty() {
        errors.push(signer.required(""));
        return;
    }
    let segments: Vec<&str> = name.split('/').collect();
    let [domain, path] = segments.as_slice() else {
        let text = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        errors.push(signer.invalid(text));
        return;
    };
    if domain.len() > MAX_SUBDOMAIN {
        errors.push(Error::too_long(&signer.path, MAX_SUBDOMAIN));
    }
    labels(errors, signer, domain, is_dns1123_label);
    if !domain.contains('.') {
        let text = "should be a domain with at least two segments separated by dots";
        errors.push(Error::invalid(&signer.path, *domain, text));
    }
    labels(errors, signer, path, is_dns1123_subdomain);
    let longest = MAX_SUBDOMAIN + MAX_SUBDOMAIN + MAX_LABEL + 2;
    if name.len() > longest {
        errors.push(Error::too_long(&signer.path, longest));
    }
}

/// Says what is wrong with the first part that is wrong.
fn labels(errors: &mut ErrorList, signer: &Node<'_>, segment: &str, check: fn(&str) -> Vec<String>) {
    let broken = segment.split('.').map(|label| (label, check(label))).find(|(_, texts)| !texts.is_empty());
    let Some((label, texts)) = broken else { return };
    for text in texts {
        let text = format!("validating label {}: {text}", strconv::quote(label));
        errors.push(Error::invalid(&signer.path, segment, text));
    }
}

fn conditions(errors: &mut ErrorList, conditions: &Node<'_>) {
    let items = conditions.items_here();
    for (index, condition) in items.iter().enumerate() {
        let (kind, status) = (condition.child("type"), condition.child("status"));
        if kind.as_str().is_empty() {
            errors.push(kind.required(""));
        }
        let decides = matches!(kind.as_str(), "Approved" | "Denied" | "Failed");
        match status.as_str() {
            "" => errors.push(status.required("")),
            "True" => {}
            "False" | "Unknown" if !decides => {}
            _ if decides => errors.push(status.not_supported(&["True"])),
            _ => errors.push(status.not_supported(&["False", "True", "Unknown"])),
        }
        if items[..index].iter().any(|other| other.text("type") == kind.as_str()) {
            errors.push(kind.or_empty().duplicate());
        }
    }
    let has = |kind: &str| items.iter().any(|condition| condition.text("type") == kind);
    if has("Approved") && has("Denied") {
        let text = "Approved and Denied conditions are mutually exclusive";
        errors.push(Error::invalid(&conditions.path, Value::from("Denied"), text));
    }
}

/// Go: validateCertificateSigningRequestUpdate
pub(super) fn validate_update(request: &Object, old: &Object, allowed: Allowed) -> ErrorList {
    let mut errors = validate(request);
    let list = Node::of(request, "status.conditions");
    let of = |object: &Object, kind: &str| -> Vec<Value> {
        let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
        conditions.into_iter().flatten().filter(|condition| condition["type"] == kind).cloned().collect()
    };
    for kind in ["Approved", "Denied", "Failed"] {
        if of(request, kind).len() < of(old, kind).len() {
            errors.push(list.forbidden(format!("updates may not remove a condition of type \"{kind}\"")));
        }
    }
    for kind in ["Approved", "Denied"].into_iter().filter(|_| allowed != Allowed::Approval) {
        let (new, before) = (of(request, kind), of(old, kind));
        if new.len() > before.len() {
            errors.push(list.forbidden(format!("updates may not add a condition of type \"{kind}\"")));
        } else if new.len() == before.len() && new != before {
            errors.push(list.forbidden(format!("updates may not modify a condition of type \"{kind}\"")));
        }
    }
    let (certificate, before) = (Node::of(request, "status.certificate"), Node::of(old, "status.certificate"));
    if certificate.as_str() != before.as_str() {
        if allowed != Allowed::Certificate {
            errors.push(certificate.forbidden("updates may not set certificate content"));
        } else if !before.as_str().is_empty() {
            errors.push(certificate.forbidden("updates may not modify existing certificate content"));
        }
    }
    errors
}
