//! A condition written in CEL, the language Kubernetes uses for policies.
//!
//! CEL is made for this: where one side of `&&` or `||` decides, it does not matter that the other
//! cannot be evaluated, and everything else that cannot be evaluated is unknown here. A text that is one
//! bare word asks whether path, user or name contain it.

use std::collections::BTreeSet;

use cel::{
    Program,
    ast::{Expr, Kind},
};
use serde_json::Value;

use super::{Condition, ParseError, Variables, Verdict};

/// A condition, ready to be asked.
#[derive(Debug)]
pub enum Expression {
    /// An expression, with the variables that it names: only those are made.
    Cel(Program, BTreeSet<String>),
    /// A bare word.
    Word(String),
}

impl Condition for Expression {
    fn ask(&self, variables: &dyn Variables) -> Verdict {
        match self {
            Self::Cel(program, names) => {
                let known =
                    names.iter().filter_map(|name| Some((name.clone(), cel::Value::from(&variables.get(name)?))));
                match program.matches(&known.collect::<cel::Variables>()) {
                    Ok(true) => Verdict::Yes,
                    Ok(false) => Verdict::No,
                    Err(_) => Verdict::Unknown,
                }
            }
            Self::Word(word) => {
                let places = ["path", "user", "name"].map(|name| variables.get(name));
                if places.iter().flatten().filter_map(Value::as_str).any(|place| place.contains(word.as_str())) {
                    Verdict::Yes
                } else if places.iter().all(Option::is_some) {
                    Verdict::No
                } else {
                    Verdict::Unknown
                }
            }
        }
    }
}

/// Reads an expression.
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseError { message: "nothing to ask".to_owned(), offset: 0 });
    }
    let bare = text.chars().all(|c| c.is_alphanumeric() || "-_./:@".contains(c));
    if bare && !["true", "false"].contains(&text) {
        return Ok(Expression::Word(text.to_owned()));
    }
    let program = Program::compile(text).map_err(|error| {
        // CEL counts bytes, a person characters.
        let offset = error.offset.map_or(0, |bytes| text.char_indices().filter(|(at, _)| *at < bytes).count());
        ParseError { message: error.message, offset }
    })?;
    let mut names = BTreeSet::new();
    collect(program.expr(), &mut names);
    Ok(Expression::Cel(program, names))
}

/// Collects the names of the variables that an expression mentions (and those that a macro binds, which does no harm).
fn collect(expr: &Expr, names: &mut BTreeSet<String>) {
    if let Kind::Ident(name) = &expr.kind {
        names.insert(name.clone());
    }
    expr.children().into_iter().for_each(|child| collect(child, names));
}
