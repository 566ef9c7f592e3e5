//! JSON as Go reads it.
//!
//! A text that is fine is read by `serde_json`. For the others Go's scanner is followed here, because
//! what it says is part of the API, and because it mends what `serde_json` refuses: bytes that are no
//! UTF-8 and halves of surrogate pairs become U+FFFD.
//!
//! Go: encoding/json/scanner.go, sigs.k8s.io/json

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::util::strconv;

/// How deep arrays and objects may nest. It is what `serde_json` can read again.
///
/// Simplified: Kubernetes reads down to a depth of 10000.
pub const MAX_DEPTH: usize = 127;

const REPLACEMENT: &str = "\u{fffd}";

/// Why a text is no JSON, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub String);

/// How many arrays and objects a value nests, itself included.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Reads a text with `read`, and once more if it was refused but can be mended. What is wrong with the syntax
/// goes before anything else that `read` says.
pub fn lenient<T, E: From<SyntaxError>>(text: &[u8], read: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, E> {
    let refusal = match read(text) {
        Ok(value) => return Ok(value),
        Err(refusal) => refusal,
    };
    match repair(text)? {
        Cow::Borrowed(_) => Err(refusal),
        Cow::Owned(mended) => read(&mended),
    }
}

/// Reads a text that has no type: numbers become what Go makes of them.
///
/// Go: apimachinery/pkg/util/json/json.go Unmarshal
pub fn decode(text: &[u8]) -> Result<Value, SyntaxError> {
    let mut value = decode_raw(text)?;
    settle_numbers(&mut value);
    Ok(value)
}

/// Reads a text that Go does not read: numbers stay as they are.
pub fn decode_raw(text: &[u8]) -> Result<Value, SyntaxError> {
    lenient(text, |text| serde_json::from_slice(text).map_err(|error| SyntaxError(error.to_string())))
}

/// Finds the text of the value at a JSON pointer; of a repeated key the last. `text` is JSON.
pub fn text_at<'a>(text: &'a [u8], pointer: &str) -> Option<&'a str> {
    let mut scanner = Scanner { text, at: 0, fixes: Vec::new() };
    let mut found = scanner.text_of_value().ok()?;
    for step in pointer.split('/').skip(1) {
        found = Scanner { text: found, at: 0, fixes: Vec::new() }.child(step)?;
    }
    std::str::from_utf8(found).ok()
}

/// Makes numbers what they are after Go has read and written them once: a whole number without a point (`1.0` is
/// `1`) if it fits 64 bits, else a float.
pub fn settle_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(settled) = settled(number) {
                *number = settled;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle_numbers),
        Value::Object(fields) => fields.values_mut().for_each(settle_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn settled(number: &Number) -> Option<Number> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= LIMIT => Some((float as i64).into()),
        Some(float) if number.is_u64() && !number.is_i64() => Number::from_f64(float),
        _ => None,
    }
}

/// Writes a value as an answer has it: compact, with a line break at the end.
pub fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("a JSON value always encodes");
    text.push(b'\n');
    text
}

/// Writes a value for people: two spaces a level, no line break at the end.
pub fn encode_pretty(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("a JSON value always encodes")
}

/// Checks a text as Go's scanner does, and mends its strings. A text that needs nothing is returned as it is.
pub fn repair(text: &[u8]) -> Result<Cow<'_, [u8]>, SyntaxError> {
    let mut scanner = Scanner { text, at: 0, fixes: Vec::new() };
    scanner.document()?;
    if scanner.fixes.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    let mut mended = Vec::with_capacity(text.len() + scanner.fixes.len());
    let mut copied = 0;
    for (start, end) in scanner.fixes {
        mended.extend_from_slice(&text[copied..start]);
        mended.extend_from_slice(REPLACEMENT.as_bytes());
        copied = end;
    }
    mended.extend_from_slice(&text[copied..]);
    Ok(Cow::Owned(mended))
}

/// What stands open around the scanner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

impl Open {
    fn end(self) -> u8 {
        match self {
            Self::Object => b'}',
            Self::Array => b']',
        }
    }

    fn after(self) -> &'static str {
        match self {
            Self::Object => "after object key:value pair",
            Self::Array => "after array element",
        }
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Ranges that become U+FFFD, in order.
    fixes: Vec<(usize, usize)>,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The error for the byte at hand. Go: scanner.error
    fn unexpected<T>(&self, context: &str) -> Result<T, SyntaxError> {
        Err(SyntaxError(match self.peek() {
            None => "unexpected end of JSON input".to_owned(),
            Some(byte) => format!("invalid character {} {context}", quote_char(byte)),
        }))
    }

    /// Walks over the whole text.
    fn document(&mut self) -> Result<(), SyntaxError> {
        self.value()?;
        self.space();
        if self.peek().is_none() { Ok(()) } else { self.unexpected("after top-level value") }
    }

    /// Walks over a value with a stack of its own: strangers choose the depth.
    fn value(&mut self) -> Result<(), SyntaxError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.space();
            let opened = match self.peek() {
                Some(b'{') => Some(Open::Object),
                Some(b'[') => Some(Open::Array),
                _ => None,
            };
            if let Some(opened) = opened {
                self.at += 1;
                open.push(opened);
                if open.len() > MAX_DEPTH {
                    return Err(SyntaxError("exceeded max depth".to_owned()));
                }
                self.space();
                if self.peek() != Some(opened.end()) {
                    if opened == Open::Object {
                        self.key()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            if !self.close(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Goes past a value, and returns its text.
    fn text_of_value(&mut self) -> Result<&'a [u8], SyntaxError> {
        self.space();
        let start = self.at;
        self.value()?;
        Ok(&self.text[start..self.at])
    }

    /// Returns the text of the value under a key, or at an index.
    fn child(&mut self, step: &str) -> Option<&'a [u8]> {
        let end = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            _ => return None,
        };
        let mut found = None;
        for index in 0_usize.. {
            self.at += 1;
            self.space();
            if self.peek()? == end {
                break;
            }
            let here = if end == b'}' {
                let start = self.at;
                self.key().ok()?;
                let key = self.text[start..self.at].strip_suffix(b":")?;
                serde_json::from_slice::<String>(key).ok()? == step
            } else {
                step.parse() == Ok(index)
            };
            let text = self.text_of_value().ok()?;
            if here {
                found = Some(text);
            }
            self.space();
            if self.peek()? == end {
                break;
            }
        }
        found
    }

    /// Goes past what follows a value. Says whether another value comes.
    fn close(&mut self, open: &mut Vec<Open>) -> Result<bool, SyntaxError> {
        while let Some(innermost) = open.last() {
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if *innermost == Open::Object {
                        self.space();
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(byte) if byte == innermost.end() => {
                    self.at += 1;
                    open.pop();
                }
                _ => return self.unexpected(innermost.after()),
            }
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), SyntaxError> {
        if self.peek() != Some(b'"') {
            return self.unexpected("looking for beginning of object key string");
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return self.unexpected("after object key");
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.unexpected("looking for beginning of value"),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<(), SyntaxError> {
        for expected in literal.bytes() {
            if self.peek() != Some(expected) {
                let context = format!("in literal {literal} (expecting {})", quote_char(expected));
                return self.unexpected(&context);
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self, context: &str) -> Result<(), SyntaxError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.unexpected(context);
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..0x20) | None => return self.unexpected("in string literal"),
                Some(_) => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        self.mend(start, end);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.unexpected("in \\u hexadecimal character escape");
                    }
                }
                self.at += 1;
            }
            _ => return self.unexpected("in string escape code"),
        }
        Ok(())
    }

    /// Notes what in a string cannot stay: single bytes that are no UTF-8, and surrogates without their half.
    fn mend(&mut self, start: usize, end: usize) {
        let string = &self.text[start..end];
        let mut at = start;
        for chunk in string.utf8_chunks() {
            self.mend_surrogates(at, at + chunk.valid().len());
            at += chunk.valid().len();
            for _ in chunk.invalid() {
                self.fixes.push((at, at + 1));
                at += 1;
            }
        }
    }

    fn mend_surrogates(&mut self, start: usize, end: usize) {
        let mut at = start;
        while let Some(found) = self.text[at..end].iter().position(|byte| *byte == b'\\') {
            at += found;
            let code = unicode_escape(&self.text[at..end]);
            let next = code.and_then(|_| unicode_escape(&self.text[at + 6..end]));
            match (code, next) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => at += 12,
                (Some(0xd800..0xe000), _) => {
                    self.fixes.push((at, at + 6));
                    at += 6;
                }
                (Some(_), _) => at += 6,
                (None, _) => at += 2,
            }
        }
    }
}

/// Reads `\uXXXX` at the beginning of a text.
fn unicode_escape(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Go: encoding/json/scanner.go quoteChar
fn quote_char(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        // Go makes a rune of the byte, so that the first byte of a BOM is shown as `ï`.
        byte => {
            let quoted = strconv::quote(&char::from(byte).to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn mistakes_are_told_as_by_gos_scanner() {
        let cases: [(&[u8], &str); 25] = [
            (b"", "unexpected end of JSON input"),
            (b"  ", "unexpected end of JSON input"),
            (b"{\"a\":1", "unexpected end of JSON input"),
            (b"\"\xc3", "unexpected end of JSON input"),
            (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
            (b"// c\n{}", "invalid character '/' looking for beginning of value"),
            (b"{\"a\":1,,\"b\":2}", "invalid character ',' looking for beginning of object key string"),
            (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
            (b"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            (b"{\"a\" 1}", "invalid character '1' after object key"),
            (b"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            (b"[1 2]", "invalid character '2' after array element"),
            (b"[1,]", "invalid character ']' looking for beginning of value"),
            (b"{} x", "invalid character 'x' after top-level value"),
            (b"01", "invalid character '1' after top-level value"),
            (b"- 1", "invalid character ' ' in numeric literal"),
            (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
            (b"1e+", "unexpected end of JSON input"),
            (b"1ex", "invalid character 'x' in exponent of numeric literal"),
            (b"tru}", "invalid character '}' in literal true (expecting 'e')"),
            (b"nul", "unexpected end of JSON input"),
            (b"\"a\nb\"", "invalid character '\\n' in string literal"),
            (b"\"\\q\"", "invalid character 'q' in string escape code"),
            (b"\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape"),
            (b"\x01", "invalid character '\\x01' looking for beginning of value"),
        ];
        for (text, message) in cases {
            assert_eq!(decode(text).expect_err(message).0, message);
        }
        let deep = "[".repeat(128);
        assert_eq!(decode(deep.as_bytes()).expect_err("deep").0, "exceeded max depth");
    }

    #[test]
    fn the_text_of_a_part_is_found() {
        let text = br#" { "a\u0062" : [ 1 , { "x" : { "b": 1.0, "a": "}" } } ], "c": "d", "c": [ ] } "#;
        assert_eq!(text_at(text, "/ab/1/x"), Some(r#"{ "b": 1.0, "a": "}" }"#));
        assert_eq!((text_at(text, "/c"), text_at(text, "/ab/0")), (Some("[ ]"), Some("1")));
        assert_eq!((text_at(text, "/d"), text_at(text, "/ab/2"), text_at(text, "/c/x")), (None, None, None));
        assert_eq!((text_at(b"1", "/a"), text_at(b"{}", "/a")), (None, None));
    }

    #[test]
    fn strings_are_mended() {
        assert_eq!(decode(b"\"a\xff\xfeb\"").expect("mended"), json!("a\u{fffd}\u{fffd}b"));
        assert_eq!(
            decode(br#"{"\ud800": "\udc00 \ud83d\ude00 \\ud800 \ud800\u0041"}"#).expect("mended"),
            json!({"\u{fffd}": "\u{fffd} 😀 \\ud800 \u{fffd}A"})
        );
        assert_eq!(decode(br#""a\u0000b""#).expect("fine"), json!("a\0b"));
    }

    #[test]
    fn numbers_settle() {
        let value = decode(b"[1, 1.0, -2e3, 1.5, 9223372036854775807, 9223372036854775808, 1e300]").expect("numbers");
        assert_eq!(value.to_string(), "[1,1,-2000,1.5,9223372036854775807,9.223372036854776e+18,1e+300]");
    }

    /// Features of `serde_json` unify over the graph; with these two, objects would not be sorted and numbers not
    /// be numbers.
    #[test]
    fn serde_json_has_sorted_maps_and_plain_numbers() {
        let value: Value = serde_json::from_str(r#"{"b": 1, "a": 1.0000000000000000000001}"#).expect("JSON");
        assert_eq!(value.to_string(), r#"{"a":1.0,"b":1}"#);
    }

    proptest! {
        /// Scanner and reader agree on what is JSON.
        #[test]
        fn what_is_refused_is_explained(text in r#"([\[\]{},:"\\ 0-9eE.+-]|true|null|"a"|\\u00e9|\\ud800){0,12}"#) {
            let read = serde_json::from_str::<Value>(&text);
            let checked = repair(text.as_bytes());
            match (&read, &checked) {
                (Ok(_), Ok(mended)) => prop_assert!(matches!(mended, Cow::Borrowed(_))),
                (Err(_), Err(_)) => {}
                (Err(error), Ok(mended)) => {
                    let again = serde_json::from_slice::<Value>(mended);
                    prop_assert!(again.is_ok() || error.to_string().contains("out of range"), "{error}");
                }
                (Ok(_), Err(error)) => prop_assert!(false, "{error}"),
            }
        }

        /// Whatever the bytes, nothing panics.
        #[test]
        fn strangers_are_met_calmly(text in any::<Vec<u8>>()) {
            let _ = decode(&text);
        }
    }
}
