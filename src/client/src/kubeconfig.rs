//! The file that says where a server is and who we are.
//!
//! Go: client-go/tools/clientcmd

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust};

/// One context of a kubeconfig, its parts put together.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// `https://host:port[/path]`
    pub server: String,
    /// How to speak TLS to it.
    pub tls: TLSConfig,
    /// The namespace of the context; empty: `default`.
    pub namespace: String,
    /// A bearer token; empty: none.
    token: String,
}

impl Kubeconfig {
    /// Reads a file; `context` empty: the current one. Paths in it are relative to its folder.
    ///
    /// Simplified: exec plugins, auth providers and basic authentication are not known.
    ///
    /// Go: client-go/tools/clientcmd/client_config.go ClientConfig
    pub fn open(path: &Path, context: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("open {}: {error}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder, context).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str, folder: &Path, context: &str) -> Result<Self, String> {
        let config: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let context = if context.is_empty() { config["current-context"].as_str().unwrap_or_default() } else { context };
        let context = named(&config, "contexts", context, "context")?;
        let name = |field: &str| context[field].as_str().unwrap_or_default();
        let cluster = named(&config, "clusters", name("cluster"), "cluster")?;
        let server = cluster["server"].as_str().filter(|server| !server.is_empty());
        let server = server.ok_or_else(|| format!("no server found for cluster {:?}", name("cluster")))?.to_owned();
        // A user may be left out: then nobody in particular asks.
        let user = if name("user").is_empty() { &Value::Null } else { named(&config, "users", name("user"), "user")? };
        let identity = match (pem(user, "client-certificate", folder)?, pem(user, "client-key", folder)?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("client-certificate and client-key must be given together".to_owned()),
        };
        let trust = match pem(cluster, "certificate-authority", folder)? {
            _ if cluster["insecure-skip-tls-verify"] == true => Trust::Anybody,
            Some(bundle) => Trust::Bundle(bundle),
            None => Trust::System,
        };
        let server_name = cluster["tls-server-name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self {
            server,
            tls: TLSConfig { trust, identity, server_name },
            namespace: name("namespace").to_owned(),
            token: token(user, folder)?,
        })
    }

    /// Makes a transport to the server.
    pub fn transport(&self) -> Result<TlsTransport, String> {
        let token = Some(self.token.clone()).filter(|token| !token.is_empty());
        TlsTransport::new(&self.server, self.tls.clone(), &Credentials { token })
    }
}

/// Returns the entry of a list by name: `clusters[{name, cluster}]`.
fn named<'a>(config: &'a Value, list: &str, name: &str, kind: &str) -> Result<&'a Value, String> {
    let entries = config[list].as_array().map(Vec::as_slice).unwrap_or_default();
    let entry = entries.iter().find(|entry| entry["name"] == name);
    entry.map(|entry| &entry[kind]).ok_or_else(|| format!("{kind} {name:?} does not exist"))
}

/// Returns a file or the data in its place: `client-key`, `client-key-data`. Data wins.
fn pem(object: &Value, field: &str, folder: &Path) -> Result<Option<Pem>, String> {
    let data = format!("{field}-data");
    if let Some(text) = object[&data].as_str().filter(|text| !text.is_empty()) {
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| format!("{data}: {error}"))?;
        return Ok(Some(Pem::Data(bytes)));
    }
    Ok(path(object, field, folder).map(Pem::File))
}

fn path(object: &Value, field: &str, folder: &Path) -> Option<PathBuf> {
    object[field].as_str().filter(|path| !path.is_empty()).map(|path| folder.join(path))
}

fn token(user: &Value, folder: &Path) -> Result<String, String> {
    if let Some(path) = path(user, "tokenFile", folder) {
        let token = fs::read_to_string(&path).map_err(|error| format!("open {}: {error}", path.display()))?;
        return Ok(token.trim().to_owned());
    }
    Ok(user["token"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
apiVersion: v1
kind: Config
current-context: dev
contexts: [{name: dev, context: {cluster: here, user: me, namespace: shop}}]
clusters: [{name: here, cluster: {server: 'https://127.0.0.1:6443', certificate-authority: ca.crt}}]
users: [{name: me, user: {token: secret}}]
";

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = Kubeconfig::parse(TEXT, Path::new("/etc/kube"), "").expect("readable");
        assert_eq!((config.server.as_str(), config.namespace.as_str()), ("https://127.0.0.1:6443", "shop"));
        assert_eq!(config.tls.trust, Trust::Bundle(Pem::File("/etc/kube/ca.crt".into())));
        assert_eq!(config.token, "secret");
    }

    #[test]
    fn a_missing_context_is_named() {
        let error = Kubeconfig::parse(TEXT, Path::new("."), "prod").expect_err("refused");
        assert_eq!(error, "context \"prod\" does not exist");
    }
}
