//! What mutating and validating webhooks have in common: which are asked, by whom, and what a failed call means.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/generic/webhook.go Webhook

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use client::webhook::ClientManager;

use crate::{
    admission::{
        attributes::Attributes,
        errors,
        initializer::Initializers,
        webhook::{
            config::{FailurePolicy, Webhook},
            matcher::Matcher,
            rules,
            source::Source,
        },
    },
    request::context::Context,
};

/// All webhooks of one kind, and what asks them.
pub(super) struct Webhooks {
    source: Source,
    pub(super) matcher: Matcher,
    pub(super) manager: Arc<ClientManager>,
}

/// Where a webhook stands in the audit annotations.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) round: u8,
    pub(super) index: usize,
}

impl Webhooks {
    /// Follows the configurations of a resource: `mutatingwebhookconfigurations`, `validatingwebhookconfigurations`.
    pub(super) fn new(initializers: &Initializers, resource: &str) -> Self {
        Self {
            source: Source::new(&initializers.informers, resource),
            matcher: Matcher::new(initializers),
            manager: initializers.webhooks.clone(),
        }
    }

    /// Returns the webhooks that may have something to say about a write, in their order.
    pub(super) async fn candidates(&self, attributes: &Attributes) -> Result<Arc<Vec<Webhook>>, StatusError> {
        if rules::is_exempt(attributes) {
            return Ok(Arc::default());
        }
        errors::wait_for_ready(attributes, &[&self.source.configurations, &self.matcher.namespaces]).await?;
        Ok(self.source.webhooks())
    }
}

/// Decides over a call that gave no answer: the webhook's failure policy lets the write pass, or not.
///
/// `kind` is `mutating` or `validating`.
pub(super) fn failed(
    cx: &Context,
    webhook: &Webhook,
    kind: &str,
    place: Place,
    reason: String,
) -> Result<(), StatusError> {
    if webhook.failure_policy == FailurePolicy::Ignore {
        tracing::warn!("Failed calling webhook, failing open {}: {reason}", webhook.name);
        let Place { round, index } = place;
        let key = format!("failed-open.{kind}.webhook.admission.k8s.io/round_{round}_index_{index}");
        cx.annotate(&key, webhook.name.as_str());
        return Ok(());
    }
    tracing::warn!("Failed calling webhook, failing closed {}: {reason}", webhook.name);
    Err(StatusError::new_internal_error(reason))
}
