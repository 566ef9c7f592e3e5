//! Requests for objects: one method for each verb.
//!
//! Go: k8s.io/client-go/rest/request.go, k8s.io/client-go/dynamic

use std::{fmt::Write, sync::Arc};

use apimachinery::{
    api::errors::{Details, StatusError},
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionResource},
    },
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use phase::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    transport::{self, Body, BoxStream, Transport},
    watch::{self, Event},
};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused.
    #[error("{0}")]
    Status(StatusError),
    /// The server did not answer.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The server answered something unreadable.
    #[error("{0}")]
    Decode(String),
}

impl Error {
    /// Says whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status(status) if status.is_not_found())
    }

    /// Says whether the object exists already.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::Status(status) if status.is_already_exists())
    }

    /// Says whether somebody else changed the object meanwhile.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Status(status) if status.is_conflict())
    }

    /// Says whether a resource version is too old to go on from.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Status(status) if status.code == 410)
    }
}

impl From<Error> for StatusError {
    fn from(error: Error) -> Self {
        match error {
            Error::Status(status) => status,
            other => Self::new_internal_error(other),
        }
    }
}

/// A page of a collection.
#[derive(Clone, Debug, Default)]
pub struct ObjectList {
    /// The version at which the list is consistent.
    pub resource_version: String,
    /// Where to go on; empty at the end.
    pub continue_token: String,
    /// The objects, with their kinds set.
    pub items: Vec<Object>,
}

/// A change to an object.
///
/// Go: apimachinery/pkg/types/patch.go
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, which knows lists by their keys.
    StrategicMerge,
    /// Server-side apply.
    Apply,
}

impl PatchType {
    /// Returns the media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::StrategicMerge => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// A client of one server. Clones share the transport.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<dyn Transport>,
    user_agent: HeaderValue,
}

impl Client {
    /// Speaks through `transport` under a name, which becomes the field manager of what it writes.
    pub fn new(transport: Arc<dyn Transport>, user_agent: &'static str) -> Self {
        Self { transport, user_agent: HeaderValue::from_static(user_agent) }
    }

    /// Returns a handle for a resource, cluster-scoped or in all namespaces.
    pub fn resource(&self, resource: &GroupVersionResource) -> Resource {
        Resource { client: self.clone(), resource: resource.clone(), namespace: String::new() }
    }

    /// Sends a request with a JSON body or none, and returns the head and body of a good answer.
    pub async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<http::Response<Body>, Error> {
        self.send_accepting(JSON, method, path_and_query, body).await
    }

    async fn send_accepting(
        &self,
        accept: &'static str,
        method: Method,
        path_and_query: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<http::Response<Body>, Error> {
        let mut request = Request::builder().method(method).uri(path_and_query);
        request = request.header(header::USER_AGENT, &self.user_agent).header(header::ACCEPT, accept);
        let body = match body {
            Some((content_type, bytes)) => {
                request =
                    request.header(header::CONTENT_TYPE, content_type).header(header::CONTENT_LENGTH, bytes.len());
                transport::full(bytes)
            }
            None => transport::empty(),
        };
        let request = request.body(body).map_err(|error| transport::Error::Invalid(error.to_string()))?;
        let response = self.transport.send(request).await?;
        if response.status().is_success() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let bytes = collect(body).await?;
        Err(Error::Status(status_error(head.status, &head.headers, &bytes)))
    }

    /// Gets a path in a form of its own: `application/json;as=...`.
    pub async fn get_as(&self, accept: &'static str, path: &str) -> Result<Object, Error> {
        let response = self.send_accepting(accept, Method::GET, path, None).await?;
        decode(&collect(response.into_body()).await?)
    }

    /// Sends a request and reads the answer as an object.
    pub async fn object(&self, method: Method, path: &str, body: Option<(&str, Bytes)>) -> Result<Object, Error> {
        let response = self.send(method, path, body).await?;
        decode(&collect(response.into_body()).await?)
    }
}

/// A resource of a server, in one namespace or in all.
#[derive(Clone, Debug)]
pub struct Resource {
    client: Client,
    resource: GroupVersionResource,
    namespace: String,
}

/// The media type of everything but patches.
const JSON: &str = "application/json";

impl Resource {
    /// Returns a handle for one namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Reads one object.
    pub async fn get(&self, name: &str) -> Result<Object, Error> {
        self.client.object(Method::GET, &self.path(name, ""), None).await
    }

    /// Reads a page of the collection. `query` holds parameters of ListOptions by name.
    pub async fn list(&self, query: &[(&str, &str)]) -> Result<ObjectList, Error> {
        let path = with_query(self.path("", ""), query);
        let response = self.client.send(Method::GET, &path, None).await?;
        decode_list(&collect(response.into_body()).await?)
    }

    /// Opens a stream of changes; it ends with the connection or with its last error.
    pub async fn watch(&self, query: &[(&str, &str)]) -> Result<BoxStream<'static, Result<Event, Error>>, Error> {
        let path = with_query(self.path("", ""), &[&[("watch", "true")], query].concat());
        let response = self.client.send(Method::GET, &path, None).await?;
        Ok(watch::events(response.into_body()))
    }

    /// Stores a new object.
    pub async fn create(&self, object: &Object) -> Result<Object, Error> {
        self.client.object(Method::POST, &self.path("", ""), Some((JSON, object.to_json().into()))).await
    }

    /// Creates a sub-resource of an object: `token`, `eviction`, `binding`.
    pub async fn create_subresource(&self, name: &str, subresource: &str, object: &Object) -> Result<Object, Error> {
        let path = self.path(name, subresource);
        self.client.object(Method::POST, &path, Some((JSON, object.to_json().into()))).await
    }

    /// Replaces an object, or one of its sub-resources (`status`); empty: the object itself.
    pub async fn update(&self, object: &Object, subresource: &str) -> Result<Object, Error> {
        let path = self.path(object.name(), subresource);
        self.client.object(Method::PUT, &path, Some((JSON, object.to_json().into()))).await
    }

    /// Changes an object, or one of its sub-resources. `query` holds parameters of PatchOptions.
    pub async fn patch(
        &self,
        name: &str,
        subresource: &str,
        kind: PatchType,
        patch: &Value,
        query: &[(&str, &str)],
    ) -> Result<Object, Error> {
        let path = with_query(self.path(name, subresource), query);
        let body = serde_json::to_vec(patch).map_err(|error| Error::Decode(error.to_string()))?;
        self.client.object(Method::PATCH, &path, Some((kind.as_str(), body.into()))).await
    }

    /// Removes an object. `options` is DeleteOptions, or null for none.
    pub async fn delete(&self, name: &str, options: &Value) -> Result<Object, Error> {
        let body = (!options.is_null()).then(|| (JSON, Bytes::from(options.to_string())));
        self.client.object(Method::DELETE, &self.path(name, ""), body).await
    }

    fn path(&self, name: &str, subresource: &str) -> String {
        let GroupVersionResource { group, version, resource } = &self.resource;
        let mut path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let namespaces = (!self.namespace.is_empty()).then_some(["namespaces", &self.namespace]);
        for part in namespaces.iter().flatten().copied().chain([resource.as_str(), name, subresource]) {
            if !part.is_empty() {
                path.push('/');
                path.push_str(&escape(part));
            }
        }
        path
    }
}

/// Appends parameters to a path; those without a value are left out.
fn with_query(mut path: String, query: &[(&str, &str)]) -> String {
    let mut separator = '?';
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        path.push(separator);
        path.push_str(name);
        path.push('=');
        path.push_str(&escape(value));
        separator = '&';
    }
    path
}

/// Escapes a part of a path or query: everything but unreserved characters.
pub fn escape(part: &str) -> String {
    part.bytes().fold(String::with_capacity(part.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a string");
        }
        text
    })
}

/// Reads a whole body.
pub async fn collect(body: Body) -> Result<Bytes, Error> {
    let collected = body.collect().await.map_err(|error| transport::Error::Unreachable(error.to_string()))?;
    Ok(collected.to_bytes())
}

/// The longest answer that is taken from a server that is not ours: ten times the largest object, and some.
pub(crate) const MAX_FOREIGN_BODY: usize = 32 << 20;

/// Reads a whole body of a server that is not ours, if it ends.
///
/// No `async` block: the compiler does not see that the future of one could be sent.
pub fn collect_foreign(body: Body) -> BoxFuture<'static, Result<Bytes, Error>> {
    Box::pin(Limited::new(body, MAX_FOREIGN_BODY).collect().map(|collected| {
        let collected = collected.map_err(|error| {
            transport::Error::Unreachable(if error.is::<LengthLimitError>() {
                format!("the answer is larger than {MAX_FOREIGN_BODY} octets")
            } else {
                error.to_string()
            })
        });
        Ok(collected?.to_bytes())
    }))
}

fn decode(bytes: &[u8]) -> Result<Object, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Decode(format!("couldn't decode the answer: {error}")))
}

/// Reads a list, and gives its items the kind that the list says they have.
fn decode_list(bytes: &[u8]) -> Result<ObjectList, Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Raw {
        api_version: String,
        kind: String,
        metadata: Metadata,
        items: Vec<Object>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Metadata {
        resource_version: String,
        #[serde(rename = "continue")]
        continue_token: String,
    }
    let Raw { api_version, kind, metadata, mut items } =
        serde_json::from_slice(bytes).map_err(|error| Error::Decode(format!("couldn't decode the list: {error}")))?;
    let version = GroupVersion::parse(&api_version).unwrap_or_default();
    let kind = version.with_kind(kind.strip_suffix("List").unwrap_or(&kind));
    for item in items.iter_mut().filter(|item| item.kind().is_empty()) {
        item.set_gvk(&kind);
    }
    let Metadata { resource_version, continue_token } = metadata;
    Ok(ObjectList { resource_version, continue_token, items })
}

/// Reads a refusal: a Status if it is one, else what the code and the text say.
///
/// Go: client-go/rest/request.go transformResponse, apimachinery/pkg/api/errors/errors.go NewGenericServerResponse
pub fn status_error(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> StatusError {
    if let Ok(value) = serde_json::from_slice::<Value>(body)
        && value["kind"] == "Status"
        && let Ok(status) = serde_json::from_value(value)
    {
        return status;
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let retry_after =
        headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default();
    let (reason, message) = match code.as_u16() {
        401 => ("Unauthorized", "the server has asked for the client to provide credentials".to_owned()),
        403 => ("Forbidden", text.to_owned()),
        404 => ("NotFound", "the server could not find the requested resource".to_owned()),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
        409 => ("Conflict", "the server reported a conflict".to_owned()),
        410 => ("Gone", text.to_owned()),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later".to_owned(),
        ),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned()),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request"
                .to_owned(),
        ),
        500.. => {
            ("InternalError", format!("an error on the server ({text:?}) has prevented the request from succeeding"))
        }
        _ => (
            "",
            format!("the server responded with the status code {} but did not return more information", code.as_u16()),
        ),
    };
    StatusError::new(code.as_u16(), reason, message)
        .with_details(Details { retry_after_seconds: retry_after, ..Details::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_a_list_get_their_kind() {
        let list = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {"resourceVersion": "7"},
            "items": [{"metadata": {"name": "web"}}]});
        let list = decode_list(list.to_string().as_bytes()).expect("list");
        assert_eq!((list.items[0].api_version(), list.items[0].kind()), ("apps/v1", "Deployment"));
        assert_eq!(list.resource_version, "7");
    }

    #[test]
    fn a_text_that_is_no_status_is_told_in_the_clients_words() {
        let error = status_error(StatusCode::INTERNAL_SERVER_ERROR, &HeaderMap::new(), b"broken\n");
        assert_eq!(error.message, "an error on the server (\"broken\") has prevented the request from succeeding");
    }

    #[test]
    fn names_are_escaped_in_paths() {
        assert_eq!(
            with_query(escape("a/b:c"), &[("labelSelector", "a=b"), ("limit", "")]),
            "a%2Fb:c?labelSelector=a%3Db"
        );
    }
}
