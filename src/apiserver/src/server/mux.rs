//! Paths that belong to no web service: health, metrics, what the aggregator proxies.
//!
//! A path is looked up exactly first, then by prefix, the one with most segments first; what
//! nobody has goes to the handler for unknown paths, which is the next server of the chain.
//! Paths come and go while the server runs (APIServices), so readers take a snapshot and never wait.
//!
//! Go: apiserver/pkg/server/mux/pathrecorder.go

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use phase::BoxFuture;

use crate::request::{
    context::Context,
    handler::{Handler, Response},
};

/// A router for exact paths and prefixes that remembers which of them to show on `/`.
///
/// Go: apiserver/pkg/server/mux/pathrecorder.go PathRecorderMux
pub struct PathRecorderMux {
    /// Which server this belongs to, for logs.
    name: &'static str,
    /// What is served. Replaced as a whole on every change.
    paths: ArcSwap<Paths>,
    /// Held while `paths` is replaced.
    changing: Mutex<()>,
}

/// Go: apiserver/pkg/server/mux/pathrecorder.go pathHandler
#[derive(Clone)]
struct Paths {
    exact: BTreeMap<String, Path>,
    /// In the order in which they are tried.
    prefixes: Vec<(String, Path)>,
    not_found: Arc<dyn Handler>,
}

#[derive(Clone)]
struct Path {
    handler: Arc<dyn Handler>,
    listed: bool,
}

impl PathRecorderMux {
    /// Returns a mux without paths; `not_found` gets everything for now.
    pub fn new(name: &'static str, not_found: Arc<dyn Handler>) -> Self {
        let paths = Paths { exact: BTreeMap::new(), prefixes: Vec::new(), not_found };
        Self { name, paths: ArcSwap::from_pointee(paths), changing: Mutex::new(()) }
    }

    /// Serves a path, and shows it on `/`.
    pub fn handle(&self, path: &str, handler: Arc<dyn Handler>) {
        self.insert(path, Path { handler, listed: true });
    }

    /// Serves a path.
    pub fn unlisted_handle(&self, path: &str, handler: Arc<dyn Handler>) {
        self.insert(path, Path { handler, listed: false });
    }

    /// Serves everything below a path that ends with a slash, and shows it on `/`.
    pub fn handle_prefix(&self, path: &str, handler: Arc<dyn Handler>) {
        self.insert_prefix(path, Path { handler, listed: true });
    }

    /// Serves everything below a path that ends with a slash.
    pub fn unlisted_handle_prefix(&self, path: &str, handler: Arc<dyn Handler>) {
        self.insert_prefix(path, Path { handler, listed: false });
    }

    /// Stops serving a path and its prefix.
    pub fn unregister(&self, path: &str) {
        self.change(|paths| {
            paths.exact.remove(path);
            paths.prefixes.retain(|(prefix, _)| prefix != path);
        });
    }

    /// Replaces the handler of unknown paths.
    pub fn set_not_found_handler(&self, handler: Arc<dyn Handler>) {
        self.change(|paths| paths.not_found = handler);
    }

    /// Returns the paths to show on `/`.
    pub fn listed_paths(&self) -> Vec<String> {
        let paths = self.paths.load();
        let all = paths.exact.iter().chain(paths.prefixes.iter().map(|(path, entry)| (path, entry)));
        let mut listed: Vec<String> = all.filter(|(_, path)| path.listed).map(|(path, _)| path.clone()).collect();
        listed.sort();
        listed.dedup();
        listed
    }

    fn insert(&self, path: &str, entry: Path) {
        tracing::trace!(server = self.name, path, "registered");
        self.change(|paths| drop(paths.exact.insert(path.to_owned(), entry)));
    }

    fn insert_prefix(&self, path: &str, entry: Path) {
        assert!(path.ends_with('/'), "the prefix {path} must end with a slash");
        tracing::trace!(server = self.name, prefix = path, "registered");
        self.change(|paths| {
            paths.prefixes.retain(|(prefix, _)| prefix != path);
            paths.prefixes.push((path.to_owned(), entry));
            // Most segments first, then the longest, then by letter: no two of the same length can both match.
            paths.prefixes.sort_by(|(a, _), (b, _)| rank(b).cmp(&rank(a)).then_with(|| a.cmp(b)));
        });
    }

    fn change(&self, change: impl FnOnce(&mut Paths)) {
        let _one_at_a_time = self.changing.lock();
        let mut paths = Paths::clone(&self.paths.load());
        change(&mut paths);
        self.paths.store(Arc::new(paths));
    }
}

fn rank(prefix: &str) -> (usize, usize) {
    (prefix.matches('/').count(), prefix.len())
}

impl Paths {
    fn find(&self, path: &str) -> &Arc<dyn Handler> {
        let exact = self.exact.get(path);
        let found = exact.or_else(|| self.prefixes.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, p)| p));
        found.map_or(&self.not_found, |found| &found.handler)
    }
}

impl Handler for PathRecorderMux {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let handler = self.paths.load().find(&cx.info.path).clone();
        Box::pin(async move { handler.serve(cx).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{responses, testing};

    struct Says(u16);

    impl Handler for Says {
        fn serve<'a>(&'a self, _: &'a mut Context) -> BoxFuture<'a, Response> {
            Box::pin(async { responses::text(self.0, "") })
        }
    }

    async fn code(mux: &PathRecorderMux, path: &str) -> u16 {
        mux.serve(&mut testing::context("GET", path)).await.status().as_u16()
    }

    #[tokio::test]
    async fn exact_paths_come_first_then_the_deepest_prefix() {
        let mux = PathRecorderMux::new("test", Arc::new(Says(404)));
        mux.handle("/apis", Arc::new(Says(201)));
        mux.unlisted_handle_prefix("/apis/", Arc::new(Says(202)));
        mux.unlisted_handle_prefix("/apis/apps/", Arc::new(Says(203)));
        for (path, expected) in
            [("/apis", 201), ("/apis/", 202), ("/apis/apps", 202), ("/apis/apps/v1", 203), ("/api", 404)]
        {
            assert_eq!(code(&mux, path).await, expected, "{path}");
        }
        mux.unregister("/apis/apps/");
        assert_eq!(code(&mux, "/apis/apps/v1").await, 202);
        assert_eq!(mux.listed_paths(), ["/apis"]);
    }
}
