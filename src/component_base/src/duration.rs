//! Durations in Go's spelling: `1m30s`.
//!
//! Go: time/{time,format}.go Duration.String, ParseDuration

use std::{fmt, str::FromStr, time};

/// A span of time, which may be negative, to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Its length in nanoseconds.
    pub nanos: i64,
}

const SECOND: u64 = 1_000_000_000;

/// Why a text is no duration, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It has not the form of one, or is longer than 292 years.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number stands alone.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that nobody knows: the unit, the text.
    #[error("time: unknown unit {0:?} in duration {1:?}")]
    UnknownUnit(String, String),
}

impl Duration {
    /// Returns it as the standard library has it; `None` if it is negative.
    pub fn to_std(self) -> Option<time::Duration> {
        u64::try_from(self.nanos).ok().map(time::Duration::from_nanos)
    }
}

impl From<time::Duration> for Duration {
    /// A span of more than 292 years becomes one of 292 years.
    fn from(duration: time::Duration) -> Self {
        Self { nanos: duration.as_nanos().try_into().unwrap_or(i64::MAX) }
    }
}

impl FromStr for Duration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, behind) = rest.split_at(digits(rest));
            let (fraction, behind) = match behind.strip_prefix('.') {
                Some(behind) => behind.split_at(digits(behind)),
                None => ("", behind),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let length = behind.find(|char: char| char == '.' || char.is_ascii_digit()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(length);
            let nanos = match unit {
                "" => return Err(ParseError::MissingUnit(text.to_owned())),
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => SECOND,
                "m" => 60 * SECOND,
                "h" => 3600 * SECOND,
                unit => return Err(ParseError::UnknownUnit(unit.to_owned(), text.to_owned())),
            };
            let part = part(whole, fraction, nanos).ok_or_else(invalid)?;
            total = total.checked_add(part).ok_or_else(invalid)?;
            rest = behind;
        }
        let nanos = if negative { 0_i64.checked_sub_unsigned(total) } else { total.try_into().ok() };
        nanos.map(|nanos| Self { nanos }).ok_or_else(invalid)
    }
}

/// Returns a number of units in nanoseconds; what is less than one is dropped.
fn part(whole: &str, fraction: &str, nanos: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut scale = 1.0;
    let below = fraction.bytes().fold(0.0, |below, digit| {
        scale /= 10.0;
        below + f64::from(digit - b'0') * scale
    });
    let below = (below * nanos as f64).round();
    whole.checked_mul(nanos)?.checked_add(below as u64)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(nanos, 1_000)),
            1_000_000..SECOND => write!(f, "{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let (hours, minutes) = (nanos / (3600 * SECOND), nanos / (60 * SECOND) % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if nanos >= 60 * SECOND {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}s", decimal(nanos % (60 * SECOND), SECOND))
            }
        }
    }
}

/// Writes a number of nanoseconds in a unit, without zeros at the end.
fn decimal(nanos: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes about how long something is, for a column of ages: `5d`, `3h12m`.
///
/// Go: apimachinery/pkg/util/duration/duration.go HumanDuration
pub fn human_duration(duration: Duration) -> String {
    // Two clocks may differ by a second or two: that is still now.
    let seconds = duration.nanos / SECOND as i64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |large: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{small_unit}") }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<i64, String> {
        text.parse::<Duration>().map(|duration| duration.nanos).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_are_read_and_written_as_in_go() {
        let cases = [
            ("0", 0, "0s"),
            ("5s", 5_000_000_000, "5s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("90m", 5_400_000_000_000, "1h30m0s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("-1.5s", -1_500_000_000, "-1.5s"),
            ("+100ms", 100_000_000, "100ms"),
            ("1h0.25s", 3_600_250_000_000, "1h0m0.25s"),
            ("1500us", 1_500_000, "1.5ms"),
            ("1.5µs", 1_500, "1.5µs"),
            ("7ns", 7, "7ns"),
            (".5s", 500_000_000, "500ms"),
        ];
        for (text, nanos, shown) in cases {
            assert_eq!(parse(text), Ok(nanos), "{text}");
            assert_eq!(Duration { nanos }.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_in_gos_words() {
        let cases = [
            ("", "time: invalid duration \"\""),
            ("x", "time: invalid duration \"x\""),
            (".s", "time: invalid duration \".s\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5d", "time: unknown unit \"d\" in duration \"5d\""),
            ("1s ", "time: unknown unit \"s \" in duration \"1s \""),
            ("3000000h", "time: invalid duration \"3000000h\""),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn ages_are_short() {
        let seconds = |seconds: i64| human_duration(Duration { nanos: seconds * 1_000_000_000 });
        let cases = [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (64_000_000, "2y10d"),
            (252_288_000, "8y"),
        ];
        for (age, text) in cases {
            assert_eq!(seconds(age), text, "{age}");
        }
    }
}
