//! What an expression costs while it runs, and when it is given up.
//!
//! ```text
//!   Meter    one evaluation: cost, as cel-go counts it, up to a limit
//!                            work, what this implementation does for it, up to a limit of its own
//!   Budget   several expressions about one object: what they may cost together
//! ```
//!
//! Cost is part of the API: it decides who is refused, and the numbers are Kubernetes'. Work is not: it bounds time and
//! memory where the cost of a call does not follow what the call does (a replacement that makes a text longer, an
//! equality of deep values).
//!
//! Go: cel-go/interpreter/runtimecost.go, apiserver/pkg/cel/library/cost.go CallCost, apiserver/pkg/apis/cel/config.go

use std::{collections::BTreeMap, sync::Arc};

use regex::{Regex, RegexBuilder};

use crate::{
    Error,
    value::{Foreign, Value},
};

/// What one expression may cost: about a tenth of a second. Go: PerCallLimit
pub const PER_CALL_LIMIT: u64 = 1_000_000;

/// What all rules of an object, or all expressions of a policy under one binding, may cost. Go: RuntimeCELCostBudget
pub const RUNTIME_CEL_COST_BUDGET: u64 = 10_000_000;

/// What all conditions of a webhook or of a policy may cost. Go: RuntimeCELCostBudgetMatchConditions
pub const RUNTIME_CEL_COST_BUDGET_MATCH_CONDITIONS: u64 = 2_500_000;

/// What is said of an expression that costs too much.
pub const LIMIT_EXCEEDED: &str = "operation cancelled: actual cost limit exceeded";

/// What is said when a budget is used up.
pub const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// Steps of one evaluation: nodes visited, values compared, every fourth octet of text made. About a second.
const MAX_WORK: u64 = 20_000_000;

/// An item of a list takes as much memory as this many steps stand for.
const WORK_OF_ITEM: u64 = 8;

/// A budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{OUT_OF_BUDGET}")]
pub struct OutOfBudget;

/// What expressions may cost together.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u64);

impl Budget {
    /// Begins with all of it.
    pub const fn new(total: u64) -> Self {
        Self(total)
    }

    /// Says whether nothing is left.
    pub const fn is_spent(self) -> bool {
        self.0 == 0
    }

    /// Takes what an expression has cost.
    pub fn spend(&mut self, cost: u64) -> Result<(), OutOfBudget> {
        self.0 = self.0.checked_sub(cost).ok_or(OutOfBudget)?;
        Ok(())
    }
}

/// Counts what one evaluation costs.
#[derive(Debug)]
pub struct Meter {
    cost: u64,
    limit: u64,
    work: u64,
    /// Expressions that were compiled for this evaluation: most are the same for every element.
    patterns: BTreeMap<Arc<str>, Result<Regex, ()>>,
}

/// How large the program of a pattern may be, and how many steps it takes to make one of that size.
const PROGRAMS: [(usize, u64); 3] = [(64 << 10, 2_000), (1 << 20, 100_000), (10 << 20, 1_000_000)];

impl Meter {
    /// Begins to count.
    pub fn new(limit: u64) -> Self {
        Self { cost: 0, limit, work: 0, patterns: BTreeMap::new() }
    }

    /// Returns the cost so far.
    pub const fn cost(&self) -> u64 {
        self.cost
    }

    /// Says whether the evaluation is given up, whatever its outcome.
    pub const fn is_exceeded(&self) -> bool {
        self.cost > self.limit || self.work > MAX_WORK
    }

    /// Adds to the cost.
    pub fn charge(&mut self, cost: u64) -> Result<(), Error> {
        self.cost = self.cost.saturating_add(cost);
        self.check()
    }

    /// Adds to the work.
    pub fn work(&mut self, steps: u64) -> Result<(), Error> {
        self.work = self.work.saturating_add(steps);
        if self.work > MAX_WORK {
            // Whoever is told the cost is to see that it was too much.
            self.cost = self.cost.max(self.limit.saturating_add(1));
        }
        self.check()
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_exceeded() { Err(Error::new(LIMIT_EXCEEDED)) } else { Ok(()) }
    }

    /// Counts every value in a value: those that are shared as often as they are seen.
    pub fn look_through(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::String(text) => self.work(1 + text.len() as u64 / 4),
            Value::Bytes(bytes) => self.work(1 + bytes.len() as u64 / 4),
            Value::List(items) => {
                self.work(1)?;
                items.iter().try_for_each(|item| self.look_through(item))
            }
            Value::Map(entries) => {
                self.work(1)?;
                entries.values().try_for_each(|value| {
                    self.work(1)?;
                    self.look_through(value)
                })
            }
            Value::Optional(Some(value)) => self.look_through(value),
            _ => self.work(1),
        }
    }

    /// Counts a list that is about to be made.
    pub fn make_items(&mut self, count: u64) -> Result<(), Error> {
        self.work(count.saturating_mul(WORK_OF_ITEM))
    }

    /// Counts a text that is about to be made.
    pub fn make_text(&mut self, octets: u64) -> Result<(), Error> {
        self.work(octets / 4)
    }

    /// Returns a compiled pattern.
    pub(crate) fn pattern(&mut self, pattern: &Arc<str>) -> Result<Regex, Error> {
        let refusal = || Error::new(format!("Illegal regex: {pattern}"));
        if let Some(known) = self.patterns.get(pattern) {
            return known.clone().map_err(|()| refusal());
        }
        let mut found = Err(());
        if crate::regexp::check(pattern).is_ok() {
            for (size, steps) in PROGRAMS {
                self.work(steps)?;
                found = RegexBuilder::new(pattern).size_limit(size).build().map_err(|_| ());
                if found.is_ok() {
                    break;
                }
            }
        }
        self.patterns.insert(pattern.clone(), found.clone());
        found.map_err(|()| refusal())
    }

    /// Counts a call, before it is made.
    pub(crate) fn call(&mut self, name: &str, args: &[Value]) -> Result<(), Error> {
        let cost = self.cost_of(name, args)?;
        self.charge(cost)?;
        self.work_of(name, args)
    }

    /// Go: costCall, CallCost
    fn cost_of(&mut self, name: &str, args: &[Value]) -> Result<u64, Error> {
        let at = |index: usize| args.get(index).map_or(1, size);
        let traversed = |factor: f64, size: u64| (factor * size as f64).ceil() as u64;
        let text = |index: usize| matches!(args.get(index), Some(Value::String(_) | Value::Bytes(_)));
        let regex = || traversed(0.1, at(0) + 1) * traversed(0.25, at(1));
        let foreign = matches!(args.first(), Some(Value::Foreign(_)));
        Ok(match name {
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => match args.first() {
                Some(first) => self.traversal(first)?,
                None => 0,
            },
            "url"
            | "lowerAscii"
            | "upperAscii"
            | "substring"
            | "trim"
            | "jsonpatch.escapeKey"
            | "cidr"
            | "isIP"
            | "isCIDR"
            | "quantity"
            | "isQuantity"
            | "semver"
            | "isSemver"
            | "startsWith"
            | "endsWith"
            | "strings.quote"
            | "format" => traversed(0.1, at(0)),
            "ip" if !foreign => traversed(0.1, at(0)),
            "bytes" | "string" if text(0) => traversed(0.1, at(0)),
            "replace" | "split" | "ip.isCanonical" => traversed(0.2, at(0)),
            "join" => traversed(0.2, joined(args)),
            "find" | "findAll" | "matches" => regex(),
            // The longest of the named formats is described by a pattern of about this length.
            "validate" if foreign => traversed(0.1, at(1) + 1) * traversed(0.25, 30),
            "containsIP" => traversed(0.1, 2 * at(0)) + if text(1) { traversed(0.1, at(1)) } else { 0 },
            "containsCIDR" => {
                let compared = traversed(0.1, 2 * at(0)) + traversed(0.1, at(0)) + 1;
                compared + if text(1) { traversed(0.1, at(1)) } else { 0 }
            }
            "contains" => traversed(0.1, at(0)) * traversed(0.1, at(1)),
            "@in" if matches!(args.get(1), Some(Value::List(_))) => at(1),
            "_==_" | "_!=_" if !foreign => traversed(0.1, at(0).min(at(1))),
            "_<_" | "_<=_" | "_>_" | "_>=_" if text(0) => traversed(0.1, at(0).min(at(1))),
            "_+_" if text(0) => traversed(0.1, at(0) + at(1)),
            "reverse" if !text(0) => at(0) + 11,
            "flatten" => at(0) + 11,
            "slice" => sliced(args) + 11,
            "lists.range" => ranged(args) + 11,
            "distinct" | "sort" => self_compared(args) + 11,
            "sets.contains" | "sets.intersects" => 1 + at(0).saturating_mul(at(1)),
            "sets.equivalent" => 1 + at(0).saturating_mul(at(1)).saturating_mul(2),
            _ => 1,
        })
    }

    /// What visiting everything in a value costs. Go: traversalCost
    fn traversal(&mut self, value: &Value) -> Result<u64, Error> {
        self.work(1)?;
        Ok(match value {
            Value::String(text) => (text.len() as f64 * 0.1) as u64,
            Value::Bytes(bytes) => (bytes.len() as f64 * 0.1) as u64,
            Value::List(items) => items.iter().try_fold(0, |sum, item| Ok(sum + self.traversal(item)?))?,
            Value::Map(entries) => entries.iter().try_fold(0, |sum, (key, value)| {
                Ok::<_, Error>(sum + self.traversal(&Value::from(key))? + self.traversal(value)?)
            })?,
            _ => 1,
        })
    }

    fn work_of(&mut self, name: &str, args: &[Value]) -> Result<(), Error> {
        let lists = |args: &[Value]| args.iter().filter_map(Value::as_list).map(|items| items.len() as u64).sum();
        let octets: u64 = args.iter().map(|arg| octets(arg) as u64).sum();
        self.work(1 + octets / 16)?;
        match (name, args) {
            ("_==_" | "_!=_" | "@in" | "indexOf" | "lastIndexOf" | "format", _) => {
                args.iter().try_for_each(|arg| self.look_through(arg))
            }
            ("distinct" | "sets.contains" | "sets.intersects" | "sets.equivalent", [first, ..]) => {
                let times = args.last().and_then(Value::as_list).map_or(1, <[Value]>::len) as u64;
                let before = self.work;
                self.look_through(first)?;
                self.work((self.work - before).saturating_mul(times))
            }
            ("_+_", [Value::List(_), _]) | ("reverse" | "sort", [Value::List(_)]) => self.make_items(lists(args)),
            ("flatten", [Value::List(items)]) => self.make_items(lists(items)),
            ("lists.range", _) => self.make_items(ranged(args)),
            ("slice", _) => self.make_items(sliced(args)),
            ("_+_", _) => self.make_text(octets),
            ("join", _) => self.make_text(joined(args)),
            ("replace", [Value::String(text), Value::String(from), Value::String(to), ..]) => {
                let times = text.matches(&**from).count() as u64;
                self.make_text((text.len() as u64).saturating_add(times.saturating_mul(to.len() as u64)))
            }
            ("split", [Value::String(text), Value::String(separator), ..]) => {
                self.make_items(text.matches(&**separator).count() as u64)
            }
            _ => Ok(()),
        }
    }
}

/// The size of a value as costs know it: characters, octets, items, entries; 1 for all that has none. Go: actualSize
fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::List(items) => items.len() as u64,
        Value::Map(entries) => entries.len() as u64,
        Value::Optional(Some(value)) => size(value),
        Value::Foreign(foreign) => match &**foreign {
            Foreign::Ip(address) => {
                if address.is_ipv4() {
                    4
                } else {
                    16
                }
            }
            Foreign::Cidr(network) => {
                if network.addr().is_ipv4() {
                    4
                } else {
                    16
                }
            }
            _ => 1,
        },
        _ => 1,
    }
}

fn octets(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

fn joined(args: &[Value]) -> u64 {
    let Some(items) = args.first().and_then(Value::as_list) else { return 0 };
    let separator = args.get(1).map_or(0, octets) as u64;
    let text: usize = items.iter().map(octets).sum();
    (text as u64).saturating_add(separator.saturating_mul(items.len() as u64))
}

fn ranged(args: &[Value]) -> u64 {
    match args {
        [Value::Int(count)] => u64::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}

fn sliced(args: &[Value]) -> u64 {
    match args {
        [Value::List(items), Value::Int(from), Value::Int(to)] => {
            u64::try_from(to.saturating_sub(*from)).unwrap_or_default().min(items.len() as u64)
        }
        _ => 0,
    }
}

fn self_compared(args: &[Value]) -> u64 {
    let Some(items) = args.first().and_then(Value::as_list) else { return 0 };
    let factor = if matches!(items.first(), Some(Value::String(_) | Value::Bytes(_))) { 2.1 } else { 2.0 };
    ((items.len() * items.len()) as f64 * factor) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Program, Variables};

    fn variables() -> Variables {
        let object = json!({"n": 3, "s": "x".repeat(100), "l": ["abc", "de", "f"], "m": {"a": 1}});
        Variables::from([("self".to_owned(), Value::from(&object))])
    }

    fn cost(source: &str) -> u64 {
        let (outcome, cost) = Program::compile(source).expect(source).metered(&variables());
        outcome.expect(source);
        cost
    }

    #[test]
    fn costs_are_those_of_cel_go() {
        for (source, expected) in [
            ("true", 0),
            ("self.n > 1", 3),
            ("has(self.n)", 1),
            ("self.s.startsWith('x')", 2 + 10),
            ("self.s == 'xy'", 2 + 1),
            ("self.s + self.s == ''", 4 + 20),
            ("'abc' in self.l", 2 + 3),
            ("self.s.matches('^x{4}$')", 2 + 11 * 2),
            ("[1, 2] == []", 20),
            ("{'a': 1}.a == 1", 30 + 2),
            ("self.l.all(v, v == 'abc' || true)", 2 + 1 + 3 * (2 + 1 + 2)),
            ("self.l.filter(v, v == 'f').size() == 1", 2 + 11 + 3 * 2 + 13 + 2 + 2),
            ("self.l.map(v, v).size() == 3", 2 + 11 + 3 * (12 + 1) + 2),
            ("lists.range(5).size() == 5", 5 + 11 + 2),
            ("self.l.isSorted()", 2),
        ] {
            assert_eq!(cost(source), expected, "{source}");
        }
    }

    #[test]
    fn what_costs_too_much_is_given_up_whatever_the_other_side_says() {
        let many = "lists.range(1000).all(a, lists.range(1000).all(b, a + b >= 0))";
        for source in [many.to_owned(), format!("{many} || true"), format!("[{many}, true][1]")] {
            let (outcome, cost) = Program::compile(&source).expect("an expression").metered(&variables());
            assert_eq!(outcome.expect_err("too much").message, LIMIT_EXCEEDED, "{source}");
            assert!(cost > PER_CALL_LIMIT && cost < 2 * PER_CALL_LIMIT, "{cost}");
        }
    }

    /// Few units of cost, but memory or time without end.
    #[test]
    fn what_grows_without_cost_is_given_up_too() {
        let doubled = |value: &str, doubling: &str| {
            (0..60).fold(value.to_owned(), |inner, _| format!("cel.bind(a, {inner}, {doubling})"))
        };
        for source in [
            "lists.range(9223372036854775807).size() == 0".to_owned(),
            format!("{} == ''", doubled("'x'", "a + a")),
            format!("{}.size() == 0", doubled("[1]", "a + a")),
            doubled("[1]", "[a, a]"),
            format!("{} == []", doubled("[1]", "[a, a]")),
            format!("'%s'.format([{}]) == ''", doubled("[1]", "[a, a]")),
            "'x'.replace('', self.s).replace('', self.s).replace('', self.s).replace('', self.s) == ''".to_owned(),
            r"lists.range(1000).all(i, !'1'.matches('\\pL{' + string(i + 30) + '}'))".to_owned(),
        ] {
            let outcome = Program::compile(&source).expect("an expression").evaluate(&variables());
            assert_eq!(outcome.map(|_| ()), Err(Error::new(LIMIT_EXCEEDED)), "{source:.200}");
        }
    }

    #[test]
    fn a_budget_is_spent_once() {
        let mut budget = Budget::new(10);
        assert_eq!(budget.spend(10), Ok(()));
        assert!(budget.is_spent());
        assert_eq!(budget.spend(1), Err(OutOfBudget));
        assert!(Program::compile(&format!("a{}", ".optMap(x, x)".repeat(40))).is_err());
    }
}
