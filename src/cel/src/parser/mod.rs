//! Tokens to a syntax tree, by recursive descent.
//!
//! Go: cel-go/parser/parser.go
//!
//! ```text
//! expr        = or [ "?" or ":" expr ]
//! or          = and { "||" and }              and      = relation { "&&" relation }
//! relation    = sum { ("<" | "in" | ...) sum } sum      = product { ("+" | "-") product }
//! product     = unary { ("*" | "/" | "%") unary }
//! unary       = "!" unary | "-" unary | member
//! member      = primary { "." name [ "(" args ")" ] | "[" expr "]" }
//! ```

mod macros;
mod tree;

use macros::{global, method};
use tree::{call, dotted, height, join, literal, optional_entry};

use crate::{
    Error,
    ast::{Expr, Kind},
    lexer::{self, Token, TokenKind},
    value::Value,
};

/// Nesting beyond this is refused; the original has the same limit.
const MAX_DEPTH: usize = 250;

/// Parses a source text; the error is the first.
pub fn parse(source: &str) -> Result<Expr, Error> {
    parse_all(source).map_err(|errors| errors.into_iter().next().unwrap_or_else(|| Error::new("no error")))
}

/// Parses a source text; the errors are those of the tokens and the first one of the syntax.
///
/// Simplified: the original tries to go on after an error of syntax and may report more.
pub fn parse_all(source: &str) -> Result<Expr, Vec<Error>> {
    let (tokens, mut errors) = lexer::tokens(source);
    let mut parser = Parser { source, tokens, at: 0, depth: 0 };
    let parsed = parser.expr().and_then(|expr| match parser.peek().kind {
        TokenKind::End => Ok(expr),
        // A single token too much is passed over; more of them end the attempt.
        _ if matches!(parser.after(1).kind, TokenKind::End) => Err(parser.refusal("extraneous input", "<EOF>")),
        _ => Err(parser.refusal("mismatched input", "<EOF>")),
    });
    match parsed {
        Ok(expr) if errors.is_empty() => return Ok(expr),
        Ok(_) => {}
        Err(error) => errors.push(error),
    }
    Err(errors)
}

/// The names that the language keeps for itself.
pub(crate) const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Tokens as error messages name them, in the order in which they list them.
const NAMES: [&str; 22] = [
    "'['",
    "']'",
    "'{'",
    "'}'",
    "'('",
    "')'",
    "'.'",
    "','",
    "'-'",
    "'!'",
    "'?'",
    "':'",
    "'true'",
    "'false'",
    "'null'",
    "NUM_FLOAT",
    "NUM_INT",
    "NUM_UINT",
    "STRING",
    "BYTES",
    "IDENTIFIER",
    "ESC_IDENTIFIER",
];

/// What an expression may begin with.
const START: [&str; 15] = [
    "'['",
    "'{'",
    "'('",
    "'.'",
    "'-'",
    "'!'",
    "'true'",
    "'false'",
    "'null'",
    "NUM_FLOAT",
    "NUM_INT",
    "NUM_UINT",
    "STRING",
    "BYTES",
    "IDENTIFIER",
];

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> &Token {
        self.after(0)
    }

    /// The token that many after the next.
    fn after(&self, count: usize) -> &Token {
        &self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(&self.peek().kind, TokenKind::Op(found) if *found == op)
    }

    fn eat(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        self.at += usize::from(found);
        found
    }

    fn text(&self, token: &Token) -> &'s str {
        if token.kind == TokenKind::End { "<EOF>" } else { &self.source[token.offset..token.end] }
    }

    fn refusal(&self, what: &str, expected: &str) -> Error {
        let token = self.peek();
        let text = self.text(token);
        Error::at(token.offset, format!("Syntax error: {what} '{text}' expecting {expected}"))
    }

    /// Requires a mark where nothing else can stand.
    fn expect(&mut self, op: &str) -> Result<(), Error> {
        if self.eat(op) {
            return Ok(());
        }
        if matches!(&self.after(1).kind, TokenKind::Op(next) if *next == op) {
            return Err(self.refusal("extraneous input", &format!("'{op}'")));
        }
        let follows =
            matches!(self.peek().kind, TokenKind::End | TokenKind::Op(")" | "]" | "}" | "," | "?" | "." | "["));
        if follows && op != ":" {
            let token = self.peek();
            return Err(Error::at(token.offset, format!("Syntax error: missing '{op}' at '{}'", self.text(token))));
        }
        Err(self.refusal("mismatched input", &format!("'{op}'")))
    }

    /// Refuses the next token where one of several could stand.
    fn unexpected(&self, expected: &[&str]) -> Error {
        let names: Vec<&str> = NAMES.into_iter().filter(|name| expected.contains(name)).collect();
        let set = format!("{{{}}}", names.join(", "));
        let fits = names.contains(&class(&self.after(1).kind));
        self.refusal(
            if fits && self.peek().kind != TokenKind::End { "extraneous input" } else { "mismatched input" },
            &set,
        )
    }

    fn expr(&mut self) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::at(self.peek().offset, "expression recursion limit exceeded: 250"));
        }
        let condition = self.binary(0)?;
        let offset = self.peek().offset;
        let expr = if self.eat("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expr()?;
            call(offset, "_?_:_", None, vec![condition, yes, no])
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// The operators of one level of precedence, loosest first.
    fn binary(&mut self, level: usize) -> Result<Expr, Error> {
        const LEVELS: [&[&str]; 5] =
            [&["||"], &["&&"], &["<", "<=", ">", ">=", "==", "!=", "in"], &["+", "-"], &["*", "/", "%"]];
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut terms = vec![self.binary(level + 1)?];
        let mut calls = Vec::new();
        while let Some(found) = self.operator_of(operators) {
            let function = if found == "in" { "@in".to_owned() } else { format!("_{found}_") };
            calls.push((self.advance().offset, function));
            terms.push(self.binary(level + 1)?);
        }
        // A chain of `&&` or `||` becomes a tree as low as it can be; the others lean to the left, each on all before it.
        let height = terms.iter().map(height).max().unwrap_or_default() + if level < 2 { 0 } else { calls.len() };
        self.bound(if calls.is_empty() { 0 } else { height })?;
        let (mut terms, mut calls) = (terms.into_iter(), calls.into_iter());
        if level < 2 {
            return Ok(join(calls.len(), &mut terms, &mut calls));
        }
        let first = terms.next().expect("there is one more term than calls");
        Ok(calls
            .zip(terms)
            .fold(first, |left, ((offset, function), right)| call(offset, &function, None, vec![left, right])))
    }

    /// The next token, if it is one of these operators.
    fn operator_of(&self, operators: &[&'static str]) -> Option<&'static str> {
        let found = match &self.peek().kind {
            TokenKind::Op(op) => *op,
            TokenKind::Ident(name) if name == "in" => "in",
            _ => return None,
        };
        operators.iter().copied().find(|operator| *operator == found)
    }

    /// Refuses a tree that is too high for those who walk it.
    fn bound(&self, height: usize) -> Result<(), Error> {
        if height > MAX_DEPTH {
            return Err(Error::at(self.peek().offset, "expression recursion limit exceeded: 250"));
        }
        Ok(())
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        let offset = self.peek().offset;
        if self.eat("!") {
            let operand = self.nested(Self::unary)?;
            return Ok(call(offset, "!_", None, vec![operand]));
        }
        if self.eat("-") {
            let operand = self.nested(Self::unary)?;
            return Ok(match operand.kind {
                Kind::Literal(Value::Int(value)) => literal(offset, Value::Int(-value)),
                Kind::Literal(Value::Uint(value)) if value == i64::MAX as u64 + 1 => {
                    literal(offset, Value::Int(i64::MIN))
                }
                Kind::Literal(Value::Double(value)) => literal(offset, Value::Double(-value)),
                kind => call(offset, "-_", None, vec![Expr { offset: operand.offset, kind }]),
            });
        }
        self.member()
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Result<Expr, Error>) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::at(self.peek().offset, "expression recursion limit exceeded: 250"));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn member(&mut self) -> Result<Expr, Error> {
        let mut expr = self.primary()?;
        loop {
            let offset = self.peek().offset;
            let optional = self.is_op(".?") || self.is_op("[?");
            if self.eat(".") || self.eat(".?") {
                let field = self.name()?;
                // A call stands where its arguments begin.
                let call_offset = self.peek().offset;
                expr = if !optional && self.eat("(") {
                    let args = self.args(")")?;
                    method(call_offset, expr, &field, args)?
                } else {
                    Expr { offset, kind: Kind::Select { operand: Box::new(expr), field, test: false, optional } }
                };
            } else if self.eat("[") || self.eat("[?") {
                let index = self.expr()?;
                self.expect("]")?;
                expr = call(offset, if optional { "_[?_]" } else { "_[_]" }, None, vec![expr, index]);
            } else if self.is_op("{") && dotted(&expr).is_some() {
                let name = dotted(&expr).unwrap_or_default();
                self.at += 1;
                expr = Expr { offset, kind: Kind::Struct { name, fields: self.fields()? } };
            } else {
                return Ok(expr);
            }
            self.bound(height(&expr))?;
        }
    }

    /// The name after a dot.
    fn name(&mut self) -> Result<String, Error> {
        let token = self.peek();
        match &token.kind {
            TokenKind::Ident(name) if name != "in" => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            kind => {
                let text = if *kind == TokenKind::End { "" } else { self.text(token) };
                Err(Error::at(token.offset, format!("Syntax error: no viable alternative at input '.{text}'")))
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        let Token { offset, kind, .. } = self.peek().clone();
        match kind {
            TokenKind::Literal(Value::Uint(value)) if value == i64::MAX as u64 + 1 => {
                // Only valid below a minus sign; `unary` joins the two.
                self.at += 1;
                Ok(literal(offset, Value::Uint(value)))
            }
            TokenKind::Literal(value) => {
                self.at += 1;
                Ok(literal(offset, value))
            }
            TokenKind::Ident(name) if name != "in" => {
                self.at += 1;
                let call_offset = self.peek().offset;
                if self.eat("(") {
                    let args = self.args(")")?;
                    return global(call_offset, &name, args);
                }
                if RESERVED.contains(&name.as_str()) {
                    return Err(Error::at(offset, format!("reserved identifier: {name}")));
                }
                Ok(Expr { offset, kind: Kind::Ident(name) })
            }
            TokenKind::Op("(") => {
                self.at += 1;
                let expr = self.expr()?;
                self.expect(")")?;
                Ok(expr)
            }
            TokenKind::Op("[") => {
                self.at += 1;
                Ok(Expr { offset, kind: Kind::List(self.args("]")?) })
            }
            TokenKind::Op("{") => {
                self.at += 1;
                Ok(Expr { offset, kind: Kind::Map(self.entries()?) })
            }
            TokenKind::Op(".") => {
                self.at += 1;
                let name = self.name()?;
                Ok(Expr { offset, kind: Kind::Ident(name) })
            }
            _ => Err(self.unexpected(&START)),
        }
    }

    /// Expressions up to a closing mark; in a list a trailing comma is allowed, and items that may be absent.
    fn args(&mut self, close: &str) -> Result<Vec<Expr>, Error> {
        let mut args = Vec::new();
        let is_list = close == "]";
        let closing = format!("'{close}'");
        if self.eat(close) {
            return Ok(args);
        }
        let mut first: Vec<&str> = START.into_iter().chain([closing.as_str()]).collect();
        if is_list {
            first.extend(["'?'", "','"]);
        }
        self.begins(&first)?;
        loop {
            let optional = is_list && self.eat("?");
            let value = self.expr()?;
            args.push(optional_entry(optional, value));
            if self.eat(",") {
                if is_list && self.eat(close) {
                    return Ok(args);
                }
                continue;
            }
            self.closes(close, is_list)?;
            return Ok(args);
        }
    }

    /// Refuses a token that cannot begin an expression, nor close an empty list.
    fn begins(&self, expected: &[&str]) -> Result<(), Error> {
        if expected.contains(&class(&self.peek().kind)) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn closes(&mut self, close: &str, may_continue: bool) -> Result<(), Error> {
        if may_continue && !self.is_op(close) {
            return Err(self.unexpected(&[&format!("'{close}'"), "','"]));
        }
        self.expect(close)
    }

    fn entries(&mut self) -> Result<Vec<(Expr, Expr)>, Error> {
        let mut entries = Vec::new();
        if self.eat("}") {
            return Ok(entries);
        }
        let first: Vec<&str> = START.into_iter().chain(["'}'", "'?'", "','"]).collect();
        self.begins(&first)?;
        loop {
            let optional = self.eat("?");
            let key = self.expr()?;
            self.expect(":")?;
            let value = self.expr()?;
            entries.push((key, optional_entry(optional, value)));
            if self.eat(",") && !self.eat("}") {
                continue;
            }
            if matches!(self.tokens[self.at - 1].kind, TokenKind::Op("}")) {
                return Ok(entries);
            }
            self.closes("}", true)?;
            return Ok(entries);
        }
    }

    fn fields(&mut self) -> Result<Vec<(String, Expr)>, Error> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let optional = self.eat("?");
            let name = match &self.peek().kind {
                TokenKind::Ident(name) => name.clone(),
                _ => return Err(self.unexpected(&["'}'", "','", "'?'", "IDENTIFIER", "ESC_IDENTIFIER"])),
            };
            self.at += 1;
            self.expect(":")?;
            let value = self.expr()?;
            fields.push((name, optional_entry(optional, value)));
            if !self.eat(",") {
                self.closes("}", true)?;
                break;
            }
        }
        Ok(fields)
    }
}

/// The name of a token's class in error messages.
fn class(kind: &TokenKind) -> &'static str {
    match kind {
        TokenKind::Literal(Value::Bool(true)) => "'true'",
        TokenKind::Literal(Value::Bool(false)) => "'false'",
        TokenKind::Literal(Value::Null) => "'null'",
        TokenKind::Literal(Value::Double(_)) => "NUM_FLOAT",
        TokenKind::Literal(Value::Uint(_)) => "NUM_UINT",
        TokenKind::Literal(Value::String(_)) => "STRING",
        TokenKind::Literal(Value::Bytes(_)) => "BYTES",
        TokenKind::Literal(_) => "NUM_INT",
        TokenKind::Ident(name) if name == "in" => "'in'",
        TokenKind::Ident(_) => "IDENTIFIER",
        TokenKind::Op(op) => NAMES.into_iter().find(|name| name.trim_matches('\'') == *op).unwrap_or_default(),
        TokenKind::End => "<EOF>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_expression_is_too_high() {
        for long in [
            "1 + ".repeat(5_000) + "1",
            "1 < ".repeat(5_000) + "1",
            "a".to_owned() + &".b".repeat(5_000),
            "!".repeat(5_000) + "a",
            "(".repeat(5_000) + "a",
            "[".repeat(5_000),
            "a[".repeat(5_000),
            "a ? a : ".repeat(5_000) + "a",
            "[1].map(x, ".repeat(5_000),
            "(".repeat(200) + "a" + &(" + 1".repeat(200) + ")").repeat(200),
        ] {
            let error = parse(&long).expect_err("it is too high");
            assert_eq!(error.message, "expression recursion limit exceeded: 250", "{}", &long[..8]);
        }
        let wide = parse(&("a && ".repeat(5_000) + "a")).expect("a long chain is a low tree");
        assert!(height(&wide) < 16);
    }

    #[test]
    fn what_is_parsed_can_be_walked() {
        // Without optimization a frame is several times as large as the server's.
        let thread = std::thread::Builder::new().stack_size(32 << 20).spawn(no_expression_is_too_high);
        thread.expect("a thread").join().expect("it holds");
    }

    #[test]
    fn refusals_are_those_of_the_grammar() {
        const START: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
        for (source, message) in [
            ("", format!("1:0: Syntax error: mismatched input '<EOF>' expecting {START}")),
            ("x.", "1:3: Syntax error: no viable alternative at input '.'\n | x.\n | ..^".to_owned()),
            ("\"z\"x", "1:4: Syntax error: extraneous input 'x' expecting <EOF>\n | \"z\"x\n | ...^".to_owned()),
            ("Not_a valid/Value!", "1:7: Syntax error: mismatched input 'valid' expecting <EOF>\n | Not_a valid/Value!\n | ......^".to_owned()),
            ("Object{", "1:8: Syntax error: mismatched input '<EOF>' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}\n | Object{\n | .......^".to_owned()),
            ("\"", format!("1:1: Syntax error: token recognition error at: '\"'\n | \"\n | ^\nERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {START}\n | \"\n | .^")),
        ] {
            let errors = parse_all(source).expect_err(source);
            assert_eq!(crate::show(&errors, source), format!("ERROR: <input>:{message}"), "{source}");
        }
    }
}
