//! Whether a number is what a schema says: its range, its bounds and what it is a multiple of.
//!
//! Go: kube-openapi/pkg/validation/validate/values.go

use apimachinery::util::strconv;
use serde_json::{Number, json};

use crate::schema::validation::{
    Validator,
    outcome::{Outcome, Subject},
};

impl Validator {
    /// Go: numberValidator
    pub(super) fn judge_number(&self, subject: Subject<'_>, number: &Number) -> Outcome {
        let mut outcome = Outcome { matches: 1, ..Outcome::default() };
        let mut in_range = |what: &str, value: &Number| match self.range_error(value, what, subject.path) {
            None => true,
            Some(message) => {
                outcome.general(message);
                false
            }
        };
        in_range("Checked", number);
        let bound = |bound: f64| Number::from_f64(bound).unwrap_or_else(|| 0.into());
        let mut says: Vec<String> = Vec::new();
        if let Some(factor) = self.multiple_of {
            let native = in_range("MultipleOf", &bound(factor));
            if !is_multiple(number, factor, native) {
                says.push(format!("should be a multiple of {}", shown(factor)));
            }
        }
        for (what, limit, exclusive, above) in [
            ("Maximum boundary", self.maximum, self.exclusive_maximum, true),
            ("Minimum boundary", self.minimum, self.exclusive_minimum, false),
        ] {
            let Some(limit) = limit else { continue };
            let native = in_range(what, &bound(limit));
            // An integer is compared with the integer part of the bound.
            let limit = if native && number.is_i64() { limit.trunc() } else { limit };
            let value = number.as_f64().unwrap_or_default();
            let within = match (above, exclusive) {
                (true, false) => value <= limit,
                (true, true) => value < limit,
                (false, false) => value >= limit,
                (false, true) => value > limit,
            };
            if !within {
                let words = match (above, exclusive) {
                    (true, false) => "less than or equal to",
                    (true, true) => "less than",
                    (false, false) => "greater than or equal to",
                    (false, true) => "greater than",
                };
                says.push(format!("should be {words} {}", shown(limit)));
            }
        }
        says.iter().for_each(|says| outcome.add(subject.invalid(number.clone(), says)));
        outcome
    }

    /// Says what is wrong with a number for the one type and format of the schema.
    ///
    /// Go: IsValueValidAgainstRange
    fn range_error(&self, number: &Number, what: &str, path: &str) -> Option<String> {
        let value = number.as_f64().unwrap_or_default();
        let (kind, fits) = match (self.types.as_slice(), self.format.as_str()) {
            ([kind], format) if kind == "integer" => {
                let whole =
                    number.as_i64().or_else(|| (value.fract() == 0.0 && value.abs() < 9.2e18).then_some(value as i64));
                (kind, whole.is_some_and(|whole| format != "int32" || i32::try_from(whole).is_ok()))
            }
            ([kind], "float") if kind == "number" => (kind, value.abs() <= f64::from(f32::MAX)),
            _ => return None,
        };
        let format = match self.format.as_str() {
            "" => "(default format)".to_owned(),
            format => format!("with format {format}"),
        };
        (!fits).then(|| format!("{what} value must be of type {kind} {format} in {path}"))
    }
}

/// Go: MultipleOfNativeType, MultipleOf
fn is_multiple(number: &Number, factor: f64, native: bool) -> bool {
    match number.as_i64().filter(|_| native) {
        Some(value) => (factor as i64) > 0 && value % (factor as i64) == 0,
        None => {
            let value = number.as_f64().unwrap_or_default();
            let quotient = if factor < 1.0 { 1.0 / factor * value } else { value / factor };
            factor > 0.0 && (quotient - quotient.round()).abs() < 1e-9 * quotient.abs().max(1.0)
        }
    }
}

/// Shows a bound as Go does.
fn shown(bound: f64) -> String {
    if bound.fract() == 0.0 && bound.abs() < 1e15 { (bound as i64).to_string() } else { strconv::sprint(&json!(bound)) }
}
