//! Client certificates of version 1, as `openssl x509 -req` makes them without extensions. Go takes them; the verifier
//! of the TLS library reads version 3 alone, so the little there is to be verified of them is verified here.
//!
//! Go: crypto/x509 Certificate.Verify, Certificate.CheckSignatureFrom

use std::time::Duration;

use rustls::{
    CertificateError, DigitallySignedStruct, Error,
    client::danger::HandshakeSignatureValid,
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, SignatureVerificationAlgorithm},
};
use x509_parser::{
    asn1_rs::{BitString, FromDer as _, Sequence},
    certificate::X509Certificate,
    x509::X509Version,
};

/// Says whether a certificate is of version 1.
pub fn is_version1(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.version() == X509Version::V1)
}

/// Verifies a leaf: signed by one of the authorities, and valid at `wall`, a time since the Unix epoch.
pub fn verify(
    leaf: &CertificateDer<'_>,
    authorities: &[CertificateDer<'_>],
    wall: Duration,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    let certificate = parse(leaf)?;
    let signed = Signed::read(leaf)?;
    let issued = authorities.iter().any(|authority| {
        let Ok(parsed) = parse(authority) else { return false };
        let key = PublicKey::read(parsed.tbs_certificate.subject_pki.raw);
        parsed.subject().as_raw() == certificate.issuer().as_raw()
            && key.is_ok_and(|key| signed.is_by(&key, algorithms))
    });
    if !issued {
        return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
    }
    let now = i64::try_from(wall.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > validity.not_after.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}

/// Verifies that the peer in a handshake has the key of a certificate.
pub fn verify_handshake(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let parsed = parse(certificate)?;
    let key = PublicKey::read(parsed.tbs_certificate.subject_pki.raw)?;
    let of_scheme = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let candidates = of_scheme.map(|(_, candidates)| *candidates).unwrap_or_default();
    if candidates.iter().any(|algorithm| key.verifies(*algorithm, message, signed.signature())) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }
}

fn unreadable<T>(_: T) -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(unreadable)
}

/// The parts of a certificate that its signature is about.
struct Signed {
    message: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn read(der: &[u8]) -> Result<Self, Error> {
        let (_, whole) = Sequence::from_der(der).map_err(unreadable)?;
        let (rest, _) = Sequence::from_der(&whole.content).map_err(unreadable)?;
        let message = whole.content[..whole.content.len() - rest.len()].to_vec();
        let (rest, algorithm) = Sequence::from_der(rest).map_err(unreadable)?;
        let (_, signature) = BitString::from_der(rest).map_err(unreadable)?;
        Ok(Self { message, algorithm: algorithm.content.to_vec(), signature: signature.as_ref().to_vec() })
    }

    fn is_by(&self, key: &PublicKey, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && key.verifies(*algorithm, &self.message, &self.signature)
        })
    }
}

/// A key, as a certificate holds it.
struct PublicKey {
    algorithm: Vec<u8>,
    bits: Vec<u8>,
}

impl PublicKey {
    fn read(der: &[u8]) -> Result<Self, Error> {
        let (_, info) = Sequence::from_der(der).map_err(unreadable)?;
        let (rest, algorithm) = Sequence::from_der(&info.content).map_err(unreadable)?;
        let (_, bits) = BitString::from_der(rest).map_err(unreadable)?;
        Ok(Self { algorithm: algorithm.content.to_vec(), bits: bits.as_ref().to_vec() })
    }

    fn verifies(&self, algorithm: &dyn SignatureVerificationAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.public_key_alg_id().as_ref() == self.algorithm
            && algorithm.verify_signature(&self.bits, message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{crypto::aws_lc_rs, pki_types::pem::PemObject};

    use super::*;

    /// Made by `openssl req -x509` and `openssl x509 -req`, valid from 2026 for ten years.
    const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIULD1CQQvcU+wVYTiOIp6O1R2PiAswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMzAxNzU3MjlaGA8yMDUxMDcyMjE3
NTcyOVowEjEQMA4GA1UEAwwHdGVzdC1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABGuUDGhNKxo0mMcPnEReYexzX64uAlzaGKVzu0r9kmr7k6m97aKdz2vNIx+U
H7BBjpOT9an+xwGlP57xVLmnR0+jUzBRMB0GA1UdDgQWBBTkpZc970QaatzKAlMJ
X/ejieUknTAfBgNVHSMEGDAWgBTkpZc970QaatzKAlMJX/ejieUknTAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIHQqSzybUjC0siWxEe/TcQnE67rG
wh/EH2w8ZXUlPJFaAiEAsyDFKVfChU7GFXz8cIJziXWzB22KZ6x8Tc/U78kjgf4=
-----END CERTIFICATE-----
";
    const LEAF: &str = "-----BEGIN CERTIFICATE-----
MIIBLDCB0gIUTHzGSwvERhmAb3MFrMfTN1O8QqswCgYIKoZIzj0EAwIwEjEQMA4G
A1UEAwwHdGVzdC1jYTAeFw0yNjExMzAxNzU3MjlaFw0zNjExMjcxNzU3MjlaMB8x
DjAMBgNVBAMMBWNhcm9sMQ0wCwYDVQQKDARkZXZzMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAE+qFdsLj30uOseBQcEMlUwYsOPnhVq6nnxwNbq1HYdsMWvTCHANH1
eMUYyM/r7I1hETZrO/OlTVj5Jii4toS0ITAKBggqhkjOPQQDAgNJADBGAiEApZq8
Edr+tTUufaG0HozFM/0lyq/CVVS1kpSvQ7yLyPoCIQD8b7WsCzll4o6IsTObmPuU
CHmFBLplhfdcLmhP06MJvA==
-----END CERTIFICATE-----
";

    #[test]
    fn a_leaf_is_verified_by_its_authority_and_its_time() {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let (authority, leaf) = (certificate(AUTHORITY), certificate(LEAF));
        assert!(is_version1(&leaf) && !is_version1(&authority));
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let at = |years: u64| Duration::from_hours(24 * 365 * (years - 1970));
        let authorities = [authority];
        assert!(verify(&leaf, &authorities, at(2030), &algorithms).is_ok());
        let refused = |wall, authorities: &[CertificateDer<'_>]| match verify(&leaf, authorities, wall, &algorithms) {
            Err(Error::InvalidCertificate(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(at(2020), &authorities), CertificateError::NotValidYet);
        assert_eq!(refused(at(2040), &authorities), CertificateError::Expired);
        let mut changed = leaf.to_vec();
        let end = changed.len() - 1;
        changed[end] ^= 1;
        assert!(verify(&CertificateDer::from(changed), &authorities, at(2030), &algorithms).is_err());
        assert_eq!(refused(at(2030), std::slice::from_ref(&leaf)), CertificateError::UnknownIssuer);
    }
}
