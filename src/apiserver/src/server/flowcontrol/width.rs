//! How many seats a request takes, and for how long.
//!
//! Go: apiserver/pkg/util/flowcontrol/request

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::request::{context::Context, requestinfo::RequestInfo};

/// Seats that no request exceeds, whatever its level allows. Go: maximumListSeatsLimit, maximumMutatingSeats
const MAXIMUM_LIST_SEATS: u64 = 100;
/// See `MAXIMUM_LIST_SEATS`.
const MAXIMUM_MUTATING_SEATS: u64 = 10;
/// Bytes of objects that one seat stands for. Go: bytesPerSeat
const BYTES_PER_SEAT: u64 = 100_000;
/// Bytes that a list from memory counts at most: it holds no more than a page at a time. Go: cacheWithStreamingMaxMemoryUsage
const CACHE_MAX_BYTES: u64 = 1_000_000;
/// Watches that one seat can notify. Go: watchesPerSeat
const WATCHES_PER_SEAT: u64 = 10;
/// How long a seat notifies. Go: eventAdditionalDuration
const EVENT_ADDITIONAL_DURATION: Duration = Duration::from_millis(5);

/// What a request is expected to cost.
///
/// Go: apiserver/pkg/util/flowcontrol/request/width.go WorkEstimate
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkEstimate {
    /// Seats while it is served.
    pub initial_seats: u32,
    /// Seats for a while afterwards: watchers are still being told of its change.
    pub final_seats: u32,
    /// For how long.
    pub additional_latency: Duration,
}

impl WorkEstimate {
    /// The usual request.
    pub const ONE: Self = Self { initial_seats: 1, final_seats: 0, additional_latency: Duration::ZERO };

    /// Returns the seats it needs to begin.
    pub fn max_seats(&self) -> u32 {
        self.initial_seats.max(self.final_seats)
    }
}

/// How many objects a resource has and how large they are, as far as anybody counted.
///
/// Go: apiserver/pkg/util/flowcontrol/request/object_count_tracker.go StorageObjectCountTracker
#[derive(Debug, Default)]
pub struct StorageObjectCountTracker {
    /// By `resource.group`. Written by whoever polls storage; never pruned, for resources are few.
    stats: Mutex<BTreeMap<String, Stats>>,
}

/// Go: apiserver/pkg/storage/interfaces.go Stats
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many objects there are.
    pub object_count: u64,
    /// How large one is on average, in bytes.
    pub average_object_size: u64,
}

impl StorageObjectCountTracker {
    /// Notes what was counted.
    pub fn set(&self, group_resource: &str, stats: Stats) {
        self.stats.lock().insert(group_resource.to_owned(), stats);
    }

    /// Returns what was counted last.
    pub fn get(&self, group_resource: &str) -> Option<Stats> {
        self.stats.lock().get(group_resource).copied()
    }
}

/// How many watches are open, by what they watch.
///
/// Go: apiserver/pkg/util/flowcontrol/watch_tracker.go WatchTracker
#[derive(Debug, Default)]
pub struct WatchTracker {
    /// By group, resource, namespace and name; empty parts mean all.
    open: Mutex<BTreeMap<WatchKey, u64>>,
}

/// Group, resource, namespace and name.
pub type WatchKey = [String; 4];

/// An open watch; dropped when it ends.
#[derive(Debug)]
pub struct OpenWatch(Arc<WatchTracker>, WatchKey);

impl WatchTracker {
    /// Counts a watch.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/watch_tracker.go RegisterWatch
    pub fn register(self: &Arc<Self>, info: &RequestInfo) -> OpenWatch {
        let key = key(info, &info.namespace, &info.name);
        *self.open.lock().entry(key.clone()).or_default() += 1;
        OpenWatch(self.clone(), key)
    }

    /// Returns how many watches a change of an object concerns.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/watch_tracker.go GetInterestedWatchCount
    pub fn interested(&self, info: &RequestInfo) -> u64 {
        let open = self.open.lock();
        let mut keys = vec![key(info, "", "")];
        if !info.namespace.is_empty() {
            keys.push(key(info, &info.namespace, ""));
        }
        if !info.name.is_empty() {
            keys.push(key(info, &info.namespace, &info.name));
        }
        keys.iter().filter_map(|key| open.get(key)).sum()
    }
}

impl WatchTracker {
    /// Returns what is watched, and by how many.
    pub fn open(&self) -> Vec<(WatchKey, u64)> {
        self.open.lock().iter().map(|(key, count)| (key.clone(), *count)).collect()
    }
}

fn key(info: &RequestInfo, namespace: &str, name: &str) -> WatchKey {
    [&info.api_group, &info.resource, namespace, name].map(str::to_owned)
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        let mut open = self.0.open.lock();
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Returns what a request is expected to cost. `max_seats` is the most that its level gives to one request.
///
/// Go: apiserver/pkg/util/flowcontrol/request/width.go workEstimator.estimate
pub fn estimate(
    cx: &Context,
    counts: &StorageObjectCountTracker,
    watches: &WatchTracker,
    max_seats: u64,
) -> WorkEstimate {
    match cx.info.verb.as_str() {
        "list" => list(cx, counts, max_seats),
        "watch" if sends_initial_events(cx) => list(cx, counts, max_seats),
        // A token is issued, and no watcher hears of it.
        "create" if cx.info.subresource == "token" => WorkEstimate::ONE,
        "create" | "update" | "patch" | "delete" => mutating(watches.interested(&cx.info), max_seats),
        _ => WorkEstimate::ONE,
    }
}

fn sends_initial_events(cx: &Context) -> bool {
    if let Some(wanted) = cx.query("sendInitialEvents") {
        return wanted == "true";
    }
    matches!(cx.query("resourceVersion").as_deref(), None | Some("" | "0"))
}

/// Go: apiserver/pkg/util/flowcontrol/request/list_work_estimator.go estimate
fn list(cx: &Context, counts: &StorageObjectCountTracker, max_seats: u64) -> WorkEstimate {
    let info = &cx.info;
    let group_resource =
        if info.api_group.is_empty() { info.resource.clone() } else { format!("{}.{}", info.resource, info.api_group) };
    let Some(Stats { object_count, average_object_size }) = counts.get(&group_resource) else {
        return WorkEstimate::ONE;
    };
    // A list of one name is a get.
    let objects =
        if info.name.is_empty() { limit(cx).map_or(object_count, |limit| limit.min(object_count)) } else { 1 };
    let bytes = (objects * average_object_size).min(CACHE_MAX_BYTES);
    let seats = bytes.div_ceil(BYTES_PER_SEAT).clamp(1, max_seats.clamp(1, MAXIMUM_LIST_SEATS));
    WorkEstimate { initial_seats: seats as u32, ..WorkEstimate::ONE }
}

fn limit(cx: &Context) -> Option<u64> {
    cx.query("limit")?.parse().ok().filter(|limit| *limit > 0)
}

/// Go: apiserver/pkg/util/flowcontrol/request/mutating_work_estimator.go estimate
fn mutating(watches: u64, max_seats: u64) -> WorkEstimate {
    if watches < WATCHES_PER_SEAT {
        return WorkEstimate::ONE;
    }
    let wanted = watches.div_ceil(WATCHES_PER_SEAT);
    let seats = wanted.clamp(1, max_seats.clamp(1, MAXIMUM_MUTATING_SEATS));
    // Fewer seats than wanted are occupied for longer.
    let additional_latency = EVENT_ADDITIONAL_DURATION.mul_f64(wanted as f64 / seats as f64);
    WorkEstimate { initial_seats: 1, final_seats: seats as u32, additional_latency }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    fn seats(uri: &str, stats: Option<Stats>) -> u32 {
        let counts = StorageObjectCountTracker::default();
        if let Some(stats) = stats {
            counts.set("pods", stats);
        }
        estimate(&testing::context("GET", uri), &counts, &WatchTracker::default(), 15).initial_seats
    }

    #[test]
    fn a_list_takes_seats_by_size() {
        let stats = Some(Stats { object_count: 1000, average_object_size: 2_000 });
        assert_eq!(seats("/api/v1/pods", None), 1);
        assert_eq!(seats("/api/v1/pods", stats), 10);
        assert_eq!(seats("/api/v1/pods?limit=100", stats), 2);
        assert_eq!(seats("/api/v1/pods?fieldSelector=metadata.name=a", stats), 1);
        assert_eq!(seats("/api/v1/pods?watch=1&resourceVersion=7", stats), 1);
        assert_eq!(seats("/api/v1/pods?watch=1", stats), 10);
        assert_eq!(seats("/api/v1/namespaces/a/pods/a", stats), 1);
    }

    #[test]
    fn a_change_takes_seats_by_those_who_watch() {
        let watches = Arc::new(WatchTracker::default());
        let watch = |uri| watches.register(&testing::context("GET", uri).info);
        let mut open: Vec<OpenWatch> = (0..25).map(|_| watch("/api/v1/pods?watch=1")).collect();
        open.push(watch("/api/v1/namespaces/b/pods?watch=1"));
        let cost = |method, uri| {
            let cx = testing::context(method, uri);
            estimate(&cx, &StorageObjectCountTracker::default(), &watches, 2)
        };
        let update = cost("PUT", "/api/v1/namespaces/a/pods/x");
        assert_eq!((update.initial_seats, update.final_seats), (1, 2));
        assert_eq!(update.additional_latency, Duration::from_micros(7500));
        assert_eq!(cost("PUT", "/api/v1/namespaces/b/services/x"), WorkEstimate::ONE);
        drop(open);
        assert_eq!(cost("PUT", "/api/v1/namespaces/a/pods/x"), WorkEstimate::ONE);
    }
}
