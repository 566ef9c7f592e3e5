//! Times as Kubernetes writes them.
//!
//! Go: apimachinery/pkg/apis/meta/v1/{time,micro_time}.go

use std::time::Duration;

use jiff::Timestamp;

/// Writes a time of day (since the Unix epoch) as `metav1.Time`: whole seconds, `Z`.
pub fn rfc3339(wall: Duration) -> String {
    timestamp(Duration::from_secs(wall.as_secs())).to_string()
}

/// Writes a time of day as `metav1.MicroTime`: six digits after the second, `Z`.
pub fn rfc3339_micro(wall: Duration) -> String {
    timestamp(wall).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Writes a time as HTTP headers do: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn rfc1123(wall: Duration) -> String {
    timestamp(wall).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads an RFC 3339 time as the time since the Unix epoch; `None` if it is none, or before 1970.
pub fn parse(text: &str) -> Option<Duration> {
    let timestamp: Timestamp = text.parse().ok()?;
    Duration::try_from(timestamp.duration_since(Timestamp::UNIX_EPOCH)).ok()
}

fn timestamp(wall: Duration) -> Timestamp {
    Timestamp::UNIX_EPOCH.checked_add(wall).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        let wall = Duration::from_micros(1_767_225_600_000_042);
        assert_eq!(rfc3339(wall), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339_micro(wall), "2026-01-01T00:00:00.000042Z");
        assert_eq!(parse("2026-01-01T01:00:00+01:00"), Some(Duration::from_hours(490_896)));
    }
}
