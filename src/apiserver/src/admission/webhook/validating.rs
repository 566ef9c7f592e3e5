//! Webhooks that may only refuse: asked all at once.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/validating/{plugin,dispatcher}.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use futures_util::future;
use phase::{BoxFuture, catalog::Phase, snapshot::Nothing};

use crate::{
    admission::{
        attributes::{Attributes, Operation},
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
        webhook::{
            call::{self, CallError},
            config::Webhook,
            matcher::Invocation,
            plugin::{self, Place, Webhooks},
            review::{Patches, Versioned},
        },
    },
    request::{context::Context, latency::Layer},
};

/// The plugin's name.
pub const NAME: &str = "ValidatingAdmissionWebhook";

/// Go: apiserver/pkg/admission/plugin/webhook/validating/plugin.go Plugin
struct ValidatingWebhooks(Webhooks);

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(ValidatingWebhooks(Webhooks::new(initializers, "validatingwebhookconfigurations"))))
}

impl Interface for ValidatingWebhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, _operation: Operation) -> bool {
        true
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for ValidatingWebhooks {
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let webhooks = self.0.candidates(attributes).await?;
            if webhooks.is_empty() {
                return Ok(());
            }
            let started = cx.services.clock.now();
            let outcome = self.dispatch(cx, &webhooks, attributes).await;
            cx.latency.add(Layer::ValidatingWebhook, cx.services.clock.now().saturating_sub(started));
            outcome
        })
    }
}

/// A webhook to be asked.
struct Relevant<'a> {
    webhook: &'a Webhook,
    invocation: Invocation,
    versioned: Versioned,
}

impl ValidatingWebhooks {
    /// Go: apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go Dispatch
    async fn dispatch(&self, cx: &Context, webhooks: &[Webhook], attributes: &Attributes) -> Result<(), StatusError> {
        let mut relevant = Vec::new();
        for webhook in webhooks {
            if let Some(invocation) = self.0.matcher.should_call(cx, webhook, attributes).await? {
                let versioned = Versioned::new(cx, attributes, &invocation.kind).await?;
                relevant.push(Relevant { webhook, invocation, versioned });
            }
        }
        let asked = relevant.iter().enumerate().map(|(index, relevant)| self.observed(cx, index, relevant, attributes));
        // All are waited for; the first refusal in their order is the one that is told.
        future::join_all(asked).await.into_iter().collect()
    }

    /// Asks one webhook inside its phase.
    async fn observed(
        &self,
        cx: &Context,
        index: usize,
        relevant: &Relevant<'_>,
        attributes: &Attributes,
    ) -> Result<(), StatusError> {
        let Relevant { webhook, invocation, versioned } = relevant;
        let phase = cx.trace.enter_labelled(Phase::ValidatingWebhook, webhook.name.clone(), &mut Nothing).await?;
        let verdict =
            call::call(&self.0.manager, cx, webhook, attributes, versioned, invocation, Patches::Refused).await;
        match verdict {
            Ok(_) => {
                phase.done();
                Ok(())
            }
            Err(CallError::Refused(status)) => {
                phase.fail(&status);
                Err(status)
            }
            Err(CallError::Failed(reason)) => {
                phase.fail(&reason);
                plugin::failed(cx, webhook, "validating", Place { round: 0, index }, reason)
            }
        }
    }
}
