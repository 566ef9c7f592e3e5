//! What a replay says: text for people, JSON to compare, JUnit for build servers.
//!
//! Two replays of one lesson on a virtual clock are equal in the JSON form, byte for byte: times, uids and revisions are
//! those of the lesson, ports and secrets are masked. On a real clock it holds none of them.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// A lesson, replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The lesson's identity.
    pub lesson: String,
    /// Its title, in the chosen language.
    pub title: String,
    /// Whether everything held.
    pub passed: bool,
    /// Why it was not replayed at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Its steps, up to the first failure.
    pub steps: Vec<StepReport>,
}

/// A step, replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The step's name.
    pub id: String,
    /// When it was done, on a virtual clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The request it is about; none if it is about the start-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Who sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The code of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason of its Status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The body of its answer, on a virtual clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// Where it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_at: Option<String>,
    /// Its phases so far.
    pub phases: Vec<String>,
    /// The servers it was routed through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<String>,
    /// What the run answers to the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
    /// The checks of the task: failed before the solution, held after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub solved: Vec<String>,
    /// The golf score, in the step that looks at the goal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// What did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// How many requests that write the tasks took, and how many are enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// How many it took.
    pub requests: u32,
    /// How many are enough.
    pub within: u32,
}

/// Why a step failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// As the lesson says.
    pub expected: String,
    /// As it was.
    pub got: String,
    /// The phases entered last.
    pub last_phases: Vec<String>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for a person.
    Text,
    /// To be compared.
    JSON,
    /// For build servers: a lesson is a suite, a step a case.
    JUnit,
}

/// Writes reports.
pub fn render(reports: &[Report], form: Form) -> String {
    match form {
        Form::Text => reports.iter().map(text).collect(),
        Form::JSON => format!("{:#}\n", serde_json::json!(reports)),
        Form::JUnit => junit(reports),
    }
}

fn text(report: &Report) -> String {
    let mut out = format!("{}  {}\n", report.lesson, report.title);
    if let Some(reason) = &report.skipped {
        out += &format!("  skip {reason}\n");
    }
    for step in &report.steps {
        let mark = if step.failure.is_some() { "FAIL" } else { "ok" };
        let mut line = format!("  {mark:<4} {}", step.id);
        for (name, value) in [
            ("", step.request.clone()),
            ("as ", step.user.clone()),
            ("-> ", step.code.map(|code| code.to_string())),
            ("held at ", step.held_at.clone()),
            ("answer: ", step.prediction.clone()),
            ("writes: ", step.score.map(|score| format!("{} of at most {}", score.requests, score.within))),
        ] {
            if let Some(value) = value {
                line += &format!("  {name}{value}");
            }
        }
        out += &line;
        out.push('\n');
        if let Some(Failure { expected, got, last_phases }) = &step.failure {
            out += &format!("       expected  {expected}\n       got       {got}\n");
            out += &format!("       last      {}\n", last_phases.join(" > "));
        }
    }
    out
}

fn junit(reports: &[Report]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let failed = report.steps.iter().filter(|step| step.failure.is_some()).count();
        let name = escape(&report.lesson);
        let (tests, skipped) = (report.steps.len().max(report.skipped.iter().len()), report.skipped.iter().len());
        out += &format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\"");
        if let Some(reason) = &report.skipped {
            let reason = escape(reason);
            out += &format!(" skipped=\"{skipped}\">\n");
            out += &format!(
                "    <testcase classname=\"{name}\" name=\"{name}\"><skipped message=\"{reason}\"/></testcase>\n"
            );
        } else {
            out += ">\n";
        }
        for step in &report.steps {
            let id = escape(&step.id);
            match &step.failure {
                None => writeln!(out, "    <testcase classname=\"{name}\" name=\"{id}\"/>"),
                Some(Failure { expected, got, last_phases }) => {
                    let message = escape(&format!("expected {expected}, got {got}"));
                    let last = escape(&last_phases.join(" > "));
                    writeln!(
                        out,
                        "    <testcase classname=\"{name}\" name=\"{id}\"><failure message=\"{message}\">{last}</failure></testcase>"
                    )
                }
            }
            .expect("a string");
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_every_form() {
        let failure = Failure { expected: "code 201".into(), got: "code <403>".into(), last_phases: vec!["a".into()] };
        let step = StepReport { id: "send".into(), failure: Some(failure), ..StepReport::default() };
        let reports = [Report { lesson: "l".into(), steps: vec![step], ..Report::default() }];
        assert!(render(&reports, Form::Text).contains("FAIL send\n       expected  code 201"));
        assert!(render(&reports, Form::JUnit).contains("got code &lt;403&gt;\">a</failure>"));
        assert!(render(&reports, Form::JSON).contains("\"lastPhases\": ["));
    }
}
