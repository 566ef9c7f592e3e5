//! Text as Go writes it: `%q`, and JSON as `json.Marshal` puts it into messages.
//!
//! Go: strconv/quote.go, encoding/json/encode.go

use std::{
    fmt::{self, Write as _},
    num::{IntErrorKind, ParseIntError},
};

use serde_json::{Map, Value};

/// Writes a string as `%q` does: in double quotes, with everything that cannot be printed escaped.
///
/// Go: strconv/quote.go Quote
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            _ if is_print(char) => quoted.push(char),
            _ => escape(&mut quoted, char).expect("writing to a string"),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(out: &mut String, char: char) -> fmt::Result {
    match u32::from(char) {
        code @ (0..0x20 | 0x7f) => write!(out, "\\x{code:02x}"),
        code @ 0..0x1_0000 => write!(out, "\\u{code:04x}"),
        code => write!(out, "\\U{code:08x}"),
    }
}

/// Says whether a character is printed as it is: letters, marks, numbers, punctuation, symbols, the ASCII space.
///
/// Go: unicode/graphic.go IsPrint
pub fn is_print(char: char) -> bool {
    if char.is_ascii() {
        return (' '..='~').contains(&char);
    }
    // The standard library knows the same classes but shows them only here. The letter in front
    // keeps a combining mark, which is printable, from being escaped for standing alone.
    !format!("a{char}").escape_debug().to_string().contains("\\u{")
}

/// Writes a value as `json.Marshal` does: `<`, `>`, `&` and the line separators are escaped.
///
/// Go: encoding/json/encode.go Marshal
pub fn marshal(value: &Value) -> String {
    let plain = value.to_string();
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain;
    }
    // Outside of strings none of these occurs in JSON.
    let mut escaped = String::with_capacity(plain.len() + 16);
    for char in plain.chars() {
        match char {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(escaped, "\\u{:04x}", u32::from(char)).expect("writing to a string");
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

/// Writes an untyped value as `%v` does: `map[a:1 b:[x y]]`.
///
/// Go: fmt/print.go printValue
pub fn sprint(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", join(items.iter().map(sprint).collect())),
        Value::Object(fields) => {
            format!("map[{}]", join(fields.iter().map(|(name, value)| format!("{name}:{}", sprint(value))).collect()))
        }
    }
}

/// Writes an untyped value as `%#v` does: `map[string]interface {}{"a":1}`.
pub fn go_syntax(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quote(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[]interface {{}}{{{}}}", join(items.iter().map(go_syntax).collect())),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}:{}", quote(name), go_syntax(value)));
            format!("map[string]interface {{}}{{{}}}", join(fields.collect()))
        }
    }
}

/// Names the Go type that holds an untyped value.
pub fn dynamic_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Writes the fields of a struct in the order in which Go declares them; absent ones are left out.
pub fn marshal_in_order(fields: &Map<String, Value>, order: &[&str]) -> String {
    let known = order.iter().filter_map(|name| Some((*name, fields.get(*name)?)));
    let parts: Vec<String> =
        known.map(|(name, value)| format!("{}:{}", marshal(&Value::from(name)), marshal(value))).collect();
    format!("{{{}}}", parts.join(","))
}

/// Reads a number of 64 bits with a sign, or says why it is none.
///
/// Go: strconv/atoi.go ParseInt
pub fn parse_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: ParseIntError| number_error("ParseInt", text, error.kind()))
}

/// Reads a number of 64 bits without a sign, or says why it is none.
///
/// Go: strconv/atoi.go ParseUint
pub fn parse_uint(text: &str) -> Result<u64, String> {
    // Rust takes a plus sign, Go does not.
    if text.starts_with('+') {
        return Err(number_error("ParseUint", text, &IntErrorKind::InvalidDigit));
    }
    text.parse().map_err(|error: ParseIntError| number_error("ParseUint", text, error.kind()))
}

fn number_error(function: &str, text: &str, kind: &IntErrorKind) -> String {
    let reason = match kind {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {}: {reason}", quote(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strings_are_quoted_as_in_go() {
        assert_eq!(quote("a\"b\\c\n\u{7}\u{1}\u{7f}"), r#""a\"b\\c\n\a\x01\x7f""#);
        assert_eq!(quote("é e\u{301} \u{200b} \u{e0001}"), "\"é e\u{301} \\u200b \\U000e0001\"");
        assert_eq!(quote("\u{a0}"), "\"\\u00a0\"");
    }

    #[test]
    fn json_escapes_html() {
        assert_eq!(marshal(&json!({"a": "<b>&"})), r#"{"a":"\u003cb\u003e\u0026"}"#);
    }

    #[test]
    fn numbers_are_refused_as_in_go() {
        assert_eq!(parse_int("-5"), Ok(-5));
        assert_eq!(parse_int("x"), Err("strconv.ParseInt: parsing \"x\": invalid syntax".to_owned()));
        assert_eq!(parse_uint("-1"), Err("strconv.ParseUint: parsing \"-1\": invalid syntax".to_owned()));
        assert_eq!(parse_uint("+1"), Err("strconv.ParseUint: parsing \"+1\": invalid syntax".to_owned()));
        let text = "strconv.ParseUint: parsing \"18446744073709551616\": value out of range";
        assert_eq!(parse_uint("18446744073709551616"), Err(text.to_owned()));
    }
}
