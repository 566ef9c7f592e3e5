use serde_json::json;

use super::*;

fn refusals(schema: Value, value: Value) -> Vec<String> {
    let errors = Validator::new(&schema).validate(&Path::default(), &value);
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn values_of_a_wrong_type_are_refused() {
    let schema = json!({"type": "object", "properties": {"i": {"type": "integer"}, "s": {"type": "string"}}});
    assert_eq!(
        refusals(schema.clone(), json!({"s": 1})),
        [r#"s: Invalid value: "integer": s in body must be of type string: "integer""#]
    );
    assert_eq!(
        refusals(schema, json!({"i": 1.5})),
        [
            r#"i: Invalid value: "number": i in body must be of type integer: "number""#,
            r#"<nil>: Invalid value: "": Checked value must be of type integer (default format) in i"#,
        ]
    );
    let either = json!({"type": "object", "properties": {"x": {"x-kubernetes-int-or-string": true}}});
    assert_eq!(
        refusals(either, json!({"x": true})),
        [r#"x: Invalid value: "boolean": x in body must be of type integer,string: "boolean""#]
    );
}

#[test]
fn bounds_and_lengths_are_told() {
    let schema = json!({"type": "object", "required": ["r"], "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 3}, "s": {"type": "string", "maxLength": 2, "pattern": "^a"},
        "e": {"type": "string", "enum": ["x", "y"]}, "a": {"type": "array", "maxItems": 1}}});
    assert_eq!(
        refusals(schema, json!({"n": 4, "s": "b", "e": "z", "a": [1, 2]})),
        [
            "a: Too many: 2: must have at most 1 item",
            r#"e: Unsupported value: "z": supported values: "x", "y""#,
            "n: Invalid value: 4: n in body should be less than or equal to 3",
            r#"s: Invalid value: "b": s in body should match '^a'"#,
            "r: Required value",
        ]
    );
}

#[test]
fn one_of_wants_exactly_one() {
    let schema = json!({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    assert_eq!(refusals(schema.clone(), json!({"a": 1})), Vec::<String>::new());
    let both = refusals(schema, json!({"a": 1, "b": 2}));
    assert_eq!(
        both,
        [r#"<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives"#]
    );
}

#[test]
fn what_has_not_changed_is_let_pass() {
    let schema =
        json!({"type": "object", "properties": {"x": {"type": "string", "maxLength": 1}, "y": {"type": "string"}}});
    let validator = Validator::new(&schema);
    let old = json!({"x": "long", "y": "a"});
    let update = |new: Value| validator.validate_update(&Path::default(), &new, Some(&old)).0.len();
    assert_eq!(update(json!({"x": "long", "y": "b"})), 0);
    assert_eq!(update(json!({"x": "longer", "y": "b"})), 1);
}
