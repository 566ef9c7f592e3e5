//! A number or a text: ports by number or name, counts by number or percentage.
//!
//! Go: apimachinery/pkg/util/intstr/intstr.go

use std::fmt;

use serde_json::Value;

use crate::util::strconv;

/// What stands in such a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    /// A number of 32 bits.
    Int(i32),
    /// A text.
    String(String),
}

/// In which direction a share that is no whole number is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger number.
    Up,
    /// To the next smaller number.
    Down,
}

impl IntOrString {
    /// Reads what stands in an object; `None` if it is neither, or a number beyond 32 bits.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::String(text.clone())),
            other => Some(Self::Int(other.as_i64()?.try_into().ok()?)),
        }
    }

    /// Reads a text as a number if it is one. Go: Parse
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::String(text.to_owned()), Self::Int)
    }

    /// Returns the percentage, if it is one.
    pub fn percent(&self) -> Option<i32> {
        match self {
            Self::Int(_) => None,
            Self::String(text) => text.strip_suffix('%')?.parse().ok(),
        }
    }

    /// Returns the number, or the share of `total` that the percentage is.
    ///
    /// Go: GetScaledValueFromIntOrPercent
    pub fn scaled(&self, total: i32, rounding: Rounding) -> Result<i32, String> {
        let text = match self {
            Self::Int(number) => return Ok(*number),
            Self::String(text) => text,
        };
        let Some(digits) = text.strip_suffix('%') else {
            return Err("invalid value for IntOrString: invalid type: string is not a percentage".to_owned());
        };
        let percent: i64 = digits.parse().map_err(|_| {
            let (shown, digits) = (strconv::quote(text), strconv::quote(digits));
            format!(
                "invalid value for IntOrString: invalid value {shown}: strconv.Atoi: parsing {digits}: invalid syntax"
            )
        })?;
        let hundredfold = percent.saturating_mul(i64::from(total));
        let rounded = match rounding {
            Rounding::Up => -((-hundredfold).div_euclid(100)),
            Rounding::Down => hundredfold.div_euclid(100),
        };
        Ok(rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }
}

impl From<IntOrString> for Value {
    fn from(value: IntOrString) -> Self {
        match value {
            IntOrString::Int(number) => number.into(),
            IntOrString::String(text) => text.into(),
        }
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::String(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shares_are_rounded_as_asked() {
        let quarter = IntOrString::String("25%".to_owned());
        assert_eq!(quarter.scaled(10, Rounding::Up), Ok(3));
        assert_eq!(quarter.scaled(10, Rounding::Down), Ok(2));
        assert_eq!(IntOrString::Int(7).scaled(10, Rounding::Up), Ok(7));
        assert_eq!((quarter.percent(), IntOrString::Int(7).percent()), (Some(25), None));
        let error = IntOrString::String("x%".to_owned()).scaled(10, Rounding::Up).expect_err("no number");
        let text = r#"invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax"#;
        assert_eq!(error, text);
        let error = IntOrString::String("25".to_owned()).scaled(10, Rounding::Up).expect_err("no percentage");
        assert_eq!(error, "invalid value for IntOrString: invalid type: string is not a percentage");
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(IntOrString::from_value(&json!(80)), Some(IntOrString::Int(80)));
        assert_eq!(IntOrString::from_value(&json!("http")).expect("text").to_string(), "http");
        assert_eq!(IntOrString::from_value(&json!(1_i64 << 40)), None);
        assert_eq!(IntOrString::parse("80"), IntOrString::Int(80));
        assert_eq!(Value::from(IntOrString::parse("80%")), json!("80%"));
    }
}
