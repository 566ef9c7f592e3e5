//! Mistakes of authors, with file, line and field.

use std::{collections::BTreeSet, fmt};

use cel::Program;
use phase::catalog::Phase;

use crate::{
    format::{API_VERSION, Action, Choice, Scenario, Step},
    text::Text,
};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The field: `steps[2].say`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Reads a file's text; all its mistakes if there are any.
pub fn read(file: &str, source: &str) -> Result<Scenario, Vec<Mistake>> {
    let scenario: Scenario = serde_saphyr::from_str(source).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line() as usize);
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default().to_owned();
        vec![Mistake { file: file.to_owned(), line, field: String::new(), message }]
    })?;
    let mut lint = Lint { file, source, mistakes: Vec::new() };
    lint.scenario(&scenario);
    if lint.mistakes.is_empty() { Ok(scenario) } else { Err(lint.mistakes) }
}

struct Lint<'a> {
    file: &'a str,
    source: &'a str,
    mistakes: Vec<Mistake>,
}

impl Lint<'_> {
    fn report(&mut self, field: &str, message: impl Into<String>) {
        let line = self.line_of(field);
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line,
            field: field.to_owned(),
            message: message.into(),
        });
    }

    /// The line of a step named in a field path, or of the field's first appearance.
    fn line_of(&self, field: &str) -> usize {
        let wanted = match field.split_once('[') {
            Some((list, rest)) if list == "steps" => {
                let index: usize = rest.split(']').next().and_then(|index| index.parse().ok()).unwrap_or_default();
                let mut ids =
                    self.source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("- id:"));
                return ids.nth(index).map_or(0, |(line, _)| line + 1);
            }
            _ => field.rsplit('.').next().unwrap_or(field).split('[').next().unwrap_or(field),
        };
        let prefix = format!("{wanted}:");
        self.source.lines().position(|line| line.trim_start().starts_with(&prefix)).map_or(0, |line| line + 1)
    }

    fn scenario(&mut self, scenario: &Scenario) {
        if scenario.api_version != API_VERSION {
            self.report(
                "apiVersion",
                format!("{} is not known; this program reads {API_VERSION}", scenario.api_version),
            );
        }
        if scenario.kind != "Scenario" {
            self.report("kind", format!("must be Scenario, not {}", scenario.kind));
        }
        let id = &scenario.metadata.id;
        if id.is_empty() || id.contains(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-') {
            self.report("metadata.id", "must consist of lower-case letters, digits and dashes");
        }
        self.text("metadata.title", &scenario.metadata.title);
        for (index, breakpoint) in scenario.breakpoints.iter().enumerate() {
            self.phase(&format!("breakpoints[{index}].at"), &breakpoint.at);
            self.expression(&format!("breakpoints[{index}].when"), breakpoint.when.as_deref());
        }
        let mut seen = BTreeSet::new();
        if scenario.steps.is_empty() {
            self.report("steps", "a lesson needs at least one step");
        }
        for (index, step) in scenario.steps.iter().enumerate() {
            if step.id.is_empty() || !seen.insert(step.id.clone()) {
                self.report(&format!("steps[{index}].id"), "must be there and differ from the other steps'");
            }
            self.step(&format!("steps[{index}]"), step);
        }
        if let Some(finish) = &scenario.finish {
            self.text("finish.say", &finish.say);
        }
    }

    fn step(&mut self, at: &str, step: &Step) {
        for (name, text) in
            [("say", &step.say), ("notes", &step.notes), ("explain", &step.explain), ("task", &step.task)]
        {
            if let Some(text) = text {
                self.text(&format!("{at}.{name}"), text);
            }
        }
        for (index, hint) in step.hints.iter().enumerate() {
            self.text(&format!("{at}.hints[{index}]"), hint);
        }
        if let Some(predict) = &step.predict {
            self.text(&format!("{at}.predict.ask"), &predict.ask);
            for (index, choice) in predict.choices.iter().enumerate() {
                if let Choice::Text(text) = choice {
                    self.text(&format!("{at}.predict.choices[{index}]"), text);
                }
            }
            match &predict.answer {
                crate::format::Answer::From(source) => {
                    self.expression(&format!("{at}.predict.answer.from"), Some(source));
                }
                crate::format::Answer::Choice(number) if (1..=predict.choices.len()).contains(number) => {}
                crate::format::Answer::Choice(_) => {
                    self.report(&format!("{at}.predict.answer.choice"), "is not the number of a choice");
                }
            }
        }
        for action in step.action.iter().chain(&step.solve) {
            self.action(&format!("{at}.do"), action);
        }
        if let Some(phase) = step.wait.as_ref().and_then(|wait| wait.paused_at.as_ref()) {
            self.phase(&format!("{at}.wait.paused_at"), phase);
        }
        for (index, expect) in step.expect.iter().enumerate() {
            let at = format!("{at}.expect[{index}]");
            for phase in expect.trace.iter().chain(&expect.stopped_at).chain(&expect.held_at) {
                self.phase(&at, phase);
            }
            self.expression(&at, expect.that.as_deref());
        }
        for (index, check) in step.check.iter().enumerate() {
            self.text(&format!("{at}.check[{index}].fail"), &check.fail);
            self.expression(&format!("{at}.check[{index}].that"), check.that.as_deref());
        }
        if step.task.is_some() && (step.check.is_empty() || step.solve.is_empty()) {
            self.report(
                &format!("{at}.task"),
                "a task needs `check` (when it is done) and `solve` (that it can be done)",
            );
        }
    }

    fn action(&mut self, at: &str, action: &Action) {
        let verbs = [
            action.create.is_some(),
            action.get.is_some(),
            action.watch.is_some(),
            action.update.is_some(),
            action.apply.is_some(),
            action.patch.is_some(),
            action.delete.is_some(),
            action.raw.is_some(),
            action.step.is_some(),
            action.replay.is_some(),
        ];
        if verbs.into_iter().filter(|set| *set).count() != 1 {
            self.report(at, "needs exactly one of create, get, watch, update, apply, patch, delete, raw, step, replay");
        }
    }

    fn text(&mut self, field: &str, text: &Text) {
        for language in text.missing() {
            self.report(field, format!("the text is missing in `{language}`"));
        }
    }

    fn phase(&mut self, field: &str, name: &str) {
        if Phase::find(name).is_empty() {
            self.report(field, format!("`{name}` is not a phase; `kubestep explain` lists them"));
        }
    }

    fn expression(&mut self, field: &str, source: Option<&str>) {
        if let Some(Err(error)) = source.map(Program::compile) {
            self.report(field, format!("not an expression: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata:\n  id: a\n  title: {en: A, zh: 甲}\nsteps:\n- id: one\n  do: {get: /version}\n  expect: [{code: 200}]\n";

    #[test]
    fn a_good_file_has_no_mistakes() {
        assert_eq!(read("a.yaml", GOOD).map(|scenario| scenario.steps.len()), Ok(1));
    }

    #[test]
    fn mistakes_name_file_line_and_field() {
        let bad = GOOD.replace("title: {en: A, zh: 甲}", "title: {en: A}").replace("do: {get: /version}", "do: {}");
        let mistakes: Vec<String> = read("a.yaml", &bad).expect_err("bad").iter().map(ToString::to_string).collect();
        assert_eq!(mistakes[0], "a.yaml:5: metadata.title: the text is missing in `zh`");
        assert!(mistakes[1].starts_with("a.yaml:7: steps[0].do: needs exactly one of"), "{mistakes:?}");
    }

    #[test]
    fn an_unknown_field_is_a_mistake_with_its_line() {
        let mistakes = read("a.yaml", &GOOD.replace("  expect:", "  expekt:")).expect_err("bad");
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].line == 9 && mistakes[0].message.contains("expekt"), "{mistakes:?}");
    }
}
