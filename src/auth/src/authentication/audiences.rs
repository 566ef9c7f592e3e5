//! For whom a credential is good.
//!
//! Go: apiserver/pkg/authentication/authenticator/{audiences,audagnostic}.go

use std::sync::Arc;

use phase::BoxFuture;

use crate::authentication::{Authenticator, Error, Outcome, Request, TokenAuthenticator};

/// Returns those of `ours` that are also in `theirs`, in our order.
///
/// Go: apiserver/pkg/authentication/authenticator/audiences.go Intersect
pub fn intersect(ours: &[String], theirs: &[String]) -> Vec<String> {
    ours.iter().filter(|audience| theirs.contains(audience)).cloned().collect()
}

/// Wraps an authenticator whose credentials say nothing about audiences: they count as good for the server's own.
///
/// Go: apiserver/pkg/authentication/authenticator/audagnostic.go audAgnosticTokenAuthenticator
pub struct AudienceAgnostic<A: ?Sized> {
    /// The server's own audiences.
    implicit: Vec<String>,
    inner: Arc<A>,
}

impl<A: ?Sized> AudienceAgnostic<A> {
    /// Wraps `inner`.
    pub fn new(implicit: Vec<String>, inner: Arc<A>) -> Self {
        Self { implicit, inner }
    }

    /// Runs `work` if one of the server's own audiences is asked for, and names these audiences in the answer.
    async fn within(&self, asked: &[String], work: BoxFuture<'_, Outcome>) -> Outcome {
        if asked.is_empty() {
            return work.await;
        }
        let audiences = intersect(&self.implicit, asked);
        if audiences.is_empty() {
            return Ok(None);
        }
        let Some(mut response) = work.await? else { return Ok(None) };
        if !response.audiences.is_empty() {
            return Err(Error(format!(
                "audience agnostic authenticator wrapped an authenticator that returned audiences: {:?}",
                response.audiences
            )));
        }
        response.audiences = audiences;
        Ok(Some(response))
    }
}

impl Authenticator for AudienceAgnostic<dyn Authenticator> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.within(request.audiences, self.inner.authenticate_request(request)))
    }
}

impl TokenAuthenticator for AudienceAgnostic<dyn TokenAuthenticator> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.within(request.audiences, self.inner.authenticate_token(token, request)))
    }
}
