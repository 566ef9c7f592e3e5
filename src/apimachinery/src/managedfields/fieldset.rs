//! The set of all paths of a value, and sets brought in line with a schema.
//!
//! Go: structured-merge-diff/typed/{tofieldset,reconcile_schema}.go, fieldpath/set.go EnsureNamedFieldsAreMembers

use serde_json::Value;

use super::{
    fieldpath::{Set, field_element},
    typed::{self, Shape, Type},
};

/// Returns the paths of a value: its leaves, its items, its free keys. A named field that holds others is none.
pub(super) fn of(ty: Type<'_>, value: &Value) -> Set {
    match (ty.shape(value), value) {
        (Shape::Leaf, _) => Set::here(),
        (Shape::Map(shape), Value::Object(fields)) => {
            let mut set = Set::default();
            for (name, value) in fields {
                let Some(ty) = shape.child(name) else { continue };
                let mut child = of(ty, value);
                let is_void = value.is_null() || matches!(value, Value::Object(fields) if fields.is_empty());
                child.member |= is_void || !shape.is_named(name);
                set.attach(field_element(name), child);
            }
            set
        }
        (Shape::List(shape), Value::Array(items)) => {
            let mut set = Set::default();
            for item in items {
                let Ok(element) = shape.element(item) else { continue };
                let mut child = of(shape.items, item);
                child.member = true;
                match set.children.get_mut(&element) {
                    Some(twin) => twin.union(&child),
                    None => set.attach(element, child),
                }
            }
            set
        }
        // A map or list that is null.
        _ => Set::default(),
    }
}

/// Adds the named fields on the way to the paths: a set made of `a.b.c` has `a` too if that is a field, but
/// not `a.b` if `a` is a map.
pub(super) fn with_named_fields(ty: Option<Type<'_>>, set: &Set) -> Set {
    let mut named = Set { member: set.member, ..Set::default() };
    for (element, child) in &set.children {
        let below = ty.and_then(|ty| typed::descend(ty, element));
        let mut child = with_named_fields(below, child);
        child.member |= typed::is_named(ty, element);
        named.attach(element.clone(), child);
    }
    named
}

/// Brings a set in line with a schema in which something has become atomic since: its owner owns the whole.
pub(super) fn reconcile(ty: Type<'_>, set: &mut Set) {
    for (element, child) in &mut set.children {
        let Some(ty) = typed::descend(ty, element) else { continue };
        if child.children.is_empty() {
            continue;
        }
        if typed::is_atomic(ty) {
            *child = Set::here();
        } else {
            reconcile(ty, child);
        }
    }
}
