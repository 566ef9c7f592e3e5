//! Storage errors, as clients see them: the one place where they are interpreted.
//!
//! Go: apiserver/pkg/storage/errors/storage.go

use apimachinery::{
    api::errors::{Cause, Details, StatusError},
    runtime::schema::GroupResource,
};

use crate::error::Error;

/// Cause of a 504 that asks for a revision not reached yet.
///
/// Go: apimachinery/pkg/apis/meta/v1/types.go CauseTypeResourceVersionTooLarge
const RESOURCE_VERSION_TOO_LARGE: &str = "ResourceVersionTooLarge";

/// Go: InterpretListError
pub fn interpret_list_error(error: Error, resource: &GroupResource) -> StatusError {
    match error {
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, ""),
        Error::Unreachable { .. } => server_timeout(resource, "list"),
        error => interpret(error),
    }
}

/// Go: InterpretGetError
pub fn interpret_get_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, name),
        Error::Unreachable { .. } => server_timeout(resource, "get"),
        error => interpret(error),
    }
}

/// Go: InterpretCreateError
pub fn interpret_create_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyExists { .. } => StatusError::new_already_exists(resource, name),
        Error::Unreachable { .. } => server_timeout(resource, "create"),
        error => interpret(error),
    }
}

/// Go: InterpretUpdateError
pub fn interpret_update_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyExists { .. } | Error::ResourceVersionConflicts { .. } | Error::InvalidObject { .. } => {
            StatusError::new_conflict(resource, name, &error.to_string())
        }
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, name),
        Error::Unreachable { .. } => server_timeout(resource, "update"),
        error => interpret(error),
    }
}

/// Go: InterpretDeleteError
pub fn interpret_delete_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyExists { .. } | Error::ResourceVersionConflicts { .. } | Error::InvalidObject { .. } => {
            StatusError::new_conflict(resource, name, &error.to_string())
        }
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, name),
        Error::Unreachable { .. } => server_timeout(resource, "delete"),
        error => interpret(error),
    }
}

/// Go: InterpretWatchError
pub fn interpret_watch_error(error: Error) -> StatusError {
    interpret(error)
}

/// What is the same for every verb.
fn interpret(error: Error) -> StatusError {
    match error {
        Error::Status(status) => status,
        Error::Internal(message) => StatusError::new_internal_error(message),
        // An error that is no Status becomes one without a reason.
        // Go: apiserver/pkg/endpoints/handlers/responsewriters/status.go ErrorToAPIStatus
        Error::ResourceVersionConflicts { .. } => StatusError::new(409, "", error.to_string()),
        error => StatusError::new(500, "", error.to_string()),
    }
}

/// Go: apimachinery/pkg/api/errors/errors.go NewServerTimeout
fn server_timeout(resource: &GroupResource, operation: &str) -> StatusError {
    let message =
        format!("The {operation} operation against {resource} could not be completed at this time, please try again.");
    let mut error = StatusError::new(500, "ServerTimeout", message).about(resource, operation);
    error.details.get_or_insert_default().retry_after_seconds = 2;
    error
}

/// A client asks for a revision that has not been reached.
///
/// Go: apiserver/pkg/storage/errors.go NewTooLargeResourceVersionError
pub fn new_too_large_resource_version(minimum: u64, current: u64, retry_after_seconds: u32) -> StatusError {
    let cause = Cause {
        reason: RESOURCE_VERSION_TOO_LARGE.to_owned(),
        message: "Too large resource version".to_owned(),
        ..Cause::default()
    };
    let message = format!("Timeout: Too large resource version: {minimum}, current: {current}");
    StatusError {
        details: Some(Box::new(Details { causes: vec![cause], retry_after_seconds, ..Details::default() })),
        ..StatusError::new(504, "Timeout", message)
    }
}

/// Says whether an error is that one.
///
/// Go: apiserver/pkg/storage/errors.go IsTooLargeResourceVersion
pub fn is_too_large_resource_version(error: &StatusError) -> bool {
    let causes = error.details.iter().flat_map(|details| &details.causes);
    error.code == 504 && causes.into_iter().any(|cause| cause.reason == RESOURCE_VERSION_TOO_LARGE)
}
