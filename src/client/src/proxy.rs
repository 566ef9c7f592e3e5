//! Passes a request on to another server, upgrades included.
//!
//! Go: apimachinery/pkg/util/proxy/upgradeaware.go
//!
//! The aggregator and the proxy sub-resources use it. A body is streamed; after an upgrade both sides are bytes, and
//! nobody here understands them.

use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::transport::{Body, Error, Transport};

/// Headers that speak of one connection, and are not passed on.
///
/// Go: net/http/httputil/reverseproxy.go hopHeaders
const HOP_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// Sends a request on and returns the answer. `upgrade` is the client's side, which hyper attached to the request; it
/// is connected with the server's side when the server agrees.
pub async fn forward(
    transport: &dyn Transport,
    mut request: Request<Body>,
    upgrade: Option<OnUpgrade>,
) -> Result<Response<Body>, Error> {
    let wanted = is_upgrade(request.headers());
    let protocol = request.headers().get(header::UPGRADE).cloned();
    remove_hop_headers(request.headers_mut());
    if let (true, Some(protocol)) = (wanted, protocol) {
        request.headers_mut().insert(header::CONNECTION, http::HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(header::UPGRADE, protocol);
    }
    let mut response = transport.send(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(client) = upgrade {
            tokio::spawn(pipe(client, hyper::upgrade::on(&mut response)));
        }
        return Ok(response);
    }
    remove_hop_headers(response.headers_mut());
    Ok(response)
}

/// Says whether a request asks for another protocol.
///
/// Go: apimachinery/pkg/util/httpstream/httpstream.go IsUpgradeRequest
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.into_iter().any(|value| value.to_ascii_lowercase().contains("upgrade"))
}

/// Removes what speaks of one connection, and whatever `Connection` names besides.
fn remove_hop_headers(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named.iter().filter(|name| !name.is_empty()) {
        headers.remove(name.as_str());
    }
    for name in HOP_HEADERS {
        headers.remove(name);
    }
}

/// Copies bytes both ways until both sides have ended.
async fn pipe(client: OnUpgrade, server: OnUpgrade) {
    match tokio::try_join!(client, server) {
        Ok((client, server)) => {
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
                tracing::debug!("proxied connection ended: {error}");
            }
        }
        Err(error) => tracing::debug!("upgrade did not complete: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "X-Once, close"), ("x-once", "1"), ("te", "trailers"), ("accept", "a/b")] {
            headers.insert(name, value.parse().expect("header"));
        }
        remove_hop_headers(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
