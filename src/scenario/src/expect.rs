//! Whether what happened is what a lesson says.

use cel::{Program, Value as CelValue, Variables};
use control::timeline::{Timeline, trace::TraceLog};
use phase::catalog::Phase;
use serde_json::Value;

use crate::{
    format::Expect,
    run::{self, Sent},
};

/// What was expected and what was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// As the lesson says.
    pub expected: String,
    /// As it was.
    pub got: String,
}

impl Mismatch {
    /// Makes one.
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

/// What an expectation is about.
pub struct Subject<'a> {
    /// Everything that happened.
    pub timeline: &'a Timeline,
    /// The trace in question.
    pub trace: Option<&'a TraceLog>,
    /// The request in question; none for the start-up.
    pub sent: Option<&'a Sent>,
    /// Variables of expressions.
    pub variables: &'a Variables,
}

fn or_none(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| text.to_string())
}

fn mismatch(part: &str, expected: impl ToString, got: Option<impl ToString>) -> Mismatch {
    Mismatch::new(format!("{part} {}", expected.to_string()), format!("{part} {}", or_none(got)))
}

/// Checks all parts that are present; the first that does not hold is told.
pub fn check(expect: &Expect, subject: &Subject<'_>) -> Result<(), Mismatch> {
    answer(expect, subject)?;
    phases(expect, subject)?;
    if let Some(source) = &expect.that
        && !truth(source, subject.variables)?
    {
        return Err(Mismatch::new(source.clone(), "false"));
    }
    Ok(())
}

fn answer(expect: &Expect, subject: &Subject<'_>) -> Result<(), Mismatch> {
    let response = subject.sent.map(Sent::response_value).unwrap_or_default();
    if let Some(code) = expect.code {
        let got = response.get("code").and_then(Value::as_u64);
        if got != Some(u64::from(code)) {
            let body = response.pointer("/body/message").or_else(|| response.get("error"));
            let mut wrong = mismatch("code", code, got);
            if let Some(message) = body.and_then(Value::as_str) {
                wrong.got = format!("{} ({message})", wrong.got);
            }
            return Err(wrong);
        }
    }
    if let Some(reason) = &expect.reason {
        let got = response.pointer("/body/reason").and_then(Value::as_str);
        if got != Some(reason) {
            return Err(mismatch("reason", reason, got));
        }
    }
    Ok(())
}

fn phases(expect: &Expect, subject: &Subject<'_>) -> Result<(), Mismatch> {
    let Subject { timeline, trace, .. } = subject;
    for (part, name, got) in [
        ("stopped_at", &expect.stopped_at, trace.and_then(run::stopped_at)),
        ("held_at", &expect.held_at, trace.and_then(run::held_at)),
    ] {
        if let Some(name) = name
            && !got.is_some_and(|got| Phase::find(name).contains(&got))
        {
            return Err(mismatch(part, name, got.map(Phase::name)));
        }
    }
    let entered = trace.map(run::phases).unwrap_or_default();
    let mut left = entered.iter();
    for name in &expect.trace {
        let wanted = Phase::find(name);
        if !left.any(|phase| wanted.contains(phase)) {
            let names: Vec<&str> = entered.iter().map(|phase| phase.name()).collect();
            return Err(Mismatch::new(format!("{name} in the order of {:?}", expect.trace), format!("{names:?}")));
        }
    }
    let route = trace.map(|trace| run::route(timeline, trace)).unwrap_or_default();
    if !expect.route.is_empty() && route != expect.route {
        return Err(Mismatch::new(format!("route {:?}", expect.route), format!("route {route:?}")));
    }
    if !expect.config.is_empty() {
        let config = run::config(timeline);
        for field in &expect.config {
            if config.pointer(&format!("/{}", field.replace('.', "/"))).is_none_or(Value::is_null) {
                return Err(Mismatch::new(format!("config.{field} is set"), "it is null"));
            }
        }
    }
    Ok(())
}

/// Evaluates an expression that must be true or false.
pub fn truth(source: &str, variables: &Variables) -> Result<bool, Mismatch> {
    let program = Program::compile(source).map_err(|error| Mismatch::new(source, error.to_string()))?;
    program.matches(variables).map_err(|error| Mismatch::new(source, error.to_string()))
}

/// Evaluates an expression to the text a learner could have chosen.
pub fn text(source: &str, variables: &Variables) -> Result<String, Mismatch> {
    let value = Program::compile(source).and_then(|program| program.evaluate(variables));
    match value.map_err(|error| Mismatch::new(source, error.to_string()))? {
        CelValue::String(text) => Ok(text.to_string()),
        other => Ok(other.to_json().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::ports::{LabRequest, LabResponse};
    use phase::record::TraceId;
    use serde_json::json;

    #[test]
    fn a_wrong_code_is_told_with_the_message() {
        let body = json!({"reason": "Forbidden", "message": "no"});
        let sent = Sent {
            name: "r1".into(),
            request: LabRequest::default(),
            trace: None,
            again: false,
            after: TraceId(0),
            response: Some(Ok(LabResponse { code: 403, body })),
        };
        let (timeline, variables) = (Timeline::default(), Variables::new());
        let subject = Subject { timeline: &timeline, trace: None, sent: Some(&sent), variables: &variables };
        let expect = |code| Expect { code: Some(code), reason: Some("Forbidden".into()), ..Expect::default() };
        assert_eq!(check(&expect(403), &subject), Ok(()));
        assert_eq!(check(&expect(201), &subject), Err(Mismatch::new("code 201", "code 403 (no)")));
        let held = Expect { held_at: Some("authorization".into()), ..Expect::default() };
        assert_eq!(check(&held, &subject), Err(Mismatch::new("held_at authorization", "held_at none")));
    }

    #[test]
    fn expressions_give_texts_and_truths() {
        let variables = Variables::from([("code".to_owned(), CelValue::from(&json!(403)))]);
        assert_eq!(text("code", &variables), Ok("403".to_owned()));
        assert_eq!(truth("code == 403", &variables), Ok(true));
        assert!(truth("code", &variables).is_err());
    }
}
