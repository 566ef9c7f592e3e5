//! Calls that are more than calls: `has`, the loops over lists and maps, and those of optional values.
//!
//! Go: cel-go/parser/macro.go, cel-go/ext/comprehensions.go, cel-go/cel/library.go optMap

use super::call;
use crate::{
    Error,
    ast::{Comprehension, Expr, Kind, Macro},
};

/// A call without a target; `has` is a macro.
pub(super) fn global(offset: usize, name: &str, mut args: Vec<Expr>) -> Result<Expr, Error> {
    if name != "has" || args.len() != 1 {
        return Ok(call(offset, name, None, args));
    }
    match args.remove(0).kind {
        Kind::Select { operand, field, optional, .. } => {
            Ok(Expr { offset, kind: Kind::Select { operand, field, test: true, optional } })
        }
        _ => Err(Error::at(offset, "invalid argument to has() macro")),
    }
}

/// A call with a target; some are macros.
pub(super) fn method(offset: usize, target: Expr, name: &str, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let which = match (name, args.len()) {
        ("all", 2 | 3) => Macro::All,
        ("exists", 2 | 3) => Macro::Exists,
        ("exists_one" | "existsOne", 2 | 3) => Macro::ExistsOne,
        ("filter", 2) => Macro::Filter,
        ("map", 2 | 3) => Macro::Map,
        ("transformList", 3 | 4) => Macro::TransformList,
        ("transformMap", 3 | 4) => Macro::TransformMap,
        ("transformMapEntry", 3 | 4) => Macro::TransformMapEntry,
        ("optMap" | "optFlatMap", 2) => return optional_map(offset, target, name, args),
        _ => return Ok(call(offset, name, Some(target), args)),
    };
    let transforms =
        matches!(which, Macro::Map | Macro::TransformList | Macro::TransformMap | Macro::TransformMapEntry);
    let has_second = if which == Macro::Map { false } else { args.len() > 2 };
    let last = args.pop();
    let mut rest = args.into_iter();
    let variable = simple_name(&rest.next().expect("a macro has a variable"))?;
    let second = if has_second { rest.next().map(|second| simple_name(&second)).transpose()? } else { None };
    let (predicate, transform) = if transforms { (rest.next(), last) } else { (last, None) };
    let comprehension = Comprehension { which, range: target, variable, second, predicate, transform };
    Ok(Expr { offset, kind: Kind::Comprehension(Box::new(comprehension)) })
}

/// What is before `optMap` occurs twice in what it stands for, so that each in a chain of them doubles the tree.
const MAX_COPIED: usize = 10_000;

/// `a.optMap(x, f)`: `f` with the value of `a`, if there is one.
fn optional_map(offset: usize, target: Expr, name: &str, args: Vec<Expr>) -> Result<Expr, Error> {
    let [variable, result] = <[Expr; 2]>::try_from(args).expect("two arguments");
    simple_name(&variable)?;
    if target.nodes() > MAX_COPIED {
        return Err(Error::at(offset, "expression too large"));
    }
    let ident = |name: &str| Expr { offset, kind: Kind::Ident(name.to_owned()) };
    let value = call(offset, "value", Some(target.clone()), Vec::new());
    let mut mapped = call(offset, "bind", Some(ident("cel")), vec![variable, value, result]);
    if name == "optMap" {
        mapped = call(offset, "of", Some(ident("optional")), vec![mapped]);
    }
    let none = call(offset, "none", Some(ident("optional")), Vec::new());
    let has = call(offset, "hasValue", Some(target), Vec::new());
    Ok(call(offset, "_?_:_", None, vec![has, mapped, none]))
}

fn simple_name(expr: &Expr) -> Result<String, Error> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err(Error::at(expr.offset, "argument must be a simple name")),
    }
}
