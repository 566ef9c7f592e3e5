//! Not more events in a while than the server can bear.
//!
//! Go: plugin/pkg/admission/eventratelimit

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    clock::{Clock, Nanos},
};
use serde_json::Value;

/// The plugin's name.
pub const NAME: &str = "EventRateLimit";

/// How many keys a limit remembers if its configuration does not say.
const DEFAULT_CACHE_SIZE: usize = 4096;

/// Go: plugin/pkg/admission/eventratelimit/admission.go Plugin
struct EventRateLimit {
    limits: Vec<Limit>,
    clock: Arc<dyn Clock>,
}

/// What events are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Server,
    Namespace,
    User,
    SourceAndObject,
}

/// A bucket of tokens for each key.
struct Limit {
    by: By,
    qps: f64,
    burst: f64,
    size: usize,
    /// Tokens, and when they were counted. Emptied when it is full.
    buckets: Mutex<BTreeMap<String, (f64, Nanos)>>,
}

/// Makes the plugin from its configuration (`limits[{type, qps, burst, cacheSize}]`).
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let configuration =
        initializers.configurations.get(NAME).ok_or("invalid EventRateLimit configuration: limits: Required value")?;
    let limits = configuration["limits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let limits: Vec<Limit> = limits.iter().map(Limit::read).collect::<Result<_, _>>()?;
    if limits.is_empty() {
        return Err("invalid EventRateLimit configuration: limits: Required value".to_owned());
    }
    Ok(Arc::new(EventRateLimit { limits, clock: initializers.clock.clone() }))
}

impl Limit {
    fn read(value: &Value) -> Result<Self, String> {
        let by = match value["type"].as_str().unwrap_or_default() {
            "Server" => By::Server,
            "Namespace" => By::Namespace,
            "User" => By::User,
            "SourceAndObject" => By::SourceAndObject,
            other => return Err(format!("limits: Unsupported value: {other:?}")),
        };
        let number = |field: &str| {
            value[field].as_f64().filter(|number| *number > 0.0).ok_or(format!("limits.{field}: must be positive"))
        };
        let size =
            value["cacheSize"].as_u64().filter(|size| *size > 0).map_or(DEFAULT_CACHE_SIZE, |size| size as usize);
        Ok(Self { by, qps: number("qps")?, burst: number("burst")?, size, buckets: Mutex::default() })
    }

    fn key(&self, attributes: &Attributes) -> String {
        let event = attributes.object.clone().unwrap_or_default();
        match self.by {
            By::Server => String::new(),
            By::Namespace => attributes.namespace.clone(),
            By::User => attributes.user.name.clone(),
            By::SourceAndObject => source_and_object(&event),
        }
    }

    /// Takes a token, if there is one.
    fn try_accept(&self, key: &str, now: Nanos) -> bool {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= self.size && !buckets.contains_key(key) {
            buckets.clear();
        }
        let (tokens, since) = buckets.entry(key.to_owned()).or_insert((self.burst, now));
        let grown = *tokens + now.saturating_sub(*since) as f64 / 1e9 * self.qps;
        *tokens = grown.min(self.burst);
        *since = now;
        let enough = *tokens >= 1.0;
        if enough {
            *tokens -= 1.0;
        }
        enough
    }
}

/// Go: plugin/pkg/admission/eventratelimit/limitenforcer.go getSourceAndObjectKey
fn source_and_object(event: &Object) -> String {
    let source = ["component", "host"].map(|field| event.str(&["source", field]).to_owned());
    let fields = ["kind", "namespace", "name", "uid", "apiVersion"];
    let object = fields.map(|field| event.str(&["involvedObject", field]).to_owned());
    source.into_iter().chain(object).collect::<Vec<_>>().concat()
}

impl Interface for EventRateLimit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for EventRateLimit {
    /// Go: plugin/pkg/admission/eventratelimit/admission.go Validate
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if attributes.kind.kind != "Event" || attributes.dry_run {
                return Ok(());
            }
            // Every limit counts the event, also when an earlier one has refused it.
            let mut refused = Vec::new();
            for limit in &self.limits {
                let key = limit.key(attributes);
                if !limit.try_accept(&key, self.clock.now()) {
                    refused.push(format!("limit reached on type {:?} for key {key}", limit.by));
                }
            }
            if refused.is_empty() { Ok(()) } else { Err(StatusError::new_too_many_requests_error(&refused.join("\n"))) }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_come_back_with_time() {
        let limit = Limit::read(&json!({"type": "Server", "qps": 1, "burst": 2})).expect("limit");
        let taken: Vec<bool> = [0, 0, 0, 1_000_000_000].into_iter().map(|now| limit.try_accept("", now)).collect();
        assert_eq!(taken, [true, true, false, true]);
    }
}
