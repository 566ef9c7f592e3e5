//! Where something listens: from an object to a URL.
//!
//! Go: pkg/registry/core/pod/strategy.go ResourceLocation, streamLocation, LogLocation;
//! pkg/registry/core/node/strategy.go ResourceLocation; pkg/registry/core/service/storage/storage.go ResourceLocation

use std::net::IpAddr;

use apimachinery::{
    api::errors::StatusError, meta::options::GetOptions, runtime::object::Object, util::ip::parse_ip_sloppy,
};
use apiserver::{
    registry::{
        rest::{Answer, Getter, Result},
        store::Store,
    },
    request::context::Context,
};
use serde_json::Value;

use crate::registry::core::remote::kubelet::as_request;

/// Somebody who listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `http` or `https`; empty: `http`.
    pub scheme: String,
    /// A name or an address.
    pub name: String,
    /// A number; empty: the scheme's own.
    pub port: String,
}

impl Host {
    /// Returns `scheme://host:port`.
    pub fn base(&self) -> String {
        let scheme = if self.scheme.is_empty() { "http" } else { &self.scheme };
        let name = if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() };
        let port = if self.port.is_empty() { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{name}{port}")
    }
}

/// Takes `name`, `name:port` or `scheme:name:port` apart.
///
/// Go: apimachinery/pkg/util/net/port_split.go SplitSchemeNamePort
pub fn split(id: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = id.split(':').collect();
    let (scheme, name, port) = match *parts.as_slice() {
        [name] => ("", name, ""),
        [name, port] => ("", name, port),
        [scheme, name, port] => (scheme, name, port),
        _ => return None,
    };
    (!name.is_empty() && matches!(scheme, "" | "http" | "https")).then_some((scheme, name, port))
}

/// Reads a pod.
pub async fn pod(cx: &Context, pods: &Store, name: &str) -> Result<Object> {
    pods.get(cx, name, &GetOptions::default()).await.map(Answer::into_object)
}

/// Returns where a pod listens: on the port that is asked for, or on the first that its containers name.
pub async fn of_pod(cx: &Context, pods: &Store, id: &str) -> Result<Host> {
    let (scheme, name, port) =
        split(id).ok_or_else(|| StatusError::new_bad_request(format!("invalid pod request \"{id}\"")))?;
    let pod = pod(cx, pods, name).await?;
    let first = containers(&pod, "containers").find_map(|container| container["ports"][0]["containerPort"].as_u64());
    let port = if port.is_empty() { first.map(|port| port.to_string()).unwrap_or_default() } else { port.to_owned() };
    let addresses = pod.get(&["status", "podIPs"]).and_then(Value::as_array);
    let address = addresses.and_then(|list| list.first()?["ip"].as_str()).unwrap_or_default();
    // A pod must not lead back into this machine or its network.
    if !parse_ip_sloppy(address).is_some_and(is_global_unicast) {
        return Err(StatusError::new_bad_request("address not allowed"));
    }
    Ok(Host { scheme: scheme.to_owned(), name: address.to_owned(), port })
}

/// Go: net IP.IsGlobalUnicast
pub fn is_global_unicast(address: IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !special && !link_local
}

/// Returns where one of a service's endpoints listens.
///
/// Simplified: the first endpoint that fits is taken; Kubernetes takes one by chance, and checks its pod.
pub async fn of_service(cx: &Context, services: &Store, endpoints: &Store, id: &str) -> Result<Host> {
    let (scheme, name, port) =
        split(id).ok_or_else(|| StatusError::new_bad_request(format!("invalid service request \"{id}\"")))?;
    let mut port_name = port.to_owned();
    if let Ok(number) = port.parse::<i64>() {
        let service = services.get(cx, name, &GetOptions::default()).await?.into_object();
        let ports = service.get(&["spec", "ports"]).and_then(Value::as_array);
        let found = ports.into_iter().flatten().find(|port| port["port"].as_i64() == Some(number));
        let Some(found) = found else {
            let text = format!("no service port {number} found for service \"{name}\"");
            return Err(StatusError::new_service_unavailable(text));
        };
        found["name"].as_str().unwrap_or_default().clone_into(&mut port_name);
    }
    let found = endpoints.get(cx, name, &GetOptions::default()).await;
    let found = found.map_err(|error| as_request(cx, error, name))?.into_object();
    let subsets = found.get(&["subsets"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let none =
        |what: &str| StatusError::new_service_unavailable(format!("no endpoints available for service \"{what}\""));
    if subsets.is_empty() {
        return Err(none(name));
    }
    let target = subsets.iter().find_map(|subset| {
        let ports = subset["ports"].as_array()?;
        let port = ports.iter().find(|port| port["name"].as_str().unwrap_or_default() == port_name)?;
        let addresses = subset["addresses"].as_array()?.iter().filter_map(|address| address["ip"].as_str());
        let address = addresses.into_iter().find(|ip| parse_ip_sloppy(ip).is_some_and(is_global_unicast))?;
        Some((address.to_owned(), port["port"].as_u64()?))
    });
    let (address, number) = target.ok_or_else(|| none(id))?;
    Ok(Host { scheme: scheme.to_owned(), name: address, port: number.to_string() })
}

fn containers<'a>(pod: &'a Object, list: &str) -> impl Iterator<Item = &'a Value> {
    pod.get(&["spec", list]).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the container that is meant: the one that is named, or the only one.
///
/// Go: validateContainer
pub fn container(pod: &Object, asked: &str) -> Result<String> {
    let names = |list: &str| -> Vec<&str> { containers(pod, list).filter_map(|one| one["name"].as_str()).collect() };
    let (own, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    let name = pod.name();
    if !asked.is_empty() {
        if own.contains(&asked) || init.contains(&asked) || ephemeral.contains(&asked) {
            return Ok(asked.to_owned());
        }
        return Err(StatusError::new_bad_request(format!("container {asked} is not valid for pod {name}")));
    }
    if let [only] = own.as_slice() {
        return Ok((*only).to_owned());
    }
    let mut text = format!("a container name must be specified for pod {name}");
    if !own.is_empty() {
        text.push_str(&format!(", choose one of: [{}]", own.join(" ")));
    }
    for (kind, names) in [("init", init), ("ephemeral", ephemeral)] {
        if !own.is_empty() && !names.is_empty() {
            text.push_str(&format!(" or one of the {kind} containers: [{}]", names.join(" ")));
        }
    }
    Err(StatusError::new_bad_request(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_have_three_forms() {
        assert_eq!(split("web"), Some(("", "web", "")));
        assert_eq!(split("web:80"), Some(("", "web", "80")));
        assert_eq!(split("https:web:443"), Some(("https", "web", "443")));
        assert_eq!(split("ftp:web:21"), None);
        assert_eq!(split("a:b:c:d"), None);
    }

    #[test]
    fn a_container_must_be_named_where_there_are_two() {
        let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "x"}, {"name": "y"}]}});
        let pod = Object::from_value(pod).expect("object");
        assert_eq!(container(&pod, "y").as_deref(), Ok("y"));
        let error = container(&pod, "").expect_err("two");
        assert_eq!(error.message, "a container name must be specified for pod a, choose one of: [x y]");
    }
}
