//! Objects, lists and errors into bytes.
//!
//! Go: apiserver/pkg/endpoints/handlers/{response,rest}.go,
//! apiserver/pkg/endpoints/handlers/responsewriters/{writers,errors,status}.go
//!
//! ```text
//!   object, list   -> JSON as parts that lie in memory already  (transform: or a Table, or metadata alone)
//!     -> plain JSON: the parts as they are
//!     -> anything else: parsed once more and encoded
//! ```

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        encoded::Encoded,
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
};
use bytes::Bytes;
use http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use phase::{
    catalog::Phase,
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use serde_json::{Map, Value};

use crate::{
    endpoints::{
        codec::Codec,
        handlers::{
            parts_body, protobuf_parts,
            scope::{Items, RequestScope},
            transform,
        },
        negotiation::{self, MediaType, Output, Restrictions},
    },
    registry::rest::{Answer, List, Result},
    request::{context::Context, handler::Response, responses},
};

/// From how many bytes on an answer is compressed for those who accept it.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go defaultGzipThresholdBytes
const GZIP_THRESHOLD: usize = 128 * 1024;

/// Answers with one object.
///
/// Go: transformResponseObject
pub async fn object(scope: &RequestScope, cx: &Context, code: u16, answer: Answer, output: Output) -> Result<Response> {
    cx.trace.note("About to write a response");
    let made = match &answer {
        Answer::Encoded(encoded) if is_plain_protobuf(output) => {
            let form = protobuf_parts::form(scope);
            Some(protobuf_parts::objects(scope, &cx.trace, std::slice::from_ref(encoded), &form).await?)
        }
        Answer::Encoded(_) | Answer::Object(_) => None,
    };
    let json = match output.transform {
        Some(transform) => transform::object(scope, cx, answer, transform).await?,
        None => vec![json(scope, &cx.trace, answer).await?],
    };
    let document = Document { json, made };
    let response = serialize(&*scope.codec, cx, code, document, output).await?;
    cx.trace.note("Writing http response done");
    Ok(response)
}

/// Answers with a page of a collection.
pub async fn list(scope: &RequestScope, cx: &Context, list: List, output: Output) -> Result<Response> {
    let made = if is_plain_protobuf(output) {
        let mut header = Object::new(&scope.kind.group_version().with_kind(&format!("{}List", scope.kind.kind)));
        header.set(&["metadata"], list_metadata(&list));
        Some(protobuf_parts::list(scope, &cx.trace, &list, &header).await?)
    } else {
        None
    };
    let json = match output.transform {
        Some(transform) => transform::list(scope, cx, list, transform).await?,
        None => list_parts(scope, cx, list).await?,
    };
    let document = Document { json, made };
    serialize(&*scope.codec, cx, 200, document, output).await
}

/// Says whether objects go out in protobuf as they are, which is made once and kept.
fn is_plain_protobuf(output: Output) -> bool {
    output.media == MediaType::Protobuf && output.transform.is_none()
}

/// Answers with an error, in the form that the client accepts; in plain JSON if it accepts none.
///
/// Go: ErrorNegotiated
pub async fn error(scope: &RequestScope, cx: &Context, error: &StatusError) -> Response {
    refusal(&*scope.codec, scope.media_types, cx, error).await
}

/// Answers with an error in the form that the client accepts of these, or in JSON.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go ErrorNegotiated
pub async fn refusal(codec: &dyn Codec, media_types: &[MediaType], cx: &Context, error: &StatusError) -> Response {
    let output = negotiation::negotiate_output(cx, media_types, Restrictions::Document).unwrap_or(Output::JSON);
    let document = Document::from(Bytes::from(error.to_object().to_json()));
    let mut response = match serialize(codec, cx, error.code, document, output).await {
        Ok(response) => response,
        Err(_) => return responses::status(error),
    };
    let retry_after = error.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if retry_after > 0 {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
    }
    response
}

/// Answers with a document that is no object of a resource, in the form that was chosen.
pub async fn document(codec: &dyn Codec, cx: &Context, document: &Object, output: Output) -> Result<Response> {
    serialize(codec, cx, 200, Document::from(Bytes::from(document.to_json())), output).await
}

/// The resource has no such verb, although the route exists.
pub(super) fn not_supported(scope: &RequestScope, action: &str) -> StatusError {
    StatusError::new_method_not_supported(&scope.resource.group_resource(), action)
}

/// Notes how a write went, as the real server's spans do.
pub(super) fn note_write<T>(cx: &Context, length: usize, result: Result<T>) -> Result<T> {
    if cx.trace.watched() {
        cx.trace.note(match &result {
            Ok(_) => format!("Write to database call succeeded [len={length}]"),
            Err(error) => format!("Write to database call failed [len={length}, err={error}]"),
        });
    }
    result
}

/// Reads a body that holds options.
pub(super) fn decode_options(
    scope: &RequestScope,
    kind: &GroupVersionKind,
    media: MediaType,
    body: &[u8],
) -> Result<Object> {
    let decoded = scope.codec.decode(kind, media, body);
    let options = decoded.map_err(|error| StatusError::new_bad_request(error.message))?.object;
    let gvk = options.gvk();
    let expected = [scope.kind.group_version(), kind.group_version(), GroupVersion::new("", "v1")];
    if gvk.kind != kind.kind || !expected.contains(&gvk.group_version()) {
        return Err(StatusError::new_bad_request("decoded object cannot be converted to DeleteOptions"));
    }
    Ok(options)
}

/// Returns an object's JSON at the served version.
pub(super) async fn json(scope: &RequestScope, trace: &Trace, answer: Answer) -> Result<Bytes> {
    match answer {
        Answer::Encoded(encoded) => {
            let items = served(scope, trace, std::slice::from_ref(&encoded)).await?;
            Ok(items.into_iter().next().expect("one object was served as one"))
        }
        Answer::Object(object) if object.gvk() == scope.hub.with_kind(&scope.kind.kind) => {
            // It never was in storage, where it would have got the form in which Go writes it.
            let mut object = scope.from_hub(trace, object).await?;
            scope.codec.complete(&mut object);
            Ok(object.to_json().into())
        }
        // A Status, or an object of another group: it has one version.
        Answer::Object(object) => Ok(object.to_json().into()),
    }
}

/// Returns the JSON of objects at the served version. What has to be converted is kept with the entry.
pub(super) async fn served(scope: &RequestScope, trace: &Trace, items: &[Arc<Encoded>]) -> Result<Vec<Bytes>> {
    if !scope.converts() {
        return Ok(items.iter().map(|item| item.json.clone()).collect());
    }
    let form = scope.kind.group_version().to_string();
    let missing: Vec<&Arc<Encoded>> = items.iter().filter(|item| item.made_form(&form).is_none()).collect();
    let objects = missing.iter().map(|item| item.object()).collect();
    let converted = scope.convert(trace, objects, &scope.kind.group_version()).await?;
    for (item, mut object) in missing.into_iter().zip(converted) {
        scope.codec.complete(&mut object);
        item.form(&form, || object.to_json().into());
    }
    Ok(items.iter().map(|item| item.made_form(&form).unwrap_or_else(|| item.json.clone())).collect())
}

/// Returns a list's JSON: a header, and the items' own bytes.
async fn list_parts(scope: &RequestScope, cx: &Context, list: List) -> Result<Vec<Bytes>> {
    let items = served(scope, &cx.trace, &list.items).await?;
    let mut parts = Vec::with_capacity(items.len() * 2 + 2);
    let kind = scope.storage.list_kind().unwrap_or_else(|| format!("{}List", scope.kind.kind));
    let header = match scope.items {
        Items::Bare => list_header(&kind, &scope.kind.group_version().to_string(), &list),
        // Lists of custom resources are no structs: what is empty is written.
        Items::WithType => {
            let mut metadata = list_metadata(&list);
            metadata["continue"] = list.continue_token.as_str().into();
            list_header_with(&kind, &scope.kind.group_version().to_string(), &metadata)
        }
    };
    parts.push(header);
    let type_length = type_length(&scope.kind);
    for (index, item) in items.into_iter().enumerate() {
        match scope.items {
            Items::WithType => {
                if index > 0 {
                    parts.push(Bytes::from_static(b","));
                }
                parts.push(item);
            }
            Items::Bare => {
                parts.push(Bytes::from_static(if index > 0 { b",{" } else { b"{" }));
                parts.push(item.slice(type_length.min(item.len() - 1)..));
            }
        }
    }
    parts.push(Bytes::from_static(b"]}"));
    Ok(parts)
}

/// Returns the beginning of a list's JSON, up to the bracket before its items.
pub(super) fn list_header(kind: &str, api_version: &str, list: &List) -> Bytes {
    list_header_with(kind, api_version, &list_metadata(list))
}

fn list_header_with(kind: &str, api_version: &str, metadata: &Value) -> Bytes {
    format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":[").into()
}

/// Returns a list's metadata.
pub(super) fn list_metadata(list: &List) -> Value {
    let mut metadata = Map::new();
    // What was never stored has no revision.
    if list.revision > 0 {
        metadata.insert("resourceVersion".to_owned(), list.revision.to_string().into());
    }
    if !list.continue_token.is_empty() {
        metadata.insert("continue".to_owned(), list.continue_token.as_str().into());
    }
    if let Some(count) = list.remaining_item_count {
        metadata.insert("remainingItemCount".to_owned(), count.into());
    }
    Value::Object(metadata)
}

/// Returns how long the beginning of an object's JSON is that says its type, the brace and the comma included.
fn type_length(kind: &GroupVersionKind) -> usize {
    format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", kind.kind, kind.group_version()).len()
}

/// What is written, as a phase shows it.
struct Document {
    /// JSON, in parts.
    json: Vec<Bytes>,
    /// The same in the media type that was chosen, where that is made already.
    made: Option<Vec<Bytes>>,
}

impl From<Bytes> for Document {
    fn from(json: Bytes) -> Self {
        Self { json: vec![json], made: None }
    }
}

impl Subject for Document {
    fn snapshot(&self) -> Arc<Snapshot> {
        match serde_json::from_slice::<Object>(&self.json.concat()) {
            Ok(object) => object.snapshot(),
            Err(_) => Snapshot::bytes("response", self.json.concat().into()),
        }
    }

    fn edit(&mut self, edited: &Value) -> std::result::Result<(), String> {
        *self = Bytes::from(serde_json::to_vec(edited).map_err(|error| error.to_string())?).into();
        Ok(())
    }
}

/// Writes a JSON document in the media type that was chosen: the one place that enters this phase.
///
/// Go: SerializeObject
async fn serialize(
    codec: &dyn Codec,
    cx: &Context,
    code: u16,
    mut document: Document,
    output: Output,
) -> Result<Response> {
    let phase = cx.trace.enter(Phase::SerializeObject, &mut document).await?;
    let encoded = document.made.map_or_else(|| encode(codec, document.json, output), Ok);
    let parts = match encoded {
        Ok(parts) => parts,
        Err(error) => {
            phase.fail(&error);
            return Err(error);
        }
    };
    let length: usize = parts.iter().map(Bytes::len).sum();
    if cx.trace.watched() {
        cx.trace.note(format!("About to start writing response [size={length}]"));
    }
    let response = write(cx, code, parts, length, output.media);
    if cx.trace.watched() {
        cx.trace.note(format!("Write call succeeded [size={length}]"));
    }
    phase.done();
    Ok(response)
}

/// Plain JSON is written as it is; everything else is made of it.
fn encode(codec: &dyn Codec, mut parts: Vec<Bytes>, output: Output) -> Result<Vec<Bytes>> {
    if output.media == MediaType::Json && !output.pretty {
        parts.push(Bytes::from_static(b"\n"));
        return Ok(parts);
    }
    let object: Object = serde_json::from_slice(&parts.concat()).map_err(StatusError::new_internal_error)?;
    let bytes = match output.media {
        MediaType::Json => serde_json::to_vec_pretty(&object).map_err(StatusError::new_internal_error)?,
        MediaType::Yaml | MediaType::Protobuf => codec.encode(&object, output.media)?,
    };
    Ok(vec![bytes.into()])
}

fn write(cx: &Context, code: u16, parts: Vec<Bytes>, length: usize, media: MediaType) -> Response {
    let compress = length > GZIP_THRESHOLD && accepts_gzip(cx.header("accept-encoding"));
    let mut response = HttpResponse::new(if compress { parts_body::gzip(parts) } else { parts_body::body(parts) });
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
    if compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}

/// Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go negotiateContentEncoding
pub(crate) fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|part| part.split(';').next().unwrap_or_default().trim() == "gzip")
}
