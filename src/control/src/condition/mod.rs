//! When: the conditions of breakpoints and filters.
//!
//! Whoever asks sees only [`Condition`]; how one is written is the business of [`expression`]. An
//! answer has three values, because a request is asked before everything is known of it: before
//! authentication nobody has a name, so that `user == 'alice'` is neither true nor false.

pub mod expression;

use std::{collections::BTreeMap, fmt, sync::Arc};

use phase::record::Label;
use serde_json::Value;

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// Not enough is known yet, or the question makes no sense here.
    Unknown,
}

/// What a condition is asked about.
pub trait Variables {
    /// Returns the value of a name (`verb`, `request`, `object`), if it is known.
    fn get(&self, name: &str) -> Option<Value>;
}

/// A condition, ready to be asked many times.
pub trait Condition: Send + Sync + fmt::Debug {
    /// Asks it.
    fn ask(&self, variables: &dyn Variables) -> Verdict;
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .offset + 1)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Where, in characters.
    pub offset: usize,
}

/// Reads a condition.
pub fn parse(text: &str) -> Result<Arc<dyn Condition>, ParseError> {
    Ok(Arc::new(expression::parse(text)?))
}

/// Facts of a trace, as they have become known.
pub type Facts = BTreeMap<Label, String>;

/// Short forms and their full names below `request`.
const SHORT: &[(&str, &str)] = &[
    ("verb", "verb"),
    ("group", "group"),
    ("version", "version"),
    ("resource", "resource"),
    ("subresource", "subresource"),
    ("ns", "namespace"),
    ("namespace", "namespace"),
    ("name", "name"),
    ("path", "path"),
    ("method", "method"),
    ("user", "user"),
    ("groups", "groups"),
];

/// The variables of a trace at a phase.
#[derive(Clone, Copy)]
pub struct AtPhase<'a> {
    /// What is known of the trace.
    pub facts: &'a Facts,
    /// The phase's name, if one is asked about.
    pub phase: &'a str,
    /// How often the breakpoint that asks was met before.
    pub hits: u64,
    /// Makes the object that the phase works on; called only if the condition asks for it.
    pub object: Option<&'a dyn Fn() -> Value>,
}

impl Variables for AtPhase<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        match name {
            "phase" => (!self.phase.is_empty()).then(|| Value::from(self.phase)),
            "hits" => Some(Value::from(self.hits)),
            "object" | "config" => self.object.map(|object| object()),
            "request" => Some(Value::Object(
                self.facts.iter().map(|(name, value)| (name.to_string(), typed(name, value))).collect(),
            )),
            "response" => self.fact("code").map(|code| serde_json::json!({ "code": code })),
            "code" => self.fact("code"),
            name => {
                let full = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, full)| full);
                self.fact(full).or_else(|| self.fact(name))
            }
        }
    }
}

impl AtPhase<'_> {
    fn fact(&self, name: &str) -> Option<Value> {
        self.facts.get(name).map(|value| typed(name, value))
    }
}

/// Facts are words; the code is a number, groups are a list.
fn typed(name: &str, value: &str) -> Value {
    match name {
        "code" => value.parse::<u16>().map_or_else(|_| Value::from(value), Value::from),
        "groups" => value.split(',').map(|group| Value::from(group.trim())).collect(),
        _ => Value::from(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&'static str, &str)]) -> Facts {
        pairs.iter().map(|(name, value)| (Label::from(*name), (*value).to_owned())).collect()
    }

    fn ask(text: &str, facts: &Facts) -> Verdict {
        let object = || serde_json::json!({"metadata": {"name": "web", "labels": {"app.io/tier": "front"}}});
        let variables = AtPhase { facts, phase: "authorization", hits: 2, object: Some(&object) };
        parse(text).expect(text).ask(&variables)
    }

    #[test]
    fn conditions_are_asked_of_facts() {
        let facts = facts(&[
            ("verb", "create"),
            ("resource", "pods"),
            ("namespace", "shop"),
            ("path", "/api/v1/namespaces/shop/pods"),
            ("code", "403"),
            ("groups", "dev, ops"),
        ]);
        for yes in [
            "verb == 'create' && resource == 'pods'",
            "verb == \"create\" && ns == 'shop'",
            "request.verb in ['create', 'update']",
            "code >= 400 && code < 500",
            "response.code == 403",
            "'dev' in groups",
            "path.startsWith('/api/') && !path.contains('apps')",
            "object.metadata.name == 'web'",
            "object.metadata.labels['app.io/tier'] == 'front'",
            "has(object.metadata) && !has(object.spec)",
            "hits >= 2 && phase == 'authorization'",
            "verb == 'create' || user == 'alice'",
            "shop",
            "path.matches('^/api/v[0-9]/')",
        ] {
            assert_eq!(ask(yes, &facts), Verdict::Yes, "{yes}");
        }
        for no in ["verb == 'get'", "verb == 'get' && user == 'alice'", "'qa' in groups", "!(code == 403)"] {
            assert_eq!(ask(no, &facts), Verdict::No, "{no}");
        }
        for unknown in ["user == 'alice'", "verb == 'create' && user == 'alice'", "!(user == 'alice')", "nobody"] {
            assert_eq!(ask(unknown, &facts), Verdict::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_bare_word_is_no_once_the_request_is_known() {
        let facts = facts(&[("path", "/version"), ("user", "bob"), ("name", ""), ("verb", "get")]);
        assert_eq!(ask("shop", &facts), Verdict::No);
        assert_eq!(ask("bo", &facts), Verdict::Yes);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, offset) in [("verb = 'x'", 5), ("verb == ", 7), ("(verb == 'x'", 12), ("verb == 'x", 8), ("", 0)] {
            assert_eq!(parse(text).map(|_| ()).expect_err(text).offset, offset, "{text}");
        }
    }
}
