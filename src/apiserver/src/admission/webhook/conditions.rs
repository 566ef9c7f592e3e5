//! Expressions that must all be true for a webhook to be asked.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go

use apimachinery::validation::field;
use cel::{
    Program, Value as CelValue, Variables,
    budget::{Budget, OutOfBudget, RUNTIME_CEL_COST_BUDGET_MATCH_CONDITIONS},
};
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

    fn evaluate(&self, variables: &Variables, budget: &mut Budget) -> Result<Result<bool, String>, OutOfBudget> {
        let (outcome, cost) = match &self.program {
            Ok(program) => program.metered(variables),
            Err(error) => (Err(error.clone()), 0),
        };
        budget.spend(cost)?;
        let outcome = outcome.and_then(|value| match value {
            CelValue::Bool(truth) => Ok(truth),
            other => Err(cel::Error::new(format!("expression must be a bool, not {}", other.type_name()))),
        });
        Ok(outcome.map_err(|error| format!("expression '{}' resulted in error: {error}", self.expression)))
    }
}

/// Evaluates conditions. One that is false wins over any that fail; that they cost too much together wins over all.
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
    let mut budget = Budget::new(RUNTIME_CEL_COST_BUDGET_MATCH_CONDITIONS);
    let outcomes: Result<Vec<_>, OutOfBudget> =
        conditions.iter().map(|condition| condition.evaluate(&variables, &mut budget)).collect();
    let mut errors = Vec::new();
    for outcome in outcomes.unwrap_or_else(|out_of_budget| vec![Err(out_of_budget.to_string())]) {
        match outcome {
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

    #[test]
    fn conditions_share_a_budget() {
        let condition = |text: &str| Condition::read(&json!({"name": "a", "expression": text}));
        let dear = || condition("lists.range(900000).size() > 0");
        let review = json!({"object": null, "oldObject": null});
        assert_eq!(evaluate(&[dear(), dear()], FailurePolicy::Fail, &review), Outcome::Matches);
        let conditions = [condition("false"), dear(), dear(), dear()];
        let expected = Outcome::Failed(cel::budget::OUT_OF_BUDGET.to_owned());
        assert_eq!(evaluate(&conditions, FailurePolicy::Fail, &review), expected);
        assert_eq!(evaluate(&conditions, FailurePolicy::Ignore, &review), Outcome::DoesNotMatch);
    }
}
