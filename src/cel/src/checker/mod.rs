//! A syntax tree to types, and to what it may cost.
//!
//! Both are found in one walk: what a call costs depends on the overload that its types choose. Errors are collected,
//! and the type of what is wrong is [`Type::Error`], which fits everywhere, so that one mistake is reported once.
//!
//! Go: cel-go/checker/checker.go

mod macros;

use std::collections::BTreeMap;

use crate::{
    Error,
    ast::{Expr, Kind},
    cost::{self, Entry, Range, Weighed},
    declarations::{self, Overload},
    env::Env,
    inference::{self, Known},
    types::Type,
    value::Value,
};

/// What the checker found out.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The type of the value.
    pub kind: Type,
    /// What the expression costs at most.
    pub max_cost: u64,
}

/// Checks a tree; the errors are in no particular order.
pub fn check(expr: &Expr, env: &Env) -> Result<Checked, Vec<Error>> {
    let mut checker = Checker { env, known: Known::default(), locals: Vec::new(), errors: Vec::new() };
    let weighed = checker.node(expr);
    if checker.errors.is_empty() {
        Ok(Checked { kind: checker.known.substitute_or_dyn(&weighed.kind), max_cost: weighed.cost.max })
    } else {
        Err(checker.errors)
    }
}

/// A variable of a macro.
struct Local {
    name: String,
    kind: Type,
    path: Vec<String>,
    size: Option<Range>,
    entry: Option<Entry>,
}

struct Checker<'a> {
    env: &'a Env,
    known: Known,
    locals: Vec<Local>,
    errors: Vec<Error>,
}

impl Checker<'_> {
    fn error(&mut self, offset: usize, message: String) {
        self.errors.push(Error::at(offset, message));
    }

    /// A node without path or size, apart from what its type says.
    fn plain(&self, kind: Type, cost: Range) -> Weighed {
        let size = self.known.substitute(&kind).is_scalar().then_some(Range::ONE);
        Weighed { kind, path: Vec::new(), cost, size, entry: None, literal: None }
    }

    /// A node that reads a field.
    fn at_path(&self, kind: Type, cost: Range, path: Vec<String>) -> Weighed {
        let by_schema = self.env.sizes.as_ref().filter(|_| !path.is_empty()).and_then(|sizes| sizes.at(&path));
        let plain = self.plain(kind, cost);
        Weighed { size: by_schema.or(plain.size), path, ..plain }
    }

    fn node(&mut self, expr: &Expr) -> Weighed {
        match &expr.kind {
            Kind::Literal(value) => self.literal(value),
            Kind::Ident(name) => self.ident(expr.offset, name),
            Kind::Select { operand, field, test, optional } => self.select(expr, operand, field, *test, *optional),
            Kind::Call { function, target, args } => self.call(expr, function, target.as_deref(), args),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Comprehension(comprehension) => self.comprehension(expr.offset, comprehension),
            Kind::Struct { name, fields } => self.message(expr.offset, name, fields),
            Kind::OptionalEntry(inner) => self.node(inner),
        }
    }

    fn literal(&self, value: &Value) -> Weighed {
        let (kind, size) = match value {
            Value::Null => (Type::Null, 1),
            Value::Bool(_) => (Type::Bool, 1),
            Value::Int(_) => (Type::Int, 1),
            Value::Uint(_) => (Type::Uint, 1),
            Value::Double(_) => (Type::Double, 1),
            Value::String(text) => (Type::String, text.chars().count() as u64),
            Value::Bytes(bytes) => (Type::Bytes, bytes.len() as u64),
            _ => (Type::Dyn, 1),
        };
        let literal = if let Value::Int(value) = value { Some(*value) } else { None };
        Weighed { size: Some(Range::fixed(size)), literal, ..self.plain(kind, Range::ZERO) }
    }

    fn ident(&mut self, offset: usize, name: &str) -> Weighed {
        if let Some(local) = self.locals.iter().rev().find(|local| local.name == name) {
            let found = self.at_path(local.kind.clone(), Range::ONE, local.path.clone());
            return Weighed { size: found.size.or(local.size), entry: local.entry, ..found };
        }
        match self.env.ident(name) {
            Some(kind) => self.at_path(kind, Range::ONE, vec![name.to_owned()]),
            None => {
                self.error(offset, format!("undeclared reference to '{name}' (in container '')"));
                self.plain(Type::Error, Range::ONE)
            }
        }
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, test: bool, optional: bool) -> Weighed {
        // `a.b` may be the name of a variable or type.
        if let Some(kind) = dotted(expr).filter(|_| !test).and_then(|name| self.env.ident(&name)) {
            return self.plain(kind, Range::ONE);
        }
        let operand = self.node(operand);
        let whole = self.known.substitute(&operand.kind);
        let (inner, was_optional) = unwrapped(&whole);
        let mut result = match &inner {
            Type::Map(_, value) => (**value).clone(),
            Type::Struct(object) => object.field(field).unwrap_or_else(|| {
                self.error(expr.offset, format!("undefined field '{field}'"));
                Type::Error
            }),
            Type::Param(_) => {
                self.known.assign(&Type::Dyn, &inner);
                Type::Dyn
            }
            other => {
                if !other.is_dyn_or_error() {
                    self.error(expr.offset, format!("type '{other}' does not support field selection"));
                }
                Type::Dyn
            }
        };
        if was_optional || optional {
            result = Type::optional(result);
        }
        let kind = self.known.substitute(if test { &Type::Bool } else { &result });
        if test {
            return self.plain(kind, operand.cost);
        }
        if optional {
            return self.plain(kind, operand.cost.plus(Range::ONE));
        }
        let own = matches!(whole, Type::Map(..) | Type::Struct(_) | Type::Param(_));
        let cost = operand.cost.plus(if own { Range::ONE } else { Range::ZERO });
        let mut path = operand.path;
        path.push(field.to_owned());
        self.at_path(kind, cost, path)
    }

    fn call(&mut self, expr: &Expr, function: &str, target: Option<&Expr>, args: &[Expr]) -> Weighed {
        if let (Some(Expr { kind: Kind::Ident(name), .. }), "bind", [variable, value, result]) =
            (target, function, args)
            && name == "cel"
        {
            return self.bind(variable, value, result);
        }
        let args: Vec<Weighed> = args.iter().map(|arg| self.node(arg)).collect();
        let Some(target) = target else { return self.resolve(expr, function, None, &args) };
        if let Some(full) = dotted(target).map(|prefix| format!("{prefix}.{function}"))
            && declarations::overloads(&full).is_some()
        {
            return self.resolve(expr, &full, None, &args);
        }
        let target = self.node(target);
        self.resolve(expr, function, Some(&target), &args)
    }

    /// Finds the overloads that fit, and what they give and cost. Go: resolveOverload
    fn resolve(&mut self, expr: &Expr, name: &str, target: Option<&Weighed>, args: &[Weighed]) -> Weighed {
        let Some(overloads) = declarations::overloads(name) else {
            self.error(expr.offset, format!("undeclared reference to '{name}' (in container '')"));
            return self.plain(Type::Error, Range::ZERO);
        };
        let sum = args.iter().fold(target.map_or(Range::ZERO, |target| target.cost), |sum, arg| sum.plus(arg.cost));
        if matches!(name, "_&&_" | "_||_") {
            return self.logical(expr, args);
        }
        let given: Vec<Type> = target.into_iter().chain(args).map(|weighed| weighed.kind.clone()).collect();
        let mut result: Option<Type> = None;
        let mut found: Option<cost::CallCost> = None;
        for overload in overloads.iter().filter(|overload| overload.is_method == target.is_some()) {
            let Some((arguments, kind)) = self.fits(overload, &given) else { continue };
            result = Some(match result {
                None => kind,
                Some(before) if before == Type::Dyn || before == kind => before,
                Some(_) => Type::Dyn,
            });
            let weight = self.weigh(name, &arguments, target, args);
            found = Some(found.map_or(weight, |before| cost::CallCost {
                cost: before.cost.or(weight.cost),
                size: before.size.zip(weight.size).map(|(a, b)| a.or(b)).or(before.size).or(weight.size),
            }));
        }
        let (Some(result), Some(found)) = (result, found) else {
            self.no_overload(expr, name, &given, target.is_some());
            return self.plain(Type::Error, Range::ZERO);
        };
        let cost = match (name, args) {
            ("_?_:_", [condition, yes, no]) => condition.cost.plus(yes.cost.or(no.cost)),
            _ => sum.plus(found.cost),
        };
        self.outcome(name, result, cost, found.size, args)
    }

    /// Completes a call: an element of a list stands at a path, a choice is as large as either.
    fn outcome(&self, name: &str, kind: Type, cost: Range, size: Option<Range>, args: &[Weighed]) -> Weighed {
        let mut path = Vec::new();
        if let ("_[_]", [container, _]) = (name, args)
            && !container.path.is_empty()
        {
            let step =
                if matches!(self.known.substitute(&container.kind), Type::Map(..)) { "@values" } else { "@items" };
            path.clone_from(&container.path);
            path.push(step.to_owned());
        }
        let plain = self.at_path(kind, cost, path);
        let (size, entry) = match (name, args) {
            ("_?_:_", [_, yes, no]) => (
                Some(yes.size_or_unknown().or(no.size_or_unknown())),
                yes.entry.zip(no.entry).map(|(yes, no)| yes.or(no)),
            ),
            ("_+_", [a, b]) => (size, a.entry.zip(b.entry).map(|(a, b)| a.or(b))),
            ("_[_]", [container, _]) => (container.entry.map(|entry| entry.value), None),
            ("dyn", [inner]) => (inner.size, inner.entry),
            _ => (size, None),
        };
        Weighed { size: size.or(plain.size), entry, ..plain }
    }

    fn fits(&mut self, overload: &Overload, given: &[Type]) -> Option<(Vec<Type>, Type)> {
        if overload.arguments.len() != given.len() {
            return None;
        }
        let mut letters = BTreeMap::new();
        let wanted: Vec<Type> =
            overload.arguments.iter().map(|kind| self.known.instantiate(kind, &mut letters)).collect();
        let result = self.known.instantiate(&overload.result, &mut letters);
        let pairs: Vec<(&Type, &Type)> = given.iter().zip(&wanted).collect();
        self.known.assign_all(&pairs).then(|| (overload.arguments.clone(), self.known.substitute(&result)))
    }

    fn weigh(&self, name: &str, overload: &[Type], target: Option<&Weighed>, args: &[Weighed]) -> cost::CallCost {
        let items = target.filter(|target| !target.path.is_empty()).and_then(|target| {
            let mut path = target.path.clone();
            path.push("@items".to_owned());
            self.env.sizes.as_ref()?.at(&path)
        });
        cost::call(name, overload, target, &args.iter().collect::<Vec<_>>(), items)
    }

    fn no_overload(&mut self, expr: &Expr, name: &str, given: &[Type], is_method: bool) {
        let shown: Vec<String> = given.iter().map(|kind| self.known.substitute_or_dyn(kind).to_string()).collect();
        let signature = match shown.split_first() {
            Some((target, rest)) if is_method => format!("{target}.({})", rest.join(", ")),
            _ => format!("({})", shown.join(", ")),
        };
        self.error(expr.offset, format!("found no matching overload for '{name}' applied to '{signature}'"));
    }

    /// `&&` and `||`: the second side may never be looked at.
    fn logical(&mut self, expr: &Expr, args: &[Weighed]) -> Weighed {
        let offsets: Vec<usize> = expr.children().into_iter().map(|child| child.offset).collect();
        let mut kind = Type::Bool;
        for (arg, offset) in args.iter().zip(offsets) {
            if !self.known.assign(&arg.kind, &Type::Bool) {
                let shown = self.known.substitute(&arg.kind);
                self.error(offset, format!("expected type 'bool' but found '{shown}'"));
                kind = Type::Error;
            }
        }
        let [left, right] = args else { return self.plain(kind, Range::ZERO) };
        self.plain(kind, Range { min: left.cost.min, max: left.cost.plus(right.cost).max })
    }

    fn list(&mut self, items: &[Expr]) -> Weighed {
        let mut kind: Option<Type> = None;
        let (mut cost, mut sizes) = (Range::fixed(10), None::<Range>);
        for item in items {
            let weighed = self.node(item);
            cost = cost.plus(weighed.cost);
            sizes = Some(sizes.map_or(weighed.size_or_unknown(), |sizes| sizes.or(weighed.size_or_unknown())));
            let own = self.entry_type(item, weighed.kind);
            kind = Some(self.joined(item.offset, kind, own));
        }
        let kind = Type::list(kind.unwrap_or_else(|| self.known.fresh()));
        let entry = Entry { key: Range::ONE, value: sizes.unwrap_or(Range::ZERO) };
        Weighed { size: Some(Range::fixed(items.len() as u64)), entry: Some(entry), ..self.plain(kind, cost) }
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Weighed {
        let (mut keys, mut values) = (None, None);
        let (mut cost, mut sizes) = (Range::fixed(30), None::<Entry>);
        for (key, value) in entries {
            let (weighed_key, weighed) = (self.node(key), self.node(value));
            cost = cost.plus(weighed_key.cost).plus(weighed.cost);
            let own = Entry { key: weighed_key.size_or_unknown(), value: weighed.size_or_unknown() };
            sizes = Some(sizes.map_or(own, |sizes| sizes.or(own)));
            keys = Some(self.joined(key.offset, keys, weighed_key.kind));
            let own = self.entry_type(value, weighed.kind);
            values = Some(self.joined(value.offset, values, own));
        }
        let key = keys.unwrap_or_else(|| self.known.fresh());
        let kind = Type::map(key, values.unwrap_or_else(|| self.known.fresh()));
        let entry = sizes.unwrap_or(Entry { key: Range::ZERO, value: Range::ZERO });
        Weighed { size: Some(Range::fixed(entries.len() as u64)), entry: Some(entry), ..self.plain(kind, cost) }
    }

    /// The type that an entry brings in: what is inside, if it may be absent (`[?x]`).
    fn entry_type(&mut self, entry: &Expr, kind: Type) -> Type {
        if !matches!(entry.kind, Kind::OptionalEntry(_)) {
            return kind;
        }
        let (inner, is_optional) = unwrapped(&self.known.substitute(&kind));
        if !is_optional && !inner.is_dyn_or_error() {
            self.error(entry.offset, format!("expected type 'optional_type({inner})' but found '{inner}'"));
        }
        inner
    }

    /// All items of a list are of one type. Go: joinTypes
    fn joined(&mut self, offset: usize, before: Option<Type>, kind: Type) -> Type {
        let Some(before) = before else { return kind };
        if self.known.assign(&before, &kind) {
            return inference::most_general(&before, &kind);
        }
        let (wanted, found) = (self.known.substitute(&before), self.known.substitute(&kind));
        self.error(offset, format!("expected type '{wanted}' but found '{found}'"));
        Type::Error
    }

    fn message(&mut self, offset: usize, name: &str, fields: &[(String, Expr)]) -> Weighed {
        let Some(kind) = self.env.message(name) else {
            self.error(offset, format!("undeclared reference to '{name}' (in container '')"));
            return self.plain(Type::Error, Range::ZERO);
        };
        let Type::Struct(object) = &kind else { unreachable!("messages are objects") };
        let mut cost = Range::fixed(40);
        for (field, value) in fields {
            let weighed = self.node(value);
            cost = cost.plus(weighed.cost);
            let given = self.entry_type(value, weighed.kind);
            match object.field(field) {
                None => self.error(value.offset, format!("undefined field '{field}'")),
                Some(wanted) if !self.known.assign(&wanted, &given) => {
                    let shown = self.known.substitute(&given);
                    let message =
                        format!("expected type of field '{field}' is '{wanted}' but provided type is '{shown}'");
                    self.error(value.offset, message);
                }
                Some(_) => {}
            }
        }
        self.plain(kind.clone(), cost)
    }

    /// `cel.bind(name, value, result)`
    fn bind(&mut self, variable: &Expr, value: &Expr, result: &Expr) -> Weighed {
        let Kind::Ident(name) = &variable.kind else {
            self.error(variable.offset, "cel.bind() variable names must be simple identifiers".to_owned());
            return self.plain(Type::Error, Range::ZERO);
        };
        let value = self.node(value);
        let (path, size, entry) = (value.path, value.size, value.entry);
        self.locals.push(Local { name: name.clone(), kind: value.kind, path, size, entry });
        let result = self.node(result);
        self.locals.pop();
        // The value is a comprehension over an empty list inside.
        Weighed { cost: result.cost.plus(value.cost).plus(Range::fixed(10)), path: Vec::new(), ..result }
    }
}

/// `a.b.c` as one name.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select { operand, field, test: false, optional: false } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}

fn unwrapped(kind: &Type) -> (Type, bool) {
    match kind {
        Type::Optional(inner) => ((**inner).clone(), true),
        other => (other.clone(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Program, env::Sizes};

    fn env() -> Env {
        let spec = Type::object("selfType", [("x", Type::String), ("n", Type::Int), ("l", Type::list(Type::String))]);
        let sizes = Sizes {
            fields: [
                ("x".to_owned(), Sizes { most: 100, ..Sizes::default() }),
                (
                    "l".to_owned(),
                    Sizes {
                        most: 10,
                        items: Some(Box::new(Sizes { most: 40, ..Sizes::default() })),
                        ..Sizes::default()
                    },
                ),
            ]
            .into(),
            ..Sizes::default()
        };
        let variables = [("self".to_owned(), spec), ("object".to_owned(), Type::Dyn)].into();
        Env { variables, sizes: Some(sizes.into()), has_patch_types: true }
    }

    fn kind(source: &str) -> Result<String, String> {
        Program::checked(source, &env()).map(|(_, checked)| checked.kind.to_string())
    }

    #[test]
    fn types_are_found() {
        for (source, expected) in [
            ("self.x.startsWith('a') && self.n > 1", "bool"),
            ("object.spec.replicas + 1", "int"),
            ("object.spec.replicas", "dyn"),
            ("self.l.map(v, v.size())", "list(int)"),
            ("self.l.filter(v, v != '')[0]", "string"),
            ("{'a': 1}", "map(string, int)"),
            ("Object{spec: Object.spec{replicas: 1}}", "Object"),
            ("[JSONPatch{op: 'add', path: '/x', value: 1}]", "list(JSONPatch)"),
            ("quantity('1').add(2).compareTo(quantity('3')) == 0 ? self.x : 'y'", "string"),
            ("optional.of(1).optMap(v, v + 1).orValue(0)", "int"),
            ("cel.bind(v, self.n, v + v)", "int"),
            ("[1, 2].sum() > 2u", "bool"),
            ("{'a': 1}.transformMap(k, v, v + 1)", "map(string, int)"),
        ] {
            assert_eq!(kind(source), Ok(expected.to_owned()), "{source}");
        }
    }

    #[test]
    fn mistakes_are_told_as_cel_go_tells_them() {
        for (source, place, message) in [
            ("self.none == 1", "1:5", "undefined field 'none'"),
            ("foo(self.x)", "1:4", "undeclared reference to 'foo' (in container '')"),
            ("nope", "1:1", "undeclared reference to 'nope' (in container '')"),
            ("self.x + 1", "1:8", "found no matching overload for '_+_' applied to '(string, int)'"),
            ("self.x.endsWith(1)", "1:16", "found no matching overload for 'endsWith' applied to 'string.(int)'"),
            ("self.n && true", "1:5", "expected type 'bool' but found 'int'"),
            (
                "self.n.all(x, true)",
                "1:5",
                "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
            ),
            ("self.n.y", "1:7", "type 'int' does not support field selection"),
        ] {
            let shown = kind(source).expect_err(source);
            assert_eq!(shown.lines().next(), Some(format!("ERROR: <input>:{place}: {message}").as_str()), "{source}");
        }
    }

    #[test]
    fn costs_follow_the_sizes_of_the_schema() {
        let cost = |source: &str| Program::checked(source, &env()).expect(source).1.max_cost;
        assert_eq!(cost("true"), 0);
        assert_eq!(cost("self.n > 1"), 3);
        assert_eq!(cost("self.x == 'abc'"), 3);
        // Ten items, each 2 for the loop and 1 + (1 + 1) for the step, and the rest around it.
        assert_eq!(cost("self.l.all(v, v == 'abc')"), 2 + 1 + 10 * (2 + 1 + 2));
        assert_eq!(cost("self.x.split('').all(v, v == 'abcdefghijk')"), 2 + 20 + 1 + 100 * (2 + 1 + 3));
    }
}
