//! The token in `Sec-WebSocket-Protocol`: browsers cannot set `Authorization` on a WebSocket.
//!
//! Go: apiserver/pkg/authentication/request/websocket/protocol.go

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue,
    header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
};
use phase::BoxFuture;

use crate::authentication::{Authenticator, Error, Outcome, Request, TokenAuthenticator, bearertoken};

/// Prefix of the protocol that carries the token, in unpadded base64url.
const BEARER_PROTOCOL_PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// Takes the token out of the list of protocols and asks a token authenticator about it.
///
/// Go: apiserver/pkg/authentication/request/websocket/protocol.go ProtocolAuthenticator
pub struct ProtocolAuthenticator {
    tokens: Arc<dyn TokenAuthenticator>,
}

impl ProtocolAuthenticator {
    /// Asks `tokens`.
    pub fn new(tokens: Arc<dyn TokenAuthenticator>) -> Self {
        Self { tokens }
    }
}

impl Authenticator for ProtocolAuthenticator {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if !is_websocket(request.headers) {
                return Ok(None);
            }
            let (mut token, mut others) = (None, false);
            for protocol in protocols(request.headers) {
                let Some(encoded) = protocol.strip_prefix(BEARER_PROTOCOL_PREFIX) else {
                    others = true;
                    continue;
                };
                if token.is_some() {
                    return Err(Error("multiple base64.bearer.authorization tokens specified".to_owned()));
                }
                token = Some(decode(encoded)?);
            }
            let Some(token) = token else { return Ok(None) };
            // The bearer protocol is taken out below; a handshake without any other would then fail.
            if !others {
                return Err(Error("missing additional subprotocol".to_owned()));
            }
            match self.tokens.authenticate_token(&token, request).await? {
                None => Err(bearertoken::invalid_token()),
                found => Ok(found),
            }
        })
    }
}

/// Takes the token out of the protocols of an authenticated request, so that no handler ever sees it.
pub fn remove_token(headers: &mut HeaderMap) {
    if protocols(headers).all(|protocol| !protocol.starts_with(BEARER_PROTOCOL_PREFIX)) {
        return;
    }
    let kept: Vec<String> = protocols(headers)
        .filter(|protocol| !protocol.starts_with(BEARER_PROTOCOL_PREFIX))
        .map(str::to_owned)
        .collect();
    let value = HeaderValue::from_str(&kept.join(",")).expect("it was part of a header value");
    headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
}

/// Returns the protocols of all such headers, in order.
fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|protocol| !protocol.is_empty())
}

/// Says whether the request asks for an upgrade to WebSocket.
///
/// Go: apimachinery/pkg/util/httpstream/wsstream/conn.go IsWebSocketRequest
pub fn is_websocket(headers: &HeaderMap) -> bool {
    let lower = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_lowercase);
    lower(UPGRADE).is_some_and(|value| value == "websocket")
        && lower(CONNECTION).is_some_and(|value| value.contains("upgrade"))
}

fn decode(encoded: &str) -> Result<String, Error> {
    let bad = |what: &str| Error(format!("invalid base64.bearer.authorization token encoding: {what}"));
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|error| bad(&error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| bad("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_taken_out_and_the_other_protocols_stay() {
        let mut headers = HeaderMap::new();
        let value = "base64url.bearer.authorization.k8s.io.YWJj, v5.channel.k8s.io";
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value.parse().expect("header"));
        remove_token(&mut headers);
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "v5.channel.k8s.io");
    }
}
