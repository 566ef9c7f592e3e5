//! `pods/log`: what a container wrote, as its kubelet has kept it.
//!
//! Go: pkg/registry/core/pod/rest/log.go, pkg/registry/core/pod/strategy.go LogLocation,
//! apiserver/pkg/registry/generic/rest/streamer.go LocationStreamer

use apimachinery::{
    api::errors::StatusError,
    meta::{query::Query, time},
    runtime::schema::{GroupKind, GroupResource, GroupVersionKind},
    validation::field::{Error, ErrorList, Path},
};
use apiserver::{
    registry::{
        rest::{Result, Storage, Streamer},
        store::Store,
    },
    request::{context::Context, handler::Response},
};
use client::transport;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Collected, Limited};
use phase::BoxFuture;

use crate::registry::core::remote::{kubelet::Remote, location};

/// How much is read of what a kubelet says when it fails.
///
/// Go: apiserver/pkg/registry/generic/rest/response_checker.go maxReadLength
const MAX_READ_LENGTH: usize = 50_000;

/// Reads logs.
pub struct Log {
    /// How kubelets are reached.
    pub remote: Remote,
    /// The pods.
    pub pods: Store,
    /// The nodes they run on.
    pub nodes: Store,
}

impl Storage for Log {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("", "v1", "Pod")
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn streamer(&self) -> Option<&dyn Streamer> {
        Some(self)
    }
}

/// Go: PodLogOptions
#[derive(Debug, Default)]
struct Options {
    container: String,
    follow: bool,
    previous: bool,
    timestamps: bool,
    since_seconds: Option<i64>,
    since_time: Option<String>,
    tail_lines: Option<i64>,
    limit_bytes: Option<i64>,
    stream: Option<String>,
    insecure: bool,
}

impl Options {
    fn decode(query: Query<'_>) -> Result<Self> {
        let since_time = query.first("sinceTime").filter(|text| !text.is_empty());
        if let Some(text) = since_time.filter(|text| time::parse(text).is_none()) {
            const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
            let text = format!("parsing time \"{text}\" as \"{LAYOUT}\": cannot parse \"{text}\" as \"2006\"");
            return Err(StatusError::new_bad_request(text));
        }
        Ok(Self {
            container: query.string("container"),
            follow: query.bool("follow"),
            previous: query.bool("previous"),
            timestamps: query.bool("timestamps"),
            since_seconds: query.int64("sinceSeconds")?,
            since_time: since_time.map(str::to_owned),
            tail_lines: query.int64("tailLines")?,
            limit_bytes: query.int64("limitBytes")?,
            stream: query.first("stream").map(str::to_owned),
            insecure: query.bool("insecureSkipTLSVerifyBackend"),
        })
    }

    /// Go: pkg/apis/core/validation/validation.go ValidatePodLogOptions
    fn validate(&self) -> ErrorList {
        const POSITIVE: &str = "must be greater than 0";
        let mut errors = ErrorList::new();
        let at_least = |name: &str, value: Option<i64>, least: i64, text: &str| {
            value.filter(|value| *value < least).map(|value| Error::invalid(&Path::new(name), value, text))
        };
        let lines = at_least("tailLines", self.tail_lines, 0, "must be greater than or equal to 0");
        let bytes = at_least("limitBytes", self.limit_bytes, 1, POSITIVE);
        let seconds = at_least("sinceSeconds", self.since_seconds, 1, POSITIVE);
        errors.extend(lines.into_iter().chain(bytes));
        if self.since_seconds.is_some() && self.since_time.is_some() {
            let text = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(Error::forbidden(&Path::new(""), text));
        } else {
            errors.extend(seconds);
        }
        // Standard output and error cannot be told apart: PodLogsQuerySplitStreams is off.
        if self.stream.is_some() {
            errors.push(Error::forbidden(&Path::new("stream"), "may not be specified"));
        }
        errors
    }

    /// What the kubelet is asked, parameters in order.
    fn query(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let flags = [("follow", self.follow), ("previous", self.previous), ("timestamps", self.timestamps)];
        pairs.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, "true".to_owned())));
        let numbers =
            [("limitBytes", self.limit_bytes), ("sinceSeconds", self.since_seconds), ("tailLines", self.tail_lines)];
        pairs.extend(numbers.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))));
        pairs.extend(self.since_time.iter().map(|text| ("sinceTime", text.clone())));
        pairs.sort();
        encode(&pairs)
    }
}

/// Writes parameters as a query.
pub fn encode(pairs: &[(&str, String)]) -> String {
    let escaped = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
                b' ' => out.push('+'),
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
        out
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

impl Streamer for Log {
    fn produces(&self) -> &'static str {
        "text/plain"
    }

    fn options_kind(&self) -> &'static str {
        "PodLogOptions"
    }

    fn stream<'a>(&'a self, cx: &'a Context, name: &'a str) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let options = Options::decode(Query(&cx.query_pairs()))?;
            let errors = options.validate();
            if !errors.is_empty() {
                let kind = GroupKind { group: String::new(), kind: "PodLogOptions".to_owned() };
                return Err(StatusError::new_invalid(&kind, name, errors));
            }
            let pod = location::pod(cx, &self.pods, name).await?;
            let container = location::container(&pod, &options.container)?;
            let node = pod.str(&["spec", "nodeName"]);
            if node.is_empty() {
                // Nobody has written anything yet.
                let mut response = Response::new(transport::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                return Ok(response);
            }
            let host = self.remote.kubelet(cx, &self.nodes, node).await?;
            let path = format!("/containerLogs/{}/{name}/{container}", pod.namespace());
            let query = options.query();
            let query = if query.is_empty() { query } else { format!("?{query}") };
            let transport = if options.insecure { &self.remote.cluster } else { &self.remote.kubelets };
            self.fetch(&**transport, &format!("{}{path}{query}", host.base()), name).await
        })
    }
}

impl Log {
    /// Opens the kubelet's answer as ours.
    async fn fetch(&self, transport: &dyn transport::Transport, url: &str, name: &str) -> Result<Response> {
        let request = Request::get(url).body(transport::empty());
        let request = request.map_err(|error| StatusError::new_internal_error(error.to_string()))?;
        let response = transport.send(request).await;
        let response = response.map_err(|error| StatusError::new(500, "", format!("Get \"{url}\": {error}")))?;
        let (mut head, body) = response.into_parts();
        if !(200..=206).contains(&head.status.as_u16()) {
            return Err(explain(head.status, body, name).await);
        }
        let kept = head.headers.remove(header::CONTENT_TYPE);
        let mut response = Response::new(body);
        let content_type = kept.unwrap_or_else(|| HeaderValue::from_static("text/plain"));
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        Ok(response)
    }
}

/// Says what the kubelet said.
///
/// Go: GenericHttpResponseChecker.Check
async fn explain(status: StatusCode, body: transport::Body, name: &str) -> StatusError {
    let text = text(body).await;
    match status.as_u16() {
        500 => StatusError::new_internal_error(text),
        400 => StatusError::new_bad_request(text),
        code => {
            let resource = GroupResource::new("", "pods/log");
            StatusError::new_generic_server_response(code, "", &resource, name, &text)
        }
    }
}

/// Reads a short body as text; what is too long counts as nothing. Boxed: the compiler cannot see that its parts are
/// `Send`.
pub fn text(body: transport::Body) -> BoxFuture<'static, String> {
    let collected = Limited::new(body, MAX_READ_LENGTH).collect().map(|body| body.map(Collected::to_bytes));
    let text = collected.map(|bytes| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned());
    Box::pin(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_sorted_and_escaped() {
        let options = Options { tail_lines: Some(3), follow: true, ..Options::default() };
        assert_eq!(options.query(), "follow=true&tailLines=3");
        assert_eq!(encode(&[("command", "ls -l /".to_owned())]), "command=ls+-l+%2F");
    }
}
