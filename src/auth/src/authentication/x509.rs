//! Client certificates: the name is the CN, the groups are the O's.
//!
//! Go: apiserver/pkg/authentication/request/x509/x509.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use parking_lot::Mutex;
use phase::{BoxFuture, clock::Clock};
use rustls_pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, oid_registry::Oid, prelude::FromDer};

use crate::{
    authentication::{Authenticator, Error, Outcome, Request, Response, ca_bundle::CABundle},
    user,
};

/// How many verified chains are remembered.
const CAPACITY: usize = 1024;

/// The attribute of a subject that holds the uid.
///
/// Go: apiserver/pkg/authentication/request/x509/x509.go KubernetesUIDOID
const UID_OID: &str = "1.3.6.1.4.1.57683.2";

/// Recognises the certificate that the client presented in the handshake.
///
/// A chain that verified once is not verified again while none of its certificates has expired and the bundle is the
/// same: a client keeps its connection, and thus its certificate, for thousands of requests.
pub struct X509 {
    roots: Arc<CABundle>,
    clock: Arc<dyn Clock>,
    /// By digest of bundle generation and chain: until when it stays valid (since the Unix epoch), and who it is.
    /// Emptied when full.
    known: Mutex<BTreeMap<Vec<u8>, (Duration, Option<user::Info>)>>,
}

impl X509 {
    /// Recognises certificates that lead to one of `roots`.
    pub fn new(roots: Arc<CABundle>, clock: Arc<dyn Clock>) -> Self {
        Self { roots, clock, known: Mutex::default() }
    }

    fn authenticate(&self, chain: &[CertificateDer<'static>]) -> Outcome {
        let wall = self.clock.wall();
        let key = fingerprint(self.roots.generation(), chain);
        let known = self.known.lock().get(&key).filter(|(until, _)| *until > wall).cloned();
        if let Some((_, user)) = known {
            return Ok(user.map(Response::new));
        }
        self.roots.verify(chain, wall)?;
        let user = common_name_user(&chain[0])?;
        let mut known = self.known.lock();
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(key, (earliest_expiry(chain), user.clone()));
        Ok(user.map(Response::new))
    }
}

impl Authenticator for X509 {
    fn name(&self) -> &'static str {
        "x509"
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if request.peer_certificates.is_empty() { Ok(None) } else { self.authenticate(request.peer_certificates) }
        })
    }
}

/// Makes a user of the subject of a verified certificate; without a CN it is nobody.
///
/// Go: apiserver/pkg/authentication/request/x509/x509.go CommonNameUserConversion
fn common_name_user(der: &CertificateDer<'_>) -> Result<Option<user::Info>, Error> {
    let certificate = parse(der)?;
    let subject = certificate.subject();
    // Of several common names Go takes the last.
    let name = subject.iter_common_name().filter_map(|name| name.as_str().ok()).last().unwrap_or_default();
    if name.is_empty() {
        return Ok(None);
    }
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned).collect();
    let hash = digest::digest(&digest::SHA256, der);
    let id = hash.as_ref().iter().fold("X509SHA256=".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    Ok(Some(user::Info {
        name: name.to_owned(),
        uid: uid(&certificate)?,
        groups,
        extra: BTreeMap::from([(user::CREDENTIAL_ID_KEY.to_owned(), vec![id])]),
    }))
}

/// Returns the uid that the subject holds, or the empty string.
///
/// Go: apiserver/pkg/authentication/request/x509/x509.go parseUIDFromCert
fn uid(certificate: &X509Certificate<'_>) -> Result<String, Error> {
    let oid: Oid<'_> = UID_OID.parse().map_err(|_| Error("unreadable UID_OID".to_owned()))?;
    let mut values = certificate.subject().iter_attributes().filter(|attribute| *attribute.attr_type() == oid);
    let Some(first) = values.next() else { return Ok(String::new()) };
    if values.next().is_some() {
        return Err(Error("expected 1 UID, but found multiple".to_owned()));
    }
    match first.as_str() {
        Ok("") => Err(Error("UID cannot be an empty string".to_owned())),
        Ok(uid) => Ok(uid.to_owned()),
        Err(_) => Err(Error("unable to parse UID into a string".to_owned())),
    }
}

/// Returns the last common name of a certificate: what a list of allowed names is compared with.
pub(super) fn common_name(der: &CertificateDer<'_>) -> Result<String, Error> {
    let certificate = parse(der)?;
    Ok(certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok())
        .last()
        .unwrap_or_default()
        .to_owned())
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    let parsed = X509Certificate::from_der(der);
    parsed.map(|(_, certificate)| certificate).map_err(|error| Error(format!("x509: {error}")))
}

fn earliest_expiry(chain: &[CertificateDer<'_>]) -> Duration {
    let expiries =
        chain.iter().filter_map(|der| parse(der).ok()).map(|certificate| certificate.validity().not_after.timestamp());
    Duration::from_secs(expiries.min().unwrap_or_default().try_into().unwrap_or_default())
}

fn fingerprint(generation: u64, chain: &[CertificateDer<'_>]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&generation.to_be_bytes());
    chain.iter().for_each(|der| context.update(der));
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use phase::{clock::VirtualClock, trace::Trace};
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use super::*;

    struct Authority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority() -> Authority {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test-ca");
        let pem = params.self_signed(&key).expect("signed").pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn leaf(authority: &Authority, usage: ExtendedKeyUsagePurpose, last_year: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "carol");
        params.distinguished_name.push(DnType::OrganizationName, "devs");
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]), "uid-7");
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().expect("key");
        params.signed_by(&key, &authority.issuer).expect("signed").der().clone()
    }

    async fn ask(authenticator: &X509, certificate: CertificateDer<'static>) -> Outcome {
        authenticator
            .authenticate_request(Request {
                path: "/",
                headers: &HeaderMap::new(),
                peer_certificates: &[certificate],
                audiences: &[],
                trace: &Trace::unwatched(),
            })
            .await
    }

    #[tokio::test]
    async fn a_certificate_names_its_user_while_it_is_valid_and_meant_for_clients() {
        let authority = authority();
        let clock = Arc::new(VirtualClock::default());
        let roots = Arc::new(CABundle::from_pem(authority.pem.as_bytes()).expect("bundle"));
        let authenticator = X509::new(roots, clock.clone());

        let good = leaf(&authority, ExtendedKeyUsagePurpose::ClientAuth, 2027);
        let user = ask(&authenticator, good.clone()).await.expect("verified").expect("someone").user;
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("carol", "uid-7"));
        assert_eq!(user.groups, ["devs"]);
        assert_eq!(user.extra[user::CREDENTIAL_ID_KEY][0].len(), "X509SHA256=".len() + 64);

        let server = leaf(&authority, ExtendedKeyUsagePurpose::ServerAuth, 2027);
        let error = ask(&authenticator, server).await.expect_err("wrong usage");
        assert!(error.0.contains("incompatible key usage"), "{error}");

        // The good one is remembered, but not beyond its expiry.
        clock.advance(Duration::from_hours(24 * 366));
        let error = ask(&authenticator, good).await.expect_err("expired");
        assert!(error.0.contains("expired"), "{error}");
    }

    #[tokio::test]
    async fn a_certificate_of_another_authority_is_an_error() {
        let (ours, theirs) = (authority(), authority());
        let roots = Arc::new(CABundle::from_pem(ours.pem.as_bytes()).expect("bundle"));
        let authenticator = X509::new(roots, Arc::new(VirtualClock::default()));
        let stranger = leaf(&theirs, ExtendedKeyUsagePurpose::ClientAuth, 2027);
        assert!(ask(&authenticator, stranger).await.is_err());
    }
}
