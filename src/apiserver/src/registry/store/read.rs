//! Reading objects: get, list, watch.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go Get, ListPredicate, WatchPredicate

use std::{sync::Arc, time::Duration};

use apimachinery::{
    fields::Operator,
    meta::options::{EXACT, GetOptions, ListOptions, NOT_OLDER_THAN},
};
use phase::BoxFuture;
use storage::{
    errors::{interpret_get_error, interpret_list_error, interpret_watch_error},
    interface::{
        AllowWatchBookmarks, GetOptions as StorageGetOptions, ListOptions as StorageListOptions, ResourceVersionMatch,
    },
    selection::SelectionPredicate,
};

use crate::{
    registry::{
        rest::{Answer, Getter, List, Lister, Result, WatchStream, Watcher},
        store::Store,
    },
    request::context::Context,
};

impl Getter for Store {
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, options: &'a GetOptions) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let key = self.key(cx, name)?;
            let options = StorageGetOptions { resource_version: options.resource_version.clone() };
            let found = self.storage.get(&cx.trace, &key, options).await;
            found.map(Answer::Encoded).map_err(|error| interpret_get_error(error, &self.resource, name))
        })
    }
}

impl Lister for Store {
    fn list<'a>(&'a self, cx: &'a Context, options: &'a ListOptions) -> BoxFuture<'a, Result<List>> {
        Box::pin(async move {
            let (key, options) = self.selection(cx, options);
            let found = self.storage.get_list(&cx.trace, &key, options).await;
            found.map_err(|error| interpret_list_error(error, &self.resource))
        })
    }
}

impl Watcher for Store {
    fn watch<'a>(&'a self, cx: &'a Context, options: &'a ListOptions) -> BoxFuture<'a, Result<WatchStream>> {
        Box::pin(async move {
            let (key, options) = self.selection(cx, options);
            let stream = self.storage.watch(&cx.trace, &key, options).await;
            stream.map_err(interpret_watch_error)
        })
    }
}

impl Store {
    /// Says in storage's words which objects are meant: one key where the selector names one object, else a prefix.
    fn selection(&self, cx: &Context, options: &ListOptions) -> (String, StorageListOptions) {
        let predicate = self.predicate(options);
        let one = predicate.name.as_ref().and_then(|name| self.key(cx, name).ok());
        let recursive = one.is_none();
        let key = one.unwrap_or_else(|| self.key_of_collection(&cx.info.namespace));
        let options = StorageListOptions {
            resource_version: options.resource_version.clone(),
            resource_version_match: match options.resource_version_match.as_str() {
                NOT_OLDER_THAN => ResourceVersionMatch::NotOlderThan,
                EXACT => ResourceVersionMatch::Exact,
                _ => ResourceVersionMatch::Unset,
            },
            predicate,
            recursive,
            send_initial_events: options.send_initial_events,
            allow_watch_bookmarks: if options.allow_watch_bookmarks {
                AllowWatchBookmarks::Yes
            } else {
                AllowWatchBookmarks::No
            },
            timeout: options
                .timeout_seconds
                .and_then(|seconds| seconds.try_into().ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        };
        (key, options)
    }

    /// Go: PredicateFunc
    fn predicate(&self, options: &ListOptions) -> SelectionPredicate {
        let (labels, fields) = (options.label_selector.clone(), options.field_selector.clone());
        let selected = |field| fields.requires_exact_match(field).map(str::to_owned);
        let (name, namespace) = (selected("metadata.name"), selected("metadata.namespace"));
        let exact = fields.0.iter().find(|requirement| requirement.operator == Operator::Equals);
        let exact = exact.map(|requirement| (requirement.field.clone(), requirement.value.clone()));
        let everything = labels.is_empty() && fields.is_empty();
        SelectionPredicate {
            name,
            namespace,
            matches: (!everything).then(|| {
                let matches: storage::selection::Matches =
                    Arc::new(move |object| labels.matches(&object.labels) && fields.matches(&object.fields));
                matches
            }),
            exact,
            limit: options.limit,
            continue_token: options.continue_token.clone(),
        }
    }
}
