//! Lists that are sets or maps: no item twice.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go

use apimachinery::{
    schema::model::{Kind, ListType, Schema, Text},
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Map, Value};

/// Returns the items that are there twice.
///
/// Go: ValidateListSetsAndMaps
pub fn validate(schema: &Schema, path: &Path, value: &Value) -> ErrorList {
    let mut errors = ErrorList::new();
    visit(schema, path, value, &mut errors);
    errors
}

fn visit(schema: &Schema, path: &Path, value: &Value, errors: &mut ErrorList) {
    match (&schema.kind, value) {
        (Kind::Array(array), Value::Array(items)) => {
            match &array.list_type {
                Some(ListType::Set) => repeated(items, path, errors, Value::clone),
                Some(ListType::Map(keys)) => {
                    repeated(items, path, errors, |item| keys_of(item, keys, array.items.get()));
                }
                Some(ListType::Atomic) | None => {}
            }
            for (index, item) in items.iter().enumerate() {
                visit(array.items.get(), &path.index(index), item, errors);
            }
        }
        (Kind::Object(object), Value::Object(fields)) => {
            for (name, value) in fields {
                if let Some(field) = object.properties.get(name.as_str()) {
                    visit(field.schema.get(), &path.child(name), value, errors);
                } else if let Some(link) = &object.additional {
                    visit(link.get(), &path.key(name), value, errors);
                }
            }
        }
        _ => {}
    }
}

/// What tells an item of a map apart; a key that is missing has its default.
fn keys_of(item: &Value, keys: &[Text], schema: &Schema) -> Value {
    let value = |key: &Text| {
        let default = || schema.field(key).and_then(|field| field.schema.get().default.clone());
        Some((key.to_string(), item.get(&**key).cloned().or_else(default)?))
    };
    Value::Object(keys.iter().filter_map(value).collect::<Map<_, _>>())
}

/// Notes each item that was there before, once however often it is repeated.
fn repeated(items: &[Value], path: &Path, errors: &mut ErrorList, key: impl Fn(&Value) -> Value) {
    let mut seen: Vec<(Value, usize)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let key = key(item);
        match seen.iter_mut().find(|(known, _)| *known == key) {
            None => seen.push((key, 1)),
            Some((_, times)) => {
                *times += 1;
                if *times == 2 {
                    errors.push(Error::duplicate(&path.index(index), key));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::schema::openapi;
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_told_apart_by_value_or_by_key() {
        let schema = openapi::schema(
            &json!({"type": "object", "properties": {
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                    "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string"}}}}}}),
            None,
        );
        let value = json!({"set": ["a", "b", "a", "a"], "map": [{"k": "a", "v": "1"}, {"k": "a", "v": "2"}]});
        let errors = validate(&schema, &Path::default(), &value);
        let texts: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [r#"map[1]: Duplicate value: {"k":"a"}"#, r#"set[2]: Duplicate value: "a""#]);
    }
}
