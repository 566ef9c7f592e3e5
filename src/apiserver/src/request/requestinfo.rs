//! What a request asks for, read from its path and query.
//!
//! Go: apiserver/pkg/endpoints/request/requestinfo.go

use std::sync::Arc;

use phase::snapshot::{Snapshot, Subject};
use serde::Serialize;

/// The parts of a request's path. `/api/v1/namespaces/shop/pods/web/log` asks for resource `pods`, sub-resource `log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestInfo {
    /// Whether the path has the form of a resource request; otherwise only `path` and `verb` are set.
    pub is_resource_request: bool,
    /// The URL's path.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method in lower case.
    pub verb: String,
    /// `api` or `apis`.
    pub api_prefix: String,
    /// The group; empty for core.
    pub api_group: String,
    /// The version.
    pub api_version: String,
    /// The namespace; for a namespace itself its name; empty for cluster-scoped requests.
    pub namespace: String,
    /// The resource: `pods`.
    pub resource: String,
    /// The sub-resource: `status`, `log`...
    pub subresource: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// The path's parts after group and version (and namespace): `[pods, web, log]`.
    pub parts: Vec<String>,
    /// The `fieldSelector` of the query, for authorization.
    pub field_selector: String,
    /// The `labelSelector` of the query, for authorization.
    pub label_selector: String,
}

impl Subject for RequestInfo {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("RequestInfo", serde_json::to_value(self).unwrap_or_default())
    }
}
