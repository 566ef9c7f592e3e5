//! A bundle of certificate authorities, and what it means that a client certificate verifies against it.
//!
//! Go: apiserver/pkg/server/dynamiccertificates/dynamic_cafile_content.go
//!
//! The handshake asks for a client certificate and takes any; whether it is good for something is decided here,
//! per request and per bundle, because the client CA and the front-proxy CA are two different questions.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    CertificateError, DistinguishedName, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::authentication::{Error, version1};

/// The bundle. Whoever holds it sees a new content once [`CABundle::reload`] has found one.
pub struct CABundle {
    path: Option<PathBuf>,
    content: ArcSwap<Content>,
}

struct Content {
    /// Counts the contents of this bundle, so that what was verified against an older one is known as such.
    generation: u64,
    pem: Vec<u8>,
    authorities: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl fmt::Debug for CABundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CABundle").field("path", &self.path).finish_non_exhaustive()
    }
}

impl CABundle {
    /// Reads a file of PEM certificates.
    ///
    /// Go: apiserver/pkg/server/dynamiccertificates/dynamic_cafile_content.go NewDynamicCAContentFromFile
    pub fn open(path: &Path) -> Result<Self, String> {
        let pem = fs::read(path).map_err(|error| format!("open {}: {error}", path.display()))?;
        let content = Content::new(pem, 0).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: Some(path.to_owned()), content: ArcSwap::from_pointee(content) })
    }

    /// Takes PEM certificates from memory.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        Ok(Self { path: None, content: ArcSwap::from_pointee(Content::new(pem.to_vec(), 0)?) })
    }

    /// Reads the file again; returns whether it had changed. An unusable file leaves the old content in force.
    pub fn reload(&self) -> Result<bool, String> {
        let Some(path) = &self.path else { return Ok(false) };
        let pem = fs::read(path).map_err(|error| format!("open {}: {error}", path.display()))?;
        let current = self.content.load();
        if pem == current.pem {
            return Ok(false);
        }
        self.content.store(Arc::new(Content::new(pem, current.generation + 1)?));
        Ok(true)
    }

    /// Returns the content as PEM, as it is published for extension servers.
    pub fn pem(&self) -> Vec<u8> {
        self.content.load().pem.clone()
    }

    /// Returns a number that grows with each new content.
    pub fn generation(&self) -> u64 {
        self.content.load().generation
    }

    /// Returns the names of the authorities, which a TLS server sends along when it asks for a certificate.
    pub fn subjects(&self) -> Vec<DistinguishedName> {
        self.content.load().verifier.root_hint_subjects().to_vec()
    }

    /// Verifies a chain, leaf first: signatures up to one of the authorities, validity at `wall`, client
    /// authentication among the extended key usages (or none given).
    ///
    /// Simplified: the validity of the authority itself does not count, and a leaf of version 1 must be signed by an
    /// authority of the bundle.
    pub fn verify(&self, chain: &[CertificateDer<'static>], wall: Duration) -> Result<(), Error> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(Error("x509: no certificate".to_owned()));
        };
        let now = UnixTime::since_unix_epoch(wall);
        let content = self.content.load();
        let verdict = if version1::is_version1(leaf) {
            let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
            version1::verify(leaf, &content.authorities, wall, &algorithms)
        } else {
            content.verifier.verify_client_cert(leaf, intermediates, now).map(drop)
        };
        verdict.map_err(|error| {
            Error(format!("verifying certificate {} failed: x509: {}", identifier(leaf), sentence(&error)))
        })
    }
}

impl Content {
    fn new(pem: Vec<u8>, generation: u64) -> Result<Self, String> {
        let (mut roots, mut authorities) = (RootCertStore::empty(), Vec::new());
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| format!("unable to load client CA: {error}"))?;
            authorities.push(certificate.clone());
            roots.add(certificate).map_err(|error| format!("unable to load client CA: {error}"))?;
        }
        if roots.is_empty() {
            return Err(
                "unable to load client CA: data does not contain any valid RSA or ECDSA certificates".to_owned()
            );
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self { generation, pem, authorities, verifier: verifier.build().map_err(|error| error.to_string())? })
    }
}

/// Names a certificate in a log line by its numbers.
///
/// Go: apiserver/pkg/authentication/request/x509/x509.go certificateIdentifier
fn identifier(der: &CertificateDer<'_>) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return "(unreadable)".to_owned() };
    format!("SN={}", certificate.tbs_certificate.serial)
}

/// Says what is wrong in Go's words, for those who know them by heart.
fn sentence(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        // An authority of the same name but with another key is unknown too.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate specifies an incompatible key usage".to_owned()
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            format!("certificate has expired or is not yet valid: {error}")
        }
        other => other.to_string(),
    }
}
