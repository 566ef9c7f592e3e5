//! Expressions of a policy, and the variables that they see.
//!
//! Go: apiserver/pkg/admission/plugin/cel/{filter,composition}.go

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
};

use apimachinery::runtime::object::Object;
use cel::{
    Activation, Program, Value as CelValue, Variables,
    ast::{Expr, Kind},
    budget::{Budget, OutOfBudget},
};
use serde_json::Value;

/// A compiled expression with its text.
#[derive(Debug)]
pub struct Expression {
    /// The text.
    pub text: String,
    program: Result<Program, cel::Error>,
}

impl Expression {
    /// Compiles a text; a mistake shows when it is evaluated, for validation has refused most of them.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), program: Program::compile(text) }
    }
}

impl Expression {
    /// Says whether every object that it makes stands where its type says: `Object.spec{...}` under `spec`.
    ///
    /// Simplified: looked at in the text, where kube-apiserver looks at the value.
    ///
    /// Go: apiserver/pkg/cel/mutation/dynamic/objects.go CheckTypeNamesMatchFieldPathNames
    pub fn check_type_names(&self) -> Result<(), String> {
        match &self.program {
            Ok(program) => check_type_names(program.expr(), None),
            Err(_) => Ok(()),
        }
    }
}

/// `place`: the type that the fields around an expression lead to, if any do.
fn check_type_names(expr: &Expr, place: Option<&str>) -> Result<(), String> {
    let Kind::Struct { name, fields } = &expr.kind else {
        return expr.children().into_iter().try_for_each(|child| check_type_names(child, place));
    };
    // Patches are of no place, and what they set begins one.
    if name == "JSONPatch" {
        return fields.iter().try_for_each(|(_, value)| check_type_names(value, None));
    }
    if let Some(place) = place.filter(|place| *place != name) {
        return Err(format!(
            "unexpected type name {name:?}, expected {place:?}, which matches field name path from root Object type"
        ));
    }
    fields.iter().try_for_each(|(field, value)| check_type_names(value, Some(&format!("{name}.{field}"))))
}

/// The variables of the evaluations of one kind of expression of a policy.
///
/// Those that the policy defines are evaluated when they are first used: what is not used may fail, and costs nothing.
///
/// Go: apiserver/pkg/admission/plugin/cel/{activation,composition}.go
pub struct Scope<'a> {
    given: Arc<Variables>,
    own: &'a [(String, Expression)],
    /// What the policy's own variables are, as far as they have been used; `None` while one is evaluated.
    used: RefCell<BTreeMap<&'a str, Option<Result<CelValue, cel::Error>>>>,
    /// What they have cost since somebody asked.
    cost: Cell<u64>,
}

/// Makes the variables that are given: `request` is the review's, with its objects; parameters and namespace may be
/// absent.
pub fn given(request: &Value, params: Option<&Object>, namespace: Option<&Object>) -> Arc<Variables> {
    let mut request = request.as_object().cloned().unwrap_or_default();
    let mut take = |name: &str| CelValue::from(&request.remove(name).unwrap_or_default());
    let (object, old) = (take("object"), take("oldObject"));
    let shown = |object: Option<&Object>| {
        object.map_or(CelValue::Null, |object| CelValue::from(&Value::Object(object.0.clone())))
    };
    let variables = [
        ("object", object),
        ("oldObject", old),
        ("request", CelValue::from(&Value::Object(request))),
        ("params", shown(params)),
        ("namespaceObject", shown(namespace)),
    ];
    Arc::new(variables.map(|(name, value)| (name.to_owned(), value)).into())
}

impl<'a> Scope<'a> {
    /// Adds a policy's own variables to those that are given.
    pub fn new(given: Arc<Variables>, own: &'a [(String, Expression)]) -> Self {
        Self { given, own, used: RefCell::default(), cost: Cell::new(0) }
    }

    /// Evaluates; the error names the expression. What it costs, variables included, is taken from the budget.
    pub fn evaluate(
        &self,
        expression: &Expression,
        budget: &mut Budget,
    ) -> Result<Result<CelValue, String>, OutOfBudget> {
        let (outcome, cost) = match &expression.program {
            Ok(program) => program.metered(self),
            Err(error) => (Err(error.clone()), 0),
        };
        budget.spend(self.cost.take())?;
        budget.spend(cost)?;
        Ok(outcome.map_err(|error| format!("expression '{}' resulted in error: {}", expression.text, error.message)))
    }
}

impl Activation for Scope<'_> {
    fn find(&self, name: &str) -> Option<Result<CelValue, cel::Error>> {
        self.given.find(name)
    }

    fn find_field(&self, scope: &str, field: &str) -> Option<Result<CelValue, cel::Error>> {
        if scope != "variables" {
            return None;
        }
        let (name, expression) = self.own.iter().find(|(name, _)| name == field)?;
        if let Some(known) = self.used.borrow().get(&**name) {
            return known.clone();
        }
        self.used.borrow_mut().insert(name, None);
        let (outcome, cost) = match &expression.program {
            Ok(program) => program.metered(self),
            Err(error) => (Err(error.clone()), 0),
        };
        self.cost.set(self.cost.get().saturating_add(cost));
        let outcome = outcome.map_err(|error| {
            cel::Error::new(format!("composited variable {name:?} fails to evaluate: {}", error.message))
        });
        self.used.borrow_mut().insert(name, Some(outcome.clone()));
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    use cel::budget::RUNTIME_CEL_COST_BUDGET;
    use serde_json::json;

    use super::*;

    fn variables(texts: &[(&str, &str)]) -> Vec<(String, Expression)> {
        texts.iter().map(|(name, text)| ((*name).to_owned(), Expression::new(text))).collect()
    }

    #[test]
    fn a_variable_fails_only_for_those_who_use_it() {
        let given = given(&json!({"object": {"metadata": {"name": "a"}}}), None, None);
        let own = variables(&[("n", "object.data.none"), ("name", "object.metadata.name"), ("m", "variables.name")]);
        let scope = Scope::new(given, &own);
        let evaluate = |text: &str| {
            let outcome = scope.evaluate(&Expression::new(text), &mut Budget::new(RUNTIME_CEL_COST_BUDGET));
            outcome.expect("cheap").map(|value| value.to_json())
        };
        assert_eq!(evaluate("variables.m + '!'"), Ok(json!("a!")));
        let expected = "expression 'variables.n == 1' resulted in error: \
                        composited variable \"n\" fails to evaluate: no such key: data";
        assert_eq!(evaluate("variables.n == 1"), Err(expected.to_owned()));
    }

    #[test]
    fn a_variable_costs_once_and_only_if_it_is_used() {
        let given = given(&json!({}), None, None);
        let own = variables(&[("dear", "lists.range(10000)"), ("unused", "lists.range(900000)")]);
        let scope = Scope::new(given, &own);
        let mut budget = Budget::new(10_100);
        let expression = Expression::new("size(variables.dear) == 10000");
        assert_eq!(
            scope.evaluate(&expression, &mut budget).expect("within").map(|value| value.to_json()),
            Ok(json!(true))
        );
        assert!(scope.evaluate(&expression, &mut budget).is_ok());
        let again = Expression::new("size(variables.unused) > 0");
        assert_eq!(scope.evaluate(&again, &mut budget).expect_err("spent"), OutOfBudget);
    }
}
