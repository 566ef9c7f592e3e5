//! Who is recognised: `--client-ca-file`, `--token-auth-file`, `--service-account-*`, `--requestheader-*`...
//!
//! Go: pkg/kubeapiserver/options/authentication.go

use std::{path::PathBuf, sync::Arc};

use auth::authentication::{
    Authenticator, TokenAuthenticator,
    audiences::AudienceAgnostic,
    ca_bundle::CABundle,
    config::{self, ServiceAccounts},
    headerrequest::RequestHeaderConfig,
    serviceaccount::{
        claims::ServiceAccountTokenGetter,
        jwt::TokenGenerator,
        keys::{PublicKey, SigningKey},
        legacy::Lookup,
    },
};
use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect, refused};
use phase::clock::Clock;

use crate::registry::core::token::Issuer;

/// The flags of this group.
pub const FLAGS: FlagSet = FlagSet {
    section: "Authentication",
    flags: &[
        flag(
            "anonymous-auth",
            Kind::Bool,
            "true",
            "Whether requests without a credential are let through as system:anonymous.",
        ),
        flag(
            "client-ca-file",
            Kind::String,
            "",
            "Authorities whose certificates prove a user: the CN names it, the Os are its groups.",
        ),
        flag("token-auth-file", Kind::String, "", "CSV file of tokens: token,user,uid[,\"group,group\"]."),
        flag("service-account-issuer", Kind::List, "", "Issuers of service account tokens; the first one signs."),
        flag(
            "service-account-key-file",
            Kind::List,
            "",
            "Keys that verify service account tokens; default: the TLS key.",
        ),
        flag("service-account-signing-key-file", Kind::String, "", "Key that signs service account tokens."),
        flag("service-account-lookup", Kind::Bool, "true", "Whether the account of a token must still exist."),
        flag("service-account-max-token-expiration", Kind::Duration, "0", "Longest life of a token; 0: no limit."),
        flag(
            "service-account-extend-token-expiration",
            Kind::Bool,
            "true",
            "Whether tokens for pods live a year while clients learn to reload them.",
        ),
        flag("service-account-jwks-uri", Kind::String, "", "Where the key set is published; default: this server."),
        flag("api-audiences", Kind::List, "", "Audiences of the API server; default: the issuers."),
        flag("requestheader-client-ca-file", Kind::String, "", "Authorities of front proxies."),
        flag("requestheader-allowed-names", Kind::List, "", "Common names of front proxies; empty: any."),
        flag("requestheader-username-headers", Kind::List, "", "Headers in which a front proxy names the user."),
        flag("requestheader-uid-headers", Kind::List, "", "Headers in which a front proxy gives the uid."),
        flag("requestheader-group-headers", Kind::List, "", "Headers in which a front proxy lists groups."),
        flag("requestheader-extra-headers-prefix", Kind::List, "", "Prefixes of headers with extra attributes."),
        flag("enable-bootstrap-token-auth", Kind::Bool, "false", "Recognise bootstrap tokens, kept in kube-system."),
        refused("authentication-config", Kind::String, "", "Structured authentication."),
        refused("service-account-signing-endpoint", Kind::String, "", "External signer."),
        refused("oidc-issuer-url", Kind::String, "", "OpenID Connect issuer."),
        refused("oidc-client-id", Kind::String, "", "OpenID Connect client."),
        refused("authentication-token-webhook-config-file", Kind::String, "", "Webhook that recognises tokens."),
        no_effect("authentication-token-webhook-version", Kind::String, "v1beta1", "Version of that webhook."),
        no_effect("authentication-token-webhook-cache-ttl", Kind::Duration, "2m0s", "Memory of that webhook."),
    ],
};

/// Go: pkg/kubeapiserver/options/authentication.go BuiltInAuthenticationOptions
#[derive(Clone, Debug)]
pub struct BuiltInAuthenticationOptions {
    /// `--api-audiences`; after completion never empty.
    pub api_audiences: Vec<String>,
    /// `--anonymous-auth`
    pub anonymous: bool,
    /// `--client-ca-file`
    pub client_ca_file: Option<PathBuf>,
    /// `--token-auth-file`
    pub token_file: Option<PathBuf>,
    /// `--enable-bootstrap-token-auth`
    pub bootstrap_token: bool,
    /// `--requestheader-*`
    pub request_header: RequestHeaderAuthenticationOptions,
    /// `--service-account-*`
    pub service_accounts: ServiceAccountAuthenticationOptions,
}

/// Go: apiserver/pkg/server/options/authentication.go RequestHeaderAuthenticationOptions
#[derive(Clone, Debug, Default)]
pub struct RequestHeaderAuthenticationOptions {
    /// `--requestheader-client-ca-file`
    pub client_ca_file: Option<PathBuf>,
    /// `--requestheader-allowed-names`
    pub allowed_names: Vec<String>,
    /// `--requestheader-username-headers`
    pub username_headers: Vec<String>,
    /// `--requestheader-uid-headers`
    pub uid_headers: Vec<String>,
    /// `--requestheader-group-headers`
    pub group_headers: Vec<String>,
    /// `--requestheader-extra-headers-prefix`
    pub extra_header_prefixes: Vec<String>,
}

/// Go: pkg/kubeapiserver/options/authentication.go ServiceAccountAuthenticationOptions
#[derive(Clone, Debug, Default)]
pub struct ServiceAccountAuthenticationOptions {
    /// `--service-account-issuer`
    pub issuers: Vec<String>,
    /// `--service-account-key-file`
    pub key_files: Vec<PathBuf>,
    /// `--service-account-signing-key-file`
    pub signing_key_file: Option<PathBuf>,
    /// `--service-account-lookup`
    pub lookup: bool,
    /// `--service-account-max-token-expiration`
    pub max_expiration: std::time::Duration,
    /// `--service-account-extend-token-expiration`
    pub extend_expiration: bool,
    /// `--service-account-jwks-uri`
    pub jwks_uri: String,
}

/// What authentication puts into the generic config.
///
/// Go: apiserver/pkg/server/config.go AuthenticationInfo
pub struct AuthenticationInfo {
    /// Recognises requests.
    pub authenticator: Arc<dyn Authenticator>,
    /// The server's own audiences.
    pub api_audiences: Vec<String>,
    /// The front proxy, if one is believed.
    pub request_header: Option<RequestHeaderConfig>,
    /// The authorities of client certificates.
    pub client_ca: Option<Arc<CABundle>>,
    /// The keys that verify service account tokens, published as the key set.
    pub service_account_keys: Arc<[PublicKey]>,
}

fn path(text: String) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

impl BuiltInAuthenticationOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        Self {
            api_audiences: values.list("api-audiences"),
            anonymous: values.bool("anonymous-auth"),
            client_ca_file: path(values.string("client-ca-file")),
            token_file: path(values.string("token-auth-file")),
            bootstrap_token: values.bool("enable-bootstrap-token-auth"),
            request_header: RequestHeaderAuthenticationOptions {
                client_ca_file: path(values.string("requestheader-client-ca-file")),
                allowed_names: values.list("requestheader-allowed-names"),
                username_headers: values.list("requestheader-username-headers"),
                uid_headers: values.list("requestheader-uid-headers"),
                group_headers: values.list("requestheader-group-headers"),
                extra_header_prefixes: values.list("requestheader-extra-headers-prefix"),
            },
            service_accounts: ServiceAccountAuthenticationOptions {
                issuers: values.list("service-account-issuer"),
                key_files: values.list("service-account-key-file").into_iter().map(PathBuf::from).collect(),
                signing_key_file: path(values.string("service-account-signing-key-file")),
                lookup: values.bool("service-account-lookup"),
                max_expiration: values.duration("service-account-max-token-expiration"),
                extend_expiration: values.bool("service-account-extend-token-expiration"),
                jwks_uri: values.string("service-account-jwks-uri"),
            },
        }
    }

    /// Fills in what follows from other options: audiences from issuers, keys from the TLS key, no anonymous
    /// requests where everything is allowed.
    ///
    /// Go: pkg/kubeapiserver/options/authentication.go ApplyAuthorization
    pub fn complete(&mut self, tls_key_file: &str, always_allow: bool) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.api_audiences.is_empty() {
            self.api_audiences.clone_from(&self.service_accounts.issuers);
        }
        if self.service_accounts.key_files.is_empty() && !tls_key_file.is_empty() {
            self.service_accounts.key_files.push(tls_key_file.into());
        }
        if self.anonymous && always_allow {
            warnings.push(
                "AnonymousAuth is not allowed with the AlwaysAllow authorizer. Resetting AnonymousAuth to false. You \
                 should use a different authorizer"
                    .to_owned(),
            );
            self.anonymous = false;
        }
        warnings
    }

    /// Returns everything that is wrong.
    pub fn validate(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let accounts = &self.service_accounts;
        if accounts.issuers.is_empty() {
            errors.push("service-account-issuer is a required flag".to_owned());
        }
        if accounts.signing_key_file.is_none() {
            errors.push("service-account-signing-key-file is a required flag".to_owned());
        }
        if accounts.key_files.is_empty() {
            errors.push("service-account-key-file is a required flag".to_owned());
        }
        let hour = std::time::Duration::from_hours(1);
        let most = std::time::Duration::from_secs(1 << 32);
        if !accounts.max_expiration.is_zero() && !(hour..=most).contains(&accounts.max_expiration) {
            errors.push("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds".to_owned());
        }
        let files = [
            ("client-ca-file", self.client_ca_file.iter()),
            ("token-auth-file", self.token_file.iter()),
            ("requestheader-client-ca-file", self.request_header.client_ca_file.iter()),
            ("service-account-signing-key-file", accounts.signing_key_file.iter()),
        ];
        for (name, file) in files.into_iter().flat_map(|(name, files)| files.map(move |file| (name, file))) {
            if let Err(error) = std::fs::File::open(file) {
                errors.push(format!("--{name}: {}: {error}", file.display()));
            }
        }
        errors
    }

    /// Builds the authenticator.
    ///
    /// Go: pkg/kubeapiserver/options/authentication.go ApplyTo
    pub fn build(
        &self,
        getter: Arc<dyn ServiceAccountTokenGetter>,
        bootstrap_tokens: Arc<dyn TokenAuthenticator>,
        clock: Arc<dyn Clock>,
    ) -> Result<AuthenticationInfo, String> {
        let client_ca = self.client_ca_file.as_deref().map(CABundle::open).transpose()?.map(Arc::new);
        let request_header = self.request_header.build()?;
        let mut keys = Vec::new();
        for file in &self.service_accounts.key_files {
            keys.extend(PublicKey::open(file)?);
        }
        let keys: Arc<[PublicKey]> = keys.into();
        let lookup = if self.service_accounts.lookup { Lookup::Required } else { Lookup::Skipped };
        let authenticator = config::new(config::Config {
            api_audiences: self.api_audiences.clone(),
            request_header: request_header.clone(),
            client_ca: client_ca.clone(),
            token_auth_file: self.token_file.clone(),
            service_accounts: Some(ServiceAccounts {
                issuers: self.service_accounts.issuers.clone(),
                keys: keys.clone(),
                getter,
                lookup,
            }),
            further_tokens: if self.bootstrap_token {
                vec![Arc::new(AudienceAgnostic::new(self.api_audiences.clone(), bootstrap_tokens))]
            } else {
                Vec::new()
            },
            anonymous: self.anonymous.then(Vec::new),
            clock,
        })?;
        let api_audiences = self.api_audiences.clone();
        Ok(AuthenticationInfo { authenticator, api_audiences, request_header, client_ca, service_account_keys: keys })
    }
}

impl ServiceAccountAuthenticationOptions {
    /// Returns who signs tokens; `None` where there is no key to sign with.
    ///
    /// Go: cmd/kube-apiserver/app/options/completion.go completeServiceAccountOptions
    pub fn issuer(&self, api_audiences: &[String]) -> Result<Option<Issuer>, String> {
        let (Some(issuer), Some(file)) = (self.issuers.first(), &self.signing_key_file) else { return Ok(None) };
        Ok(Some(Issuer {
            generator: TokenGenerator::new(issuer.clone(), SigningKey::open(file)?),
            api_audiences: api_audiences.to_vec(),
            max_expiration_seconds: self.max_expiration.as_secs().try_into().unwrap_or(i64::MAX),
            extend_expiration: self.extend_expiration,
        }))
    }
}

impl RequestHeaderAuthenticationOptions {
    /// Returns the config, if a front proxy is to be believed.
    ///
    /// Go: apiserver/pkg/server/options/authentication.go ToAuthenticationRequestHeaderConfig
    fn build(&self) -> Result<Option<RequestHeaderConfig>, String> {
        let Some(file) = &self.client_ca_file else { return Ok(None) };
        Ok(Some(RequestHeaderConfig {
            ca: Arc::new(CABundle::open(file)?),
            allowed_client_names: self.allowed_names.clone(),
            username_headers: self.username_headers.clone(),
            uid_headers: self.uid_headers.clone(),
            group_headers: self.group_headers.clone(),
            extra_header_prefixes: self.extra_header_prefixes.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let given = BTreeMap::from([("client-ca-file".to_owned(), vec!["/does/not/exist".to_owned()])]);
        let options = BuiltInAuthenticationOptions::from_values(&mut Values::new(&[FLAGS], given));
        let errors = options.validate();
        assert_eq!(errors.len(), 4, "{errors:?}");
    }

    #[test]
    fn anonymous_requests_and_always_allow_exclude_each_other() {
        let mut options = BuiltInAuthenticationOptions::from_values(&mut Values::new(&[FLAGS], BTreeMap::new()));
        assert!(options.anonymous);
        assert_eq!(options.complete("", true).len(), 1);
        assert!(!options.anonymous);
    }
}
