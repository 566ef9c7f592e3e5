//! Counters, gauges and histograms, by the names that dashboards know.
//!
//! `families` is the catalogue: name, labels and buckets are kube-apiserver's. A server has one
//! [`Metrics`] and hands it to whoever counts something; what nobody has counted yet is not shown, but
//! for families without labels, which begin at zero.
//!
//! Go: component-base/metrics, component-base/metrics/legacyregistry

use std::{collections::BTreeMap, sync::Arc};

use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder};

pub mod families;

/// Media type of the text that [`Metrics::text`] returns.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Full name.
    pub name: &'static str,
    /// What it means; shown behind its stability.
    pub help: &'static str,
    /// `STABLE`, `BETA`, `ALPHA` or `INTERNAL`: how much a dashboard may rely on it.
    pub stability: &'static str,
    /// The labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// How it is measured.
    pub kind: Kind,
}

/// How something is measured.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is sorted into buckets with these upper bounds.
    Histogram(&'static [f64]),
}

#[derive(Clone)]
enum Vector {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

/// The measurements of one server. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    vectors: BTreeMap<&'static str, Vector>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(families::ALL)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metrics({} families)", self.0.vectors.len())
    }
}

impl Metrics {
    /// Returns measurements of these families, none of them taken yet.
    pub fn new(families: &[&'static Family]) -> Self {
        let registry = Registry::new();
        let vector = |family: &&'static Family| (family.name, Vector::new(family, &registry));
        let vectors = families.iter().map(vector).collect();
        Self(Arc::new(Inner { registry, vectors }))
    }

    fn vector(&self, family: &Family) -> &Vector {
        self.0.vectors.get(family.name).expect("families are of the catalogue")
    }

    /// Counts one. `labels` are the values of the family's labels, in its order.
    pub fn inc(&self, family: &Family, labels: &[&str]) {
        self.add(family, labels, 1.0);
    }

    /// Adds to a counter or a gauge.
    pub fn add(&self, family: &Family, labels: &[&str], value: f64) {
        match self.vector(family) {
            Vector::Counter(vector) => vector.with_label_values(labels).inc_by(value),
            Vector::Gauge(vector) => vector.with_label_values(labels).add(value),
            Vector::Histogram(vector) => vector.with_label_values(labels).observe(value),
        }
    }

    /// Sets a gauge.
    pub fn set(&self, family: &Family, labels: &[&str], value: f64) {
        if let Vector::Gauge(vector) = self.vector(family) {
            vector.with_label_values(labels).set(value);
        }
    }

    /// Sorts a value into a histogram; times are in seconds.
    pub fn observe(&self, family: &Family, labels: &[&str], value: f64) {
        self.add(family, labels, value);
    }

    /// Returns a counter or a gauge.
    pub fn get(&self, family: &Family, labels: &[&str]) -> f64 {
        match self.vector(family) {
            Vector::Counter(vector) => vector.with_label_values(labels).get(),
            Vector::Gauge(vector) => vector.with_label_values(labels).get(),
            Vector::Histogram(vector) => vector.with_label_values(labels).get_sample_count() as f64,
        }
    }

    /// Returns all measurements as text, as `/metrics` answers.
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).expect("names and labels are of the catalogue")
    }

    /// Forgets everything, as `DELETE /metrics` does.
    pub fn reset(&self) {
        for vector in self.0.vectors.values() {
            match vector {
                Vector::Counter(vector) => vector.reset(),
                Vector::Gauge(vector) => vector.reset(),
                Vector::Histogram(vector) => vector.reset(),
            }
        }
    }
}

impl Vector {
    fn new(family: &Family, registry: &Registry) -> Self {
        let help = format!("[{}] {}", family.stability, family.help);
        let opts = Opts::new(family.name, help);
        let labels = family.labels;
        let sound = "the catalogue's names and labels are sound";
        let vector = match family.kind {
            Kind::Counter => Self::Counter(CounterVec::new(opts, labels).expect(sound)),
            Kind::Gauge => Self::Gauge(GaugeVec::new(opts, labels).expect(sound)),
            Kind::Histogram(buckets) => Self::Histogram(
                HistogramVec::new(HistogramOpts::from(opts).buckets(buckets.to_vec()), labels).expect(sound),
            ),
        };
        let registered = match &vector {
            Self::Counter(vector) => registry.register(Box::new(vector.clone())),
            Self::Gauge(vector) => registry.register(Box::new(vector.clone())),
            Self::Histogram(vector) => registry.register(Box::new(vector.clone())),
        };
        registered.expect("the catalogue names each family once");
        if labels.is_empty() {
            match &vector {
                Self::Counter(vector) => drop(vector.with_label_values::<&str>(&[])),
                Self::Gauge(vector) => drop(vector.with_label_values::<&str>(&[])),
                Self::Histogram(vector) => drop(vector.with_label_values::<&str>(&[])),
            }
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        let text = metrics.text();
        assert!(text.contains("# TYPE apiserver_audit_event_total counter\napiserver_audit_event_total 0\n"), "{text}");
        assert!(!text.contains("apiserver_current_inflight_requests"));
        metrics.set(&families::CURRENT_INFLIGHT_REQUESTS, &["mutating"], 3.0);
        metrics.add(&families::CURRENT_INFLIGHT_REQUESTS, &["mutating"], -1.0);
        metrics.observe(&families::REQUEST_FILTER_DURATION, &["audit"], 0.002);
        let text = metrics.text();
        assert!(text.contains("apiserver_current_inflight_requests{request_kind=\"mutating\"} 2\n"), "{text}");
        assert!(
            text.contains("apiserver_request_filter_duration_seconds_bucket{filter=\"audit\",le=\"0.003\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("apiserver_request_filter_duration_seconds_count{filter=\"audit\"} 1\n"));
        assert!((metrics.get(&families::CURRENT_INFLIGHT_REQUESTS, &["mutating"]) - 2.0).abs() < f64::EPSILON);
        metrics.reset();
        assert!(!metrics.text().contains("inflight"));
    }

    #[test]
    fn stability_stands_before_the_meaning() {
        let metrics = Metrics::default();
        metrics.inc(&families::REQUEST_TOTAL, &["GET", "", "", "v1", "pods", "", "namespace", "apiserver", "200"]);
        let text = metrics.text();
        assert!(text.contains("# HELP apiserver_request_total [STABLE] "), "{text}");
        assert!(text.contains("code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\""), "{text}");
    }
}
