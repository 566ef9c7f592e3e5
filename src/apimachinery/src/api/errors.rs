//! `metav1.Status` as an error: what a client sees when something is refused.
//!
//! Go: apimachinery/pkg/api/errors/errors.go

use serde::{Deserialize, Serialize};

use crate::runtime::schema::{GroupKind, GroupResource};

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

impl StatusError {
    /// Returns an error without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None }
    }

    /// Returns the same error with details about an object.
    #[must_use]
    pub fn about(mut self, resource: &GroupResource, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: resource.group.clone(),
            kind: resource.resource.clone(),
            ..Details::default()
        }));
        self
    }

    /// 404. Go: NewNotFound
    pub fn new_not_found(resource: &GroupResource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found")).about(resource, name)
    }

    /// 409. Go: NewAlreadyExists
    pub fn new_already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} \"{name}\" already exists")).about(resource, name)
    }

    /// 409. Go: NewConflict
    pub fn new_conflict(resource: &GroupResource, name: &str, error: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {error}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 400. Go: NewBadRequest
    pub fn new_bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500. Go: NewInternalError
    pub fn new_internal_error(error: impl std::fmt::Display) -> Self {
        let cause = Cause { message: error.to_string(), ..Cause::default() };
        Self {
            details: Some(Box::new(Details { causes: vec![cause], ..Details::default() })),
            ..Self::new(500, "InternalError", format!("Internal error occurred: {error}"))
        }
    }

    /// 403. Go: NewForbidden
    pub fn new_forbidden(resource: &GroupResource, name: &str, error: &str) -> Self {
        let message = match (resource.resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {error}"),
            (false, true) => format!("{resource} is forbidden: {error}"),
            (false, false) => format!("{resource} \"{name}\" is forbidden: {error}"),
        };
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 422, with a cause for each field. Go: NewInvalid
    ///
    /// `errors` are (cause, whole sentence) pairs, as `validation::field` makes them.
    pub fn new_invalid(kind: &GroupKind, name: &str, errors: Vec<Cause>) -> Self {
        let sentences: Vec<String> = errors.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let sentence = match sentences.as_slice() {
            [] => "<nil>".to_owned(),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let details = Details {
            name: name.to_owned(),
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            causes: errors,
            ..Details::default()
        };
        Self {
            details: Some(Box::new(details)),
            ..Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {sentence}"))
        }
    }

    /// 410. Go: NewResourceExpired
    pub fn new_resource_expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

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
