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

use crate::{
    Error,
    ast::{Comprehension, Expr, Kind, Macro},
    lexer::{self, Token, TokenKind},
    value::Value,
};

/// Nesting beyond this is refused; the original has the same limit.
const MAX_DEPTH: usize = 250;

/// Parses a source text.
pub fn parse(source: &str) -> Result<Expr, Error> {
    let mut parser = Parser { tokens: lexer::tokens(source)?, at: 0, depth: 0 };
    let expr = parser.expr()?;
    match &parser.peek().kind {
        TokenKind::End => Ok(expr),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
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

    fn expect(&mut self, op: &str) -> Result<(), Error> {
        if self.eat(op) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Error {
        let token = self.peek();
        let found = match &token.kind {
            TokenKind::End => "<EOF>".to_owned(),
            TokenKind::Op(op) => (*op).to_owned(),
            TokenKind::Ident(name) => name.clone(),
            TokenKind::Literal(value) => value.to_string(),
        };
        Error::at(token.offset, format!("Syntax error: mismatched input '{found}'"))
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
        let mut left = self.binary(level + 1)?;
        loop {
            let token = self.peek();
            let found = match &token.kind {
                TokenKind::Op(op) => *op,
                TokenKind::Ident(name) if name == "in" => "in",
                _ => return Ok(left),
            };
            if !operators.contains(&found) {
                return Ok(left);
            }
            let offset = self.advance().offset;
            let right = self.binary(level + 1)?;
            let function = if found == "in" { "@in".to_owned() } else { format!("_{found}_") };
            left = call(offset, &function, None, vec![left, right]);
        }
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
                expr = if !optional && self.eat("(") {
                    let args = self.args(")")?;
                    method(offset, expr, &field, args)?
                } else {
                    Expr { offset, kind: Kind::Select { operand: Box::new(expr), field, test: false, optional } }
                };
            } else if self.eat("[") || self.eat("[?") {
                let index = self.expr()?;
                self.expect("]")?;
                expr = call(offset, if optional { "_[?_]" } else { "_[_]" }, None, vec![expr, index]);
            } else if self.is_op("{") && type_name(&expr).is_some() {
                let name = type_name(&expr).unwrap_or_default();
                self.at += 1;
                expr = Expr { offset, kind: Kind::Struct { name, fields: self.fields()? } };
            } else {
                return Ok(expr);
            }
        }
    }

    fn name(&mut self) -> Result<String, Error> {
        match &self.peek().kind {
            TokenKind::Ident(name) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        let Token { offset, kind } = self.peek().clone();
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
                if self.eat("(") {
                    let args = self.args(")")?;
                    return global(offset, &name, args);
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
            _ => Err(self.unexpected()),
        }
    }

    /// Expressions up to a closing mark; a trailing comma is allowed.
    fn args(&mut self, close: &str) -> Result<Vec<Expr>, Error> {
        let mut args = Vec::new();
        while !self.eat(close) {
            args.push(self.expr()?);
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(args)
    }

    fn entries(&mut self) -> Result<Vec<(Expr, Expr)>, Error> {
        let mut entries = Vec::new();
        while !self.eat("}") {
            let key = self.expr()?;
            self.expect(":")?;
            entries.push((key, self.expr()?));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(entries)
    }

    fn fields(&mut self) -> Result<Vec<(String, Expr)>, Error> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let name = self.name()?;
            self.expect(":")?;
            fields.push((name, self.expr()?));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(fields)
    }
}

fn literal(offset: usize, value: Value) -> Expr {
    Expr { offset, kind: Kind::Literal(value) }
}

fn call(offset: usize, function: &str, target: Option<Expr>, args: Vec<Expr>) -> Expr {
    Expr { offset, kind: Kind::Call { function: function.to_owned(), target: target.map(Box::new), args } }
}

/// The dotted name that `Type{...}` may start with: its last part is capitalised.
fn type_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => name.starts_with(|c: char| c.is_ascii_uppercase()).then(|| name.clone()),
        Kind::Select { operand, field, test: false, optional: false } => {
            let prefix = dotted(operand)?;
            field.starts_with(|c: char| c.is_ascii_uppercase()).then(|| format!("{prefix}.{field}"))
        }
        _ => None,
    }
}

fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select { operand, field, .. } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}

/// A call without a target; `has` is a macro.
fn global(offset: usize, name: &str, mut args: Vec<Expr>) -> Result<Expr, Error> {
    if name != "has" || args.len() != 1 {
        return Ok(call(offset, name, None, args));
    }
    match args.remove(0).kind {
        Kind::Select { operand, field, optional, .. } => {
            Ok(Expr { offset, kind: Kind::Select { operand, field, test: true, optional } })
        }
        _ => Err(Error::at(offset, "invalid argument to has() macro")),
    }
}

/// A call with a target; some are macros.
fn method(offset: usize, target: Expr, name: &str, mut args: Vec<Expr>) -> Result<Expr, Error> {
    let which = match (name, args.len()) {
        ("all", 2 | 3) => Macro::All,
        ("exists", 2 | 3) => Macro::Exists,
        ("exists_one" | "existsOne", 2 | 3) => Macro::ExistsOne,
        ("filter", 2) => Macro::Filter,
        ("map", 2 | 3) => Macro::Map,
        _ => return Ok(call(offset, name, Some(target), args)),
    };
    let variable = simple_name(&args[0])?;
    let last = args.pop();
    let middle = (args.len() > 1).then(|| args.pop()).flatten();
    let (second, predicate, transform) = match (which, middle) {
        (Macro::Map, filter) => (None, filter, last),
        (_, Some(second)) => (Some(simple_name(&second)?), last, None),
        (_, None) => (None, last, None),
    };
    let comprehension = Comprehension { which, range: target, variable, second, predicate, transform };
    Ok(Expr { offset, kind: Kind::Comprehension(Box::new(comprehension)) })
}

fn simple_name(expr: &Expr) -> Result<String, Error> {
    match &expr.kind {
        Kind::Ident(name) => Ok(name.clone()),
        _ => Err(Error::at(expr.offset, "argument must be a simple name")),
    }
}
