//! Scalars that Go reads by code of their own: times and bytes.
//!
//! Each function returns the canonical text, or Go's sentence about what is wrong with it. Go describes
//! the time format it expected by an example date, and says which part of it the text did not match.
//!
//! Go: time/format.go Parse, apimachinery/pkg/apis/meta/v1/{time,micro_time}.go

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
const MICROS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// Go's decoder does not mind bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Reads a `metav1.Time`.
pub fn seconds(text: &str) -> Result<String, String> {
    let moment = Parser { text, rest: text, layout: SECONDS }.parse(None)?;
    Ok(moment.write(false))
}

/// Reads a `metav1.MicroTime`.
pub fn micros(text: &str) -> Result<String, String> {
    let moment = Parser { text, rest: text, layout: MICROS }.parse(Some(6))?;
    Ok(moment.write(true))
}

/// Reads base64, as `[]byte` does: line ends are passed over.
///
/// Go: encoding/base64/base64.go Decode
pub fn bytes(text: &str) -> Result<String, String> {
    let joined;
    let text = if text.contains(['\r', '\n']) {
        joined = text.replace(['\r', '\n'], "");
        &joined
    } else {
        text
    };
    match LENIENT.decode(text) {
        Ok(bytes) => Ok(STANDARD.encode(bytes)),
        Err(error) => Err(format!("illegal base64 data at input byte {}", offset(&error, text))),
    }
}

/// Where Go stops reading: at the byte it does not know, or at the end of what is too short.
fn offset(error: &base64::DecodeError, text: &str) -> usize {
    match error {
        // Padding in the right place is read as such: what is wrong is what follows it.
        base64::DecodeError::InvalidByte(at, b'=') if at % 4 >= 2 => {
            let padding = 4 - at % 4;
            let written = text[*at..].bytes().take(padding).take_while(|byte| *byte == b'=').count();
            if written == padding { at + padding } else { *at }
        }
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => *at,
        base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => text.len() / 4 * 4,
    }
}

/// A moment as it was written.
struct Moment {
    /// Seconds since the Unix epoch, its zone taken off.
    seconds: i64,
    micros: u32,
}

impl Moment {
    fn write(&self, with_micros: bool) -> String {
        let whole = jiff::Timestamp::from_second(self.seconds).unwrap_or(jiff::Timestamp::MIN);
        if with_micros {
            whole.strftime(&format!("%Y-%m-%dT%H:%M:%S.{:06}Z", self.micros)).to_string()
        } else {
            whole.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    layout: &'static str,
}

impl Parser<'_> {
    fn parse(mut self, fraction: Option<usize>) -> Result<Moment, String> {
        let year = self.number(4, "2006")?;
        self.literal("-")?;
        let month = self.ranged(2, "01", 1..=12, "month")?;
        self.literal("-")?;
        let day = self.number(2, "02")?;
        self.literal("T")?;
        let hour = self.hour()?;
        self.literal(":")?;
        let minute = self.ranged(2, "04", 0..=59, "minute")?;
        self.literal(":")?;
        let second = self.ranged(2, "05", 0..=59, "second")?;
        let micros = self.fraction(fraction)?;
        let zone = self.zone()?;
        if !self.rest.is_empty() {
            return Err(format!("parsing time {}: extra text: {}", quote(self.text), quote(self.rest)));
        }
        let date = jiff::civil::Date::new(year as i16, month as i8, day as i8)
            .map_err(|_| format!("parsing time {}: day out of range", quote(self.text)))?;
        let moment = date.at(hour as i8, minute as i8, second as i8, 0);
        let seconds = moment.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
        Ok(Moment { seconds: seconds - zone, micros })
    }

    fn bad(&self, at: &str, element: &str) -> String {
        let (text, layout) = (quote(self.text), quote(self.layout));
        format!("parsing time {text} as {layout}: cannot parse {} as {}", quote(at), quote(element))
    }

    fn number(&mut self, digits: usize, element: &str) -> Result<i32, String> {
        let number = self.rest.get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok()).ok_or_else(|| self.bad(self.rest, element))?;
        self.rest = &self.rest[digits..];
        Ok(number)
    }

    fn ranged(
        &mut self,
        digits: usize,
        element: &str,
        range: std::ops::RangeInclusive<i32>,
        name: &str,
    ) -> Result<i32, String> {
        let number = self.number(digits, element)?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(format!("parsing time {}: {name} out of range", quote(self.text)))
    }

    /// Go takes an hour of one digit.
    fn hour(&mut self) -> Result<i32, String> {
        let digits = if self.rest.as_bytes().get(1).copied().is_some_and(|byte| byte.is_ascii_digit()) { 2 } else { 1 };
        self.ranged(digits, "15", 0..=23, "hour")
    }

    fn literal(&mut self, literal: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(literal).ok_or_else(|| self.bad(self.rest, literal))?;
        Ok(())
    }

    /// A fraction is read where the layout has none, and must have exactly the layout's digits where it has one.
    fn fraction(&mut self, wanted: Option<usize>) -> Result<u32, String> {
        let digits = self
            .rest
            .strip_prefix(['.', ','])
            .map_or(0, |behind| behind.len() - behind.trim_start_matches(|char: char| char.is_ascii_digit()).len());
        match wanted {
            Some(wanted) if digits < wanted => return Err(self.bad(self.rest, ".000000")),
            Some(wanted) => {
                let micros = self.rest[1..=wanted].parse().unwrap_or_default();
                self.rest = &self.rest[1 + wanted..];
                return Ok(micros);
            }
            None if digits == 0 => return Ok(0),
            None => {}
        }
        self.rest = &self.rest[1 + digits..];
        Ok(0)
    }

    /// Returns the zone's distance from UTC in seconds.
    fn zone(&mut self) -> Result<i64, String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let zone = self.rest.get(..6).filter(|zone| zone.is_ascii()).ok_or_else(|| self.bad(self.rest, "Z07:00"))?;
        let bytes = zone.as_bytes();
        let sign = match bytes[0] {
            b'+' => 1,
            b'-' => -1,
            _ => return Err(self.bad(self.rest, "Z07:00")),
        };
        let part = |range: std::ops::Range<usize>| zone[range].parse::<u8>().ok().map(i64::from);
        let (Some(hours), Some(minutes), b':') = (part(1..3), part(4..6), bytes[3]) else {
            return Err(self.bad(self.rest, "Z07:00"));
        };
        if hours > 24 || minutes > 60 {
            let what = if hours > 24 { "hour" } else { "minute" };
            return Err(format!("parsing time {}: time zone offset {what} out of range", quote(self.text)));
        }
        self.rest = &self.rest[6..];
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

/// Go: time/format.go quote
fn quote(text: &str) -> String {
    crate::util::strconv::quote(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_brought_to_utc() {
        assert_eq!(seconds("2020-01-02T03:04:05Z").as_deref(), Ok("2020-01-02T03:04:05Z"));
        assert_eq!(seconds("2020-01-02T03:04:05.9+01:30").as_deref(), Ok("2020-01-02T01:34:05Z"));
        assert_eq!(micros("2020-01-02T03:04:05.000006Z").as_deref(), Ok("2020-01-02T03:04:05.000006Z"));
    }

    #[test]
    fn refusals_name_the_part() {
        for (text, wanted) in [
            ("", r#"parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006""#),
            ("2020-1-02", r#"parsing time "2020-1-02" as "2006-01-02T15:04:05Z07:00": cannot parse "1-02" as "01""#),
            ("2020-13-02T03:04:05Z", r#"parsing time "2020-13-02T03:04:05Z": month out of range"#),
            ("2020-02-30T03:04:05Z", r#"parsing time "2020-02-30T03:04:05Z": day out of range"#),
            ("2020-01-02T03:04:05Zx", r#"parsing time "2020-01-02T03:04:05Zx": extra text: "x""#),
        ] {
            assert_eq!(seconds(text), Err(wanted.to_owned()));
        }
        let short = micros("2020-01-02T03:04:05Z").expect_err("no fraction");
        assert!(short.ends_with(r#"cannot parse "Z" as ".000000""#), "{short}");
    }

    #[test]
    fn bytes_are_written_again() {
        assert_eq!(bytes("aGVs\nbG8=").as_deref(), Ok("aGVsbG8="));
        assert_eq!(bytes("aGVsbG8!"), Err("illegal base64 data at input byte 7".to_owned()));
        assert_eq!(bytes("MQ==x"), Err("illegal base64 data at input byte 4".to_owned()));
    }
}
