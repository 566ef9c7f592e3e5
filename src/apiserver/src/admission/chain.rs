//! All plugins as one.
//!
//! Go: apiserver/pkg/admission/{chain,reinvocation}.go
//!
//! This is where the phases of admission and of each plugin are entered; plugins know nothing of them.

use std::{sync::Arc, time::Duration};

use apimachinery::api::errors::StatusError;
use component_base::metrics::{
    Metrics,
    families::{ADMISSION_CONTROLLER_DURATION, ADMISSION_STEP_DURATION},
};
use phase::{BoxFuture, catalog::Phase, clock::Nanos};

use crate::{
    admission::{
        attributes::{Attributes, Operation},
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};

/// The plugins, in the order in which they are asked.
pub struct Chain {
    plugins: Vec<Arc<dyn Interface>>,
    /// Where times are counted; `None`: nowhere.
    metrics: Option<Metrics>,
}

impl Chain {
    /// Puts plugins together.
    ///
    /// Go: apiserver/pkg/admission/chain.go NewChainHandler, apiserver/pkg/admission/reinvocation.go newReinvocationHandler
    pub fn new(plugins: Vec<Arc<dyn Interface>>) -> Self {
        Self { plugins, metrics: None }
    }

    /// Counts how long each plugin and each step takes.
    ///
    /// Go: apiserver/pkg/admission/metrics/metrics.go WithControllerMetrics, WithStepMetrics
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Counts the time since `began` for a plugin, or for a step if it has no name.
    fn count(&self, cx: &Context, began: Nanos, plugin: Option<&str>, kind: &str, operation: Operation, failed: bool) {
        let Some(metrics) = &self.metrics else { return };
        let seconds = Duration::from_nanos(cx.services.clock.now().saturating_sub(began)).as_secs_f64();
        let (operation, rejected) = (operation.as_str(), if failed { "true" } else { "false" });
        match plugin {
            Some(name) => {
                metrics.observe(&ADMISSION_CONTROLLER_DURATION, &[name, kind, operation, rejected], seconds);
            }
            None => metrics.observe(&ADMISSION_STEP_DURATION, &[kind, operation, rejected], seconds),
        }
    }

    /// Returns the names of the plugins, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.plugins.iter().map(|plugin| plugin.name()).collect()
    }

    /// Lets every mutating plugin see the object, once.
    async fn admit_once(&self, cx: &Context, attributes: &mut Attributes) -> Result<(), StatusError> {
        let operation = attributes.operation;
        for plugin in self.plugins.iter().filter(|plugin| plugin.handles(operation)) {
            let Some(mutation) = plugin.mutation() else { continue };
            let phase = cx.trace.enter_labelled(Phase::MutatingPlugin, plugin.name(), attributes).await?;
            let began = cx.services.clock.now();
            let outcome = mutation.admit(cx, attributes).await;
            self.count(cx, began, Some(plugin.name()), "admit", operation, outcome.is_err());
            match outcome {
                Ok(()) => phase.exit(attributes),
                Err(error) => {
                    phase.fail(&error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Lets every validating plugin see the object.
    async fn validate_all(&self, cx: &Context, attributes: &Attributes) -> Result<(), StatusError> {
        // Nothing may be changed any more, so a held phase shows a copy.
        let mut shown = Shown(attributes);
        for plugin in self.plugins.iter().filter(|plugin| plugin.handles(attributes.operation)) {
            let Some(validation) = plugin.validation() else { continue };
            let phase = cx.trace.enter_labelled(Phase::ValidatingPlugin, plugin.name(), &mut shown).await?;
            let began = cx.services.clock.now();
            let outcome = validation.validate(cx, attributes).await;
            self.count(cx, began, Some(plugin.name()), "validate", attributes.operation, outcome.is_err());
            match outcome {
                Ok(()) => phase.done(),
                Err(error) => {
                    phase.fail(&error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Attributes that can be looked at only.
struct Shown<'a>(&'a Attributes);

impl phase::snapshot::Subject for Shown<'_> {
    fn snapshot(&self) -> Arc<phase::snapshot::Snapshot> {
        self.0.snapshot()
    }
}

impl Interface for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn handles(&self, operation: Operation) -> bool {
        self.plugins.iter().any(|plugin| plugin.handles(operation))
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for Chain {
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let phase = cx.trace.enter(Phase::MutatingAdmission, attributes).await?;
            let began = cx.services.clock.now();
            let mut outcome = self.admit_once(cx, attributes).await;
            if outcome.is_ok() && attributes.reinvocation.should_reinvoke {
                attributes.reinvocation.is_reinvoke = true;
                outcome = self.admit_once(cx, attributes).await;
            }
            self.count(cx, began, None, "admit", attributes.operation, outcome.is_err());
            match &outcome {
                Ok(()) => phase.exit(attributes),
                Err(error) => phase.fail(error),
            }
            outcome
        })
    }
}

impl ValidationInterface for Chain {
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let phase = cx.trace.enter(Phase::ValidatingAdmission, &mut Shown(attributes)).await?;
            let began = cx.services.clock.now();
            let outcome = self.validate_all(cx, attributes).await;
            self.count(cx, began, None, "validate", attributes.operation, outcome.is_err());
            match &outcome {
                Ok(()) => phase.done(),
                Err(error) => phase.fail(error),
            }
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    };
    use client::transport;
    use phase::{clock::SystemClock, ids::Ids, trace::Trace};

    use super::*;
    use crate::request::context::Services;

    /// Counts how often it was asked, and asks for a second round like a webhook that changed the object.
    struct Counter;

    impl Interface for Counter {
        fn name(&self) -> &'static str {
            "Counter"
        }
        fn handles(&self, operation: Operation) -> bool {
            operation == Operation::Create
        }
        fn mutation(&self) -> Option<&dyn MutationInterface> {
            Some(self)
        }
    }

    impl MutationInterface for Counter {
        fn admit<'a>(
            &'a self,
            _: &'a Context,
            attributes: &'a mut Attributes,
        ) -> BoxFuture<'a, Result<(), StatusError>> {
            Box::pin(async move {
                attributes.reinvocation.should_reinvoke = true;
                let object = attributes.object.as_mut().expect("an object");
                let count = object.get(&["count"]).and_then(serde_json::Value::as_u64).unwrap_or_default();
                object.set(&["count"], count + 1);
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn the_chain_runs_a_second_time_once_and_only_for_what_plugins_handle() {
        let services = Services { clock: SystemClock::shared(), ids: Ids::shared() };
        let cx = Context::new(http::Request::new(transport::empty()), services, Trace::unwatched());
        let chain = Chain::new(vec![Arc::new(Counter)]);
        let kind = GroupVersionKind::new("", "v1", "Thing");
        for (operation, count) in [(Operation::Create, Some(2)), (Operation::Update, None)] {
            let resource = GroupVersion::new("", "v1").with_resource("things");
            let mut attributes = Attributes::new(operation, kind.clone(), resource);
            attributes.object = Some(Object::new(&kind));
            chain.admit(&cx, &mut attributes).await.expect("admitted");
            let object = attributes.object.expect("an object");
            assert_eq!(object.get(&["count"]).and_then(serde_json::Value::as_u64), count);
        }
    }
}
