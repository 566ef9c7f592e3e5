//! Lists straight from the backend.
//!
//! Go: apiserver/pkg/storage/etcd3/store.go GetList

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::encoded::Encoded};
use kv::backend::KeyValue;
use phase::trace::Trace;

use crate::{
    continue_token::{self, At, Start},
    error::Error,
    etcd3::store::Store,
    interface::{Interface, List, ListOptions},
    versioner,
};

/// How many keys one request to the backend asks for at most, when a selector leaves pages short.
///
/// Go: maxLimit
const MAX_LIMIT: usize = 10_000;

/// The plain list's revision is too old.
pub(crate) const EXPIRED: &str = "The resourceVersion for the provided list is too old.";

/// The token's revision is too old, and there is a new token.
const INCONSISTENT_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. \
    You can start a new list without the continue parameter, or use the continue token in this response to retrieve \
    the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that \
    were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// The token's revision is too old, and there is no new token.
const CONTINUE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You \
    must start a new list without the continue parameter.";

/// One answer of the backend.
struct Page {
    revision: u64,
    kvs: Vec<Arc<KeyValue>>,
    count: u64,
}

impl Store {
    /// Lists. With a selector, more keys are asked for until the page is full.
    pub(crate) async fn get_list_inner(&self, trace: &Trace, key: &str, options: ListOptions) -> Result<List, Error> {
        let prefix = if options.recursive { self.prepare_prefix(key) } else { self.prepare_key(key) };
        let mut start = continue_token::validate_list_options(&prefix, &options)?;
        let minimum = versioner::parse_list_resource_version(&options.resource_version)?;
        let wanted = options.predicate.limit();
        let mut limit = wanted;
        let mut items = Vec::new();
        loop {
            let page = self.page(trace, &prefix, &start, limit, &options).await?;
            versioner::validate_minimum(minimum, page.revision)?;
            let revision = *start.revision.get_or_insert(page.revision);
            let last = self.take(&page.kvs, wanted, &options, &mut items).await?;
            let more = last < page.kvs.len() || (page.kvs.len() as u64) < page.count;
            let Some(last_key) = last.checked_sub(1).map(|index| &page.kvs[index].key) else {
                return Ok(List { revision, items, ..List::default() });
            };
            if wanted == 0 || !more {
                return Ok(List { revision, items, ..List::default() });
            }
            if items.len() >= wanted {
                let (continue_token, remaining_item_count) =
                    continue_token::prepare(last_key, &prefix, revision, page.count, &options)?;
                return Ok(List { revision, items, continue_token, remaining_item_count });
            }
            start.key = Some(format!("{last_key}\0"));
            limit = (limit * 2).min(MAX_LIMIT.max(limit));
        }
    }

    /// Asks the backend for one page.
    async fn page(
        &self,
        trace: &Trace,
        prefix: &str,
        start: &Start,
        limit: usize,
        options: &ListOptions,
    ) -> Result<Page, Error> {
        let answer = if options.recursive {
            let list = kv::backend::List { prefix, start: start.key.as_deref(), revision: start.revision, limit };
            let listed = self.client.list(trace, list).await;
            listed.map(|listed| Page { revision: listed.revision, kvs: listed.kvs, count: listed.count })
        } else {
            let got = self.client.get(trace, prefix, start.revision).await;
            got.map(|got| {
                let kvs: Vec<_> = got.kv.into_iter().collect();
                Page { revision: got.revision, count: kvs.len() as u64, kvs }
            })
        };
        match answer {
            Ok(page) => Ok(page),
            Err(kv::error::Error::FutureRevision { requested, .. }) => {
                let current = self.current_resource_version(trace).await.unwrap_or_default();
                Err(StatusError::new_too_large_resource_version(requested, current, 0).into())
            }
            Err(kv::error::Error::Compacted { .. }) => Err(expired(prefix, start, options).into()),
            Err(error) => Err(Error::from_kv(error, prefix)),
        }
    }

    /// Takes what is selected until there is enough; returns how many keys were looked at.
    async fn take(
        &self,
        kvs: &[Arc<KeyValue>],
        wanted: usize,
        options: &ListOptions,
        items: &mut Vec<Arc<Encoded>>,
    ) -> Result<usize, Error> {
        for (index, kv) in kvs.iter().enumerate() {
            if wanted > 0 && items.len() >= wanted {
                return Ok(index);
            }
            let object = self.decoder.decode_kv(kv).await?;
            if options.predicate.selects(&object) {
                items.push(object);
            }
        }
        Ok(kvs.len())
    }
}

/// What a client hears whose revision is gone; with a token to go on at the newest, if it was in the middle of a list.
///
/// Go: errors.go interpretListError, handleCompactedErrorForPaging
pub(crate) fn expired(prefix: &str, start: &Start, options: &ListOptions) -> StatusError {
    let Some(key) = start.key.as_ref().filter(|_| !options.predicate.continue_token.is_empty()) else {
        return StatusError::new_resource_expired(EXPIRED);
    };
    match continue_token::encode(key, prefix, At::Latest) {
        Ok(continue_token) => {
            StatusError { continue_token, ..StatusError::new_resource_expired(INCONSISTENT_CONTINUE) }
        }
        Err(_) => StatusError::new_resource_expired(CONTINUE_EXPIRED),
    }
}
