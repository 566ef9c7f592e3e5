//! What a lesson does, as the HTTP request that does it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use control::ports::{ANONYMOUS, Endpoint, LabRequest};
use serde_json::{Map, Value, json};

use crate::{
    format::{Action, Extension, Fixture, Patch, User},
    library::Source,
};

/// What stands before the name of a webhook server in place of its URL.
pub const LAB: &str = "lab:";

/// Media types of patches, by the name a lesson calls them.
const PATCHES: [(&str, &str); 4] = [
    ("json", "application/json-patch+json"),
    ("merge", "application/merge-patch+json"),
    ("strategic", "application/strategic-merge-patch+json"),
    ("apply", "application/apply-patch+yaml"),
];

/// Returns the request of an action; `None` if it is a step of the walk or a repetition.
pub fn of(action: &Action, source: &Source) -> Result<Option<LabRequest>, String> {
    let user = action.user.clone().unwrap_or_default();
    let headers = action.impersonate.as_ref().map(impersonating).unwrap_or_default();
    let plain = |method: &str, path: &str| LabRequest {
        user: user.clone(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.clone(),
        ..LabRequest::default()
    };
    let Action { create, get, watch, update, apply, patch, delete, raw, .. } = action;
    if let Some(fixture) = create {
        return Ok(Some(LabRequest { user, headers, ..creating(&load(fixture, source)?)? }));
    }
    if let Some(fixture) = update {
        let object = load(fixture, source)?;
        let path = path_of(&object)?;
        return Ok(Some(LabRequest { body: Some(object), ..plain("PUT", &path) }));
    }
    if let Some(fixture) = apply {
        let object = load(fixture, source)?;
        let request = plain("PATCH", &format!("{}?fieldManager=lesson&force=true", path_of(&object)?));
        let content_type = "application/apply-patch+yaml".to_owned();
        return Ok(Some(LabRequest { content_type, body: Some(object), ..request }));
    }
    if let Some(patch) = patch {
        let media = PATCHES.iter().find(|(name, _)| *name == patch.kind);
        let (_, media) = media.ok_or_else(|| format!("`{}` is not a kind of patch", patch.kind))?;
        let request = plain("PATCH", &patch.path);
        let (body, content_type) = (Some(patch.body.clone()), (*media).to_owned());
        return Ok(Some(LabRequest { body, content_type, ..request }));
    }
    if let Some(raw) = raw {
        return Ok(Some(LabRequest { body: raw.body.clone(), ..plain(&raw.method, &raw.path) }));
    }
    if let Some(path) = watch {
        let separator = if path.contains('?') { '&' } else { '?' };
        return Ok(Some(plain("GET", &format!("{path}{separator}watch=true"))));
    }
    let simple = get.iter().map(|path| plain("GET", path)).chain(delete.iter().map(|path| plain("DELETE", path)));
    Ok(simple.last())
}

/// Returns the command that does by hand what an action does; empty where there is none.
pub fn by_hand(action: &Action, source: &Source) -> String {
    let Some(request) = of(action, source).ok().flatten() else { return String::new() };
    let path = &request.path;
    if request.user == ANONYMOUS {
        return format!("curl -k \"$SERVER{path}\"");
    }
    // A long object would hide the command.
    let body = request.body.as_ref().map(ToString::to_string).filter(|body| body.len() <= 120 && !body.contains('\''));
    let file = body.map_or_else(|| "-f FILE".to_owned(), |body| format!("-f - <<< '{body}'"));
    let mut command = match request.method.as_str() {
        "GET" => format!("kubectl get --raw '{path}'"),
        "DELETE" => format!("kubectl delete --raw '{path}'"),
        "POST" if action.create.is_some() => format!("kubectl create {file}"),
        "POST" => format!("kubectl create --raw '{path}' {file}"),
        "PUT" => format!("kubectl replace --raw '{path}' {file}"),
        _ if request.content_type.contains("apply-patch") => format!("kubectl apply --server-side {file}"),
        _ => patching(action),
    };
    match request.user.as_str() {
        _ if command.is_empty() => {}
        "" | "admin" => {}
        "dev" => command += " --context dev",
        user => command += &format!(" --kubeconfig {user}.kubeconfig"),
    }
    if action.token.is_some() {
        command += " --token \"$TOKEN\"";
    }
    if let Some(User { name, groups }) = &action.impersonate {
        command += &format!(" --as {name}");
        groups.iter().for_each(|group| command += &format!(" --as-group {group}"));
    }
    command
}

/// `kubectl patch`, by the last words of the path.
fn patching(action: &Action) -> String {
    let Some(Patch { path, kind, body }) = &action.patch else { return String::new() };
    let path = path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let [.., resource, name] = words.as_slice() else { return String::new() };
    let namespace = words.iter().position(|word| *word == "namespaces").and_then(|at| words.get(at + 1));
    let namespace = namespace
        .filter(|_| *resource != "namespaces")
        .map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    format!("kubectl patch{namespace} {resource} {name} --type={kind} -p '{body}'")
}

/// The headers that ask to be taken for somebody else.
///
/// Go: client-go/transport/round_trippers.go impersonatingRoundTripper
fn impersonating(user: &User) -> Vec<(String, String)> {
    let groups = user.groups.iter().map(|group| ("impersonate-group".to_owned(), group.clone()));
    [("impersonate-user".to_owned(), user.name.clone())].into_iter().chain(groups).collect()
}

/// Puts the URL and the CA bundle of a webhook server wherever an object says `url: lab:NAME`.
pub fn address(object: &mut Value, webhooks: &BTreeMap<String, Endpoint>) -> Result<(), String> {
    let name = object.get("url").and_then(Value::as_str).and_then(|url| url.strip_prefix(LAB)).map(str::to_owned);
    if let Some(name) = name {
        let endpoint = webhooks.get(&name).ok_or_else(|| format!("`{name}` is not in start.webhooks"))?;
        object["url"] = json!(endpoint.url);
        object["caBundle"] = json!(STANDARD.encode(&endpoint.ca_bundle));
    }
    match object {
        Value::Object(fields) => fields.values_mut().try_for_each(|field| address(field, webhooks)),
        Value::Array(items) => items.iter_mut().try_for_each(|item| address(item, webhooks)),
        _ => Ok(()),
    }
}

/// Returns the request that creates an object as the administrator.
pub fn creating(object: &Value) -> Result<LabRequest, String> {
    let (method, path) = ("POST".to_owned(), collection(object)?);
    Ok(LabRequest { method, path, body: Some(object.clone()), ..LabRequest::default() })
}

/// Returns the Service and the APIService of an extension server.
pub fn registering(extension: &Extension, endpoint: &Endpoint) -> [Value; 2] {
    let Extension { service, group, version, .. } = extension;
    let port: u16 = endpoint.url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
    let metadata = json!({"name": service, "namespace": "default"});
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"type": "ExternalName", "externalName": "localhost"}}),
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("{version}.{group}")},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 15,
                "caBundle": STANDARD.encode(&endpoint.ca_bundle),
                "service": {"name": service, "namespace": "default", "port": port}}}),
    ]
}

/// Says whether an APIService has the condition `Available`.
pub fn is_available(service: &Value) -> bool {
    let conditions = service.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Available" && condition["status"] == "True")
}

/// Returns the object of a fixture.
pub fn load(fixture: &Fixture, source: &Source) -> Result<Value, String> {
    match fixture {
        Fixture::Inline(object) => Ok(Value::Object(object.clone())),
        Fixture::File(path) => {
            let object: Map<String, Value> =
                serde_saphyr::from_str(&source.fixture(path)?).map_err(|error| format!("{path}: {error}"))?;
            Ok(Value::Object(object))
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> Result<&'a str, String> {
    object.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("the object has no {pointer}"))
}

/// The path that objects like this one are created at. Namespaced is what names a namespace.
fn collection(object: &Value) -> Result<String, String> {
    let version = text(object, "/apiVersion")?;
    let root = if version.contains('/') { "apis" } else { "api" };
    let resource = plural(text(object, "/kind")?);
    Ok(match text(object, "/metadata/namespace") {
        Ok(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{resource}"),
        Err(_) => format!("/{root}/{version}/{resource}"),
    })
}

fn path_of(object: &Value) -> Result<String, String> {
    Ok(format!("{}/{}", collection(object)?, text(object, "/metadata/name")?))
}

/// Go: apimachinery/pkg/api/meta/restmapper.go UnsafeGuessKindToResource
fn plural(kind: &str) -> String {
    let singular = kind.to_lowercase();
    match singular.strip_suffix('y') {
        _ if singular.ends_with("endpoints") => singular,
        Some(stem) => format!("{stem}ies"),
        None if singular.ends_with('s') => format!("{singular}es"),
        None => format!("{singular}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_created_where_they_belong() {
        for (object, path) in [
            (
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop"}}),
                "/api/v1/namespaces/shop/configmaps",
            ),
            (json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {}}), "/api/v1/namespaces"),
            (
                json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "a"}}),
                "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies",
            ),
            (
                json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {}}),
                "/apis/storage.k8s.io/v1/storageclasses",
            ),
        ] {
            assert_eq!(collection(&object).as_deref(), Ok(path));
        }
        assert!(collection(&json!({})).is_err());
    }
}
