//! `metav1.Status` as an error: what a client sees when something is refused.
//!
//! Go: apimachinery/pkg/api/errors/errors.go

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    runtime::{
        object::Object,
        schema::{GroupKind, GroupResource},
    },
    util::strconv::quote,
    validation::field,
};

/// An answer that says no, with its code, reason and details. The constructors bear their Go names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase", default)]
pub struct StatusError {
    /// HTTP status code.
    pub code: u16,
    /// One word for machines: `NotFound`, `Conflict`...; empty for unknown.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
    /// What it is about. Boxed, because most results are not errors.
    pub details: Option<Box<Details>>,
    /// `metadata.continue`: where an expired list can go on; mostly empty.
    pub continue_token: String,
}

/// `metav1.StatusDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Group of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind, or (as Kubernetes has it) resource of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Uid of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The single causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// When to try again, in seconds; 0: not said.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

/// `metav1.StatusCause`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldManagerConflict`...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Path of the field: `spec.containers[0].name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// The general ones.
impl StatusError {
    /// Returns an error without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None, continue_token: String::new() }
    }

    /// Returns the same error with details about an object.
    #[must_use]
    pub fn about(self, resource: &GroupResource, name: &str) -> Self {
        let (group, kind, name) = (resource.group.clone(), resource.resource.clone(), name.to_owned());
        self.with_details(Details { name, group, kind, ..Details::default() })
    }

    /// Returns the same error with these details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Returns the same error with a time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// 400. Go: NewBadRequest
    pub fn new_bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401. Go: NewUnauthorized
    pub fn new_unauthorized(message: &str) -> Self {
        Self::new(401, "Unauthorized", if message.is_empty() { "not authorized" } else { message })
    }

    /// 403. Go: NewForbidden
    pub fn new_forbidden(resource: &GroupResource, name: &str, error: &str) -> Self {
        let message = match (resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {error}"),
            (false, true) => format!("{resource} is forbidden: {error}"),
            (false, false) => format!("{resource} {} is forbidden: {error}", quote(name)),
        };
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 404. Go: NewNotFound
    pub fn new_not_found(resource: &GroupResource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {} not found", quote(name))).about(resource, name)
    }

    /// 405. Go: NewMethodNotSupported
    pub fn new_method_not_supported(resource: &GroupResource, action: &str) -> Self {
        let message = format!("{action} is not supported on resources of kind {}", quote(&resource.to_string()));
        Self::new(405, "MethodNotAllowed", message).about(resource, "")
    }

    /// 406: no media type that the client asks for is served.
    ///
    /// Go: apiserver/pkg/endpoints/handlers/negotiation/errors.go NewNotAcceptableError
    pub fn new_not_acceptable(media_types: &[&str]) -> Self {
        let accepted = media_types.join(", ");
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {accepted}"))
    }

    /// 413. Go: NewRequestEntityTooLargeError
    pub fn new_request_entity_too_large(message: &str) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: {message}"))
    }

    /// 415: the body is in no form that is read.
    ///
    /// Go: apiserver/pkg/endpoints/handlers/negotiation/errors.go NewUnsupportedMediaTypeError
    pub fn new_unsupported_media_type(media_types: &[&str]) -> Self {
        let accepted = media_types.join(", ");
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 429: a limit that is not overload, with a time to come back. Go: NewTooManyRequests
    pub fn new_too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(429, "TooManyRequests", message).retry_after(retry_after_seconds)
    }

    /// 429: the server is overloaded. Go: NewTooManyRequestsError
    pub fn new_too_many_requests_error(message: &str) -> Self {
        Self::new(429, "TooManyRequests", format!("Too many requests: {message}"))
    }

    /// 500. Go: NewInternalError
    pub fn new_internal_error(error: impl std::fmt::Display) -> Self {
        let cause = Cause { message: error.to_string(), ..Cause::default() };
        let details = Details { causes: vec![cause], ..Details::default() };
        Self::new(500, "InternalError", format!("Internal error occurred: {error}")).with_details(details)
    }

    /// 500: something went wrong that may go well the next time. Go: NewServerTimeout
    pub fn new_server_timeout(resource: &GroupResource, operation: &str, retry_after_seconds: u32) -> Self {
        let message = format!(
            "The {operation} operation against {resource} could not be completed at this time, please try again."
        );
        Self::new(500, "ServerTimeout", message).about(resource, operation).retry_after(retry_after_seconds)
    }

    /// 503. Go: NewServiceUnavailable
    pub fn new_service_unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// 504. Go: NewTimeoutError
    pub fn new_timeout_error(message: &str, retry_after_seconds: u32) -> Self {
        Self::new(504, "Timeout", format!("Timeout: {message}")).retry_after(retry_after_seconds)
    }

    /// 504: the cache has not seen this version yet.
    ///
    /// Go: apiserver/pkg/storage/errors.go NewTooLargeResourceVersionError
    pub fn new_too_large_resource_version(requested: u64, current: u64, retry_after_seconds: u32) -> Self {
        let message = format!("Too large resource version: {requested}, current: {current}");
        let mut error = Self::new_timeout_error(&message, retry_after_seconds);
        error.details.get_or_insert_default().causes = vec![Cause {
            reason: "ResourceVersionTooLarge".to_owned(),
            message: "Too large resource version".to_owned(),
            field: String::new(),
        }];
        error
    }
}

/// The ones about writing an object.
impl StatusError {
    /// 409. Go: NewAlreadyExists
    pub fn new_already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} {} already exists", quote(name))).about(resource, name)
    }

    /// 409: every generated name was taken. Go: NewGenerateNameConflict
    pub fn new_generate_name_conflict(resource: &GroupResource, name: &str, retry_after_seconds: u32) -> Self {
        let mut error = Self::new_already_exists(resource, name).retry_after(retry_after_seconds);
        error.message += ", the server was not able to generate a unique name for the object";
        error
    }

    /// 409. Go: NewConflict
    pub fn new_conflict(resource: &GroupResource, name: &str, error: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {}: {error}", quote(name));
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409: others manage the same fields. Go: NewApplyConflict
    pub fn new_apply_conflict(causes: Vec<Cause>, message: impl Into<String>) -> Self {
        Self::new(409, "Conflict", message).with_details(Details { causes, ..Details::default() })
    }

    /// 410, for a resource that is no longer served. Go: NewGone
    pub fn new_gone(message: impl Into<String>) -> Self {
        Self::new(410, "Gone", message)
    }

    /// 410, for a version that is no longer kept. Go: NewResourceExpired
    pub fn new_resource_expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 422, with a cause for each error. The sentence says each text once.
    ///
    /// Go: NewInvalid
    pub fn new_invalid(kind: &GroupKind, name: &str, errors: impl Into<Vec<Cause>>) -> Self {
        let causes = errors.into();
        let mut message = format!("{kind} {} is invalid", quote(name));
        if !causes.is_empty() {
            let sentence = |cause: &Cause| format!("{}: {}", cause.field, cause.message);
            message = format!("{message}: {}", field::aggregate(causes.iter().map(sentence)));
        }
        let (group, kind, name) = (kind.group.clone(), kind.kind.clone(), name.to_owned());
        Self::new(422, "Invalid", message).with_details(Details { name, group, kind, causes, ..Details::default() })
    }

    /// What is said when nothing better is known about a code: of a path that is not served, a method, a backend.
    ///
    /// Go: NewGenericServerResponse
    pub fn new_generic_server_response(
        code: u16,
        verb: &str,
        resource: &GroupResource,
        name: &str,
        server_message: &str,
    ) -> Self {
        let (reason, message) = generic_text(code, verb, server_message);
        let verb = verb.to_ascii_lowercase();
        let message = match (resource.is_empty(), name.is_empty()) {
            (true, _) => message,
            (false, true) => format!("{message} ({verb} {resource})"),
            (false, false) => format!("{message} ({verb} {resource} {name})"),
        };
        Self::new(code, reason, message).about(resource, name)
    }
}

/// Returns reason and sentence for a code.
fn generic_text(code: u16, verb: &str, server_message: &str) -> (&'static str, String) {
    let (reason, text) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason"),
        401 => ("Unauthorized", "the server has asked for the client to provide credentials"),
        403 => ("Forbidden", server_message),
        404 => ("NotFound", "the server could not find the requested resource"),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
        406 if matches!(server_message, "" | "unknown") => {
            ("NotAcceptable", "the server was unable to respond with a content type that the client supports")
        }
        406 => ("NotAcceptable", server_message),
        409 if verb == "POST" => ("AlreadyExists", "the server reported a conflict"),
        409 => ("Conflict", "the server reported a conflict"),
        415 => ("UnsupportedMediaType", server_message),
        422 => ("Invalid", "the server rejected our request due to an error in our request"),
        429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => {
            let text = "the server was unable to return a response in the time allotted, but may still be processing \
                the request";
            ("Timeout", text)
        }
        500.. => {
            let text =
                format!("an error on the server ({}) has prevented the request from succeeding", quote(server_message));
            return ("InternalError", text);
        }
        _ => {
            let text = format!("the server responded with the status code {code} but did not return more information");
            return ("", text);
        }
    };
    (reason, text.to_owned())
}

/// Questions about an error; Go asks them of any error, by reason.
impl StatusError {
    /// Says whether this is a `NotFound`.
    pub fn is_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    /// Says whether this is a `Conflict`.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Says whether this is an `AlreadyExists`.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// Says whether this is an `Invalid`.
    pub fn is_invalid(&self) -> bool {
        self.reason == "Invalid"
    }

    /// Says whether this is an `Expired`.
    pub fn is_resource_expired(&self) -> bool {
        self.reason == "Expired"
    }

    /// Says whether the version asked for lies in the future.
    ///
    /// Go: apiserver/pkg/storage/errors.go IsTooLargeResourceVersion
    pub fn is_too_large_resource_version(&self) -> bool {
        self.has_cause("ResourceVersionTooLarge")
    }

    /// Says whether one of the causes has this reason. Go: HasStatusCause
    pub fn has_cause(&self, reason: &str) -> bool {
        self.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
    }
}

/// The form in which a client meets it.
impl StatusError {
    /// Returns the `Status` object.
    pub fn to_object(&self) -> Object {
        let mut fields = status("Failure");
        if !self.continue_token.is_empty() {
            fields.insert("metadata".to_owned(), json!({"continue": self.continue_token}));
        }
        let texts = [("message", &self.message), ("reason", &self.reason)];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            fields.insert(name.to_owned(), Value::from(text.as_str()));
        }
        if let Some(details) = &self.details {
            fields.insert("details".to_owned(), details.to_value());
        }
        if self.code != 0 {
            fields.insert("code".to_owned(), self.code.into());
        }
        fields.into()
    }

    /// Reads a `Status` object that says no; `None` if this is another object or a success.
    ///
    /// Go: FromObject
    pub fn from_object(object: &Object) -> Option<Self> {
        let is_status = object.kind() == "Status" && matches!(object.api_version(), "v1" | "meta.k8s.io/v1");
        if !is_status || object.str(&["status"]) == "Success" {
            return None;
        }
        let details = object.get(&["details"]).and_then(|details| serde_json::from_value(details.clone()).ok());
        Some(Self {
            code: object.get(&["code"]).and_then(Value::as_u64).and_then(|code| code.try_into().ok()).unwrap_or(500),
            reason: object.str(&["reason"]).to_owned(),
            message: object.str(&["message"]).to_owned(),
            details: details.map(Box::new),
            continue_token: object.str(&["metadata", "continue"]).to_owned(),
        })
    }
}

impl Details {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("strings and numbers always encode")
    }

    /// Returns the `Status` object that says yes: what a deletion answers when the object is gone at once.
    ///
    /// Go: apiserver/pkg/endpoints/handlers/delete.go DeleteResource
    pub fn to_success(&self) -> Object {
        let mut fields = status("Success");
        fields.insert("details".to_owned(), self.to_value());
        fields.into()
    }
}

fn status(status: &str) -> Map<String, Value> {
    let fields =
        [("apiVersion", json!("v1")), ("kind", json!("Status")), ("metadata", json!({})), ("status", status.into())];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl From<phase::hook::Interrupted> for StatusError {
    /// A person ended the request at a held phase.
    fn from(interrupted: phase::hook::Interrupted) -> Self {
        match interrupted {
            phase::hook::Interrupted::Fail { code, message } => Self::new(code, "Interrupted", message),
            phase::hook::Interrupted::Kill => Self::new(500, "Interrupted", "the request was interrupted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::field::{Error, ErrorList, Path};

    fn pods() -> GroupResource {
        GroupResource::new("", "pods")
    }

    fn deployments() -> GroupResource {
        GroupResource::new("apps", "deployments")
    }

    #[test]
    fn constructors_answer_as_in_go() {
        let cases = [
            (
                StatusError::new_not_found(&deployments(), "a"),
                json!({"code": 404, "reason": "NotFound",
                "message": "deployments.apps \"a\" not found",
                "details": {"name": "a", "group": "apps", "kind": "deployments"}}),
            ),
            (
                StatusError::new_already_exists(&pods(), "a"),
                json!({"code": 409, "reason": "AlreadyExists",
                "message": "pods \"a\" already exists", "details": {"name": "a", "kind": "pods"}}),
            ),
            (
                StatusError::new_generate_name_conflict(&pods(), "a-x", 1),
                json!({"code": 409, "reason": "AlreadyExists",
                "message": "pods \"a-x\" already exists, the server was not able to generate a unique name for the object",
                "details": {"name": "a-x", "kind": "pods", "retryAfterSeconds": 1}}),
            ),
            (
                StatusError::new_unauthorized("Unauthorized"),
                json!({"code": 401, "reason": "Unauthorized",
                "message": "Unauthorized"}),
            ),
            (
                StatusError::new_forbidden(&GroupResource::default(), "", "no"),
                json!({"code": 403, "reason": "Forbidden",
                "message": "forbidden: no", "details": {}}),
            ),
            (
                StatusError::new_forbidden(&pods(), "", "no"),
                json!({"code": 403, "reason": "Forbidden",
                "message": "pods is forbidden: no", "details": {"kind": "pods"}}),
            ),
            (
                StatusError::new_method_not_supported(&pods(), "create"),
                json!({"code": 405, "reason": "MethodNotAllowed",
                "message": "create is not supported on resources of kind \"pods\"", "details": {"kind": "pods"}}),
            ),
            (
                StatusError::new_request_entity_too_large("limit is 3145728"),
                json!({"code": 413,
                "reason": "RequestEntityTooLarge", "message": "Request entity too large: limit is 3145728"}),
            ),
            (
                StatusError::new_too_many_requests("slow down", 10),
                json!({"code": 429, "reason": "TooManyRequests",
                "message": "slow down", "details": {"retryAfterSeconds": 10}}),
            ),
            (
                StatusError::new_server_timeout(&pods(), "get", 2),
                json!({"code": 500, "reason": "ServerTimeout",
                "message": "The get operation against pods could not be completed at this time, please try again.",
                "details": {"kind": "pods", "name": "get", "retryAfterSeconds": 2}}),
            ),
            (
                StatusError::new_internal_error("oh"),
                json!({"code": 500, "reason": "InternalError",
                "message": "Internal error occurred: oh", "details": {"causes": [{"message": "oh"}]}}),
            ),
            (
                StatusError::new_too_large_resource_version(9, 3, 1),
                json!({"code": 504, "reason": "Timeout",
                "message": "Timeout: Too large resource version: 9, current: 3", "details": {"retryAfterSeconds": 1,
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}}),
            ),
            (StatusError::new(500, "", "raw"), json!({"code": 500, "message": "raw"})),
        ];
        for (error, expected) in cases {
            let mut object = error.to_object();
            assert_eq!(StatusError::from_object(&object), Some(error));
            for (field, value) in [("apiVersion", "v1"), ("kind", "Status"), ("status", "Failure")] {
                assert_eq!(object.remove(&[field]), Some(value.into()));
            }
            assert_eq!(object.remove(&["metadata"]), Some(json!({})));
            assert_eq!(object.into_value(), expected);
        }
    }

    #[test]
    fn invalid_says_every_text_once_and_keeps_every_cause() {
        let kind = GroupKind::new("apps", "Deployment");
        let path = Path::new("spec");
        let errors = ErrorList::from(vec![Error::required(&path, ""), Error::required(&path, "")]);
        let error = StatusError::new_invalid(&kind, "a\n", errors);
        assert_eq!(error.message, "Deployment.apps \"a\\n\" is invalid: spec: Required value");
        assert_eq!(error.details.expect("details").causes.len(), 2);
        let message = StatusError::new_invalid(&kind, "a", Vec::new()).message;
        assert_eq!(message, "Deployment.apps \"a\" is invalid");
    }

    #[test]
    fn generic_answers_know_their_codes() {
        let none = GroupResource::default();
        let error = StatusError::new_generic_server_response(404, "GET", &none, "", "");
        assert_eq!(error.message, "the server could not find the requested resource");
        let error = StatusError::new_generic_server_response(409, "POST", &pods(), "a", "");
        assert_eq!(
            (error.reason.as_str(), error.message.as_str()),
            ("AlreadyExists", "the server reported a conflict (post pods a)")
        );
        let error = StatusError::new_generic_server_response(502, "GET", &none, "", "boom");
        assert_eq!(error.message, "an error on the server (\"boom\") has prevented the request from succeeding");
    }

    #[test]
    fn a_deletion_succeeds_with_details() {
        let details = Details { name: "a".into(), kind: "pods".into(), uid: "u".into(), ..Details::default() };
        let object = details.to_success();
        assert_eq!(object.get(&["details"]), Some(&json!({"name": "a", "kind": "pods", "uid": "u"})));
        assert_eq!(StatusError::from_object(&object), None);
    }

    #[test]
    fn an_expired_list_tells_where_to_go_on() {
        let error = StatusError { continue_token: "t".into(), ..StatusError::new_resource_expired("old") };
        assert_eq!(error.to_object().get(&["metadata"]), Some(&json!({"continue": "t"})));
    }
}
