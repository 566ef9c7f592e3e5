//! The Common Expression Language, as Kubernetes uses it for policies, validation rules, breakpoints and lessons.
//!
//! Go: github.com/google/cel-go, apiserver/pkg/cel
//!
//! ```text
//! "object.spec.replicas > 3"  --parser-->  ast::Expr  --interpreter-->  value::Value
//!                              offsets      ids          over borrowed JSON
//! ```
//!
//! Read in this order.

pub mod ast;
pub mod budget;
pub mod checker;
pub mod cost;
pub mod declarations;
pub mod env;
pub mod escaping;
pub mod functions;
pub mod inference;
pub mod interpreter;
pub mod lexer;
pub mod parser;
pub mod regexp;
pub mod types;
pub mod value;

use std::collections::BTreeMap;

pub use value::Value;

/// A parsed expression, ready to be evaluated any number of times.
#[derive(Clone, Debug)]
pub struct Program {
    expr: ast::Expr,
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// One sentence.
    pub message: String,
    /// Byte offset into the source; where it is known.
    pub offset: Option<usize>,
}

impl Error {
    /// Returns an error at an offset.
    pub fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: Some(offset) }
    }

    /// Writes the error as cel-go does: with its place, the line of the source it is in, and a pointer below.
    ///
    /// Go: cel-go/common/error.go ToDisplayString
    pub fn show(&self, source: &str) -> String {
        if source.is_empty() {
            return format!("ERROR: <input>:1:0: {}", self.message);
        }
        let offset = self.offset.unwrap_or(0).min(source.len());
        let before = &source[..offset];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let text = source.split('\n').nth(line).unwrap_or_default().replace('\t', " ");
        let dots: String = text.chars().take(column).map(|char| if char.len_utf8() > 1 { '．' } else { '.' }).collect();
        let dots = format!("{dots}{}", ".".repeat(column.saturating_sub(dots.chars().count())));
        let caret = if text.chars().nth(column).is_some_and(|char| char.len_utf8() > 1) { '＾' } else { '^' };
        format!("ERROR: <input>:{}:{}: {}\n | {text}\n | {dots}{caret}", line + 1, column + 1, self.message)
    }

    /// Returns an error of evaluation.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: None }
    }
}

/// Writes several errors, in the order of their places. Go: cel-go/common/errors.go ToDisplayString
pub fn show(errors: &[Error], source: &str) -> String {
    let mut errors: Vec<&Error> = errors.iter().collect();
    errors.sort_by_key(|error| error.offset);
    errors.into_iter().map(|error| error.show(source)).collect::<Vec<_>>().join("\n")
}

/// The variables of an evaluation.
pub type Variables = BTreeMap<String, Value>;

/// Where an evaluation finds its variables.
///
/// Go: cel-go/interpreter/activation.go Activation
pub trait Activation {
    /// Returns a variable; `None` if there is none of this name.
    fn find(&self, name: &str) -> Option<Result<Value, Error>>;

    /// Returns a variable with a dotted name, `scope.field`.
    fn find_field(&self, scope: &str, field: &str) -> Option<Result<Value, Error>>;
}

impl Activation for Variables {
    fn find(&self, name: &str) -> Option<Result<Value, Error>> {
        self.get(name).cloned().map(Ok)
    }

    fn find_field(&self, scope: &str, field: &str) -> Option<Result<Value, Error>> {
        let is_it = |name: &str| name.strip_prefix(scope).and_then(|rest| rest.strip_prefix('.')) == Some(field);
        self.iter().find(|(name, _)| is_it(name)).map(|(_, value)| Ok(value.clone()))
    }
}

impl Program {
    /// Parses a source text.
    pub fn compile(source: &str) -> Result<Self, Error> {
        parser::parse(source).map(|expr| Self { expr })
    }

    /// Parses and checks a source text; the error is what cel-go prints.
    pub fn checked(source: &str, env: &env::Env) -> Result<(Self, checker::Checked), String> {
        let expr = parser::parse_all(source).map_err(|errors| show(&errors, source))?;
        let checked = checker::check(&expr, env).map_err(|errors| show(&errors, source))?;
        Ok((Self { expr }, checked))
    }

    /// Returns the syntax tree.
    pub fn expr(&self) -> &ast::Expr {
        &self.expr
    }

    /// Says whether a variable occurs in it.
    pub fn uses(&self, variable: &str) -> bool {
        self.expr.any(&mut |expr| matches!(&expr.kind, ast::Kind::Ident(name) if name == variable))
    }

    /// Evaluates against variables.
    pub fn evaluate(&self, variables: &dyn Activation) -> Result<Value, Error> {
        self.metered(variables).0
    }

    /// Evaluates against variables, and tells what it cost. What costs more than one expression may is given up.
    pub fn metered(&self, variables: &dyn Activation) -> (Result<Value, Error>, u64) {
        let mut meter = budget::Meter::new(budget::PER_CALL_LIMIT);
        let outcome = interpreter::evaluate(&self.expr, variables, &mut meter);
        (outcome, meter.cost())
    }

    /// Evaluates to a truth value; anything else is an error.
    pub fn matches(&self, variables: &dyn Activation) -> Result<bool, Error> {
        match self.evaluate(variables)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(Error::new(format!("expression must be a bool, not {}", other.type_name()))),
        }
    }
}
