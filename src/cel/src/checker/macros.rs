//! The macros: loops over a list or map, each of which stands for a loop with a result that grows.
//!
//! Go: cel-go/parser/macro.go, cel-go/ext/comprehensions.go, cel-go/checker/cost.go costComprehension

use super::{Checker, Local};
use crate::{
    ast::{Comprehension, Macro},
    cost::{self, Entry, Range, Weighed},
    types::Type,
};

impl Checker<'_> {
    /// Checks a macro and weighs it.
    pub(super) fn comprehension(&mut self, offset: usize, comprehension: &Comprehension) -> Weighed {
        let range = self.node(&comprehension.range);
        let depth = self.locals.len();
        self.loop_variables(comprehension, &range);
        let predicate = comprehension.predicate.as_ref().map(|predicate| (predicate.offset, self.node(predicate)));
        let transform = comprehension.transform.as_ref().map(|transform| self.node(transform));
        self.locals.truncate(depth);
        if let Some((at, predicate)) = &predicate
            && !self.known.assign(&predicate.kind, &Type::Bool)
        {
            self.not_a_predicate(offset, *at, comprehension.which, predicate, &range);
        }
        let holds = predicate.map_or(Range::ZERO, |(_, predicate)| predicate.cost);
        let is_filtered = comprehension.predicate.is_some();
        self.looped(comprehension, &range, holds, is_filtered, transform)
    }

    /// Declares the variables of a macro.
    fn loop_variables(&mut self, comprehension: &Comprehension, range: &Weighed) {
        let kind = self.known.substitute(&range.kind);
        let (first, second) = match &kind {
            Type::List(item) if comprehension.second.is_some() => (Type::Int, (**item).clone()),
            Type::List(item) => ((**item).clone(), Type::Error),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Dyn | Type::Error | Type::Param(_) => {
                self.known.assign(&Type::Dyn, &kind);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.error(comprehension.range.offset, message);
                (Type::Error, Type::Error)
            }
        };
        let is_list = matches!(kind, Type::List(_));
        let step = match (is_list, &comprehension.second) {
            (true, None) => "@items",
            (true, Some(_)) => "@indices",
            (false, _) => "@keys",
        };
        let below = |step: &str| {
            let mut path = range.path.clone();
            if !path.is_empty() {
                path.push(step.to_owned());
            }
            path
        };
        let of_keys = range.entry.map(|entry| if step == "@items" { entry.value } else { entry.key });
        let local = |name: &String, kind, path, size| Local { name: name.clone(), kind, path, size, entry: None };
        self.locals.push(local(&comprehension.variable, first, below(step), of_keys));
        if let Some(name) = &comprehension.second {
            let path = below(if is_list { "@items" } else { "@values" });
            self.locals.push(local(name, second, path, range.entry.map(|entry| entry.value)));
        }
    }

    /// A predicate that is no truth value shows as the operator that the macro stands for.
    fn not_a_predicate(&mut self, offset: usize, at: usize, which: Macro, predicate: &Weighed, range: &Weighed) {
        let found = self.known.substitute_or_dyn(&predicate.kind);
        let kind = self.known.substitute_or_dyn(&range.kind);
        let message = match which {
            Macro::All | Macro::Exists => {
                return self.error(at, format!("expected type 'bool' but found '{found}'"));
            }
            Macro::ExistsOne => format!("({found}, int, int)"),
            _ => format!("({found}, {kind}, {kind})"),
        };
        self.error(offset, format!("found no matching overload for '_?_:_' applied to '{message}'"));
    }

    /// What the loop that a macro stands for gives and costs.
    fn looped(
        &mut self,
        comprehension: &Comprehension,
        range: &Weighed,
        holds: Range,
        is_filtered: bool,
        transform: Option<Weighed>,
    ) -> Weighed {
        let kind = self.known.substitute(&range.kind);
        let count = range.size_or_unknown();
        let (one, costs) = (Range::ONE, cost::looped(comprehension.which));
        let taken = Range::fixed(costs.taken);
        let choice = |step: Range| if is_filtered { holds.plus(step.or(Range::fixed(cost::SKIPPED))) } else { step };
        let item = || match &kind {
            Type::List(item) => (**item).clone(),
            Type::Map(key, _) => (**key).clone(),
            _ => Type::Dyn,
        };
        let (result, each, entry) = match comprehension.which {
            Macro::All | Macro::Exists => {
                let step = Range { min: taken.min, max: taken.plus(holds).max };
                (Type::Bool, Range::fixed(costs.test).plus(step), None)
            }
            Macro::ExistsOne => (Type::Bool, choice(taken), None),
            Macro::Filter => {
                let value = range.entry.map(|entry| Entry { key: one, value: entry.value.or(Range::ZERO) });
                (Type::list(item()), choice(taken), value)
            }
            Macro::Map | Macro::TransformList => {
                let transform = transform.unwrap_or_else(|| self.plain(Type::Error, Range::ZERO));
                let value = transform.size_or_unknown().or(Range::ZERO);
                let step = choice(transform.cost.plus(taken));
                (Type::list(transform.kind), step, Some(Entry { key: one, value }))
            }
            Macro::TransformMap | Macro::TransformMapEntry => {
                let transform = transform.unwrap_or_else(|| self.plain(Type::Error, Range::ZERO));
                let key = match &kind {
                    Type::List(_) => Type::Int,
                    Type::Map(key, _) => (**key).clone(),
                    _ => Type::Dyn,
                };
                let made = if comprehension.which == Macro::TransformMap {
                    Type::map(key, transform.kind)
                } else {
                    transform.kind
                };
                (made, choice(transform.cost.plus(taken)), None)
            }
        };
        let once = Range::fixed(costs.before + costs.after);
        let cost = range.cost.plus(once).plus(count.times(each));
        let size = if result == Type::Bool { Some(one) } else { Some(count) };
        Weighed { size, entry, ..self.plain(self.known.substitute(&result), cost) }
    }
}
