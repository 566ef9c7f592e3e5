//! GET of a collection with `watch`: a stream of changes.
//!
//! Go: apiserver/pkg/endpoints/handlers/watch.go serveWatchHandler

use std::time::Duration;

use http::{HeaderValue, header};
use phase::{catalog::Phase, snapshot::Nothing};

use crate::{
    endpoints::{
        handlers::{list, respond, scope::RequestScope, transform::IncludeObject, watch_body},
        negotiation::{self, MediaType, Output, Restrictions},
    },
    registry::rest::Result,
    request::{context::Context, handler::Response},
};

/// Opens a stream of events that ends when its time is over.
pub(super) async fn watch(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.watcher().ok_or_else(|| respond::not_supported(scope, "watch"))?;
    let output = negotiate(scope, cx).await?;
    let options = list::list_options(scope, cx)?;
    let include = IncludeObject::decode(cx)?;
    let timeout = timeout(scope, cx, options.timeout_seconds);

    // The phase of the stream outlives the handler: it ends with the initial events, or with the stream.
    let phase = cx.trace.enter(Phase::WatchServer, &mut Nothing).await?;
    let stream = match storage.watch(cx, &options).await {
        Ok(stream) => stream,
        Err(error) => {
            phase.fail(&error);
            return Err(error);
        }
    };
    let body = watch_body::WatchBody::new(scope.clone(), cx, stream, output, include, phase);
    let mut response = Response::new(body.until(timeout));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(output.media));
    Ok(response)
}

async fn negotiate(scope: &RequestScope, cx: &Context) -> Result<Output> {
    negotiation::negotiate_stream(cx, scope.media_types, Restrictions::Resource)
}

fn content_type(media: MediaType) -> HeaderValue {
    HeaderValue::from_static(match media {
        MediaType::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        MediaType::Json | MediaType::Yaml => "application/json",
    })
}

/// A client that sets no time gets one between the minimum and twice that, so that watches which were opened together
/// do not end together.
fn timeout(scope: &RequestScope, cx: &Context, requested: Option<i64>) -> Duration {
    let seconds = match requested {
        Some(seconds) if seconds > 0 => seconds as u64,
        _ => scope.min_request_timeout + cx.services.ids.next_u64() % scope.min_request_timeout.max(1),
    };
    Duration::from_secs(seconds)
}
