//! The words in which Go's JSON package refuses a text.
//!
//! Go: encoding/json/scanner.go

use serde_json::Value;

/// Reads a JSON object; or says what Go would say.
pub fn unmarshal_object(text: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice::<Value>(text) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        Ok(Value::Null) => Ok(Value::Null),
        Ok(other) => {
            let kind = match other {
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            Err(format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"))
        }
        Err(error) => Err(refusal(text, error.column(), error.line())),
    }
}

/// Finds the byte that Go's scanner stumbles over.
fn refusal(text: &[u8], column: usize, line: usize) -> String {
    for literal in ["null", "true", "false"] {
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(text.len());
        let rest = &text[start..];
        if rest.first() != literal.as_bytes().first() {
            continue;
        }
        let matching = rest.iter().zip(literal.as_bytes()).take_while(|(a, b)| a == b).count();
        if let (Some(found), Some(expected)) = (rest.get(matching), literal.as_bytes().get(matching)) {
            let (found, expected) = (shown(*found), shown(*expected));
            return format!("invalid character {found} in literal {literal} (expecting {expected})");
        }
    }
    let before: usize = text.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum();
    match text.get((before + column).saturating_sub(1)) {
        Some(byte) if text.len() > before + column || column > 0 && !text.ends_with(&[*byte]) => {
            format!("invalid character {} looking for beginning of value", shown(*byte))
        }
        Some(byte) if !matches!(byte, b'{' | b'[' | b'"' | b',' | b':') && text.len() == 1 => {
            format!("invalid character {} looking for beginning of value", shown(*byte))
        }
        _ => "unexpected end of JSON input".to_owned(),
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => format!("'{}'", byte.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused_in_gos_words() {
        let refusal = |text: &str| unmarshal_object(text.as_bytes()).expect_err(text);
        assert_eq!(refusal("not json"), "invalid character 'o' in literal null (expecting 'u')");
        assert_eq!(refusal("xyz"), "invalid character 'x' looking for beginning of value");
        assert_eq!(refusal("{"), "unexpected end of JSON input");
        assert_eq!(refusal("[]"), "json: cannot unmarshal array into Go value of type map[string]interface {}");
    }
}
