//! The suite against the real etcd, where it is installed.

use std::time::Duration;

use futures_util::StreamExt;
use kv::{
    backend::{Backend, Put},
    etcd::client::{Etcd, Options},
    suite::Passing,
};
use phase::{BoxFuture, trace::Trace};

struct Truly;

impl Passing for Truly {
    fn pass<'a>(&'a self, _: &'a dyn Backend, time: Duration) -> BoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[tokio::test]
async fn etcd() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = crate::support::etcd(directory.path()) else { return };
    kv::suite::run(&crate::support::connect(&server).await, &Truly).await;
}

#[tokio::test]
async fn a_watch_outlives_the_server() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = crate::support::etcd(directory.path()) else { return };
    let etcd = crate::support::connect(&server).await;
    let trace = Trace::unwatched();
    let put = |key| Put { key, value: "x".into(), expected: 0, lease: None };
    let mut watch = etcd.watch("/a/", None).await.expect("watch");
    let first = etcd.optimistic_put(&trace, put("/a/1")).await.expect("put").revision;
    assert_eq!(watch.next().await.expect("goes on").expect("no error").events.len(), 1);
    let (client, peer) = (server.client.clone(), server.peer.clone());
    drop(server);
    let refused = tokio::time::timeout(Duration::from_secs(20), etcd.optimistic_put(&trace, put("/a/2"))).await;
    assert!(refused.is_ok_and(|refused| refused.is_err()), "an error, in time");
    let Some(server) = crate::support::etcd_at(directory.path(), client, peer) else { return };
    let anew = crate::support::connect(&server).await;
    // Written before the watch has found its way back.
    let second = anew.optimistic_put(&trace, put("/a/3")).await.expect("put").revision;
    assert_eq!(second, first + 1, "the refused write did not take place");
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        let response = next.expect("in time").expect("goes on").expect("no error");
        if let [event] = response.events.as_slice() {
            assert_eq!((&*event.kv.key, event.kv.mod_revision), ("/a/3", second));
            break;
        }
    }
    assert!(etcd.get(&trace, "/a/3", None).await.expect("connected again").kv.is_some());
}

/// A certificate authority, and a certificate and key that it signed for 127.0.0.1.
fn certificates() -> (String, String, String) {
    let params = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params
    };
    let ca_key = rcgen::KeyPair::generate().expect("key");
    let mut ca = params("ca");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("signed").pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().expect("key");
    let mut leaf = params("etcd");
    leaf.extended_key_usages =
        vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = leaf.signed_by(&key, &issuer).expect("signed").pem();
    (ca_certificate, certificate, key.serialize_pem())
}

#[tokio::test]
async fn certificates_are_shown_and_checked() {
    let directory = tempfile::tempdir().expect("directory");
    let (ca, certificate, key) = certificates();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    };
    let flags = [
        format!("--cert-file={}", file("cert", &certificate)),
        format!("--key-file={}", file("key", &key)),
        format!("--trusted-ca-file={}", file("ca", &ca)),
        "--client-cert-auth".to_owned(),
    ];
    let Some(server) = crate::support::secure_etcd(&directory.path().join("data"), &flags) else { return };
    let pem = |text: &str| Some(text.as_bytes().to_vec());
    let identity = pem(&certificate).zip(pem(&key));
    let with = |ca, identity| Options { endpoints: vec![server.client.clone()], ca, identity };
    let etcd = crate::support::connect_with(&with(pem(&ca), identity.clone())).await;
    let put = Put { key: "/a", value: "x".into(), expected: 0, lease: None };
    assert!(etcd.optimistic_put(&Trace::unwatched(), put).await.expect("put").succeeded);
    assert!(Etcd::connect(&with(pem(&ca), None)).await.is_err(), "no certificate is shown");
    let (stranger, _, _) = certificates();
    assert!(Etcd::connect(&with(pem(&stranger), identity)).await.is_err(), "the server's is from someone else");
}
