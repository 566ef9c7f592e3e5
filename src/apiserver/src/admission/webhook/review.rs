//! The document that is sent, and the answer that comes back.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/request/admissionreview.go

use std::collections::BTreeMap;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersionKind},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use client::webhook::Answer;
use serde_json::{Map, Value, json};

use crate::{
    admission::{
        attributes::Attributes,
        webhook::{config::Webhook, matcher::Invocation},
    },
    request::context::Context,
};

/// The group of AdmissionReview.
const GROUP: &str = "admission.k8s.io";

/// The objects of a write in the version that a webhook wants.
///
/// Go: apiserver/pkg/admission/conversion.go VersionedAttributes
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The new state.
    pub object: Option<Object>,
    /// The present state.
    pub old_object: Option<Object>,
}

impl Versioned {
    /// Converts the objects of a write.
    pub async fn new(cx: &Context, attributes: &Attributes, kind: &GroupVersionKind) -> Result<Self, StatusError> {
        let convert = async |object: &Option<Object>| match (object, &attributes.interfaces) {
            (Some(object), Some(interfaces)) => {
                // The options of a connection are of a kind of their own and come as they are.
                let to = if object.kind() == kind.kind { kind.group_version() } else { object.gvk().group_version() };
                interfaces.convert(&cx.trace, object.clone(), &to).await.map(Some)
            }
            (object, _) => Ok(object.clone()),
        };
        Ok(Self { object: convert(&attributes.object).await?, old_object: convert(&attributes.old_object).await? })
    }
}

/// Makes the `request` of a review.
///
/// Go: apiserver/pkg/admission/plugin/webhook/request/admissionreview.go CreateV1AdmissionReview
pub fn request(uid: &str, attributes: &Attributes, versioned: &Versioned, invocation: &Invocation) -> Value {
    let kind = |kind: &GroupVersionKind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let resource = |resource: &apimachinery::runtime::schema::GroupVersionResource| json!({"group": resource.group, "version": resource.version, "resource": resource.resource});
    let object = |object: &Option<Object>| object.clone().map_or(Value::Null, Object::into_value);
    let user = &attributes.user;
    let mut user_info = Map::new();
    for (field, value) in [("username", &user.name), ("uid", &user.uid)] {
        if !value.is_empty() {
            user_info.insert(field.to_owned(), json!(value));
        }
    }
    if !user.groups.is_empty() {
        user_info.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        user_info.insert("extra".to_owned(), json!(user.extra));
    }
    let mut request = json!({
        "uid": uid,
        "kind": kind(&invocation.kind),
        "resource": resource(&invocation.resource),
        "requestKind": kind(&attributes.kind),
        "requestResource": resource(&attributes.resource),
        "operation": attributes.operation.as_str(),
        "userInfo": user_info,
        "object": object(&versioned.object),
        "oldObject": object(&versioned.old_object),
        "dryRun": attributes.dry_run,
        "options": object(&attributes.options),
    });
    let optional = [
        ("subResource", &attributes.subresource),
        ("requestSubResource", &attributes.subresource),
        ("name", &attributes.name),
        ("namespace", &attributes.namespace),
    ];
    for (field, value) in optional {
        if !value.is_empty() {
            request[field] = json!(value);
        }
    }
    request
}

/// Returns the first version of AdmissionReview that both sides know.
pub fn version(webhook: &Webhook) -> Result<&'static str, String> {
    let known = |version: &String| ["v1", "v1beta1"].into_iter().find(|known| known == version);
    let found = webhook.review_versions.iter().find_map(known);
    found.ok_or_else(|| "webhook does not accept known AdmissionReview versions (v1, v1beta1)".to_owned())
}

/// Puts a request into its envelope.
pub fn envelope(version: &str, request: Value) -> Vec<u8> {
    let review = json!({"kind": "AdmissionReview", "apiVersion": format!("{GROUP}/{version}"), "request": request});
    review.to_string().into_bytes()
}

/// What a webhook says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Whether it agrees.
    pub allowed: bool,
    /// Why not: a Status; null if it does not say.
    pub result: Value,
    /// Annotations for the audit event, without the webhook's name.
    pub audit_annotations: BTreeMap<String, String>,
    /// Warnings for the client.
    pub warnings: Vec<String>,
    /// A JSON patch; empty: none.
    pub patch: Vec<u8>,
    /// The type of the patch.
    pub patch_type: String,
}

/// Whether a patch is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patches {
    /// It is.
    Welcome,
    /// It is a mistake.
    Refused,
}

/// Reads the body of an answer; the error is the one of Go's decoder.
pub fn decode(answer: &Answer) -> Result<Value, String> {
    if answer.body.is_empty() {
        return Err(format!(
            "0-length response with status code: {} and content type: {}",
            answer.code, answer.content_type
        ));
    }
    // What is no JSON is YAML to Go's decoder, and plain words are a string there.
    let review = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(String::new()));
    let shape = match &review {
        Value::Object(_) => return check_kind(review),
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Bool(_) => "bool",
        Value::Null | Value::Number(_) => "number",
    };
    Err(format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {shape} into Go value of type struct \
         {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    ))
}

/// Refuses kinds that nobody knows. An answer that does not say what it is may pass, if it has no response.
fn check_kind(review: Value) -> Result<Value, String> {
    let text = |field: &str, default: &str| review[field].as_str().unwrap_or(default).to_owned();
    let (api_version, kind) = (text("apiVersion", "admission.k8s.io/v1"), text("kind", "AdmissionReview"));
    let known = ["v1", "v1beta1"].iter().any(|version| api_version == format!("{GROUP}/{version}"));
    if !known || kind != "AdmissionReview" {
        let scheme = "k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go";
        return Err(format!("no kind {kind:?} is registered for version {api_version:?} in scheme {scheme:?}"));
    }
    Ok(review)
}

/// Checks an answer.
///
/// Go: apiserver/pkg/admission/plugin/webhook/request/admissionreview.go VerifyAdmissionResponse
pub fn verify(uid: &str, review: &Value, patches: Patches) -> Result<Verdict, String> {
    let Some(response) = review["response"].as_object() else {
        return Err("webhook response was absent".to_owned());
    };
    let text = |field: &str| response.get(field).and_then(Value::as_str);
    let patch = text("patch").unwrap_or_default();
    let patch = BASE64_STANDARD.decode(patch).map_err(|error| error.to_string())?;
    let patch_type = text("patchType");
    // The first version was never checked, and its answers may be sloppy.
    if review["apiVersion"] != format!("{GROUP}/v1beta1") {
        let answered = text("uid").unwrap_or_default();
        if answered != uid {
            return Err(format!("expected response.uid={uid:?}, got {answered:?}"));
        }
        if review["apiVersion"].is_null() || review["kind"].is_null() {
            return Err(
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=".to_owned()
            );
        }
        check_patch(&patch, patch_type, patches)?;
    }
    let strings = |field: &str| response.get(field).and_then(Value::as_array).into_iter().flatten();
    Ok(Verdict {
        allowed: response.get("allowed").and_then(Value::as_bool).unwrap_or_default(),
        result: response.get("status").cloned().unwrap_or_default(),
        audit_annotations: apimachinery::runtime::object::string_map(response.get("auditAnnotations")),
        warnings: strings("warnings").filter_map(Value::as_str).map(str::to_owned).collect(),
        patch,
        patch_type: patch_type.unwrap_or("JSONPatch").to_owned(),
    })
}

fn check_patch(patch: &[u8], patch_type: Option<&str>, patches: Patches) -> Result<(), String> {
    let mistake = match (patches, patch.is_empty(), patch_type) {
        (Patches::Welcome, false, None) => "webhook returned response.patch but not response.patchType",
        (Patches::Welcome, true, Some(_)) => "webhook returned response.patchType but not response.patch",
        (Patches::Welcome, false, Some("")) => "webhook returned invalid response.patchType of \"\"",
        (Patches::Refused, false, _) => "validating webhook may not return response.patch",
        (Patches::Refused, _, Some(_)) => "validating webhook may not return response.patchType",
        _ => return Ok(()),
    };
    Err(mistake.to_owned())
}

/// Makes the refusal of the Status that a webhook gave.
///
/// Go: apiserver/pkg/admission/plugin/webhook/errors/statuserror.go ToStatusErr
pub fn refusal(webhook: &str, result: &Value) -> StatusError {
    let denied = format!("admission webhook {webhook:?} denied the request");
    let mut status: StatusError = serde_json::from_value(result.clone()).unwrap_or_default();
    status.code = status.code.max(400);
    status.message = match (status.message.as_str(), status.reason.as_str()) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_never_have_a_good_code() {
        let status = refusal("w", &json!({"code": 200, "reason": "NotFound"}));
        assert_eq!(
            (status.code, status.message.as_str()),
            (400, "admission webhook \"w\" denied the request: NotFound")
        );
        assert_eq!(
            refusal("w", &Value::Null).message,
            "admission webhook \"w\" denied the request without explanation"
        );
    }

    #[test]
    fn answers_are_checked() {
        let review = |response: Value| json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        let verify = |response: Value, patches| verify("u", &review(response), patches).expect_err("refused");
        assert_eq!(verify(Value::Null, Patches::Welcome), "webhook response was absent");
        assert_eq!(verify(json!({}), Patches::Welcome), "expected response.uid=\"u\", got \"\"");
        let patch = json!({"uid": "u", "patch": "W10=", "patchType": "JSONPatch"});
        assert_eq!(verify(patch, Patches::Refused), "validating webhook may not return response.patch");
    }
}
