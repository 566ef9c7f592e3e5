//! Durations and moments.
//!
//! Go: cel-go/common/types/{duration,timestamp}.go

use jiff::{Timestamp, tz::TimeZone};

use super::Found;
use crate::{Error, value::Value};

const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];

/// Reads Go's spelling of a duration (`1h30m`, `-1.5s`) as nanoseconds.
pub fn duration(text: &str) -> Result<i64, Error> {
    let bad = || Error::new(format!("time: invalid duration \"{text}\""));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut nanos = 0.0;
    while !rest.is_empty() || nanos == 0.0 {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let length = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..length]).ok_or_else(bad)?;
        nanos += number * unit;
        rest = &rest[length..];
        if rest.is_empty() {
            break;
        }
    }
    Ok((sign * nanos).round() as i64)
}

/// Writes nanoseconds as seconds: `3600s`, `1.5s`.
pub fn format_duration(nanos: i64) -> String {
    format!("{}s", nanos as f64 / 1e9)
}

/// Reads an RFC 3339 time as nanoseconds since the Unix epoch.
pub fn timestamp(text: &str) -> Result<i128, Error> {
    let timestamp: Result<Timestamp, _> = text.parse();
    timestamp.map(Timestamp::as_nanosecond).map_err(|error| Error::new(error.to_string()))
}

/// Writes nanoseconds since the Unix epoch as RFC 3339.
pub fn format_timestamp(nanos: i128) -> String {
    Timestamp::from_nanosecond(nanos).map(|time| time.to_string()).unwrap_or_default()
}

/// `getFullYear()`, `getHours()`...
pub(super) fn method(name: &str, args: &[Value]) -> Found {
    match args {
        [Value::Duration(nanos)] => Some(Ok(Value::Int(match name {
            "getHours" => nanos / 3_600_000_000_000,
            "getMinutes" => nanos / 60_000_000_000,
            "getSeconds" => nanos / 1_000_000_000,
            "getMilliseconds" => nanos / 1_000_000 % 1000,
            _ => return None,
        }))),
        [Value::Timestamp(nanos)] => part(name, *nanos, "UTC"),
        [Value::Timestamp(nanos), Value::String(zone)] => part(name, *nanos, zone),
        _ => None,
    }
}

fn part(name: &str, nanos: i128, zone: &str) -> Found {
    let zone = if zone == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(zone) };
    let zone = match zone {
        Ok(zone) => zone,
        Err(error) => return Some(Err(Error::new(error.to_string()))),
    };
    let time = Timestamp::from_nanosecond(nanos).ok()?.to_zoned(zone);
    Some(Ok(Value::Int(match name {
        "getFullYear" => i64::from(time.year()),
        "getMonth" => i64::from(time.month()) - 1,
        "getDate" => i64::from(time.day()),
        "getDayOfMonth" => i64::from(time.day()) - 1,
        "getDayOfYear" => i64::from(time.day_of_year()) - 1,
        "getDayOfWeek" => i64::from(time.weekday().to_sunday_zero_offset()),
        "getHours" => i64::from(time.hour()),
        "getMinutes" => i64::from(time.minute()),
        "getSeconds" => i64::from(time.second()),
        "getMilliseconds" => i64::from(time.millisecond()),
        _ => return None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(duration("-1.5s"), Ok(-1_500_000_000));
        assert!(duration("").is_err() && duration("5").is_err() && duration("5 s").is_err());
    }
}
