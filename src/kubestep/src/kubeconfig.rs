//! The file that makes `kubectl` speak to this server.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::pki::{Identity, Pki};

/// The users of the first start: their names, and what they may do.
const USERS: [(&str, &str); 2] = [("admin", "may do everything"), ("dev", "may do only what RBAC allows")];

/// Writes a kubeconfig with the contexts `admin` (current) and `dev`.
///
/// `root_ca` is what clients trust, PEM.
pub fn write(path: &Path, server: &str, root_ca: &str, pki: &Pki) -> anyhow::Result<()> {
    let mut comments = String::new();
    let mut users = Vec::new();
    for (name, may) in USERS {
        comments.push_str(&format!("# {name}: {may}; kubectl --context {name} ...\n"));
        users.push((name, pki.identity(name)?));
    }
    save(path, &comments, &content(server, root_ca, &users))
}

/// Writes a kubeconfig for one user.
pub fn write_for(path: &Path, server: &str, pki: &Pki, name: &str, identity: Identity) -> anyhow::Result<()> {
    save(path, "", &content(server, &pki.read("ca.crt")?, &[(name, identity)]))
}

/// The file appears with its whole content, or not at all, and nobody else may read it.
fn save(path: &Path, comments: &str, content: &Value) -> anyhow::Result<()> {
    let text = serde_saphyr::to_string(content)?;
    let partial = path.with_extension("partial");
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&partial)?;
    file.write_all(comments.as_bytes())?;
    file.write_all(text.as_bytes())?;
    fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

/// A cluster, and a context for each user; the first is the current one.
fn content(server: &str, root_ca: &str, identities: &[(&str, Identity)]) -> Value {
    let (mut users, mut contexts) = (Vec::new(), Vec::new());
    for (name, identity) in identities {
        users.push(json!({"name": name, "user": {
            "client-certificate-data": STANDARD.encode(&identity.certificate),
            "client-key-data": STANDARD.encode(&identity.key),
        }}));
        contexts.push(json!({"name": name, "context": {"cluster": "kubestep", "user": name}}));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubestep", "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(root_ca),
        }}],
        "users": users,
        "contexts": contexts,
        "current-context": identities.first().map(|(name, _)| name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Keys;

    #[test]
    fn it_names_the_server_and_both_users() {
        let dir = tempfile::tempdir().expect("temp dir");
        let pki = Pki::ensure(dir.path(), &["127.0.0.1".to_owned()], Keys::Random).expect("pki");
        let file = dir.path().join("kubeconfig");
        write(&file, "https://127.0.0.1:6443", "CA", &pki).expect("written");
        let text = fs::read_to_string(&file).expect("read");
        let value: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(value["clusters"][0]["cluster"]["server"], "https://127.0.0.1:6443");
        assert_eq!(value["users"].as_array().map(Vec::len), Some(2));
    }
}
