//! The keys that sign and verify tokens.
//!
//! Go: k8s.io/client-go/util/keyutil, pkg/serviceaccount/jwt.go
//!
//! The key decides the algorithm: RSA signs RS256, an elliptic curve ES256, ES384 or ES512 after its size.

use std::{fmt, fs, path::Path};

use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, VerificationAlgorithm,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rustls_pki_types::pem::{PemObject, SectionKind};
use x509_parser::{
    certificate::X509Certificate, prelude::FromDer, public_key::PublicKey as Parsed, x509::SubjectPublicKeyInfo,
};

/// An algorithm of JSON Web Signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    RS256,
}

impl Algorithm {
    /// Returns the name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::RS256 => "RS256",
        }
    }

    /// Returns the curve's name in a JSON Web Key and the size of a coordinate; `None` for RSA.
    fn curve(self) -> Option<(&'static str, usize)> {
        match self {
            Self::ES256 => Some(("P-256", 32)),
            Self::ES384 => Some(("P-384", 48)),
            Self::ES512 => Some(("P-521", 66)),
            Self::RS256 => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::ES256 => &ECDSA_P256_SHA256_FIXED,
            Self::ES384 => &ECDSA_P384_SHA384_FIXED,
            Self::ES512 => &ECDSA_P521_SHA512_FIXED,
            Self::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

/// A key that verifies.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// `kid`: the unpadded base64url SHA-256 of the key's SubjectPublicKeyInfo.
    ///
    /// Go: pkg/serviceaccount/jwt.go keyIDFromPublicKey
    pub id: String,
    /// What it verifies.
    pub algorithm: Algorithm,
    /// The numbers, as a JSON Web Key has them: `n` and `e`, or `crv`, `x` and `y`.
    pub components: Vec<(&'static str, String)>,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    fn from_spki(spki: &[u8]) -> Result<Self, String> {
        let (_, info) = SubjectPublicKeyInfo::from_der(spki).map_err(|error| format!("public key: {error}"))?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (algorithm, components) = match info.parsed().map_err(|error| format!("public key: {error}"))? {
            Parsed::RSA(key) => {
                // DER integers may begin with a zero that only keeps them positive.
                let trim = |bytes: &[u8]| encode(&bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]);
                (Algorithm::RS256, vec![("n", trim(key.modulus)), ("e", trim(key.exponent))])
            }
            Parsed::EC(point) => {
                let algorithm = match point.key_size() {
                    256 => Algorithm::ES256,
                    384 => Algorithm::ES384,
                    521 | 528 => Algorithm::ES512,
                    other => return Err(format!("unknown elliptic curve of {other} bits")),
                };
                let (curve, size) = algorithm.curve().ok_or("not an elliptic curve")?;
                // An uncompressed point is 4, x, y.
                let (x, y) =
                    point.data().get(1..).filter(|xy| xy.len() == 2 * size).ok_or("compressed point")?.split_at(size);
                (algorithm, vec![("crv", curve.to_owned()), ("x", encode(x)), ("y", encode(y))])
            }
            _ => return Err("unknown public key type, must be RSA or ECDSA".to_owned()),
        };
        let key =
            ParsedPublicKey::new(algorithm.verification(), spki).map_err(|error| format!("public key: {error}"))?;
        Ok(Self { id: encode(digest::digest(&digest::SHA256, spki).as_ref()), algorithm, components, key })
    }

    /// Reads all keys of a PEM file: public keys, private keys (their public halves) and certificates.
    ///
    /// Go: client-go/util/keyutil/key.go ParsePublicKeysPEM
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, String> {
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|error| error.to_string())?;
            match kind {
                SectionKind::PublicKey => keys.push(Self::from_spki(&der)?),
                SectionKind::Certificate => {
                    let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| error.to_string())?;
                    keys.push(Self::from_spki(certificate.public_key().raw)?);
                }
                SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey | SectionKind::PrivateKey => {
                    keys.push(SigningKey::from_der(&der)?.public);
                }
                _ => {}
            }
        }
        if keys.is_empty() {
            return Err("data does not contain any valid RSA or ECDSA public keys".to_owned());
        }
        Ok(keys)
    }

    /// Reads all keys of a file.
    pub fn open(path: &Path) -> Result<Vec<Self>, String> {
        let pem = fs::read(path).map_err(|error| format!("open {}: {error}", path.display()))?;
        Self::all_from_pem(&pem).map_err(|error| format!("error reading public key file {}: {error}", path.display()))
    }

    /// Says whether `signature` was made over `message` by this key's private half.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// A key that signs.
pub struct SigningKey {
    /// Its public half.
    pub public: PublicKey,
    pair: Pair,
}

enum Pair {
    Rsa(rsa::KeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a private key in PKCS #1, PKCS #8 or SEC 1 form.
    fn from_der(der: &[u8]) -> Result<Self, String> {
        if let Ok(pair) = rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)) {
            let spki = pair.public_key().as_der().map_err(|error| error.to_string())?;
            return Ok(Self { public: PublicKey::from_spki(spki.as_ref())?, pair: Pair::Rsa(pair) });
        }
        let curves =
            [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED_SIGNING];
        for curve in curves {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                let spki = pair.public_key().as_der().map_err(|error| error.to_string())?;
                return Ok(Self { public: PublicKey::from_spki(spki.as_ref())?, pair: Pair::Ecdsa(pair) });
            }
        }
        Err("data does not contain a valid RSA or ECDSA private key".to_owned())
    }

    /// Reads the first private key of a PEM text.
    ///
    /// Go: client-go/util/keyutil/key.go ParsePrivateKeyPEM
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let (kind, der) = section.map_err(|error| error.to_string())?;
            if matches!(kind, SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey | SectionKind::PrivateKey) {
                return Self::from_der(&der);
            }
        }
        Err("data does not contain a valid RSA or ECDSA private key".to_owned())
    }

    /// Reads the first private key of a file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let pem = fs::read(path).map_err(|error| format!("open {}: {error}", path.display()))?;
        Self::from_pem(&pem).map_err(|error| format!("error reading private key file {}: {error}", path.display()))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map_err(|error| error.to_string()).map(|()| signature)
            }
            Pair::Ecdsa(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_signs_what_its_public_half_verifies() {
        let algorithms = [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Algorithm::ES256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Algorithm::ES384),
            (&rcgen::PKCS_ECDSA_P521_SHA512, Algorithm::ES512),
            (&rcgen::PKCS_RSA_SHA256, Algorithm::RS256),
        ];
        for (kind, algorithm) in algorithms {
            let pair = rcgen::KeyPair::generate_for(kind).expect("key");
            let key = SigningKey::from_pem(pair.serialize_pem().as_bytes()).expect("private key");
            let public = PublicKey::all_from_pem(pair.public_key_pem().as_bytes()).expect("public key").remove(0);
            assert_eq!((public.algorithm, &public.id), (algorithm, &key.public.id));
            let signature = key.sign(b"message").expect("signed");
            assert!(public.verify(b"message", &signature), "{algorithm:?}");
            assert!(!public.verify(b"massage", &signature), "{algorithm:?}");
        }
    }
}
