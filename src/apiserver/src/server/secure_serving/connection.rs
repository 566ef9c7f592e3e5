//! One peer: handshake, requests, end.
//!
//! Go: net/http and golang.org/x/net/http2, as apiserver/pkg/server/secure_serving.go sets them up

use std::{convert::Infallible, fmt, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use client::transport::Body;
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::BodyExt;
use hyper::{
    body::{Body as _, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use phase::record::TraceKind;
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{
    request::handler::Abort,
    server::{
        handler::{Arrival, FullHandlerChain},
        secure_serving::SecureServingInfo,
    },
};

/// How long a peer may take to finish the handshake.
///
/// Go: ReadHeaderTimeout, which bounds it: 32 s
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(32);

/// How long a peer may say nothing between requests, or take to send a head.
///
/// Simplified: Kubernetes gives a head 32 s and an idle connection 90 s; hyper has one timer for both.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Bytes of a request's head. Go: MaxHeaderBytes
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Bytes of an HTTP/2 frame, and of what a stream may send before it is read: 99 of 100 objects are smaller.
///
/// Go: apiserver/pkg/server/secure_serving.go resourceBody99Percentile
const RESOURCE_BODY_99_PERCENTILE: u32 = 256 * 1024;

/// What all connections of a listener share.
pub(super) struct Connections {
    chain: Arc<FullHandlerChain>,
    acceptor: TlsAcceptor,
    builder: auto::Builder<TokioExecutor>,
    /// Cancelled: finish what is in flight, take no new request.
    pub(super) drain: CancellationToken,
    /// Cancelled: end now.
    pub(super) cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(info: &SecureServingInfo, acceptor: TlsAcceptor, chain: Arc<FullHandlerChain>) -> Self {
        let streams = info.http2_max_streams_per_connection;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Without a timer hyper ignores the time-outs of HTTP/1.1 and panics on those of HTTP/2.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_frame_size(RESOURCE_BODY_99_PERCENTILE)
            .initial_stream_window_size(RESOURCE_BODY_99_PERCENTILE)
            .initial_connection_window_size(RESOURCE_BODY_99_PERCENTILE.saturating_mul(streams))
            .max_header_list_size(MAX_HEADER_BYTES as u32);
        Self { chain, acceptor, builder, drain: CancellationToken::new(), cut: CancellationToken::new() }
    }

    /// Serves one peer until it goes, or until it is told to go.
    pub(super) async fn serve(&self, mut stream: TcpStream, remote: SocketAddr) {
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, async {
            if speaks_http(&stream).await {
                // What is left unread when a connection is closed takes the answer with it.
                let _whatever_it_says = stream.read(&mut [0; 4096]).await?;
                stream.write_all(NOT_HTTPS).await?;
                return Err(io::Error::other("client sent an HTTP request to an HTTPS server"));
            }
            self.acceptor.accept(stream).await
        });
        let stream = tokio::select! {
            biased;
            accepted = handshake => match accepted {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::info!("http: TLS handshake error from {remote}: {error}");
                    return;
                }
                Err(_) => {
                    tracing::info!("http: TLS handshake error from {remote}: i/o timeout");
                    return;
                }
            },
            () = self.cut.cancelled() => return,
        };
        let peer = Peer {
            chain: self.chain.clone(),
            remote_addr: remote.to_string().into(),
            certificates: peer_certificates(&stream),
            close: self.drain.child_token(),
        };
        let close = peer.close.clone();
        let peer = Arc::new(peer);
        let service = service_fn(move |request| {
            let peer = peer.clone();
            async move { peer.serve(request).await }
        });
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = close.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection => ended,
                    () = self.cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!("connection of {remote} broke: {error}");
        }
    }
}

/// What a peer is told that does not speak TLS. Go: net/http/server.go serve
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Says whether a peer begins as requests begin. Go: net/http/server.go tlsRecordHeaderLooksLikeHTTP
async fn speaks_http(stream: &TcpStream) -> bool {
    let mut first = [0; 5];
    // Fewer octets than asked for are none of TLS either; whatever they are, the handshake deals with them.
    matches!(stream.peek(&mut first).await, Ok(5))
        && [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"].iter().any(|begin| **begin == first)
}

fn peer_certificates(stream: &TlsStream<TcpStream>) -> Arc<[CertificateDer<'static>]> {
    let (_, session) = stream.get_ref();
    let certificates = session.peer_certificates().unwrap_or_default();
    certificates.iter().map(|certificate| certificate.clone().into_owned()).collect()
}

/// What one connection knows, given to each of its requests.
struct Peer {
    chain: Arc<FullHandlerChain>,
    remote_addr: Arc<str>,
    certificates: Arc<[CertificateDer<'static>]>,
    /// Cancelled: this connection takes no new request.
    close: CancellationToken,
}

/// The response must not be sent: hyper closes the connection (HTTP/2: resets the stream).
#[derive(Debug)]
struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was aborted")
    }
}

impl std::error::Error for Aborted {}

impl From<Infallible> for Aborted {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Peer {
    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Body>, Aborted> {
        let version = request.version();
        // Most requests have no body: nothing is boxed for them.
        let request = request.map(|body| (!body.is_end_stream()).then(|| body.map_err(Into::into).boxed_unsync()));
        let mut response = self
            .chain
            .serve_http(Arrival {
                request,
                remote_addr: self.remote_addr.clone(),
                peer_certificates: self.certificates.clone(),
                kind: TraceKind::Request,
            })
            .await;
        if response.extensions().get::<Abort>().is_some() {
            return Err(Aborted);
        }
        if version == Version::HTTP_2 && wants_close(&response) {
            // HTTP/2 knows no such header; what it means there is GOAWAY.
            response.headers_mut().remove(header::CONNECTION);
            self.close.cancel();
        }
        Ok(response)
    }
}

fn wants_close(response: &Response<Body>) -> bool {
    response.headers().get(header::CONNECTION) == Some(&HeaderValue::from_static("close"))
}
