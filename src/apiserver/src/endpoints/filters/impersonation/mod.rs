//! Acting as somebody else.
//!
//! ```text
//!   Impersonate-User: zoe   -> wanted user -> modes in order, the first that agrees wins
//!                                  associated-node, arbitrary-node, serviceaccount, user-info: two permissions each
//!                                  legacy: the one permission `impersonate`
//! ```
//!
//! Go: apiserver/pkg/endpoints/filters/impersonation

pub mod headers;
pub mod mode;

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use auth::authorization::Authorizer;
use phase::{BoxFuture, catalog::Phase};

use crate::{
    endpoints::{
        codec::Codec,
        filters::{
            authorization::{forbidden, get_authorizer_attributes},
            impersonation::mode::{MODES, Refusal},
        },
    },
    request::{
        context::Context,
        handler::{Filter, Next, Response},
        latency::Layer,
        responses,
    },
};

/// Replaces the user by the one the request's headers name, if the user may do that.
///
/// Go: apiserver/pkg/endpoints/filters/impersonation/constrained_impersonation.go WithConstrainedImpersonation
pub struct WithConstrainedImpersonation {
    authorizer: Arc<dyn Authorizer>,
    /// Whether the modes that need two permissions are tried; without them only the older one is.
    constrained: Constrained,
    /// Writes refusals.
    codec: Arc<dyn Codec>,
}

/// Whether feature ConstrainedImpersonation is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constrained {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl WithConstrainedImpersonation {
    /// Returns the filter.
    pub fn new(authorizer: Arc<dyn Authorizer>, constrained: Constrained, codec: Arc<dyn Codec>) -> Self {
        Self { authorizer, constrained, codec }
    }

    /// Asks the modes in order. The first refusal is the one that the client sees.
    ///
    /// Go: apiserver/pkg/endpoints/filters/impersonation/mode.go getImpersonatedUser
    async fn impersonate(&self, cx: &mut Context, wanted: &auth::user::Info) -> Result<(), Refusal> {
        let attributes = get_authorizer_attributes(cx);
        let mut first_refusal = None;
        for mode in MODES.iter().filter(|mode| self.constrained == Constrained::On || !mode.is_constrained()) {
            match mode.check(&*self.authorizer, &cx.trace, wanted, &attributes).await {
                Some(Ok(user)) => {
                    tracing::debug!("{} is impersonating {}", attributes.user.name, user.name);
                    cx.trace.describe(|| vec![("impersonatedUser".into(), user.name.clone())]);
                    cx.impersonated_user = Some(Arc::new(user));
                    cx.impersonation_constraint = mode.constraint();
                    cx.user.clone_from(&cx.impersonated_user);
                    return Ok(());
                }
                Some(Err(refusal)) => first_refusal = first_refusal.or(Some(refusal)),
                None => {}
            }
        }
        Err(first_refusal.expect("the legacy mode has something to say about everybody"))
    }
}

impl Filter for WithConstrainedImpersonation {
    fn phase(&self) -> Phase {
        Phase::Impersonation
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        let wanted = match headers::process_impersonation_headers(&cx.headers) {
            Ok(None) => return next.run(cx),
            Ok(Some(wanted)) => wanted,
            Err(error) => {
                let response = responses::status(&StatusError::new_bad_request(error));
                return Box::pin(async { response });
            }
        };
        Box::pin(async move {
            let since = cx.services.clock.now();
            let outcome = self.impersonate(cx, &wanted).await;
            cx.latency.add(Layer::Impersonation, cx.services.clock.now().saturating_sub(since));
            if let Err(refusal) = outcome {
                tracing::debug!("Forbidden: {} {}", cx.method, cx.request_uri());
                return forbidden(&*self.codec, cx, &refusal.attributes, &refusal.reason).await;
            }
            // Nobody behind shall know, nor do it once more.
            headers::clear(&mut cx.headers);
            next.run(cx).await
        })
    }
}

#[cfg(test)]
mod tests;
