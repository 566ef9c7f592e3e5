//! The time each layer took for one request.
//!
//! Go: apiserver/pkg/endpoints/request/webhook_duration.go

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use phase::clock::Nanos;

/// A layer whose time is kept. Names are those of the audit annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Layer {
    Authentication,
    Authorization,
    Impersonation,
    APFQueueWait,
    MutatingWebhook,
    ValidatingWebhook,
    Etcd,
    Transform,
    Serialization,
    Decode,
    ResponseWrite,
}

/// All layers with the names of their annotations, behind `apiserver.latency.k8s.io/`.
pub const LAYERS: [(Layer, &str); 11] = [
    (Layer::Authentication, "authentication"),
    (Layer::Authorization, "authorization"),
    (Layer::Impersonation, "impersonation"),
    (Layer::APFQueueWait, "apf-queue-wait"),
    (Layer::MutatingWebhook, "mutating-webhook"),
    (Layer::ValidatingWebhook, "validating-webhook"),
    (Layer::Etcd, "etcd"),
    (Layer::Transform, "transform-response-object"),
    (Layer::Serialization, "serialize-response-object"),
    (Layer::Decode, "decode-response-object"),
    (Layer::ResponseWrite, "response-write"),
];

/// Nanoseconds by layer; layers that work side by side are added up.
///
/// Go: apiserver/pkg/endpoints/request/webhook_duration.go LatencyTrackers
#[derive(Debug, Default)]
pub struct LatencyTrackers {
    tracked: AtomicBool,
    spent: [AtomicU64; LAYERS.len()],
}

impl LatencyTrackers {
    /// Begins to keep times.
    pub fn track(&self) {
        self.tracked.store(true, Ordering::Relaxed);
    }

    /// Adds time to a layer, if times are kept.
    pub fn add(&self, layer: Layer, spent: Nanos) {
        if self.tracked.load(Ordering::Relaxed) {
            self.spent[layer as usize].fetch_add(spent, Ordering::Relaxed);
        }
    }

    /// Returns the time of a layer, if times are kept.
    pub fn of(&self, layer: Layer) -> Option<Nanos> {
        self.tracked.load(Ordering::Relaxed).then(|| self.spent[layer as usize].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_layers() {
        for (index, (layer, name)) in LAYERS.iter().enumerate() {
            assert_eq!(*layer as usize, index, "{name}");
        }
    }
}
