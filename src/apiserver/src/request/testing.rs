//! Hand-made contexts for unit tests.

use std::sync::Arc;

use http_body_util::BodyExt;
use phase::{BoxFuture, clock::VirtualClock, ids::Ids, trace::Trace};

use crate::request::{
    context::{Context, Services, query_pairs},
    handler::{Filter, Handler, Next, Response},
    requestinfo::RequestInfoFactory,
    responses,
};

/// A clock that only moves when told to, and reproducible identities.
pub(crate) fn services() -> Services {
    Services { clock: Arc::new(VirtualClock::default()), ids: Arc::new(Ids::seeded(1)) }
}

/// A request as it looks behind the RequestInfo filter.
pub(crate) fn context(method: &str, uri: &str) -> Context {
    let request = http::Request::builder().method(method).uri(uri).body(None).expect("request");
    let mut cx = Context::new(request, services(), Trace::unwatched());
    let query = query_pairs(cx.uri.query().unwrap_or_default());
    cx.info = RequestInfoFactory::default().new_request_info(&cx.method, cx.uri.path(), &query).expect("request info");
    cx
}

/// The whole body as text.
pub(crate) async fn body(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A handler made of a closure.
pub(crate) struct Answers<F>(pub(crate) F);

impl<F: Fn(&mut Context) -> Response + Send + Sync> Handler for Answers<F> {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move { (self.0)(cx) })
    }
}

/// Answers 200 `ok`.
pub(crate) fn ok() -> impl Handler {
    Answers(|_: &mut Context| responses::text(200, "ok"))
}

/// Runs one filter in front of a handler.
pub(crate) async fn run(filter: impl Filter + 'static, handler: &dyn Handler, cx: &mut Context) -> Response {
    let filters: [Box<dyn Filter>; 1] = [Box::new(filter)];
    Next { filters: &filters, handler }.run(cx).await
}
