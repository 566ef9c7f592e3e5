//! How plugins refuse.
//!
//! Go: apiserver/pkg/admission/errors.go

use std::{sync::Arc, time::Duration};

use apimachinery::api::errors::StatusError;
use client::cache::informer::SharedInformer;

use crate::admission::attributes::Attributes;

/// How long a plugin waits for its informers on the first requests after a start.
///
/// Go: apiserver/pkg/admission/handler.go timeToWaitForReady
const TIME_TO_WAIT_FOR_READY: Duration = Duration::from_secs(10);

/// Returns the 403 of a plugin, which names the object: `pods "web" is forbidden: ...`.
///
/// Go: apiserver/pkg/admission/errors.go NewForbidden
pub fn forbidden(attributes: &Attributes, reason: impl std::fmt::Display) -> StatusError {
    let resource = attributes.resource.group_resource();
    StatusError::new_forbidden(&resource, name(attributes), &reason.to_string())
}

/// Returns the name of the object, or what is known of it before it has one.
///
/// Go: apiserver/pkg/admission/errors.go extractResourceName
fn name(attributes: &Attributes) -> &str {
    let of_object =
        |field| attributes.object.as_ref().map(|object| object.str(&["metadata", field])).unwrap_or_default();
    let names = [attributes.name.as_str(), of_object("name"), of_object("generateName"), "Unknown"];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

/// Waits for a plugin's informers, for they may not have seen anything yet.
///
/// Go: apiserver/pkg/admission/handler.go Handler.WaitForReady
pub async fn wait_for_ready(attributes: &Attributes, informers: &[&Arc<SharedInformer>]) -> Result<(), StatusError> {
    for informer in informers {
        // Almost always true, and then it costs one load.
        if !informer.has_synced() && !informer.wait_for_sync(TIME_TO_WAIT_FOR_READY).await {
            return Err(forbidden(attributes, "not yet ready to handle request"));
        }
    }
    Ok(())
}
