//! Selectors of devices: expressions over `device`.
//!
//! Go: pkg/apis/resource/validation/validation.go validateCELExpression, dynamic-resource-allocation/cel/compile.go

use apimachinery::validation::field::{Error, ErrorList};

use super::each_of;
use crate::node::Node;

const MOST_SELECTORS: usize = 32;
const LONGEST_EXPRESSION: usize = 10 << 10;

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
        errors.push(Error::too_long(&node.path, LONGEST_EXPRESSION));
    } else if let Err(error) = cel::Program::compile(source) {
        errors.push(node.invalid(format!("compilation failed: {}", located(&error, source))));
    }
}

/// An error as CEL shows it: where, what, and the line with a mark under it.
///
/// Go: cel-go/common/error.go Error.ToDisplayString
fn located(error: &cel::Error, source: &str) -> String {
    let offset = error.offset.unwrap_or_default().min(source.len());
    let before = source.get(..offset).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let (row, column) = (before.matches('\n').count() + 1, before[line..].chars().count());
    let text = source[line..].lines().next().unwrap_or_default();
    let column_shown = if source.is_empty() { 0 } else { column + 1 };
    format!("ERROR: <input>:{row}:{column_shown}: {}\n | {text}\n | {}^", error.message, ".".repeat(column))
}
