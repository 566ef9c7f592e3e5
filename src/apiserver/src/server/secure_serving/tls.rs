//! Who the server is: certificates that may change while it serves, chosen by the name a peer asks for.
//!
//! Go: apiserver/pkg/server/dynamiccertificates, apiserver/pkg/server/secure_serving.go tlsConfig

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use auth::authentication::version1;
use bytes::Bytes;
use client::certificate_files::CertKeyFiles;
use parking_lot::Mutex;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{
        ClientHello, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use x509_parser::{extensions::GeneralName, prelude::FromDer, prelude::X509Certificate};

use crate::server::secure_serving::SecureServingInfo;

/// The least version of TLS, in the flag's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `VersionTLS12`
    TLS12,
    /// `VersionTLS13`
    TLS13,
}

/// A certificate with its key, and whoever can say what they are now.
///
/// Go: apiserver/pkg/server/dynamiccertificates/interfaces.go CertKeyContentProvider
pub trait CertKeyContentProvider: Send + Sync {
    /// What it is called in logs: usually the files.
    fn name(&self) -> String;
    /// The certificate chain and the key, both PEM, as they are now.
    fn current_cert_key_content(&self) -> (Bytes, Bytes);
    /// The names it is used for; empty: those that the certificate bears.
    fn sni_names(&self) -> &[String] {
        &[]
    }
}

/// A certificate that never changes.
///
/// Go: apiserver/pkg/server/dynamiccertificates/static_content.go NewStaticCertKeyContent
pub struct StaticCertKeyContent {
    /// What it is called in logs.
    pub name: String,
    /// The chain, PEM.
    pub cert: Bytes,
    /// The key, PEM.
    pub key: Bytes,
    /// The names it is used for; empty: those that the certificate bears.
    pub sni_names: Vec<String>,
}

impl CertKeyContentProvider for StaticCertKeyContent {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn current_cert_key_content(&self) -> (Bytes, Bytes) {
        (self.cert.clone(), self.key.clone())
    }

    fn sni_names(&self) -> &[String] {
        &self.sni_names
    }
}

/// A certificate in files that are looked at again and again; what cannot be read leaves it as it was.
///
/// Go: apiserver/pkg/server/dynamiccertificates/dynamic_serving_content.go DynamicCertKeyPairContent
pub struct DynamicCertKeyPairContent {
    files: CertKeyFiles,
    sni_names: Vec<String>,
    /// The last content that could be read.
    last: Mutex<(Bytes, Bytes)>,
}

impl DynamicCertKeyPairContent {
    /// Reads the files for the first time.
    pub fn new(files: CertKeyFiles, sni_names: Vec<String>) -> std::io::Result<Self> {
        let last = Mutex::new(files.read()?);
        Ok(Self { files, sni_names, last })
    }
}

impl CertKeyContentProvider for DynamicCertKeyPairContent {
    fn name(&self) -> String {
        format!("serving-cert::{}::{}", self.files.key.display(), self.files.cert.display())
    }

    fn current_cert_key_content(&self) -> (Bytes, Bytes) {
        let mut last = self.last.lock();
        if let Ok(now) = self.files.read() {
            *last = now;
        }
        last.clone()
    }

    fn sni_names(&self) -> &[String] {
        &self.sni_names
    }
}

/// The certificates in use. Read by every handshake, replaced when a file has changed.
///
/// Go: apiserver/pkg/server/dynamiccertificates/tlsconfig.go DynamicServingCertificateController
pub struct DynamicServingCertificates {
    cert: Arc<dyn CertKeyContentProvider>,
    sni_certs: Vec<Arc<dyn CertKeyContentProvider>>,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Content>,
}

struct Content {
    /// The bytes all this was made of, to see whether they have changed.
    source: Vec<(Bytes, Bytes)>,
    default: Arc<CertifiedKey>,
    /// Lower-case name, possibly beginning with `*.`, and its certificate.
    by_name: Vec<(String, Arc<CertifiedKey>)>,
}

impl fmt::Debug for DynamicServingCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicServingCertificates").field("cert", &self.cert.name()).finish_non_exhaustive()
    }
}

impl DynamicServingCertificates {
    /// Reads the certificates for the first time; an unreadable one is an error now.
    pub fn new(
        cert: Arc<dyn CertKeyContentProvider>,
        sni_certs: Vec<Arc<dyn CertKeyContentProvider>>,
    ) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let content = Self::read(&*cert, &sni_certs, &provider)?;
        Ok(Self { cert, sni_certs, provider, current: ArcSwap::from_pointee(content) })
    }

    /// Takes up what has changed. What cannot be read is left as it was.
    ///
    /// Go: apiserver/pkg/server/dynamiccertificates/tlsconfig.go syncCerts
    pub fn sync_certs(&self) -> Result<bool, String> {
        let source = sources(&*self.cert, &self.sni_certs);
        if source == self.current.load().source {
            return Ok(false);
        }
        let content = Self::read(&*self.cert, &self.sni_certs, &self.provider)?;
        self.current.store(Arc::new(content));
        Ok(true)
    }

    fn read(
        cert: &dyn CertKeyContentProvider,
        sni_certs: &[Arc<dyn CertKeyContentProvider>],
        provider: &CryptoProvider,
    ) -> Result<Content, String> {
        let source = sources(cert, sni_certs);
        let load = |name: String, pem: &(Bytes, Bytes)| {
            certified_key(&pem.0, &pem.1, provider).map_err(|error| format!("{name}: {error}"))
        };
        let default = load(cert.name(), &source[0])?;
        let mut by_name = Vec::new();
        for (sni, pem) in sni_certs.iter().zip(&source[1..]) {
            let key = load(sni.name(), pem)?;
            let names = if sni.sni_names().is_empty() { names_of(&key.cert[0]) } else { sni.sni_names().to_vec() };
            by_name.extend(names.into_iter().map(|name| (name.to_lowercase(), key.clone())));
        }
        Ok(Content { source, default, by_name })
    }
}

fn sources(cert: &dyn CertKeyContentProvider, sni: &[Arc<dyn CertKeyContentProvider>]) -> Vec<(Bytes, Bytes)> {
    let first = std::iter::once(cert.current_cert_key_content());
    first.chain(sni.iter().map(|one| one.current_cert_key_content())).collect()
}

fn certified_key(cert: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.map_err(|error| format!("certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("private key: {error}"))?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| error.to_string())?;
    if certified.cert.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(Arc::new(certified)) }
}

/// The DNS names that a certificate bears, or its common name where it bears none.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let names: Vec<String> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        return common.map(str::to_owned).collect();
    }
    names
}

impl ResolvesServerCert for DynamicServingCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let content = self.current.load();
        let found = hello.server_name().and_then(|name| {
            let name = name.to_lowercase();
            let wildcard = name.split_once('.').map(|(_, domain)| format!("*.{domain}"));
            content.by_name.iter().find(|(known, _)| *known == name || Some(known) == wildcard.as_ref())
        });
        Some(found.map_or(&content.default, |(_, key)| key).clone())
    }
}

/// Asks for a certificate and takes any: whether it is good is for the authenticators to say, each with its own CA.
///
/// The peer must still prove that it has the key.
#[derive(Debug)]
struct RequestClientCert(Arc<CryptoProvider>);

impl ClientCertVerifier for RequestClientCert {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        if version1::is_version1(cert) {
            return version1::verify_handshake(message, cert, dss, algorithms);
        }
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        if version1::is_version1(cert) {
            return version1::verify_handshake(message, cert, dss, algorithms);
        }
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl SecureServingInfo {
    /// Makes the TLS configuration.
    ///
    /// Go: apiserver/pkg/server/secure_serving.go tlsConfig
    pub(super) fn tls_config(&self, certificates: Arc<DynamicServingCertificates>) -> Result<ServerConfig, String> {
        let mut provider = aws_lc_rs::default_provider();
        if !self.cipher_suites.is_empty() {
            // The suites of TLS 1.3 are not for choosing, as in Go.
            provider.cipher_suites.retain(|suite| {
                suite.tls13().is_some() || self.cipher_suites.iter().any(|name| is_named(suite.suite(), name))
            });
        }
        let provider = Arc::new(provider);
        let versions: &[&rustls::SupportedProtocolVersion] = match self.min_tls_version {
            Version::TLS12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            Version::TLS13 => &[&rustls::version::TLS13],
        };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let builder = if self.request_client_certificate {
            builder.with_client_cert_verifier(Arc::new(RequestClientCert(provider)))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_cert_resolver(certificates);
        config.alpn_protocols =
            if self.disable_http2 { vec![b"http/1.1".to_vec()] } else { vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
        Ok(config)
    }
}

/// Compares a suite with its name in Go: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
fn is_named(suite: rustls::CipherSuite, name: &str) -> bool {
    suite.as_str().is_some_and(|known| known == name)
}
