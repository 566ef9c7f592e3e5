//! What changed from one value of a type to another, as sets of paths.
//!
//! Go: structured-merge-diff/typed/{compare,comparison}.go

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    fieldpath::{Set, field_element},
    typed::{self, ListShape, MapShape, Shape, Type},
};

/// The difference between two values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    /// What only the new one has.
    pub(super) added: Set,
    /// What both have, with other values.
    pub(super) modified: Set,
    /// What only the old one has.
    pub(super) removed: Set,
}

impl Comparison {
    /// Says whether nothing changed.
    pub(super) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// Leaves out fields and all below them.
    pub(super) fn exclude(&mut self, fields: &Set) {
        for set in [&mut self.added, &mut self.modified, &mut self.removed] {
            set.recursive_difference(fields);
        }
    }

    fn attach(&mut self, element: String, child: Self) {
        self.added.attach(element.clone(), child.added);
        self.modified.attach(element.clone(), child.modified);
        self.removed.attach(element, child.removed);
    }
}

/// Compares two values. At least one of them is there.
pub(super) fn compare(ty: Type<'_>, left: Option<&Value>, right: Option<&Value>) -> Comparison {
    let mut found = Comparison::default();
    if is_leaf(ty, left, right) {
        match (left, right) {
            (None, _) => found.added.member = true,
            (_, None) => found.removed.member = true,
            (Some(left), Some(right)) => found.modified.member = !typed::is_equal(left, right),
        }
        return found;
    }
    match ty.shape_of(left, right) {
        Shape::Leaf => {}
        Shape::Map(shape) => fields(shape, as_map(left), as_map(right), &mut found),
        Shape::List(shape) => items(&shape, as_list(left), as_list(right), &mut found),
    }
    // Without a schema a map may have become a scalar, which is a change of the whole besides.
    if let (Some(left), Some(right)) = (left, right)
        && left.is_object() != right.is_object()
        && !typed::is_void(Some(left))
        && !typed::is_void(Some(right))
    {
        found.modified.member = true;
    }
    found.added.member |= left.is_none();
    found.removed.member |= right.is_none();
    found
}

/// Empty and null are told apart, so two that hold nothing are compared as a whole.
fn is_leaf(ty: Type<'_>, left: Option<&Value>, right: Option<&Value>) -> bool {
    matches!(ty.shape_of(left, right), Shape::Leaf) || (typed::is_void(left) && typed::is_void(right))
}

fn as_map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn as_list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields(
    shape: MapShape<'_>,
    left: Option<&Map<String, Value>>,
    right: Option<&Map<String, Value>>,
    found: &mut Comparison,
) {
    let in_left = |name: &str| left.and_then(|fields| fields.get(name));
    for (name, value) in left.into_iter().flatten() {
        let Some(ty) = shape.child(name) else { continue };
        let other = right.and_then(|fields| fields.get(name));
        found.attach(field_element(name), compare(ty, Some(value), other));
    }
    for (name, value) in right.into_iter().flatten().filter(|(name, _)| in_left(name).is_none()) {
        let Some(ty) = shape.child(name) else { continue };
        found.attach(field_element(name), compare(ty, None, Some(value)));
    }
}

/// The items of both sides by path element; an element may stand for several items, by mistake.
type Items<'a> = BTreeMap<String, (Vec<&'a Value>, Vec<&'a Value>)>;

fn items(shape: &ListShape<'_>, left: &[Value], right: &[Value], found: &mut Comparison) {
    if left == right {
        return;
    }
    let mut both = Items::new();
    for item in left {
        if let Ok(element) = shape.element(item) {
            both.entry(element).or_default().0.push(item);
        }
    }
    for item in right {
        if let Ok(element) = shape.element(item) {
            both.entry(element).or_default().1.push(item);
        }
    }
    for (element, (left, right)) in both {
        let compared = match (left.as_slice(), right.as_slice()) {
            ([] | [_], [] | [_]) => compare(shape.items, left.first().copied(), right.first().copied()),
            ([_, _, ..], [_, _, ..]) => {
                let is_same = left.len() == right.len() && left.iter().zip(&right).all(|(l, r)| typed::is_equal(l, r));
                Comparison { modified: Set { member: !is_same, ..Set::default() }, ..Comparison::default() }
            }
            // Several that became one: the one is new, the several are gone. And the other way round.
            ([_, _, ..], rest) => {
                let mut compared =
                    rest.first().map_or_else(Comparison::default, |one| compare(shape.items, None, Some(one)));
                compared.removed.member = true;
                compared
            }
            (rest, [_, _, ..]) => {
                let mut compared =
                    rest.first().map_or_else(Comparison::default, |one| compare(shape.items, Some(one), None));
                compared.added.member = true;
                compared
            }
        };
        found.attach(element, compared);
    }
}
