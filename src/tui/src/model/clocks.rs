//! The clocks that run against a held request, and which of them can be stopped.

use control::{holds::Hold, timeline::trace::TraceLog};
use phase::clock::Nanos;

/// How long the client itself waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// For ever.
    NoLimit,
    /// This much longer; it cannot be stopped from here.
    Left(Nanos),
    /// It has probably gone.
    Gone,
    /// Nobody knows.
    Unknown,
}

const SECOND: Nanos = 1_000_000_000;

/// From this many seconds on one is warned.
pub const WARN: Nanos = 5 * SECOND;

/// Returns how long the client of a held request waits.
pub fn client(log: &TraceLog, hold: &Hold, now: Nanos) -> Client {
    let (_, path) = log.method_and_path();
    let query = log.fact("query").or_else(|| path.split_once('?').map(|(_, query)| query)).unwrap_or_default();
    let agent = log.fact("userAgent").unwrap_or_default();
    let limit = match asked_for(query).or_else(|| by_agent(agent, path)) {
        None => return Client::Unknown,
        Some(Limit::None) => return Client::NoLimit,
        Some(Limit::After(limit)) => limit,
    };
    // The client began to wait when it sent the request, not when it was held.
    let waited = now.max(hold.since).saturating_sub(log.started());
    match limit.checked_sub(waited) {
        Some(left) if left > 0 => Client::Left(left),
        _ => Client::Gone,
    }
}

/// What a client allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// Any time.
    None,
    /// This much.
    After(Nanos),
}

/// A client that says `?timeout=` means it.
fn asked_for(query: &str) -> Option<Limit> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    let digits = value.trim_end_matches(|c: char| c.is_alphabetic());
    let number: Nanos = digits.parse().ok()?;
    match &value[digits.len()..] {
        "ms" => Some(Limit::After(number * SECOND / 1_000)),
        "s" | "" => Some(if number > 0 { Limit::After(number * SECOND) } else { Limit::None }),
        "m" => Some(Limit::After(number * 60 * SECOND)),
        _ => None,
    }
}

/// What is known of the defaults of common clients.
fn by_agent(agent: &str, path: &str) -> Option<Limit> {
    let discovery = matches!(path.split('?').next(), Some("/api" | "/apis")) || path.starts_with("/openapi");
    if agent.starts_with("kubectl/") || agent.starts_with("kubestep") {
        // kubectl has no limit of its own; its discovery client has one of 32 seconds.
        return Some(if discovery { Limit::After(32 * SECOND) } else { Limit::None });
    }
    if agent.starts_with("kube-controller-manager/") {
        return Some(Limit::After(70 * SECOND));
    }
    agent.starts_with("curl/").then_some(Limit::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_in_the_query_is_read() {
        assert_eq!(asked_for("timeout=32s&limit=5"), Some(Limit::After(32 * SECOND)));
        assert_eq!(asked_for("timeout=500ms"), Some(Limit::After(SECOND / 2)));
        assert_eq!(asked_for("timeout=0s"), Some(Limit::None));
        assert_eq!(asked_for("timeoutSeconds=5"), None);
        assert_eq!(by_agent("kubectl/v1.36.2 (linux/amd64)", "/api?x"), Some(Limit::After(32 * SECOND)));
        assert_eq!(by_agent("kubectl/v1.36.2", "/api/v1/pods"), Some(Limit::None));
        assert_eq!(by_agent("Mozilla", "/"), None);
    }
}
