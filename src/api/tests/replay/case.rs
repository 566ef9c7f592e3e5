//! One recorded case: its steps, its variables, and the comparison.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::world::{Answer, UID, World};

/// What stands for the word that is random in a recording.
const WORD: &str = "uuuuuuuu";

#[derive(Default)]
pub struct Outcome {
    pub equal: usize,
    pub different: usize,
    pub skipped: usize,
}

/// Runs a case; returns how it went and what it is about.
pub fn run(parity: &Path, name: &str, show: bool) -> (Outcome, String) {
    let read = |folder: &str| {
        let text = fs::read_to_string(parity.join(folder).join(format!("{name}.json"))).expect("a case");
        serde_json::from_str::<Value>(&text.replace("${u}", WORD)).expect("JSON")
    };
    let (case, golden) = (read("cases"), read("golden"));
    let mut vars: BTreeMap<String, Value> = BTreeMap::new();
    vars.insert("ns".to_owned(), json!(format!("ns-{WORD}")));
    for (key, value) in case["vars"].as_object().into_iter().flatten() {
        let value = expand(value, &vars);
        vars.insert(key.clone(), value);
    }
    let (mut world, mut outcome, mut kind) = (World::default(), Outcome::default(), String::new());
    let steps = case["steps"].as_array().expect("steps");
    // Long names of steps repeat; answers stand in the order of their steps.
    let mut answers = golden.as_array().into_iter().flatten().peekable();
    for step in steps {
        let id = step["id"].as_str().unwrap_or_default();
        let expected = answers.next_if(|entry| entry["step"] == id);
        let Some(answer) = answer(&mut world, step, &vars) else {
            outcome.skipped += steps.len() - outcome.equal - outcome.different;
            break;
        };
        if kind.is_empty() {
            step["path"].as_str().unwrap_or_default().split('/').next_back().unwrap_or_default().clone_into(&mut kind);
        }
        capture(step, &answer.body, &mut vars);
        let Some(expected) = expected.filter(|_| step["record"] != false) else { continue };
        match differences(step, expected, &answer) {
            None => outcome.skipped += 1,
            Some(found) if found.is_empty() => outcome.equal += 1,
            Some(found) => {
                outcome.different += 1;
                if show {
                    println!("-- {name}#{id}");
                    found.iter().take(12).for_each(|line| println!("   {line}"));
                }
            }
        }
    }
    (outcome, kind)
}

/// Asks the world; `None` for what it does not do.
fn answer(world: &mut World, step: &Value, vars: &BTreeMap<String, Value>) -> Option<Answer> {
    const KNOWN: [&str; 16] = [
        "id", "path", "body", "edit", "query", "ignore", "mask", "record", "method", "capture", "only", "patch",
        "until", "vars", "note", "timeout",
    ];
    if step.as_object()?.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return None;
    }
    let path = expand(&step["path"], vars);
    let mut body = expand(&step["body"], vars);
    for edit in step["edit"].as_array().into_iter().flatten() {
        apply(&mut body, edit, vars);
    }
    let has_body = step.get("body").is_some();
    let method = match step["method"].as_str() {
        Some(method) => method,
        None if step.get("patch").is_some() => "PATCH",
        None if has_body => "POST",
        None => "GET",
    };
    let query = step["query"].as_object().cloned().unwrap_or_default();
    if query.iter().any(|(key, value)| key != "dryRun" || value != "All") {
        return None;
    }
    let (path, dry_run) = (path.as_str()?, query.contains_key("dryRun"));
    match (method, step["patch"].as_str()) {
        ("POST", None) => world.create(path, body, dry_run),
        ("PUT", None) => world.update(path, |_| Some(body), dry_run),
        ("PATCH", Some("merge")) => world.update(
            path,
            |mut current| {
                merge(&mut current, &body);
                Some(current)
            },
            dry_run,
        ),
        ("GET", None) => world.get(path),
        _ => None,
    }
}

/// Puts variables in: `${name}` in a text, `${=name}` and `${int:name}` as a whole, `${repeat(TEXT,N)}`.
fn expand(value: &Value, vars: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) => expand_text(text, vars),
        Value::Array(items) => items.iter().map(|item| expand(item, vars)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (plain(&expand_text(key, vars)), expand(value, vars)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn expand_text(text: &str, vars: &BTreeMap<String, Value>) -> Value {
    if let Some(name) = text.strip_prefix("${=").and_then(|rest| rest.strip_suffix('}')) {
        return vars.get(name).cloned().unwrap_or_default();
    }
    if let Some(name) = text.strip_prefix("${int:").and_then(|rest| rest.strip_suffix('}')) {
        return vars.get(name).and_then(|value| plain(value).parse::<i64>().ok()).into();
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + end];
        out.push_str(&rest[..start]);
        match name.strip_prefix("repeat(").and_then(|inner| inner.strip_suffix(')')?.rsplit_once(',')) {
            Some((part, count)) => out.push_str(&part.repeat(count.trim().parse().unwrap_or(0))),
            None => out.push_str(&vars.get(name).map(plain).unwrap_or_default()),
        }
        rest = &rest[start + end + 1..];
    }
    out.push_str(rest);
    Value::String(out)
}

fn capture(step: &Value, body: &Value, vars: &mut BTreeMap<String, Value>) {
    for (name, at) in step["capture"].as_object().into_iter().flatten() {
        let at = at.as_str().or_else(|| at["at"].as_str()).unwrap_or_default();
        if let Some(value) = body.pointer(at) {
            vars.insert(name.clone(), value.clone());
        }
    }
}

/// One edit: set, del, add, copy at a pointer.
fn apply(body: &mut Value, edit: &Value, vars: &BTreeMap<String, Value>) {
    let text = |index: usize| plain(&expand(&edit[index], vars));
    let (operation, pointer) = (text(0), text(1));
    let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", ""));
    let last = last.replace("~1", "/").replace("~0", "~");
    let value = match operation.as_str() {
        "copy" => body.pointer(&text(2)).cloned().unwrap_or_default(),
        _ => expand(&edit[2], vars),
    };
    if pointer.is_empty() {
        *body = value;
        return;
    }
    let Some(parent) = make(body, parent) else { return };
    match (operation.as_str(), parent) {
        ("del", Value::Object(fields)) => drop(fields.remove(&last)),
        ("del", Value::Array(items)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        ("add", Value::Array(items)) if last == "-" => items.push(value),
        ("add", Value::Object(fields)) if fields.get(&last).is_some_and(Value::is_array) => {
            fields[&last].as_array_mut().expect("an array").push(value);
        }
        (_, Value::Object(fields)) => drop(fields.insert(last, value)),
        (_, Value::Array(items)) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value,
            _ => items.push(value),
        },
        _ => {}
    }
}

/// The value at a pointer, its objects made on the way.
fn make<'a>(body: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    pointer.split('/').skip(1).try_fold(body, |value, name| {
        let name = name.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
            Value::Object(fields) => Some(fields.entry(name).or_insert_with(|| json!({}))),
            _ => None,
        }
    })
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().expect("made above");
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Reads the text of a `Warning` header: `299 - "text"`.
fn unquoted(header: &str) -> String {
    let text = header.strip_prefix("299 - \"").and_then(|text| text.strip_suffix('"')).unwrap_or(header);
    text.replace("\\\"", "\"")
}

/// What differs between the recorded answer and ours; `None` if the recorded one is nothing that rules decide.
fn differences(step: &Value, expected: &Value, answer: &Answer) -> Option<Vec<String>> {
    let body = &expected["body"];
    let code = expected["status"].as_u64()?;
    let warnings = |list: &Value| {
        let mut texts: Vec<String> = list.as_array().into_iter().flatten().map(plain).collect();
        texts.sort();
        texts
    };
    let mut found = Vec::new();
    if code == 422 || answer.code == 422 {
        if body["kind"] == "Status" && !matches!(code, 200 | 201 | 422) {
            return None;
        }
        let ours = causes(&answer.body);
        let theirs = causes(body);
        found.extend(theirs.iter().filter(|cause| !ours.contains(cause)).map(|cause| format!("missing {cause}")));
        found.extend(ours.iter().filter(|cause| !theirs.contains(cause)).map(|cause| format!("extra   {cause}")));
        if found.is_empty() && ours.len() != theirs.len() {
            let times = |causes: &[String], cause: &String| causes.iter().filter(|other| *other == cause).count();
            let often = theirs.iter().filter(|cause| times(&ours, cause) != times(&theirs, cause));
            found.extend(often.map(|cause| format!("not {} times {cause}", times(&ours, cause))));
        }
        if code != u64::from(answer.code) && found.is_empty() {
            found.push(format!("code {} instead of {code}", answer.code));
        }
        return Some(found);
    }
    if !matches!(code, 200 | 201) || body["kind"] == "Status" {
        return None;
    }
    let (mut ours, mut theirs) = (answer.body.clone(), body.clone());
    for side in [&mut ours, &mut theirs] {
        side.as_object_mut()?.get_mut("metadata").and_then(Value::as_object_mut)?.remove("managedFields");
        for pointer in step["ignore"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            apply(side, &json!(["del", pointer]), &BTreeMap::new());
        }
        admitted(side);
    }
    if let Some(only) = step["only"].as_array() {
        let pick = |side: &Value| -> Value {
            only.iter().filter_map(Value::as_str).map(|at| side.pointer(at).cloned().unwrap_or_default()).collect()
        };
        (ours, theirs) = (pick(&ours), pick(&theirs));
    }
    compare("", &ours, &theirs, &mut found);
    let header = &expected["headers"]["warning"];
    let header = if header.is_string() { json!([header]) } else { header.clone() };
    let theirs: Vec<String> = warnings(&header).iter().map(|text| unquoted(text)).collect();
    // What is said of every request for a kind is no matter of its rules.
    let theirs: Vec<String> = theirs.into_iter().filter(|text| !text.contains(" is deprecated in v")).collect();
    let ours = warnings(&json!(answer.warnings));
    if ours != theirs {
        found.push(format!("warnings {ours:?} instead of {theirs:?}"));
    }
    Some(found)
}

/// Takes away what admission plugins add; they are not under test here.
fn admitted(object: &mut Value) {
    if matches!(object["kind"].as_str(), Some("PersistentVolumeClaim" | "PersistentVolume" | "VolumeAttributesClass"))
        && let Some(Value::Array(finalizers)) = object["metadata"].get_mut("finalizers")
    {
        finalizers.retain(|finalizer| !plain(finalizer).ends_with("-protection"));
    }
    if object["kind"] == "Pod" {
        let spec = &mut object["spec"];
        if let Some(fields) = spec.as_object_mut() {
            for field in ["priority", "preemptionPolicy", "serviceAccountName", "serviceAccount"] {
                fields.remove(field);
            }
            for (list, key, part) in
                [("tolerations", "key", "node.kubernetes.io/"), ("volumes", "name", "kube-api-access")]
            {
                if let Some(Value::Array(items)) = fields.get_mut(list) {
                    items.retain(|item| !item[key].as_str().is_some_and(|text| text.starts_with(part)));
                }
            }
            for list in ["containers", "initContainers", "ephemeralContainers"] {
                for container in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(Value::Array(items)) = container.get_mut("volumeMounts") {
                        items.retain(|item| !plain(&item["name"]).starts_with("kube-api-access"));
                    }
                }
            }
        }
    }
}

fn causes(status: &Value) -> Vec<String> {
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    let mut texts: Vec<String> =
        causes.map(|cause| format!("{}: {}", plain(&cause["field"]), undiffed(&plain(&cause["message"])))).collect();
    texts.sort();
    texts
}

/// A recording shows no differences, only that there is one, and no uids.
fn undiffed(message: &str) -> String {
    let mut text = message.replace(UID, "<uid>").replace("<uuid>", "<uid>");
    while let Some(start) = text.find("<uid:") {
        let end = text[start..].find('>').map_or(text.len(), |end| start + end + 1);
        text.replace_range(start..end, "<uid>");
    }
    let message = text.as_str();
    let first_line = |message: &str| message.lines().next().unwrap_or_default().trim_end_matches(" <diff>").to_owned();
    if message.contains("\n@@ ") || message.contains("<diff>") || message.contains("may not change fields other than") {
        return first_line(message);
    }
    message.to_owned()
}

/// Compares as far as rules go: nothing, `null` and what is empty are one; placeholders stand for anything.
fn compare(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    if let Value::String(text) = theirs
        && text.starts_with('<')
    {
        return;
    }
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = Value::Null;
                compare(&format!("{at}.{key}"), a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{at}[{index}]"), a, b, found);
            }
        }
        _ if ours == theirs || (empty(ours) && empty(theirs)) => {}
        _ => found.push(format!("{at}: {ours} instead of {theirs}")),
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text.starts_with('<'),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(empty),
    }
}
