//! Paths to fields as rules and selectable fields write them: `.spec.replicas`, `.spec.map['key']`.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go ValidFieldPath

use apimachinery::validation::field::Path;
use serde_json::Value;

/// Whether `['name']` is allowed besides `.name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// Only `.name`.
    DotsOnly,
    /// Both.
    DotsAndBrackets,
}

/// Follows a path through a schema; returns it in the form of error messages, and what it leads to.
pub fn resolve<'a>(text: &str, schema: &'a Value, notation: Notation) -> Result<(Path, Option<&'a Value>), String> {
    let end = || "unexpected end of JSON path".to_owned();
    let mut tokens = Tokens(text);
    let (mut path, mut schema) = (Path::default(), Some(schema));
    while let Some(token) = tokens.next() {
        let name = match token {
            "[" if notation == Notation::DotsOnly => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let quoted = tokens.next().ok_or_else(end)?;
                let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                unescape(inner.ok_or_else(|| format!("expected single quoted string but got {quoted}"))?)
                    .map_err(|error| format!("invalid string literal: {error}"))?
            }
            "." => tokens.next().ok_or_else(end)?.to_owned(),
            other => return Err(format!("expected [ or . but got: {other}")),
        };
        (path, schema) = step(&path, schema, &name)?;
        if token == "[" {
            let close = tokens.next().ok_or_else(end)?;
            if close != "]" {
                return Err(format!("expected ] but got {close}"));
            }
        }
    }
    Ok((path, schema))
}

fn step<'a>(path: &Path, schema: Option<&'a Value>, name: &str) -> Result<(Path, Option<&'a Value>), String> {
    let missing = || "does not refer to a valid field".to_owned();
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        return Ok((path.child(name), Some(properties.get(name).ok_or_else(missing)?)));
    }
    match schema.and_then(|schema| schema.get("additionalProperties")) {
        Some(values @ Value::Object(_)) => Ok((path.key(name), Some(values))),
        Some(Value::Bool(_)) => Ok((path.key(name), None)),
        _ => Err(missing()),
    }
}

/// Delimiters, quoted strings, and what stands between.
struct Tokens<'t>(&'t str);

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let text = self.0;
        let first = text.chars().next()?;
        let length = match first {
            '.' | '[' | ']' => 1,
            '\'' => {
                let bytes = text.as_bytes();
                (1..bytes.len())
                    .find(|at| bytes[*at] == b'\'' && bytes[at - 1] != b'\\')
                    .map_or(text.len(), |at| at + 1)
            }
            _ => text.find(['.', '[', ']']).unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at(length);
        self.0 = rest;
        Some(token)
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        out.push(match chars.next() {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(same @ ('\'' | '"' | '\\')) => same,
            Some(other) => return Err(format!("invalid escape sequence: \\{other}")),
            None => return Err("invalid escape sequence: \\".to_owned()),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_followed_through_the_schema() {
        let schema =
            json!({"properties": {"a.b": {"additionalProperties": {"type": "string"}}, "c": {"type": "integer"}}});
        let resolved = |text: &str| resolve(text, &schema, Notation::DotsAndBrackets).map(|(path, _)| path.to_string());
        assert_eq!(resolved(".c"), Ok("c".to_owned()));
        assert_eq!(resolved("['a.b']['k']"), Ok("a.b[k]".to_owned()));
        assert_eq!(resolved(".d"), Err("does not refer to a valid field".to_owned()));
        assert_eq!(resolved("c"), Err("expected [ or . but got: c".to_owned()));
        assert_eq!(resolved("."), Err("unexpected end of JSON path".to_owned()));
        let dots = resolve("['a.b']", &schema, Notation::DotsOnly).expect_err("brackets");
        assert_eq!(dots, "array notation is not allowed");
    }
}
