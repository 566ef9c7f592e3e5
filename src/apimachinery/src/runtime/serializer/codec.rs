//! From a body to an object of a kind, and back.
//!
//! ```text
//!   body --format--> what kind does it say it is? --defaults--> schema of the kind --> Object + strict findings
//! ```
//!
//! A body that does not say its kind, or half of it, is of the kind that the endpoint expects.
//!
//! Go: apimachinery/pkg/runtime/serializer/{json/json,json/meta,protobuf/protobuf}.go

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::{
            json,
            protobuf::{self, envelope::Unknown, wire::WireError},
            yaml,
        },
    },
    schema::{decode, model::Schema, registry::Kinds},
    util::strconv::quote,
};

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

impl Format {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Json, Self::Yaml, Self::Protobuf];

    /// Returns the media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// Returns the format of a media type without parameters.
    pub fn of(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.media_type() == media_type)
    }
}

/// A body as an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The object, its type set; what its type does not know is gone.
    pub object: Object,
    /// What strict decoding would refuse, in Go's order.
    pub strict: Vec<String>,
}

/// Why a body is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// The kind that the body says it is of, where that much could be read.
    pub kind: Option<GroupVersionKind>,
    /// Go's sentence.
    pub message: String,
}

impl DecodeError {
    fn unrecognized(message: impl ToString) -> Self {
        Self { kind: None, message: message.to_string() }
    }

    fn of(kind: &GroupVersionKind, message: impl ToString) -> Self {
        Self { kind: Some(kind.clone()), message: message.to_string() }
    }

    /// Returns the answer to a client whose body was expected to be of a kind.
    ///
    /// Go: apiserver/pkg/endpoints/handlers/rest.go transformDecodeError
    pub fn into_status(self, expected: &str, body: &[u8]) -> StatusError {
        StatusError::new_bad_request(match self.kind.filter(|kind| !kind.kind.is_empty()) {
            Some(kind) => {
                let version = quote(&kind.version);
                format!("{} in version {version} cannot be handled as a {expected}: {}", kind.kind, self.message)
            }
            None => format!(
                "the object provided is unrecognized (must be of type {expected}): {} ({})",
                self.message,
                summary(body)
            ),
        })
    }
}

/// Shows the beginning of a body: as it is if it looks like JSON, else in hexadecimal.
///
/// Go: apiserver/pkg/endpoints/handlers/rest.go summarizeData
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let shown = &body[..body.len().min(SHOWN)];
    let mut text = match body.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string");
            text
        }),
    };
    if body.len() > SHOWN {
        text.push_str(" ...");
    }
    text
}

/// Reads a body. `default` is what a body is that does not say; `scheme` names in messages who knows the kinds.
///
/// Go: Serializer.Decode
pub fn decode(
    kinds: &dyn Kinds,
    scheme: &str,
    default: &GroupVersionKind,
    format: Format,
    body: &[u8],
) -> Result<Decoded, DecodeError> {
    let known = |actual: &GroupVersionKind| {
        kinds.schema(actual).ok_or_else(|| DecodeError::of(actual, not_registered(actual, scheme)))
    };
    match format {
        Format::Json => {
            let head = json::lenient(body, head).map_err(unreadable)?;
            let actual = with_defaults(interpret(&head)?, default);
            let schema = known(&actual)?;
            finish(decode::from_json(&schema, body), &actual, None)
        }
        Format::Yaml => {
            let document = yaml::decode(body).map_err(DecodeError::unrecognized)?;
            let duplicates = document.strict_error().map(|error| error.to_string());
            let actual = with_defaults(interpret(&document.value)?, default);
            let schema = known(&actual)?;
            finish(decode::from_value(&schema, document.value), &actual, duplicates)
        }
        Format::Protobuf => {
            let unknown = envelope(body).map_err(DecodeError::unrecognized)?;
            let version = GroupVersion::parse(&unknown.api_version).ok_or_else(|| unexpected(&unknown.api_version))?;
            let actual = with_defaults(version.with_kind(&unknown.kind), default);
            let schema = known(&actual)?;
            let read = protobuf::decode::object(&schema, &unknown);
            let mut object = read.map_err(|error| DecodeError::of(&actual, error))?;
            object.set_gvk(&actual);
            Ok(Decoded { object, strict: Vec::new() })
        }
    }
}

fn unreadable(error: json::SyntaxError) -> DecodeError {
    DecodeError::unrecognized(format!("couldn't get version/kind; json parse error: {error}"))
}

fn unexpected(api_version: &str) -> DecodeError {
    DecodeError::unrecognized(format!("unexpected GroupVersion string: {api_version}"))
}

/// Go: apimachinery/pkg/runtime/error.go notRegisteredErr
fn not_registered(kind: &GroupVersionKind, scheme: &str) -> String {
    let (kind, version) = (quote(&kind.kind), quote(&kind.group_version().to_string()));
    format!("no kind {kind} is registered for version {version} in scheme {}", quote(scheme))
}

fn finish(
    decoded: Result<decode::Decoded, decode::DecodeError>,
    actual: &GroupVersionKind,
    duplicates: Option<String>,
) -> Result<Decoded, DecodeError> {
    let decode::Decoded { value, strict, texts } = decoded.map_err(|error| DecodeError::of(actual, error))?;
    let mut object = Object::from_value(value).unwrap_or_default();
    object.1 = texts;
    object.set_gvk(actual);
    Ok(Decoded { object, strict: duplicates.into_iter().chain(strict).collect() })
}

/// Reads of an object only what says its kind, and passes over the rest; of anything else, only what it is.
fn head(text: &[u8]) -> Result<Value, json::SyntaxError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let head = deserializer.deserialize_any(Head).and_then(|head| deserializer.end().map(|()| head));
    head.map_err(|error| json::SyntaxError(error.to_string()))
}

struct Head;

impl<'de> Visitor<'de> for Head {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = entries.next_key::<Cow<'_, str>>()? {
            if says_kind(&name).is_some() {
                fields.insert(name.into_owned(), entries.next_value()?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// Returns the name of a field that says the kind, if this is one. Go takes it in any case here.
fn says_kind(name: &str) -> Option<&'static str> {
    ["apiVersion", "kind"].into_iter().find(|known| name.eq_ignore_ascii_case(known))
}

/// Returns the kind that a body says it is of.
///
/// Go: SimpleMetaFactory.Interpret
pub fn interpret(value: &Value) -> Result<GroupVersionKind, DecodeError> {
    let refuse = |found: &str, wanted: &str| {
        let text =
            format!("couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go {wanted}");
        DecodeError::unrecognized(text)
    };
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => return Ok(GroupVersionKind::default()),
        other => {
            let struct_type = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
            return Err(refuse(json_type(other), &format!("value of type {struct_type}")));
        }
    };
    let (mut api_version, mut kind) = ("", "");
    for (name, value) in fields {
        let Some(name) = says_kind(name) else { continue };
        let target = if name == "kind" { &mut kind } else { &mut api_version };
        match value {
            Value::String(text) => *target = text,
            Value::Null => {}
            other => return Err(refuse(json_type(other), &format!("struct field .{name} of type string"))),
        }
    }
    Ok(GroupVersion::parse(api_version).ok_or_else(|| unexpected(api_version))?.with_kind(kind))
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Fills in what a body does not say of its kind.
///
/// Go: gvkWithDefaults
fn with_defaults(mut actual: GroupVersionKind, default: &GroupVersionKind) -> GroupVersionKind {
    if actual.kind.is_empty() {
        actual.kind.clone_from(&default.kind);
    }
    if actual.version.is_empty() && (actual.group.is_empty() || actual.group == default.group) {
        actual.group.clone_from(&default.group);
        actual.version.clone_from(&default.version);
    }
    actual
}

fn envelope(body: &[u8]) -> Result<Unknown<'_>, WireError> {
    match body.len() {
        0 => Err(WireError("empty data".to_owned())),
        4 if body == protobuf::envelope::MAGIC => Err(WireError("empty body".to_owned())),
        _ => Unknown::decode(body),
    }
}

/// Writes an object. Protobuf needs the schema of its kind; without one the object has no such form.
///
/// Go: Serializer.Encode
pub fn encode(
    schema: Option<&Schema>,
    format: Format,
    object: &Object,
) -> Result<Vec<u8>, protobuf::encode::EncodeError> {
    match (format, schema) {
        (Format::Json, _) if object.1.is_empty() => Ok(json::encode(object)),
        (Format::Json, _) => Ok([object.to_json().as_slice(), b"\n"].concat()),
        (Format::Yaml, _) => Ok(yaml::encode_object(&object.0)),
        (Format::Protobuf, Some(schema)) => protobuf::encode::object(schema, object),
        (Format::Protobuf, None) => Err(protobuf::encode::EncodeError(format!("{} has no message", object.gvk()))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::schema::{
        model::{Field, Kind, ObjectType},
        registry::Link,
    };

    struct OneKind;

    impl Kinds for OneKind {
        fn schema(&self, gvk: &GroupVersionKind) -> Option<Arc<Schema>> {
            let string = || Link::from(Schema::of(Kind::String));
            let data = Schema::of(Kind::Object(ObjectType { additional: Some(string()), ..ObjectType::default() }));
            let field =
                |schema: Link, number: &'static [u32]| Field { schema, proto: number.into(), ..Field::default() };
            let properties = [
                ("apiVersion", field(string(), &[])),
                ("kind", field(string(), &[])),
                ("data", field(data.into(), &[2])),
            ];
            let properties = properties.into_iter().map(|(name, field)| (name.into(), field)).collect();
            let schema = Schema {
                name: "io.k8s.api.core.v1.ConfigMap".into(),
                ..Schema::of(Kind::Object(ObjectType { properties, ..ObjectType::default() }))
            };
            (gvk == &config_map()).then(|| Arc::new(schema))
        }
    }

    fn config_map() -> GroupVersionKind {
        GroupVersionKind::new("", "v1", "ConfigMap")
    }

    fn read(format: Format, body: &[u8]) -> Result<Decoded, String> {
        let decoded = decode(&OneKind, "the scheme", &config_map(), format, body);
        decoded.map_err(|error| error.into_status("ConfigMap", body).message)
    }

    #[test]
    fn bodies_without_a_kind_are_of_the_expected_one() {
        let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
        let bodies: [(Format, &[u8]); 5] = [
            (Format::Json, br#"{"data": {"a": "b"}}"#),
            (Format::Json, br#"{"kind": null, "apiVersion": "v1", "data": {"a": "b"}}"#),
            (Format::Json, br#"{"kind": "ConfigMap", "data": {"a": "b"}}"#),
            (Format::Yaml, b"apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"),
            (Format::Yaml, b"data:\n  a: b\n---\nmore\n"),
        ];
        for (format, body) in bodies {
            let decoded = read(format, body).expect("a config map");
            assert_eq!((decoded.object.into_value(), decoded.strict.len()), (expected.clone(), 0));
        }
        assert_eq!(read(Format::Yaml, b"").expect("empty").object.kind(), "ConfigMap");
    }

    #[test]
    fn strict_findings_are_collected() {
        let decoded = read(Format::Json, br#"{"Kind": "ConfigMap", "x": 1, "data": {}, "data": {}}"#).expect("read");
        assert_eq!(decoded.strict, [r#"unknown field "Kind""#, r#"unknown field "x""#, r#"duplicate field "data""#]);
        let decoded = read(Format::Yaml, b"data:\n  k: a\n  k: b\nz: 1\n").expect("read");
        let duplicate = "yaml: unmarshal errors:\n  line 3: key \"k\" already set in map";
        assert_eq!(decoded.strict, [duplicate, r#"unknown field "z""#]);
    }

    #[test]
    fn refusals_are_told_as_in_go() {
        let unrecognized = "the object provided is unrecognized (must be of type ConfigMap): ";
        let parse = "couldn't get version/kind; json parse error: ";
        let of_struct = r#"value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
        let cases: [(Format, &[u8], String); 11] = [
            (Format::Json, b"", format!("{unrecognized}{parse}unexpected end of JSON input (<empty>)")),
            (Format::Json, b"  ", format!("{unrecognized}{parse}unexpected end of JSON input (2020)")),
            (
                Format::Json,
                br#"{"apiVersion":"v1",,"kind":"ConfigMap"}"#,
                format!(r#"{unrecognized}{parse}invalid character ',' looking for beginning of object key string ({{"apiVersion":"v1",,"kind":"Co ...)"#),
            ),
            (Format::Json, b"5", format!("{unrecognized}{parse}json: cannot unmarshal number into Go {of_struct} (35)")),
            (
                Format::Json,
                br#"{"apiVersion": "v1", "kind": 5}"#,
                format!(r#"{unrecognized}{parse}json: cannot unmarshal number into Go struct field .kind of type string ({{"apiVersion": "v1", "kind": 5 ...)"#),
            ),
            (Format::Json, br#"{"apiVersion":"a/b/c"}"#, format!(r#"{unrecognized}unexpected GroupVersion string: a/b/c ({{"apiVersion":"a/b/c"}})"#)),
            (
                Format::Json,
                br#"{"kind":"Nope","apiVersion":"v1"}"#,
                r#"Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" in scheme "the scheme""#.to_owned(),
            ),
            (
                Format::Json,
                br#"{"data": {"k": 1}}"#,
                r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"#.to_owned(),
            ),
            (Format::Yaml, b"a: b: c\n", format!("{unrecognized}yaml: mapping values are not allowed in this context (613a20623a20630a)")),
            (Format::Yaml, b"hello\n", format!("{unrecognized}{parse}json: cannot unmarshal string into Go {of_struct} (68656c6c6f0a)")),
            (
                Format::Protobuf,
                b"{}",
                format!("{unrecognized}provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({{}})"),
            ),
        ];
        for (format, body, message) in cases {
            assert_eq!(read(format, body).expect_err(&message), message);
        }
    }

    #[test]
    fn every_format_is_read_again() {
        let object = Object::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"yes": "no\n"}}));
        let object = object.expect("an object");
        let schema = OneKind.schema(&config_map()).expect("known");
        for format in Format::ALL {
            let bytes = encode(Some(&schema), format, &object).expect("of its kind");
            assert_eq!(read(format, &bytes).expect("written by us").object, object, "{format:?}");
            assert_eq!(Format::of(format.media_type()), Some(format));
        }
        assert!(encode(None, Format::Protobuf, &object).is_err());
    }
}
