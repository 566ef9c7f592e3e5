//! What a custom object goes through after it was read: unknown fields are pruned, metadata is typed.
//!
//! A custom object is not held by a struct. Its own fields stay as they were sent, as far as the schema
//! declares them; only what belongs to every object (`metadata`, of the object and of those embedded in
//! it) is read as a built-in type is.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/{pruning/algorithm,objectmeta/algorithm,objectmeta/coerce}.go

use std::fmt;

use serde_json::{Map, Value};

use super::{
    decode,
    model::{Kind, ObjectType, Schema},
    registry::Link,
    tidy::tidy,
};
use crate::validation::field::BadValue;

/// What every object has, whatever its schema says.
const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes the fields that the schema does not declare, and returns their paths, sorted: `spec.foo`.
pub fn prune(schema: &Schema, object: &mut Map<String, Value>) -> Vec<String> {
    let mut pruner = Pruner::default();
    match &schema.kind {
        Kind::Object(root) => pruner.fields(root, true, object),
        _ if keeps_all(schema) => {}
        _ => pruner.fields(&ObjectType::default(), true, object),
    }
    pruner.pruned.sort();
    pruner.pruned
}

#[derive(Default)]
struct Pruner {
    path: String,
    pruned: Vec<String>,
}

impl Pruner {
    fn value(&mut self, schema: &Schema, value: &mut Value) {
        match (value, &schema.kind) {
            (_, Kind::Any | Kind::Raw | Kind::Deduced) => {}
            (Value::Object(map), Kind::Object(object)) => self.fields(object, object.embedded_resource, map),
            (Value::Object(map), _) => self.fields(&ObjectType::default(), false, map),
            (Value::Array(items), Kind::Array(array)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.below(&format!("[{index}]"), |pruner| pruner.value(array.items.get(), item));
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, object: &ObjectType, is_resource: bool, map: &mut Map<String, Value>) {
        map.retain(|name, value| {
            if is_resource && META_FIELDS.contains(&name.as_str()) {
                return true;
            }
            let dot = if self.path.is_empty() { "" } else { "." };
            let step = format!("{dot}{name}");
            let property = object.properties.get(name.as_str()).map(|field| &field.schema);
            match property.or(object.additional.as_ref()).map(Link::get) {
                Some(schema) => self.below(&step, |pruner| pruner.value(schema, value)),
                None if object.preserve_unknown_fields => {}
                None => {
                    self.pruned.push(format!("{}{step}", self.path));
                    return false;
                }
            }
            true
        });
    }

    fn below(&mut self, step: &str, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        then(self);
        self.path.truncate(length);
    }
}

fn keeps_all(schema: &Schema) -> bool {
    matches!(schema.kind, Kind::Any | Kind::Raw | Kind::Deduced)
}

/// A metadata field, or `apiVersion` or `kind`, of a wrong type.
#[derive(Clone, Debug, PartialEq)]
pub struct BadMetadata {
    /// Where: `metadata`, `spec.template.kind`.
    pub path: String,
    /// What stands there.
    pub value: Value,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for BadMetadata {
    /// The metadata of the object itself is refused in the decoder's words, that of an embedded one as a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path == "metadata" {
            return f.write_str(&self.message);
        }
        let value = BadValue::from(self.value.clone());
        write!(f, "{}: Invalid value: {value}: {}", self.path, self.message)
    }
}

/// What to do with metadata of a wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Refuse it: what clients send.
    Refuse,
    /// Leave it out: what comes from storage.
    Drop,
}

/// Reads the metadata of an object and of those embedded in it as ObjectMeta, whose schema is `object_meta`.
/// Returns the paths of fields that it does not know, which are removed.
///
/// Go: CoerceWithOptions
pub fn coerce_metadata(
    schema: &Schema,
    object_meta: &Schema,
    object: &mut Value,
    malformed: Malformed,
) -> Result<Vec<String>, BadMetadata> {
    let mut coercer = Coercer { object_meta, malformed, path: String::new(), unknown: Vec::new() };
    coercer.value(schema, object, true)?;
    coercer.unknown.sort();
    Ok(coercer.unknown)
}

struct Coercer<'a> {
    object_meta: &'a Schema,
    malformed: Malformed,
    path: String,
    unknown: Vec<String>,
}

impl Coercer<'_> {
    fn value(&mut self, schema: &Schema, value: &mut Value, is_root: bool) -> Result<(), BadMetadata> {
        match (value, &schema.kind) {
            (Value::Object(map), kind) => {
                let object = if let Kind::Object(object) = kind { Some(object) } else { None };
                let is_resource = is_root || object.is_some_and(|object| object.embedded_resource);
                if is_resource {
                    self.resource(map)?;
                }
                for (name, value) in map.iter_mut() {
                    if is_resource && META_FIELDS.contains(&name.as_str()) {
                        continue;
                    }
                    let Some(schema) = object.and_then(|object| {
                        let field = object.properties.get(name.as_str()).map(|field| &field.schema);
                        field.or(object.additional.as_ref()).map(Link::get)
                    }) else {
                        continue;
                    };
                    self.below(name, |coercer| coercer.value(schema, value, false))?;
                }
                Ok(())
            }
            (Value::Array(items), Kind::Array(array)) => {
                let schema = array.items.get();
                for (index, item) in items.iter_mut().enumerate() {
                    let length = self.path.len();
                    self.path.push_str(&format!("[{index}]"));
                    self.value(schema, item, false)?;
                    self.path.truncate(length);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn below<T>(&mut self, name: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        let result = then(self);
        self.path.truncate(length);
        result
    }

    fn resource(&mut self, map: &mut Map<String, Value>) -> Result<(), BadMetadata> {
        for name in ["apiVersion", "kind"] {
            if map.get(name).is_none_or(Value::is_string) {
                continue;
            }
            let value = map.remove(name).expect("looked at above");
            if self.malformed == Malformed::Refuse {
                let path = self.below(name, |coercer| coercer.path.clone());
                return Err(BadMetadata { path, value, message: "must be a string".to_owned() });
            }
        }
        let Some(metadata) = map.remove("metadata") else { return Ok(()) };
        if let Some(metadata) = self.below("metadata", |coercer| coercer.metadata(metadata))? {
            map.insert("metadata".to_owned(), metadata);
        }
        Ok(())
    }

    fn metadata(&mut self, metadata: Value) -> Result<Option<Value>, BadMetadata> {
        let kept = metadata.clone();
        let mut typed = match decode::from_value(self.object_meta, metadata) {
            Ok(decoded) => {
                let quoted = decoded.strict.iter().filter_map(|finding| finding.split('"').nth(1));
                self.unknown.extend(quoted.map(|field| format!("{}.{field}", self.path)));
                decoded.value
            }
            Err(_) if self.malformed == Malformed::Drop => match kept {
                Value::Object(fields) => self.well_formed(fields),
                _ => return Ok(None),
            },
            Err(error) => return Err(BadMetadata { path: self.path.clone(), value: kept, message: error.0 }),
        };
        tidy(self.object_meta, &mut typed);
        Ok(Some(typed))
    }

    /// Keeps the fields that are of their type, one by one.
    fn well_formed(&self, fields: Map<String, Value>) -> Value {
        let mut kept = Map::new();
        for (name, value) in fields {
            let single = Value::Object([(name, value)].into_iter().collect());
            if let Ok(decoded) = decode::from_value(self.object_meta, single)
                && let Value::Object(field) = decoded.value
            {
                kept.extend(field);
            }
        }
        Value::Object(kept)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::openapi;

    fn schema() -> Schema {
        openapi::schema(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "known": {"type": "string"},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                    "inner": {"type": "object"}}},
                "free": {"type": "object", "additionalProperties": {"type": "object"}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
                "embedded": {"type": "object", "x-kubernetes-embedded-resource": true}}}}}),
            None,
        )
    }

    #[test]
    fn undeclared_fields_are_pruned() {
        let mut object = json!({"kind": "T", "metadata": {"x": 1}, "bogus": 1, "spec": {
            "known": "a", "bogus": 1, "any": {"x": 1, "inner": {"y": 1}}, "free": {"k": {"z": 1}},
            "list": [{"a": "1", "b": "2"}], "embedded": {"kind": "P", "extra": 1}}});
        let pruned = prune(&schema(), object.as_object_mut().expect("an object"));
        let wanted =
            ["bogus", "spec.any.inner.y", "spec.bogus", "spec.embedded.extra", "spec.free.k.z", "spec.list[0].b"];
        assert_eq!(pruned, wanted);
        assert_eq!(object["spec"]["any"], json!({"x": 1, "inner": {}}));
        assert_eq!(object["spec"]["embedded"], json!({"kind": "P"}));
    }

    #[test]
    fn metadata_is_typed() {
        let meta = openapi::schema(
            &json!({"type": "object", "properties": {"name": {"type": "string"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}),
            None,
        );
        let mut object = json!({"metadata": {"name": "a", "bogus": 1}, "spec": {"embedded": {"kind": 5}}});
        let bad =
            coerce_metadata(&schema(), &meta, &mut object.clone(), Malformed::Refuse).expect_err("kind is a number");
        assert_eq!((bad.path.as_str(), bad.value), ("spec.embedded.kind", json!(5)));
        let unknown = coerce_metadata(&schema(), &meta, &mut object, Malformed::Drop).expect("dropped");
        assert_eq!(unknown, ["metadata.bogus"]);
        assert_eq!(object, json!({"metadata": {"name": "a"}, "spec": {"embedded": {}}}));
        let mut object = json!({"metadata": {"name": "a", "labels": 1}});
        coerce_metadata(&schema(), &meta, &mut object, Malformed::Drop).expect("dropped");
        assert_eq!(object, json!({"metadata": {"name": "a"}}));
    }
}
