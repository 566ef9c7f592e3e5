//! What a namespace may use in all.
//!
//! Go: apiserver/pkg/admission/plugin/resourcequota/{admission,controller}.go
//!
//! ```text
//! quotas of the namespace --> those that the object counts against (evaluator: resources, scopes)
//!                         --> used + what the object adds <= hard ? --> written to the quotas' status
//! ```
//!
//! It runs last: whatever refuses a write after it would leave the quota charged.

mod accessor;
mod check;
mod evaluator;
mod pods;

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::api::errors::StatusError;
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use parking_lot::Mutex;
use phase::{BoxFuture, clock::Clock};
use tokio::sync::Mutex as AsyncMutex;

use crate::admission::resource_quota::accessor::QuotaAccessor;

/// The plugin's name.
pub const NAME: &str = "ResourceQuota";

/// How often a charge is tried again when somebody else changed a quota meanwhile.
const RETRIES: usize = 3;

/// Go: apiserver/pkg/admission/plugin/resourcequota/admission.go QuotaAdmission
struct ResourceQuota {
    quotas: QuotaAccessor,
    clock: Arc<dyn Clock>,
    /// One charge at a time in a namespace, so that many pods at once do not race each other. Entries that nobody
    /// uses are swept when one is added.
    namespaces: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(ResourceQuota {
        quotas: QuotaAccessor::new(initializers),
        clock: initializers.clock.clone(),
        namespaces: Mutex::default(),
    }))
}

impl Interface for ResourceQuota {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for ResourceQuota {
    /// Go: apiserver/pkg/admission/plugin/resourcequota/admission.go Validate
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let part = !attributes.subresource.is_empty() && !attributes.is("", "pods", "resize");
            let is_namespace = attributes.resource.group.is_empty() && attributes.resource.resource == "namespaces";
            if part || attributes.namespace.is_empty() || is_namespace {
                return Ok(());
            }
            let Some(evaluator) = evaluator::of(attributes) else { return Ok(()) };
            errors::wait_for_ready(attributes, &[&self.quotas.informer]).await?;
            let namespace = attributes.namespace.as_str();
            // Most namespaces have no quota, and then nobody waits for anybody.
            if self.quotas.of(namespace).await?.is_empty() {
                return Ok(());
            }
            let lock = self.lock(namespace);
            let _charging = lock.lock().await;
            self.charge(attributes, &evaluator).await
        })
    }
}

impl ResourceQuota {
    fn lock(&self, namespace: &str) -> Arc<AsyncMutex<()>> {
        let mut namespaces = self.namespaces.lock();
        if !namespaces.contains_key(namespace) {
            namespaces.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        namespaces.entry(namespace.to_owned()).or_default().clone()
    }

    /// Checks the quotas, writes what is used now, and tries again where a write lost a race.
    ///
    /// Go: apiserver/pkg/admission/plugin/resourcequota/controller.go checkQuotas
    async fn charge(&self, attributes: &Attributes, evaluator: &evaluator::Evaluator) -> Result<(), StatusError> {
        // Quotas that are charged already must not be charged twice.
        let mut charged: Vec<String> = Vec::new();
        for attempt in 0..=RETRIES {
            let quotas = self.quotas.of(&attributes.namespace).await?;
            let quotas: Vec<_> =
                quotas.into_iter().filter(|quota| !charged.contains(&quota.name().to_owned())).collect();
            let charges = check::check_request(attributes, evaluator, &quotas, self.clock.wall())?;
            if attributes.dry_run {
                return Ok(());
            }
            let mut lost = None;
            for charge in charges {
                match self.quotas.update_status(&charge.quota, charge.used).await {
                    Ok(()) => charged.push(charge.quota.name().to_owned()),
                    Err(error) if error.is_conflict() && attempt < RETRIES => lost = Some(error),
                    Err(error) => return Err(errors::forbidden(attributes, error)),
                }
            }
            if lost.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }
}
