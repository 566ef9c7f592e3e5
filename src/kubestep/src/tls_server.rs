//! A small server behind TLS on a free port of this machine: what lessons put beside the API server.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What it answers.
pub type Answered = Result<Response<Full<Bytes>>, http::Error>;

/// Starts one; it ends with `stop`.
pub async fn start<F>(
    mut tls: ServerConfig,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    stop: CancellationToken,
) -> anyhow::Result<SocketAddr>
where
    F: Future<Output = Answered> + Send + 'static,
{
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let _best_effort = stream.set_nodelay(true);
            let (acceptor, answer, stop) = (acceptor.clone(), answer.clone(), stop.clone());
            tokio::spawn(async move {
                // Who does not get through the handshake ends here.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let server = auto::Builder::new(TokioExecutor::new());
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    // A client that goes away is no concern of a lesson's server.
                    _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)) => {}
                }
            });
        }
    });
    Ok(address)
}
