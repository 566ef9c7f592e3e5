//! Quantities: `100m`, `1.5Gi`, `1e3`.
//!
//! A quantity is a decimal number that remembers in which family of suffixes it was written. It is
//! served in canonical form: no fraction, the largest suffix that fits, at most three digits of scale
//! (`0.5` becomes `500m`, `1024Mi` becomes `1Gi`). In an object, a text that looks canonical already
//! is kept as it is ([`canonicalize`]), and what counts as looking so is part of the behaviour: `+5`
//! and `0100` do.
//!
//! Go: apimachinery/pkg/api/resource/{quantity,suffix,amount}.go

use std::{cmp::Ordering, fmt, ops::Neg, str::FromStr};

use serde_json::Value;

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It has not the form of one.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number is beyond what is computed with.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix is none.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// The family of suffixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `12M`.
    #[default]
    DecimalSI,
    /// `12Mi`.
    BinarySI,
    /// `12e6`.
    DecimalExponent,
}

/// The smallest part that is kept: a billionth.
const NANO: i32 = -9;
/// Digits that are computed with.
///
/// Simplified: Kubernetes computes with any number of digits.
const MAX_DIGITS: usize = 30;

const DECIMAL: [(&str, i32); 10] =
    [("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18), ("m", -3), ("u", -6), ("n", -9)];
const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount, `value * 10^scale`, and how it is written. Equality and order are those of the amount.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    value: i128,
    scale: i32,
    format: Format,
}

/// What a text consists of.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

/// Cuts a text into sign, digits, digits behind the point, and suffix.
///
/// Go: parseQuantityString
fn parts(text: &str) -> Result<Parts<'_>, ParseError> {
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix.bytes().take_while(|byte| b"eEinumkKMGTP".contains(byte)).count();
    let exponent = &suffix[letters..];
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if digits(exponent) < exponent.len() {
        return Err(ParseError::Format);
    }
    Ok(Parts { negative, whole: whole.trim_start_matches('0'), fraction, suffix })
}

/// Returns the exponent of a suffix, of base 2 for [`Format::BinarySI`], else of base 10.
fn interpret(suffix: &str) -> Result<(i32, Format), ParseError> {
    let find = |table: &[(&str, i32)]| table.iter().find(|(name, _)| *name == suffix).map(|(_, exponent)| *exponent);
    if let Some(exponent) = find(&DECIMAL) {
        return Ok((exponent, Format::DecimalSI));
    }
    if let Some(exponent) = find(&BINARY) {
        return Ok((exponent, Format::BinarySI));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|number| number.parse::<i64>().ok());
    // A scale that no amount has any use for: beyond it, everything is nothing or endless.
    let exponent = exponent.ok_or(ParseError::Suffix)?.clamp(-1000, 1000);
    Ok((exponent as i32, Format::DecimalExponent))
}

impl FromStr for Quantity {
    type Err = ParseError;

    /// Go: ParseQuantity
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).map(|(quantity, _)| quantity)
    }
}

/// Returns the text that is served for a text in an object: canonical, or kept as it is.
///
/// Go: Quantity.UnmarshalJSON, Quantity.MarshalJSON
pub fn canonicalize(text: &str) -> Result<String, ParseError> {
    let text = text.trim();
    let (quantity, keeps_text) = parse(text)?;
    Ok(if keeps_text { text.to_owned() } else { quantity.to_string() })
}

/// Reads a text, and says whether it is kept.
fn parse(text: &str) -> Result<(Quantity, bool), ParseError> {
    if text.is_empty() {
        return Err(ParseError::Format);
    }
    let parts = parts(text)?;
    let (exponent, mut format) = interpret(parts.suffix)?;
    let digits = format!("{}{}", parts.whole, parts.fraction);
    if digits.trim_start_matches('0').len() > MAX_DIGITS {
        return Err(ParseError::Numeric);
    }
    let number: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| ParseError::Numeric)? };
    let fraction = -i32::try_from(parts.fraction.len()).map_err(|_| ParseError::Numeric)?;
    let (mut value, mut scale) = match format {
        Format::BinarySI => (number.saturating_mul(1 << exponent), fraction),
        Format::DecimalSI | Format::DecimalExponent => (number, fraction + exponent),
    };
    let keeps_text = looks_canonical(&parts, format, exponent, (value, scale));
    if scale < NANO {
        value = divide_up(value, NANO - scale);
        scale = NANO;
    }
    if format == Format::BinarySI {
        let limit = i128::from(i64::MAX);
        if compare((value, scale), (limit, 0)) == Ordering::Greater {
            (value, scale) = (limit, 0);
        }
        // Less than one has no binary suffix.
        if value > 0 && compare((value, scale), (1, 0)) == Ordering::Less {
            format = Format::DecimalSI;
        }
    }
    let value = if parts.negative { -value } else { value };
    Ok((Quantity { value, scale, format }, keeps_text))
}

/// Says whether the text is kept. Kubernetes looks at the digits only, and only at amounts of 64 bits.
fn looks_canonical(parts: &Parts<'_>, format: Format, exponent: i32, (value, scale): (i128, i32)) -> bool {
    let digits = (parts.whole.len().max(1) + parts.fraction.len()) as i32;
    let precise = match format {
        // 18 decimal digits always fit, and so do 15 minus those of the power of two.
        Format::DecimalSI | Format::DecimalExponent => digits <= 18,
        Format::BinarySI => parts.fraction.is_empty() && digits + exponent * 3 / 10 < 15,
    };
    if !precise || scale < NANO || i64::try_from(value).is_err() {
        return false;
    }
    match format {
        Format::BinarySI => exponent % 10 == 0 && (value >> exponent) & 0x07 != 0,
        Format::DecimalSI | Format::DecimalExponent => {
            scale % 3 == 0 && !parts.whole.is_empty() && !format!("{}{}", parts.whole, parts.fraction).ends_with("000")
        }
    }
}

/// Divides by a power of ten, away from zero.
fn divide_up(value: i128, digits: i32) -> i128 {
    let divisor = u32::try_from(digits).ok().and_then(|digits| 10_i128.checked_pow(digits));
    let Some(divisor) = divisor else { return value.signum() };
    value / divisor + if value % divisor == 0 { 0 } else { value.signum() }
}

/// Multiplies by a power of ten, if the result can be computed with.
fn multiply(value: i128, digits: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    10_i128.checked_pow(u32::try_from(digits).ok()?)?.checked_mul(value)
}

fn compare((a, a_scale): (i128, i32), (b, b_scale): (i128, i32)) -> Ordering {
    let common = a_scale.min(b_scale);
    let (scaled_a, scaled_b) = (multiply(a, a_scale - common), multiply(b, b_scale - common));
    match (scaled_a, scaled_b) {
        (Some(a), Some(b)) => a.cmp(&b),
        // Only the one of the larger scale can be too large.
        (None, _) => a.signum().cmp(&0),
        (_, None) => 0.cmp(&b.signum()),
    }
}

impl Quantity {
    /// Returns a whole number.
    pub fn new(value: i64, format: Format) -> Self {
        Self { value: value.into(), scale: 0, format }
    }

    /// Returns a number of thousandths.
    pub fn new_milli(value: i64, format: Format) -> Self {
        Self { value: value.into(), scale: -3, format }
    }

    /// Reads what stands in an object: a text, or a number. `null` is zero.
    ///
    /// Go: UnmarshalJSON
    pub fn from_value(value: &Value) -> Result<Self, ParseError> {
        match value {
            Value::Null => Ok(Self::new(0, Format::DecimalSI)),
            Value::String(text) => text.trim().parse(),
            other => other.to_string().parse(),
        }
    }

    /// Says whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.value == 0
    }

    /// Returns -1, 0 or 1.
    pub fn sign(self) -> i32 {
        self.value.signum() as i32
    }

    /// Returns the amount in units of `10^scale`, rounded away from zero.
    pub fn scaled_value(self, scale: i32) -> i64 {
        let value = if self.scale < scale {
            divide_up(self.value, scale - self.scale)
        } else {
            multiply(self.value, self.scale - scale).unwrap_or(i128::MAX * self.value.signum())
        };
        i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    }

    /// Returns the amount, rounded away from zero. Go: Value
    pub fn value(self) -> i64 {
        self.scaled_value(0)
    }

    /// Returns the amount in thousandths, rounded away from zero. Go: MilliValue
    pub fn milli_value(self) -> i64 {
        self.scaled_value(-3)
    }

    /// Returns the amount if it is a whole number. Go: AsInt64
    pub fn as_i64(self) -> Option<i64> {
        let value = self.value();
        (compare((self.value, self.scale), (value.into(), 0)) == Ordering::Equal).then_some(value)
    }

    /// Returns about the amount. Go: AsApproximateFloat64
    pub fn as_f64(self) -> f64 {
        self.value as f64 * 10_f64.powi(self.scale)
    }

    /// Returns how it is written.
    pub fn format(self) -> Format {
        self.format
    }

    /// Returns the sum; its format is that of the first, unless that is zero. Go: Add
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        let scale = self.scale.min(other.scale);
        let [a, b] = [self, other].map(|q| multiply(q.value, q.scale - scale).unwrap_or(i128::MAX * q.value.signum()));
        Self { value: a.saturating_add(b), scale, format }
    }

    /// Returns the difference; its format is that of the first, unless that is zero. Go: Sub
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(-other)
    }

    /// Returns the product. Go: Mul
    #[must_use]
    pub fn times(self, factor: i64) -> Self {
        Self { value: self.value.saturating_mul(factor.into()), ..self }
    }

    /// Returns the amount with an exponent that is a multiple of three, as large as it can be.
    fn thousands(self) -> (i128, i32) {
        let (number, zeros) = without_factors(self.value, 10);
        let exponent = self.scale + zeros;
        let more = exponent.rem_euclid(3);
        (number * 10_i128.pow(more.unsigned_abs()), exponent - more)
    }
}

/// Divides by a factor as often as it goes.
fn without_factors(mut value: i128, factor: i128) -> (i128, i32) {
    let mut times = 0;
    while value != 0 && value % factor == 0 {
        value /= factor;
        times += 1;
    }
    (value, times)
}

impl fmt::Display for Quantity {
    /// Writes the canonical form. What is too large for a suffix is written without one, as in Go.
    ///
    /// Go: CanonicalizeBytes
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        let below_1024 = compare((self.value.abs(), self.scale), (1024, 0)) == Ordering::Less;
        let (number, exponent) = self.thousands();
        match (self.format, self.as_i64()) {
            (Format::BinarySI, Some(whole)) if !below_1024 => {
                let (number, power) = without_factors(whole.into(), 1024);
                let suffix = BINARY.iter().find(|(_, exponent)| *exponent == power * 10).map_or("", |(name, _)| name);
                write!(f, "{number}{suffix}")
            }
            (Format::DecimalExponent, _) if exponent != 0 => write!(f, "{number}e{exponent}"),
            (Format::DecimalSI | Format::BinarySI | Format::DecimalExponent, _) => {
                let suffix = DECIMAL.iter().find(|(_, power)| *power == exponent).map_or("", |(name, _)| name);
                write!(f, "{number}{suffix}")
            }
        }
    }
}

impl Neg for Quantity {
    type Output = Self;

    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
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
        compare((self.value, self.scale), (other.value, other.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn texts_become_canonical() {
        let cases = [
            ("0", "0"),
            ("000", "0"),
            ("-0", "0"),
            (".", "0"),
            ("m", "0"),
            ("0Mi", "0"),
            ("0.0", "0"),
            ("1", "1"),
            ("+5", "+5"),
            ("0100", "0100"),
            ("1000", "1k"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("5.0", "5"),
            ("-0.5", "-500m"),
            ("100m", "100m"),
            ("12345678", "12345678"),
            ("1024Mi", "1Gi"),
            ("1100Mi", "1100Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.1Gi", "107374182400m"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("1023", "1023"),
            ("0.0001Ki", "102400u"),
            ("8Ki", "8Ki"),
            ("16384", "16384"),
            ("1e3", "1e3"),
            ("1E3", "1E3"),
            ("12e1", "120"),
            ("1e-3", "1e-3"),
            ("100e2", "10e3"),
            ("1E", "1E"),
            ("0.0000000001", "1n"),
            ("1e-12", "1e-9"),
            ("-1e-12", "-1e-9"),
            ("100n", "100n"),
            ("1000u", "1m"),
            ("16Ei", "9223372036854775807"),
            ("123456789012345678901", "123456789012345678901"),
            ("1000E", "1"),
        ];
        for (text, canonical) in cases {
            assert_eq!(canonicalize(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        let cases = [
            ("", ParseError::Format),
            (" ", ParseError::Format),
            ("1x", ParseError::Format),
            ("..", ParseError::Format),
            ("1e3.5", ParseError::Format),
            ("1 ", ParseError::Format),
            ("1mm", ParseError::Suffix),
            ("1e", ParseError::Suffix),
            ("1ki", ParseError::Suffix),
            ("1ee3", ParseError::Suffix),
            ("1234567890123456789012345678901", ParseError::Numeric),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Quantity>(), Err(error), "{text}");
        }
        let text = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        assert_eq!(ParseError::Format.to_string(), text);
    }

    #[test]
    fn amounts_are_compared_and_computed_with() {
        assert_eq!(quantity("1000m"), quantity("1"));
        assert!(
            quantity("1Gi") > quantity("1G") && quantity("-1") < quantity("1e-9") && quantity("1e500") > quantity("1E")
        );
        assert!(quantity("-1e500") < quantity("-1E") && quantity("0e500") == quantity("0"));
        let sum = quantity("0").plus(quantity("512Mi")).plus(quantity("512Mi"));
        assert_eq!(sum.to_string(), "1Gi");
        let rest = sum.minus(quantity("1.5Gi"));
        assert_eq!(rest.to_string(), "-512Mi");
        let back = (-rest).times(4);
        assert_eq!((back.to_string().as_str(), back.value(), back.as_i64()), ("2Gi", 1 << 31, Some(1 << 31)));
        let half = quantity("0.5");
        assert_eq!((half.value(), half.milli_value(), half.as_i64()), (1, 500, None));
        assert!((half.as_f64() - 0.5).abs() < f64::EPSILON);
        assert_eq!(quantity("1e30").value(), i64::MAX);
    }

    #[test]
    fn numbers_are_read_like_texts() {
        for (value, text) in [(json!(5), "5"), (json!(1.5), "1500m"), (json!(" 1Gi "), "1Gi"), (Value::Null, "0")] {
            assert_eq!(Quantity::from_value(&value).expect("a quantity").to_string(), text);
        }
        assert_eq!(Quantity::from_value(&json!(true)), Err(ParseError::Format));
    }

    proptest! {
        /// The canonical form is the same amount and its own canonical form.
        #[test]
        fn canonical_forms_stay(text in r"[-+]?[0-9]{0,9}(\.[0-9]{0,4})?([numkMGTPE]|[KMGTPE]i|e-?[0-9]{1,2})?") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                let canonical = quantity.to_string();
                let again: Quantity = canonical.parse().expect("written by us");
                // Beyond exa there is no suffix to write.
                if quantity.thousands().1 <= 18 || quantity.format == Format::DecimalExponent {
                    prop_assert_eq!(&again, &quantity);
                    prop_assert_eq!(canonicalize(&canonical), Ok(canonical));
                }
            }
        }
    }
}
