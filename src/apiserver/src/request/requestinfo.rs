//! What a request asks for, read from its path and query.
//!
//! Go: apiserver/pkg/endpoints/request/requestinfo.go

use std::{collections::BTreeSet, sync::Arc};

use apimachinery::{fields, labels, util::validation};
use http::Method;
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

/// Reads requests, knowing which first parts of a path mean resources.
///
/// Go: apiserver/pkg/endpoints/request/requestinfo.go RequestInfoFactory
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfoFactory {
    /// Prefixes below which resources live: `api`, `apis`.
    pub api_prefixes: BTreeSet<String>,
    /// Those of them that have no group in their paths: `api`.
    pub groupless_api_prefixes: BTreeSet<String>,
}

/// Says whether a request may take as long as it likes.
///
/// Go: apiserver/pkg/endpoints/request/context.go LongRunningRequestCheck
pub type LongRunningFunc = Arc<dyn Fn(&RequestInfo) -> bool + Send + Sync>;

/// Returns the check that calls requests long-running by verb or sub-resource, and profiles by path.
///
/// Go: apiserver/pkg/server/filters/longrunning.go BasicLongRunningRequestCheck
pub fn basic_long_running_request_check(
    verbs: &'static [&'static str],
    subresources: &'static [&'static str],
) -> LongRunningFunc {
    Arc::new(move |info| {
        verbs.contains(&info.verb.as_str())
            || (info.is_resource_request && subresources.contains(&info.subresource.as_str()))
            || (!info.is_resource_request && info.path.starts_with("/debug/pprof/"))
    })
}

/// Verbs that a path may bear in front of its resource: `/api/v1/watch/pods`.
const SPECIAL_VERBS: [&str; 2] = ["proxy", "watch"];

/// What may follow a namespace's name without being a resource in it.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

impl Default for RequestInfoFactory {
    fn default() -> Self {
        Self {
            api_prefixes: BTreeSet::from(["api".to_owned(), "apis".to_owned()]),
            groupless_api_prefixes: BTreeSet::from(["api".to_owned()]),
        }
    }
}

impl RequestInfoFactory {
    /// Reads method, decoded path and decoded query.
    ///
    /// ```text
    ///   /{api}/{version}/{resource}                        /{apis}/{group}/{version}/...
    ///   /{api}/{version}/{resource}/{name}/{subresource}
    ///   /{api}/{version}/namespaces/{namespace}/{resource}/{name}/{subresource}
    ///   /{api}/{version}/watch/...                         the older way to ask for a watch
    /// ```
    ///
    /// Whatever is shorter is a path and no resource. Fails where a special verb has nothing behind it.
    ///
    /// Go: apiserver/pkg/endpoints/request/requestinfo.go NewRequestInfo
    pub fn new_request_info(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
    ) -> Result<RequestInfo, String> {
        let mut info =
            RequestInfo { path: path.to_owned(), verb: method.as_str().to_lowercase(), ..RequestInfo::default() };
        let parts = split_path(path);
        let Some(parts) = self.read_group_and_version(&parts, &mut info) else { return Ok(info) };

        info.is_resource_request = true;
        let (parts, verb_via_path_prefix) = match parts.split_first() {
            Some((verb, rest)) if SPECIAL_VERBS.contains(verb) => {
                if rest.is_empty() {
                    return Err(format!("unable to determine kind and namespace from url, {path}"));
                }
                (*verb).clone_into(&mut info.verb);
                (rest, true)
            }
            _ => {
                verb_of(method).clone_into(&mut info.verb);
                (parts, false)
            }
        };
        read_resource(parts, &mut info);
        read_query(query, verb_via_path_prefix, &mut info);
        Ok(info)
    }

    /// Consumes prefix, group and version; `None` where the path is no resource's.
    fn read_group_and_version<'a>(&self, parts: &'a [&'a str], info: &mut RequestInfo) -> Option<&'a [&'a str]> {
        if parts.len() < 3 || !self.api_prefixes.contains(parts[0]) {
            return None;
        }
        parts[0].clone_into(&mut info.api_prefix);
        let mut parts = &parts[1..];
        if !self.groupless_api_prefixes.contains(&info.api_prefix) {
            // The prefix is consumed, so three are left where there were four.
            if parts.len() < 3 {
                return None;
            }
            parts[0].clone_into(&mut info.api_group);
            parts = &parts[1..];
        }
        parts[0].clone_into(&mut info.api_version);
        Some(&parts[1..])
    }
}

/// Splits a path at its slashes, those at either end aside. Slashes in a row leave empty parts.
fn split_path(path: &str) -> Vec<&str> {
    let path = path.trim_matches('/');
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

/// Returns the verb of a method on a resource. Methods are told apart by letter case, too: `get` is none.
fn verb_of(method: &Method) -> &'static str {
    match method.as_str() {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// Reads namespace, resource, name and sub-resource.
fn read_resource(parts: &[&str], info: &mut RequestInfo) {
    let mut parts = parts;
    if parts.len() > 1 && parts[0] == "namespaces" {
        // A namespace itself is read as resource `namespaces`, and its name stands for the namespace as well.
        parts[1].clone_into(&mut info.namespace);
        if parts.len() > 2 && !NAMESPACE_SUBRESOURCES.contains(&parts[2]) {
            parts = &parts[2..];
        }
    }
    info.parts = parts.iter().map(ToString::to_string).collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    part(0).clone_into(&mut info.resource);
    part(1).clone_into(&mut info.name);
    if info.verb != "proxy" {
        part(2).clone_into(&mut info.subresource);
    }
}

/// Tells list, watch and deletecollection from get and delete, and reads what authorization needs of the query.
fn read_query(query: &[(String, String)], verb_via_path_prefix: bool, info: &mut RequestInfo) {
    let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if info.name.is_empty() && info.verb == "get" {
        let watch = first("watch").is_some_and(is_true);
        info.verb = if watch { "watch" } else { "list" }.to_owned();
        if let Some(name) = selected_name(&first) {
            info.name = name;
        }
    }
    if info.name.is_empty() && info.verb == "delete" {
        "deletecollection".clone_into(&mut info.verb);
    }
    // The older watch paths do not support selectors consistently, so authorization must not rely on them.
    if !verb_via_path_prefix && matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
        first("fieldSelector").unwrap_or_default().clone_into(&mut info.field_selector);
        first("labelSelector").unwrap_or_default().clone_into(&mut info.label_selector);
    }
}

/// Says whether a boolean parameter is set. Its presence is enough, unless it says otherwise.
///
/// Go: apimachinery/pkg/runtime/conversion.go Convert_Slice_string_To_bool
pub fn is_true(value: &str) -> bool {
    !value.eq_ignore_ascii_case("false") && value != "0"
}

/// Returns the name that a field selector of the query pins down, if all of the list's options can be read.
fn selected_name<'a>(first: &impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let selector = first("fieldSelector")?;
    let numbers_are_numbers =
        ["limit", "timeoutSeconds"].iter().all(|key| first(key).is_none_or(|text| text.parse::<i64>().is_ok()));
    if !numbers_are_numbers || first("labelSelector").is_some_and(|labels| labels::parser::parse(labels).is_err()) {
        return None;
    }
    let selector = fields::Selector::parse(selector).ok()?;
    let name = selector.requires_exact_match("metadata.name")?;
    validation::is_path_segment_name(name).is_empty().then(|| name.to_owned())
}

impl Subject for RequestInfo {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("RequestInfo", serde_json::to_value(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use phase::ids::{IdSource, Ids};

    use super::*;
    use crate::request::context::{decode_path, query_pairs};

    fn read(method: &str, url: &str) -> RequestInfo {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        RequestInfoFactory::default()
            .new_request_info(&method, &decode_path(path), &query_pairs(query))
            .expect("request info")
    }

    /// Verb, group, namespace, resource, sub-resource, name in one line.
    fn line(method: &str, url: &str) -> String {
        let info = read(method, url);
        if !info.is_resource_request {
            return format!("path {} {}", info.verb, info.path);
        }
        let group = format!("{}/{}", info.api_group, info.api_version);
        let resource = format!("{}/{}", info.resource, info.subresource);
        format!("{} {group} ns={} {resource} name={}", info.verb, info.namespace, info.name)
    }

    #[test]
    fn paths_of_resources() {
        let table = [
            ("GET", "/api/v1/pods", "list /v1 ns= pods/ name="),
            ("GET", "/api/v1/namespaces/shop/pods", "list /v1 ns=shop pods/ name="),
            ("GET", "/api/v1/namespaces/shop/pods/web", "get /v1 ns=shop pods/ name=web"),
            ("GET", "/api/v1/namespaces/shop/pods/web/log", "get /v1 ns=shop pods/log name=web"),
            ("HEAD", "/api/v1/namespaces/shop/pods/web", "get /v1 ns=shop pods/ name=web"),
            ("POST", "/apis/apps/v1/namespaces/shop/deployments", "create apps/v1 ns=shop deployments/ name="),
            ("PUT", "/api/v1/namespaces/shop/status", "update /v1 ns=shop namespaces/status name=shop"),
            ("PUT", "/api/v1/namespaces/shop/finalize", "update /v1 ns=shop namespaces/finalize name=shop"),
            ("GET", "/api/v1/namespaces", "list /v1 ns= namespaces/ name="),
            ("GET", "/api/v1/namespaces/shop", "get /v1 ns=shop namespaces/ name=shop"),
            ("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection /v1 ns=shop pods/ name="),
            ("DELETE", "/api/v1/namespaces/shop/pods/web", "delete /v1 ns=shop pods/ name=web"),
            ("GET", "/api/v1/watch/namespaces/shop/pods", "watch /v1 ns=shop pods/ name="),
            ("GET", "/api/v1/watch/pods", "watch /v1 ns= pods/ name="),
            ("GET", "/api/v1/proxy/namespaces/shop/pods/web/a/b", "proxy /v1 ns=shop pods/ name=web"),
            ("GET", "/api/v1/pods?watch=true", "watch /v1 ns= pods/ name="),
            ("GET", "/api/v1/pods?watch", "watch /v1 ns= pods/ name="),
            ("GET", "/api/v1/pods?watch=False", "list /v1 ns= pods/ name="),
            ("GET", "/api/v1/pods?watch=0", "list /v1 ns= pods/ name="),
            ("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dweb", "list /v1 ns= pods/ name=web"),
            ("GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name=web", "watch /v1 ns= pods/ name=web"),
            ("GET", "/api/v1/pods?limit=x&fieldSelector=metadata.name=web", "list /v1 ns= pods/ name="),
            ("GET", "/api/v1/pods?fieldSelector=metadata.name%3D..", "list /v1 ns= pods/ name="),
            ("DELETE", "/api/v1/pods?fieldSelector=metadata.name=web", "deletecollection /v1 ns= pods/ name="),
            ("OPTIONS", "/api/v1/pods", " /v1 ns= pods/ name="),
            ("get", "/api/v1/pods", " /v1 ns= pods/ name="),
            ("GET", "/api/v1/namespaces/a%2Fb", "list /v1 ns=a b/ name="),
            ("GET", "/api/v1/../v1", "get /v1 ns= ../ name=v1"),
        ];
        for (method, url, expected) in table {
            assert_eq!(line(method, url), expected, "{method} {url}");
        }
    }

    #[test]
    fn paths_that_are_no_resources() {
        for path in ["/", "/version", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz/etcd", "//"]
        {
            assert_eq!(line("GET", path), format!("path get {path}"));
        }
        assert_eq!(line("PUT", "/api/v1/"), "path put /api/v1/");
    }

    #[test]
    fn a_special_verb_needs_something_behind_it() {
        let read = |path| RequestInfoFactory::default().new_request_info(&Method::GET, path, &[]);
        assert!(read("/api/v1/watch").is_err_and(|error| error.starts_with("unable to determine kind")));
        assert!(read("/api/v1/watch/pods").is_ok());
    }

    #[test]
    fn selectors_are_kept_for_authorization_where_they_are_reliable() {
        assert_eq!(read("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n").field_selector, "spec.nodeName=n");
        assert_eq!(read("GET", "/api/v1/watch/pods?fieldSelector=spec.nodeName=n").field_selector, "");
        assert_eq!(read("POST", "/api/v1/pods?labelSelector=a").label_selector, "");
    }

    /// Paths put together at random from parts that matter, and from some that should not.
    #[test]
    fn strangers_paths_never_panic_and_never_confuse() {
        let parts = [
            "api",
            "apis",
            "v1",
            "apps",
            "namespaces",
            "pods",
            "watch",
            "proxy",
            "status",
            "finalize",
            "",
            ".",
            "..",
            "%2F",
            "%",
            "é",
            "web",
            "log",
            "?watch=1",
            "?fieldSelector=metadata.name%3Dx",
            "&labelSelector=,,",
            "*",
        ];
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get"];
        let seed = 0x5eed;
        let ids = Ids::seeded(seed);
        let pick = |length: usize| (ids.next_u64() % length as u64) as usize;
        for round in 0..20_000 {
            let url: String = (0..pick(9)).map(|_| format!("/{}", parts[pick(parts.len())])).collect();
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            let method = Method::from_bytes(methods[pick(methods.len())].as_bytes()).expect("method");
            let read = RequestInfoFactory::default().new_request_info(&method, &decode_path(path), &query_pairs(query));
            let Ok(info) = read else { continue };
            let context = format!("seed {seed:#x}, round {round}: {method} {url} -> {info:?}");
            assert_eq!(info.path, decode_path(path), "{context}");
            assert_eq!(info.is_resource_request, !info.parts.is_empty(), "{context}");
            assert!(info.is_resource_request || info.resource.is_empty() && info.namespace.is_empty(), "{context}");
            assert!(!matches!(info.verb.as_str(), "list" | "deletecollection") || method != Method::POST, "{context}");
            assert!(info.verb != "deletecollection" || info.name.is_empty(), "{context}");
        }
    }
}
