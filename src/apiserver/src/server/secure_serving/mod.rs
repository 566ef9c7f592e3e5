//! The listener: TLS, HTTP/1.1 and HTTP/2, and an end in good order.
//!
//! [`tls`] says who the server is, [`connection`] speaks with one peer, [`serve`] accepts peers
//! and counts them.
//!
//! Go: apiserver/pkg/server/secure_serving.go

pub mod connection;
pub mod serve;
pub mod tls;

use std::{net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use serve::Serving;

use crate::server::secure_serving::tls::CertKeyContentProvider;

/// Listener, certificates and limits.
///
/// Go: apiserver/pkg/server/config.go SecureServingInfo
pub struct SecureServingInfo {
    /// The open socket; taken by `serve`.
    listener: Mutex<Option<TcpListener>>,
    /// The address of the socket.
    pub address: SocketAddr,
    /// The certificate for peers that name no server, or none of `sni_certs`.
    pub cert: Arc<dyn CertKeyContentProvider>,
    /// Certificates by server name; the first that fits is used.
    pub sni_certs: Vec<Arc<dyn CertKeyContentProvider>>,
    /// Whether peers are asked for a certificate. None is verified here: that is the x509 authenticator's part.
    pub request_client_certificate: bool,
    /// The least version of TLS.
    pub min_tls_version: tls::Version,
    /// The names of the cipher suites allowed, in Go's spelling; empty: the library's choice.
    pub cipher_suites: Vec<String>,
    /// Streams of one HTTP/2 connection at a time.
    pub http2_max_streams_per_connection: u32,
    /// Whether only HTTP/1.1 is spoken.
    pub disable_http2: bool,
}

impl SecureServingInfo {
    /// Returns the defaults around an open socket and a certificate.
    pub fn new(listener: TcpListener, cert: Arc<dyn CertKeyContentProvider>) -> std::io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            listener: Mutex::new(Some(listener)),
            cert,
            sni_certs: Vec::new(),
            request_client_certificate: true,
            min_tls_version: tls::Version::TLS12,
            cipher_suites: Vec::new(),
            http2_max_streams_per_connection: 100,
            disable_http2: false,
        })
    }

    /// Returns the port, for addresses that lack one.
    pub fn port(&self) -> Option<u16> {
        Some(self.address.port())
    }

    /// Returns what may be shown of it.
    pub fn describe(&self) -> Value {
        json!({
            "address": self.address.to_string(),
            "cert": self.cert.name(),
            "sniCerts": self.sni_certs.iter().map(|cert| cert.name()).collect::<Vec<_>>(),
            "requestClientCertificate": self.request_client_certificate,
            "minTLSVersion": format!("Version{:?}", self.min_tls_version),
            "cipherSuites": self.cipher_suites,
            "http2MaxStreamsPerConnection": self.http2_max_streams_per_connection,
            "disableHTTP2": self.disable_http2,
        })
    }
}
