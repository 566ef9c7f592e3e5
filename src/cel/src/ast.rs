//! The syntax tree. Every node knows where in the source it begins.
//!
//! Go: cel-go/common/ast

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Byte offset of its first token (of the operator, for a binary one).
    pub offset: usize,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A literal.
    Literal(crate::value::Value),
    /// A variable.
    Ident(String),
    /// `operand.field`; with `test`, the inside of `has(operand.field)`; with `optional`, `operand.?field`.
    Select {
        /// What is looked into.
        operand: Box<Expr>,
        /// The field.
        field: String,
        /// Whether only its presence is asked for.
        test: bool,
        /// Whether an absent field is an empty optional.
        optional: bool,
    },
    /// A function, a method (with a target) or an operator (`_+_`, `!_`, `_[_]`, `_?_:_`).
    Call {
        /// The name.
        function: String,
        /// What stands before the dot.
        target: Option<Box<Expr>>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{k: v}`
    Map(Vec<(Expr, Expr)>),
    /// `all`, `exists`, `map`... over a list or the keys of a map.
    Comprehension(Box<Comprehension>),
    /// `?value` as an item of a list, a value of a map or of a field: left out if it is absent.
    OptionalEntry(Box<Expr>),
    /// `Type{field: value}`
    Struct {
        /// The type's name.
        name: String,
        /// Its fields.
        fields: Vec<(String, Expr)>,
    },
}

/// The macros that look at every element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    /// Whether the predicate holds for all.
    All,
    /// Whether it holds for at least one.
    Exists,
    /// Whether it holds for exactly one.
    ExistsOne,
    /// The elements for which it holds.
    Filter,
    /// The results for all elements (for which a predicate holds).
    Map,
    /// The same with index and value, or key and value.
    TransformList,
    /// A map with the same keys and other values.
    TransformMap,
    /// A map from the entries that are made for each element.
    TransformMapEntry,
}

/// A macro over a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// Which.
    pub which: Macro,
    /// The list or map.
    pub range: Expr,
    /// The name of the element (for two-variable forms: of the index or key).
    pub variable: String,
    /// The name of the value in two-variable forms.
    pub second: Option<String>,
    /// The predicate; for `map` the optional filter.
    pub predicate: Option<Expr>,
    /// For `map`: the result.
    pub transform: Option<Expr>,
}

impl Expr {
    /// Returns the nodes right below this one.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => Vec::new(),
            Kind::OptionalEntry(inner) => vec![inner],
            Kind::Select { operand, .. } => vec![operand],
            Kind::Call { target, args, .. } => target.iter().map(|target| &**target).chain(args).collect(),
            Kind::List(items) => items.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Kind::Comprehension(macro_) => {
                let inner = [&macro_.predicate, &macro_.transform];
                std::iter::once(&macro_.range).chain(inner.into_iter().flatten()).collect()
            }
            Kind::Struct { fields, .. } => fields.iter().map(|(_, value)| value).collect(),
        }
    }

    /// Counts the nodes.
    pub fn nodes(&self) -> usize {
        1 + self.children().into_iter().map(Self::nodes).sum::<usize>()
    }

    /// Says whether something holds of any node, this one first.
    pub fn any(&self, holds: &mut dyn FnMut(&Expr) -> bool) -> bool {
        holds(self) || self.children().into_iter().any(|child| child.any(holds))
    }
}
