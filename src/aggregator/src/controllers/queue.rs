//! A queue of names, each in it once.
//!
//! Go: client-go/util/workqueue
//!
//! A name that is added while a worker has it comes again afterwards; one that failed comes again later, each time twice
//! as late.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apimachinery::runtime::object::Object;
use client::cache::informer::EventHandler;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A queue. It is as long as there are different names, so it needs no other bound.
pub struct Queue {
    state: Mutex<State>,
    /// Told about every name that can be taken.
    added: Notify,
    /// How late a name that failed once comes again.
    base_delay: Duration,
    /// The most that this grows to.
    max_delay: Duration,
}

#[derive(Default)]
struct State {
    waiting: BTreeSet<String>,
    taken: BTreeSet<String>,
    failures: BTreeMap<String, u32>,
}

impl Queue {
    /// Returns an empty queue.
    pub fn new(base_delay: Duration, max_delay: Duration) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), added: Notify::new(), base_delay, max_delay })
    }

    /// Adds a name, unless it waits already.
    pub fn add(&self, name: &str) {
        self.state.lock().waiting.insert(name.to_owned());
        self.added.notify_one();
    }

    /// Adds a name after a while.
    pub fn add_after(self: &Arc<Self>, name: &str, delay: Duration, stop: &CancellationToken) {
        let (queue, name, stop) = (self.clone(), name.to_owned(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(delay) => queue.add(&name),
            }
        });
    }

    /// Starts `workers` tasks that hand names to `sync` until `stop`.
    pub fn run<F, Fut>(self: &Arc<Self>, workers: usize, stop: &CancellationToken, sync: F)
    where
        F: Fn(String) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        for _ in 0..workers {
            let (queue, stop, sync) = (self.clone(), stop.clone(), sync.clone());
            tokio::spawn(async move {
                while let Some(name) = queue.take(&stop).await {
                    let done = sync(name.clone()).await;
                    queue.done(&name, done, &stop);
                }
            });
        }
    }

    async fn take(&self, stop: &CancellationToken) -> Option<String> {
        loop {
            let added = self.added.notified();
            if let Some(name) = self.try_take() {
                return Some(name);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                () = added => {}
            }
        }
    }

    fn try_take(&self) -> Option<String> {
        let mut state = self.state.lock();
        let name = state.waiting.iter().find(|name| !state.taken.contains(*name))?.clone();
        state.waiting.remove(&name);
        state.taken.insert(name.clone());
        if !state.waiting.is_empty() {
            // Another worker may have been told before this one took the first.
            self.added.notify_one();
        }
        Some(name)
    }

    fn done(self: &Arc<Self>, name: &str, outcome: Result<(), String>, stop: &CancellationToken) {
        let mut state = self.state.lock();
        state.taken.remove(name);
        let delay = match outcome {
            Ok(()) => {
                state.failures.remove(name);
                None
            }
            Err(error) => {
                tracing::debug!("{name} failed with: {error}");
                let failures = state.failures.entry(name.to_owned()).or_default();
                *failures += 1;
                let doubled = self.base_delay.saturating_mul(1 << (*failures - 1).min(20));
                Some(doubled.min(self.max_delay))
            }
        };
        let more = !state.waiting.is_empty();
        drop(state);
        if more {
            self.added.notify_one();
        }
        if let Some(delay) = delay {
            self.add_after(name, delay, stop);
        }
    }
}

/// Adds the name of every object that changes, or what `key` makes of it.
pub struct Enqueue<F: Fn(&Object) -> Vec<String>> {
    /// Where to.
    pub queue: Arc<Queue>,
    /// Whose names an object concerns.
    pub key: F,
}

impl Enqueue<fn(&Object) -> Vec<String>> {
    /// Adds the object's own name.
    pub fn names(queue: Arc<Queue>) -> Arc<Self> {
        Arc::new(Self { queue, key: |object| vec![object.name().to_owned()] })
    }
}

impl<F: Fn(&Object) -> Vec<String> + Send + Sync> EventHandler for Enqueue<F> {
    fn on_add(&self, object: &Arc<Object>) {
        (self.key)(object).iter().for_each(|name| self.queue.add(name));
    }

    fn on_update(&self, _: &Arc<Object>, object: &Arc<Object>) {
        self.on_add(object);
    }

    fn on_delete(&self, object: &Arc<Object>) {
        self.on_add(object);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_that_fails_comes_again_and_is_never_with_two_workers() {
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(1));
        let stop = CancellationToken::new();
        let (sender, mut receiver) = mpsc::channel(10);
        let left = Arc::new(Mutex::new(2));
        queue.add("a");
        queue.add("a");
        queue.run(3, &stop, move |name| {
            let (sender, left) = (sender.clone(), left.clone());
            async move {
                sender.send(name).await.map_err(|error| error.to_string())?;
                let mut left = left.lock();
                *left -= 1;
                if *left > 0 { Err("not yet".to_owned()) } else { Ok(()) }
            }
        });
        let expected = [Some("a".to_owned()), Some("a".to_owned())];
        assert_eq!([receiver.recv().await, receiver.recv().await], expected);
        assert!(tokio::time::timeout(Duration::from_secs(60), receiver.recv()).await.is_err());
        stop.cancel();
    }
}
