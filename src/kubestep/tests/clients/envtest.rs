//! The program under the name `kube-apiserver`, with the flags and files of a test framework that starts upstream's.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenReview},
    core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client, Config,
    api::{ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Running, etcd, free_port, terminate};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "envtest-environment");
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Returns certificate and key.
fn leaf(authority: &Authority, names: &[&str], subject: (&str, &str)) -> (String, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, subject.0);
    params.distinguished_name.push(DnType::OrganizationName, subject.1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().expect("a key");
    (params.signed_by(&key, authority).expect("signed").pem(), key.serialize_pem())
}

/// Lays out the directory of certificates. Returns the authorities of the server and of clients.
fn lay_out(dir: &Path) -> (Authority, Authority) {
    let (serving, clients, accounts) = (authority(), authority(), authority());
    let (certificate, key) = leaf(&serving, &["localhost", "127.0.0.1"], ("localhost", ""));
    for (name, content) in [
        ("apiserver.crt", certificate),
        ("apiserver.key", key),
        // The key of tokens is given as a certificate.
        ("sa-signer.crt", accounts.pem()),
        ("sa-signer.key", accounts.key().serialize_pem()),
        ("client-cert-auth-ca.crt", clients.pem()),
    ] {
        fs::write(dir.join(name), content).expect("written");
    }
    (serving, clients)
}

fn start(binary: &Path, dir: &Path, port: u16, etcd: u16) -> Running {
    let file = |name: &str| dir.join(name).display().to_string();
    let log = fs::File::create(dir.join("log")).expect("a log");
    let flags = [
        "--allow-privileged=true".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", dir.display()),
        format!("--client-ca-file={}", file("client-cert-auth-ca.crt")),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--secure-port={port}"),
        format!("--service-account-issuer=https://127.0.0.1:{port}/"),
        format!("--service-account-key-file={}", file("sa-signer.crt")),
        format!("--service-account-signing-key-file={}", file("sa-signer.key")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
    ];
    let mut command = Command::new(binary);
    Running(command.args(flags).stdout(Stdio::null()).stderr(log).spawn().expect("the program starts"))
}

async fn client(server: &str, ca: &str, user: Value) -> Client {
    let kubeconfig: Kubeconfig = serde_json::from_value(json!({
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": STANDARD.encode(ca)}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }))
    .expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a config");
    Client::try_from(config).expect("a client")
}

fn named_as_upstream(dir: &Path) -> PathBuf {
    let link = dir.join("kube-apiserver");
    symlink(env!("CARGO_BIN_EXE_kubestep"), &link).expect("a link");
    link
}

#[test]
fn the_help_names_upstreams_flags() {
    let dir = tempfile::tempdir().expect("a directory");
    let help = Command::new(named_as_upstream(dir.path())).arg("--help").output().expect("it runs");
    assert!(help.status.success());
    let text = String::from_utf8_lossy(&help.stdout);
    // Which flags there are is how frameworks know the version.
    let has = |flag: &str| text.lines().any(|line| line.trim_start().starts_with(flag));
    assert!(has("--secure-port") && has("--etcd-servers") && !has("--insecure-port"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_as_upstream_under_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store_port, port) = (free_port(), free_port());
    let Some(store) = etcd(dir.path(), store_port, free_port()) else {
        eprintln!("skipped: there is no etcd");
        return;
    };
    let _store = Running(store);
    let (serving, clients) = lay_out(dir.path());
    let mut process = start(&named_as_upstream(dir.path()), dir.path(), port, store_port);

    let server = format!("https://127.0.0.1:{port}");
    let anonymous = client(&server, &serving.pem(), json!({})).await;
    let healthy = async {
        // Until the roles are in place, nobody may ask.
        while anonymous.request_text(http::Request::get("/healthz").body(Vec::new()).expect("valid")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, healthy)
        .await
        .unwrap_or_else(|_| panic!("not healthy:\n{}", fs::read_to_string(dir.path().join("log")).unwrap_or_default()));

    let (certificate, key) = leaf(&clients, &[], ("admin", "system:masters"));
    let user = json!({
        "client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key),
    });
    let admin = client(&server, &serving.pem(), user).await;
    let namespaces = Api::<Namespace>::all(admin.clone()).list(&ListParams::default()).await.expect("listed");
    assert!(namespaces.items.iter().any(|namespace| namespace.metadata.name.as_deref() == Some("default")));

    // Nobody makes service accounts here, and no pod needs one.
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let pods: Api<Pod> = Api::namespaced(admin.clone(), "default");
    pods.create(&PostParams::default(), &serde_json::from_value(pod).expect("a pod")).await.expect("created");

    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), "default");
    let account = serde_json::from_value(json!({"metadata": {"name": "robot"}})).expect("an account");
    accounts.create(&PostParams::default(), &account).await.expect("created");
    let request: TokenRequest = serde_json::from_value(json!({"spec": {"audiences": []}})).expect("a request");
    let token = accounts.create_token_request("robot", &PostParams::default(), &request).await.expect("a token");
    let token = token.status.expect("a token").token;
    let review = serde_json::from_value(json!({"spec": {"token": token}})).expect("a review");
    let review: TokenReview = Api::all(admin).create(&PostParams::default(), &review).await.expect("reviewed");
    let user = review.status.and_then(|status| status.user).and_then(|user| user.username);
    assert_eq!(user.as_deref(), Some("system:serviceaccount:default:robot"));

    assert!(terminate(&mut process).await, "it ends in order");
}
