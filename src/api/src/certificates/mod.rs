//! CertificateSigningRequest: asks a signer for a certificate. Approving and signing are parts of their own.
//!
//! ```text
//!   create            who asks is written in by the server; nobody can pretend to be another
//!   /approval         conditions Approved and Denied
//!   /status           the certificate, and every other condition
//! ```
//!
//! Go: pkg/apis/certificates/validation/validation.go, pkg/registry/certificates/certificates/strategy.go
//!
//! `pem` reads what stands in PEM; `validation` says what is wrong.

mod pem;
mod validation;

use apimachinery::{api::validation::name::NameUsage, meta::time, runtime::object::Object};
use serde_json::Value;

use self::validation::Allowed;
use crate::rules::{Part, Request, Rules, keep};

/// Fields that tell who asks.
const REQUESTER: [&str; 4] = ["username", "uid", "groups", "extra"];

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static REQUEST: Rules = CERTIFICATE_SIGNING_REQUEST;
    (kind == "CertificateSigningRequest").then_some(&REQUEST)
}

const CERTIFICATE_SIGNING_REQUEST: Rules = Rules {
    validate_name: any_name,
    default: |request| {
        crate::defaults::made(&mut request.0, "spec");
    },
    has_status: true,
    prepare_for_create: name_requester,
    prepare_for_update: |_, request, old| keep(request, old, &["spec"]),
    validate: |request| validation::validate(request),
    validate_update: |request, old| validation::validate_update(request, old, Allowed::Nothing),
    fields: |request| vec![("spec.signerName", request.str(&["spec", "signerName"]).to_owned())],
    status: Part {
        prepare_for_update: |how, request, old| {
            keep(request, old, &["spec"]);
            stamp_conditions(how, request, old);
        },
        validate_update: |request, old| validation::validate_update(request, old, Allowed::Certificate),
        ..Part::PLAIN
    },
    ..Rules::PLAIN
};

/// `certificatesigningrequests/approval`: only conditions change.
pub const APPROVAL: Part = Part {
    prepare_for_update: |how, request, old| {
        let conditions = request.get(&["status", "conditions"]).cloned();
        keep(request, old, &["spec"]);
        keep(request, old, &["status"]);
        match conditions {
            Some(conditions) => request.set(&["status", "conditions"], conditions),
            None => {
                request.remove(&["status", "conditions"]);
            }
        }
        stamp_conditions(how, request, old);
    },
    validate_update: |request, old| validation::validate_update(request, old, Allowed::Approval),
    reset_fields: &[&["spec"], &["status", "certificate"]],
    ..Part::PLAIN
};

fn any_name(_: &str, _: NameUsage) -> Vec<String> {
    Vec::new()
}

/// Writes down who asks, whatever the client says.
fn name_requester(how: &Request, request: &mut Object) {
    for field in REQUESTER {
        match how.requester.get(field) {
            Some(value) => request.set(&["spec", field], value.clone()),
            None => {
                request.remove(&["spec", field]);
            }
        }
    }
}

/// Says when conditions changed, where the client does not.
///
/// Go: populateConditionTimestamps
fn stamp_conditions(how: &Request, request: &mut Object, old: &Object) {
    let now = Value::from(time::rfc3339(how.now));
    let before = old.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let conditions = request.0.get_mut("status").and_then(|status| status.get_mut("conditions"));
    for condition in conditions.and_then(Value::as_array_mut).into_iter().flatten() {
        let is_unset = |condition: &Value, field: &str| condition.get(field).is_none_or(Value::is_null);
        if is_unset(condition, "lastUpdateTime") {
            condition["lastUpdateTime"] = now.clone();
        }
        if is_unset(condition, "lastTransitionTime") {
            let same = before.iter().find(|old| {
                old["type"] == condition["type"]
                    && old["status"] == condition["status"]
                    && !is_unset(old, "lastTransitionTime")
            });
            let since = same.map_or(&now, |old| &old["lastTransitionTime"]).clone();
            condition["lastTransitionTime"] = since;
        }
    }
}
