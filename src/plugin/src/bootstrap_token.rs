//! Tokens with which new nodes introduce themselves: `id.secret`, kept as Secrets in kube-system.
//!
//! Go: plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go

use std::sync::Arc;

use apimachinery::{
    meta::time,
    runtime::{object::Object, schema::GroupVersion},
};
use auth::{
    authentication::{Error, Outcome, Request, Response, TokenAuthenticator},
    user,
};
use aws_lc_rs::constant_time;
use base64::{Engine, prelude::BASE64_STANDARD};
use client::rest::Client;
use phase::{BoxFuture, clock::Clock};

/// Namespace of the Secrets.
const NAMESPACE: &str = "kube-system";

/// Type of the Secrets.
const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";

/// The group of everybody who comes with such a token, and the prefix of further groups.
const DEFAULT_GROUP: &str = "system:bootstrappers";

/// Recognises bootstrap tokens.
pub struct BootstrapTokens {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl BootstrapTokens {
    /// Looks the Secrets up through the loopback client.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    async fn authenticate(&self, token: &str) -> Outcome {
        let Some((id, secret)) = split(token) else { return Ok(None) };
        let secrets = self.client.resource(&GroupVersion::new("", "v1").with_resource("secrets")).namespace(NAMESPACE);
        match secrets.get(&format!("bootstrap-token-{id}")).await {
            Ok(object) => Ok(self.user(&object, id, secret).map(Response::new)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(Error(error.to_string())),
        }
    }

    /// Returns the user of a Secret, if the Secret is what the token says and still in force.
    fn user(&self, object: &Object, id: &str, secret: &str) -> Option<user::Info> {
        let data = |key: &str| -> String {
            let bytes = BASE64_STANDARD.decode(object.str(&["data", key])).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        if object.deletion_timestamp().is_some() || object.str(&["type"]) != SECRET_TYPE {
            return None;
        }
        // In constant time, so that how long it takes does not tell how much of a guess was right.
        constant_time::verify_slices_are_equal(data("token-secret").as_bytes(), secret.as_bytes()).ok()?;
        if data("token-id") != id || data("usage-bootstrap-authentication") != "true" {
            return None;
        }
        let expiration = data("expiration");
        // A date that cannot be read has passed.
        if !expiration.is_empty() && time::parse(&expiration).is_none_or(|expiration| expiration < self.clock.wall()) {
            return None;
        }
        let mut groups = vec![DEFAULT_GROUP.to_owned()];
        let extra = data("auth-extra-groups");
        for group in extra.split(',').filter(|group| !group.is_empty()) {
            if !is_group(group) {
                return None;
            }
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_owned());
            }
        }
        Some(user::Info { name: format!("system:bootstrap:{id}"), groups, ..user::Info::default() })
    }
}

impl TokenAuthenticator for BootstrapTokens {
    fn name(&self) -> &'static str {
        "bootstrap-token"
    }

    fn authenticate_token<'a>(&'a self, token: &'a str, _request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.authenticate(token))
    }
}

/// Cuts a token of the form `[a-z0-9]{6}.[a-z0-9]{16}`.
///
/// Go: cluster-bootstrap/token/util/helpers.go ParseToken
fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let plain = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    (plain(id, 6) && plain(secret, 16)).then_some((id, secret))
}

/// Go: cluster-bootstrap/token/util/helpers.go ValidateBootstrapGroupName
fn is_group(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(DEFAULT_GROUP).and_then(|rest| rest.strip_prefix(':')) else { return false };
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":-".contains(&byte);
    let last = rest.bytes().last().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    last && rest.len() <= 256 && rest.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use client::transport;
    use phase::clock::VirtualClock;
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl transport::Transport for Nobody {
        fn send(
            &self,
            _: http::Request<transport::Body>,
        ) -> BoxFuture<'_, Result<http::Response<transport::Body>, transport::Error>> {
            Box::pin(async { Err(transport::Error::Timeout) })
        }
    }

    #[test]
    fn a_secret_counts_until_it_expires() {
        let clock = Arc::new(VirtualClock::default());
        let tokens = BootstrapTokens::new(Client::new(Arc::new(Nobody), "test"), clock.clone());
        let encode = |text: &str| BASE64_STANDARD.encode(text);
        let secret = Object::from_value(json!({"type": SECRET_TYPE, "data": {
            "token-id": encode("abcdef"), "token-secret": encode("0123456789abcdef"),
            "usage-bootstrap-authentication": encode("true"), "expiration": encode("2026-01-01T00:01:00Z"),
            "auth-extra-groups": encode("system:bootstrappers:kubeadm"),
        }}));
        let secret = secret.expect("object");
        let (id, text) = split("abcdef.0123456789abcdef").expect("a token");
        let user = tokens.user(&secret, id, text).expect("someone");
        assert_eq!(user.name, "system:bootstrap:abcdef");
        assert_eq!(user.groups, [DEFAULT_GROUP, "system:bootstrappers:kubeadm"]);
        assert_eq!(tokens.user(&secret, id, "0123456789abcdeg"), None);
        clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(tokens.user(&secret, id, text), None);
    }

    #[test]
    fn tokens_and_groups_have_their_form() {
        assert_eq!(split("ABCDEF.0123456789abcdef"), None);
        assert_eq!(split("abcdef.0123"), None);
        assert!(
            is_group("system:bootstrappers:a-b") && !is_group("system:bootstrappers:") && !is_group("system:masters")
        );
    }
}
