//! The few answers that need no negotiation: a Status in JSON, and the plain texts of Go's net/http.
//!
//! Filters and routers answer with these; whoever has decoded what the client accepts (the
//! handlers of resources) writes through `endpoints::negotiation` instead.
//!
//! Go: apiserver/pkg/endpoints/handlers/responsewriters/{errors,status,writers}.go

use apimachinery::api::errors::StatusError;
use bytes::Bytes;
use client::transport;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::request::{context::Context, handler::Response};

/// The content type of JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The content type of Go's `http.Error`.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Returns an error as the `metav1.Status` that clients see.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/status.go ErrorToAPIStatus
pub fn to_status(error: &StatusError) -> Value {
    let mut status = Map::new();
    status.insert("kind".to_owned(), "Status".into());
    status.insert("apiVersion".to_owned(), "v1".into());
    status.insert("metadata".to_owned(), json!({}));
    status.insert("status".to_owned(), "Failure".into());
    status.insert("code".to_owned(), error.code.into());
    for (key, text) in [("message", &error.message), ("reason", &error.reason)] {
        if !text.is_empty() {
            status.insert(key.to_owned(), text.as_str().into());
        }
    }
    if let Some(details) = &error.details {
        status.insert("details".to_owned(), serde_json::to_value(details).unwrap_or_default());
    }
    Value::Object(status)
}

/// Answers with a Status in JSON, and with `Retry-After` where its details say so.
pub fn status(error: &StatusError) -> Response {
    let mut body = serde_json::to_vec(&to_status(error)).unwrap_or_default();
    body.push(b'\n');
    let mut response = with_body(error.code, body, JSON);
    let retry_after = error.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if retry_after > 0 {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
    }
    response
}

/// Answers with an indented JSON document.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go WriteRawJSON
pub fn raw_json(code: u16, value: &Value) -> Response {
    with_body(code, serde_json::to_vec_pretty(value).unwrap_or_default(), JSON)
}

/// Answers with a text as Go's `http.Error` does: a line, and no guessing of its type by browsers.
///
/// Go: net/http Error
pub fn text(code: u16, message: &str) -> Response {
    let mut response = with_body(code, format!("{message}\n"), TEXT);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Answers that there is nothing at this path.
///
/// Go: net/http NotFound
pub fn not_found() -> Response {
    text(404, "404 page not found")
}

/// Answers that the server failed while it looked at this request.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/errors.go InternalError
pub fn internal_error(cx: &Context, error: impl std::fmt::Display) -> Response {
    text(500, &format!("Internal Server Error: {}: {}", quoted(cx.request_uri()), escape_html(&error.to_string())))
}

/// What a web service says that has no route for the path.
///
/// Go: apiserver/pkg/server/handler.go serviceErrorHandler; apimachinery NewGenericServerResponse for 404
pub fn route_not_found() -> StatusError {
    without_details(404, "NotFound", "the server could not find the requested resource")
}

/// What a web service says that has the path, but not with this method.
///
/// Go: apiserver/pkg/server/handler.go serviceErrorHandler; apimachinery NewGenericServerResponse for 405
pub fn method_not_allowed() -> StatusError {
    without_details(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

/// What a web service says that has nothing in a form that the client accepts.
///
/// Go: emicklei/go-restful/v3 RouterJSR311.detectRoute
pub fn not_acceptable(produced: &[&str]) -> StatusError {
    let message = format!("406: Not Acceptable\n\nAvailable representations: {}", produced.join(", "));
    without_details(406, "NotAcceptable", message)
}

/// Returns an error whose details are there, and empty.
pub fn without_details(code: u16, reason: &str, message: impl Into<String>) -> StatusError {
    StatusError { details: Some(Box::default()), ..StatusError::new(code, reason, message) }
}

/// Answers with bytes of a media type.
pub fn with_body(code: u16, body: impl Into<Bytes>, content_type: HeaderValue) -> Response {
    let mut response = Response::new(transport::full(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Escapes what a browser might take for markup.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/errors.go sanitizer
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn quoted(uri: &str) -> String {
    format!("\"{}\"", escape_html(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_details_are_written_and_missing_ones_are_not() {
        let unauthorized = to_status(&StatusError::new(401, "Unauthorized", "Unauthorized"));
        assert_eq!(unauthorized.get("details"), None);
        assert_eq!(to_status(&without_details(404, "NotFound", "no"))["details"], json!({}));
    }

    #[test]
    fn a_status_that_says_when_to_come_back_says_it_in_a_header_too() {
        let mut error = without_details(503, "ServiceUnavailable", "later");
        error.details.as_mut().expect("details").retry_after_seconds = 5;
        assert_eq!(status(&error).headers()["retry-after"], "5");
    }
}
