//! Nodes of the syntax tree, as the parser puts them together.

use crate::{
    ast::{Expr, Kind},
    value::Value,
};

pub(super) fn optional_entry(optional: bool, value: Expr) -> Expr {
    if optional { Expr { offset: value.offset, kind: Kind::OptionalEntry(Box::new(value)) } } else { value }
}

pub(super) fn literal(offset: usize, value: Value) -> Expr {
    Expr { offset, kind: Kind::Literal(value) }
}

/// How many nodes lie on the longest way down. Everything parsed so far is bounded, so this is, too.
pub(super) fn height(expr: &Expr) -> usize {
    1 + expr.children().into_iter().map(height).max().unwrap_or_default()
}

/// Joins terms by so many calls, one fewer than the terms, half of them on each side.
///
/// Go: cel-go/parser/helper.go logicManager.balancedTree
pub(super) fn join(
    count: usize,
    terms: &mut dyn Iterator<Item = Expr>,
    calls: &mut dyn Iterator<Item = (usize, String)>,
) -> Expr {
    const TERMS: &str = "there is one more term than calls";
    if count == 0 {
        return terms.next().expect(TERMS);
    }
    let before = count / 2;
    let left = join(before, terms, calls);
    let (offset, function) = calls.next().expect(TERMS);
    let right = join(count - before - 1, terms, calls);
    call(offset, &function, None, vec![left, right])
}

pub(super) fn call(offset: usize, function: &str, target: Option<Expr>, args: Vec<Expr>) -> Expr {
    Expr { offset, kind: Kind::Call { function: function.to_owned(), target: target.map(Box::new), args } }
}

/// The dotted name that `Type{...}` starts with.
pub(super) fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select { operand, field, .. } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}
