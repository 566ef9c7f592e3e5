//! YAML 1.1 as Go's sigs.k8s.io/yaml reads it: turned into JSON first.
//!
//! Only the first document counts. `yes`, `on` and `y` are true, `010` is eight, `1e3` is a text.
//! Duplicate keys are noted with their lines; whether they matter is the caller's business.
//!
//! Go: sigs.k8s.io/yaml, sigs.k8s.io/yaml/goyaml.v2/{decode,resolve,scannerc,parserc}.go

use std::collections::BTreeMap;

use base64::Engine as _;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::runtime::serializer::json::settle_numbers;

/// How deep a document may nest, as in [`super::json`].
const MAX_DEPTH: usize = 127;

/// Why a text is no YAML, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("yaml: {0}")]
pub struct YamlError(pub String);

/// The first document of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What it says; `null` if there is none.
    pub value: Value,
    /// Keys that stand twice in a map, with the lines of their second values: `line 7: key "a" already set in map`.
    pub duplicates: Vec<String>,
}

impl Document {
    /// Returns what strict reading says: the duplicate keys.
    ///
    /// Go: sigs.k8s.io/yaml YAMLToJSONStrict
    pub fn strict_error(&self) -> Option<YamlError> {
        let lines = self.duplicates.join("\n  ");
        (!self.duplicates.is_empty()).then(|| YamlError(format!("unmarshal errors:\n  {lines}")))
    }
}

/// Reads the first document of a text. Bytes that are no UTF-8 are refused.
pub fn decode(text: &[u8]) -> Result<Document, YamlError> {
    let text = std::str::from_utf8(text).map_err(|_| YamlError("invalid leading UTF-8 octet".to_owned()))?;
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        text,
        anchors: BTreeMap::new(),
        duplicates: Vec::new(),
        depth: 0,
        decoded: 0,
        aliased: 0,
    };
    let value = composer.document()?;
    Ok(Document { value, duplicates: composer.duplicates })
}

/// Writes a value. What would be read as something else is quoted.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    match value {
        Value::Array(items) if !items.is_empty() => write_items(&mut out, items, 0),
        Value::Object(fields) if !fields.is_empty() => write_fields(&mut out, fields, 0),
        scalar => {
            write_scalar(&mut out, scalar);
            out.push('\n');
        }
    }
    out.into_bytes()
}

/// Writes an object.
pub fn encode_object(fields: &Map<String, Value>) -> Vec<u8> {
    let mut out = String::new();
    if fields.is_empty() {
        out.push_str("{}\n");
    }
    write_fields(&mut out, fields, 0);
    out.into_bytes()
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn write_fields(out: &mut String, fields: &Map<String, Value>, depth: usize) {
    for (i, (key, value)) in fields.iter().enumerate() {
        // The first field of an item stands behind its dash.
        if i > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        write_text(out, key);
        out.push(':');
        write_below(out, value, depth);
    }
}

fn write_items(out: &mut String, items: &[Value], depth: usize) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Value::Array(items) if !items.is_empty() => write_items(out, items, depth + 1),
            Value::Object(fields) if !fields.is_empty() => write_fields(out, fields, depth + 1),
            scalar => {
                write_scalar(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn write_below(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_items(out, items, depth);
        }
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_fields(out, fields, depth + 1);
        }
        scalar => {
            out.push(' ');
            write_scalar(out, scalar);
            out.push('\n');
        }
    }
}

fn write_scalar(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_text(out, text),
        other => out.push_str(&other.to_string()),
    }
}

fn write_text(out: &mut String, text: &str) {
    // A word that begins with a letter and has no sign in it can only be itself, if it resolves to itself.
    let plain = text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '/')
        && !text.ends_with([' ', ':'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./ :@=+".contains(&byte))
        && !text.contains(": ")
        && resolve(text) == text;
    if plain {
        out.push_str(text);
    } else {
        // JSON's strings are YAML's, but for what JSON leaves unescaped and YAML does not print.
        for char in Value::from(text).to_string().chars() {
            match char {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                    out.push_str(&format!("\\u{:04x}", u32::from(char)));
                }
                _ => out.push(char),
            }
        }
    }
}

/// What an anchor stands for.
struct Anchor {
    value: Value,
    /// How many nodes it consists of.
    nodes: usize,
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    anchors: BTreeMap<usize, Anchor>,
    duplicates: Vec<String>,
    depth: usize,
    /// Nodes so far, those behind aliases counted each time.
    decoded: usize,
    /// How many of them stand behind aliases.
    aliased: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.told(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Value, YamlError> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return Ok(Value::Null),
                (event, span) => {
                    let mut value = self.node(event, span)?;
                    // Go reads to the end of the document and no further.
                    self.next()?;
                    settle_numbers(&mut value);
                    return Ok(value);
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, YamlError> {
        let before = self.decoded;
        self.decoded += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(YamlError(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar(&text, style, tag.as_deref())?),
            Event::SequenceStart(_, anchor, _) => (anchor, self.items()?),
            Event::MappingStart(_, anchor, _) => (anchor, self.fields()?),
            Event::Alias(id) => (0, self.alias(id, span)?),
            other => return Err(YamlError(format!("unexpected event {other:?}"))),
        };
        self.depth -= 1;
        if anchor != 0 {
            let nodes = self.decoded - before;
            self.anchors.insert(anchor, Anchor { value: value.clone(), nodes });
        }
        Ok(value)
    }

    /// Copies what an alias stands for, unless that is how a small text becomes a huge value.
    ///
    /// Go: goyaml.v2/decode.go decoder.alias, allowedAliasRatio
    fn alias(&mut self, id: usize, span: Span) -> Result<Value, YamlError> {
        let name = span.slice(self.text).unwrap_or_default().trim_start_matches('*');
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(YamlError(format!("anchor '{name}' value contains itself")));
        };
        self.decoded += anchor.nodes;
        self.aliased += anchor.nodes;
        let (low, high) = (400_000.0, 4_000_000.0);
        let beyond = ((self.decoded as f64 - low) / (high - low)).clamp(0.0, 1.0);
        let allowed = 0.99 - 0.89 * beyond;
        if self.aliased > 100 && self.decoded > 1000 && self.aliased as f64 / self.decoded as f64 > allowed {
            return Err(YamlError("document contains excessive aliasing".to_owned()));
        }
        Ok(anchor.value.clone())
    }

    fn items(&mut self) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn fields(&mut self) -> Result<Value, YamlError> {
        let mut fields = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(fields));
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            if merges {
                merge(&mut fields, value)?;
                continue;
            }
            let (key, shown) = key_text(&key)?;
            if fields.insert(key, value).is_some() {
                self.duplicates.push(format!("line {}: key {shown} already set in map", span.start.line()));
            }
        }
    }

    /// Tells an error as Go does: scanners count lines from one, parsers from zero, and nobody names line zero.
    fn told(&self, error: &ScanError) -> YamlError {
        let (text, says) = explained(error, self.text);
        let line = match says {
            By::Scanner if error.marker().line() > 1 => error.marker().line(),
            By::Parser => error.marker().line() - 1,
            By::Scanner | By::Nobody => 0,
            By::End => self.text.lines().count(),
        };
        YamlError(if line == 0 { text } else { format!("line {line}: {text}") })
    }
}

/// Who notices a mistake in Go, and therefore how the line is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Scanner,
    Parser,
    /// The parser, at the end of the text.
    End,
    /// The decoder, which tells no line.
    Nobody,
}

/// Returns Go's words for a mistake.
fn explained(error: &ScanError, text: &str) -> (String, By) {
    let (explained, by) = match error.kind() {
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => ("did not find expected key", By::Parser),
        ErrorKind::ExpectedBlockSequenceEntry => ("did not find expected '-' indicator", By::Parser),
        ErrorKind::ExpectedFlowMappingSeparator => ("did not find expected ',' or '}'", By::Parser),
        ErrorKind::ExpectedFlowSequenceSeparator => ("did not find expected ',' or ']'", By::Parser),
        ErrorKind::UnclosedFlowCollection { open: '[' } | ErrorKind::UnexpectedEofFlowSequence => {
            ("did not find expected ',' or ']'", By::End)
        }
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnexpectedEofFlowMapping => {
            ("did not find expected ',' or '}'", By::End)
        }
        ErrorKind::ExpectedNodeContent | ErrorKind::MisplacedFlowCollectionEnd => {
            ("did not find expected node content", By::Parser)
        }
        ErrorKind::ExpectedDocumentStart => ("did not find expected <document start>", By::Parser),
        ErrorKind::UndeclaredTagHandle => ("found undefined tag handle", By::Parser),
        ErrorKind::UnknownAnchor => {
            let from = error.marker().byte_offset().and_then(|at| text.get(at..)).unwrap_or_default();
            let name =
                from.trim_start_matches('*').split(|char: char| char.is_whitespace() || ",]}".contains(char)).next();
            return (format!("unknown anchor '{}' referenced", name.unwrap_or_default()), By::Nobody);
        }
        ErrorKind::UnexpectedCharacter { .. }
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => ("found character that cannot start any token", By::Scanner),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            ("mapping values are not allowed in this context", By::Scanner)
        }
        ErrorKind::MappingKeyNotAllowed => ("mapping keys are not allowed in this context", By::Scanner),
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("block sequence entries are not allowed in this context", By::Scanner)
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => ("could not find expected ':'", By::Scanner),
        ErrorKind::UnclosedQuotedScalar => ("found unexpected end of stream", By::Scanner),
        ErrorKind::DocumentIndicatorInQuotedScalar => ("found unexpected document indicator", By::Scanner),
        ErrorKind::UnknownQuotedScalarEscape => ("found unknown escape character", By::Scanner),
        ErrorKind::InvalidQuotedScalarHexEscape => ("did not find expected hexdecimal number", By::Scanner),
        ErrorKind::InvalidUnicodeEscape => ("found invalid Unicode character escape code", By::Scanner),
        ErrorKind::InvalidDirectiveName | ErrorKind::MissingDirectiveName => {
            ("could not find expected directive name", By::Scanner)
        }
        ErrorKind::MissingAnchorOrAliasName => ("did not find expected alphabetic or numeric character", By::Scanner),
        ErrorKind::RecursionLimitExceeded => ("exceeded max depth of 10000", By::Scanner),
        ErrorKind::InvalidBlockScalarHeader => ("did not find expected comment or line break", By::Scanner),
        ErrorKind::ZeroBlockScalarIndent => ("found an indentation indicator equal to 0", By::Scanner),
        _ => ("did not find expected node content", By::Parser),
    };
    (explained.to_owned(), by)
}

/// Puts the fields of one map, or of each map of a list, into another.
fn merge(fields: &mut Map<String, Value>, value: Value) -> Result<(), YamlError> {
    let refusal = || YamlError("map merge requires map or sequence of maps as the value".to_owned());
    match value {
        Value::Object(more) => fields.extend(more),
        // The first of the list wins, so it comes last.
        Value::Array(list) => {
            for item in list.into_iter().rev() {
                fields.extend(match item {
                    Value::Object(more) => more,
                    _ => return Err(refusal()),
                });
            }
        }
        _ => return Err(refusal()),
    }
    Ok(())
}

/// Returns a key as JSON has it, and as an error shows it.
fn key_text(key: &Value) -> Result<(String, String), YamlError> {
    match key {
        Value::String(text) => Ok((text.clone(), crate::util::strconv::quote(text))),
        Value::Number(_) | Value::Bool(_) => Ok((key.to_string(), key.to_string())),
        Value::Null => Err(YamlError("unsupported map key of type: %!s(<nil>)".to_owned())),
        Value::Array(_) | Value::Object(_) => Err(YamlError("invalid map key".to_owned())),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, YamlError> {
    let tagged = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
    match tagged.as_deref() {
        Some("str") => Ok(Value::from(text)),
        Some("binary") => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            let bytes = bytes.map_err(|_| YamlError("!!binary value contains invalid base64 data".to_owned()))?;
            Ok(String::from_utf8_lossy(&bytes).into())
        }
        Some("int" | "float" | "bool" | "null") => Ok(resolve(text)),
        _ if style == ScalarStyle::Plain && tag.is_none() => Ok(resolve(text)),
        _ => Ok(Value::from(text)),
    }
}

/// Returns what a plain scalar means.
///
/// Go: goyaml.v2/resolve.go resolve
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if text.starts_with('.') {
        return float(text);
    }
    if !text.starts_with(|char: char| char.is_ascii_digit() || char == '+' || char == '-') {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// Reads an integer with the prefix of its base; a leading zero alone means eight.
///
/// Go: strconv.ParseInt with base 0
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return Some(0_i64.checked_sub_unsigned(magnitude)?.into());
    }
    Some(magnitude.into())
}

/// Reads a float; an exponent must have a sign, so that `1e3` is none.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+'])?)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or(("", mantissa));
    let fits = is_digits(whole) && is_digits(fraction) && !fraction.is_empty();
    let fits = fits && exponent.is_none_or(|digits| is_digits(digits) && !digits.is_empty());
    fits.then(|| text.parse().ok()).flatten().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).value
    }

    #[test]
    fn scalars_are_resolved_as_in_yaml_1_1() {
        let cases = [
            ("yes", json!(true)),
            ("y", json!(true)),
            ("Off", json!(false)),
            ("~", json!(null)),
            ("", json!(null)),
            ("0120", json!(80)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("1_000", json!(1000)),
            ("08", json!(8)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.0", json!(1)),
            ("1e3", json!("1e3")),
            ("1e+3", json!(1000)),
            ("1.", json!("1.")),
            ("2001-01-01", json!("2001-01-01")),
            ("190:20:30", json!("190:20:30")),
            ("'yes'", json!("yes")),
            ("\"1\"", json!("1")),
            ("!!str 1", json!("1")),
            ("!!binary aGk=", json!("hi")),
            ("!foo 1", json!("1")),
            ("v1", json!("v1")),
            ("1Gi", json!("1Gi")),
        ];
        for (text, value) in cases {
            assert_eq!(read(&format!("k: {text}\n"))["k"], value, "{text}");
        }
    }

    #[test]
    fn the_first_document_counts() {
        assert_eq!(read("---\na: 1\n---\nb: 2\n"), json!({"a": 1}));
        assert_eq!(read(""), Value::Null);
        assert_eq!(read("hello\n"), json!("hello"));
        assert_eq!(read("{a: [b, {c: d}]}"), json!({"a": ["b", {"c": "d"}]}));
        assert_eq!(read("k: |\n  one\n  two\nf: >-\n  one\n  two\n"), json!({"k": "one\ntwo\n", "f": "one two"}));
        assert_eq!(read("1: a\ntrue: b\n"), json!({"1": "a", "true": "b"}));
    }

    #[test]
    fn anchors_are_copied_and_maps_merged() {
        assert_eq!(read("a: &x one\nb: *x\n"), json!({"a": "one", "b": "one"}));
        let text = "l: &l\n  x: z\n  w: 1\nm:\n  <<: *l\n  w: 2\n";
        assert_eq!(read(text)["m"], json!({"x": "z", "w": 2}));
        assert_eq!(read("m:\n  <<: [{a: 1}, {a: 2, b: 3}]\n")["m"], json!({"a": 1, "b": 3}));
        let error = decode(b"<<: 1\n").expect_err("no map");
        assert_eq!(error.to_string(), "yaml: map merge requires map or sequence of maps as the value");
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb += &format!("a{i}: &a{i} [{aliases}]\n");
        }
        let error = decode(bomb.as_bytes()).expect_err("a bomb");
        assert_eq!(error.to_string(), "yaml: document contains excessive aliasing");
        assert_eq!(decode(b"a: *x\n").expect_err("unknown").to_string(), "yaml: unknown anchor 'x' referenced");
        assert_eq!(decode(b"a: &x [*x]\n").expect_err("itself").to_string(), "yaml: anchor 'x' value contains itself");
    }

    #[test]
    fn mistakes_are_told_as_in_go() {
        let cases = [
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n labels: {}\n",
                "yaml: line 4: did not find expected key",
            ),
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
                "yaml: line 4: found character that cannot start any token",
            ),
            ("not: [valid", "yaml: line 1: did not find expected ',' or ']'"),
            ("x: 1\na: `x\n", "yaml: line 2: found character that cannot start any token"),
        ];
        for (text, message) in cases {
            assert_eq!(decode(text.as_bytes()).expect_err(text).to_string(), message, "{text}");
        }
    }

    #[test]
    fn duplicates_are_noted_with_their_lines() {
        let document = decode(b"metadata:\n  labels:\n    a: b\n    a: c\n  1: x\n  1: z\n").expect("the last wins");
        assert_eq!(document.value, json!({"metadata": {"labels": {"a": "c"}, "1": "z"}}));
        let text =
            "yaml: unmarshal errors:\n  line 4: key \"a\" already set in map\n  line 6: key 1 already set in map";
        assert_eq!(document.strict_error().expect("duplicates").to_string(), text);
        assert_eq!(decode(b"a: 1\n").expect("fine").strict_error(), None);
    }

    #[test]
    fn values_are_written_for_people() {
        let value = json!({"apiVersion": "v1", "data": {"n": "1", "y": "yes", "t": "a: b\nc"}, "items": [{"a": [1, []], "b": {}}, [2]]});
        let text = "apiVersion: v1\ndata:\n  \"n\": \"1\"\n  t: \"a: b\\nc\"\n  \"y\": \"yes\"\nitems:\n- a:\n  - 1\n  - []\n  b: {}\n- - 2\n";
        assert_eq!(String::from_utf8(encode(&value)).expect("text"), text);
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = r"[ay0-9:# \-\n'\x22\[\]{}&*!|>%@`~.,\u{e9}\u{85}\u{feff}]{0,6}|yes|null|~|0x1|1_0|<<|\PC{0,5}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000..1000_i32).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What is written is read again.
        #[test]
        fn values_survive(mut value in values()) {
            settle_numbers(&mut value);
            let text = encode(&value);
            let read = decode(&text);
            prop_assert_eq!(read.map(|document| document.value), Ok(value), "{}", String::from_utf8_lossy(&text));
        }

        /// Whatever the bytes, nothing panics.
        #[test]
        fn strangers_are_met_calmly(text in r"[ab:\-\n \[\]{}&*!|>%@`'\x22#,?~]{0,24}") {
            let _ = decode(text.as_bytes());
        }
    }
}
