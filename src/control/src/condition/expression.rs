//! How a condition is written: the part of CEL that a breakpoint needs.
//!
//! Comparison, `in`, `&&`, `||`, `!`, fields, indices, `has()`, and the tests on strings. A text that
//! is one bare word asks whether path, user or name contain it.
//!
//! Simplified: of CEL's macros only `has`, of its functions only those on strings.

use regex::Regex;
use serde_json::Value;

use super::{Condition, ParseError, Variables, Verdict};

/// A condition as a tree.
#[derive(Debug)]
pub struct Expression(Node);

#[derive(Debug)]
enum Node {
    Literal(Value),
    List(Vec<Node>),
    Name(String),
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Call(Box<Node>, Test, Box<Node>),
    Matches(Box<Node>, Regex),
    Size(Box<Node>),
    Has(Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    /// A bare word.
    Word(String),
}

#[derive(Clone, Copy, Debug)]
enum Test {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Condition for Expression {
    fn ask(&self, variables: &dyn Variables) -> Verdict {
        match evaluate(&self.0, variables) {
            Some(Value::Bool(true)) => Verdict::Yes,
            Some(Value::Bool(false)) => Verdict::No,
            _ => Verdict::Unknown,
        }
    }
}

/// `None` is unknown, and stays unknown until `&&` or `||` can do without it.
fn evaluate(node: &Node, variables: &dyn Variables) -> Option<Value> {
    let truth = |node: &Node| evaluate(node, variables).and_then(|value| value.as_bool());
    match node {
        Node::Literal(value) => Some(value.clone()),
        Node::List(items) => {
            items.iter().map(|item| evaluate(item, variables)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        Node::Name(name) => variables.get(name),
        Node::Field(of, name) => evaluate(of, variables)?.get(name).cloned(),
        Node::Index(of, index) => {
            let (of, index) = (evaluate(of, variables)?, evaluate(index, variables)?);
            match index {
                Value::String(key) => of.get(&key).cloned(),
                index => of.get(usize::try_from(index.as_u64()?).ok()?).cloned(),
            }
        }
        Node::Call(of, test, with) => {
            let (of, with) = (evaluate(of, variables)?, evaluate(with, variables)?);
            let (of, with) = (of.as_str()?, with.as_str()?);
            Some(Value::Bool(match test {
                Test::StartsWith => of.starts_with(with),
                Test::EndsWith => of.ends_with(with),
                Test::Contains => of.contains(with),
            }))
        }
        Node::Matches(of, regex) => Some(Value::Bool(regex.is_match(evaluate(of, variables)?.as_str()?))),
        Node::Size(of) => match evaluate(of, variables)? {
            Value::String(text) => Some(Value::from(text.chars().count())),
            Value::Array(items) => Some(Value::from(items.len())),
            Value::Object(fields) => Some(Value::from(fields.len())),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        },
        Node::Has(of) => Some(Value::Bool(evaluate(of, variables).is_some())),
        Node::Not(of) => truth(of).map(|truth| Value::Bool(!truth)),
        Node::And(a, b) => match (truth(a), truth(b)) {
            (Some(false), _) | (_, Some(false)) => Some(Value::Bool(false)),
            (Some(true), Some(true)) => Some(Value::Bool(true)),
            _ => None,
        },
        Node::Or(a, b) => match (truth(a), truth(b)) {
            (Some(true), _) | (_, Some(true)) => Some(Value::Bool(true)),
            (Some(false), Some(false)) => Some(Value::Bool(false)),
            _ => None,
        },
        Node::Compare(comparison, a, b) => compare(*comparison, &evaluate(a, variables)?, &evaluate(b, variables)?),
        Node::Word(word) => {
            let places = ["path", "user", "name"].map(|name| variables.get(name));
            if places.iter().flatten().filter_map(Value::as_str).any(|place| place.contains(word.as_str())) {
                return Some(Value::Bool(true));
            }
            places.iter().all(Option::is_some).then_some(Value::Bool(false))
        }
    }
}

fn compare(comparison: Comparison, a: &Value, b: &Value) -> Option<Value> {
    use std::cmp::Ordering::{Greater, Less};
    let equal = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
        _ => a == b,
    };
    let truth = match comparison {
        Comparison::Equal => equal(a, b),
        Comparison::NotEqual => !equal(a, b),
        Comparison::In => match b {
            Value::Array(items) => items.iter().any(|item| equal(item, a)),
            Value::Object(fields) => fields.contains_key(a.as_str()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        },
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
            let order = match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.partial_cmp(&b)?,
                _ => a.as_str()?.cmp(b.as_str()?),
            };
            match comparison {
                Comparison::Less => order == Less,
                Comparison::LessOrEqual => order != Greater,
                Comparison::Greater => order == Greater,
                _ => order != Less,
            }
        }
    };
    Some(Value::Bool(truth))
}

/// Reads an expression.
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    let mut parser = Parser { text: text.chars().collect(), at: 0 };
    parser.space();
    if parser.at == parser.text.len() {
        return parser.fail("nothing to ask");
    }
    let word = text.trim();
    let bare = word.chars().all(|c| c.is_alphanumeric() || "-_./:@".contains(c)) && !KNOWN.contains(&word);
    if bare && !word.is_empty() {
        return Ok(Expression(Node::Word(word.to_owned())));
    }
    let node = parser.or()?;
    if parser.at < parser.text.len() {
        return parser.fail("this is not expected here");
    }
    Ok(Expression(node))
}

/// Words that are values, not something to look for.
const KNOWN: &[&str] = &["true", "false"];

struct Parser {
    text: Vec<char>,
    at: usize,
}

type Parsed = Result<Node, ParseError>;

impl Parser {
    fn fail<T>(&self, message: &str) -> Result<T, ParseError> {
        Err(ParseError { message: message.to_owned(), offset: self.at })
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes a sign if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let found = sign.chars().enumerate().all(|(offset, c)| self.text.get(self.at + offset) == Some(&c));
        if found {
            self.at += sign.chars().count();
            self.space();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.take(sign) { Ok(()) } else { self.fail(&format!("`{sign}` is missing")) }
    }

    fn or(&mut self) -> Parsed {
        let mut node = self.and()?;
        while self.take("||") {
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Parsed {
        let mut node = self.comparison()?;
        while self.take("&&") {
            node = Node::And(Box::new(node), Box::new(self.comparison()?));
        }
        Ok(node)
    }

    fn comparison(&mut self) -> Parsed {
        const SIGNS: &[(&str, Comparison)] = &[
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("in ", Comparison::In),
        ];
        let left = self.unary()?;
        for (sign, comparison) in SIGNS {
            if self.take(sign) {
                return Ok(Node::Compare(*comparison, Box::new(left), Box::new(self.unary()?)));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        if self.text.get(self.at + 1) != Some(&'=') && self.take("!") {
            return Ok(Node::Not(Box::new(self.unary()?)));
        }
        let mut node = self.primary()?;
        loop {
            if self.take(".") {
                let name = self.name()?;
                node = if self.take("(") { self.method(node, &name)? } else { Node::Field(Box::new(node), name) };
            } else if self.take("[") {
                let index = self.or()?;
                self.expect("]")?;
                node = Node::Index(Box::new(node), Box::new(index));
            } else {
                return Ok(node);
            }
        }
    }

    fn method(&mut self, of: Node, name: &str) -> Parsed {
        if name == "size" {
            self.expect(")")?;
            return Ok(Node::Size(Box::new(of)));
        }
        let start = self.at;
        let with = self.or()?;
        self.expect(")")?;
        let test = match name {
            "startsWith" => Test::StartsWith,
            "endsWith" => Test::EndsWith,
            "contains" => Test::Contains,
            "matches" => {
                let Node::Literal(Value::String(pattern)) = &with else { return self.fail("`matches` takes a string") };
                return match Regex::new(pattern) {
                    Ok(regex) => Ok(Node::Matches(Box::new(of), regex)),
                    Err(_) => Err(ParseError { message: "not a regular expression".to_owned(), offset: start }),
                };
            }
            _ => return self.fail(&format!("there is no function `{name}`")),
        };
        Ok(Node::Call(Box::new(of), test, Box::new(with)))
    }

    fn primary(&mut self) -> Parsed {
        let Some(first) = self.text.get(self.at).copied() else { return self.fail("something is missing at the end") };
        if self.take("(") {
            let node = self.or()?;
            self.expect(")")?;
            return Ok(node);
        }
        if self.take("[") {
            return self.list();
        }
        match first {
            '\'' | '"' => self.string(first),
            '0'..='9' | '-' => self.number(),
            c if c.is_alphabetic() || c == '_' => self.named(),
            _ => self.fail("this is not expected here"),
        }
    }

    fn list(&mut self) -> Parsed {
        let mut items = Vec::new();
        while !self.take("]") {
            items.push(self.or()?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Node::List(items))
    }

    fn string(&mut self, quote: char) -> Parsed {
        let rest = &self.text[self.at + 1..];
        let Some(end) = rest.iter().position(|c| *c == quote) else { return self.fail("this string does not end") };
        let text: String = rest[..end].iter().collect();
        self.at += end + 2;
        self.space();
        Ok(Node::Literal(Value::String(text)))
    }

    fn number(&mut self) -> Parsed {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|c| c.is_ascii_digit() || **c == '.' || **c == '-').count();
        let text: String = rest[..length].iter().collect();
        let Ok(number) = serde_json::from_str::<Value>(&text) else { return self.fail("not a number") };
        self.at += length;
        self.space();
        Ok(Node::Literal(number))
    }

    fn name(&mut self) -> Result<String, ParseError> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
        if length == 0 {
            return self.fail("a name is missing");
        }
        let name = rest[..length].iter().collect();
        self.at += length;
        self.space();
        Ok(name)
    }

    fn named(&mut self) -> Parsed {
        let name = self.name()?;
        match name.as_str() {
            "true" => Ok(Node::Literal(Value::Bool(true))),
            "false" => Ok(Node::Literal(Value::Bool(false))),
            "null" => Ok(Node::Literal(Value::Null)),
            "has" if self.take("(") => {
                let of = self.or()?;
                self.expect(")")?;
                Ok(Node::Has(Box::new(of)))
            }
            "size" if self.take("(") => {
                let of = self.or()?;
                self.expect(")")?;
                Ok(Node::Size(Box::new(of)))
            }
            _ => Ok(Node::Name(name)),
        }
    }
}
