//! A syntax tree to a value.
//!
//! Go: cel-go/interpreter
//!
//! Errors are values that short-circuit: `true || error` is true, in either order, as the language wants.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Activation, Error,
    ast::{Comprehension, Expr, Kind, Macro},
    budget::{LIMIT_EXCEEDED, Meter},
    cost, functions,
    value::{Key, Value},
};

/// Evaluates a tree.
pub fn evaluate(expr: &Expr, variables: &dyn Activation, meter: &mut Meter) -> Result<Value, Error> {
    let mut interpreter = Interpreter { variables, locals: Vec::new(), meter };
    let outcome = interpreter.eval(expr);
    // What is made of shared parts may be far larger than what was done to make it.
    let fits = outcome.as_ref().is_ok_and(|value| meter.look_through(value).is_ok());
    if meter.is_exceeded() || (outcome.is_ok() && !fits) {
        return Err(Error::new(LIMIT_EXCEEDED));
    }
    outcome
}

struct Interpreter<'a> {
    variables: &'a dyn Activation,
    /// Variables of the macros around the present node, innermost last.
    locals: Vec<(&'a str, Value)>,
    meter: &'a mut Meter,
}

impl<'a> Interpreter<'a> {
    fn eval(&mut self, expr: &'a Expr) -> Result<Value, Error> {
        self.meter.work(1)?;
        let result = match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Ident(name) => self.ident(name),
            Kind::Select { operand, field, test, optional } => self.select(operand, field, *test, *optional),
            Kind::Call { function, target, args } => self.call(function, target.as_deref(), args),
            Kind::List(items) => self.list(items),
            Kind::OptionalEntry(inner) => self.eval(inner),
            Kind::Map(entries) => self.map(entries),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
            Kind::Struct { name, fields } => self.structure(name, fields),
        };
        result.map_err(|error| Error { offset: error.offset.or(Some(expr.offset)), ..error })
    }

    fn ident(&mut self, name: &str) -> Result<Value, Error> {
        self.meter.charge(cost::SELECT_AND_IDENT)?;
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(value.clone());
        }
        let found = self.variables.find(name).or_else(|| functions::type_value(name).map(Ok));
        found.unwrap_or_else(|| Err(Error::new(format!("undeclared reference to '{name}' (in container '')"))))
    }

    fn select(&mut self, operand: &'a Expr, field: &str, test: bool, optional: bool) -> Result<Value, Error> {
        // `a.b` may also be one variable with a dotted name.
        if let Kind::Ident(name) = &operand.kind
            && let Some(value) = self.variables.find_field(name, field)
        {
            self.meter.charge(if test { cost::SELECT_AND_IDENT } else { 2 * cost::SELECT_AND_IDENT })?;
            return if test { Ok(Value::Bool(true)) } else { value };
        }
        // A type may have a dotted name, too.
        if begins_a_type(operand)
            && let Some(value) = dotted(operand).and_then(|name| functions::type_value(&format!("{name}.{field}")))
        {
            return Ok(value);
        }
        let operand = self.eval(operand)?;
        if !test {
            self.meter.charge(cost::SELECT_AND_IDENT)?;
        }
        let (operand, chained) = match operand {
            Value::Optional(None) => return Ok(if test { Value::Bool(false) } else { Value::Optional(None) }),
            Value::Optional(Some(inner)) => ((*inner).clone(), true),
            other => (other, false),
        };
        let found = match &operand {
            Value::Map(entries) => entries.get(&Key::String(field.into())).cloned(),
            _ if test => return Err(Error::new("no such overload")),
            other => return Err(Error::new(format!("unsupported field selection on {}", other.type_name()))),
        };
        match (test, optional || chained, found) {
            (true, _, found) => Ok(Value::Bool(found.is_some())),
            (false, true, found) => Ok(Value::Optional(found.map(Arc::new))),
            (false, false, Some(value)) => Ok(value),
            (false, false, None) => Err(Error::new(format!("no such key: {field}"))),
        }
    }

    fn call(&mut self, function: &str, target: Option<&'a Expr>, args: &'a [Expr]) -> Result<Value, Error> {
        match (function, target, args) {
            ("_&&_", None, [left, right]) => self.logical(left, right, false),
            ("_||_", None, [left, right]) => self.logical(left, right, true),
            ("_?_:_", None, [condition, yes, no]) => match self.eval(condition)? {
                Value::Bool(true) => self.eval(yes),
                Value::Bool(false) => self.eval(no),
                _ => Err(Error::new("no such overload")),
            },
            ("bind", Some(Expr { kind: Kind::Ident(name), .. }), _) if name == "cel" && args.len() == 3 => {
                self.bind(args)
            }
            _ => {
                if let Some(name) = target.and_then(|target| namespaced(target, function)) {
                    let values = args.iter().map(|arg| self.eval(arg)).collect::<Result<Vec<_>, _>>()?;
                    return functions::call(&name, None, values, self.meter);
                }
                let target = target.map(|target| self.eval(target)).transpose()?;
                let values = args.iter().map(|arg| self.eval(arg)).collect::<Result<Vec<_>, _>>()?;
                functions::call(function, target, values, self.meter)
            }
        }
    }

    /// `&&` and `||`: the side that decides wins over an error on the other.
    fn logical(&mut self, left: &'a Expr, right: &'a Expr, decides: bool) -> Result<Value, Error> {
        let truth = |value: Result<Value, Error>| match value {
            Ok(Value::Bool(value)) => Ok(value),
            Ok(_) => Err(Error::new("no such overload")),
            Err(error) => Err(error),
        };
        let left = truth(self.eval(left));
        if left == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        let right = truth(self.eval(right));
        match (left, right) {
            (_, Ok(value)) if value == decides => Ok(Value::Bool(decides)),
            (Err(error), _) | (_, Err(error)) => Err(error),
            _ => Ok(Value::Bool(!decides)),
        }
    }

    /// `cel.bind(name, value, expression)`
    fn bind(&mut self, args: &'a [Expr]) -> Result<Value, Error> {
        let Kind::Ident(name) = &args[0].kind else { return Err(Error::new("argument must be a simple name")) };
        // The value is that of a loop over an empty list.
        self.meter.charge(cost::LIST)?;
        let value = self.eval(&args[1])?;
        self.locals.push((name, value));
        let result = self.eval(&args[2]);
        self.locals.pop();
        result
    }

    fn list(&mut self, items: &'a [Expr]) -> Result<Value, Error> {
        self.meter.charge(cost::LIST)?;
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            list.extend(self.entry(item)?);
        }
        Ok(Value::list(list))
    }

    /// An item or the value of an entry; `None` if it is left out.
    fn entry(&mut self, expr: &'a Expr) -> Result<Option<Value>, Error> {
        let value = self.eval(expr)?;
        Ok(match (&expr.kind, value) {
            (Kind::OptionalEntry(_), Value::Optional(inner)) => inner.map(|inner| (*inner).clone()),
            (_, value) => Some(value),
        })
    }

    fn map(&mut self, entries: &'a [(Expr, Expr)]) -> Result<Value, Error> {
        self.meter.charge(cost::MAP)?;
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let key = self.eval(key)?;
            let key = key.key().ok_or_else(|| Error::new(format!("unsupported key type: {}", key.type_name())))?;
            if let Some(value) = self.entry(value)? {
                map.insert(key, value);
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    /// `Object{...}`: a map of its fields; what a policy's mutation writes.
    fn structure(&mut self, _name: &str, fields: &'a [(String, Expr)]) -> Result<Value, Error> {
        self.meter.charge(cost::STRUCT)?;
        let mut map = BTreeMap::new();
        for (name, value) in fields {
            if let Some(value) = self.entry(value)? {
                map.insert(Key::String(name.as_str().into()), value);
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) -> Result<Value, Error> {
        let range = self.eval(&comprehension.range)?;
        let costs = cost::looped(comprehension.which);
        self.meter.charge(costs.before + costs.after)?;
        let elements: Vec<(Value, Value)> = match &range {
            Value::List(items) => (0_i64..).map(Value::Int).zip(items.iter().cloned()).collect(),
            Value::Map(entries) => entries.iter().map(|(key, value)| (Value::from(key), value.clone())).collect(),
            other => return Err(Error::new(format!("cannot iterate over {}", other.type_name()))),
        };
        let over_map = matches!(range, Value::Map(_));
        let mut fold = Fold::new(comprehension.which);
        for (index, item) in elements {
            let depth = self.locals.len();
            match &comprehension.second {
                Some(second) => {
                    self.locals.push((&comprehension.variable, index));
                    self.locals.push((second, item.clone()));
                }
                None if over_map => self.locals.push((&comprehension.variable, index)),
                None => self.locals.push((&comprehension.variable, item.clone())),
            }
            let element = self.locals[depth].1.clone();
            let step = self.step(comprehension, element, &mut fold);
            self.locals.truncate(depth);
            // `all` and `exists` go on after an error, but not after this one.
            if step? == Done::Yes || self.meter.is_exceeded() {
                break;
            }
        }
        fold.finish()
    }

    /// Looks at one element; says whether the outcome is already certain.
    fn step(&mut self, comprehension: &'a Comprehension, element: Value, fold: &mut Fold) -> Result<Done, Error> {
        let holds = match &comprehension.predicate {
            None => Ok(true),
            Some(predicate) => match self.eval(predicate) {
                Ok(Value::Bool(truth)) => Ok(truth),
                Ok(_) => Err(Error::new("no such overload")),
                Err(error) => Err(error),
            },
        };
        let costs = cost::looped(comprehension.which);
        if matches!(comprehension.which, Macro::All | Macro::Exists) {
            self.meter.charge(costs.test + costs.taken)?;
            return Ok(fold.decide(holds));
        }
        let is_taken = holds != Ok(false);
        self.meter.charge(if is_taken { costs.taken } else { cost::SKIPPED })?;
        match (comprehension.which, holds?) {
            (Macro::ExistsOne, holds) => fold.count += usize::from(holds),
            (Macro::Filter, true) => fold.items.push(element),
            (Macro::Map | Macro::TransformList, true) => {
                if let Some(transform) = &comprehension.transform {
                    fold.items.push(self.eval(transform)?);
                }
            }
            (Macro::TransformMap, true) => {
                if let (Some(transform), Some(key)) = (&comprehension.transform, element.key()) {
                    fold.entries.insert(key, self.eval(transform)?);
                }
            }
            (Macro::TransformMapEntry, true) => {
                if let Some(transform) = &comprehension.transform {
                    let Value::Map(made) = self.eval(transform)? else { return Err(Error::new("no such overload")) };
                    for (key, value) in made.iter() {
                        if fold.entries.insert(key.clone(), value.clone()).is_some() {
                            return Err(Error::new(format!("insert failed: key {key} already exists")));
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(Done::No)
    }
}

#[derive(PartialEq)]
enum Done {
    Yes,
    No,
}

/// What a macro has seen so far.
struct Fold {
    which: Macro,
    items: Vec<Value>,
    entries: BTreeMap<Key, Value>,
    count: usize,
    /// The first error of `all` and `exists`; it stands only if no element decides.
    error: Option<Error>,
    decided: bool,
}

impl Fold {
    fn new(which: Macro) -> Self {
        Self { which, items: Vec::new(), entries: BTreeMap::new(), count: 0, error: None, decided: false }
    }

    fn decide(&mut self, holds: Result<bool, Error>) -> Done {
        match holds {
            Ok(truth) if truth == (self.which == Macro::Exists) => {
                self.decided = true;
                return Done::Yes;
            }
            Ok(_) => {}
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        Done::No
    }

    fn finish(self) -> Result<Value, Error> {
        match (self.which, self.error) {
            (Macro::All | Macro::Exists, Some(error)) if !self.decided => Err(error),
            (Macro::All, _) => Ok(Value::Bool(!self.decided)),
            (Macro::Exists, _) => Ok(Value::Bool(self.decided)),
            (Macro::ExistsOne, _) => Ok(Value::Bool(self.count == 1)),
            (Macro::Filter | Macro::Map | Macro::TransformList, _) => Ok(Value::list(self.items)),
            (Macro::TransformMap | Macro::TransformMapEntry, _) => Ok(Value::Map(Arc::new(self.entries))),
        }
    }
}

/// Whether a dotted name can be that of a type.
fn begins_a_type(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Ident(name) => matches!(name.as_str(), "google" | "kubernetes" | "net"),
        Kind::Select { operand, .. } => begins_a_type(operand),
        _ => false,
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

/// The full name of a function that is called through a namespace: `optional.of`, `math.greatest`, `format.dns1123Label`.
fn namespaced(target: &Expr, function: &str) -> Option<String> {
    const NAMESPACES: &[&str] =
        &["optional", "math", "strings", "sets", "base64", "format", "ip", "cel", "lists", "jsonpatch"];
    match &target.kind {
        Kind::Ident(name) if NAMESPACES.contains(&name.as_str()) => {
            let full = format!("{name}.{function}");
            functions::is_namespaced(&full).then_some(full)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Program, Variables};

    fn run(source: &str) -> Result<Value, Error> {
        let object = json!({"spec": {"replicas": 3, "names": ["a", "b"], "limits": {"cpu": 2}}, "kind": "Pod"});
        let variables =
            Variables::from([("object".to_owned(), Value::from(&object)), ("user".to_owned(), "alice".into())]);
        Program::compile(source)?.evaluate(&variables)
    }

    fn check(cases: &[(&str, serde_json::Value)]) {
        for (source, expected) in cases {
            assert_eq!(run(source).map(|value| value.to_json()), Ok(expected.clone()), "{source}");
        }
    }

    #[test]
    fn operators_follow_their_precedence() {
        check(&[
            ("1 + 2 * 3 == 7 && !false", json!(true)),
            ("-9223372036854775808 < 0", json!(true)),
            ("1 < 2 ? 'yes' : 'no'", json!("yes")),
            ("object.spec.replicas > 2 && user == 'alice'", json!(true)),
            ("'b' in object.spec.names", json!(true)),
            ("'cpu' in object.spec.limits", json!(true)),
            ("object.spec.names[1] + \"c\"", json!("bc")),
            ("7 / 2 == 3 && -7 % 3 == -1", json!(true)),
            ("1 == 1.0 && 1u == 1", json!(true)),
        ]);
    }

    #[test]
    fn macros_visit_every_element() {
        check(&[
            ("object.spec.names.all(n, n.size() == 1)", json!(true)),
            ("object.spec.names.exists(n, n == 'b')", json!(true)),
            ("object.spec.names.map(n, n + '!')", json!(["a!", "b!"])),
            ("object.spec.names.filter(n, n != 'a')", json!(["b"])),
            ("object.spec.limits.exists_one(k, k == 'cpu')", json!(true)),
            ("[1, 2, 3].map(n, n > 1, n * n)", json!([4, 9])),
            ("object.spec.names.all(i, n, i < 2 && n != '')", json!(true)),
        ]);
    }

    #[test]
    fn presence_and_optionals() {
        check(&[
            ("has(object.spec.replicas) && !has(object.spec.other)", json!(true)),
            ("object.spec.?other.orValue(5)", json!(5)),
            ("object.?status.?phase.hasValue()", json!(false)),
            ("optional.of(3).value()", json!(3)),
        ]);
    }

    #[test]
    fn an_error_yields_to_the_side_that_decides() {
        check(&[("object.nope == 1 || true", json!(true)), ("false && object.nope == 1", json!(false))]);
        assert_eq!(run("object.nope").map_err(|error| error.message), Err("no such key: nope".to_owned()));
    }

    #[test]
    fn errors_know_their_place() {
        assert_eq!(Program::compile("1 +").map_err(|error| error.offset).err(), Some(Some(3)));
        assert_eq!(
            run("1 + (2 / 0)").map_err(|error| (error.message, error.offset)),
            Err(("division by zero".to_owned(), Some(7)))
        );
    }
}
