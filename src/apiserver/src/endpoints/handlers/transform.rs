//! Other forms of objects: rows and columns, or metadata alone.
//!
//! Go: apiserver/pkg/endpoints/handlers/response.go asTable, asPartialObjectMetadata, asPartialObjectMetadataList

use std::{sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object, schema::GroupVersionKind},
};
use bytes::Bytes;
use phase::trace::Trace;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    endpoints::{
        handlers::{
            protobuf_parts, respond,
            scope::{Items, RequestScope},
        },
        negotiation::{Transform, TransformKind},
    },
    registry::rest::{Answer, List, Result},
    request::context::Context,
};

/// What the rows of a Table hold besides their cells.
///
/// Go: metav1.IncludeObjectPolicy
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IncludeObject {
    /// Nothing.
    None,
    /// The metadata.
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the query.
    pub(super) fn decode(cx: &Context) -> Result<Self> {
        match cx.query("includeObject").as_deref() {
            Some("None") => Ok(Self::None),
            None | Some("" | "Metadata") => Ok(Self::Metadata),
            Some("Object") => Ok(Self::Object),
            Some(other) => Err(StatusError::new_bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', \
                 'Object', 'None', or empty",
                apimachinery::util::strconv::quote(other)
            ))),
        }
    }
}

/// For whom rows are made: ages are told from now on.
#[derive(Clone, Copy)]
pub(super) struct Viewer<'a> {
    /// The phases of the request.
    pub trace: &'a Trace,
    /// The time of day.
    pub now: Duration,
}

impl<'a> Viewer<'a> {
    fn of(cx: &'a Context) -> Self {
        Self { trace: &cx.trace, now: cx.services.clock.wall() }
    }
}

/// Returns the form of one object, as JSON. A Status has no other form.
pub(super) async fn object(
    scope: &RequestScope,
    cx: &Context,
    answer: Answer,
    transform: Transform,
) -> Result<Vec<Bytes>> {
    if matches!(&answer, Answer::Object(object) if object.kind() == "Status") {
        return Ok(vec![respond::json(scope, &cx.trace, answer).await?]);
    }
    match transform.kind {
        TransformKind::Table => {
            let object = answer.into_object();
            // An object that was never stored has no version: a dry run.
            let metadata = match object.resource_version() {
                "" => json!({}),
                version => json!({"resourceVersion": version}),
            };
            let include = IncludeObject::decode(cx)?;
            let mut parts = vec![table_header(scope, transform, &metadata, Columns::Shown)];
            parts.push(row(scope, Viewer::of(cx), object, include, transform).await?);
            parts.push(Bytes::from_static(b"]}"));
            Ok(parts)
        }
        TransformKind::PartialObjectMetadata => Ok(vec![match answer {
            Answer::Encoded(encoded) => partial(scope, &encoded, transform),
            Answer::Object(object) => partial_of(scope, &object, transform).to_json().into(),
        }]),
        TransformKind::PartialObjectMetadataList => Err(not_acceptable(format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
            go_type(scope, "")
        ))),
    }
}

/// Returns the form of a list, as JSON.
pub(super) async fn list(scope: &RequestScope, cx: &Context, list: List, transform: Transform) -> Result<Vec<Bytes>> {
    match transform.kind {
        TransformKind::Table => {
            let include = IncludeObject::decode(cx)?;
            let metadata = respond::list_metadata(&list);
            if list.items.is_empty() {
                return Ok(vec![table(scope, transform, &metadata, Columns::Shown, scope.table_convertor.no_rows())]);
            }
            let mut rows = Vec::with_capacity(list.items.len());
            for item in &list.items {
                let object = item.object();
                let rank = scope.table_convertor.rank(&object);
                rows.push((rank, row(scope, Viewer::of(cx), object, include, transform).await?));
            }
            rows.sort_by_key(|(rank, _)| *rank);
            let mut parts = vec![table_header(scope, transform, &metadata, Columns::Shown)];
            for (index, (_, row)) in rows.into_iter().enumerate() {
                if index > 0 {
                    parts.push(Bytes::from_static(b","));
                }
                parts.push(row);
            }
            parts.push(Bytes::from_static(b"]}"));
            Ok(parts)
        }
        TransformKind::PartialObjectMetadataList => {
            let header = respond::list_header("PartialObjectMetadataList", &transform.api_version(), &list);
            let mut parts = vec![header];
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    parts.push(Bytes::from_static(b","));
                }
                parts.push(partial(scope, item, transform));
            }
            parts.push(Bytes::from_static(b"]}"));
            Ok(parts)
        }
        TransformKind::PartialObjectMetadata => Err(not_acceptable(format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({})",
            go_type(scope, "List")
        ))),
    }
}

/// Returns a Table with one object, for a watch. Only the first of a stream says its columns.
///
/// Its row is made once a second for all who watch: cells tell ages in seconds.
pub(super) async fn watched_table(
    scope: &RequestScope,
    viewer: Viewer<'_>,
    item: &Arc<Encoded>,
    include: IncludeObject,
    transform: Transform,
    columns: Columns,
) -> Result<Vec<Bytes>> {
    let metadata = json!({"resourceVersion": item.revision.to_string()});
    let header = table_header(scope, transform, &metadata, columns);
    let viewer = Viewer { now: Duration::from_secs(viewer.now.as_secs()), ..viewer };
    let name = format!("{} {include:?} {} {}", protobuf_parts::form(scope), transform.version, viewer.now.as_secs());
    let row = match item.made_fleeting(&name) {
        Some(row) => row,
        None => {
            let row = row(scope, viewer, item.object(), include, transform).await?;
            item.keep_fleeting(name, row.clone());
            row
        }
    };
    Ok(vec![header, row, Bytes::from_static(b"]}")])
}

/// Whether a Table says its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// It does.
    Shown,
    /// The client knows them already.
    Known,
}

/// Returns the beginning of a Table's JSON, up to the bracket before its rows.
pub(super) fn table_header(scope: &RequestScope, transform: Transform, metadata: &Value, columns: Columns) -> Bytes {
    let mut header = Vec::from(table(scope, transform, metadata, columns, "["));
    header.pop();
    header.into()
}

/// Returns a Table's JSON with these rows.
fn table(scope: &RequestScope, transform: Transform, metadata: &Value, columns: Columns, rows: &str) -> Bytes {
    let columns = match columns {
        Columns::Shown => Value::Array(scope.table_convertor.columns()),
        Columns::Known => Value::Null,
    };
    format!(
        "{{\"kind\":\"Table\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"columnDefinitions\":{columns},\"rows\":{rows}}}",
        transform.api_version()
    )
    .into()
}

/// Returns one row's JSON.
async fn row(
    scope: &RequestScope,
    viewer: Viewer<'_>,
    object: Object,
    include: IncludeObject,
    transform: Transform,
) -> Result<Bytes> {
    let cells = scope.table_convertor.cells(viewer.now, &object)?;
    let object = match include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => partial_of(scope, &object, transform).into_value(),
        IncludeObject::Object => {
            let mut object = scope.from_hub(viewer.trace, object).await?;
            scope.codec.complete(&mut object);
            object.into_value()
        }
    };
    Ok(json!({"cells": cells, "object": object}).to_string().into())
}

/// Returns the metadata of an object, which is made once and kept with the entry.
pub(super) fn partial(scope: &RequestScope, encoded: &Encoded, transform: Transform) -> Bytes {
    /// Everything else is skipped, not built.
    #[derive(Deserialize)]
    struct MetadataOnly {
        metadata: Value,
    }
    encoded.form(transform.version, || {
        let only: MetadataOnly = serde_json::from_slice(&encoded.json).expect("encoded from an object");
        with_metadata(scope, only.metadata, transform).to_json().into()
    })
}

/// Returns the metadata of an object.
fn partial_of(scope: &RequestScope, object: &Object, transform: Transform) -> Object {
    with_metadata(scope, object.get(&["metadata"]).cloned().unwrap_or_else(|| json!({})), transform)
}

fn with_metadata(scope: &RequestScope, mut metadata: Value, transform: Transform) -> Object {
    scope.storage.hide_from_metadata(&mut metadata);
    let mut partial = Object::new(&GroupVersionKind::new("meta.k8s.io", transform.version, "PartialObjectMetadata"));
    partial.set(&["metadata"], metadata);
    partial
}

fn not_acceptable(message: String) -> StatusError {
    StatusError::new(406, "NotAcceptable", message)
}

/// Names the internal Go type of the kind, which some messages show.
fn go_type(scope: &RequestScope, suffix: &str) -> String {
    if scope.items == Items::WithType {
        return format!("*unstructured.Unstructured{suffix}");
    }
    let package = match scope.kind.group.as_str() {
        "" | "events.k8s.io" => "core",
        group => group.split('.').next().unwrap_or_default(),
    };
    format!("*{package}.{}{suffix}", scope.kind.kind)
}
