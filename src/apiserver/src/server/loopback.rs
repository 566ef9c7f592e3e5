//! The server's way back into itself: a client that needs no network and no TLS.
//!
//! Controllers, informers and admission plugins speak to the server as everybody does, through all
//! filters, as `system:apiserver`. The request is handed over in process; its trace is traffic of
//! the system and is not held unless somebody asks for it.
//!
//! Go: apiserver/pkg/server/options/serving_with_loopback.go; client-go rest.Config

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use client::transport::{Body, Error, Transport};
use http::{HeaderValue, header};
use hyper::body::Body as _;
use phase::{BoxFuture, record::TraceKind};
use rustls_pki_types::CertificateDer;

use crate::{
    request::handler::Abort,
    server::handler::{Arrival, FullHandlerChain},
};

/// The way into a server without a network: its own client's, and that of whoever started it in the same process.
#[derive(Default)]
pub struct Door {
    /// Where requests go. Set when the outermost server begins to serve; weak, because the server owns this.
    handler: OnceLock<Weak<FullHandlerChain>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Hands a request over, with what a connection would know of the peer: its certificates, leaf first.
    pub async fn send(
        &self,
        request: http::Request<Body>,
        peer_certificates: Arc<[CertificateDer<'static>]>,
        kind: TraceKind,
    ) -> Result<http::Response<Body>, Error> {
        let Some(handler) = self.handler.get().and_then(Weak::upgrade) else {
            return Err(Error::Unreachable("connect: connection refused: the server does not serve".to_owned()));
        };
        let request = request.map(|body| (!body.is_end_stream()).then_some(body));
        let response =
            handler.serve_http(Arrival { request, remote_addr: Arc::from(""), peer_certificates, kind }).await;
        match response.extensions().get::<Abort>() {
            Some(Abort) => Err(Error::Unreachable("the connection was cut".to_owned())),
            None => Ok(response),
        }
    }
}

/// The loopback client: a transport into the outermost server's handler chain.
///
/// Go: apiserver/pkg/server/config.go LoopbackClientConfig
pub struct LoopbackClientConfig {
    /// The token that the first authenticator knows; a fresh one in every process.
    bearer_token: HeaderValue,
    door: Arc<Door>,
}

impl LoopbackClientConfig {
    /// Returns a client that reaches nobody yet.
    pub fn new(token: &str) -> Self {
        Self::through(Arc::default(), token)
    }

    /// Returns a client that goes through a door which others use, too.
    pub fn through(door: Arc<Door>, token: &str) -> Self {
        let mut bearer_token =
            HeaderValue::from_str(&format!("Bearer {token}")).expect("a token of letters and digits");
        bearer_token.set_sensitive(true);
        Self { bearer_token, door }
    }

    /// Returns the token, for the authenticator that knows it.
    pub fn bearer_token(&self) -> &str {
        let text = self.bearer_token.to_str().unwrap_or_default();
        text.trim_start_matches("Bearer ")
    }

    /// Says where requests go; the first one who says it decides.
    pub fn connect(&self, handler: &Arc<FullHandlerChain>) {
        let _already_connected = self.door.handler.set(Arc::downgrade(handler));
    }
}

impl fmt::Debug for LoopbackClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackClientConfig").finish_non_exhaustive()
    }
}

impl Transport for LoopbackClientConfig {
    fn send(&self, mut request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, Error>> {
        Box::pin(async move {
            request.headers_mut().insert(header::AUTHORIZATION, self.bearer_token.clone());
            self.door.send(request, Arc::from([]), TraceKind::System).await
        })
    }
}
