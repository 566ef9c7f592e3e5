//! Quantities: `500m`, `1Gi`, `12e6`.
//!
//! A quantity is a decimal number that remembers how it wants to be written. Two texts may be one
//! quantity (`1000m` and `1`), and Kubernetes always writes the canonical one: the largest suffix that
//! needs no fraction.
//!
//! Go: apimachinery/pkg/api/resource/{quantity,suffix}.go

use std::{cmp::Ordering, fmt, str::FromStr};

/// A number in billionths, and its format. Equality and order are those of the number.
///
/// Simplified: numbers of Go's fast path above 1e29 are capped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `1k`, `1M`, `500m`.
    #[default]
    DecimalSI,
    /// `1Ki`, `1Mi`.
    BinarySI,
    /// `1e3`, `1e6`.
    DecimalExponent,
}

/// Why a text is no quantity, in Go's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It does not look like one.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// Its suffix is none.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const NANO: i128 = 1_000_000_000;
/// The cap: Go keeps a quantity within the range of its `int64`.
const MAX: i128 = i64::MAX as i128 * NANO;
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Returns a whole number.
    pub fn new(value: i64, format: Format) -> Self {
        Self { nanos: i128::from(value) * NANO, format }
    }

    /// Returns a number of thousandths.
    pub fn new_milli(value: i64, format: Format) -> Self {
        Self { nanos: i128::from(value) * (NANO / 1000), format }
    }

    /// Returns the number rounded up (away from zero), within the range of 64 bits. Go: Value
    pub fn value(self) -> i64 {
        clamp(div_away(self.nanos, NANO))
    }

    /// Returns the number in thousandths, rounded up, within the range of 64 bits. Go: MilliValue
    pub fn milli_value(self) -> i64 {
        clamp(div_away(self.nanos, NANO / 1000))
    }

    /// Returns the number if it is whole and fits. Go: AsInt64
    pub fn as_i64(self) -> Option<i64> {
        if self.nanos % NANO == 0 { i64::try_from(self.nanos / NANO).ok() } else { None }
    }

    /// Returns the number, as near as a float comes. Go: AsApproximateFloat64
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Returns the format.
    pub fn format(self) -> Format {
        self.format
    }

    /// Says whether it is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Returns -1, 0 or 1.
    pub fn sign(self) -> i32 {
        self.nanos.signum() as i32
    }

    /// Returns the sum; its format is that of the first, unless that is zero. Go: Add
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: self.nanos.saturating_add(other.nanos), format }
    }

    /// Returns the difference; its format is that of the first, unless that is zero. Go: Sub
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { nanos: -other.nanos, format: other.format })
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl FromStr for Quantity {
    type Err = ParseError;

    /// Go: apimachinery/pkg/api/resource/quantity.go ParseQuantity
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts = split(text)?;
        let (base, exponent, format) = interpret(parts.suffix).ok_or(ParseError::Suffix)?;
        let digits = format!("{}{}", parts.whole, parts.fraction);
        let scale = exponent_of(base, exponent) - i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
        let factor = if base == 2 { 1_i128 << exponent } else { 1 };
        let nanos = scaled(&digits, scale + 9, factor);
        let fraction_only = nanos > 0 && nanos < NANO;
        Ok(Self {
            nanos: if parts.negative { -nanos } else { nanos },
            // Less than one cannot be written in powers of 1024.
            format: if format == Format::BinarySI && fraction_only { Format::DecimalSI } else { format },
        })
    }
}

struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

/// Cuts a text into sign, digits and suffix. Go: parseQuantityString
fn split(text: &str) -> Result<Parts<'_>, ParseError> {
    if text.is_empty() {
        return Err(ParseError::Format);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let after = |text: &str, digits: fn(char) -> bool| text.len() - text.trim_start_matches(digits).len();
    let (whole, mut rest) = unsigned.split_at(after(unsigned, |char| char.is_ascii_digit()));
    let mut fraction = "";
    if let Some(behind) = rest.strip_prefix('.') {
        (fraction, rest) = behind.split_at(after(behind, |char| char.is_ascii_digit()));
    }
    let letters = after(rest, |char| "eEinumkKMGTP".contains(char));
    let exponent = &rest[letters..];
    if !exponent.strip_prefix(['-', '+']).unwrap_or(exponent).chars().all(|char| char.is_ascii_digit()) {
        return Err(ParseError::Format);
    }
    // No digits are zero to Go: `m` is a quantity.
    Ok(Parts { negative: text.starts_with('-'), whole, fraction, suffix: rest })
}

/// Returns base, exponent and format of a suffix. Go: suffix.go interpret
fn interpret(suffix: &str) -> Option<(u32, i32, Format)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((10, *exponent, Format::DecimalSI));
    }
    if let Some((_, exponent)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((2, *exponent as i32, Format::BinarySI));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((10, exponent.parse().ok()?, Format::DecimalExponent))
}

fn exponent_of(base: u32, exponent: i32) -> i32 {
    if base == 10 { exponent } else { 0 }
}

/// Returns `digits * 10^scale * factor`, rounded up, capped.
fn scaled(digits: &str, scale: i32, factor: i128) -> i128 {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    // 38 digits are what 128 bits hold; a number that long is beyond the cap, or its tail far below a billionth.
    let magnitude = i64::try_from(digits.len()).unwrap_or(i64::MAX) + i64::from(scale);
    if magnitude > 29 {
        return MAX;
    }
    let kept = &digits[..digits.len().min(27)];
    let scale = scale.saturating_add(i32::try_from(digits.len() - kept.len()).unwrap_or(i32::MAX));
    let number: i128 = kept.parse().expect("at most 27 digits");
    let exact = digits[kept.len()..].bytes().all(|digit| digit == b'0');
    let product = number.saturating_mul(factor);
    let value = match u32::try_from(scale) {
        Ok(up) => 10_i128.checked_pow(up).and_then(|power| product.checked_mul(power)).unwrap_or(MAX),
        Err(_) => {
            let power = 10_i128.checked_pow(scale.unsigned_abs()).unwrap_or(i128::MAX);
            product / power + i128::from(product % power != 0)
        }
    };
    (value + i128::from(!exact)).min(if factor == 1 { MAX.saturating_mul(100) } else { MAX })
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn div_away(value: i128, by: i128) -> i128 {
    value / by + if value % by == 0 { 0 } else { value.signum() }
}

impl fmt::Display for Quantity {
    /// Go: apimachinery/pkg/api/resource/quantity.go CanonicalizeBytes
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos % NANO == 0;
        if self.format == Format::BinarySI && whole && self.nanos.abs() >= 1024 * NANO {
            return self.write_binary(f);
        }
        let mut number = self.nanos;
        let mut exponent = -9;
        while number % 1000 == 0 {
            number /= 1000;
            exponent += 3;
        }
        match (self.format, exponent) {
            (_, 0) => write!(f, "{number}"),
            (Format::DecimalExponent, _) => write!(f, "{number}e{exponent}"),
            (Format::DecimalSI | Format::BinarySI, _) => {
                let suffix = DECIMAL.iter().find(|(_, known)| *known == exponent).map_or("", |(suffix, _)| suffix);
                write!(f, "{number}{suffix}")
            }
        }
    }
}

impl Quantity {
    fn write_binary(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.nanos / NANO;
        let mut power = 0;
        while number % 1024 == 0 && power < BINARY.len() {
            number /= 1024;
            power += 1;
        }
        write!(f, "{number}{}", power.checked_sub(1).map_or("", |index| BINARY[index].0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Quantity>().map_or_else(|error| format!("{error:?}"), |quantity| quantity.to_string())
    }

    #[test]
    fn quantities_are_written_canonically() {
        for (given, wanted) in [
            ("1000m", "1"),
            ("1", "1"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("0.1", "100m"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("1500m", "1500m"),
            ("1.5k", "1500"),
            ("12345", "12345"),
            ("1025Ki", "1025Ki"),
            ("1023", "1023"),
            ("100Ki", "100Ki"),
            ("0", "0"),
            ("-1", "-1"),
            ("0.0000000001", "1n"),
            ("1E", "1E"),
            ("9999999999999999999999", "9223372036854775807"),
            ("10Ei", "9223372036854775807"),
            ("+5", "5"),
            (".5", "500m"),
            ("0.5Ki", "512"),
        ] {
            assert_eq!(canonical(given), wanted, "{given}");
        }
        for (given, wanted) in
            [("", "Format"), ("x", "Format"), ("1x", "Format"), ("1mm", "Suffix"), ("1 Gi", "Format"), ("m", "0")]
        {
            assert_eq!(canonical(given), wanted, "{given}");
        }
    }

    #[test]
    fn arithmetic_keeps_the_format() {
        let parse = |text: &str| text.parse::<Quantity>().expect("a quantity");
        assert_eq!(parse("1Gi").plus(parse("1Mi")).to_string(), "1025Mi");
        assert_eq!(parse("0").plus(parse("1Mi")).to_string(), "1Mi");
        assert_eq!(parse("1").minus(parse("1500m")).to_string(), "-500m");
        assert!(parse("1000m") == parse("1") && parse("999m") < parse("1"));
        assert_eq!((parse("1001m").value(), parse("1001m").milli_value()), (2, 1001));
    }
}
