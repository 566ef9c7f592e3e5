//! A front proxy that vouches for others: it shows a certificate of its own and names the user in headers.
//!
//! Go: apiserver/pkg/authentication/request/headerrequest/requestheader.go

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderMap;
use phase::{BoxFuture, clock::Clock};

use crate::{
    authentication::{Authenticator, Error, Outcome, Request, Response, ca_bundle::CABundle, x509},
    user,
};

/// Whom to believe, and in which headers.
///
/// Go: apiserver/pkg/authentication/authenticatorfactory/requestheader.go RequestHeaderConfig
#[derive(Clone, Debug)]
pub struct RequestHeaderConfig {
    /// The authorities of the proxies.
    pub ca: Arc<CABundle>,
    /// The common names of the proxies; empty: any that verifies.
    pub allowed_client_names: Vec<String>,
    /// Headers for the name; the first that is not empty counts.
    pub username_headers: Vec<String>,
    /// Headers for the uid, likewise.
    pub uid_headers: Vec<String>,
    /// Headers for groups; all values count.
    pub group_headers: Vec<String>,
    /// Prefixes of headers for extra attributes; the rest of the header's name is the key.
    pub extra_header_prefixes: Vec<String>,
}

/// The front proxy's authenticator.
pub struct RequestHeader {
    config: RequestHeaderConfig,
    clock: Arc<dyn Clock>,
}

impl RequestHeader {
    /// Believes the proxies of `config`.
    ///
    /// Go: apiserver/pkg/authentication/request/headerrequest/requestheader.go NewDynamicVerifyOptionsSecure
    pub fn new(config: RequestHeaderConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock }
    }

    fn authenticate(&self, request: Request<'_>) -> Outcome {
        let Some(leaf) = request.peer_certificates.first() else { return Ok(None) };
        // The certificate is judged before the headers, and an unsuitable one is an error even without them: the
        // x509 authenticator, asked next, may still take it for a user's own.
        self.config.ca.verify(request.peer_certificates, self.clock.wall())?;
        let name = x509::common_name(leaf)?;
        let allowed = &self.config.allowed_client_names;
        if !allowed.is_empty() && !allowed.contains(&name) {
            return Err(Error(format!("x509: subject with cn={name} is not in the allowed list")));
        }
        Ok(self.user(request.headers).map(Response::new))
    }

    fn user(&self, headers: &HeaderMap) -> Option<user::Info> {
        let name = first_value(headers, &self.config.username_headers)?;
        Some(user::Info {
            name,
            uid: first_value(headers, &self.config.uid_headers).unwrap_or_default(),
            groups: self.config.group_headers.iter().flat_map(|header| values(headers, header)).collect(),
            extra: extra(headers, &self.config.extra_header_prefixes),
        })
    }
}

impl Authenticator for RequestHeader {
    fn name(&self) -> &'static str {
        "front-proxy"
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.authenticate(request) })
    }
}

/// Removes the headers by which a proxy names a user, the standard ones and the configured ones.
///
/// Go: apiserver/pkg/authentication/request/headerrequest/requestheader.go ClearAuthenticationHeaders
pub fn clear_authentication_headers(headers: &mut HeaderMap, config: Option<&RequestHeaderConfig>) {
    for header in ["x-remote-user", "x-remote-uid", "x-remote-group"] {
        headers.remove(header);
    }
    let mut prefixes = vec!["x-remote-extra-".to_owned()];
    if let Some(config) = config {
        for header in config.username_headers.iter().chain(&config.uid_headers).chain(&config.group_headers) {
            headers.remove(header.as_str());
        }
        prefixes.extend(config.extra_header_prefixes.iter().map(|prefix| prefix.to_lowercase()));
    }
    let prefixed: Vec<_> = headers
        .keys()
        .filter(|name| prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .cloned()
        .collect();
    for name in prefixed {
        headers.remove(name);
    }
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    values.filter(|value| !value.is_empty()).collect()
}

fn first_value(headers: &HeaderMap, names: &[String]) -> Option<String> {
    names.iter().find_map(|name| {
        let first = headers.get(name.as_str())?;
        Some(String::from_utf8_lossy(first.as_bytes()).into_owned()).filter(|value| !value.is_empty())
    })
}

/// Returns the extra attributes. Header names arrive in lower case, so keys have none either; `%2F` stands for a slash.
fn extra(headers: &HeaderMap, prefixes: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut extra = BTreeMap::<String, Vec<String>>::new();
    for prefix in prefixes.iter().map(|prefix| prefix.to_lowercase()) {
        for (name, value) in headers {
            if let Some(key) = name.as_str().strip_prefix(&prefix) {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                extra.entry(unescape_extra_key(key)).or_default().push(value);
            }
        }
    }
    extra
}

/// Decodes `%XX` in the key of an extra header; a key that does not decode stays as it is.
///
/// Go: apiserver/pkg/authentication/request/headerrequest/requestheader.go unescapeExtraKey
pub fn unescape_extra_key(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key;
    while let Some((before, after)) = rest.split_once('%') {
        let Some(byte) = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) else { return key.to_owned() };
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(byte);
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_keys_are_unescaped_and_values_of_a_key_collected() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-remote-extra-acme%2fx", "y"), ("x-remote-extra-scopes", "a"), ("x-remote-extra-scopes", "b")]
        {
            headers.append(name, value.parse().expect("header"));
        }
        let extra = extra(&headers, &["X-Remote-Extra-".to_owned()]);
        assert_eq!(extra["acme/x"], ["y"]);
        assert_eq!(extra["scopes"], ["a", "b"]);
        clear_authentication_headers(&mut headers, None);
        assert!(headers.is_empty());
        assert_eq!(unescape_extra_key("100%"), "100%");
    }
}
