//! Lists, from the cache wherever the asked revision allows.
//!
//! Go: apiserver/pkg/storage/cacher/{delegator,cacher,watch_cache}.go GetList

use std::{ops::Bound, sync::Arc};

use apimachinery::runtime::encoded::Encoded;
use phase::{catalog::Phase, trace::Trace};

use crate::{
    cacher::{store::Cacher, watch_cache::Snapshot},
    continue_token::{self, Start},
    error::Error,
    etcd3::store::{Access, enter, finish},
    interface::{Interface, List, ListOptions},
    versioner,
};

/// What the cache has to say about a list.
enum Answer {
    List(List),
    /// The store has to answer: the revision is no longer in memory, or the cache cannot keep up.
    Delegate,
}

impl Cacher {
    pub(crate) async fn get_list_delegated(
        &self,
        trace: &Trace,
        key: &str,
        options: ListOptions,
    ) -> Result<List, Error> {
        if let Err(error) = self.cache.check_ready() {
            // A page without a selector is cheap for the store; anything else could overwhelm it now.
            let cheap = options.predicate.everything() && options.predicate.limit > 0;
            return if cheap { self.store().get_list(trace, key, options).await } else { Err(error) };
        }
        let newest = options.resource_version.is_empty() && options.predicate.continue_token.is_empty();
        if newest && !self.store().client.supports_progress() {
            return self.store().get_list(trace, key, options).await;
        }
        let mut access = Access { key, resource: self.store().resource() };
        let phase = enter(trace, Phase::CacherGetList, &mut access).await?;
        match finish(phase, self.list_from_cache(trace, key, &options).await)? {
            Answer::List(list) => Ok(list),
            Answer::Delegate => self.store().get_list(trace, key, options).await,
        }
    }

    async fn list_from_cache(&self, trace: &Trace, key: &str, options: &ListOptions) -> Result<Answer, Error> {
        let store = self.store();
        let prefix = if options.recursive { store.prepare_prefix(key) } else { store.prepare_key(key) };
        let minimum = versioner::parse_list_resource_version(&options.resource_version)?;
        let start = continue_token::validate_list_options(&prefix, options)?;
        trace.note("Ready");
        let snapshot = match start.revision {
            Some(revision) => {
                self.wait_until_fresh(trace, revision).await?;
                self.cache.snapshot_at(revision)
            }
            None if options.resource_version.is_empty() => {
                let newest = store.current_revision(trace).await?;
                match self.wait_until_fresh(trace, newest).await {
                    Ok(()) => self.cache.snapshot(),
                    Err(_) => None,
                }
            }
            None => {
                self.wait_until_fresh(trace, minimum).await?;
                self.cache.snapshot()
            }
        };
        match snapshot {
            Some(snapshot) => Ok(Answer::List(select(trace, &prefix, &snapshot, &start, options)?)),
            None => Ok(Answer::Delegate),
        }
    }
}

/// Picks a page of what is selected.
fn select(
    trace: &Trace,
    prefix: &str,
    snapshot: &Snapshot,
    start: &Start,
    options: &ListOptions,
) -> Result<List, Error> {
    let revision = snapshot.revision;
    if !options.recursive {
        let one = snapshot.objects.get(prefix).filter(|object| options.predicate.selects(object));
        return Ok(List { revision, items: one.into_iter().cloned().collect(), ..List::default() });
    }
    let from = start.key.as_deref().unwrap_or(prefix);
    let mut objects = snapshot
        .objects
        .range::<_, str>((Bound::Included(from), Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix));
    // Whoever takes any version takes all of it: a page would bind the rest to a version that may be gone.
    let limit = if options.resource_version == "0" { 0 } else { options.predicate.limit() };
    let mut items: Vec<Arc<Encoded>> = Vec::new();
    let mut looked_at = 0;
    let mut last = None;
    while limit == 0 || items.len() < limit {
        let Some((key, object)) = objects.next() else { break };
        looked_at += 1;
        last = Some(key);
        if options.predicate.selects(object) {
            items.push(object.clone());
        }
    }
    let rest = if limit == 0 { 0 } else { objects.count() as u64 };
    note(trace, looked_at + rest, items.len());
    match last {
        Some(last) if rest > 0 => {
            let (continue_token, remaining_item_count) =
                continue_token::prepare(last, prefix, revision, looked_at + rest, options)?;
            Ok(List { revision, items, continue_token, remaining_item_count })
        }
        _ => Ok(List { revision, items, ..List::default() }),
    }
}

/// The events that the real server's span has.
fn note(trace: &Trace, listed: u64, filtered: usize) {
    if trace.watched() {
        trace.note(format!("Listed items from cache [count={listed}]"));
        if filtered > 0 {
            trace.note("Resized result");
        }
        trace.note(format!("Filtered items [count={filtered}]"));
    }
}
