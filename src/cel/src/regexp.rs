//! Regular expressions in the syntax of RE2, refused in the words of Go.
//!
//! Repetitions are bounded as Go bounds them: `(a{1000}){1000}` is short to write and long to run.
//!
//! Go: regexp/syntax/parse.go

use regex::Regex;
use regex_syntax::ast::{self, Ast, RepetitionKind, RepetitionRange};

/// How often a part may be repeated, all repetitions around it together. Go: repeatIsValid
const MAX_REPEAT: u32 = 1000;

/// Compiles a pattern, or says what Go would say of it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    check(pattern)?;
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit("error: ").next().unwrap_or_default();
        let at = text.lines().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
        // The library shows the pattern indented by four columns, with carets below.
        let rest = at.and_then(|column| pattern.get(column.saturating_sub(4)..)).unwrap_or(pattern);
        describe(reason, pattern, rest)
    })
}

/// Says what Go refuses although the library would take it.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    if let Some(lookaround) = ["(?=", "(?!", "(?<=", "(?<!"].iter().find(|prefix| pattern.contains(**prefix)) {
        return Err(refusal("invalid or unsupported Perl syntax", lookaround));
    }
    if let Ok(tree) = ast::parse::Parser::new().parse(pattern)
        && let Some(repeat) = too_often(&tree)
    {
        return Err(refusal("invalid repeat count", &pattern[repeat.start.offset..repeat.end.offset]));
    }
    Ok(())
}

/// Returns the place of the first repetition, in the order of reading, that is one too many.
fn too_often(tree: &Ast) -> Option<ast::Span> {
    let own = match tree {
        Ast::Repetition(repetition) if !is_bounded(tree, MAX_REPEAT) => Some(repetition.op.span),
        _ => None,
    };
    below(tree).iter().find_map(too_often).or(own)
}

/// Says whether everything in a tree that is itself repeated is repeated `left` times at most. Go: repeatIsValid
fn is_bounded(tree: &Ast, left: u32) -> bool {
    let times = match tree {
        Ast::Repetition(repetition) => match &repetition.op.kind {
            RepetitionKind::Range(
                RepetitionRange::Exactly(times) | RepetitionRange::AtLeast(times) | RepetitionRange::Bounded(_, times),
            ) => *times,
            RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
        },
        _ => 1,
    };
    times <= left && (times == 0 || below(tree).iter().all(|tree| is_bounded(tree, left / times)))
}

fn below(tree: &Ast) -> &[Ast] {
    match tree {
        Ast::Repetition(repetition) => std::slice::from_ref(&*repetition.ast),
        Ast::Group(group) => std::slice::from_ref(&*group.ast),
        Ast::Alternation(alternation) => &alternation.asts,
        Ast::Concat(concat) => &concat.asts,
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => &[],
    }
}

fn describe(reason: &str, pattern: &str, rest: &str) -> String {
    let first = |count: usize| rest.chars().take(count).collect::<String>();
    match reason {
        "unclosed group" => refusal("missing closing )", pattern),
        "unopened group" => refusal("unexpected )", pattern),
        reason if reason.starts_with("unclosed character class") => refusal("missing closing ]", rest),
        "repetition operator missing expression" => refusal("missing argument to repetition operator", &first(1)),
        reason
            if reason.starts_with("invalid escape sequence") || reason.starts_with("unrecognized escape sequence") =>
        {
            refusal("invalid escape sequence", &first(2))
        }
        reason if reason.starts_with("incomplete escape sequence") => {
            "error parsing regexp: trailing backslash at end of expression: ``".to_owned()
        }
        reason if reason.starts_with("invalid character class range") => {
            refusal("invalid character class range", &first(3))
        }
        reason if reason.starts_with("invalid repetition count range") => refusal("invalid repeat count", rest),
        _ => refusal("invalid or unsupported Perl syntax", rest),
    }
}

fn refusal(code: &str, what: &str) -> String {
    format!("error parsing regexp: {code}: `{what}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_gos() {
        let refusal = |pattern: &str| compile(pattern).expect_err(pattern);
        assert_eq!(refusal("("), "error parsing regexp: missing closing ): `(`");
        assert_eq!(refusal("a)"), "error parsing regexp: unexpected ): `a)`");
        assert_eq!(refusal("x[a"), "error parsing regexp: missing closing ]: `[a`");
        assert_eq!(refusal("*"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(refusal("(?=a)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?=`");
        assert!(compile("^[a-z]+$").is_ok());
    }

    #[test]
    fn repetitions_are_bounded_together() {
        assert!(compile("(a{100}b{1,10}){10}(c*){1000}").is_ok());
        assert_eq!(compile("a{1001}").expect_err("often"), "error parsing regexp: invalid repeat count: `{1001}`");
        let nested = compile("x(?:(a{100}){10}){2}").expect_err("often");
        assert_eq!(nested, "error parsing regexp: invalid repeat count: `{2}`");
    }
}
