//! What an expression may cost at most, before it has ever run.
//!
//! Costs are in units of about fifty nanoseconds, sizes in elements or characters. Both are ranges; what is not bounded
//! by a schema is taken to be endless, which is why rules over unbounded lists are refused.
//!
//! Go: cel-go/checker/cost.go, apiserver/pkg/cel/library/cost.go EstimateCallCost

use crate::{ast::Macro, types::Type};

/// A range of costs or sizes. Sums and products stop at the largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

/// Going over a text once costs this much a character.
const TRAVERSAL: f64 = 0.1;
/// A regular expression costs this much a character, for each character it is applied to.
const REGEX: f64 = 0.25;

/// Reading a variable or a field. Go: cel-go/common/cost.go
pub(crate) const SELECT_AND_IDENT: u64 = 1;
/// Making a list, apart from its items.
pub(crate) const LIST: u64 = 10;
/// Making a map, apart from its entries.
pub(crate) const MAP: u64 = 30;
/// Making an object, apart from its fields.
pub(crate) const STRUCT: u64 = 40;

impl Range {
    /// Nothing.
    pub const ZERO: Self = Self::fixed(0);
    /// One unit.
    pub const ONE: Self = Self::fixed(1);
    /// Anything.
    pub const UNKNOWN: Self = Self { min: 0, max: u64::MAX };

    /// Exactly this.
    pub const fn fixed(value: u64) -> Self {
        Self { min: value, max: value }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }

    /// One for each of the other.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self { min: self.min.saturating_mul(other.min), max: self.max.saturating_mul(other.max) }
    }

    /// A part or multiple, rounded up.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        // Conversion of a float that is too large saturates.
        let scale = |value: u64| (value as f64 * factor).ceil() as u64;
        Self { min: scale(self.min), max: scale(self.max) }
    }

    /// Either of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The sizes of a container's keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of keys, or indices.
    pub key: Range,
    /// Of values, or items.
    pub value: Range,
}

impl Entry {
    /// Either of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { key: self.key.or(other.key), value: self.value.or(other.value) }
    }
}

/// A node that was weighed.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// Its type.
    pub kind: Type,
    /// The field that it reads, from a variable on; empty if it reads none.
    pub path: Vec<String>,
    /// What it costs.
    pub cost: Range,
    /// How large its value is, if that is known.
    pub size: Option<Range>,
    /// How large its entries are, if that is known.
    pub entry: Option<Entry>,
    /// The whole number that it is, if it is a literal.
    pub literal: Option<i64>,
}

impl Weighed {
    /// Its size, or anything.
    pub fn size_or_unknown(&self) -> Range {
        self.size.unwrap_or(Range::UNKNOWN)
    }
}

/// What a loop costs apart from its predicate and its transformation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    /// Once, to begin.
    pub(crate) before: u64,
    /// For each element: whether to go on.
    pub(crate) test: u64,
    /// For each element that is taken.
    pub(crate) taken: u64,
    /// Once, for the result.
    pub(crate) after: u64,
}

/// An element that is not taken leaves the result as it is, which costs this.
pub(crate) const SKIPPED: u64 = 1;

/// What the loop costs that a macro stands for. Go: cel-go/parser/macro.go, cel-go/ext/comprehensions.go
pub(crate) const fn looped(which: Macro) -> Loop {
    match which {
        Macro::All => Loop { before: 0, test: 2, taken: 1, after: 1 },
        Macro::Exists => Loop { before: 0, test: 3, taken: 1, after: 1 },
        Macro::ExistsOne => Loop { before: 0, test: 0, taken: 2, after: 2 },
        Macro::Filter => Loop { before: 10, test: 0, taken: 13, after: 1 },
        Macro::Map | Macro::TransformList => Loop { before: 10, test: 0, taken: 12, after: 1 },
        Macro::TransformMap | Macro::TransformMapEntry => Loop { before: 30, test: 0, taken: 2, after: 1 },
    }
}

/// What a call costs apart from its arguments, and how large its result is.
#[derive(Clone, Copy, Debug)]
pub struct CallCost {
    /// The cost.
    pub cost: Range,
    /// The size of the result, if it is known.
    pub size: Option<Range>,
}

impl CallCost {
    fn of(cost: Range) -> Self {
        Self { cost, size: None }
    }

    fn sized(cost: Range, size: Range) -> Self {
        Self { cost, size: Some(size) }
    }
}

/// Weighs a call of one overload. `items` is the size of the items of the receiver, by its schema.
pub fn call(
    name: &str,
    overload: &[Type],
    target: Option<&Weighed>,
    args: &[&Weighed],
    items: Option<Range>,
) -> CallCost {
    library(name, overload, target, args, items).unwrap_or_else(|| standard(name, overload, target, args))
}

/// Functions of Kubernetes' libraries and of the extensions. Go: EstimateCallCost
fn library(
    name: &str,
    overload: &[Type],
    target: Option<&Weighed>,
    args: &[&Weighed],
    items: Option<Range>,
) -> Option<CallCost> {
    let traversed = |size: Range| CallCost::of(size.scaled(TRAVERSAL));
    let first = || args.first().map(|arg| arg.size_or_unknown());
    let receiver = || target.map(Weighed::size_or_unknown);
    Some(match name {
        // At most two of these fit into one expression.
        "check" => CallCost::of(Range::fixed(350_000)),
        "serviceAccount"
        | "path"
        | "group"
        | "resource"
        | "subresource"
        | "namespace"
        | "name"
        | "allowed"
        | "reason"
        | "error"
        | "errored"
        | "masked"
        | "prefixLength"
        | "family"
        | "isUnspecified"
        | "isLoopback"
        | "isLinkLocalMulticast"
        | "isLinkLocalUnicast"
        | "isGlobalUnicast"
        | "sign"
        | "asInteger"
        | "isInteger"
        | "asApproximateFloat"
        | "isGreaterThan"
        | "isLessThan"
        | "compareTo"
        | "add"
        | "sub"
        | "major"
        | "minor"
        | "patch"
        | "getScheme"
        | "getHostname"
        | "getHost"
        | "getPort"
        | "getEscapedPath"
        | "getQuery"
        | "format.named" => CallCost::of(Range::ONE),
        "fieldSelector" | "labelSelector" => traversed(first()?),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => compared(&target?.kind, receiver()?, items),
        "url" | "jsonpatch.escapeKey" => CallCost::sized(first()?.scaled(TRAVERSAL), first()?),
        "lowerAscii" | "upperAscii" | "substring" | "trim" => {
            CallCost::sized(receiver()?.scaled(TRAVERSAL), receiver()?)
        }
        "replace" => replaced(receiver()?, first()?, args.get(1)?.size_or_unknown()),
        "split" => {
            let limit = args.get(1).and_then(|limit| limit.literal).map(|limit| limit as u64);
            let size = receiver()?;
            CallCost::sized(size.scaled(2.0 * TRAVERSAL), Range { min: 0, max: limit.unwrap_or(size.max) })
        }
        "join" => joined(receiver()?, items, first()),
        "find" | "findAll" => {
            let size = receiver()?;
            let cost = size.plus(Range::ONE).scaled(TRAVERSAL).times(first()?.scaled(REGEX));
            CallCost::sized(cost, Range { min: 0, max: size.max })
        }
        "ip" if overload.first().is_some_and(|kind| *kind != Type::String) => CallCost::of(Range::ONE),
        "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => traversed(first()?),
        "ip.isCanonical" => CallCost::of(first()?.scaled(2.0 * TRAVERSAL)),
        "containsIP" | "containsCIDR" => {
            let address = Range { min: 4, max: 16 };
            let mut cost = address.plus(address).scaled(TRAVERSAL);
            if name == "containsCIDR" {
                cost = cost.plus(address.scaled(TRAVERSAL)).plus(Range::ONE);
            }
            if overload.get(1) == Some(&Type::String) {
                cost = cost.plus(first()?.scaled(TRAVERSAL));
            }
            CallCost::of(cost)
        }
        "validate" => CallCost::of(first()?.scaled(TRAVERSAL).scaled(128.0 * REGEX)),
        "_==_" if args.iter().all(|arg| matches!(&arg.kind, Type::Opaque(_))) => CallCost::of(Range::ONE),
        _ => return None,
    })
}

/// One comparison for each item, and a look at each character of it if it is text.
fn compared(kind: &Type, size: Range, items: Option<Range>) -> CallCost {
    let Type::List(item) = kind else { return CallCost::of(size.scaled(TRAVERSAL)) };
    let mut each = Range::ONE;
    if matches!(**item, Type::String | Type::Bytes) {
        each = each.plus(items.unwrap_or(Range::UNKNOWN).scaled(TRAVERSAL));
    }
    CallCost::of(size.times(each))
}

fn joined(list: Range, items: Option<Range>, separator: Option<Range>) -> CallCost {
    let mut size = list.times(items.unwrap_or(Range::UNKNOWN));
    if let Some(separator) = separator {
        let gaps = Range { min: list.min.saturating_sub(1), max: list.max.saturating_sub(1) };
        size = size.plus(separator.times(gaps));
    }
    CallCost::sized(size.scaled(TRAVERSAL), size)
}

/// The result of a replacement is longest if the shortest text is replaced by the longest everywhere.
fn replaced(size: Range, from: Range, to: Range) -> CallCost {
    let count = |size: u64, each: u64| (size as f64 / each as f64).ceil() as u64;
    let (mut counts, mut kept) = (Range::ZERO, Range::ZERO);
    if from.min == 0 {
        (counts.max, kept.max) = (size.max.saturating_add(1), size.max);
    } else if to.max <= from.min {
        kept.max = size.max;
    } else {
        counts.max = count(size.max, from.min);
    }
    if from.max == 0 {
        (counts.min, kept.min) = (size.min.saturating_add(1), size.min);
    } else if from.max <= to.min {
        kept.min = size.min;
    } else {
        counts.min = count(size.min, from.max);
    }
    CallCost::sized(size.scaled(2.0 * TRAVERSAL), counts.times(to).plus(kept))
}

/// Functions of the language. Go: coster.functionCost
fn standard(name: &str, overload: &[Type], target: Option<&Weighed>, args: &[&Weighed]) -> CallCost {
    let size = |index: usize| args.get(index).map_or(Range::UNKNOWN, |arg| arg.size_or_unknown());
    let receiver = target.map_or(Range::UNKNOWN, Weighed::size_or_unknown);
    match (name, overload) {
        ("format", _) => CallCost::of(receiver.scaled(TRAVERSAL)),
        ("bytes", [Type::String]) => {
            let grown = Range { min: size(0).min, max: size(0).max.saturating_mul(4) };
            CallCost::sized(size(0).scaled(TRAVERSAL), grown)
        }
        ("string", [Type::Bytes]) => {
            CallCost::sized(size(0).scaled(TRAVERSAL), Range { min: size(0).min / 4, max: size(0).max })
        }
        ("startsWith" | "endsWith", _) => CallCost::of(size(0).scaled(TRAVERSAL)),
        ("@in", [_, Type::List(_)]) => CallCost::of(size(1)),
        ("matches", _) if target.is_some() => {
            CallCost::of(receiver.plus(Range::ONE).scaled(TRAVERSAL).times(size(0).scaled(REGEX)))
        }
        ("contains", _) => CallCost::of(receiver.scaled(TRAVERSAL).times(size(0).scaled(TRAVERSAL))),
        ("_+_", [Type::List(_), _]) => CallCost::sized(Range::ONE, size(0).plus(size(1))),
        ("_+_", [Type::String | Type::Bytes, _]) => {
            let sum = size(0).plus(size(1));
            CallCost::sized(sum.scaled(TRAVERSAL), sum)
        }
        ("_==_" | "_!=_", _) | ("_<_" | "_>_" | "_<=_" | "_>=_", [Type::String | Type::Bytes, _]) => {
            let most = size(0).max.min(size(1).max);
            CallCost::of(Range { min: u64::from(most > 0), max: most }.scaled(TRAVERSAL))
        }
        _ => CallCost::of(Range::ONE),
    }
}
