//! Selectors of devices: expressions over `device`.
//!
//! Go: pkg/apis/resource/validation/validation.go validateCELExpression, dynamic-resource-allocation/cel/compile.go

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use apimachinery::validation::field::{Error, ErrorList};
use cel::{
    env::{Env, Sizes},
    types::Type,
};

use super::each_of;
use crate::node::Node;

const MOST_SELECTORS: usize = 32;
const LONGEST_EXPRESSION: usize = 10 << 10;
const HIGHEST_COST: u64 = 1_000_000;

/// Whether expressions are new, or were stored before and so taken as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// They are looked at.
    New,
    /// They are not.
    Stored,
}

/// Checks a list of selectors.
pub(super) fn selectors(errors: &mut ErrorList, list: &Node<'_>, age: Age) {
    each_of(errors, list, MOST_SELECTORS, |errors, selector| {
        if !selector.has("cel") {
            errors.push(selector.child("cel").required(""));
        } else if age == Age::New {
            expression(errors, &selector.child("cel.expression").or_empty());
        }
    });
}

fn expression(errors: &mut ErrorList, node: &Node<'_>) {
    let source = node.as_str();
    if source.len() > LONGEST_EXPRESSION {
        return errors.push(Error::too_long(&node.path, LONGEST_EXPRESSION));
    }
    match cel::Program::checked(source, &ENVIRONMENT) {
        Err(text) => errors.push(node.invalid(format!("compilation failed: {text}"))),
        Ok((_, checked)) if !matches!(checked.kind, Type::Bool | Type::Dyn) => {
            errors.push(node.invalid(format!("must evaluate to bool or the unknown type, not {}", checked.kind)));
        }
        Ok((_, checked)) if checked.max_cost > HIGHEST_COST => {
            errors.push(node.forbidden("too complex, exceeds cost limit"));
        }
        Ok(_) => {}
    }
}

/// The one variable, `device`, with its attributes and capacities by domain and name.
///
/// Go: dynamic-resource-allocation/cel/compile.go newCompiler
static ENVIRONMENT: LazyLock<Env> = LazyLock::new(|| {
    let by_name = |kind| Type::map(Type::String, Type::map(Type::String, kind));
    let device = Type::object(
        "kubernetes.DRADevice",
        [
            ("driver", Type::String),
            ("attributes", by_name(Type::Dyn)),
            ("capacity", by_name(Type::Opaque("kubernetes.Quantity".into()))),
            ("allowMultipleAllocations", Type::Bool),
        ],
    );
    // A device has so many attributes and capacities, and an attribute so many characters.
    let map = |most, items: Option<Sizes>| Sizes { most, items: items.map(Box::new), ..Sizes::default() };
    let names = || map(32, Some(map(32, Some(map(64, None)))));
    let fields = [("driver", map(63, None)), ("attributes", names()), ("capacity", names())];
    let fields = fields.into_iter().map(|(name, sizes)| (name.to_owned(), sizes)).collect();
    Env {
        variables: BTreeMap::from([("device".to_owned(), device)]),
        sizes: Some(Arc::new(Sizes { fields, ..Sizes::default() })),
        ..Env::default()
    }
});
