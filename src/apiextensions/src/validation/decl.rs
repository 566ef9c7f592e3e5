//! The schema of a node as CEL sees it: the type of `self`, how large its parts can be, and how small it can be written.
//!
//! What is not bounded by the schema is bounded by the largest request: no list can have more items than fit into it.
//!
//! Go: apiserver/pkg/cel/common/schemas.go SchemaDeclType

use std::{collections::BTreeMap, sync::Arc};

use api::node::Node;
use cel::{
    env::Sizes,
    types::{Struct, Type},
};
use serde_json::{Value, json};

/// The largest request. Go: apiserver/pkg/apis/cel/config.go MaxRequestSizeBytes
pub const MAX_REQUEST: u64 = 3 * 1024 * 1024;

/// A declared type.
#[derive(Clone, Debug)]
pub struct Decl {
    /// The type.
    pub kind: Type,
    /// How large it can be, and its parts.
    pub sizes: Sizes,
    /// How many bytes it takes at least.
    pub min_bytes: u64,
}

impl Decl {
    fn simple(kind: Type, most: u64, min_bytes: u64) -> Self {
        Self { kind, sizes: Sizes { most, ..Sizes::default() }, min_bytes }
    }
}

/// Declares the type of a node, which is called `name` if it is an object; `None` if expressions cannot see it.
pub fn declare(schema: &Value, is_resource: bool, name: &str) -> Option<Decl> {
    let node = Node::root(schema);
    let bound = |field: &str| node.opt_int(field).map(|bound| u64::try_from(bound).unwrap_or(0));
    let longest = |endless: u64| bound("maxLength").map_or(endless, |length| length.saturating_mul(4));
    if node.flag("x-kubernetes-int-or-string") {
        return Some(Decl::simple(Type::Dyn, longest(MAX_REQUEST - 2), 1));
    }
    match node.text("type") {
        "array" => {
            let items = schema.get("items").filter(|items| items.is_object())?;
            let items = declare(items, is_embedded(items), &format!("{name}.@idx"))?;
            let most = bound("maxItems").unwrap_or((MAX_REQUEST - 2) / (items.min_bytes + 1));
            let sizes = Sizes { most, items: Some(Box::new(items.sizes)), ..Sizes::default() };
            Some(Decl { kind: Type::list(items.kind), sizes, min_bytes: 2 })
        }
        "object" => match schema.get("additionalProperties").filter(|values| values.is_object()) {
            Some(values) => {
                let values = declare(values, is_embedded(values), &format!("{name}.@elem"))?;
                let most = bound("maxProperties").unwrap_or((MAX_REQUEST - 2) / (values.min_bytes + 6));
                let keys = Some(Box::new(Sizes { most: 0, ..Sizes::default() }));
                let sizes = Sizes { most, keys, items: Some(Box::new(values.sizes)), ..Sizes::default() };
                Some(Decl { kind: Type::map(Type::String, values.kind), sizes, min_bytes: 2 })
            }
            _ => Some(object(&node, is_resource, name)),
        },
        "string" => Some(string(&node, longest)),
        "boolean" => Some(Decl::simple(Type::Bool, 0, 4)),
        "number" => Some(Decl::simple(Type::Double, 0, 1)),
        "integer" => Some(Decl::simple(Type::Int, 0, 1)),
        _ => None,
    }
}

fn is_embedded(schema: &Value) -> bool {
    schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true))
}

fn string(node: &Node<'_>, longest: impl Fn(u64) -> u64) -> Decl {
    let bytes = node.opt_int("maxLength").map_or(MAX_REQUEST - 2, |length| u64::try_from(length).unwrap_or(0));
    match node.text("format") {
        "byte" => Decl::simple(Type::Bytes, bytes, 2),
        "duration" => Decl::simple(Type::Duration, 32, 3),
        "date" => Decl::simple(Type::Timestamp, 12, 12),
        "date-time" => Decl::simple(Type::Timestamp, 32, 21),
        _ => {
            let values = node.texts("enum").into_iter().map(|value| value.len() as u64);
            let endless = if node.len("enum") > 0 { values.max().unwrap_or(0) } else { MAX_REQUEST - 2 };
            Decl::simple(Type::String, longest(endless), 2)
        }
    }
}

fn object(node: &Node<'_>, is_resource: bool, name: &str) -> Decl {
    let mut properties: BTreeMap<&str, Value> =
        node.entries("properties").into_iter().filter_map(|(name, node)| Some((name, node.value?.clone()))).collect();
    if is_resource {
        // Expressions always see these, whatever the schema says of them.
        let text = json!({"type": "string"});
        properties.insert("apiVersion", text.clone());
        properties.insert("kind", text.clone());
        let names = json!({"name": text, "generateName": text});
        properties.insert("metadata", json!({"type": "object", "properties": names}));
    }
    let required = node.texts("required");
    let mut object = Struct { name: name.to_owned(), ..Struct::default() };
    let (mut sizes, mut min_bytes) = (Sizes::default(), 2);
    for (property, schema) in properties {
        let Some(decl) = declare(&schema, is_embedded(&schema), &format!("{name}.{property}")) else { continue };
        if required.contains(&property) && schema.get("default").is_none() {
            min_bytes += property.len() as u64 + decl.min_bytes + 4;
        }
        if let Some(escaped) = cel::escaping::escape(property) {
            object.fields.insert(escaped.clone(), decl.kind);
            sizes.fields.insert(escaped, decl.sizes);
        }
    }
    Decl { kind: Type::Struct(Arc::new(object)), sizes, min_bytes }
}
