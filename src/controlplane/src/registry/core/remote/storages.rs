//! The resources through which connections are made.
//!
//! Go: pkg/registry/core/pod/rest/subresources.go, pkg/registry/core/{node,service}/.../proxy.go

use apimachinery::{api::errors::StatusError, runtime::schema::GroupVersionKind};
use apiserver::{
    registry::{
        rest::{Connecter, Result, Storage},
        store::Store,
    },
    request::{context::Context, handler::Response},
};
use http::Method;
use phase::BoxFuture;

use crate::registry::core::remote::{
    forward::{self, Kind, Target},
    kubelet::Remote,
    location,
    log::encode,
};

/// A way into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Runs a command.
    Exec,
    /// Joins what is running.
    Attach,
    /// Opens ports.
    PortForward,
}

impl Stream {
    fn options_kind(self) -> &'static str {
        match self {
            Self::Exec => "PodExecOptions",
            Self::Attach => "PodAttachOptions",
            Self::PortForward => "PodPortForwardOptions",
        }
    }

    /// What the kubelet calls it.
    fn path(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::PortForward => "portForward",
        }
    }

    /// What the kubelet is asked, parameters in order.
    ///
    /// Go: streamParams
    fn query(self, cx: &Context) -> String {
        let mut pairs = Vec::new();
        let given = cx.query_pairs();
        let all = |name: &str| given.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
        if self == Self::PortForward {
            let ports: Vec<String> = all("ports");
            if !ports.is_empty() {
                pairs.push(("port", ports.join(",")));
            }
            return encode(&pairs);
        }
        if self == Self::Exec {
            let command: Vec<String> = all("command");
            pairs.extend(command.into_iter().map(|word| ("command", word)));
        }
        let is_set = |name: &str| {
            let value = given.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            // Attached to a container, its output is what one usually wants.
            value.map_or(self == Self::Attach && matches!(name, "stdout" | "stderr"), |value| {
                value != "0" && !value.eq_ignore_ascii_case("false")
            })
        };
        for (name, theirs) in [("stderr", "error"), ("stdin", "input"), ("stdout", "output"), ("tty", "tty")] {
            if is_set(name) {
                pairs.push((theirs, "1".to_owned()));
            }
        }
        encode(&pairs)
    }
}

/// `pods/exec`, `pods/attach`, `pods/portforward`.
pub struct PodStream {
    /// Which of them.
    pub stream: Stream,
    /// How kubelets are reached.
    pub remote: Remote,
    /// The pods.
    pub pods: Store,
    /// The nodes they run on.
    pub nodes: Store,
}

impl Storage for PodStream {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("", "v1", self.stream.options_kind())
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn connecter(&self) -> Option<&dyn Connecter> {
        Some(self)
    }
}

impl PodStream {
    async fn open(&self, cx: &mut Context, name: &str) -> Result<Response> {
        let pod = location::pod(cx, &self.pods, name).await?;
        let mut path = format!("/{}/{}/{name}", self.stream.path(), pod.namespace());
        if self.stream != Stream::PortForward {
            let asked = cx.query("container").unwrap_or_default();
            path = format!("{path}/{}", location::container(&pod, &asked)?);
        }
        let node = pod.str(&["spec", "nodeName"]);
        if node.is_empty() {
            return Err(StatusError::new_bad_request(format!("pod {name} does not have a host assigned")));
        }
        let host = self.remote.kubelet(cx, &self.nodes, node).await?;
        let query = Some(self.stream.query(cx));
        let target = Target { base: host.base(), path, query, kind: Kind::Stream };
        forward::forward(cx, &*self.remote.kubelets, target).await
    }
}

impl Connecter for PodStream {
    fn methods(&self) -> &[Method] {
        const METHODS: [Method; 2] = [Method::GET, Method::POST];
        &METHODS
    }

    fn options_kind(&self) -> Option<&str> {
        Some(self.stream.options_kind())
    }

    fn connect<'a>(&'a self, cx: &'a mut Context, name: &'a str, _path: &'a str) -> BoxFuture<'a, Response> {
        Box::pin(async move { forward::answer(self.open(cx, name).await) })
    }
}

/// What a proxy leads to.
pub enum Behind {
    /// `pods/proxy`
    Pods(Store),
    /// `services/proxy`, with the endpoints.
    Services(Box<(Store, Store)>),
    /// `nodes/proxy`
    Nodes(Store),
}

/// `pods/proxy`, `services/proxy`, `nodes/proxy`.
pub struct Proxy {
    /// What it leads to.
    pub behind: Behind,
    /// The ways there.
    pub remote: Remote,
}

impl Storage for Proxy {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("", "v1", self.kind_of_options())
    }

    fn namespace_scoped(&self) -> bool {
        !matches!(self.behind, Behind::Nodes(_))
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn connecter(&self) -> Option<&dyn Connecter> {
        Some(self)
    }
}

impl Proxy {
    fn kind_of_options(&self) -> &'static str {
        match self.behind {
            Behind::Pods(_) => "PodProxyOptions",
            Behind::Services(_) => "ServiceProxyOptions",
            Behind::Nodes(_) => "NodeProxyOptions",
        }
    }

    async fn open(&self, cx: &mut Context, id: &str, path: &str) -> Result<Response> {
        let mut transport = &self.remote.cluster;
        let host = match &self.behind {
            Behind::Pods(pods) => location::of_pod(cx, pods, id).await?,
            Behind::Services(stores) => location::of_service(cx, &stores.0, &stores.1, id).await?,
            Behind::Nodes(nodes) => {
                let (scheme, name, port) = location::split(id)
                    .ok_or_else(|| StatusError::new_bad_request(format!("invalid node request \"{id}\"")))?;
                let kubelet = self.remote.kubelet(cx, nodes, name).await?;
                if port.is_empty() || port == kubelet.port {
                    transport = &self.remote.kubelets;
                    kubelet
                } else {
                    location::Host { scheme: scheme.to_owned(), port: port.to_owned(), ..kubelet }
                }
            }
        };
        let path = below(cx, path);
        let target = Target { base: host.base(), path, query: None, kind: Kind::Web };
        forward::forward(cx, &**transport, target).await
    }
}

/// The path on the other side: a slash at the end of ours is one at the end of theirs.
fn below(cx: &Context, path: &str) -> String {
    let slash = if cx.uri.path().ends_with('/') { "/" } else { "" };
    match path {
        "" => slash.to_owned(),
        path => format!("/{}{slash}", path.trim_matches('/')),
    }
}

impl Connecter for Proxy {
    fn methods(&self) -> &[Method] {
        const METHODS: [Method; 7] =
            [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
        &METHODS
    }

    fn options_kind(&self) -> Option<&str> {
        Some(self.kind_of_options())
    }

    fn takes_path(&self) -> bool {
        true
    }

    fn connect<'a>(&'a self, cx: &'a mut Context, name: &'a str, path: &'a str) -> BoxFuture<'a, Response> {
        Box::pin(async move { forward::answer(self.open(cx, name, path).await) })
    }
}
