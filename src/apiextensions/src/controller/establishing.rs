//! Condition `Established`: the names are accepted, and requests are answered.
//!
//! Simplified: with several servers before one store Kubernetes waits five seconds here, for all of them to know.
//!
//! Go: apiextensions-apiserver/pkg/controller/establish/establishing_controller.go

use std::sync::Arc;

use apimachinery::{
    meta::conditions::{Condition, Status},
    runtime::object::Object,
};
use client::tls;
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{
        Tools,
        queue::{self, WorkQueue},
    },
    conversion::webhook::ca_bundle,
    definition::{Definition, ESTABLISHED, NAMES_ACCEPTED},
};

/// Runs the controller.
///
/// Go: EstablishingController
pub async fn run(tools: Tools, queue: Arc<WorkQueue>, stop: CancellationToken) {
    let tools = &tools;
    queue::run("establishing", queue, stop, |name| async move { sync(tools, &name).await }).await;
}

async fn sync(tools: &Tools, name: &str) -> Result<(), String> {
    let Some(object) = tools.definitions.get("", name) else { return Ok(()) };
    let definition = Definition::of(&object);
    if !definition.is_true(NAMES_ACCEPTED) || definition.is_true(ESTABLISHED) {
        return Ok(());
    }
    let bundle = definition.spec.conversion.webhook.as_ref().map(|webhook| ca_bundle(&webhook.client_config));
    let broken = bundle.is_some_and(|bundle| !bundle.is_empty() && !tls::is_ca_bundle(&bundle));
    let (status, reason, message) = if broken {
        (Status::False, "InvalidCABundle", "The conversion webhook CABundle is invalid")
    } else {
        (Status::True, "InitialNamesAccepted", "the initial names have been accepted")
    };
    let mut changed = Object::clone(&object);
    tools.set_condition(&mut changed, Condition { kind: ESTABLISHED, status, reason, message });
    if changed == *object {
        return Ok(());
    }
    tools.update_status(&changed).await.map(drop).map_err(|error| error.to_string())
}
