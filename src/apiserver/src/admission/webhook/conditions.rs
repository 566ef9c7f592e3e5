//! Expressions that must all be true for a webhook to be asked.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go

use apimachinery::validation::field;
use cel::{Program, Value as CelValue, Variables};
use serde_json::Value;

use crate::admission::webhook::config::FailurePolicy;

/// One of `matchConditions`.
#[derive(Debug)]
pub struct Condition {
    expression: String,
    program: Result<Program, cel::Error>,
}

/// What conditions say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All are true.
    Matches,
    /// One is false, or failed where failures are ignored.
    DoesNotMatch,
    /// One failed, and none is false.
    Failed(String),
}

impl Condition {
    /// Reads a condition; an expression that does not compile fails when it is evaluated.
    pub fn read(value: &Value) -> Self {
        let expression = value["expression"].as_str().unwrap_or_default().to_owned();
        Self { program: Program::compile(&expression), expression }
    }

    fn evaluate(&self, variables: &Variables) -> Result<bool, String> {
        let outcome = self.program.as_ref().map_err(Clone::clone).and_then(|program| program.matches(variables));
        outcome.map_err(|error| format!("expression '{}' resulted in error: {error}", self.expression))
    }
}

/// Evaluates conditions. One that is false wins over any that fail.
///
/// Go: apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go Match
pub fn evaluate(conditions: &[Condition], policy: FailurePolicy, review: &Value) -> Outcome {
    let mut request = review.as_object().cloned().unwrap_or_default();
    let mut take = |name: &str| CelValue::from(&request.remove(name).unwrap_or_default());
    let (object, old) = (take("object"), take("oldObject"));
    let variables = Variables::from([
        ("object".to_owned(), object),
        ("oldObject".to_owned(), old),
        ("request".to_owned(), CelValue::from(&Value::Object(request))),
    ]);
    let mut errors = Vec::new();
    for condition in conditions {
        match condition.evaluate(&variables) {
            Ok(true) => {}
            Ok(false) => return Outcome::DoesNotMatch,
            Err(error) => errors.push(error),
        }
    }
    match policy {
        _ if errors.is_empty() => Outcome::Matches,
        FailurePolicy::Fail => Outcome::Failed(field::aggregate(errors)),
        FailurePolicy::Ignore => Outcome::DoesNotMatch,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn false_wins_over_failure_and_failure_follows_the_policy() {
        let conditions = |expressions: &[&str]| -> Vec<Condition> {
            expressions.iter().map(|text| Condition::read(&json!({"name": "a", "expression": text}))).collect()
        };
        let review = json!({"object": {"metadata": {"name": "a"}}, "oldObject": null, "operation": "CREATE"});
        let evaluate = |expressions: &[&str], policy| evaluate(&conditions(expressions), policy, &review);
        let failing = "object.data.none == \"x\"";
        assert_eq!(evaluate(&[failing, "false"], FailurePolicy::Fail), Outcome::DoesNotMatch);
        assert_eq!(evaluate(&[failing], FailurePolicy::Ignore), Outcome::DoesNotMatch);
        let expected = "expression 'object.data.none == \"x\"' resulted in error: no such key: data";
        assert_eq!(evaluate(&[failing], FailurePolicy::Fail), Outcome::Failed(expected.to_owned()));
        assert_eq!(evaluate(&["request.operation == \"CREATE\""], FailurePolicy::Fail), Outcome::Matches);
    }
}
