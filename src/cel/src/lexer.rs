//! Text to tokens.
//!
//! Go: cel-go/parser/gen/CEL.g4

use crate::{Error, value::Value};

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Byte offset.
    pub offset: usize,
    /// Byte offset of what follows.
    pub end: usize,
    /// What it is.
    pub kind: TokenKind,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// A number, string, bytes, `true`, `false` or `null`.
    Literal(Value),
    /// A name; `in` is one too.
    Ident(String),
    /// Punctuation: `&&`, `.?`, `[`...
    Op(&'static str),
    /// The end of the text.
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: &[&str] = &[
    ".?", "[?", "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(",
    ")", "[", "]", "{", "}",
];

/// Splits a source text. What is no token is passed over, with an error; the parser sees the rest.
pub fn tokens(source: &str) -> (Vec<Token>, Vec<Error>) {
    let mut lexer = Lexer { source, at: 0 };
    let (mut tokens, mut errors) = (Vec::new(), Vec::new());
    loop {
        lexer.skip_space();
        let offset = lexer.at;
        match lexer.next() {
            Ok(kind) => {
                let is_end = kind == TokenKind::End;
                tokens.push(Token { offset, end: lexer.at, kind });
                if is_end {
                    return (tokens, errors);
                }
            }
            Err(error) => {
                errors.push(error);
                if lexer.at == offset {
                    lexer.at += source[offset..].chars().next().map_or(0, char::len_utf8);
                }
            }
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn next(&mut self) -> Result<TokenKind, Error> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(TokenKind::End) };
        if let Some(prefix) = string_prefix(rest) {
            return self.string(prefix);
        }
        if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.at += length;
            return Ok(word(&rest[..length]));
        }
        if first == '`' {
            let length = rest[1..].find('`').ok_or_else(|| not_a_token(self.at, "`"))?;
            self.at += length + 2;
            return Ok(TokenKind::Ident(rest[1..=length].to_owned()));
        }
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let operator = operator.ok_or_else(|| {
            // `&`, `|` and `=` fail at the character after them.
            let shown: String = rest.chars().take(if "&|=".contains(first) { 2 } else { 1 }).collect();
            not_a_token(self.at, &shown)
        })?;
        self.at += operator.len();
        Ok(TokenKind::Op(operator))
    }

    fn number(&mut self) -> Result<TokenKind, Error> {
        let (rest, offset) = (self.rest(), self.at);
        let hex = rest.starts_with("0x") || rest.starts_with("0X");
        let digits = if hex {
            2 + rest[2..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - 2)
        } else {
            number_length(rest)
        };
        let text = &rest[..digits];
        self.at += digits;
        let unsigned = rest[digits..].starts_with(['u', 'U']);
        if unsigned {
            self.at += 1;
        }
        let bad = |what: &str| Error::at(offset, format!("invalid {what} literal"));
        let value = match (hex, unsigned, text.contains(['.', 'e', 'E'])) {
            (true, true, _) => Value::Uint(u64::from_str_radix(&text[2..], 16).map_err(|_| bad("uint"))?),
            (true, false, _) => Value::Int(i64::from_str_radix(&text[2..], 16).map_err(|_| bad("int"))?),
            (false, true, _) => Value::Uint(text.parse().map_err(|_| bad("uint"))?),
            (false, false, true) => Value::Double(text.parse().map_err(|_| bad("double"))?),
            // -9223372036854775808 is read as a negated literal; the parser joins the two.
            (false, false, false) => match text.parse::<u64>().map_err(|_| bad("int"))? {
                value if value > i64::MAX as u64 + 1 => return Err(bad("int")),
                value if value == i64::MAX as u64 + 1 => Value::Uint(value),
                value => Value::Int(value as i64),
            },
        };
        Ok(TokenKind::Literal(value))
    }

    fn string(&mut self, prefix: Prefix) -> Result<TokenKind, Error> {
        let offset = self.at;
        let body = &self.rest()[prefix.length..];
        let (mut out, mut chars) = (Vec::new(), body.char_indices());
        loop {
            let Some((at, c)) = chars.next() else {
                let error = not_a_token(offset, self.rest());
                self.at = self.source.len();
                return Err(error);
            };
            if body[at..].starts_with(prefix.quote) {
                self.at += prefix.length + at + prefix.quote.len();
                break;
            }
            match c {
                '\\' if !prefix.raw => {
                    if escape(&mut chars, prefix.bytes, &mut out).is_none() {
                        // The token ends where the escape sequence goes wrong.
                        let end = prefix.length + at + 2;
                        let shown: String = self.rest().chars().take(end).collect();
                        self.at += shown.len();
                        return Err(not_a_token(offset, &shown));
                    }
                }
                '\n' if prefix.quote.len() == 1 => {
                    let shown = &self.rest()[..=prefix.length + at];
                    let error = not_a_token(offset, &shown.replace('\n', "\\n"));
                    self.at += shown.len();
                    return Err(error);
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if prefix.bytes {
            return Ok(TokenKind::Literal(Value::Bytes(out.into())));
        }
        let text = String::from_utf8(out).map_err(|_| Error::at(offset, "Syntax error: string is not UTF-8"))?;
        Ok(TokenKind::Literal(Value::from(text)))
    }
}

fn not_a_token(offset: usize, text: &str) -> Error {
    Error::at(offset, format!("Syntax error: token recognition error at: '{text}'"))
}

/// Length of a decimal integer or floating-point number at the start of a text.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

fn word(text: &str) -> TokenKind {
    match text {
        "true" => TokenKind::Literal(Value::Bool(true)),
        "false" => TokenKind::Literal(Value::Bool(false)),
        "null" => TokenKind::Literal(Value::Null),
        name => TokenKind::Ident(name.to_owned()),
    }
}

/// How a string literal begins: `"`, `'''`, `r"`, `b'`...
#[derive(Clone, Copy)]
struct Prefix {
    length: usize,
    quote: &'static str,
    raw: bool,
    bytes: bool,
}

fn string_prefix(text: &str) -> Option<Prefix> {
    // Only so far: a look through the whole text for each token would take the square of its length.
    let letters = text.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''))?;
    let (mut raw, mut bytes) = (false, false);
    for c in text[..letters].chars() {
        match c {
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            _ => return None,
        }
    }
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| text[letters..].starts_with(quote))?;
    Some(Prefix { length: letters + quote.len(), quote, raw, bytes })
}

/// Reads what follows a backslash.
fn escape(chars: &mut std::str::CharIndices<'_>, bytes: bool, out: &mut Vec<u8>) -> Option<()> {
    let (_, c) = chars.next()?;
    let simple = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' | '\'' | '`' | '?' => c as u8,
        'x' | 'X' => return code(chars, 2, 16, String::new(), bytes, out),
        'u' if !bytes => return code(chars, 4, 16, String::new(), false, out),
        'U' if !bytes => return code(chars, 8, 16, String::new(), false, out),
        '0'..='3' => return code(chars, 2, 8, c.to_string(), bytes, out),
        _ => return None,
    };
    out.push(simple);
    Some(())
}

/// Reads a number of digits and writes the character (or, in bytes, the octet) they name.
fn code(
    chars: &mut std::str::CharIndices<'_>,
    count: usize,
    radix: u32,
    mut digits: String,
    bytes: bool,
    out: &mut Vec<u8>,
) -> Option<()> {
    for _ in 0..count {
        digits.push(chars.next()?.1);
    }
    let value = u32::from_str_radix(&digits, radix).ok()?;
    if bytes {
        out.push(u8::try_from(value).ok()?);
    } else {
        out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(())
}
