//! ConfigMap `kube-system/extension-apiserver-authentication`: how extension servers recognise our users.
//!
//! Go: pkg/controlplane/controller/clusterauthenticationtrust/cluster_authentication_trust_controller.go

use apimachinery::runtime::schema::GroupVersionResource;
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use auth::authentication::{ca_bundle::CABundle, headerrequest::RequestHeaderConfig};
use client::rest::Error;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::controller::ensure;

/// Go: pkg/controlplane/controller/clusterauthenticationtrust ClusterAuthenticationInfo
#[derive(Clone, Debug, Default)]
pub struct ClusterAuthenticationInfo {
    /// The authorities of client certificates.
    pub client_ca: Option<Arc<CABundle>>,
    /// The front proxy.
    pub request_header: Option<RequestHeaderConfig>,
}

impl ClusterAuthenticationInfo {
    /// The data of the ConfigMap. Lists are JSON arrays.
    fn data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        let mut put = |key: &str, value: String| data.insert(key.to_owned(), value.into());
        if let Some(ca) = &self.client_ca {
            put("client-ca-file", String::from_utf8_lossy(&ca.pem()).into_owned());
        }
        if let Some(proxy) = &self.request_header {
            put("requestheader-client-ca-file", String::from_utf8_lossy(&proxy.ca.pem()).into_owned());
            for (key, list) in [
                ("requestheader-allowed-names", &proxy.allowed_client_names),
                ("requestheader-username-headers", &proxy.username_headers),
                ("requestheader-group-headers", &proxy.group_headers),
                ("requestheader-extra-headers-prefix", &proxy.extra_header_prefixes),
            ] {
                put(key, json!(list).to_string());
            }
            if !proxy.uid_headers.is_empty() {
                put("requestheader-uid-headers", json!(proxy.uid_headers).to_string());
            }
        }
        data
    }
}

/// Hook `start-cluster-authentication-info-controller`.
pub fn hook(info: ClusterAuthenticationInfo) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| {
        let info = info.clone();
        async move { ensure::retry(30, &context.stop, || sync(context.clone(), info.clone())).await }
    })
}

async fn sync(context: PostStartHookContext, info: ClusterAuthenticationInfo) -> Result<(), Error> {
    let client = ensure::client(&context);
    let namespaces = client.resource(&GroupVersionResource::new("", "v1", "namespaces"));
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}});
    ensure::exists(&namespaces, &ensure::object(namespace)).await?;
    let maps = client.resource(&GroupVersionResource::new("", "v1", "configmaps")).namespace("kube-system");
    let map = ensure::object(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": info.data(),
    }));
    let mut present = ensure::exists(&maps, &map).await?;
    if present.get(&["data"]) != map.get(&["data"]) {
        present.set(&["data"], info.data());
        maps.update(&present, "").await?;
    }
    Ok(())
}
