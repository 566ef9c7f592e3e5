//! The token in `Authorization: Bearer ...`.
//!
//! Go: apiserver/pkg/authentication/request/bearertoken/bearertoken.go

use std::sync::Arc;

use http::{HeaderMap, header::AUTHORIZATION};
use phase::BoxFuture;

use crate::authentication::{Authenticator, Error, Outcome, Request, TokenAuthenticator};

/// Takes the token out of the header and asks a token authenticator about it.
pub struct BearerToken {
    name: &'static str,
    tokens: Arc<dyn TokenAuthenticator>,
}

impl BearerToken {
    /// Asks `tokens`; shown as `bearer-token`.
    pub fn new(tokens: Arc<dyn TokenAuthenticator>) -> Self {
        Self::named("bearer-token", tokens)
    }

    /// The same under another name: the server's own token has a place of its own in the order.
    pub fn named(name: &'static str, tokens: Arc<dyn TokenAuthenticator>) -> Self {
        Self { name, tokens }
    }
}

impl Authenticator for BearerToken {
    fn name(&self) -> &'static str {
        self.name
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(token) = bearer(request.headers) else { return Ok(None) };
            match self.tokens.authenticate_token(token, request).await? {
                None => Err(invalid_token()),
                found => Ok(found),
            }
        })
    }
}

/// The error for a token that nobody knows.
pub(super) fn invalid_token() -> Error {
    Error("invalid bearer token".to_owned())
}

/// Returns the second word of the header if the first is `bearer` in any spelling; what follows is ignored.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut words = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().splitn(3, ' ');
    let scheme = words.next()?;
    // Two spaces make an empty second word, which counts as no token.
    words.next().filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_second_word_after_bearer_is_a_token() {
        let token = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("header"))]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token(" BEARER abc x y").as_deref(), Some("abc"));
        assert_eq!((token("Bearer"), token("Bearer  abc"), token("Basic abc"), token("")), (None, None, None, None));
    }
}
