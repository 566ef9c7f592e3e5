//! How kubelets are reached: address and port from the Node, the certificate from the flags.
//!
//! Go: pkg/kubelet/client/kubelet_client.go, pkg/util/node/node.go GetPreferredNodeAddress

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, meta::options::GetOptions, runtime::object::Object};
use apiserver::{
    registry::{
        rest::{Answer, Getter, Result},
        store::Store,
    },
    request::context::Context,
};
use client::{
    anywhere::Anywhere,
    tls::{Pem, TLSConfig, Trust},
    transport::Transport,
};
use serde_json::Value;

use crate::{options::kube::KubeOptions, registry::core::remote::location::Host};

/// The port of a kubelet that does not say.
///
/// Go: pkg/cluster/ports/ports.go KubeletPort
const KUBELET_PORT: u16 = 10250;

/// The ways out of this process.
///
/// Go: pkg/kubelet/client KubeletClientConfig, controlplane.Config ProxyTransport
#[derive(Clone, Debug)]
pub struct Remote {
    /// To kubelets, with our client certificate.
    pub kubelets: Arc<dyn Transport>,
    /// To pods and endpoints, whoever they are.
    pub cluster: Arc<dyn Transport>,
    /// Which of a node's addresses is used, the best first.
    preferred_address_types: Vec<String>,
}

impl Remote {
    /// Reads the flags' files.
    pub fn new(options: &KubeOptions) -> std::result::Result<Self, String> {
        let file = |path: &String| Pem::File(path.into());
        let trust = match options.kubelet_ca.as_str() {
            "" => Trust::Anybody,
            path => Trust::Bundle(Pem::File(path.into())),
        };
        let identity = options.kubelet_client.as_ref().map(|(certificate, key)| (file(certificate), file(key)));
        let kubelets = Anywhere::new(&TLSConfig { trust, identity, server_name: None })?;
        let cluster = Anywhere::new(&TLSConfig { trust: Trust::Anybody, identity: None, server_name: None })?;
        Ok(Self {
            kubelets: Arc::new(kubelets),
            cluster: Arc::new(cluster),
            preferred_address_types: options.kubelet_preferred_address_types.clone(),
        })
    }

    /// Returns where the kubelet of a node listens.
    ///
    /// Go: NodeConnectionInfoGetter.GetConnectionInfo
    pub async fn kubelet(&self, cx: &Context, nodes: &Store, name: &str) -> Result<Host> {
        let node = nodes.get(cx, name, &GetOptions::default()).await.map(Answer::into_object);
        // The message names the resource of the request.
        let node = node.map_err(|error| as_request(cx, error, name))?;
        let port = node.get(&["status", "daemonEndpoints", "kubeletEndpoint", "Port"]).and_then(Value::as_u64);
        let port = port.filter(|port| *port != 0).unwrap_or(u64::from(KUBELET_PORT));
        Ok(Host { scheme: "https".to_owned(), name: self.address(&node)?, port: port.to_string() })
    }

    fn address(&self, node: &Object) -> Result<String> {
        let addresses = node.get(&["status", "addresses"]).and_then(Value::as_array);
        let addresses: Vec<(&str, &str)> = addresses
            .into_iter()
            .flatten()
            .filter_map(|entry| Some((entry["type"].as_str()?, entry["address"].as_str()?)))
            .collect();
        let mut preferred = self.preferred_address_types.iter();
        let found = preferred.find_map(|wanted| addresses.iter().find(|(kind, _)| kind == wanted));
        found.map(|(_, address)| (*address).to_owned()).ok_or_else(|| {
            let known: Vec<String> = addresses.iter().map(|(kind, address)| format!("{{{kind} {address}}}")).collect();
            let text = format!("no preferred addresses found; known addresses: [{}]", known.join(" "));
            StatusError::new(500, "", text)
        })
    }
}

/// Says that an object is missing in the words of the request's own resource.
///
/// Go: registry/generic/registry/store.go qualifiedResourceFromContext
pub fn as_request(cx: &Context, error: StatusError, name: &str) -> StatusError {
    if error.is_not_found() {
        let resource = apimachinery::runtime::schema::GroupResource::new(&cx.info.api_group, &cx.info.resource);
        return StatusError::new_not_found(&resource, name);
    }
    error
}
