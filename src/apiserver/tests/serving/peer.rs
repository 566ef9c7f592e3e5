//! A client that speaks either protocol over TLS.

use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::server::TestServer;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) async fn get(server: &TestServer, protocol: Protocol, path: &str) -> Answer {
    request(server, protocol, Method::GET, path).await
}

pub(crate) async fn request(server: &TestServer, protocol: Protocol, method: Method, path: &str) -> Answer {
    let io = TokioIo::new(connect(server, protocol).await);
    let request = Request::builder().method(method).body(Empty::<Bytes>::new()).expect("request");
    let response = match protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("handshake");
            tokio::spawn(connection);
            let mut request = request;
            *request.uri_mut() = path.parse().expect("path");
            request.headers_mut().insert("host", "localhost".parse().expect("host"));
            sender.send_request(request).await
        }
        Protocol::Http2 => {
            let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
            let (mut sender, connection) = handshake.await.expect("handshake");
            tokio::spawn(connection);
            let mut request = request;
            *request.uri_mut() = format!("https://localhost{path}").parse().expect("uri");
            sender.send_request(request).await
        }
    };
    let (parts, body) = response.expect("response").into_parts();
    let bytes = body.collect().await.expect("body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Answer { code: parts.status.as_u16(), headers: parts.headers, text }
}

pub(crate) async fn connect(server: &TestServer, protocol: Protocol) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(server.ca.clone()).expect("root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    let stream = TcpStream::connect(server.address).await.expect("connected");
    let name = "localhost".try_into().expect("name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}
