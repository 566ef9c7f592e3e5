//! The types of expressions, as the checker knows them.
//!
//! Go: cel-go/common/types/types.go, cel-go/checker/format.go

use std::{collections::BTreeMap, fmt, sync::Arc};

/// A type.
#[derive(Clone, Debug)]
pub enum Type {
    /// Anything; checked when it is evaluated.
    Dyn,
    /// Of an expression that is wrong already, so that it is not reported twice.
    Error,
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// Signed.
    Int,
    /// Unsigned.
    Uint,
    /// Floating.
    Double,
    /// Text.
    String,
    /// Octets.
    Bytes,
    /// A stretch of time.
    Duration,
    /// A moment.
    Timestamp,
    /// A list of items.
    List(Arc<Type>),
    /// A map from keys to values.
    Map(Arc<Type>, Arc<Type>),
    /// A value that may be absent.
    Optional(Arc<Type>),
    /// A type as a value.
    TypeOf(Arc<Type>),
    /// An object with known fields.
    Struct(Arc<Struct>),
    /// A type of a library, of which only functions know the inside.
    Opaque(Arc<str>),
    /// A type that is not known yet, by its number.
    Param(usize),
}

/// An object type.
#[derive(Clone, Debug, Default)]
pub struct Struct {
    /// Its name, which also identifies it.
    pub name: String,
    /// Its fields.
    pub fields: BTreeMap<String, Type>,
    /// Whether any other field exists, too, and can be anything.
    pub open: bool,
}

impl Struct {
    /// Returns the type of a field.
    pub fn field(&self, name: &str) -> Option<Type> {
        self.fields.get(name).cloned().or_else(|| self.open.then_some(Type::Dyn))
    }
}

impl Type {
    /// Returns a list type.
    pub fn list(items: Type) -> Self {
        Self::List(Arc::new(items))
    }

    /// Returns a map type.
    pub fn map(keys: Type, values: Type) -> Self {
        Self::Map(Arc::new(keys), Arc::new(values))
    }

    /// Returns an optional type.
    pub fn optional(inner: Type) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// Returns an object type.
    pub fn object(name: &str, fields: impl IntoIterator<Item = (&'static str, Type)>) -> Self {
        let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
        Self::Struct(Arc::new(Struct { name: name.to_owned(), fields, open: false }))
    }

    /// Writes it as a value of type `type` reads: `null_type`, `google.protobuf.Duration`. Go: Type.String
    pub fn runtime_name(&self) -> String {
        match self {
            Self::Null => "null_type".to_owned(),
            Self::Duration => "google.protobuf.Duration".to_owned(),
            Self::Timestamp => "google.protobuf.Timestamp".to_owned(),
            other => {
                let parts: Vec<String> = other.parts().into_iter().map(Self::runtime_name).collect();
                let text = other.to_string();
                match text.split_once('(') {
                    Some((name, _)) if !parts.is_empty() => format!("{name}({})", parts.join(", ")),
                    _ => text,
                }
            }
        }
    }

    /// Says whether nothing is known about it.
    pub fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// Says whether its values are of one size.
    pub fn is_scalar(&self) -> bool {
        match self {
            Self::Bool | Self::Double | Self::Duration | Self::Int | Self::Timestamp | Self::Uint => true,
            Self::Optional(inner) => inner.is_scalar(),
            _ => false,
        }
    }

    /// The types that it is made of.
    pub fn parts(&self) -> Vec<&Type> {
        match self {
            Self::List(item) | Self::Optional(item) | Self::TypeOf(item) => vec![item],
            Self::Map(key, value) => vec![key, value],
            _ => Vec::new(),
        }
    }

    /// Replaces the types that it is made of.
    #[must_use]
    pub fn rebuilt(&self, part: &mut dyn FnMut(&Type) -> Type) -> Self {
        match self {
            Self::List(item) => Self::list(part(item)),
            Self::Optional(item) => Self::optional(part(item)),
            Self::TypeOf(item) => Self::TypeOf(Arc::new(part(item))),
            Self::Map(key, value) => {
                let key = part(key);
                Self::map(key, part(value))
            }
            other => other.clone(),
        }
    }
}

impl PartialEq for Type {
    /// Objects are the same by name.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Struct(a), Self::Struct(b)) => a.name == b.name,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::Param(a), Self::Param(b)) => a == b,
            (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => a.parts() == b.parts(),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    /// Writes it as an error message shows it. Go: FormatCELType
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Dyn => "dyn",
            Self::Error => "!error!",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
            Self::List(_) => "list",
            Self::Map(..) => "map",
            Self::Optional(_) => "optional_type",
            Self::TypeOf(_) => "type",
            Self::Struct(object) => &object.name,
            Self::Opaque(name) => name,
            Self::Param(number) => return write!(f, "_var{number}"),
        };
        f.write_str(name)?;
        let parts: Vec<String> = self.parts().into_iter().map(ToString::to_string).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "({})", parts.join(", ")) }
    }
}
