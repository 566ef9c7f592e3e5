//! JSON patches (RFC 6902), as the library that kube-apiserver uses applies them.
//!
//! That library is laxer than the RFC, and clients have come to rely on it: `replace` sets a field that is
//! not there, `copy` from one yields `null`, the text before the first slash of a path does not matter, an
//! index may be negative. Therefore the operations are written out here.
//!
//! Go: gopkg.in/evanphx/json-patch.v4/patch.go, apiserver/pkg/endpoints/handlers/patch.go applyJSPatch

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::{
    api::errors::StatusError,
    runtime::serializer::json,
    schema::{
        decode,
        model::{ArrayType, Kind, Schema},
        openapi,
    },
};

/// How many operations a patch may have. Go: maxJSONPatchOperations
pub const MAX_OPERATIONS: usize = 10_000;
/// How much `copy` may add up to, in bytes of JSON. Go: JSONPatchMaxCopyBytes
pub const MAX_COPY_BYTES: usize = 3 * 1024 * 1024;

/// A JSON patch with what strict decoding found in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    operations: Vec<Operation>,
    /// `json patch duplicate field "[0].op"`.
    pub strict: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Operation {
    op: String,
    from: String,
    path: String,
    /// Absent is `null`.
    value: Value,
}

/// Why an operation cannot be applied. The client never sees it: all become one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed;

/// What Go declares an operation to be; its name shows in refusals.
static OPERATIONS: LazyLock<Schema> = LazyLock::new(|| {
    let schemas = openapi::schemas(serde_json::json!({"definitions": {
        "patch.handlers.jsonPatchOp": {"type": "object", "properties": {
            "op": {"type": "string"}, "from": {"type": "string"}, "path": {"type": "string"}, "value": {}}}}}));
    let items = schemas.link("patch.handlers.jsonPatchOp");
    Schema::of(Kind::Array(ArrayType { items, list_type: None }))
});

/// Reads the body of a request.
pub fn parse(body: &[u8]) -> Result<Patch, StatusError> {
    let decoded = decode::from_free_json(&OPERATIONS, body)
        .map_err(|error| StatusError::new_bad_request(format!("error decoding patch: {error}")))?;
    let Value::Array(items) = decoded.value else { return Ok(Patch::default()) };
    if items.len() > MAX_OPERATIONS {
        let (allowed, got) = (MAX_OPERATIONS, items.len());
        let message = format!("The allowed maximum operations in a JSON patch is {allowed}, got {got}");
        return Err(StatusError::new(413, "RequestEntityTooLarge", format!("Request entity too large: {message}")));
    }
    let text = |item: &mut Value, name: &str| match item.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let operations = items.into_iter().map(|mut item| Operation {
        op: text(&mut item, "op"),
        from: text(&mut item, "from"),
        path: text(&mut item, "path"),
        value: item.get_mut("value").map(Value::take).unwrap_or_default(),
    });
    Ok(Patch {
        operations: operations.collect(),
        strict: decoded.strict.iter().map(|finding| format!("json patch {finding}")).collect(),
    })
}

impl Patch {
    /// Returns the ways to the maps and lists that the operations look into, the document itself left out.
    pub fn containers(&self) -> impl Iterator<Item = Vec<String>> {
        let pointers = self.operations.iter().flat_map(|operation| [&operation.path, &operation.from]);
        pointers.filter_map(|pointer| {
            let (way, _) = pointer.rsplit_once('/')?;
            let names = way.split('/').skip(1);
            Some(names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect())
        })
    }

    /// Applies the operations in order, all or none.
    pub fn apply(&self, document: &Value) -> Result<Value, StatusError> {
        let mut patched = document.clone();
        let mut copied = 0;
        for operation in &self.operations {
            operation.apply(&mut patched, &mut copied).map_err(|Failed| {
                let message = "the server rejected our request due to an error in our request";
                StatusError { details: Some(Box::default()), ..StatusError::new(422, "Invalid", message) }
            })?;
        }
        Ok(patched)
    }
}

impl Operation {
    fn apply(&self, document: &mut Value, copied: &mut usize) -> Result<(), Failed> {
        match self.op.as_str() {
            "add" => add(document, &self.path, self.value.clone()),
            "remove" => remove(document, &self.path),
            "replace" => replace(document, &self.path, self.value.clone()),
            "move" => {
                let value = get(document, &self.from)?.cloned().unwrap_or_default();
                remove(document, &self.from)?;
                add(document, &self.path, value)
            }
            "test" => {
                let found = if self.path.is_empty() { Some(&*document) } else { get(document, &self.path)? };
                if *found.unwrap_or(&Value::Null) == self.value { Ok(()) } else { Err(Failed) }
            }
            "copy" => {
                let value = get(document, &self.from)?.cloned().unwrap_or_default();
                *copied += value.to_string().len();
                if *copied > MAX_COPY_BYTES {
                    return Err(Failed);
                }
                add(document, &self.path, value)
            }
            _ => Err(Failed),
        }
    }
}

/// Finds what holds the last part of a path, and that part. Go: findObject
fn parent<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Failed> {
    let (before, key) = path.rsplit_once('/').ok_or(Failed)?;
    let mut value = document;
    for part in before.split('/').skip(1) {
        let key = unescape(part);
        value = match value {
            Value::Object(fields) => fields.get_mut(&key),
            Value::Array(items) => index(&key, items.len()).and_then(|index| items.get_mut(index)),
            _ => None,
        }
        .filter(|value| !value.is_null())
        .ok_or(Failed)?;
    }
    if value.is_object() || value.is_array() { Ok((value, unescape(key))) } else { Err(Failed) }
}

fn unescape(part: &str) -> String {
    // In one go: `~01` is `~1`.
    let mut parts = part.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.as_bytes().first() {
            Some(b'0') => text.extend(["~", &part[1..]]),
            Some(b'1') => text.extend(["/", &part[1..]]),
            _ => text.extend(["~", part]),
        }
    }
    text
}

/// Reads an index; a negative one counts from the end.
fn index(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    if index < 0 { length.checked_sub(usize::try_from(-index).ok()?) } else { usize::try_from(index).ok() }
}

/// Returns the value at a path: nothing if an object does not have the field.
fn get<'a>(document: &'a mut Value, path: &str) -> Result<Option<&'a Value>, Failed> {
    let (parent, key) = parent(document, path)?;
    match parent {
        Value::Array(items) => {
            let index = index(&key, items.len()).ok_or(Failed)?;
            items.get(index).map(Some).ok_or(Failed)
        }
        parent => Ok(parent.get(&key)),
    }
}

/// Refuses to put a value where it would nest deeper than an object may. Operations add up: a few `copy` of a
/// part into itself are enough for a document that nothing can read again, nor even drop within its stack.
fn fits(path: &str, value: &Value) -> Result<(), Failed> {
    let above = path.bytes().filter(|byte| *byte == b'/').count();
    if above + json::depth(value) > json::MAX_DEPTH { Err(Failed) } else { Ok(()) }
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Failed> {
    fits(path, &value)?;
    match parent(document, path)? {
        (Value::Array(items), key) if key == "-" => items.push(value),
        (Value::Array(items), key) => {
            let index = index(&key, items.len()).filter(|index| *index <= items.len()).ok_or(Failed)?;
            items.insert(index, value);
        }
        (parent, key) => set_field(parent, key, value),
    }
    Ok(())
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), Failed> {
    if path.is_empty() {
        return if value.is_object() || value.is_array() {
            *document = value;
            Ok(())
        } else {
            Err(Failed)
        };
    }
    fits(path, &value)?;
    match parent(document, path)? {
        (Value::Array(items), key) => {
            let index = index(&key, items.len()).ok_or(Failed)?;
            *items.get_mut(index).ok_or(Failed)? = value;
        }
        (parent, key) => set_field(parent, key, value),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<(), Failed> {
    match parent(document, path)? {
        (Value::Array(items), key) => {
            let index = index(&key, items.len()).filter(|index| *index < items.len()).ok_or(Failed)?;
            items.remove(index);
            Ok(())
        }
        (parent, key) => parent.as_object_mut().and_then(|fields| fields.remove(&key)).map(drop).ok_or(Failed),
    }
}

fn set_field(parent: &mut Value, key: String, value: Value) {
    let fields: &mut Map<String, Value> = parent.as_object_mut().expect("a parent is a list or an object");
    fields.insert(key, value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: Value) -> Option<Value> {
        let document = json!({"data": {"a": "1"}, "list": [1, 2], "a/b": {"~": 0}});
        parse(patch.to_string().as_bytes()).expect("a patch").apply(&document).ok()
    }

    #[test]
    fn operations_do_what_the_library_does() {
        let data = |patch: Value| patched(patch).map(|document| document["data"].clone());
        assert_eq!(data(json!([{"op": "add", "path": "/data/b", "value": 2}])), Some(json!({"a": "1", "b": 2})));
        assert_eq!(data(json!([{"op": "add", "path": "/data/b"}])), Some(json!({"a": "1", "b": null})));
        assert_eq!(data(json!([{"op": "replace", "path": "/data/b", "value": 2}])), Some(json!({"a": "1", "b": 2})));
        assert_eq!(
            data(json!([{"op": "copy", "from": "/data/x", "path": "/data/b"}])),
            Some(json!({"a": "1", "b": null}))
        );
        assert_eq!(data(json!([{"op": "move", "from": "/data/x", "path": "/data/b"}])), None);
        assert_eq!(data(json!([{"op": "move", "from": "/data/a", "path": "/data/b"}])), Some(json!({"b": "1"})));
        assert_eq!(data(json!([{"op": "remove", "path": "/data/x"}])), None);
        assert_eq!(data(json!([{"op": "test", "path": "/data/x", "value": null}])), Some(json!({"a": "1"})));
        assert_eq!(data(json!([{"op": "test", "path": "/data/a", "value": 1}])), None);
        // A number is compared as it is written.
        let list = |value: Value| patched(json!([{"op": "test", "path": "/list/0", "value": value}]));
        assert_eq!((list(json!(1)).is_some(), list(json!(1.0)).is_some()), (true, false));
        assert_eq!(data(json!([{"op": "add", "path": "/no/b", "value": 2}])), None);
        assert_eq!(data(json!([{"op": "fly", "path": "/data"}])), None);
    }

    #[test]
    fn indices_and_escapes_are_read() {
        let list = |patch: Value| patched(patch).map(|document| document["list"].clone());
        assert_eq!(list(json!([{"op": "add", "path": "/list/-", "value": 3}])), Some(json!([1, 2, 3])));
        assert_eq!(list(json!([{"op": "add", "path": "/list/0", "value": 3}])), Some(json!([3, 1, 2])));
        assert_eq!(list(json!([{"op": "add", "path": "/list/7", "value": 3}])), None);
        assert_eq!(list(json!([{"op": "remove", "path": "/list/-1"}])), Some(json!([1])));
        let document =
            patched(json!([{"op": "add", "path": "/a~1b/~01", "value": 3}, {"op": "add", "path": "q", "value": 3}]));
        assert_eq!(document, None);
        let document =
            patched(json!([{"op": "add", "path": "/a~1b/~01", "value": 3}, {"op": "add", "path": "x/q", "value": 4}]));
        let document = document.expect("patched");
        assert_eq!((&document["a/b"], &document["q"]), (&json!({"~": 0, "~1": 3}), &json!(4)));
    }

    #[test]
    fn operations_cannot_nest_deeper_than_can_be_read_again() {
        // Each copy puts the whole of `data` at its own deepest place, which doubles the depth.
        let copies = |times: u32| {
            let copy = |time: u32| json!({"op": "copy", "from": "/data", "path": format!("/data{}", "/b".repeat((1 << time) as usize))});
            patched((0..times).map(copy).collect())
        };
        // The document, and 64 times `data`.
        let document = copies(6).expect("patched");
        assert_eq!(json::depth(&document), 65);
        assert!(json::decode(document.to_string().as_bytes()).is_ok());
        assert_eq!(copies(7), None);
        assert_eq!(copies(20), None);
        let deep: Value = (0..125).fold(json!(1), |value, _| json!([value]));
        let below = |path: &str| {
            patched(json!([{"op": "add", "path": "/data/b", "value": {}}, {"op": "add", "path": path, "value": &deep}]))
        };
        assert!(below("/data/b").is_some());
        assert_eq!(below("/data/b/c"), None);
    }

    #[test]
    fn bodies_that_are_no_patch_are_refused_in_go_words() {
        let refusal = |body: &str| parse(body.as_bytes()).expect_err("refused").message;
        let into = "error decoding patch: json: cannot unmarshal";
        assert_eq!(refusal("[1]"), format!("{into} number into Go value of type handlers.jsonPatchOp"));
        assert_eq!(refusal("{}"), format!("{into} object into Go value of type []handlers.jsonPatchOp"));
        assert_eq!(refusal("- op: add"), "error decoding patch: invalid character ' ' in numeric literal");
        let many = format!("[{}{{}}]", "{},".repeat(MAX_OPERATIONS));
        assert_eq!(parse(many.as_bytes()).expect_err("too many").code, 413);
        let patch = parse(br#"[{"op": "add", "op": "test", "x": 1}]"#).expect("a patch");
        assert_eq!(patch.strict, [r#"json patch duplicate field "[0].op""#, r#"json patch unknown field "[0].x""#]);
    }
}
