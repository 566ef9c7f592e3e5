//! Webhooks that change objects: asked one after the other, each sees what the one before made.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/mutating/{plugin,dispatcher,reinvocationcontext}.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    jsonpatch,
    runtime::{object::Object, schema::GroupVersionKind},
};
use phase::{BoxFuture, catalog::Phase};
use serde_json::Value;

use crate::{
    admission::{
        attributes::{Attributes, Invoked, Operation},
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
        webhook::{
            call::{self, CallError},
            config::Webhook,
            matcher::Invocation,
            plugin::{self, Place, Webhooks},
            review::{Patches, Verdict, Versioned},
        },
    },
    request::{context::Context, latency::Layer},
};

/// The plugin's name.
pub const NAME: &str = "MutatingAdmissionWebhook";

/// Go: apiserver/pkg/admission/plugin/webhook/mutating/plugin.go Plugin
struct MutatingWebhooks(Webhooks);

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(MutatingWebhooks(Webhooks::new(initializers, "mutatingwebhookconfigurations"))))
}

impl Interface for MutatingWebhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, _operation: Operation) -> bool {
        true
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for MutatingWebhooks {
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let webhooks = self.0.candidates(attributes).await?;
            if webhooks.is_empty() {
                return Ok(());
            }
            let started = cx.services.clock.now();
            let outcome = self.dispatch(cx, &webhooks, attributes).await;
            cx.latency.add(Layer::MutatingWebhook, cx.services.clock.now().saturating_sub(started));
            outcome
        })
    }
}

impl MutatingWebhooks {
    /// Go: apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go Dispatch
    async fn dispatch(
        &self,
        cx: &Context,
        webhooks: &[Webhook],
        attributes: &mut Attributes,
    ) -> Result<(), StatusError> {
        let round = u8::from(attributes.reinvocation.is_reinvoke);
        if round > 0 && attributes.object != attributes.reinvocation.last_webhook_output {
            require_reinvoking(attributes);
        }
        for (index, webhook) in webhooks.iter().enumerate() {
            let Some(invocation) = self.0.matcher.should_call(cx, webhook, attributes).await? else { continue };
            // Nobody is asked for the first time in the second round.
            let again = |known: &Invoked| known.uid == webhook.uid && known.changed_since;
            if round > 0 && !attributes.reinvocation.invoked.iter().any(again) {
                continue;
            }
            let place = Place { round, index };
            let outcome = self.observed(cx, webhook, attributes, &invocation, place).await;
            if webhook.reinvoke_if_needed {
                attributes.reinvocation.invoked.push(Invoked { uid: webhook.uid.clone(), changed_since: false });
            }
            match outcome {
                Ok(()) => {}
                Err(CallError::Refused(status)) => return Err(status),
                Err(CallError::Failed(reason)) => plugin::failed(cx, webhook, "mutating", place, reason)?,
            }
        }
        attributes.reinvocation.last_webhook_output.clone_from(&attributes.object);
        Ok(())
    }

    /// Asks one webhook inside its phase.
    async fn observed(
        &self,
        cx: &Context,
        webhook: &Webhook,
        attributes: &mut Attributes,
        invocation: &Invocation,
        place: Place,
    ) -> Result<(), CallError> {
        let phase = cx.trace.enter_labelled(Phase::MutatingWebhook, webhook.name.clone(), attributes).await;
        let phase = phase.map_err(|interrupted| CallError::Refused(interrupted.into()))?;
        let outcome = self.ask(cx, webhook, attributes, invocation, place).await;
        match &outcome {
            Ok(()) => phase.exit(attributes),
            Err(CallError::Failed(reason)) => phase.fail(reason),
            Err(CallError::Refused(status)) => phase.fail(status),
        }
        outcome
    }

    async fn ask(
        &self,
        cx: &Context,
        webhook: &Webhook,
        attributes: &mut Attributes,
        invocation: &Invocation,
        place: Place,
    ) -> Result<(), CallError> {
        let versioned = Versioned::new(cx, attributes, &invocation.kind).await.map_err(CallError::Refused)?;
        let verdict =
            call::call(&self.0.manager, cx, webhook, attributes, &versioned, invocation, Patches::Welcome).await;
        let outcome = match verdict {
            Ok(verdict) => patch(cx, webhook, attributes, versioned, &verdict, &invocation.kind, place).await,
            Err(error) => Err(error),
        };
        let changed = *outcome.as_ref().unwrap_or(&false);
        annotate(cx, webhook, place, changed);
        if changed {
            // Whoever was asked before has not seen this.
            require_reinvoking(attributes);
            attributes.reinvocation.should_reinvoke = true;
        }
        outcome.map(drop)
    }
}

/// Go: apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go RequireReinvokingPreviouslyInvokedPlugins
fn require_reinvoking(attributes: &mut Attributes) {
    attributes.reinvocation.invoked.iter_mut().for_each(|known| known.changed_since = true);
}

fn annotate(cx: &Context, webhook: &Webhook, Place { round, index }: Place, mutated: bool) {
    let Webhook { configuration, name, .. } = webhook;
    let value = format!("{{\"configuration\":{configuration:?},\"webhook\":{name:?},\"mutated\":{mutated}}}");
    cx.annotate(&format!("mutation.webhook.admission.k8s.io/round_{round}_index_{index}"), value);
}

/// Applies the patch of a webhook, reads and completes the result, and returns whether the object has changed.
async fn patch(
    cx: &Context,
    webhook: &Webhook,
    attributes: &mut Attributes,
    versioned: Versioned,
    verdict: &Verdict,
    kind: &GroupVersionKind,
    Place { round, index }: Place,
) -> Result<bool, CallError> {
    if verdict.patch.is_empty() {
        return Ok(false);
    }
    let name = &webhook.name;
    let failed = |reason: String| CallError::Failed(format!("failed calling webhook {name:?}: {reason}"));
    let internal = |error: String| CallError::Refused(StatusError::new_internal_error(error));
    let operations = jsonpatch::parse(&verdict.patch).map_err(|error| {
        let reason = error.message.trim_start_matches("error decoding patch: ");
        failed(format!("received undecodable patch in webhook response: {reason}"))
    })?;
    let shown: Value = serde_json::from_slice(&verdict.patch).unwrap_or_default();
    if shown.as_array().is_some_and(Vec::is_empty) {
        return Ok(false);
    }
    let (Some(before), Some(hub)) = (versioned.object, attributes.object.as_ref().map(Object::gvk)) else {
        return Err(internal(format!(
            "admission webhook {name:?} attempted to modify the object, which is not supported for this operation"
        )));
    };
    if verdict.patch_type != "JSONPatch" {
        return Err(failed(format!("unsupported patch type {:?}", verdict.patch_type)));
    }
    let document = before.clone().into_value();
    let patched = operations.apply(&document).map_err(|_| internal(why_not(&document, &shown)))?;
    let patched = Object::from_value(patched).ok_or_else(|| internal("the patched object is no object".to_owned()))?;
    if patched.gvk() != before.gvk() {
        return Err(CallError::Refused(unknown_conversion(&patched.gvk(), kind)));
    }
    let mut after = decode(attributes, patched).map_err(internal)?;
    after.1 = before.1.through_json(&after.0);
    let changed = after != before;
    let key = format!("patch.webhook.admission.k8s.io/round_{round}_index_{index}");
    let configuration = &webhook.configuration;
    cx.annotate(
        &key,
        format!(
            "{{\"configuration\":{configuration:?},\"webhook\":{name:?},\"patch\":{shown},\"patchType\":\"JSONPatch\"}}"
        ),
    );
    if let Some(interfaces) = &attributes.interfaces {
        interfaces.default(&mut after);
        after = interfaces.convert(&cx.trace, after, &hub.group_version()).await.map_err(CallError::Refused)?;
    }
    attributes.object = Some(after);
    Ok(changed)
}

fn decode(attributes: &Attributes, object: Object) -> Result<Object, String> {
    match &attributes.interfaces {
        Some(interfaces) => interfaces.decode(object),
        None => Ok(object),
    }
}

/// Finds the operation that does not apply, and says so in the words of Go's library.
fn why_not(document: &Value, patch: &Value) -> String {
    let operations = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    let applies = |count: usize| {
        let some = serde_json::to_vec(&operations[..count]).unwrap_or_default();
        jsonpatch::parse(&some).is_ok_and(|patch| patch.apply(document).is_ok())
    };
    let culprit = (1..=operations.len()).find(|count| !applies(*count)).map(|count| &operations[count - 1]);
    let Some(culprit) = culprit else { return "the patch does not apply".to_owned() };
    let path = culprit["path"].as_str().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    match culprit["op"].as_str().unwrap_or_default() {
        "test" => format!("testing value {path} failed: test failed"),
        "remove" => format!("remove operation does not apply: doc is missing path: {path:?}: missing value ({last})"),
        "replace" => format!("replace operation does not apply: doc is missing key: {path}: missing value"),
        op => format!("{op} operation does not apply: doc is missing path: {path:?}: missing value"),
    }
}

/// Go: apimachinery/pkg/conversion/converter.go Convert
fn unknown_conversion(from: &GroupVersionKind, to: &GroupVersionKind) -> StatusError {
    let package = match to.group.split('.').next().unwrap_or_default() {
        "" => "core",
        group => group,
    };
    let message = format!("converting ({}.{}) to ({package}.{}): unknown conversion", from.version, from.kind, to.kind);
    StatusError::new(500, "", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_operation_that_fails_is_named() {
        let document = json!({"metadata": {"name": "a"}});
        let patch = json!([{"op": "add", "path": "/data", "value": {}}, {"op": "test", "path": "/metadata/name", "value": "x"}]);
        assert_eq!(why_not(&document, &patch), "testing value /metadata/name failed: test failed");
    }
}
