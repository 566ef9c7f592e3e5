//! What an expression may name: variables and the types of objects it may make.
//!
//! Go: apiserver/pkg/cel/environment, apiserver/pkg/cel/types.go

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    cost::Range,
    types::{Struct, Type},
};

/// The surroundings in which an expression is checked.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// The variables with their types.
    pub variables: BTreeMap<String, Type>,
    /// Whether `Object{...}` and `JSONPatch{...}` can be made, as mutating policies do.
    pub has_patch_types: bool,
    /// How large the values below the variables can be; `None`: endless.
    pub sizes: Option<Arc<Sizes>>,
}

/// How large a value can be, and what is in it.
///
/// Go: apiserver/pkg/cel/types.go DeclType
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// Characters, items or entries at most.
    pub most: u64,
    /// The fields of an object.
    pub fields: BTreeMap<String, Sizes>,
    /// The keys of a map.
    pub keys: Option<Box<Sizes>>,
    /// The items of a list, or the values of a map.
    pub items: Option<Box<Sizes>>,
}

impl Sizes {
    /// Returns how large the value at a path is, whose first step is the variable.
    pub fn at(&self, path: &[String]) -> Option<Range> {
        let (_, steps) = path.split_first()?;
        let found = steps.iter().try_fold(self, |sizes, step| match step.as_str() {
            "@items" | "@values" => sizes.items.as_deref(),
            "@keys" => sizes.keys.as_deref(),
            field => sizes.fields.get(field),
        })?;
        Some(Range { min: 0, max: found.most })
    }
}

/// Names of types, which are values, too.
const TYPES: [(&str, Type); 12] = [
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("uint", Type::Uint),
    ("double", Type::Double),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("dyn", Type::Dyn),
    ("null_type", Type::Null),
    ("duration", Type::Duration),
    ("timestamp", Type::Timestamp),
    ("google.protobuf.Duration", Type::Duration),
    ("google.protobuf.Timestamp", Type::Timestamp),
];

impl Env {
    /// Returns the type of a variable, or of a type's name.
    pub fn ident(&self, name: &str) -> Option<Type> {
        if let Some(kind) = self.variables.get(name) {
            return Some(kind.clone());
        }
        let known = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone());
        let kind = known.or_else(|| match name {
            "list" => Some(Type::list(Type::Dyn)),
            "map" => Some(Type::map(Type::Dyn, Type::Dyn)),
            "type" => Some(Type::TypeOf(Arc::new(Type::Dyn))),
            "optional_type" => Some(Type::optional(Type::Dyn)),
            "net.IP" | "net.CIDR" | "kubernetes.Quantity" | "kubernetes.URL" | "kubernetes.Semver" => {
                Some(Type::Opaque(name.into()))
            }
            _ => self.message(name),
        })?;
        Some(Type::TypeOf(Arc::new(kind)))
    }

    /// Returns the type that `name{...}` makes.
    pub fn message(&self, name: &str) -> Option<Type> {
        if !self.has_patch_types {
            return None;
        }
        if name == "JSONPatch" {
            let text = ["op", "path", "from"].map(|field| (field, Type::String));
            return Some(Type::object(name, text.into_iter().chain([("value", Type::Dyn)])));
        }
        let is_object = name == "Object" || name.starts_with("Object.");
        is_object.then(|| Type::Struct(Arc::new(Struct { name: name.to_owned(), open: true, ..Struct::default() })))
    }
}
