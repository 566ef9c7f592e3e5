//! Reads a label selector from its text.
//!
//! ```text
//! selector    = requirement { "," requirement }
//! requirement = [ "!" ] KEY [ ("in" | "notin") "(" values ")" | ("=" | "==" | "!=" | ">" | "<") VALUE ]
//! values      = VALUE { "," VALUE }                    each may be empty
//! ```
//!
//! The messages are Go's, uneven commas and quotes included: clients and tests know them.
//!
//! Go: apimachinery/pkg/labels/selector.go Parse

use std::collections::BTreeSet;

use crate::{
    labels::selector::{self, Operator, Requirement, Selector},
    validation::field::Path,
};

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

impl ParseError {
    fn found(literal: &str, expected: &str) -> Self {
        Self(format!("found '{literal}', expected: {expected}"))
    }
}

/// Parses a selector.
///
/// Go: apimachinery/pkg/labels/selector.go Parse
pub fn parse(selector: &str) -> Result<Selector, ParseError> {
    parse_at(selector, &Path::default())
}

/// Parses a selector that stands in a field; the path shows in messages about keys and values.
pub fn parse_at(selector: &str, path: &Path) -> Result<Selector, ParseError> {
    let parser = Parser { tokens: tokens(selector.as_bytes()), position: 0, path };
    parser.parse().map(Selector::from_requirements)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    End,
    /// `(`, `)`, `,`, `!`, or an operator of signs.
    Sign(&'static str),
    /// A key, a value, or one of the words `in` and `notin`.
    Word(String),
}

impl Token {
    fn literal(&self) -> &str {
        match self {
            Self::End => "",
            Self::Sign(sign) => sign,
            Self::Word(word) => word,
        }
    }
}

/// Longest first, so that `==` is not read as two signs.
const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

/// Cuts the text into tokens; a NUL byte ends it, as in Go.
fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = skip_space(rest);
        let sign = SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes()));
        if let Some(sign) = sign {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if rest.first().is_none_or(|byte| *byte == 0) {
            tokens.push(Token::End);
            return tokens;
        } else {
            let ends = |byte: &u8| *byte == 0 || is_space(*byte) || b"=!(),><".contains(byte);
            let length = rest.iter().position(ends).unwrap_or(rest.len());
            tokens.push(Token::Word(String::from_utf8_lossy(&rest[..length]).into_owned()));
            // A NUL that ends a word is swallowed with it.
            let swallowed = usize::from(rest.get(length) == Some(&0));
            rest = &rest[length + swallowed..];
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Skips Go's four kinds of white space: without the form feed that the standard library takes too.
fn skip_space(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| is_space(**byte)).count();
    &text[length..]
}

struct Parser<'a> {
    tokens: Vec<Token>,
    position: usize,
    path: &'a Path,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        // The end is never passed: whoever reads it stops.
        self.tokens.get(self.position).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.position += 1;
        token
    }

    fn parse(mut self) -> Result<Vec<Requirement>, ParseError> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::Word(_) | Token::Sign("!") => {}
                Token::End => return Ok(requirements),
                other @ Token::Sign(_) => {
                    return Err(ParseError::found(other.literal(), "!, identifier, or 'end of string'"));
                }
            }
            let requirement = self.requirement();
            requirements
                .push(requirement.map_err(|error| ParseError(format!("unable to parse requirement: {error}")))?);
            match self.next() {
                Token::End => return Ok(requirements),
                Token::Sign(",") => {}
                other => return Err(ParseError::found(other.literal(), "',' or 'end of string'")),
            }
            if !matches!(self.peek(), Token::Word(_) | Token::Sign("!")) {
                return Err(ParseError::found(self.peek().literal(), "identifier after ','"));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, ParseError> {
        let (key, unary) = self.key()?;
        let (operator, values) = match unary {
            Some(operator) => (operator, Vec::new()),
            None => self.comparison()?,
        };
        Requirement::new(&key, operator, values, self.path).map_err(|errors| ParseError(errors.to_string()))
    }

    /// Reads a key, and says whether it stands alone (`key`, `!key`).
    fn key(&mut self) -> Result<(String, Option<Operator>), ParseError> {
        let mut token = self.next();
        let negated = token == Token::Sign("!");
        if negated {
            token = self.next();
        }
        let Token::Word(key) = token else { return Err(ParseError::found(token.literal(), "identifier")) };
        if let Some(error) = selector::validate_key(&key, self.path) {
            return Err(ParseError(error.to_string()));
        }
        let alone = matches!(self.peek(), Token::End | Token::Sign(","));
        let unary = match (negated, alone) {
            (true, _) => Some(Operator::DoesNotExist),
            (false, true) => Some(Operator::Exists),
            (false, false) => None,
        };
        Ok((key, unary))
    }

    fn comparison(&mut self) -> Result<(Operator, Vec<String>), ParseError> {
        let token = self.next();
        let operator = match token.literal() {
            "in" => return Ok((Operator::In, self.values()?)),
            "notin" => return Ok((Operator::NotIn, self.values()?)),
            "=" => Operator::Equals,
            "==" => Operator::DoubleEquals,
            "!=" => Operator::NotEquals,
            ">" => Operator::GreaterThan,
            "<" => Operator::LessThan,
            other => return Err(ParseError::found(other, "in, notin, =, ==, !=, gt, lt")),
        };
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok((operator, vec![String::new()]));
        }
        match self.next() {
            Token::Word(value) => Ok((operator, vec![value])),
            other => Err(ParseError::found(other.literal(), "identifier")),
        }
    }

    /// Reads `(a,b)`; `()` is the set of the empty value.
    fn values(&mut self) -> Result<Vec<String>, ParseError> {
        let token = self.next();
        if token != Token::Sign("(") {
            return Err(ParseError(format!("found '{}' expected: '('", token.literal())));
        }
        match self.peek() {
            Token::Word(_) | Token::Sign(",") => {}
            Token::Sign(")") => {
                self.next();
                return Ok(vec![String::new()]);
            }
            other => return Err(ParseError::found(other.literal(), "',', ')' or identifier")),
        }
        let values = self.list()?;
        // `list` only returns in front of the closing parenthesis.
        self.next();
        Ok(values.into_iter().collect())
    }

    fn list(&mut self) -> Result<BTreeSet<String>, ParseError> {
        let mut values = BTreeSet::new();
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.insert(value);
                    match self.peek() {
                        Token::Sign(",") => {}
                        Token::Sign(")") => return Ok(values),
                        other => return Err(ParseError::found(other.literal(), "',' or ')'")),
                    }
                }
                // Two commas, or one at either end, enclose the empty value.
                Token::Sign(",") => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.peek() {
                        Token::Sign(")") => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Sign(",") => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                other => return Err(ParseError::found(other.literal(), "',', or identifier")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const KEY_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
        with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
        '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
        used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    #[test]
    fn what_cannot_be_understood_is_said_as_in_go() {
        let cases = [
            ("n in", "unable to parse requirement: found '' expected: '('"),
            ("n in (1", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("n notin 1)", "unable to parse requirement: found '1' expected: '('"),
            ("n in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
            ("n in (a,", "unable to parse requirement: found '', expected: ',', or identifier"),
            ("=x", "found '=', expected: !, identifier, or 'end of string'"),
            ("n=1,", "found '', expected: identifier after ','"),
            (",n=1", "found ',', expected: !, identifier, or 'end of string'"),
            ("n=a b", "found 'b', expected: ',' or 'end of string'"),
            ("!n=1", "found '=', expected: ',' or 'end of string'"),
            ("n in (1),,par", "found ',', expected: identifier after ','"),
            ("(n)", "found '(', expected: !, identifier, or 'end of string'"),
            ("n!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
            ("!!n", "unable to parse requirement: found '!', expected: identifier"),
            ("n===1", "unable to parse requirement: found '=', expected: identifier"),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).expect_err(text).to_string(), message, "{text}");
        }
    }

    #[test]
    fn keys_and_values_are_checked() {
        let error = parse("par%3Deven").expect_err("percent").to_string();
        assert_eq!(error, format!("unable to parse requirement: <nil>: Invalid value: \"par%3Deven\": {KEY_RULE}"));
        let error = parse("n=1;par=even").expect_err("semicolon").to_string();
        assert_eq!(error, format!("unable to parse requirement: values[0][n]: Invalid value: \"1;par\": {VALUE_RULE}"));
        let error = parse("n>x").expect_err("no number").to_string();
        let rule = "for 'Gt', 'Lt' operators, the value must be an integer";
        assert_eq!(error, format!("unable to parse requirement: values[0]: Invalid value: \"x\": {rule}"));
    }

    #[test]
    fn selectors_match_as_in_go() {
        let c3 = labels(&[("n", "3"), ("par", "odd"), ("extra", "")]);
        let cases = [
            ("par=even", false),
            ("par == odd", true),
            ("par!=even", true),
            ("missing=x", false),
            ("missing!=x", true),
            ("extra=", true),
            ("n==", false),
            ("par,! missing", true),
            ("n in (1, 3)", true),
            ("n notin (1,3)", false),
            ("missing notin (1)", true),
            ("extra in ()", true),
            ("extra in (a,)", true),
            ("n>2,n<4", true),
            ("par>2", false),
            ("in in (in),n", false),
            (" ", true),
            ("", true),
            ("par=even,par=odd", false),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).expect(text).matches(&c3), expected, "{text}");
        }
        assert!(!Selector::Nothing.matches(&c3));
    }

    #[test]
    fn a_selector_is_written_in_order() {
        let selector = parse("z notin (b,a), !y,x in (c,,a),w==1,v!=2,u>3,t").expect("valid");
        assert_eq!(selector.to_string(), "t,u>3,v!=2,w==1,x in (,a,c),!y,z notin (a,b)");
        assert_eq!(selector.requires_exact_match("w"), Some("1"));
        assert_eq!(selector.requires_exact_match("v"), None);
    }

    proptest! {
        /// Whatever parses is written so that it parses to the same again.
        #[test]
        fn what_parses_parses_again(text in r"[a-c!=<>(), ]{0,24}|(in|notin|[ab]|[!=(),]| ){0,12}") {
            if let Ok(selector) = parse(&text) {
                prop_assert_eq!(parse(&selector.to_string()).expect("written by us"), selector);
            }
        }

        /// No text makes the parser panic.
        #[test]
        fn strangers_are_met_calmly(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
