//! Puts the authenticators together in the order in which they are asked.
//!
//! Go: pkg/kubeapiserver/authenticator/config.go, apiserver/pkg/server/config.go AuthorizeClientBearerToken

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use phase::clock::Clock;

use crate::{
    authentication::{
        Authenticator, TokenAuthenticator,
        anonymous::Anonymous,
        audiences::AudienceAgnostic,
        bearertoken::BearerToken,
        ca_bundle::CABundle,
        cache::{self, CachedTokens},
        group::AuthenticatedGroupAdder,
        headerrequest::{RequestHeader, RequestHeaderConfig},
        serviceaccount::{
            claims::ServiceAccountTokenGetter,
            jwt::ServiceAccountTokens,
            keys::PublicKey,
            legacy::{LegacyTokens, Lookup},
        },
        tokenfile::TokenFile,
        union::{OnError, TokenUnion, Union},
        websocket::ProtocolAuthenticator,
        x509::X509,
    },
    user,
};

/// What to recognise, and how. Absent parts are not asked.
///
/// Go: pkg/kubeapiserver/authenticator/config.go Config
pub struct Config {
    /// The server's own audiences.
    pub api_audiences: Vec<String>,
    /// The front proxy (`--requestheader-*`).
    pub request_header: Option<RequestHeaderConfig>,
    /// The authorities of client certificates (`--client-ca-file`).
    pub client_ca: Option<Arc<CABundle>>,
    /// The static token file (`--token-auth-file`).
    pub token_auth_file: Option<PathBuf>,
    /// Tokens of service accounts.
    pub service_accounts: Option<ServiceAccounts>,
    /// Further token authenticators, asked last: bootstrap tokens, OIDC, webhook.
    pub further_tokens: Vec<Arc<dyn TokenAuthenticator>>,
    /// Whether and where anonymous requests are let through; an empty list of paths: everywhere.
    pub anonymous: Option<Vec<String>>,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
}

/// The tokens of service accounts.
pub struct ServiceAccounts {
    /// Accepted issuers; the first one signs.
    pub issuers: Vec<String>,
    /// The keys that verify.
    pub keys: Arc<[PublicKey]>,
    /// Where the accounts and the objects that tokens are bound to are looked up.
    pub getter: Arc<dyn ServiceAccountTokenGetter>,
    /// Whether tokens from Secrets are compared with their Secret.
    pub lookup: Lookup,
}

/// Builds the authenticator of the server.
///
/// Go: pkg/kubeapiserver/authenticator/config.go New
pub fn new(config: Config) -> Result<Arc<dyn Authenticator>, String> {
    let Config { api_audiences, request_header, client_ca, token_auth_file, .. } = &config;
    let mut authenticators: Vec<Arc<dyn Authenticator>> = Vec::new();
    if let Some(request_header) = request_header {
        let proxy: Arc<dyn Authenticator> = Arc::new(RequestHeader::new(request_header.clone(), config.clock.clone()));
        authenticators.push(Arc::new(AudienceAgnostic::new(api_audiences.clone(), proxy)));
    }
    if let Some(client_ca) = client_ca {
        authenticators.push(Arc::new(X509::new(client_ca.clone(), config.clock.clone())));
    }
    let mut tokens: Vec<Arc<dyn TokenAuthenticator>> = Vec::new();
    if let Some(path) = token_auth_file {
        let file: Arc<dyn TokenAuthenticator> = Arc::new(TokenFile::open(path)?);
        tokens.push(Arc::new(AudienceAgnostic::new(api_audiences.clone(), file)));
    }
    if let Some(accounts) = &config.service_accounts {
        let ServiceAccounts { issuers, keys, getter, lookup } = accounts;
        let (keys, getter) = (keys.clone(), getter.clone());
        tokens.push(Arc::new(LegacyTokens::new(keys.clone(), api_audiences.clone(), getter.clone(), *lookup)));
        let clock = config.clock.clone();
        tokens.push(Arc::new(ServiceAccountTokens::new(issuers.clone(), keys, api_audiences.clone(), getter, clock)));
    }
    tokens.extend(config.further_tokens.iter().cloned());
    if !tokens.is_empty() {
        let union = Arc::new(TokenUnion::new(tokens));
        let tokens = Arc::new(CachedTokens::new(union, config.clock.clone(), cache::SUCCESS_TTL));
        authenticators.push(Arc::new(BearerToken::new(tokens.clone())));
        authenticators.push(Arc::new(ProtocolAuthenticator::new(tokens)));
    }
    let union = Arc::new(Union::new(authenticators, OnError::Continue));
    let recognised: Arc<dyn Authenticator> = Arc::new(AuthenticatedGroupAdder::new(union));
    Ok(match config.anonymous {
        Some(paths) => Arc::new(Union::new(vec![recognised, Arc::new(Anonymous::new(paths))], OnError::Fail)),
        None => recognised,
    })
}

/// Puts the token of the loopback client in front. It belongs to the server itself, which may do everything.
///
/// Go: apiserver/pkg/server/config.go AuthorizeClientBearerToken
pub fn authorize_client_bearer_token(
    token: String,
    uid: String,
    api_audiences: Vec<String>,
    then: Arc<dyn Authenticator>,
) -> Arc<dyn Authenticator> {
    let groups = [user::ALL_AUTHENTICATED, user::SYSTEM_PRIVILEGED_GROUP];
    let server = user::Info { uid, ..user::Info::new(user::API_SERVER_USER, &groups) };
    let own: Arc<dyn TokenAuthenticator> =
        Arc::new(TokenFile::with_tokens("loopback-token", BTreeMap::from([(token, server)])));
    let own: Arc<dyn TokenAuthenticator> = Arc::new(AudienceAgnostic::new(api_audiences, own));
    let own = Arc::new(BearerToken::named("loopback-token", own));
    Arc::new(Union::new(vec![own, then], OnError::Continue))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header::AUTHORIZATION};
    use phase::{clock::VirtualClock, trace::Trace};

    use super::*;
    use crate::authentication::{Outcome, Request};

    fn config(token_auth_file: Option<PathBuf>) -> Config {
        Config {
            api_audiences: vec!["api".to_owned()],
            request_header: None,
            client_ca: None,
            token_auth_file,
            service_accounts: None,
            further_tokens: Vec::new(),
            anonymous: Some(vec!["/healthz".to_owned()]),
            clock: Arc::new(VirtualClock::default()),
        }
    }

    async fn ask(authenticator: &dyn Authenticator, path: &str, authorization: Option<&str>) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().expect("header"));
        }
        let audiences = ["api".to_owned()];
        let trace = Trace::unwatched();
        let request = Request { path, headers: &headers, peer_certificates: &[], audiences: &audiences, trace: &trace };
        authenticator.authenticate_request(request).await
    }

    #[tokio::test]
    async fn the_chain_knows_the_loopback_the_file_and_nobody_in_particular() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "t,alice,alice-uid,\"devs\"\n").expect("written");
        let chain = new(config(Some(file.path().to_owned()))).expect("built");
        let chain = authorize_client_bearer_token("own".to_owned(), "uid".to_owned(), vec!["api".to_owned()], chain);

        let alice = ask(chain.as_ref(), "/", Some("Bearer t")).await.expect("no error").expect("someone");
        assert_eq!(alice.user.groups, ["devs", user::ALL_AUTHENTICATED]);
        assert_eq!(alice.audiences, ["api"]);
        let server = ask(chain.as_ref(), "/", Some("Bearer own")).await.expect("no error").expect("someone");
        assert_eq!(server.user.name, user::API_SERVER_USER);

        // A bad token never counts as none: it is an error even where anonymous requests are welcome.
        let error = ask(chain.as_ref(), "/healthz", Some("Bearer x")).await.expect_err("refused");
        assert_eq!(error.0, "invalid bearer token");
        let anonymous = ask(chain.as_ref(), "/healthz", None).await.expect("no error").expect("someone");
        assert_eq!(anonymous.user, user::Info::anonymous());
        assert_eq!(ask(chain.as_ref(), "/api", None).await, Ok(None));
    }
}
