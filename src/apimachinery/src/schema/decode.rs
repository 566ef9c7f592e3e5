//! Reads a document into a value of a type, as Go's decoder reads it into a struct.
//!
//! One pass over the text, in its order, does all that depends on that order: it refuses values of a
//! wrong type in Go's words, notes unknown and duplicate fields where they stand, and brings scalars
//! into canonical form. What the struct adds or leaves out when it is written again is
//! [`super::tidy`]'s.
//!
//! ```text
//!   text --serde--> Seed(schema) --+--> Value         canonical scalars, no nulls, no unknown fields
//!                                  +--> Decoded.strict  unknown field "spec.foo", duplicate field "data.k"
//!                                  '--> DecodeError     json: cannot unmarshal string into Go struct field ...
//! ```
//!
//! Go: sigs.k8s.io/json/internal/golang/encoding/json/decode.go

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{
    gotypes::{self, short_name, type_name, zero},
    model::{ArrayType, Bits, Kind, ObjectType, Schema},
    place::{Context, Words},
    registry::{ANY, Link},
    scalars,
};
use crate::{
    api::resource,
    runtime::{raw::RawTexts, serializer::json},
};

/// What a document held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The value.
    pub value: Value,
    /// What strict decoding would refuse, in the order of the text, each once; at most 100, as in Go.
    pub strict: Vec<String>,
    /// The texts of raw parts, where the document was text.
    pub texts: RawTexts,
}

/// Why a document is no value of the type: Go's sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<json::SyntaxError> for DecodeError {
    fn from(error: json::SyntaxError) -> Self {
        Self(error.0)
    }
}

/// Decodes JSON text into a value of a type.
pub fn from_json(schema: &Schema, text: &[u8]) -> Result<Decoded, DecodeError> {
    json::lenient(text, |text| {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let cx = Context { raw: Some(Vec::new()), ..Context::default() };
        let decoded = run_on(Some(text), schema, &mut deserializer, cx)?;
        deserializer.end()?;
        Ok(decoded)
    })
}

/// Decodes a value (a patched object, a webhook's answer) into a value of a type.
pub fn from_value(schema: &Schema, value: Value) -> Result<Decoded, DecodeError> {
    from_deserializer(schema, value)
}

/// Decodes a value that was never text: what a strategic merge patch made. Refusals are worded otherwise.
///
/// Go: apimachinery/pkg/runtime/converter.go FromUnstructuredWithValidation
pub fn from_unstructured(schema: &Schema, value: Value) -> Result<Decoded, DecodeError> {
    run(schema, value, Context { words: Words::Converter, ..Context::default() })
}

/// Decodes a JSON object without a type, noting duplicate fields: custom resources, patches.
pub fn untyped(text: &[u8]) -> Result<Decoded, DecodeError> {
    let object = ObjectType { additional: Some(Link::default()), ..ObjectType::default() };
    let mut decoded = from_free_json(&Schema::of(Kind::Object(object)), text)?;
    json::settle_numbers(&mut decoded.value);
    Ok(decoded)
}

/// Decodes JSON text, noting duplicate fields also where the schema allows anything.
pub(crate) fn from_free_json(schema: &Schema, text: &[u8]) -> Result<Decoded, DecodeError> {
    json::lenient(text, |text| {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let decoded = run(schema, &mut deserializer, Context { track_free: true, ..Context::default() })?;
        deserializer.end()?;
        Ok(decoded)
    })
}

/// Decodes from any format into a value of a type.
pub fn from_deserializer<'de, D: Deserializer<'de>>(schema: &Schema, deserializer: D) -> Result<Decoded, DecodeError> {
    run(schema, deserializer, Context::default())
}

fn run<'de, 's, D: Deserializer<'de>>(
    schema: &'s Schema,
    deserializer: D,
    cx: Context<'s>,
) -> Result<Decoded, DecodeError> {
    run_on(None, schema, deserializer, cx)
}

fn run_on<'de, 's, D: Deserializer<'de>>(
    text: Option<&[u8]>,
    schema: &'s Schema,
    deserializer: D,
    mut cx: Context<'s>,
) -> Result<Decoded, DecodeError> {
    let result = Seed { schema, type_name: "", cx: &mut cx }.deserialize(deserializer);
    // Code of a type's own stops Go's decoder at once; a wrong type is remembered and the rest still read.
    if let Some(refusal) = cx.hard.or(cx.soft) {
        return Err(DecodeError(refusal));
    }
    let value = result.map_err(|error| DecodeError(error.to_string()))?;
    let value = value.unwrap_or_else(|| zero(schema));
    let mut texts = RawTexts::default();
    for pointer in cx.raw.unwrap_or_default() {
        if let (Some(text), Some(raw)) = (text.and_then(|text| json::text_at(text, &pointer)), value.pointer(&pointer))
        {
            texts.note(pointer, text, raw);
        }
    }
    Ok(Decoded { value, strict: cx.strict, texts })
}

/// Decodes one value of a type. Yields nothing for `null` and for what was refused.
struct Seed<'a, 's> {
    schema: &'s Schema,
    /// The type's name in Go, if the field that holds it knows better than the schema.
    type_name: &'s str,
    cx: &'a mut Context<'s>,
}

impl<'s> Seed<'_, 's> {
    fn wanted(&self) -> Cow<'s, str> {
        type_name(self.schema, self.type_name)
    }

    fn refuse<T>(self, found: &str) -> Option<T> {
        if self.cx.words == Words::Converter {
            let refusal = gotypes::cannot_convert(self.schema, found, &self.wanted());
            self.cx.hard.get_or_insert(refusal);
            return None;
        }
        let wanted = match self.schema.kind {
            // Their own code decodes a plain text or number and fails there.
            Kind::Time | Kind::MicroTime => Cow::Borrowed("string"),
            Kind::IntOrString => Cow::Borrowed("int32"),
            _ => self.wanted(),
        };
        self.cx.mismatch(found, &wanted);
        None
    }

    fn hard<E: de::Error>(self, refusal: impl fmt::Display) -> E {
        let refusal = refusal.to_string();
        self.cx.hard = Some(refusal.clone());
        E::custom(refusal)
    }

    fn is_free(&self) -> bool {
        matches!(self.schema.kind, Kind::Any | Kind::Raw | Kind::Deduced)
    }

    /// The alternative that has the JSON type at hand; unknown fields below it are not noticed.
    fn alternative(&self, fits: impl Fn(&Kind) -> bool) -> Option<&'s Schema> {
        let Kind::Either(links) = &self.schema.kind else { return None };
        links.iter().map(Link::get).find(|schema| fits(&schema.kind))
    }

    fn scalar<E: de::Error>(self, found: &str, value: Value, fits: impl Fn(&Kind) -> bool) -> Result<Option<Value>, E> {
        if self.is_free() || fits(&self.schema.kind) || self.alternative(&fits).is_some() {
            return Ok(Some(value));
        }
        if matches!(self.schema.kind, Kind::Quantity) {
            return self.quantity(&value.to_string());
        }
        Ok(self.refuse(found))
    }

    fn quantity<E: de::Error>(self, text: &str) -> Result<Option<Value>, E> {
        match resource::canonicalize(text) {
            Ok(canonical) => Ok(Some(Value::String(canonical))),
            Err(error) => Err(self.hard(error)),
        }
    }

    fn integer<E: de::Error>(self, number: Number) -> Result<Option<Value>, E> {
        let fits = match self.schema.kind {
            // The converter sets the field without a look at its width.
            Kind::Integer(Bits::B32) if self.cx.words == Words::Converter && number.is_i64() => {
                let number = number.as_i64().unwrap_or_default() as i32;
                return Ok(Some(Value::Number(number.into())));
            }
            Kind::Integer(Bits::B32) | Kind::IntOrString => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
            }
            Kind::Integer(Bits::B64) => number.is_i64(),
            _ => {
                let floats = |kind: &Kind| matches!(kind, Kind::Number);
                return self.scalar("number", Value::Number(number), floats);
            }
        };
        if fits {
            return Ok(Some(Value::Number(number)));
        }
        let found = format!("number {number}");
        Ok(self.refuse(&found))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        if self.schema.is_raw_extension() {
            self.cx.note_raw();
        }
        if self.is_free() && !self.cx.track_free {
            return serde::Deserialize::deserialize(deserializer)
                .map(|value: Value| Some(value).filter(|v| !v.is_null()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wanted())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Value>, E> {
        Ok(if self.cx.track_free && self.is_free() { Some(Value::Null) } else { None })
    }

    fn visit_none<E: de::Error>(self) -> Result<Option<Value>, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Option<Value>, E> {
        self.scalar("bool", Value::Bool(value), |kind| matches!(kind, Kind::Boolean))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Option<Value>, E> {
        self.integer(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Option<Value>, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Option<Value>, E> {
        match Number::from_f64(value) {
            Some(number) => self.integer(number),
            None => Ok(self.refuse("number")),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Option<Value>, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Option<Value>, E> {
        let canonical = match self.schema.kind {
            Kind::Quantity => return self.quantity(&value),
            Kind::Time => scalars::seconds(&value),
            Kind::MicroTime => scalars::micros(&value),
            Kind::Bytes => match scalars::bytes(&value) {
                Ok(bytes) => return Ok(Some(Value::String(bytes))),
                Err(refusal) => {
                    self.cx.soft.get_or_insert(refusal);
                    return Ok(None);
                }
            },
            _ => {
                let texts = |kind: &Kind| matches!(kind, Kind::String | Kind::IntOrString);
                return self.scalar("string", Value::String(value), texts);
            }
        };
        canonical.map(|text| Some(Value::String(text))).map_err(|refusal| self.hard(refusal))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Value>, A::Error> {
        let schema = self.alternative(|kind| matches!(kind, Kind::Array(_))).unwrap_or(self.schema);
        let item = match &schema.kind {
            Kind::Array(ArrayType { items, .. }) => items.get(),
            Kind::Any | Kind::Raw | Kind::Deduced => &ANY,
            _ => {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return if matches!(schema.kind, Kind::Quantity) {
                    self.quantity("[]")
                } else {
                    Ok(self.refuse("array"))
                };
            }
        };
        let type_name = self.type_name.strip_prefix("[]").unwrap_or_default();
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default());
        loop {
            let index = list.len();
            let next = self
                .cx
                .below(format_args!("[{index}]"), |cx| items.next_element_seed(Seed { schema: item, type_name, cx }))?;
            let Some(next) = next else { return Ok(Some(Value::Array(list))) };
            list.push(next.unwrap_or_else(|| zero(item)));
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<Value>, A::Error> {
        let alternative = self.alternative(|kind| matches!(kind, Kind::Object(_)));
        let schema = alternative.unwrap_or(self.schema);
        let object = match &schema.kind {
            Kind::Object(object) => Some(object),
            Kind::Any | Kind::Raw | Kind::Deduced => None,
            _ => {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return if matches!(schema.kind, Kind::Quantity) {
                    self.quantity("{}")
                } else {
                    Ok(self.refuse("object"))
                };
            }
        };
        let (outer, findings) = (self.cx.struct_name, self.cx.strict.len());
        if object.is_some_and(|object| object.additional.is_none()) {
            self.cx.struct_name = short_name(&schema.name);
        }
        let value_type = self.type_name.strip_prefix("map[string]").unwrap_or_default();
        let result = Fields { object, value_type, map: Map::new(), nulls: Vec::new(), cx: self.cx }.read(entries)?;
        let cx = result.cx;
        cx.struct_name = outer;
        if alternative.is_some() {
            // Read by code of its own, which is not strict.
            cx.strict.truncate(findings);
        }
        Ok(Some(Value::Object(result.map)))
    }
}

/// Decodes what stands between two braces.
struct Fields<'a, 's> {
    /// The type; nothing: a value without a type.
    object: Option<&'s ObjectType>,
    /// The name of the values' type in Go, for a map.
    value_type: &'s str,
    /// What was read.
    map: Map<String, Value>,
    /// The keys that were `null`; they count when duplicates are looked for.
    nulls: Vec<String>,
    cx: &'a mut Context<'s>,
}

impl Fields<'_, '_> {
    fn read<'de, A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self, A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            self.entry(key, &mut entries)?;
        }
        Ok(self)
    }

    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, entries: &mut A) -> Result<(), A::Error> {
        let property = self.object.and_then(|object| object.properties.get_key_value(&*key));
        if let Some((name, field)) = property {
            self.duplicate(&key);
            let (schema, type_name) = (field.schema.get(), &*field.go.type_name);
            let value = self.cx.within(name, field, |cx| entries.next_value_seed(Seed { schema, type_name, cx }))?;
            self.put(key, value, schema);
            return Ok(());
        }
        let schema = match self.object {
            None => &ANY,
            Some(ObjectType { additional: Some(link), .. }) => link.get(),
            Some(object) if object.preserve_unknown_fields => &ANY,
            Some(_) => {
                self.cx.note("unknown", &key);
                entries.next_value::<IgnoredAny>()?;
                return Ok(());
            }
        };
        self.duplicate(&key);
        let type_name = self.value_type;
        let value = self.cx.below_key(&key, |cx| entries.next_value_seed(Seed { schema, type_name, cx }))?;
        // A map keeps a key whose value is null: as the zero value.
        let value = value.unwrap_or_else(|| zero(schema));
        self.map.insert(key, value);
        Ok(())
    }

    fn duplicate(&mut self, key: &str) {
        if self.map.contains_key(key) || self.nulls.iter().any(|null| null == key) {
            self.cx.note("duplicate", key);
        }
    }

    /// Puts a field. A second value of a struct or a map is read into the first, as Go does.
    fn put(&mut self, key: String, value: Option<Value>, schema: &Schema) {
        match (value, self.map.get_mut(&key)) {
            (None, None) => self.nulls.push(key),
            (None, Some(_)) if matches!(schema.kind, Kind::Object(_) | Kind::Array(_)) => {
                self.map.remove(&key);
            }
            (None, Some(_)) => {}
            (Some(value), None) => {
                self.map.insert(key, value);
            }
            (Some(value), Some(old)) => overlay(schema, old, value),
        }
    }
}

/// Reads a second value of a struct or a map over the first.
fn overlay(schema: &Schema, old: &mut Value, new: Value) {
    match (&schema.kind, old, new) {
        (Kind::Object(object), Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                match (object.properties.get(&*key), old.get_mut(&key)) {
                    (Some(field), Some(known)) => overlay(field.schema.get(), known, value),
                    _ => {
                        old.insert(key, value);
                    }
                }
            }
        }
        (_, old, new) => *old = new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{model::Field, openapi};

    fn thing() -> Schema {
        let schemas = openapi::schemas(json!({"definitions": {
            "x.v1.Thing": {"type": "object", "properties": {
                "spec": {"$ref": "#/definitions/x.v1.ThingSpec"},
                "data": {"type": "object", "additionalProperties": {"type": "string"}}}},
            "x.v1.ThingSpec": {"type": "object", "properties": {
                "size": {"type": "integer", "format": "int32"},
                "at": {"type": "string", "format": "date-time"},
                "cpu": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity"},
                "args": {"type": "array", "items": {"type": "string"}}}}}}));
        Schema::clone(&schemas.get("x.v1.Thing").expect("known"))
    }

    fn refusal(text: &str) -> String {
        from_json(&thing(), text.as_bytes()).expect_err("refused").0
    }

    #[test]
    fn wrong_types_are_refused_in_go_words() {
        let field = "json: cannot unmarshal";
        assert_eq!(
            refusal(r#"{"spec": {"size": "3"}}"#),
            format!("{field} string into Go struct field ThingSpec.spec.size of type int32")
        );
        assert_eq!(
            refusal(r#"{"spec": {"size": 1.5}}"#),
            format!("{field} number 1.5 into Go struct field ThingSpec.spec.size of type int32")
        );
        assert_eq!(
            refusal(r#"{"spec": []}"#),
            format!("{field} array into Go struct field Thing.spec of type v1.ThingSpec")
        );
        assert_eq!(
            refusal(r#"{"data": {"a": 1}}"#),
            format!("{field} number into Go struct field Thing.data of type string")
        );
        assert_eq!(refusal("[]"), format!("{field} array into Go value of type v1.Thing"));
        // The first is reported, unless code of a type's own fails.
        assert!(refusal(r#"{"spec": {"args": 1, "size": true}}"#).contains("ThingSpec.spec.args of type []string"));
        assert!(refusal(r#"{"spec": {"args": 1, "cpu": "1x"}}"#).starts_with("quantities must match"));
    }

    #[test]
    fn scalars_become_canonical_and_nulls_go() {
        let text = r#"{"spec": {"size": null, "cpu": 1000, "at": "2020-01-01T01:00:00+01:00", "args": ["a", null]}, "data": {"k": null}}"#;
        let decoded = from_json(&thing(), text.as_bytes()).expect("decodes");
        assert_eq!(
            decoded.value,
            json!({
            "spec": {"cpu": "1k", "at": "2020-01-01T00:00:00Z", "args": ["a", ""]}, "data": {"k": ""}})
        );
        assert!(decoded.strict.is_empty());
    }

    #[test]
    fn strict_findings_keep_the_order_of_the_text() {
        let text = r#"{"bogus": 1, "spec": {"size": 1, "other": {"x": 1}, "size": 2}, "data": {"k": "1"}, "data": {"l": "2", "l": "3"}}"#;
        let decoded = from_json(&thing(), text.as_bytes()).expect("decodes");
        assert_eq!(
            decoded.strict,
            [
                r#"unknown field "bogus""#,
                r#"unknown field "spec.other""#,
                r#"duplicate field "spec.size""#,
                r#"duplicate field "data""#,
                r#"duplicate field "data.l""#,
            ]
        );
        assert_eq!(decoded.value, json!({"spec": {"size": 2}, "data": {"k": "1", "l": "3"}}));
    }

    #[test]
    fn the_converter_cuts_numbers() {
        let value = json!({"spec": {"size": 99_999_999_999_i64}});
        let decoded = from_unstructured(&thing(), value).expect("decodes");
        assert_eq!(decoded.value, json!({"spec": {"size": 1_215_752_191}}));
    }

    #[test]
    fn raw_parts_keep_their_text() {
        let raw = Schema { name: "x.RawExtension".into(), ..Schema::of(Kind::Raw) };
        let field = Field { schema: raw.into(), ..Field::default() };
        let list = ArrayType {
            items: Schema::of(Kind::Object(ObjectType {
                properties: [("raw".into(), field)].into(),
                ..ObjectType::default()
            }))
            .into(),
            list_type: None,
        };
        let list = Field { schema: Schema::of(Kind::Array(list)).into(), ..Field::default() };
        let schema = Schema::of(Kind::Object(ObjectType {
            properties: [("list".into(), list)].into(),
            ..ObjectType::default()
        }));
        let text = r#"{"list": [{"raw": {"a":1}}, {"raw": {"b": 1.0, "a": 2}}]}"#;
        let decoded = from_json(&schema, text.as_bytes()).expect("decodes");
        let fields = decoded.value.as_object().expect("an object");
        let spelled = decoded.texts.of(fields);
        assert_eq!(spelled.text(&fields["list"][1]["raw"]), Some(r#"{"b": 1.0, "a": 2}"#));
        assert_eq!(spelled.text(&fields["list"][0]["raw"]), None, "it is written like this anyway");
        assert!(from_value(&schema, decoded.value).expect("decodes").texts.is_empty());
    }

    #[test]
    fn text_without_a_type_is_kept_and_checked_for_duplicates() {
        let decoded = untyped(br#"{"a": [{"b": null, "b": 1}], "c": null}"#).expect("decodes");
        assert_eq!(
            decoded,
            Decoded {
                value: json!({"a": [{"b": 1}], "c": null}),
                strict: vec![r#"duplicate field "a[0].b""#.to_owned()],
                ..Decoded::default()
            }
        );
    }
}
