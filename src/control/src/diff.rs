//! What changed between two states of the same thing: one line per changed field.
//!
//! Objects are compared field by field. Lists are compared element by element, by name where all
//! elements have one (containers, ports, users) and by position otherwise, so that an element put in
//! front does not make every other one look changed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One changed field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where: `spec.containers[web].image`.
    pub path: String,
    /// What was there, if anything.
    pub before: Option<Value>,
    /// What is there now, if anything.
    pub after: Option<Value>,
}

impl Change {
    /// Returns the sign of the line: `+` added, `-` removed, `~` changed.
    pub fn sign(&self) -> char {
        match (&self.before, &self.after) {
            (None, _) => '+',
            (_, None) => '-',
            (Some(_), Some(_)) => '~',
        }
    }
}

/// Returns the changes from one state to another, in the order of the paths.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut out = Vec::new();
    walk(String::new(), Some(before), Some(after), &mut out);
    out
}

/// Empty means absent, as in Go: a config that says `null`, `""` or `{}` has not been set.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    })
}

fn walk(path: String, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<Change>) {
    let (before, after) = (present(before), present(after));
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                walk(join(&path, key), a.get(key), b.get(key), out);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => walk_list(&path, a, b, out),
        // What appears or goes as a whole is told field by field as well, as long as it is a structure of some size:
        // "authentication appeared" says less than its three fields.
        (None, Some(Value::Object(b))) => b.iter().for_each(|(key, v)| walk(join(&path, key), None, Some(v), out)),
        (Some(Value::Object(a)), None) => a.iter().for_each(|(key, v)| walk(join(&path, key), Some(v), None, out)),
        (before, after) => out.push(Change { path, before: before.cloned(), after: after.cloned() }),
    }
}

fn walk_list(path: &str, a: &[Value], b: &[Value], out: &mut Vec<Change>) {
    let named = |items: &[Value]| items.iter().all(|item| name(item).is_some());
    if named(a) && named(b) {
        for old in a {
            let key = name(old).unwrap_or_default();
            let new = b.iter().find(|item| name(item) == Some(key));
            walk(format!("{path}[{key}]"), Some(old), new, out);
        }
        for new in b {
            let key = name(new).unwrap_or_default();
            if !a.iter().any(|item| name(item) == Some(key)) {
                walk(format!("{path}[{key}]"), None, Some(new), out);
            }
        }
        return;
    }
    // Lists of plain words read best as a whole: "dev" became "dev, system:authenticated".
    if a.iter().chain(b).all(|item| !item.is_object() && !item.is_array()) {
        out.push(Change {
            path: path.to_owned(),
            before: Some(Value::Array(a.to_vec())),
            after: Some(Value::Array(b.to_vec())),
        });
        return;
    }
    for index in 0..a.len().max(b.len()) {
        walk(format!("{path}[{index}]"), a.get(index), b.get(index), out);
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Returns the value at a path as [`changes`] writes it, if it is there.
pub fn at<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = root;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inside) = rest.strip_prefix('[') {
            let (key, after) = inside.split_once(']')?;
            value = match key.parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.as_array()?.iter().find(|item| name(item) == Some(key))?,
            };
            rest = after;
        } else {
            // A key may itself hold dots (`kubernetes.io/name`): the longest key that exists wins.
            let ends = rest.char_indices().filter(|(_, c)| *c == '.' || *c == '[').map(|(at, _)| at);
            let end = ends.chain([rest.len()]).rfind(|end| value.get(&rest[..*end]).is_some())?;
            value = value.get(&rest[..end])?;
            rest = &rest[end..];
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_appear_change_and_go() {
        let before = json!({"user": "system:anonymous", "verb": "create", "gone": 1, "empty": {}});
        let after = json!({"user": "alice", "verb": "create", "authn": {"by": "x509", "groups": ["dev"]}});
        let lines: Vec<String> =
            changes(&before, &after).iter().map(|change| format!("{}{}", change.sign(), change.path)).collect();
        assert_eq!(lines, ["+authn.by", "+authn.groups", "-gone", "~user"]);
    }

    #[test]
    fn named_elements_are_compared_by_name() {
        let before = json!({"containers": [{"name": "web", "image": "nginx:1"}]});
        let after = json!({"containers": [{"name": "proxy", "image": "envoy"}, {"name": "web", "image": "nginx:2"}]});
        let paths: Vec<String> = changes(&before, &after).into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["containers[web].image", "containers[proxy].image", "containers[proxy].name"]);
    }

    #[test]
    fn paths_lead_back_to_values() {
        let value = json!({"metadata": {"labels": {"app.kubernetes.io/name": "web"}}, "list": [{"name": "a", "x": 1}]});
        assert_eq!(at(&value, "metadata.labels.app.kubernetes.io/name"), Some(&json!("web")));
        assert_eq!(at(&value, "list[a].x"), Some(&json!(1)));
        assert_eq!(at(&value, "list[0].x"), Some(&json!(1)));
        assert_eq!(at(&value, "list[b].x"), None);
    }
}
