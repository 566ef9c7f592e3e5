//! The files that a replay leaves: `outputs` of a lesson, by how their names end.
//!
//! ```text
//! *.trace.json   golden: compared; `replay --update` writes it anew
//! *.recording    everything that happened, to be shown again
//! *.cast         the lesson as a terminal session (asciicast v2)
//! *.md           a handout
//! ```

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    cast,
    expect::Mismatch,
    format::Scenario,
    handout,
    library::Source,
    report::{self, Form, Report},
};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compared with the run.
    Golden,
    /// Everything that happened.
    Recording,
    /// A terminal session.
    Cast,
    /// A text to hand out.
    Handout,
}

/// The ends of names, in the order in which they are told.
pub const KINDS: [(&str, Kind); 4] =
    [(".trace.json", Kind::Golden), (".recording", Kind::Recording), (".cast", Kind::Cast), (".md", Kind::Handout)];

/// Says what a file is for by its name.
pub fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind)
}

/// Whether golden files are compared or written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Golden {
    /// Compared.
    Compare,
    /// Written.
    Update,
}

/// A lesson that was replayed.
pub struct Replayed<'a> {
    /// Where it comes from.
    pub source: &'a Source,
    /// The lesson.
    pub scenario: &'a Scenario,
    /// What its replay says.
    pub report: &'a Report,
    /// Everything that happened.
    pub recording: &'a [u8],
    /// `en` or `zh`.
    pub language: &'a str,
}

/// Writes the files of a lesson, and compares those that are golden; the first that differs is told.
pub fn write(replayed: &Replayed<'_>, golden: Golden) -> Result<(), Mismatch> {
    let Replayed { source, scenario, report, recording, language } = replayed;
    for name in &scenario.outputs {
        let path = source.beside(name);
        match kind(name) {
            Some(Kind::Golden) => {
                let text = report::render(std::slice::from_ref(*report), Form::JSON);
                if golden == Golden::Compare {
                    compare(&path, &text)?;
                } else {
                    save(&path, text.as_bytes())?;
                }
            }
            Some(Kind::Recording) => save(&path, recording)?,
            Some(Kind::Cast) => save(&path, cast::of(source, scenario, report, language).as_bytes())?,
            Some(Kind::Handout) => save(&path, handout::of(source, scenario, report, language).as_bytes())?,
            None => return Err(Mismatch::new("an output whose kind is known", name.clone())),
        }
    }
    Ok(())
}

fn save(path: &Path, content: &[u8]) -> Result<(), Mismatch> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, content));
    written.map_err(|error| Mismatch::new(format!("{} is written", path.display()), error.to_string()))
}

/// Compares with a golden file; tells the first step that differs.
fn compare(path: &Path, text: &str) -> Result<(), Mismatch> {
    let file = path.display();
    let golden = fs::read_to_string(path)
        .map_err(|error| Mismatch::new(format!("{file}, which `replay --update` writes"), error.to_string()))?;
    if golden == text {
        return Ok(());
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default()[0]["steps"].clone();
    let (expected, got) = (read(&golden), read(text));
    let count = |steps: &Value| steps.as_array().map_or(0, Vec::len);
    for index in 0..count(&expected).max(count(&got)) {
        if let Some((field, expected, got)) = difference(&expected[index], &got[index], String::new()) {
            let id = [&expected_id(&golden, index), &expected_id(text, index)]
                .into_iter()
                .find(|id| !id.is_empty())
                .cloned();
            let step = id.unwrap_or_else(|| index.to_string());
            let at = format!("{file}: step {step}{field}");
            return Err(Mismatch::new(format!("{at} is {expected}"), got));
        }
    }
    Err(Mismatch::new(format!("{file} as it is"), "another report"))
}

fn expected_id(text: &str, index: usize) -> String {
    let report: Value = serde_json::from_str(text).unwrap_or_default();
    report[0]["steps"][index]["id"].as_str().unwrap_or_default().to_owned()
}

/// The first field that differs, with both values.
fn difference(expected: &Value, got: &Value, at: String) -> Option<(String, String, String)> {
    match (expected, got) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            names.into_iter().find_map(|name| difference(&expected[name], &got[name], format!("{at}.{name}")))
        }
        (Value::Array(left), Value::Array(right)) => {
            let longer = left.len().max(right.len());
            (0..longer).find_map(|index| difference(&expected[index], &got[index], format!("{at}[{index}]")))
        }
        _ => (expected != got).then(|| (at, expected.to_string(), got.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::StepReport;

    #[test]
    fn a_golden_file_tells_the_first_step_that_differs() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.trace.json");
        let report = |code| {
            let step = |id: &str, code| StepReport { id: id.into(), code: Some(code), ..StepReport::default() };
            let steps = vec![step("one", 200), step("two", code)];
            report::render(&[Report { steps, ..Report::default() }], Form::JSON)
        };
        let missing = compare(&path, &report(201)).expect_err("it is not there");
        assert!(missing.expected.ends_with("a.trace.json, which `replay --update` writes"), "{missing:?}");
        fs::write(&path, report(201)).expect("written");
        assert_eq!(compare(&path, &report(201)), Ok(()));
        let differs = compare(&path, &report(403)).expect_err("it differs");
        assert!(differs.expected.ends_with("a.trace.json: step two.code is 201"), "{differs:?}");
        assert_eq!(differs.got, "403");
    }
}
