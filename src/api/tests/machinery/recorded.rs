//! Cases recorded from a real server: their requests and its answers.

use std::path::PathBuf;

use apimachinery::{
    runtime::schema::GroupVersion,
    schema::{model::Schema, registry::Kinds},
};
use serde_json::Value;

/// Returns the schema of a built-in object's kind.
pub(crate) fn schema_of(object: &Value) -> Option<std::sync::Arc<Schema>> {
    let version = GroupVersion::parse(object["apiVersion"].as_str()?)?;
    api::scheme::Scheme.schema(&version.with_kind(object["kind"].as_str()?))
}

/// Returns a path below the folder of recorded facts; says that the test is skipped if it is not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KUBESTEP_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

/// Reads a JSON file.
pub(crate) fn read(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON")
}

/// A recorded area: each case with its answers, each answer with its step.
pub(crate) fn recorded(area: &str) -> Option<Vec<(String, Value, Vec<(Value, Value)>)>> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(shared(&format!("parity/cases/{area}"))?)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.sort();
    let each = cases.into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let golden = read(PathBuf::from(path.to_string_lossy().replace("/cases/", "/golden/")));
        let case = read(path);
        // Ids may stand twice; answers are in the order of the steps.
        let mut steps = case["steps"].as_array().expect("steps").iter();
        let answers = golden.as_array().expect("answers").iter();
        let pairs = answers
            .map(|answer| (steps.find(|step| step["id"] == answer["step"]).expect("a step").clone(), answer.clone()))
            .collect();
        (name, case, pairs)
    });
    Some(each.collect())
}

/// Returns the body of a recorded step: its variables put in, its edits done.
pub(crate) fn body(step: &Value, case: &Value) -> Value {
    let mut body = substitute(&step["body"], &case["vars"]);
    if body.is_null() {
        // Made of an earlier answer.
        return body;
    }
    for edit in step["edit"].as_array().into_iter().flatten() {
        let pointer = edit[1].as_str().expect("a pointer");
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let value = match edit[0].as_str() {
            Some("copy") => body.pointer(edit[2].as_str().expect("a pointer")).cloned().expect("a value"),
            _ => substitute(&edit[2], &case["vars"]),
        };
        let key = key.replace("~1", "/").replace("~0", "~");
        match (edit[0].as_str(), reach(&mut body, parent)) {
            (Some("set" | "copy"), Value::Object(map)) => drop(map.insert(key, value)),
            (Some("set"), Value::Array(list)) if key == "-" => list.push(value),
            (Some("set" | "copy"), Value::Array(list)) => list[key.parse::<usize>().expect("an index")] = value,
            (Some("del"), Value::Object(map)) => drop(map.remove(&key)),
            (Some("del"), Value::Array(list)) => drop(list.remove(key.parse().expect("an index"))),
            (Some("add"), Value::Object(map)) => {
                map.entry(key).or_insert_with(|| Value::Array(Vec::new())).as_array_mut().expect("a list").push(value);
            }
            (edit, parent) => panic!("{edit:?} {pointer} {parent}"),
        }
    }
    body
}

fn reach<'a>(body: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(body, |value, key| {
        let key = key.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Array(list) => &mut list[key.parse::<usize>().expect("an index")],
            Value::Object(map) => map.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new())),
            other => panic!("{pointer} in {other}"),
        }
    })
}

fn substitute(value: &Value, vars: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("${=").and_then(|name| name.strip_suffix('}')) {
            Some(name) => substitute(&vars[name], vars),
            None if text == "${ca}" => Value::from("Y2E="),
            None => Value::from(text.replace("${ns}", "ns-${u}")),
        },
        Value::Array(items) => items.iter().map(|item| substitute(item, vars)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), substitute(value, vars))).collect(),
        scalar => scalar.clone(),
    }
}

/// Puts values of the right form for the marks that recordings have in place of times and certificates.
pub(crate) fn timed(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("<time.6") => Value::from("2020-01-01T00:00:00.000006Z"),
        Value::String(text) if text.starts_with("<time") => Value::from("2020-01-01T00:00:00Z"),
        Value::String(text) if text.starts_with("<node") || text.starts_with("<port") => Value::from(31000),
        Value::String(text) if text == "${ca}" => Value::from("Y2E="),
        Value::Array(items) => items.iter().map(timed).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), timed(value))).collect(),
        other => other.clone(),
    }
}

/// Whether all that `found` has stands in `wanted`, which may have more: defaults.
pub(crate) fn is_part(found: &Value, wanted: &Value, path: &str) -> Result<(), String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => found.iter().try_for_each(|(name, value)| {
            is_part(value, wanted.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"))
        }),
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            found.iter().zip(wanted).try_for_each(|(found, wanted)| is_part(found, wanted, &format!("{path}[]")))
        }
        _ if found == wanted => Ok(()),
        // A zero held by value is what defaults replace.
        (Value::Number(zero), _) if zero.as_i64() == Some(0) => Ok(()),
        _ => Err(format!("{path}: {found} instead of {wanted}")),
    }
}
