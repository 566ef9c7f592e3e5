//! Built-in types for tests, read from the table of facts where it stands next to the repository.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{
    model::{ArrayType, Bits, Field, GoField, Kind, ListType, MapType, ObjectType, Omit, Patch, Schema, Text},
    openapi::well_known,
    registry::{Link, Schemas},
};
use crate::runtime::schema::GroupVersionKind;

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

/// The built-in types.
pub(crate) struct Facts {
    pub(crate) schemas: Schemas,
    kinds: Vec<(GroupVersionKind, String)>,
    names: Vec<String>,
}

impl Facts {
    /// Loads the table once; `None` where it is absent.
    pub(crate) fn load() -> Option<&'static Self> {
        static FACTS: OnceLock<Option<Facts>> = OnceLock::new();
        FACTS.get_or_init(|| Some(Self::new(read(shared("reference/api-facts.json")?)))).as_ref()
    }

    fn new(facts: Value) -> Self {
        let types = facts["types"].as_object().expect("types").clone();
        let protobuf = facts["protobuf"].clone();
        let names = types.keys().cloned().collect();
        let mut kinds = Vec::new();
        for (name, definition) in &types {
            for gvk in definition.get("gvk").and_then(Value::as_array).into_iter().flatten() {
                let parts: Vec<&str> = gvk.as_str().expect("a kind").split('/').collect();
                let (group, version, kind) = match parts.as_slice() {
                    [version, kind] => ("", *version, *kind),
                    [group, version, kind] => (*group, *version, *kind),
                    _ => panic!("{gvk}"),
                };
                kinds.push((GroupVersionKind::new(group, version, kind), name.clone()));
            }
        }
        let schemas = Schemas::new(Box::new(move |schemas, name| {
            well_known(schemas, name).or_else(|| Some(definition(schemas, name, types.get(name)?, &protobuf)))
        }));
        Self { schemas, kinds, names }
    }

    /// Returns the schema of a kind: `apps/v1`, `Deployment`.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<Arc<Schema>> {
        let (_, name) =
            self.kinds.iter().find(|(gvk, _)| gvk.group_version().to_string() == api_version && gvk.kind == kind)?;
        self.schemas.get(name)
    }
}

fn definition(schemas: &Schemas, name: &str, facts: &Value, protobuf: &Value) -> Schema {
    // `io.k8s.api.core.v1.Pod` is `k8s.io.api.core.v1.Pod` in protobuf.
    let message = name.strip_prefix("io.k8s.").map(|rest| format!("k8s.io.{rest}")).unwrap_or_default();
    let numbers = &protobuf[message];
    let required: Vec<&str> = facts["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut object =
        ObjectType { map_type: map_type(facts), unions: facts.get("unions").cloned(), ..ObjectType::default() };
    for (field_name, facts) in facts["fields"].as_object().into_iter().flatten() {
        let entry = path(numbers, &facts["n"], protobuf);
        let pointer = match &entry {
            Some((entry, _)) => entry.as_array().is_some_and(|entry| entry.iter().any(|word| word == "presence")),
            None => !required.contains(&field_name.as_str()) && facts.get("def").is_none(),
        };
        let omit = if required.contains(&field_name.as_str()) { Omit::Never } else { Omit::Empty };
        let omit = if field_name == "creationTimestamp" { Omit::Zero } else { omit };
        let field = Field {
            schema: link(schemas, facts["t"].as_str().unwrap_or_default(), facts),
            required: required.contains(&field_name.as_str()),
            default: facts.get("def").cloned(),
            map_type: map_type(facts),
            patch: facts["pstrat"]
                .as_str()
                .map(|strategy| Patch::parse(strategy, facts["pkey"].as_str().unwrap_or_default().to_owned())),
            go: GoField {
                pointer,
                omit,
                embedded: entry.map(|(_, embedded)| embedded).unwrap_or_default().into(),
                ..GoField::default()
            },
            ..Field::default()
        };
        object.properties.insert(field_name.clone().into(), field);
    }
    Schema::of(Kind::Object(object))
}

/// Follows a number, or the numbers through inlined messages, to a field's entry and the embedded names on the way.
fn path<'a>(message: &'a Value, numbers: &Value, protobuf: &'a Value) -> Option<(&'a Value, String)> {
    let numbers = match numbers {
        Value::Array(numbers) => numbers.clone(),
        number => vec![number.clone()],
    };
    let (last, way) = numbers.split_last()?;
    let (mut message, mut embedded) = (message, Vec::new());
    for number in way {
        let next = message[number.to_string()][1].as_str()?;
        embedded.push(next.rsplit('.').next().unwrap_or_default());
        message = &protobuf[next];
    }
    Some((message.get(last.to_string())?, embedded.join(".")))
}

fn map_type(facts: &Value) -> Option<MapType> {
    Some(if facts.get("map")?.as_str()? == "atomic" { MapType::Atomic } else { MapType::Granular })
}

fn link(schemas: &Schemas, name: &str, facts: &Value) -> Link {
    if let Some(items) = name.strip_prefix("[]") {
        let list_type = match facts["list"].as_str() {
            Some("set") => Some(ListType::Set),
            Some("map") => Some(ListType::Map(
                facts["keys"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(|key| Text::Owned(key.to_owned()))
                    .collect(),
            )),
            Some(_) => Some(ListType::Atomic),
            None => None,
        };
        return Schema::of(Kind::Array(ArrayType { items: link(schemas, items, &Value::Null), list_type })).into();
    }
    if let Some(values) = name.strip_prefix("map[string]") {
        let additional = Some(link(schemas, values, &Value::Null));
        return Schema::of(Kind::Object(ObjectType { additional, ..ObjectType::default() })).into();
    }
    let kind = match name {
        "string" => Kind::String,
        "string:byte" => Kind::Bytes,
        "integer:int32" => Kind::Integer(Bits::B32),
        "integer:int64" => Kind::Integer(Bits::B64),
        "number:double" | "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        "" | "object" => Kind::Any,
        reference => return schemas.link(reference.to_owned()),
    };
    Schema::of(kind).into()
}

impl Facts {
    /// Returns a named type by the last two parts of its name: `v1.PodSpec`.
    pub(crate) fn named(&self, short: &str) -> Option<Arc<Schema>> {
        let found = self
            .kinds
            .iter()
            .map(|(_, name)| name)
            .chain(&self.names)
            .find(|name| name.ends_with(&format!(".{short}")));
        found.and_then(|name| self.schemas.get(name))
    }
}

/// Returns the body of a recorded step: its variables put in, its edits done.
pub(crate) fn body(step: &Value, case: &Value) -> Value {
    let mut body = substitute(&step["body"], &case["vars"]);
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
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| substitute(item, vars)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), substitute(value, vars))).collect(),
        scalar => scalar.clone(),
    }
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
