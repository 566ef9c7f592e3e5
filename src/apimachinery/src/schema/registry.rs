//! Named types, made when they are first asked for.
//!
//! The table of built-in types has some 770 entries, and most runs touch a few of them. A [`Link`] to a
//! named type therefore holds its name, and the type itself is made by the registry's source when the
//! link is first followed. This is also what lets a type contain itself (`JSONSchemaProps`).

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use parking_lot::RwLock;

use super::model::{Kind, Schema, Text};
use crate::runtime::schema::{GroupVersion, GroupVersionKind};

/// Makes a named type. It gets the registry to take links to other names from.
pub type Source = Box<dyn Fn(&Schemas, &str) -> Option<Schema> + Send + Sync>;

/// The named types of one world: all built-in ones, or those of one document. Cheap to clone.
#[derive(Clone)]
pub struct Schemas(Arc<Registry>);

struct Registry {
    source: Source,
    /// One slot a name, shared by every link to it. Only ever grows.
    slots: RwLock<BTreeMap<Text, Arc<Slot>>>,
}

struct Slot {
    name: Text,
    /// Back to the registry, which therefore lives as long as the process: there are one or two of them.
    registry: Arc<Registry>,
    /// Filled when first followed; `None` if the source does not know the name.
    schema: OnceLock<Option<Arc<Schema>>>,
}

/// The way to a type: the type itself, or the name of one in a registry.
#[derive(Clone)]
pub struct Link(Target);

#[derive(Clone)]
enum Target {
    Inline(Arc<Schema>),
    Named(Arc<Slot>),
}

/// What is known of a type that nobody knows.
pub(super) static ANY: Schema = Schema {
    name: Text::Borrowed(""),
    description: Text::Borrowed(""),
    kind: Kind::Any,
    format: Text::Borrowed(""),
    nullable: false,
    default: None,
    gvks: Vec::new(),
    constraints: None,
};

impl Schemas {
    /// Returns a registry that makes its types with `source`.
    pub fn new(source: Source) -> Self {
        Self(Arc::new(Registry { source, slots: RwLock::new(BTreeMap::new()) }))
    }

    /// Returns the link to a name, known or not.
    pub fn link(&self, name: impl Into<Text>) -> Link {
        let name = name.into();
        if let Some(slot) = self.0.slots.read().get(&name) {
            return Link(Target::Named(slot.clone()));
        }
        let mut slots = self.0.slots.write();
        let slot = slots
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Slot { name, registry: self.0.clone(), schema: OnceLock::new() }));
        Link(Target::Named(slot.clone()))
    }

    /// Returns a named type, or `None` if the source does not know it.
    pub fn get(&self, name: &str) -> Option<Arc<Schema>> {
        match self.link(name.to_owned()).0 {
            Target::Inline(schema) => Some(schema),
            Target::Named(slot) => slot.schema().clone(),
        }
    }
}

impl Slot {
    fn schema(&self) -> &Option<Arc<Schema>> {
        self.schema.get_or_init(|| {
            let registry = Schemas(self.registry.clone());
            let mut schema = (registry.0.source)(&registry, &self.name)?;
            schema.name.clone_from(&self.name);
            Some(Arc::new(schema))
        })
    }
}

impl Link {
    /// Returns the type. A name that nobody knows stands for anything.
    pub fn get(&self) -> &Schema {
        match &self.0 {
            Target::Inline(schema) => schema,
            Target::Named(slot) => slot.schema().as_deref().unwrap_or(&ANY),
        }
    }

    /// Returns the name of the definition this refers to; `None` for a type written in place.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Target::Inline(_) => None,
            Target::Named(slot) => Some(&slot.name),
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Schema::default().into()
    }
}

impl From<Schema> for Link {
    fn from(schema: Schema) -> Self {
        Self(Target::Inline(Arc::new(schema)))
    }
}

impl From<Arc<Schema>> for Link {
    fn from(schema: Arc<Schema>) -> Self {
        Self(Target::Inline(schema))
    }
}

impl fmt::Debug for Link {
    /// Writes a name as a name: a type may contain itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Inline(schema) => schema.fmt(f),
            Target::Named(slot) => write!(f, "-> {}", slot.name),
        }
    }
}

/// Says which definition holds a kind; implemented by the table of built-in types and by each custom type.
pub trait Kinds: Send + Sync {
    /// Returns the schema of objects of this kind.
    fn schema(&self, gvk: &GroupVersionKind) -> Option<Arc<Schema>>;

    /// Says whether a version is one of this world, although nothing may be known of its kinds.
    fn is_registered(&self, _version: &GroupVersion) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::{Field, ObjectType};

    #[test]
    fn a_type_may_contain_itself() {
        let schemas = Schemas::new(Box::new(|schemas, name| {
            (name == "Tree").then(|| {
                let field = Field { schema: schemas.link("Tree"), ..Field::default() };
                let properties = [(Text::Borrowed("child"), field)].into();
                Schema::of(Kind::Object(ObjectType { properties, ..ObjectType::default() }))
            })
        }));
        let tree = schemas.get("Tree").expect("known");
        assert_eq!(tree.at(&["child", "child", "child"]).map(|schema| &*schema.name), Some("Tree"));
        assert!(schemas.get("Bush").is_none());
        assert!(matches!(schemas.link("Bush").get().kind, Kind::Any));
    }
}
