//! The texts of an object's raw parts.
//!
//! What the schema calls a `RawExtension` is text that the server carries and never reads: order of keys, spaces
//! and spelling of numbers are its client's. An [`Object`](super::object::Object) holds such a part as a value,
//! like everything else, and its text beside it where the text is not the one that the value would be written as.
//!
//! ```text
//!   JSON and protobuf bodies, storage  --the text as it is-->  protobuf, storage, "did it change?"
//!                                      --without its spaces--> JSON
//! ```
//!
//! A text that no longer is that of the value at its place counts as absent, so that code which changes values
//! need not know of texts.
//!
//! Go: apimachinery/pkg/runtime/extension.go RawExtension

use std::{collections::BTreeMap, fmt::Write as _, ptr, sync::Arc};

use serde_json::{Map, Value};

use super::serializer::json;

/// The texts of raw parts by their place, a JSON pointer. Empty for nearly every object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawTexts(BTreeMap<String, Arc<str>>);

impl RawTexts {
    /// Says whether every raw part is written as its value is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes the text of the value at a place, unless it is the one that the value would be written as.
    pub fn note(&mut self, pointer: String, text: &str, value: &Value) {
        if *text != plain(value) {
            self.0.insert(pointer, text.into());
        }
    }

    /// Takes over the texts below a place from another object, together with the values there.
    pub fn keep(&mut self, from: &Self, pointer: &str) {
        if self.is_empty() && from.is_empty() {
            return;
        }
        self.0.retain(|place, _| !is_below(place, pointer));
        let kept = from.0.iter().filter(|(place, _)| is_below(place, pointer));
        self.0.extend(kept.map(|(place, text)| (place.clone(), text.clone())));
    }

    /// Says whether both have the same texts below a place.
    pub fn same(&self, other: &Self, pointer: &str) -> bool {
        let below = |texts: &Self| {
            let texts = texts.0.clone().into_iter();
            texts.filter(|(place, _)| is_below(place, pointer)).collect::<Vec<_>>()
        };
        (self.is_empty() && other.is_empty()) || below(self) == below(other)
    }

    /// Returns the texts after the object was written as JSON and read again, which takes their spaces; `fields` are
    /// what was read, and may have been changed in between.
    #[must_use]
    pub fn through_json(&self, fields: &Map<String, Value>) -> Self {
        let mut texts = Self::default();
        for (place, text) in &self.0 {
            if let Some(value) = resolve(fields, place)
                && is_text_of(text, value)
            {
                texts.note(place.clone(), &compact(text), value);
            }
        }
        texts
    }

    /// Finds the values that have a text of their own in an object.
    pub fn of<'a>(&'a self, fields: &'a Map<String, Value>) -> Spelled<'a> {
        let found = self.0.iter().filter_map(|(place, text)| {
            let value = resolve(fields, place)?;
            is_text_of(text, value).then_some((value, &**text))
        });
        Spelled(found.collect())
    }
}

/// The values of one object that have a text of their own, told by where they lie in memory.
#[derive(Debug, Default)]
pub struct Spelled<'a>(Vec<(&'a Value, &'a str)>);

impl Spelled<'_> {
    /// Returns the text of a value, if it has one.
    pub fn text(&self, value: &Value) -> Option<&str> {
        self.0.iter().find(|(spelled, _)| ptr::eq(*spelled, value)).map(|(_, text)| *text)
    }

    /// Writes the fields of an object as JSON: its own fields in the order given, all others sorted.
    pub fn write<'v>(&self, out: &mut Vec<u8>, fields: impl Iterator<Item = (&'v String, &'v Value)>) {
        out.push(b'{');
        for (i, (key, value)) in fields.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            scalar(out, &Value::String(key.clone()));
            out.push(b':');
            self.write_value(out, value);
        }
        out.push(b'}');
    }

    fn write_value(&self, out: &mut Vec<u8>, value: &Value) {
        match (self.text(value), value) {
            (Some(text), _) => out.extend_from_slice(compact(text).as_bytes()),
            (None, Value::Object(fields)) => self.write(out, fields.iter()),
            (None, Value::Array(items)) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    self.write_value(out, item);
                }
                out.push(b']');
            }
            (None, scalar) => self::scalar(out, scalar),
        }
    }
}

fn scalar(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(out, value).expect("a JSON value always encodes");
}

fn is_below(place: &str, pointer: &str) -> bool {
    place.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn resolve<'a>(fields: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let pointer = pointer.strip_prefix('/')?;
    let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    fields.get(first)?.pointer(rest)
}

fn is_text_of(text: &str, value: &Value) -> bool {
    json::decode_raw(text.as_bytes()).is_ok_and(|read| read == *value)
}

/// The text that Go makes of a value: no spaces, keys sorted, and nothing that HTML would read.
pub fn plain(value: &Value) -> String {
    compact(&value.to_string())
}

/// Takes the spaces out of a JSON text and escapes what HTML would read.
///
/// Go: encoding/json/indent.go appendCompact
fn compact(text: &str) -> String {
    let mut compacted = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for char in text.chars() {
        match char {
            ' ' | '\t' | '\r' | '\n' if !in_string => continue,
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(compacted, "\\u{:04x}", u32::from(char)).expect("writing to a string");
                continue;
            }
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = char == '\\' && !escaped;
        compacted.push(char);
    }
    compacted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runtime::object::Object;

    const TEXT: &str = r#"{"b": 1.0, "a": ["<", "\" \\"]}"#;

    fn object() -> Object {
        let value = json!({"kind": "X", "data": {"b": 1.0, "a": ["<", "\" \\"]}, "list": [{"raw": {}}]});
        let mut object = Object::from_value(value).expect("object");
        object.1.note("/data".to_owned(), TEXT, &object.0["data"]);
        object.1.note("/list/0/raw".to_owned(), "{ }", &object.0["list"][0]["raw"]);
        object
    }

    #[test]
    fn json_shows_the_text_without_spaces() {
        let json = String::from_utf8(object().to_json()).expect("UTF-8");
        assert_eq!(json, r#"{"kind":"X","data":{"b":1.0,"a":["\u003c","\" \\"]},"list":[{"raw":{}}]}"#);
    }

    #[test]
    fn a_text_lives_as_long_as_its_value() {
        let mut changed = object();
        changed.set(&["data", "b"], 2);
        let json = String::from_utf8(changed.to_json()).expect("UTF-8");
        assert!(json.contains(r#""data":{"a":["<","\" \\"],"b":2}"#), "{json}");
    }

    #[test]
    fn json_takes_the_spaces() {
        let object = object();
        let texts = object.1.through_json(&object.0);
        assert_eq!(texts.0.keys().collect::<Vec<_>>(), ["/data"], "an empty object is written in one way only");
        assert_eq!(&*texts.0["/data"], r#"{"b":1.0,"a":["\u003c","\" \\"]}"#);
        assert!(!texts.same(&object.1, "/data") && texts.same(&object.1, "/dat"));
    }

    #[test]
    fn a_part_keeps_its_text() {
        let mut texts = RawTexts::default();
        texts.keep(&object().1, "/list");
        assert_eq!(texts.0.keys().collect::<Vec<_>>(), ["/list/0/raw"]);
        texts.keep(&RawTexts::default(), "/list");
        assert!(texts.is_empty());
    }
}
