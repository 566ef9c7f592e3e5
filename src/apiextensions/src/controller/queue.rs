//! Names of definitions that a controller has yet to look at: each once, however often it changed.
//!
//! Go: client-go/util/workqueue/queue.go

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use apimachinery::runtime::object::Object;
use client::cache::informer::EventHandler;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long a controller waits after a failure before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// The queue of one controller. Bounded by the number of definitions.
#[derive(Debug, Default)]
pub struct WorkQueue {
    waiting: Mutex<BTreeSet<String>>,
    filled: Notify,
}

impl WorkQueue {
    /// Puts a name in, unless it waits already.
    pub fn add(&self, name: &str) {
        self.waiting.lock().insert(name.to_owned());
        self.filled.notify_one();
    }

    /// Waits for a name and takes it out.
    async fn get(&self) -> String {
        loop {
            let filled = self.filled.notified();
            if let Some(name) = self.waiting.lock().pop_first() {
                return name;
            }
            filled.await;
        }
    }
}

impl EventHandler for WorkQueue {
    fn on_add(&self, object: &Arc<Object>) {
        self.add(object.name());
    }

    fn on_update(&self, _old: &Arc<Object>, new: &Arc<Object>) {
        self.add(new.name());
    }

    fn on_delete(&self, object: &Arc<Object>) {
        self.add(object.name());
    }
}

/// Looks at one name after the other until `stop`; what fails comes again later.
///
/// Go: runWorker, processNextWorkItem
pub async fn run<F, Fut>(controller: &'static str, queue: Arc<WorkQueue>, stop: CancellationToken, sync: F)
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    while let Some(name) = stop.run_until_cancelled(queue.get()).await {
        let Some(synced) = stop.run_until_cancelled(sync(name.clone())).await else { return };
        if let Err(error) = synced {
            tracing::debug!(controller, %name, %error, "comes again");
            let queue = queue.clone();
            tokio::spawn(async move {
                tokio::time::sleep(RETRY).await;
                queue.add(&name);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_waits_once() {
        let queue = WorkQueue::default();
        queue.add("b");
        queue.add("a");
        queue.add("b");
        assert_eq!((queue.get().await, queue.get().await), ("a".to_owned(), "b".to_owned()));
        assert!(tokio::time::timeout(Duration::from_millis(5), queue.get()).await.is_err());
    }
}
