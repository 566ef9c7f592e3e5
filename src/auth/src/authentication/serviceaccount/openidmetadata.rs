//! The documents from which others learn to verify our tokens.
//!
//! Go: pkg/serviceaccount/openidmetadata.go

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::authentication::serviceaccount::keys::PublicKey;

/// `/.well-known/openid-configuration` and `/openid/v1/jwks`, ready to be sent.
///
/// Go: pkg/serviceaccount/openidmetadata.go OpenIDMetadata
#[derive(Clone, Debug)]
pub struct OpenIDMetadata {
    /// The discovery document, `application/json`.
    pub config: Vec<u8>,
    /// The keys, `application/jwk-set+json`.
    pub jwks: Vec<u8>,
}

/// How long both may be cached: `Cache-Control: public, max-age=3600`.
pub const CACHE_CONTROL: &str = "public, max-age=3600";

/// Path of the keys.
pub const JWKS_PATH: &str = "/openid/v1/jwks";

/// Path of the discovery document.
pub const OPENID_CONFIG_PATH: &str = "/.well-known/openid-configuration";

impl OpenIDMetadata {
    /// Makes the documents; refuses an issuer that OpenID does not allow. `jwks_uri` empty: on `external_address`.
    ///
    /// Go: pkg/serviceaccount/openidmetadata.go NewOpenIDMetadata
    pub fn new(issuer: &str, jwks_uri: &str, external_address: &str, keys: &[PublicKey]) -> Result<Self, String> {
        let rest = issuer
            .strip_prefix("https://")
            .ok_or_else(|| format!("issuer URL must use https scheme, got: {issuer}"))?;
        if rest.is_empty() {
            return Err(format!("issuer URL must have a host, got: {issuer}"));
        }
        if rest.contains('?') {
            return Err(format!("issuer URL may not include a query, got: {issuer}"));
        }
        if rest.contains('#') {
            return Err(format!("issuer URL may not include a fragment, got: {issuer}"));
        }
        if keys.is_empty() {
            return Err("no keys provided for validating keyset".to_owned());
        }
        let jwks_uri = match jwks_uri {
            "" => format!("https://{external_address}{JWKS_PATH}"),
            uri if uri.starts_with("https://") => uri.to_owned(),
            uri => return Err(format!("JWKS URI requires https scheme, parsed as: {uri}")),
        };
        let algorithms: BTreeSet<&str> = keys.iter().map(|key| key.algorithm.as_str()).collect();
        let config = json!({
            "issuer": issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        });
        let jwks = json!({"keys": keys.iter().map(jwk).collect::<Vec<_>>()});
        Ok(Self { config: config.to_string().into_bytes(), jwks: jwks.to_string().into_bytes() })
    }
}

fn jwk(key: &PublicKey) -> Value {
    let kind = if key.components.iter().any(|(name, _)| *name == "crv") { "EC" } else { "RSA" };
    let mut jwk = Map::from_iter([
        ("use".to_owned(), json!("sig")),
        ("kty".to_owned(), json!(kind)),
        ("kid".to_owned(), json!(key.id)),
        ("alg".to_owned(), json!(key.algorithm.as_str())),
    ]);
    jwk.extend(key.components.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(jwk)
}
