//! The transport over the network.
//!
//! Go: client-go/transport, client-go/rest/config.go
//!
//! ```text
//! TLSConfig: whom to trust, who we are, what name to expect      (files are read again when they change)
//!   v
//! connector: dial (plain TCP to wherever `Dial` says) -> TLS
//!   v
//! TlsTransport: a pool of connections, HTTP/2 where the peer can; HTTP/1.1 for upgrades
//! ```

use std::{
    fmt, fs,
    future::Future,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use http::{HeaderValue, Request, Response, Uri, header, uri};
use http_body_util::BodyExt;
use hyper_rustls::{ConfigBuilderExt, FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use phase::BoxFuture;
use rustls::{
    CertificateError, ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;

use crate::{
    outside,
    transport::{self, Body, Error, Transport},
    verifier,
};

/// Something in PEM: at hand, or in a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// The text.
    Data(Vec<u8>),
    /// Where it is.
    File(PathBuf),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(_) => f.write_str("Data(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Data(data) => Ok(data.clone()),
            Self::File(path) => fs::read(path).map_err(|error| format!("open {}: {error}", path.display())),
        }
    }
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that the system trusts.
    System,
    /// These authorities.
    Bundle(Pem),
    /// Anybody.
    Anybody,
}

/// How to speak TLS to a server.
///
/// Go: client-go/transport/config.go TLSConfig
#[derive(Clone, Debug)]
pub struct TLSConfig {
    /// Whom to trust.
    pub trust: Trust,
    /// Our certificate with its key.
    pub identity: Option<(Pem, Pem)>,
    /// The name that the server's certificate must bear; `None`: the host's.
    pub server_name: Option<String>,
}

impl TLSConfig {
    /// Reads certificates and keys.
    fn client_config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let builder = match &self.trust {
            Trust::System => builder.with_native_roots().map_err(|error| error.to_string())?,
            Trust::Bundle(pem) => {
                let bundle = verifier::Bundle::new(&pem.read()?, provider)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(bundle))
            }
            Trust::Anybody => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier::Unverified(provider)))
            }
        };
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let chain = CertificateDer::pem_slice_iter(&certificate.read()?).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(&key.read()?).map_err(|error| error.to_string())?;
        let chain = chain.map_err(|error| error.to_string())?;
        builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())
    }
}

/// Says whether a text holds authorities that can be read.
///
/// Go: apiserver/pkg/util/webhook/validation.go ValidateCABundle
pub fn is_ca_bundle(pem: &[u8]) -> bool {
    verifier::roots(pem).is_ok_and(|roots| !roots.is_empty())
}

/// Says where to connect for a URI: `host:port`. The default is what the URI says; services are resolved otherwise.
pub type Dial = Arc<dyn Fn(&Uri) -> Result<String, String> + Send + Sync>;

/// Returns the host and port that a URI names.
pub fn dial_host(uri: &Uri) -> Result<String, String> {
    let host = uri.host().ok_or_else(|| format!("no Host in request URL {uri}"))?;
    let default = if uri.scheme() == Some(&uri::Scheme::HTTP) { 80 } else { 443 };
    Ok(format!("{host}:{}", uri.port_u16().unwrap_or(default)))
}

/// Opens TCP connections to where [`Dial`] says; its errors read as Go's.
#[derive(Clone)]
pub struct Dialer(Dial);

/// A TCP connection as hyper wants it.
pub struct Stream(TokioIo<TcpStream>);

impl tower_service::Service<Uri> for Dialer {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let target = (self.0)(&uri);
        Box::pin(async move {
            let target = target.map_err(io::Error::other)?;
            let addresses = tokio::net::lookup_host(&target).await.map_err(|_| {
                let host = target.rsplit_once(':').map_or(target.as_str(), |(host, _)| host);
                io::Error::other(format!("dial tcp: lookup {host}: no such host"))
            })?;
            let mut last = io::Error::other(format!("dial tcp: lookup {target}: no such host"));
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        return Ok(Stream(TokioIo::new(stream)));
                    }
                    Err(error) => last = io::Error::other(format!("dial tcp {address}: {}", connect_error(&error))),
                }
            }
            Err(last)
        })
    }
}

fn connect_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        io::ErrorKind::TimedOut => "i/o timeout".to_owned(),
        io::ErrorKind::HostUnreachable => "connect: no route to host".to_owned(),
        _ => format!("connect: {error}"),
    }
}

impl legacy::connect::Connection for Stream {
    fn connected(&self) -> legacy::connect::Connected {
        self.0.connected()
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Which versions of HTTP are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1, which alone knows upgrades.
    Http1,
}

/// A pool of connections.
pub type Pool = legacy::Client<HttpsConnector<Dialer>, Body>;

/// Makes a pool of connections.
pub fn pool(config: &TLSConfig, dial: Dial, versions: Versions) -> Result<Pool, String> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(config.client_config()?).https_or_http();
    let builder = match &config.server_name {
        Some(name) => {
            let name = ServerName::try_from(name.clone()).map_err(|error| format!("{name}: {error}"))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    let builder = builder.enable_http1();
    let connector = match versions {
        Versions::Both => builder.enable_http2().wrap_connector(Dialer(dial)),
        Versions::Http1 => builder.wrap_connector(Dialer(dial)),
    };
    let mut client = legacy::Client::builder(TokioExecutor::new());
    client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    Ok(client.build(connector))
}

/// Says in Go's words why a request got no answer: the innermost cause, for the outer ones only name the layers.
pub fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    loop {
        // An io::Error made from another error shows that one, but has no source of its own.
        let inside = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let next = inside.map(|inside| inside as &(dyn std::error::Error + 'static)).or_else(|| innermost.source());
        if let Some(rustls::Error::InvalidCertificate(reason)) = innermost.downcast_ref::<rustls::Error>() {
            return format!("tls: failed to verify certificate: x509: {}", certificate_error(reason));
        }
        let cut =
            innermost.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
        match next {
            _ if cut => return "EOF".to_owned(),
            Some(next) => innermost = next,
            None => return innermost.to_string(),
        }
    }
}

fn certificate_error(reason: &CertificateError) -> String {
    match reason {
        // An authority of the same name but with another key is unknown too.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> =
                presented.iter().map(|name| name.trim_start_matches("DnsName(\"").trim_end_matches("\")")).collect();
            format!("certificate is valid for {}, not {}", names.join(", "), expected.to_str())
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            format!("certificate has expired or is not yet valid: {reason}")
        }
        other => other.to_string(),
    }
}

/// What tells the server who we are besides a certificate.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A bearer token.
    pub token: Option<String>,
}

/// Requests to one server.
pub struct TlsTransport {
    /// Scheme, host and port, and a path in front of all paths (without a slash at its end).
    base: Uri,
    config: TLSConfig,
    dial: Dial,
    authorization: Option<HeaderValue>,
    /// Replaced by [`TlsTransport::reload`].
    pools: ArcSwap<Pools>,
}

struct Pools {
    /// What the certificates and keys were made of, to see whether files have changed.
    files: Vec<Vec<u8>>,
    both: Pool,
    http1: Pool,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").field("base", &self.base).finish_non_exhaustive()
    }
}

impl TlsTransport {
    /// Speaks to the server at `base`, dialled as its host says.
    pub fn new(base: &str, config: TLSConfig, credentials: &Credentials) -> Result<Self, String> {
        Self::dialing(base, config, credentials, Arc::new(dial_host))
    }

    /// The same, dialled otherwise: a service by its address, with the certificate of its name.
    pub fn dialing(base: &str, config: TLSConfig, credentials: &Credentials, dial: Dial) -> Result<Self, String> {
        let base: Uri = base.trim_end_matches('/').parse().map_err(|error| format!("{base}: {error}"))?;
        if base.scheme().is_none() || base.authority().is_none() {
            return Err(format!("{base}: a scheme and a host are needed"));
        }
        let authorization = credentials.token.as_ref().map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        let pools = ArcSwap::from_pointee(Pools::new(&config, &dial)?);
        Ok(Self { base, config, dial, authorization: authorization.transpose()?, pools })
    }

    /// Reads certificates and keys again; returns whether they had changed. Requests under way are not disturbed.
    pub fn reload(&self) -> Result<bool, String> {
        if files(&self.config)? == self.pools.load().files {
            return Ok(false);
        }
        self.pools.store(Arc::new(Pools::new(&self.config, &self.dial)?));
        Ok(true)
    }

    /// Makes the URI absolute: ours in front, theirs behind.
    fn absolute(&self, uri: &Uri) -> Result<Uri, Error> {
        let theirs = uri.path_and_query().map_or("/", uri::PathAndQuery::as_str);
        let prefix = self.base.path().trim_end_matches('/');
        let mut parts = self.base.clone().into_parts();
        let path = format!("{prefix}{theirs}").try_into();
        parts.path_and_query = Some(path.map_err(|error| Error::Invalid(format!("{uri}: {error}")))?);
        Uri::from_parts(parts).map_err(|error| Error::Invalid(error.to_string()))
    }
}

/// Reads everything that a configuration is made of.
fn files(config: &TLSConfig) -> Result<Vec<Vec<u8>>, String> {
    let bundle = if let Trust::Bundle(pem) = &config.trust { Some(pem) } else { None };
    let identity = config.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
    bundle.into_iter().chain(identity).map(Pem::read).collect()
}

impl Pools {
    fn new(config: &TLSConfig, dial: &Dial) -> Result<Self, String> {
        Ok(Self {
            files: files(config)?,
            both: pool(config, dial.clone(), Versions::Both)?,
            http1: pool(config, dial.clone(), Versions::Http1)?,
        })
    }
}

impl Transport for TlsTransport {
    fn send(&self, mut request: Request<Body>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        Box::pin(async move {
            *request.uri_mut() = self.absolute(request.uri())?;
            if let Some(authorization) = &self.authorization {
                request.headers_mut().entry(header::AUTHORIZATION).or_insert_with(|| authorization.clone());
            }
            let upgrade = request.headers().contains_key(header::UPGRADE);
            *request.version_mut() = http::Version::HTTP_11;
            let pools = self.pools.load_full();
            let pool = if upgrade { &pools.http1 } else { &pools.both };
            let asked = outside::asked();
            let response = pool.request(request).await.map_err(|error| Error::Unreachable(cause(&error)))?;
            // The body comes from outside, too.
            let told = move |error| {
                let _until_it_ends = &asked;
                Box::new(error) as transport::BodyError
            };
            Ok(response.map(|body| body.map_err(told).boxed_unsync()))
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Answers every connection with one document; returns its port and its certificate, which is its own authority.
    async fn server() -> (u16, String) {
        served(CertificateParams::new(vec!["localhost".to_owned()]).expect("params")).await
    }

    async fn served(params: CertificateParams) -> (u16, String) {
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("signed");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("key"),
            )
            .expect("config");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let port = listener.local_addr().expect("address").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).await.unwrap_or_default();
                let line = String::from_utf8_lossy(&buffer[..read]).lines().next().unwrap_or_default().to_owned();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", line.len());
                let _ = stream.write_all((head + &line).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, certificate.pem())
    }

    async fn get(port: u16, trust: Trust, server_name: Option<&str>) -> Result<String, String> {
        let config = TLSConfig { trust, identity: None, server_name: server_name.map(str::to_owned) };
        let base = format!("https://127.0.0.1:{port}/prefix/");
        let transport = TlsTransport::new(&base, config, &Credentials::default()).expect("transport");
        let request = Request::get("/api?x=1").body(transport::empty()).expect("request");
        let response = transport.send(request).await.map_err(|error| error.to_string())?;
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    #[tokio::test]
    async fn it_speaks_to_whom_it_trusts_and_says_why_it_does_not() {
        let (port, ca) = server().await;
        let bundle = || Trust::Bundle(Pem::Data(ca.clone().into_bytes()));
        assert_eq!(get(port, bundle(), Some("localhost")).await.as_deref(), Ok("GET /prefix/api?x=1 HTTP/1.1"));
        assert!(get(port, Trust::Anybody, None).await.is_ok());

        let error = get(port, bundle(), Some("other.example")).await.expect_err("another name");
        let expected = "tls: failed to verify certificate: x509: certificate is valid for localhost, not other.example";
        assert_eq!(error, expected);
        let (_, stranger) = server().await;
        let error = get(port, Trust::Bundle(Pem::Data(stranger.into_bytes())), Some("localhost")).await;
        let expected = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
        assert_eq!(error.expect_err("a stranger"), expected);
    }

    #[tokio::test]
    async fn an_authority_may_serve_if_it_is_in_the_bundle() {
        let authority = || {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        };
        let (port, ca) = served(authority()).await;
        let bundle = || Trust::Bundle(Pem::Data(ca.clone().into_bytes()));
        assert!(get(port, bundle(), Some("localhost")).await.is_ok());
        assert!(get(port, bundle(), Some("other.example")).await.is_err());
        let (_, other) = served(authority()).await;
        assert!(get(port, Trust::Bundle(Pem::Data(other.into_bytes())), Some("localhost")).await.is_err());
    }
}
