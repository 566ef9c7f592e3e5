//! What stands in PEM: a request for a certificate, or certificates.
//!
//! Go: encoding/pem, crypto/x509 ParseCertificateRequest, ParseCertificate

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use x509_parser::{
    certificate::X509Certificate, certification_request::X509CertificationRequest, pem::Pem, prelude::FromDer,
};

/// Reads a field of bytes, which JSON has in base64.
fn bytes(field: Option<&Value>) -> Vec<u8> {
    let text = field.and_then(Value::as_str).unwrap_or_default();
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

/// Says what is wrong with a request for a certificate.
///
/// Simplified: the signature, by which the requester proves that it has the key, is left to the signer.
///
/// Go: pkg/apis/certificates/helpers.go ParseCSR
pub(super) fn check_request(field: Option<&Value>) -> Result<(), String> {
    let data = bytes(field);
    let block = Pem::iter_from_buffer(&data).find_map(Result::ok);
    let block = block.filter(|block| block.label == "CERTIFICATE REQUEST");
    let block = block.ok_or("PEM block type must be CERTIFICATE REQUEST")?;
    match X509CertificationRequest::from_der(&block.contents) {
        Ok(_) => Ok(()),
        Err(_) => Err("asn1: structure error: malformed certificate request".to_owned()),
    }
}

/// Says what is wrong with an issued chain of certificates; none is fine.
///
/// Go: pkg/apis/certificates/validation/validation.go validateCertificate
pub(super) fn check_certificates(field: Option<&Value>) -> Result<(), String> {
    let data = bytes(field);
    if data.is_empty() {
        return Ok(());
    }
    let blocks: Vec<Pem> = Pem::iter_from_buffer(&data).map_while(Result::ok).collect();
    for block in &blocks {
        if block.label != "CERTIFICATE" {
            return Err(format!("only CERTIFICATE PEM blocks are allowed, found {:?}", block.label));
        }
        if X509Certificate::from_der(&block.contents).is_err() {
            return Err("x509: malformed certificate".to_owned());
        }
    }
    if blocks.is_empty() { Err("must contain at least one CERTIFICATE PEM block".to_owned()) } else { Ok(()) }
}
