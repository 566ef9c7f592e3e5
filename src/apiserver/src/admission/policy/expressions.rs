//! Expressions of a policy, and the variables that they see.
//!
//! Go: apiserver/pkg/admission/plugin/cel/{filter,composition}.go

use std::collections::BTreeMap;

use apimachinery::runtime::object::Object;
use cel::{
    Program, Value as CelValue, Variables,
    ast::{Expr, Kind},
    value::Key,
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

/// The variables of one evaluation.
pub struct Scope {
    variables: Variables,
    /// Variables of the policy that fail, with the reason: an error only for those who use them.
    failed: BTreeMap<String, String>,
}

impl Scope {
    /// Makes the variables of a write: `request` is the review's, with its objects; parameters and namespace may be
    /// absent.
    pub fn new(request: &Value, params: Option<&Object>, namespace: Option<&Object>) -> Self {
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
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self { variables, failed: BTreeMap::new() }
    }

    /// Adds the policy's own variables, in order: each may use those before it.
    pub fn compose(&mut self, variables: &[(String, Expression)]) {
        let mut composed: BTreeMap<Key, CelValue> = BTreeMap::new();
        self.variables.insert("variables".to_owned(), CelValue::Map(composed.clone().into()));
        for (name, expression) in variables {
            match self.run(expression) {
                Ok(value) => drop(composed.insert(Key::String(name.as_str().into()), value)),
                Err(error) => drop(self.failed.insert(name.clone(), error)),
            }
            self.variables.insert("variables".to_owned(), CelValue::Map(composed.clone().into()));
        }
    }

    /// Evaluates; the error is that of the evaluation alone.
    fn run(&self, expression: &Expression) -> Result<CelValue, String> {
        let outcome =
            expression.program.as_ref().map_err(Clone::clone).and_then(|program| program.evaluate(&self.variables));
        outcome.map_err(|error| {
            // A variable that failed is missing; whoever misses it is told why.
            let missing = error.message.strip_prefix("no such key: ");
            match missing.and_then(|name| Some((name, self.failed.get(name)?))) {
                Some((name, reason)) => format!("composited variable {name:?} fails to evaluate: {reason}"),
                None => error.message,
            }
        })
    }

    /// Evaluates; the error names the expression.
    pub fn evaluate(&self, expression: &Expression) -> Result<CelValue, String> {
        self.run(expression).map_err(|error| format!("expression '{}' resulted in error: {error}", expression.text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_fails_only_for_those_who_use_it() {
        let mut scope = Scope::new(&json!({"object": {"metadata": {"name": "a"}}}), None, None);
        let variable = |name: &str, text: &str| (name.to_owned(), Expression::new(text));
        scope.compose(&[variable("n", "object.data.none"), variable("name", "object.metadata.name")]);
        let evaluate = |text: &str| scope.evaluate(&Expression::new(text)).map(|value| value.to_json());
        assert_eq!(evaluate("variables.name + '!'"), Ok(json!("a!")));
        let expected = "expression 'variables.n == 1' resulted in error: \
                        composited variable \"n\" fails to evaluate: no such key: data";
        assert_eq!(evaluate("variables.n == 1"), Err(expected.to_owned()));
    }
}
