//! What the client should know although its request succeeds.
//!
//! Go: apiserver/pkg/endpoints/filters/warning.go

use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Characters of all warnings together; beyond that each is cut.
///
/// Go: apiserver/pkg/endpoints/filters/warning.go truncateAtTotalRunes
const TRUNCATE_AT_TOTAL_RUNES: usize = 4 * 1024;

/// Characters of one warning, once they are cut.
///
/// Go: apiserver/pkg/endpoints/filters/warning.go truncateItemRunes
const TRUNCATE_ITEM_RUNES: usize = 256;

/// Writes the warnings that were collected on the way as `Warning` headers.
///
/// Go: apiserver/pkg/endpoints/filters/warning.go WithWarningRecorder
pub struct WithWarningRecorder;

impl Filter for WithWarningRecorder {
    fn phase(&self) -> Phase {
        Phase::WarningRecorder
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let mut response = next.run(cx).await;
            // A header cannot hold a line break, and Kubernetes would rather say nothing than something else.
            let texts =
                cx.warnings.take().into_iter().filter(|text| !text.is_empty() && !text.contains(char::is_control));
            for text in truncated(texts.collect()) {
                if let Ok(value) = HeaderValue::from_bytes(warning_header(&text).as_bytes()) {
                    response.headers_mut().append(header::WARNING, value);
                }
            }
            response
        })
    }
}

/// Cuts warnings that are too long all together, and drops what goes beyond even then.
fn truncated(texts: Vec<String>) -> Vec<String> {
    let runes = |text: &String| text.chars().count();
    if texts.iter().map(runes).sum::<usize>() <= TRUNCATE_AT_TOTAL_RUNES {
        return texts;
    }
    let mut left = TRUNCATE_AT_TOTAL_RUNES;
    let cut = texts.into_iter().map(|text| text.chars().take(TRUNCATE_ITEM_RUNES).collect::<String>());
    cut.take_while(|text| {
        let fits = runes(text) <= left;
        left = left.saturating_sub(runes(text));
        fits
    })
    .collect()
}

/// Code 299 (of no particular kind), no agent, and the text in quotes.
///
/// Go: apimachinery/pkg/util/net/http.go NewWarningHeader
fn warning_header(text: &str) -> String {
    format!("299 - \"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{responses, testing};

    #[tokio::test]
    async fn warnings_are_quoted_and_not_repeated() {
        let handler = testing::Answers(|cx: &mut Context| {
            for text in ["unknown field \"spec.foo\"", "second", "second"] {
                cx.warnings.add(text);
            }
            responses::text(201, "")
        });
        let response = testing::run(WithWarningRecorder, &handler, &mut testing::context("POST", "/")).await;
        let headers: Vec<_> = response.headers().get_all("warning").iter().collect();
        assert_eq!(headers, ["299 - \"unknown field \\\"spec.foo\\\"\"", "299 - \"second\""]);
    }

    #[test]
    fn too_many_warnings_are_cut() {
        let long = |c: &str| c.repeat(300);
        let texts = truncated(vec![long("a"); 20]);
        assert_eq!((texts.len(), texts[0].len()), (16, 256));
        assert_eq!(truncated(vec![long("b")])[0].len(), 300);
    }
}
