//! `kubestep scenario ...` and `kubestep replay`.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write},
    path::Path,
};

use anyhow::Context as _;
use scenario::{
    format::Scenario,
    library::{self, Source},
    lint as linter,
    mask::Mask,
    outputs::{self, Golden, Replayed},
    report::{self, Failure, Form, Report, StepReport},
    requires, runner, schema as json_schema, template,
};

use crate::{
    cli::invocation::Replay,
    launch::{LessonServer, Pace},
    progress,
};

/// Lists the lessons in the program.
pub fn list() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let done = progress::done();
    for name in library::names() {
        let source = library::find(name).map_err(anyhow::Error::msg)?;
        let lesson = read(&source)?.metadata;
        let mark = if done.contains(&lesson.id) { "done" } else { "" };
        writeln!(out, "{name:<28} {mark:<4} {}  {}", lesson.title.get("en"), lesson.title.get("zh"))?;
    }
    Ok(())
}

/// Tells the mistakes of all files.
pub fn lint(files: &[String]) -> anyhow::Result<()> {
    let mut mistakes = Vec::new();
    for file in files {
        match library::find(file) {
            Ok(source) => match linter::read(&source.file, &source.text) {
                Ok(lesson) => eprintln!("{}: {} steps, no mistakes", source.file, lesson.steps.len()),
                Err(found) => mistakes.extend(found.iter().map(ToString::to_string)),
            },
            Err(error) => mistakes.push(error),
        }
    }
    if mistakes.is_empty() { Ok(()) } else { anyhow::bail!(mistakes.join("\n")) }
}

/// Writes a lesson to begin with. A file that is there already stays as it is.
pub fn new(file: &Path) -> anyhow::Result<()> {
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let id: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut out = File::create_new(file).with_context(|| format!("cannot make {}", file.display()))?;
    out.write_all(template::of(&id).as_bytes())?;
    eprintln!("{}: now `kubestep replay {0}`", file.display());
    Ok(())
}

/// Prints the format as a JSON Schema.
pub fn schema() -> anyhow::Result<()> {
    serde_json::to_writer_pretty(io::stdout().lock(), &json_schema::json_schema())?;
    writeln!(io::stdout())?;
    Ok(())
}

/// Runs lessons without the interface, each on a server of its own. One that does not hold is an error.
pub fn replay(replay: &Replay) -> anyhow::Result<()> {
    let mut reports = Vec::new();
    let mut failed = BTreeSet::new();
    for name in &replay.scenarios {
        let source = library::find(name).map_err(anyhow::Error::msg)?;
        let lesson = read(&source)?;
        let report = match reason_to_skip(&lesson, &failed) {
            Some(reason) => skipped(&lesson, reason, &replay.language),
            None => run(source, lesson, replay)?,
        };
        if !report.passed || report.skipped.is_some() {
            failed.insert(report.lesson.clone());
        }
        reports.push(report);
    }
    let form = match replay.format.as_str() {
        "json" => Form::JSON,
        "junit" => Form::JUnit,
        _ => Form::Text,
    };
    let text = report::render(&reports, form);
    match &replay.output {
        Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    let failed: Vec<&str> = reports.iter().filter(|report| !report.passed).map(|report| &*report.lesson).collect();
    anyhow::ensure!(failed.is_empty(), "these lessons do not hold: {}", failed.join(", "));
    Ok(())
}

/// Reads a lesson; all its mistakes if there are any.
fn read(source: &Source) -> anyhow::Result<Scenario> {
    linter::read(&source.file, &source.text)
        .map_err(|mistakes| anyhow::anyhow!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Why a lesson is not replayed: a program is missing, or a lesson that it builds on did not hold in this run.
fn reason_to_skip(lesson: &Scenario, failed: &BTreeSet<String>) -> Option<String> {
    let missing = requires::missing_programs(lesson, &std::env::var_os("PATH").unwrap_or_default());
    if !missing.is_empty() {
        return Some(requires::reason(&missing));
    }
    let before = lesson.metadata.requires.iter().find(|name| failed.contains(*name))?;
    Some(format!("it builds on {before}, which does not hold or was skipped"))
}

fn skipped(lesson: &Scenario, reason: String, language: &str) -> Report {
    let (id, title) = (lesson.metadata.id.clone(), lesson.metadata.title.get(language).to_owned());
    Report { lesson: id, title, passed: true, skipped: Some(reason), steps: Vec::new() }
}

/// Replays a lesson and leaves the files that it says.
fn run(source: Source, mut lesson: Scenario, replay: &Replay) -> anyhow::Result<Report> {
    for file in &replay.leave {
        // Those of the lesson are beside it, these are where the person is.
        let file = std::path::absolute(file)?.display().to_string();
        let kinds = outputs::KINDS.map(|(end, _)| end).join(", ");
        anyhow::ensure!(outputs::kind(&file).is_some(), "--leave {file}: the name must end with one of {kinds}");
        lesson.outputs.push(file);
    }
    let language = replay.language.clone();
    let recorded = lesson.outputs.iter().any(|name| outputs::kind(name) == Some(outputs::Kind::Recording));
    let (played, source, lesson) = crate::runtime::with_stack(move || {
        let played = play(&source, &lesson, &language, recorded).with_context(|| source.file.clone());
        (played, source, lesson)
    })?;
    let (mut report, recording) = played?;
    if report.passed {
        let replayed = Replayed {
            source: &source,
            scenario: &lesson,
            report: &report,
            recording: &recording,
            language: &replay.language,
        };
        let golden = if replay.update { Golden::Update } else { Golden::Compare };
        if let Err(wrong) = outputs::write(&replayed, golden) {
            let failure = Failure { expected: wrong.expected, got: wrong.got, last_phases: Vec::new() };
            report.steps.push(StepReport { id: "outputs".into(), failure: Some(failure), ..StepReport::default() });
            report.passed = false;
        }
    }
    Ok(report)
}

/// Replays a lesson on a server of its own; returns what it says and, if it shall be recorded, everything that happened.
fn play(source: &Source, lesson: &Scenario, language: &str, recorded: bool) -> anyhow::Result<(Report, Vec<u8>)> {
    let repeats = Pace::Replay.is_virtual(&lesson.settings);
    let runtime = if repeats { crate::runtime::paused()? } else { crate::runtime::new()? };
    let played = runtime.block_on(async {
        let mut server = LessonServer::start(&lesson.settings, Pace::Replay)?;
        let world = server.take_world();
        let (controller, lab) = (world.controller.clone(), world.lab.clone());
        let report = runner::replay(source, lesson, world, language).await;
        let recording = if recorded { Mask::recording(&controller, &*lab)? } else { Vec::new() };
        server.stop().await?;
        anyhow::Ok((report, recording))
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    played
}
