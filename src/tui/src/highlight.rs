//! Colours for code: our own Rust source, and values as YAML-like lines.

use serde_json::Value;

use crate::theme::Role;

/// A piece of a line and what it is.
pub type Piece = (String, Role);

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "false", "fn", "for", "if", "impl",
    "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct",
    "super", "trait", "true", "type", "unsafe", "use", "where", "while", "crate",
];

/// Colours one line of Rust. Strings and comments that run over several lines are coloured line by line.
pub fn rust(line: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (length, role) = token(rest, first);
        pieces.push((rest[..length].to_owned(), role));
        rest = &rest[length..];
    }
    pieces
}

fn token(rest: &str, first: char) -> (usize, Role) {
    if rest.starts_with("//") {
        return (rest.len(), Role::Comment);
    }
    if first == '"' {
        let mut escaped = false;
        let end = rest[1..].char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        return (end.map_or(rest.len(), |(at, _)| at + 2), Role::Literal);
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..length];
        let role = if KEYWORDS.contains(&word) {
            Role::Keyword
        } else if first.is_uppercase() {
            Role::Name
        } else if rest[length..].starts_with('!') || rest[length..].starts_with('(') {
            Role::Strong
        } else {
            Role::Text
        };
        return (length, role);
    }
    if first.is_ascii_digit() {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        return (length, Role::Literal);
    }
    let other = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '/';
    let length = rest[first.len_utf8()..].find(other).map_or(rest.len(), |at| at + first.len_utf8());
    (length, Role::Quiet)
}

/// A line of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueLine {
    /// Where in the value, as [`control::diff`] writes paths.
    pub path: String,
    /// How deep it stands.
    pub depth: usize,
    /// The field's name, or `-` for an element.
    pub key: String,
    /// What it is, if it is not a structure.
    pub value: Option<Value>,
}

/// Returns a value as lines, fields in their order.
pub fn lines(value: &Value) -> Vec<ValueLine> {
    let mut out = Vec::new();
    walk(value, "", 0, &mut out);
    if out.is_empty() && !value.is_null() {
        out.push(ValueLine { path: String::new(), depth: 0, key: String::new(), value: Some(value.clone()) });
    }
    out
}

fn walk(value: &Value, path: &str, depth: usize, out: &mut Vec<ValueLine>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                push(inner, path, depth, key.clone(), out);
            }
        }
        Value::Array(items) => {
            let all_named = items.iter().all(|item| item.get("name").is_some_and(Value::is_string));
            for (index, inner) in items.iter().enumerate() {
                let name = inner.get("name").and_then(Value::as_str).filter(|_| all_named);
                let path = name.map_or_else(|| format!("{path}[{index}]"), |name| format!("{path}[{name}]"));
                push(inner, path, depth, "-".to_owned(), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn push(inner: &Value, path: String, depth: usize, key: String, out: &mut Vec<ValueLine>) {
    let plain = match inner {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let value = plain.then(|| inner.clone());
    out.push(ValueLine { path: path.clone(), depth, key, value });
    if !plain {
        walk(inner, &path, depth + 1, out);
    }
}

/// Returns a plain value in one line.
pub fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => text.replace('\n', "\\n"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(_) => value.to_string(),
    }
}

/// Returns the role of a plain value.
pub fn role(value: &Value) -> Role {
    match value {
        Value::String(_) => Role::Literal,
        Value::Number(_) | Value::Bool(_) => Role::Keyword,
        Value::Null => Role::Faint,
        Value::Array(_) | Value::Object(_) => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rust_is_cut_into_pieces_that_give_the_line_back() {
        let line = r#"    let phase = cx.enter(Phase::Decode, "a\"b").await?; // why"#;
        let pieces = rust(line);
        assert_eq!(pieces.iter().map(|(text, _)| text.as_str()).collect::<String>(), line);
        assert!(pieces.contains(&("let".to_owned(), Role::Keyword)));
        assert!(pieces.contains(&("// why".to_owned(), Role::Comment)));
        assert!(pieces.contains(&(r#""a\"b""#.to_owned(), Role::Literal)));
        assert!(pieces.contains(&("Phase".to_owned(), Role::Name)));
    }

    #[test]
    fn a_value_becomes_lines_with_the_paths_of_a_diff() {
        let value = json!({"spec": {"containers": [{"name": "web", "image": "nginx"}], "groups": ["a", "b"]}, "x": {}});
        let lines: Vec<(String, usize, Option<String>)> = lines(&value)
            .into_iter()
            .map(|line| (line.path, line.depth, line.value.map(|value| inline(&value))))
            .collect();
        assert_eq!(
            lines,
            [
                ("spec".into(), 0, None),
                ("spec.containers".into(), 1, None),
                ("spec.containers[web]".into(), 2, None),
                ("spec.containers[web].image".into(), 3, Some("nginx".into())),
                ("spec.containers[web].name".into(), 3, Some("web".into())),
                ("spec.groups".into(), 1, Some("[a, b]".into())),
                ("x".into(), 0, Some("{}".into())),
            ]
        );
    }
}
