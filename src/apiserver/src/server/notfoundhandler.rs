//! The answer at the end of the chain of servers, where nobody knows the path.
//!
//! Go: apiserver/pkg/util/notfoundhandler/not_found_handler.go

use phase::BoxFuture;

use crate::request::{
    context::Context,
    handler::{Handler, Response},
    responses,
};

/// Answers 404; while paths are still being installed, 503, for the path may be there in a moment.
///
/// The difference matters to controllers: the garbage collector takes a 404 for an answer.
///
/// Go: apiserver/pkg/util/notfoundhandler/not_found_handler.go Handler
pub struct NotFoundHandler;

impl Handler for NotFoundHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(
            async move { if cx.mux_and_discovery_complete { responses::not_found() } else { not_installed_yet() } },
        )
    }
}

fn not_installed_yet() -> Response {
    let message = "the request has been made before all known HTTP paths have been installed, please try again";
    let mut error = responses::without_details(503, "ServiceUnavailable", message);
    if let Some(details) = &mut error.details {
        details.retry_after_seconds = 5;
    }
    responses::status(&error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn an_unknown_path_is_only_unknown_once_all_are_installed() {
        let mut cx = testing::context("GET", "/apis/shop.example.com/v1/carts");
        assert_eq!(testing::body(NotFoundHandler.serve(&mut cx).await).await, "404 page not found\n");
        cx.mux_and_discovery_complete = false;
        let response = NotFoundHandler.serve(&mut cx).await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().expect("5")));
    }
}
