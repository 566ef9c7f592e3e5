//! Tokens from the time when they lay in Secrets and never expired.
//!
//! Go: pkg/serviceaccount/legacy.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::runtime::object::Object;
use base64::{Engine, prelude::BASE64_STANDARD};
use phase::BoxFuture;
use serde::Deserialize;

use crate::{
    authentication::{
        Error, Outcome, Request, Response, TokenAuthenticator,
        serviceaccount::{
            claims::ServiceAccountTokenGetter,
            jwt::{self, Unverified},
            keys::PublicKey,
        },
    },
    user,
};

/// The issuer of such tokens.
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// Label of a Secret whose token is no longer accepted.
const INVALID_SINCE_LABEL: &str = "kubernetes.io/legacy-token-invalid-since";

/// The claims.
///
/// Go: pkg/serviceaccount/legacy.go legacyPrivateClaims
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claims {
    sub: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name")]
    account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid")]
    uid: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name")]
    secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace")]
    namespace: String,
}

/// Recognises tokens that were signed for a Secret.
///
/// Simplified: the label with the day of the last use is not written to the Secret.
pub struct LegacyTokens {
    keys: Arc<[PublicKey]>,
    api_audiences: Vec<String>,
    getter: Arc<dyn ServiceAccountTokenGetter>,
    lookup: Lookup,
}

/// Whether the Secret and the account must still exist (`--service-account-lookup`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// They must.
    Required,
    /// The signature is enough.
    Skipped,
}

impl LegacyTokens {
    /// Recognises tokens that one of `keys` verifies.
    ///
    /// Go: pkg/serviceaccount/legacy.go NewLegacyValidator
    pub fn new(
        keys: Arc<[PublicKey]>,
        api_audiences: Vec<String>,
        getter: Arc<dyn ServiceAccountTokenGetter>,
        lookup: Lookup,
    ) -> Self {
        Self { keys, api_audiences, getter, lookup }
    }

    async fn authenticate(&self, text: &str, asked: &[String]) -> Outcome {
        let Some(token) = Unverified::parse(text).filter(|token| token.issuer() == LEGACY_ISSUER) else {
            return Ok(None);
        };
        token.verify(&self.keys)?;
        let claims: Claims = serde_json::from_value(token.payload).map_err(|error| Error(error.to_string()))?;
        let audiences = jwt::intersect_audiences(&[], asked, &self.api_audiences)?;
        claims.check()?;
        if self.lookup == Lookup::Required {
            self.look_up(&claims, text).await?;
        }
        let username = user::service_account_username(&claims.namespace, &claims.account);
        Ok(Some(Response {
            audiences,
            annotations: BTreeMap::from([("authentication.k8s.io/legacy-token".to_owned(), username.clone())]),
            user: user::Info {
                name: username,
                uid: claims.uid,
                groups: user::service_account_groups(&claims.namespace),
                extra: BTreeMap::new(),
            },
        }))
    }

    /// Refuses a token whose Secret or account is gone, is another one by now, or no longer holds this token.
    async fn look_up(&self, claims: &Claims, token: &str) -> Result<(), Error> {
        let secret = self.getter.get("secrets", &claims.namespace, &claims.secret).await.filter(|secret| live(secret));
        let Some(secret) = secret else { return Err(Error("Token has been invalidated".to_owned())) };
        let held = BASE64_STANDARD.decode(secret.str(&["data", "token"])).unwrap_or_default();
        if held != token.as_bytes() {
            return Err(Error("Token does not match server's copy".to_owned()));
        }
        let account = self.getter.get("serviceaccounts", &claims.namespace, &claims.account).await;
        let Some(account) = account else {
            return Err(Error(format!("serviceaccounts \"{}\" not found", claims.account)));
        };
        if !live(&account) {
            let (namespace, name) = (&claims.namespace, &claims.account);
            return Err(Error(format!("ServiceAccount {namespace}/{name} has been deleted")));
        }
        if account.uid() != claims.uid {
            return Err(Error(format!("ServiceAccount UID ({}) does not match claim ({})", account.uid(), claims.uid)));
        }
        if secret.labels().contains_key(INVALID_SINCE_LABEL) {
            return Err(Error(
                "the token in secret has been invalidated because it was not used for a long time".to_owned(),
            ));
        }
        Ok(())
    }
}

impl Claims {
    fn check(&self) -> Result<(), Error> {
        let missing = [
            (&self.sub, "sub claim is missing"),
            (&self.namespace, "namespace claim is missing"),
            (&self.secret, "secretName claim is missing"),
            (&self.account, "serviceAccountName claim is missing"),
            (&self.uid, "serviceAccountUID claim is missing"),
        ];
        if let Some((_, sentence)) = missing.iter().find(|(claim, _)| claim.is_empty()) {
            return Err(Error((*sentence).to_owned()));
        }
        if user::split_service_account_username(&self.sub) != Some((&self.namespace, &self.account)) {
            return Err(Error("sub claim is invalid".to_owned()));
        }
        Ok(())
    }
}

fn live(object: &Object) -> bool {
    object.deletion_timestamp().is_none()
}

impl TokenAuthenticator for LegacyTokens {
    fn name(&self) -> &'static str {
        "legacy-service-account"
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.authenticate(token, request.audiences))
    }
}
