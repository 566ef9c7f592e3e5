//! Mistakes of authors, with file, line and field.

use std::{collections::BTreeSet, fmt};

use cel::Program;
use phase::catalog::Phase;
use serde_json::Value;

use crate::{
    format::{API_VERSION, Action, Choice, Clock, Fixture, Scenario, Step, WebhookAnswer},
    library, outputs, place, request, requires,
    text::{LANGUAGES, Text},
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
        let line = place::line_of(self.source, field);
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line,
            field: field.to_owned(),
            message: message.into(),
        });
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
            for (index, next) in finish.next.iter().enumerate() {
                self.lesson(&format!("finish.next[{index}]"), next, &scenario.metadata.id);
            }
        }
        self.around(scenario);
    }

    /// What a lesson needs, starts and leaves.
    fn around(&mut self, scenario: &Scenario) {
        for (index, name) in scenario.metadata.requires.iter().enumerate() {
            self.lesson(&format!("metadata.requires[{index}]"), name, &scenario.metadata.id);
        }
        if !scenario.settings.speed.is_finite() || scenario.settings.speed <= 0.0 {
            self.report("settings.speed", "must be greater than 0");
        }
        if let Some(locale) = &scenario.settings.locale
            && !LANGUAGES.contains(&locale.as_str())
        {
            self.report("settings.locale", format!("must be one of {}", LANGUAGES.join(", ")));
        }
        let mut names = BTreeSet::new();
        for (index, webhook) in scenario.start.webhooks.iter().enumerate() {
            let at = format!("start.webhooks[{index}]");
            if webhook.name.is_empty() || !names.insert(webhook.name.clone()) {
                self.report(&format!("{at}.name"), "must be there and differ from the other webhooks'");
            }
            for (index, answer) in webhook.answers.iter().enumerate() {
                self.answer(&format!("{at}.answers[{index}]"), answer);
            }
        }
        self.addresses(scenario, &names);
        if let Some(goal) = &scenario.goal {
            for (index, path) in goal.objects.iter().enumerate().filter(|(_, path)| !path.starts_with('/')) {
                self.report(&format!("goal.objects[{index}]"), format!("`{path}` is not a path: it begins with /"));
            }
            if goal.within_requests == Some(0) {
                self.report("goal.within_requests", "must be at least 1");
            }
            if goal.objects.is_empty() && goal.within_requests.is_none() {
                self.report("goal", "needs objects, within_requests or both");
            }
            if goal.within_requests.is_some() && scenario.steps.iter().all(|step| step.task.is_none()) {
                self.report("goal.within_requests", "counts requests of tasks, and there is no task");
            }
        }
        let mut files = BTreeSet::new();
        for (index, name) in scenario.outputs.iter().enumerate() {
            let at = format!("outputs[{index}]");
            if outputs::kind(name).is_none() {
                let ends: Vec<&str> = outputs::KINDS.iter().map(|(end, _)| *end).collect();
                self.report(&at, format!("the name `{name}` must end with one of {}", ends.join(", ")));
            }
            if !files.insert(name) {
                self.report(&at, format!("`{name}` is written twice"));
            }
            if outputs::kind(name) == Some(outputs::Kind::Golden) && scenario.settings.clock == Clock::Real {
                self.report(&at, "a golden file needs `clock: virtual`: on a real clock no two runs are the same");
            }
        }
    }

    fn answer(&mut self, at: &str, answer: &WebhookAnswer) {
        self.expression(&format!("{at}.when"), answer.when.as_deref());
        if answer.deny.is_some() && !answer.patch.is_empty() {
            self.report(&format!("{at}.patch"), "an answer that refuses changes nothing: either `deny` or `patch`");
        }
        if answer.code.is_some() && answer.deny.is_none() {
            self.report(&format!("{at}.code"), "is the code of a refusal and needs `deny`");
        }
        for (field, code) in [("code", answer.code), ("fail", answer.fail)] {
            if code.is_some_and(|code| !(400..600).contains(&code)) {
                self.report(&format!("{at}.{field}"), "must be an HTTP status from 400 to 599");
            }
        }
        if answer.fail.is_some() && (answer.deny.is_some() || !answer.patch.is_empty() || !answer.warnings.is_empty()) {
            self.report(&format!("{at}.fail"), "a webhook that is out of order answers nothing else");
        }
        for (index, operation) in answer.patch.iter().enumerate() {
            if operation.get("op").is_none() || operation.get("path").is_none() {
                self.report(&format!("{at}.patch[{index}]"), "a JSON patch consists of {op, path, value}");
            }
        }
    }

    /// Every `url: lab:NAME` names a webhook of the lesson.
    fn addresses(&mut self, scenario: &Scenario, names: &BTreeSet<String>) {
        let start =
            scenario.start.apply.iter().enumerate().map(|(index, fixture)| (format!("start.apply[{index}]"), fixture));
        let steps = scenario.steps.iter().enumerate().flat_map(|(index, step)| {
            let action = step.action.iter().map(move |action| (format!("steps[{index}].do"), action));
            action.chain(
                step.solve.iter().enumerate().map(move |(at, action)| (format!("steps[{index}].solve[{at}]"), action)),
            )
        });
        let actions = steps.flat_map(|(at, action)| {
            let fixtures = [&action.create, &action.update, &action.apply].into_iter().flatten();
            fixtures.map(move |fixture| (at.clone(), fixture))
        });
        for (at, fixture) in start.chain(actions).collect::<Vec<_>>() {
            let Fixture::Inline(object) = fixture else { continue };
            let mut unknown = Vec::new();
            named(&Value::Object(object.clone()), &mut |name| {
                if !names.contains(name) {
                    unknown.push(name.to_owned());
                }
            });
            for name in unknown {
                self.report(&at, format!("`lab:{name}` is not one of start.webhooks"));
            }
        }
    }

    fn lesson(&mut self, field: &str, name: &str, own: &str) {
        if name == own {
            self.report(field, format!("`{name}` is this lesson itself"));
        } else if !requires::is_known(name) {
            let known = [library::ids(), requires::PROGRAMS.to_vec()].concat().join(", ");
            self.report(field, format!("`{name}` is neither a lesson nor a program; known are {known}"));
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
        if let Some(action) = &step.action {
            self.action(&format!("{at}.do"), action);
        }
        for (index, action) in step.solve.iter().enumerate() {
            self.action(&format!("{at}.solve[{index}]"), action);
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
        self.expression(&format!("{at}.token"), action.token.as_deref());
        if action.token.is_some() && action.user.is_some() {
            self.report(&format!("{at}.token"), "says who it is: either `user` or `token`");
        }
        if action.impersonate.as_ref().is_some_and(|user| user.name.is_empty()) {
            self.report(&format!("{at}.impersonate"), "needs a name: only who names a user may name groups");
        }
        let shown = action.token.is_some() || action.impersonate.is_some() || action.user.is_some();
        if shown && (action.step.is_some() || action.replay.is_some() && action.user.is_none()) {
            self.report(at, "a step of the walk and a repetition are sent as they were");
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

/// Calls `found` with every name that an object mentions as `url: lab:NAME`.
fn named(object: &Value, found: &mut dyn FnMut(&str)) {
    if let Some(name) = object.get("url").and_then(Value::as_str).and_then(|url| url.strip_prefix(request::LAB)) {
        found(name);
    }
    match object {
        Value::Object(fields) => fields.values().for_each(|field| named(field, found)),
        Value::Array(items) => items.iter().for_each(|item| named(item, found)),
        _ => {}
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
        assert!(mistakes[1].starts_with("a.yaml:8: steps[0].do: needs exactly one of"), "{mistakes:?}");
    }

    #[test]
    fn an_unknown_field_is_a_mistake_with_its_line() {
        let mistakes = read("a.yaml", &GOOD.replace("  expect:", "  expekt:")).expect_err("bad");
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].line == 9 && mistakes[0].message.contains("expekt"), "{mistakes:?}");
    }

    #[test]
    fn what_stands_around_the_steps_is_read_too() {
        let text = "apiVersion: kubestep.dev/v1alpha1
kind: Scenario
metadata:
  id: a
  title: {en: A, zh: 甲}
  requires: [kubectl, nobody]
settings:
  clock: real
  speed: 0
  locale: fr
start:
  webhooks:
    - name: gate
      answers:
        - when: object.
          deny: no
          patch: [{path: /x}]
        - fail: 200
          warnings: [x]
    - name: gate
  apply:
    - apiVersion: v1
      kind: X
      webhooks: [{clientConfig: {url: 'lab:other'}}]
steps:
  - id: one
    do: {get: /version, token: \"'a' +\", user: dev, impersonate: {groups: [a]}}
goal:
  objects: [x]
  within_requests: 0
finish:
  say: {en: A, zh: 甲}
  next: [a]
outputs: [x.trace.json, x.gif, x.gif]
";
        let mistakes: Vec<String> = read("a.yaml", text).expect_err("bad").iter().map(ToString::to_string).collect();
        for (start, end) in [
            ("a.yaml:33: finish.next[0]: ", "this lesson itself"),
            ("a.yaml:6: metadata.requires[1]: `nobody` is neither a lesson nor a program; known are ", "kubectl, etcd"),
            ("a.yaml:9: settings.speed: ", "must be greater than 0"),
            ("a.yaml:10: settings.locale: ", "must be one of en, zh"),
            ("a.yaml:20: start.webhooks[1].name: ", "differ from the other webhooks'"),
            ("a.yaml:15: start.webhooks[0].answers[0].when: not an expression: ", ""),
            ("a.yaml:17: start.webhooks[0].answers[0].patch: ", "either `deny` or `patch`"),
            ("a.yaml:17: start.webhooks[0].answers[0].patch[0]: ", "{op, path, value}"),
            ("a.yaml:18: start.webhooks[0].answers[1].fail: ", "from 400 to 599"),
            ("a.yaml:18: start.webhooks[0].answers[1].fail: ", "answers nothing else"),
            ("a.yaml:22: start.apply[0]: `lab:other` is not one of ", "start.webhooks"),
            ("a.yaml:27: steps[0].do.token: not an expression: ", ""),
            ("a.yaml:27: steps[0].do.token: says who it is: ", "either `user` or `token`"),
            ("a.yaml:27: steps[0].do.impersonate: ", "only who names a user may name groups"),
            ("a.yaml:29: goal.objects[0]: `x` is not a path", "begins with /"),
            ("a.yaml:30: goal.within_requests: ", "must be at least 1"),
            ("a.yaml:30: goal.within_requests: ", "there is no task"),
            ("a.yaml:34: outputs[0]: a golden file needs ", "no two runs are the same"),
            ("a.yaml:34: outputs[1]: the name `x.gif` must end with one of ", ".md"),
            ("a.yaml:34: outputs[2]: `x.gif` is written ", "twice"),
        ] {
            let told = mistakes.iter().any(|mistake| mistake.starts_with(start) && mistake.ends_with(end));
            assert!(told, "{start}...{end} in {mistakes:#?}");
        }
        // The name that ends wrongly is told twice, as it is there twice.
        assert_eq!(mistakes.len(), 21, "{mistakes:#?}");
    }
}
