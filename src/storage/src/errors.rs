//! Storage errors, as clients see them: the one place where they are interpreted.
//!
//! Go: apiserver/pkg/storage/errors/storage.go

use apimachinery::{api::errors::StatusError, runtime::schema::GroupResource};

use crate::error::Error;

/// Go: InterpretListError
pub fn interpret_list_error(error: Error, resource: &GroupResource) -> StatusError {
    match error {
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, ""),
        Error::Unreachable { .. } => StatusError::new_server_timeout(resource, "list", 2),
        error => interpret(error),
    }
}

/// Go: InterpretGetError
pub fn interpret_get_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyNotFound { .. } => StatusError::new_not_found(resource, name),
        Error::Unreachable { .. } => StatusError::new_server_timeout(resource, "get", 2),
        error => interpret(error),
    }
}

/// Go: InterpretCreateError
pub fn interpret_create_error(error: Error, resource: &GroupResource, name: &str) -> StatusError {
    match error {
        Error::KeyExists { .. } => StatusError::new_already_exists(resource, name),
        Error::Unreachable { .. } => StatusError::new_server_timeout(resource, "create", 2),
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
        Error::Unreachable { .. } => StatusError::new_server_timeout(resource, "update", 2),
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
        Error::Unreachable { .. } => StatusError::new_server_timeout(resource, "delete", 2),
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
