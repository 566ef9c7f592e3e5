//! Everyone who was recognised is in `system:authenticated`.
//!
//! Go: apiserver/pkg/authentication/group/authenticated_group_adder.go

use std::sync::Arc;

use phase::BoxFuture;

use crate::{
    authentication::{Authenticator, Outcome, Request},
    user::{ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS},
};

/// Wraps an authenticator and adds the group to whomever it recognises.
pub struct AuthenticatedGroupAdder {
    inner: Arc<dyn Authenticator>,
}

impl AuthenticatedGroupAdder {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Authenticator>) -> Self {
        Self { inner }
    }
}

impl Authenticator for AuthenticatedGroupAdder {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(mut response) = self.inner.authenticate_request(request).await? else { return Ok(None) };
            let user = &mut response.user;
            // A front proxy may pass on someone whom it did not recognise.
            let settled =
                user.name == ANONYMOUS || user.in_group(ALL_AUTHENTICATED) || user.in_group(ALL_UNAUTHENTICATED);
            if !settled {
                user.groups.push(ALL_AUTHENTICATED.to_owned());
            }
            Ok(Some(response))
        })
    }
}
