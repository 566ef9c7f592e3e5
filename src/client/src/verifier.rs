//! Whom a client believes to be who it is.
//!
//! Go: crypto/tls handshake_client.go verifyServerCertificate, crypto/x509 verify.go

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// Reads the authorities of a bundle.
pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("unable to load root certificates: unable to parse bytes as PEM block".to_owned());
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Trusts the authorities of a bundle.
///
/// A server may also show a certificate of the bundle itself, whoever signed it: what `openssl req -x509` makes is an
/// authority and serves, and test frameworks give a server's certificate where an authority is asked for.
#[derive(Debug)]
pub(crate) struct Bundle {
    chains: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Bundle {
    /// Reads a bundle.
    pub(crate) fn new(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(pem)?), provider);
        let chains = chains.build().map_err(|error| error.to_string())?;
        Ok(Self { chains, certificates: certificates(pem)? })
    }
}

/// Verifies a certificate that needs no authority: its name, its time and its purpose.
fn verify_member(der: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(der)?, name)?;
    let refuse = |error| Err(Error::InvalidCertificate(error));
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return refuse(CertificateError::BadEncoding) };
    let (now, validity) = (i64::try_from(now.as_secs()).unwrap_or(i64::MAX), certificate.validity());
    if now < validity.not_before.timestamp() {
        return refuse(CertificateError::NotValidYet);
    }
    if now > validity.not_after.timestamp() {
        return refuse(CertificateError::Expired);
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if !usage.value.any && !usage.value.server_auth => refuse(CertificateError::InvalidPurpose),
        _ => Ok(()),
    }
}

impl ServerCertVerifier for Bundle {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.iter().any(|known| known == end_entity) {
            return verify_member(end_entity, server_name, now).map(|()| ServerCertVerified::assertion());
        }
        self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Trusts anybody, as `insecure-skip-tls-verify` asks.
#[derive(Debug)]
pub(crate) struct Unverified(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};
    use rustls::crypto::aws_lc_rs;

    use super::*;

    fn verify(change: impl FnOnce(&mut CertificateParams), name: &'static str) -> Result<ServerCertVerified, Error> {
        let mut params = CertificateParams::new(vec!["hook.default.svc".to_owned()]).expect("a name");
        params.not_after = date_time_ymd(2040, 1, 1);
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().expect("a key")).expect("signed");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let bundle = Bundle::new(certificate.pem().as_bytes(), provider).expect("a bundle");
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_hours(24 * 365 * 60));
        let name = ServerName::try_from(name).expect("a name");
        bundle.verify_server_cert(certificate.der(), &[], &name, &[], now)
    }

    #[test]
    fn a_certificate_in_the_bundle_needs_no_authority() {
        assert!(verify(|_| {}, "hook.default.svc").is_ok());
        // `openssl req -x509` makes such servers.
        assert!(verify(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "hook.default.svc").is_ok());
        assert!(verify(|_| {}, "other.default.svc").is_err());
        let client = |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        };
        assert!(verify(client, "hook.default.svc").is_err());
        assert!(verify(|params| params.not_after = date_time_ymd(2020, 1, 1), "hook.default.svc").is_err());
    }
}
