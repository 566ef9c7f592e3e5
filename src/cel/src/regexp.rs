//! Regular expressions in the syntax of RE2, refused in the words of Go.
//!
//! Go: regexp/syntax/parse.go

use regex::Regex;

/// Compiles a pattern, or says what Go would say of it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    if let Some(lookaround) = ["(?=", "(?!", "(?<=", "(?<!"].iter().find(|prefix| pattern.contains(**prefix)) {
        return Err(refusal("invalid or unsupported Perl syntax", lookaround));
    }
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit("error: ").next().unwrap_or_default();
        let at = text.lines().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
        // The library shows the pattern indented by four columns, with carets below.
        let rest = at.and_then(|column| pattern.get(column.saturating_sub(4)..)).unwrap_or(pattern);
        describe(reason, pattern, rest)
    })
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
}
