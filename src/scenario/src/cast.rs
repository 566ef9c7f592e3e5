//! A lesson as a terminal session: asciicast v2, with a marker at each step.
//!
//! Times are a reader's, by the length of what is read; nothing of the machine that replayed it is in them.

use serde_json::json;

use crate::{
    format::{Mode, Scenario, Size, Step},
    library::Source,
    report::{Report, StepReport},
    request,
};

/// The terminal, where a lesson names none.
const SIZE: Size = Size { cols: 120, rows: 40 };

/// Seconds from letter to letter while a command is typed.
const TYPING: f64 = 0.04;

/// Characters that are read in a second.
const READING: f64 = 30.0;

/// The session so far.
struct Session {
    out: String,
    /// Seconds since its beginning.
    at: f64,
    /// How fast it plays.
    speed: f64,
    width: usize,
}

/// Returns the session of a replay.
pub fn of(source: &Source, scenario: &Scenario, report: &Report, language: &str) -> String {
    let Size { cols, rows } = scenario.settings.size.unwrap_or(SIZE);
    let title = scenario.metadata.title.get(language);
    let header = json!({"version": 2, "width": cols, "height": rows, "title": title});
    let (speed, width) = (scenario.settings.speed.max(0.01), usize::from(cols).saturating_sub(2).max(20));
    let mut session = Session { out: format!("{header}\n"), at: 0.0, speed, width };
    session.tell(title, BOLD);
    for step in &scenario.steps {
        let Some(done) = report.steps.iter().find(|done| done.id == step.id) else { break };
        session.step(source, step, done, language);
    }
    if let Some(finish) = &scenario.finish {
        session.tell(finish.say.get(language), BOLD);
    }
    session.out
}

const PLAIN: &str = "";
const BOLD: &str = "\x1b[1m";
const FAINT: &str = "\x1b[2m";

impl Session {
    fn step(&mut self, source: &Source, step: &Step, done: &StepReport, language: &str) {
        self.event("m", &step.id);
        let text = |text: &Option<crate::text::Text>| text.as_ref().map(|text| text.get(language).to_owned());
        for told in [text(&step.say), text(&step.task)].into_iter().flatten() {
            self.tell(&told, PLAIN);
        }
        if let Some(predict) = &step.predict {
            self.tell(&format!("? {}", predict.ask.get(language)), BOLD);
            let choices: Vec<&str> = predict.choices.iter().map(|choice| choice.get(language)).collect();
            self.tell(&format!("  {}", choices.join("  |  ")), PLAIN);
        }
        let shown = |action: &&crate::format::Action| action.mode != Mode::Hidden;
        for action in step.action.iter().filter(shown).chain(&step.solve) {
            let command = request::by_hand(action, source);
            match action.mode {
                _ if command.is_empty() => {}
                Mode::Typed => self.typed(&command),
                Mode::Live | Mode::Hidden => self.line(&format!("$ {command}"), PLAIN),
            }
        }
        self.line(&answered(done), FAINT);
        if let Some(explain) = text(&step.explain) {
            self.tell(&explain, PLAIN);
        }
    }

    fn event(&mut self, kind: &str, data: &str) {
        let at = (self.at * 1000.0).round() / 1000.0;
        self.out += &format!("{}\n", json!([at, kind, data]));
    }

    fn wait(&mut self, seconds: f64) {
        self.at += seconds / self.speed;
    }

    fn line(&mut self, text: &str, style: &str) {
        if !text.is_empty() {
            let line = if style.is_empty() { format!("{text}\r\n") } else { format!("{style}{text}\x1b[0m\r\n") };
            self.event("o", &line);
        }
    }

    fn typed(&mut self, command: &str) {
        self.event("o", "$ ");
        for letter in command.chars() {
            self.wait(TYPING);
            self.event("o", &letter.to_string());
        }
        self.event("o", "\r\n");
        self.wait(0.5);
    }

    /// A paragraph, with the time to read it.
    fn tell(&mut self, text: &str, style: &str) {
        for line in wrapped(text, self.width) {
            self.line(&line, style);
        }
        self.event("o", "\r\n");
        self.wait(1.0 + text.chars().count() as f64 / READING);
    }
}

/// What came of a step, in one line.
fn answered(done: &StepReport) -> String {
    let held = done.held_at.as_ref().map(|phase| format!("held at {phase}"));
    let code = done.code.map(|code| match &done.reason {
        Some(reason) => format!("-> {code} {reason}"),
        None => format!("-> {code}"),
    });
    [code, held].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// Breaks a text into lines of at most this many cells: at spaces, and after any wide character.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let cells = |c: char| if c.is_ascii() { 1 } else { 2 };
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let (mut line, mut used, mut space) = (String::new(), 0, None);
        for c in paragraph.chars() {
            if used + cells(c) > width {
                let rest = space.map_or_else(String::new, |at| line.split_off(at));
                lines.push(line.trim_end().to_owned());
                line = rest.trim_start().to_owned();
                used = line.chars().map(cells).sum();
                space = None;
            }
            line.push(c);
            used += cells(c);
            if c == ' ' || !c.is_ascii() {
                space = Some(line.len());
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_between_wide_characters() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("请求先被认证", 6), ["请求先", "被认证"]);
        assert_eq!(wrapped("abcdefgh", 4), ["abcd", "efgh"]);
    }

    #[test]
    fn a_session_is_typed_and_marked() {
        let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {id: a, title: {en: A, zh: 甲}}\n\
                    settings: {speed: 2}\nsteps:\n- id: one\n  do: {get: /version}\n";
        let scenario = crate::lint::read("a.yaml", text).expect("a scenario");
        let source = Source::inline("a.yaml", text);
        let step = StepReport { id: "one".into(), code: Some(200), ..StepReport::default() };
        let report = Report { steps: vec![step], ..Report::default() };
        let cast = of(&source, &scenario, &report, "en");
        let lines: Vec<serde_json::Value> =
            cast.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines[0]["version"].as_u64(), lines[0]["width"].as_u64()), (Some(2), Some(120)));
        assert!(lines[1..].windows(2).all(|pair| pair[0][0].as_f64() <= pair[1][0].as_f64()), "{cast}");
        let shown: String =
            lines[1..].iter().filter(|line| line[1] == "o").filter_map(|line| line[2].as_str()).collect();
        assert!(shown.contains("$ kubectl get --raw '/version'\r\n\x1b[2m-> 200\x1b[0m\r\n"), "{shown:?}");
        assert!(lines.iter().any(|line| line[1] == "m" && line[2] == "one"));
    }
}
