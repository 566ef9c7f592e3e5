//! Asking one webhook, whatever its plugin.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go callAttrMutatingHook,
//! apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go callHook

use std::time::Duration;

use apimachinery::api::errors::StatusError;
use client::webhook::ClientManager;

use crate::{
    admission::{
        attributes::Attributes,
        webhook::{
            config::Webhook,
            matcher::Invocation,
            review::{self, Patches, Verdict, Versioned},
        },
    },
    request::context::Context,
};

/// Why a webhook said nothing that counts.
#[derive(Debug)]
pub enum CallError {
    /// It could not be asked, or answered nonsense: the failure policy decides.
    Failed(String),
    /// It refused, or the request cannot go on.
    Refused(StatusError),
}

/// Asks a webhook and returns its agreement; a refusal is an error. `operation` names the phase for those who watch.
pub async fn call(
    manager: &ClientManager,
    cx: &Context,
    webhook: &Webhook,
    attributes: &Attributes,
    versioned: &Versioned,
    invocation: &Invocation,
    patches: Patches,
) -> Result<Verdict, CallError> {
    if attributes.dry_run && !["None", "NoneOnDryRun"].contains(&webhook.side_effects.as_str()) {
        let message = format!("admission webhook {:?} does not support dry run", webhook.name);
        return Err(CallError::Refused(StatusError::new_bad_request(message)));
    }
    let failed = |reason: String| CallError::Failed(format!("failed calling webhook {:?}: {reason}", webhook.name));
    let version =
        review::version(webhook).map_err(|error| failed(format!("could not create admission objects: {error}")))?;
    let uid = cx.services.ids.uuid();
    let document = review::envelope(version, review::request(&uid, attributes, versioned, invocation));
    let answer = manager.post(&webhook.client, document.into(), timeout(cx, webhook)).await;
    let answer = answer.map_err(|error| failed(format!("failed to call webhook: {error}")))?;
    let document = review::decode(&answer).map_err(|error| failed(format!("failed to call webhook: {error}")))?;
    let verdict = review::verify(&uid, &document, patches);
    let verdict = verdict.map_err(|error| failed(format!("received invalid webhook response: {error}")))?;
    for (key, value) in &verdict.audit_annotations {
        cx.annotate(&format!("{}/{key}", webhook.name), value.as_str());
    }
    for warning in &verdict.warnings {
        cx.warnings.add(warning.as_str());
    }
    if verdict.allowed { Ok(verdict) } else { Err(CallError::Refused(review::refusal(&webhook.name, &verdict.result))) }
}

/// Returns how long a webhook may take: its own time, or what is left of the request's.
fn timeout(cx: &Context, webhook: &Webhook) -> Duration {
    let Some(deadline) = cx.deadline else { return webhook.timeout };
    // Time that a person held the request does not count.
    let spent = cx.services.clock.now().saturating_sub(cx.received).saturating_sub(cx.trace.held());
    webhook.timeout.min(deadline.saturating_sub(Duration::from_nanos(spent)))
}
