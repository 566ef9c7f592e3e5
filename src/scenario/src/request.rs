//! What a lesson does, as the HTTP request that does it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use control::ports::{Endpoint, LabRequest};
use serde_json::{Map, Value, json};

use crate::{
    format::{Action, Extension, Fixture},
    library::Source,
};

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
    let plain = |method: &str, path: &str| LabRequest {
        user: user.clone(),
        method: method.to_owned(),
        path: path.to_owned(),
        ..LabRequest::default()
    };
    let Action { create, get, watch, update, apply, patch, delete, raw, .. } = action;
    if let Some(fixture) = create {
        return Ok(Some(LabRequest { user, ..creating(&load(fixture, source)?)? }));
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
