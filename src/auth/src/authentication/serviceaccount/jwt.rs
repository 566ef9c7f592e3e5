//! Signs tokens, and recognises them.
//!
//! Go: pkg/serviceaccount/jwt.go

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use phase::{BoxFuture, clock::Clock};
use serde_json::{Value, json};

use crate::authentication::{
    Error, Outcome, Request, Response, TokenAuthenticator, audiences,
    serviceaccount::{
        claims::{self, Claims, ServiceAccountTokenGetter},
        keys::{PublicKey, SigningKey},
    },
};

/// Signs the claims of TokenRequests.
///
/// Go: pkg/serviceaccount/jwt.go TokenGenerator, JWTTokenGenerator
#[derive(Debug)]
pub struct TokenGenerator {
    issuer: String,
    key: SigningKey,
}

impl TokenGenerator {
    /// Signs with `key` in the name of `issuer`.
    pub fn new(issuer: String, key: SigningKey) -> Self {
        Self { issuer, key }
    }

    /// Returns the token.
    pub fn generate_token(&self, claims: Claims) -> Result<String, String> {
        let header = json!({"alg": self.key.public.algorithm.as_str(), "kid": self.key.public.id});
        let claims = Claims { iss: self.issuer.clone(), ..claims };
        let payload = serde_json::to_vec(&claims).map_err(|error| error.to_string())?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(&payload));
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }
}

/// A token taken apart; its signature is not verified yet.
pub(super) struct Unverified<'a> {
    /// Header and payload as they were signed.
    signed: &'a str,
    signature: Vec<u8>,
    /// `kid` of the header; empty: not said.
    key_id: String,
    algorithm: String,
    /// The claims.
    pub(super) payload: Value,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; `None` if it is not of this form.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let text = |name: &str| header[name].as_str().unwrap_or_default().to_owned();
        let payload = serde_json::from_slice(&decode(payload)?).ok()?;
        Some(Self { signed, signature: decode(signature)?, key_id: text("kid"), algorithm: text("alg"), payload })
    }

    /// Returns `iss`.
    pub(super) fn issuer(&self) -> &str {
        self.payload["iss"].as_str().unwrap_or_default()
    }

    /// Verifies the signature with the key that the header names, or with any if it names none.
    ///
    /// The algorithm is the key's, never the header's choice.
    pub(super) fn verify(&self, keys: &[PublicKey]) -> Result<(), Error> {
        let mut candidates = keys.iter().filter(|key| self.key_id.is_empty() || key.id == self.key_id).peekable();
        if candidates.peek().is_none() {
            return Err(Error("invalid signature, no keys found".to_owned()));
        }
        let verifies = |key: &PublicKey| {
            key.algorithm.as_str() == self.algorithm && key.verify(self.signed.as_bytes(), &self.signature)
        };
        if candidates.any(verifies) {
            Ok(())
        } else {
            Err(Error("go-jose/go-jose: error in cryptographic primitive".to_owned()))
        }
    }
}

/// Recognises the tokens that [`TokenGenerator`] signs, and those of earlier issuers.
///
/// Go: pkg/serviceaccount/jwt.go jwtTokenAuthenticator
pub struct ServiceAccountTokens {
    issuers: Vec<String>,
    keys: Arc<[PublicKey]>,
    /// The server's own audiences: what a token without any is good for.
    api_audiences: Vec<String>,
    getter: Arc<dyn ServiceAccountTokenGetter>,
    clock: Arc<dyn Clock>,
}

impl ServiceAccountTokens {
    /// Recognises tokens of `issuers` that one of `keys` verifies.
    ///
    /// Go: pkg/serviceaccount/jwt.go JWTTokenAuthenticator
    pub fn new(
        issuers: Vec<String>,
        keys: Arc<[PublicKey]>,
        api_audiences: Vec<String>,
        getter: Arc<dyn ServiceAccountTokenGetter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { issuers, keys, api_audiences, getter, clock }
    }

    async fn authenticate(&self, token: &str, asked: &[String]) -> Outcome {
        let Some(token) = Unverified::parse(token) else { return Ok(None) };
        if !self.issuers.iter().any(|issuer| issuer == token.issuer()) {
            return Ok(None);
        }
        token.verify(&self.keys)?;
        let claims: Claims = serde_json::from_value(token.payload).map_err(|error| Error(error.to_string()))?;
        let audiences = intersect_audiences(&claims.aud, asked, &self.api_audiences)?;
        let response = claims::validate(&claims, self.getter.as_ref(), self.clock.wall()).await?;
        Ok(Some(Response { audiences, ..response }))
    }
}

impl TokenAuthenticator for ServiceAccountTokens {
    fn name(&self) -> &'static str {
        "service-account"
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.authenticate(token, request.audiences))
    }
}

/// Returns the audiences of a token that are asked for, or refuses it.
pub(super) fn intersect_audiences(token: &[String], asked: &[String], own: &[String]) -> Result<Vec<String>, Error> {
    let token = if token.is_empty() { own } else { token };
    let asked = if asked.is_empty() { own } else { asked };
    let common = audiences::intersect(token, asked);
    if common.is_empty() && !own.is_empty() {
        let (token, asked) = (quote(token), quote(asked));
        return Err(Error(format!("token audiences {token} is invalid for the target audiences {asked}")));
    }
    Ok(common)
}

/// Writes a list as Go's `%q` does: `["a" "b"]`.
fn quote(list: &[String]) -> String {
    format!("[{}]", list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::object::Object;
    use http::HeaderMap;
    use phase::{clock::VirtualClock, trace::Trace};

    use super::*;
    use crate::authentication::serviceaccount::claims::{Binding, Lifetime};

    struct OneAccount(Object);

    impl ServiceAccountTokenGetter for OneAccount {
        fn get<'a>(&'a self, _: &'static str, _: &'a str, _: &'a str) -> BoxFuture<'a, Option<Arc<Object>>> {
            Box::pin(async move { Some(Arc::new(self.0.clone())) })
        }
    }

    async fn ask(tokens: &ServiceAccountTokens, token: &str, audiences: &[String]) -> Outcome {
        let headers = HeaderMap::new();
        let trace = Trace::unwatched();
        let request = Request { path: "", headers: &headers, peer_certificates: &[], audiences, trace: &trace };
        tokens.authenticate_token(token, request).await
    }

    #[tokio::test]
    async fn what_is_signed_is_recognised_and_what_is_changed_is_not() {
        let pem = rcgen::KeyPair::generate().expect("key").serialize_pem();
        let key = SigningKey::from_pem(pem.as_bytes()).expect("key");
        let keys: Arc<[PublicKey]> = Arc::from([key.public.clone()]);
        let account = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u1"}});
        let account = Object::from_value(account).expect("object");
        let clock = Arc::new(VirtualClock::default());
        let lifetime = Lifetime { now: clock.wall(), expiration_seconds: 600, warn_after: 0 };
        let claims = claims::claims(&account, Binding::default(), lifetime, &["api".to_owned()], "j".to_owned());
        let token = TokenGenerator::new("https://me".to_owned(), key).generate_token(claims).expect("token");

        let own = vec!["api".to_owned()];
        let tokens = ServiceAccountTokens::new(
            vec!["https://me".to_owned()],
            keys,
            own.clone(),
            Arc::new(OneAccount(account)),
            clock,
        );
        let response = ask(&tokens, &token, &own).await.expect("no error").expect("someone");
        assert_eq!((response.user.name.as_str(), &response.audiences), ("system:serviceaccount:shop:web", &own));

        let error = ask(&tokens, &token, &["x".to_owned(), "y".to_owned()]).await.expect_err("other audience");
        assert_eq!(error.0, r#"token audiences ["api"] is invalid for the target audiences ["x" "y"]"#);

        let forged = format!("{}A", &token[..token.len() - 1]);
        if forged != token {
            assert!(ask(&tokens, &forged, &own).await.is_err());
        }
        assert_eq!(ask(&tokens, "a.b.c", &own).await, Ok(None));
    }
}
