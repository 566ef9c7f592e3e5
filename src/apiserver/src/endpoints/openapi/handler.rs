//! The documents over HTTP.
//!
//! Go: kube-openapi/pkg/handler/handler.go, kube-openapi/pkg/handler3/handler.go

use std::sync::Arc;

use apimachinery::meta::time;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use phase::BoxFuture;
use serde_json::{Map, Value, json};

use crate::{
    endpoints::{
        handlers::respond::accepts_gzip,
        negotiation,
        openapi::manager::{Document, Form, OpenAPIManager},
    },
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
};

/// How long a client may keep a document that it asked for by its hash: a year.
const IMMUTABLE: std::time::Duration = std::time::Duration::from_hours(365 * 24);

/// `/openapi/v2`
pub struct OpenAPIV2(pub Arc<OpenAPIManager>);

/// `/openapi/v3` and below.
pub struct OpenAPIV3(pub Arc<OpenAPIManager>);

impl Handler for OpenAPIV2 {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let document = self.0.v2();
            match form_v2(cx.header("accept")) {
                Some(form) => version_2(cx, &document, form),
                None => bare(StatusCode::NOT_ACCEPTABLE),
            }
        })
    }
}

impl Handler for OpenAPIV3 {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let key = cx.info.path.trim_start_matches("/openapi/v3").trim_matches('/').to_owned();
            if key.is_empty() {
                return self.index();
            }
            if !accepts_json(cx) {
                return bare(StatusCode::NOT_ACCEPTABLE);
            }
            let Some(document) = self.0.v3(&key) else { return bare(StatusCode::NOT_FOUND) };
            self.document(cx, &key, &document)
        })
    }
}

impl OpenAPIV3 {
    /// Answers with the keys, each with an address that changes with its document.
    fn index(&self) -> Response {
        let paths = self.0.index().into_iter().map(|(key, hash)| {
            let url = format!("/openapi/v3/{key}?hash={hash}");
            (key, json!({"serverRelativeURL": url}))
        });
        let index = json!({"paths": paths.collect::<Map<String, Value>>()});
        // The aggregator sets no media type, and Go takes the text for text.
        responses::with_body(200, index.to_string(), HeaderValue::from_static("text/plain; charset=utf-8"))
    }

    /// Answers with a document. One that was asked for by its hash never changes; an old hash leads to the new one.
    fn document(&self, cx: &Context, key: &str, document: &Document) -> Response {
        match cx.query("hash") {
            Some(hash) if !hash.is_empty() && hash != document.hash => {
                let mut response = bare(StatusCode::MOVED_PERMANENTLY);
                let url = format!("/openapi/v3/{key}?hash={}", document.hash);
                if let Ok(url) = HeaderValue::from_str(&url) {
                    response.headers_mut().insert(header::LOCATION, url);
                }
                response
            }
            Some(hash) if !hash.is_empty() => {
                let mut response = content(cx, document);
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
                let expires = time::rfc1123(cx.services.clock.wall() + IMMUTABLE);
                headers.insert(header::EXPIRES, HeaderValue::from_str(&expires).expect("a date"));
                response
            }
            _ => content(cx, document),
        }
    }
}

/// The media type of version 2 as protobuf; `@` instead of the first dot is its old name.
const PROTOBUF_V2: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Returns the form that a client likes best.
fn form_v2(accept: &str) -> Option<Form> {
    if accept.is_empty() {
        return Some(Form::Json);
    }
    let form = |subtype: &str| match subtype {
        "*" | "json" => Some(Form::Json),
        "com.github.proto-openapi.spec.v2.v1.0+protobuf" | "com.github.proto-openapi.spec.v2@v1.0+protobuf" => {
            Some(Form::Protobuf)
        }
        _ => None,
    };
    negotiation::parse_accept(accept).iter().find_map(|clause| match (clause.kind, clause.subtype) {
        ("*", "*") => Some(Form::Json),
        ("application", subtype) => form(subtype),
        _ => None,
    })
}

/// Says whether JSON will do.
///
/// Simplified: documents of version 3 are not served as protobuf; kubectl and client-go read them as JSON.
fn accepts_json(cx: &Context) -> bool {
    let accept = cx.header("accept");
    accept.is_empty()
        || negotiation::parse_accept(accept)
            .iter()
            .any(|clause| matches!((clause.kind, clause.subtype), ("*", "*") | ("application", "*" | "json")))
}

fn bare(code: StatusCode) -> Response {
    let mut response = Response::new(client::transport::empty());
    *response.status_mut() = code;
    response
}

/// Answers with a document as JSON.
fn content(cx: &Context, document: &Document) -> Response {
    serve(cx, document, document.json.clone(), "application/json")
}

/// Answers with the document of version 2, compressed for who takes it.
///
/// Go: kube-openapi/pkg/handler/handler.go (its GzipHandler)
fn version_2(cx: &Context, document: &Document, form: Form) -> Response {
    let media_type = if form == Form::Json { "application/json" } else { PROTOBUF_V2 };
    let compressed = accepts_gzip(cx.header("accept-encoding"));
    let mut response = serve(cx, document, document.version_2(form, compressed), media_type);
    let headers = response.headers_mut();
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// Answers with a form of a document, or with 304 to a client that has it.
fn serve(cx: &Context, document: &Document, bytes: Bytes, media_type: &'static str) -> Response {
    let etag = format!("\"{}\"", document.hash);
    let mut response = if cx.header("if-none-match") == etag {
        bare(StatusCode::NOT_MODIFIED)
    } else {
        responses::with_body(200, bytes, HeaderValue::from_static(media_type))
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&etag).expect("hexadecimal"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let modified = time::rfc1123(cx.services.clock.wall());
    headers.insert(header::LAST_MODIFIED, HeaderValue::from_str(&modified).expect("a date"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_gets_protobuf_by_its_old_and_its_new_name() {
        assert_eq!(form_v2("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"), Some(Form::Protobuf));
        assert_eq!(form_v2(PROTOBUF_V2), Some(Form::Protobuf));
        assert_eq!(form_v2("application/json, */*"), Some(Form::Json));
        assert_eq!((form_v2(""), form_v2("*/*"), form_v2("text/html")), (Some(Form::Json), Some(Form::Json), None));
    }
}
