//! Both directions, on types made here.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    decode, encode,
    envelope::{self, Unknown},
    wire::Writer,
};
use crate::{
    runtime::{object::Object, raw::Spelled},
    schema::{
        model::{ArrayType, Bits, Field, GoField, Kind, ObjectType, Schema},
        registry::Link,
    },
};

fn of(kind: Kind) -> Link {
    Schema::of(kind).into()
}

fn object_type(fields: Vec<(&'static str, &'static [u32], Link)>) -> Kind {
    let field = |(name, proto, schema): (&'static str, &'static [u32], Link)| {
        let go = GoField { pointer: name.starts_with("maybe"), ..GoField::default() };
        (name.into(), Field { schema, proto: proto.into(), go, ..Field::default() })
    };
    Kind::Object(ObjectType { properties: fields.into_iter().map(field).collect(), ..ObjectType::default() })
}

fn map_of(values: Link) -> Link {
    of(Kind::Object(ObjectType { additional: Some(values), ..ObjectType::default() }))
}

fn list_of(items: Link) -> Link {
    of(Kind::Array(ArrayType { items, list_type: None }))
}

fn thing() -> Schema {
    let inner = || of(object_type(vec![("name", &[1], of(Kind::String))]));
    let either = |other| of(Kind::Either(vec![inner(), other]));
    Schema::of(object_type(vec![
        ("text", &[1], of(Kind::String)),
        ("maybeText", &[2], of(Kind::String)),
        ("int", &[3], of(Kind::Integer(Bits::B32))),
        ("long", &[4], of(Kind::Integer(Bits::B64))),
        ("flag", &[5], of(Kind::Boolean)),
        ("ratio", &[6], of(Kind::Number)),
        ("data", &[7], map_of(of(Kind::Bytes))),
        ("inner", &[8], inner()),
        ("inners", &[9], list_of(inner())),
        ("numbers", &[10], list_of(of(Kind::Integer(Bits::B64)))),
        ("embeddedText", &[11, 1], of(Kind::String)),
        ("embeddedDeep", &[11, 2, 1], of(Kind::String)),
        ("at", &[12], of(Kind::Time)),
        ("precisely", &[13], of(Kind::MicroTime)),
        ("cpu", &[14], of(Kind::Quantity)),
        ("port", &[15], of(Kind::IntOrString)),
        ("raw", &[16], of(Kind::Raw)),
        ("extra", &[17], map_of(list_of(of(Kind::String)))),
        ("orBool", &[18], either(of(Kind::Boolean))),
        ("orList", &[19], either(list_of(of(Kind::String)))),
        ("labels", &[300], map_of(of(Kind::String))),
    ]))
}

fn round_trip(value: &Value) -> Value {
    let mut writer = Writer::default();
    encode::message(&mut writer, &thing(), value.as_object().expect("an object"), &Spelled::default())
        .expect("of its type");
    decode::message(&thing(), &writer.0).expect("written by us").into_value()
}

#[test]
fn every_kind_of_field_survives() {
    let value = json!({
        "text": "é", "maybeText": "", "int": -5, "long": i64::MIN, "flag": true, "ratio": 0.25,
        "data": {"a": "aGk=", "b": ""}, "inner": {}, "inners": [{"name": "x"}, {}], "numbers": [0, -1, 1],
        "embeddedText": "e", "embeddedDeep": "d", "at": "1969-12-31T23:59:59Z", "precisely": "2026-01-01T00:00:00.000042Z",
        "cpu": "100m", "port": "http", "raw": {"a": [1, null]}, "extra": {"k": ["a", "b"], "none": []},
        "orBool": false, "orList": ["a"], "labels": {"": "", "a": "b"},
    });
    assert_eq!(round_trip(&value), value);
    for other in [
        json!({"port": 80, "orBool": true, "orList": {"name": "n"}}),
        json!({"port": -1, "orBool": {"name": "n"}, "orList": []}),
        json!({"embeddedDeep": "alone"}),
        json!({}),
    ] {
        assert_eq!(round_trip(&other), other);
    }
}

#[test]
fn raw_parts_keep_their_text() {
    let raw = Schema { name: "x.RawExtension".into(), ..Schema::of(Kind::Raw) };
    let schema = Schema::of(object_type(vec![("raw", &[1], raw.into())]));
    let mut object = Object::from_value(json!({"raw": {"a": 1, "b": "<"}})).expect("an object");
    for (text, json) in [
        (r#"{ "b": "<", "a": 1 }"#, r#"{"raw":{"b":"\u003c","a":1}}"#),
        (r#"{"a":1,"b":"<"}"#, r#"{"raw":{"a":1,"b":"\u003c"}}"#),
    ] {
        object.1.note("/raw".to_owned(), text, &object.0["raw"]);
        let mut writer = Writer::default();
        encode::message(&mut writer, &schema, &object.0, &object.1.of(&object.0)).expect("of its type");
        assert!(writer.0.ends_with(text.as_bytes()), "{}", String::from_utf8_lossy(&writer.0));
        let read = decode::message(&schema, &writer.0).expect("written by us");
        assert_eq!(read, object);
        assert_eq!(String::from_utf8_lossy(&read.to_json()), json);
    }
}

#[test]
fn zeros_that_are_no_pointers_are_left_out() {
    assert_eq!(round_trip(&json!({"text": "", "int": 0, "flag": false, "maybeText": ""})), json!({"maybeText": ""}));
}

#[test]
fn values_of_another_type_are_not_written() {
    let mut writer = Writer::default();
    let value = json!({"int": "5"});
    let error = encode::message(&mut writer, &thing(), value.as_object().expect("an object"), &Spelled::default())
        .expect_err("a text");
    assert!(error.to_string().starts_with("protobuf: int: Integer(B32) cannot hold \"5\""), "{error}");
}

#[test]
fn foreign_bytes_are_refused_or_passed_over() {
    let schema = thing();
    assert_eq!(decode::message(&schema, &[0xf8, 0x7f, 1]), Ok(Object::default()), "number 2047");
    let error = decode::message(&schema, &[0x08, 1]).expect_err("a number as text");
    assert_eq!(error.to_string(), "proto: wrong wireType = 0 for field Text");
    assert_eq!(decode::message(&schema, &[0x0a, 9]).expect_err("too short").to_string(), "unexpected EOF");
    let packed = decode::message(&schema, &[0x52, 3, 1, 2, 3]).expect("packed");
    assert_eq!(packed.into_value(), json!({"numbers": [1, 2, 3]}));
}

#[test]
fn envelopes_tell_the_kind() {
    let object = Object::from_value(json!({"apiVersion": "x/v1", "kind": "Thing", "text": "t"})).expect("an object");
    let bytes = encode::object(&thing(), &object).expect("of its type");
    let unknown = Unknown::decode(&bytes).expect("an envelope");
    assert_eq!((unknown.api_version.as_str(), unknown.kind.as_str()), ("x/v1", "Thing"));
    assert_eq!(decode::object(&thing(), &unknown), Ok(object));
    let error = Unknown::decode(b"{}").expect_err("JSON");
    let text = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    assert_eq!(error.to_string(), text);
    let event = envelope::encode_watch_event("ADDED", &bytes);
    assert_eq!(envelope::decode_watch_event(&event), Ok(("ADDED".to_owned(), bytes.as_slice())));
}

proptest! {
    /// Whatever the bytes, nothing panics, and what is read can be written.
    #[test]
    fn strangers_are_met_calmly(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x0a), Just(0x5a), Just(2)], 0..40)) {
        let schema = thing();
        if let Ok(read) = decode::message(&schema, &bytes) {
            let mut writer = Writer::default();
            encode::message(&mut writer, &schema, &read.0, &read.1.of(&read.0)).expect("what was read is of its type");
            let again = decode::message(&schema, &writer.0).expect("written by us");
            prop_assert_eq!(again, read);
        }
        let _ = Unknown::decode(&bytes);
    }
}
