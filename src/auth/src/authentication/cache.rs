//! Remembers for a few seconds what a token authenticator said.
//!
//! Go: apiserver/pkg/authentication/token/cache/cached_token_authenticator.go
//!
//! Verifying a signature, or asking a webhook, for each request of the same client would cost more than all the rest.
//! Only recognised tokens are kept: a token that is unknown now may be valid in a moment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    clock::{Clock, Nanos},
};

use crate::authentication::{Outcome, Request, Response, TokenAuthenticator};

/// How long a success is kept, as in kube-apiserver.
pub const SUCCESS_TTL: Duration = Duration::from_secs(10);

/// How many are kept at most; the cache is emptied when it is full of live entries.
const CAPACITY: usize = 4096;

/// Wraps a token authenticator.
///
/// Go: apiserver/pkg/authentication/token/cache/cached_token_authenticator.go cachedTokenAuthenticator
pub struct CachedTokens {
    inner: Arc<dyn TokenAuthenticator>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    /// Keys are digests of token and audiences under a key of this process, so that no token lies in memory here.
    key: hmac::Key,
    /// Written by whoever had to ask `inner`; an entry goes away when it has expired and room is needed.
    entries: Mutex<BTreeMap<Vec<u8>, (Nanos, Response)>>,
}

impl CachedTokens {
    /// Wraps `inner` and keeps successes for `ttl`.
    pub fn new(inner: Arc<dyn TokenAuthenticator>, clock: Arc<dyn Clock>, ttl: Duration) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("the system's random source works");
        Self { inner, clock, ttl, key, entries: Mutex::default() }
    }

    fn key(&self, token: &str, audiences: &[String]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        // Lengths are written too, so that no two lists of parts run together to the same text.
        for part in std::iter::once(token).chain(audiences.iter().map(String::as_str)) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }

    fn keep(&self, key: Vec<u8>, response: Response) {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        if entries.len() >= CAPACITY {
            entries.retain(|_, (until, _)| *until > now);
        }
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(key, (now + self.ttl.as_nanos() as Nanos, response));
    }
}

impl TokenAuthenticator for CachedTokens {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let key = self.key(token, request.audiences);
            let now = self.clock.now();
            let known = self.entries.lock().get(&key).filter(|(until, _)| *until > now).cloned();
            if let Some((_, response)) = known {
                return Ok(Some(response));
            }
            let outcome = self.inner.authenticate_token(token, request).await;
            if let Ok(Some(response)) = &outcome {
                self.keep(key, response.clone());
            }
            outcome
        })
    }
}
