//! `kubestep scenario ...` and `kubestep replay`.

use std::io::{self, Write};

use anyhow::Context as _;
use scenario::{
    library, lint as linter,
    report::{self, Form},
    runner, schema as json_schema,
};

use crate::{cli::invocation::Replay, launch::LessonServer};

/// Lists the lessons in the program.
pub fn list() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for name in library::names() {
        let source = library::find(name).map_err(anyhow::Error::msg)?;
        let title = linter::read(&source.file, &source.text).map(|lesson| lesson.metadata.title);
        let title = title.map(|title| format!("{}  {}", title.get("en"), title.get("zh"))).unwrap_or_default();
        writeln!(out, "{name:<28} {title}")?;
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

/// Prints the format as a JSON Schema.
pub fn schema() -> anyhow::Result<()> {
    serde_json::to_writer_pretty(io::stdout().lock(), &json_schema::json_schema())?;
    writeln!(io::stdout())?;
    Ok(())
}

/// Runs lessons without the interface, each on a server of its own. One that does not hold is an error.
pub fn replay(replay: &Replay) -> anyhow::Result<()> {
    let runtime = crate::runtime::new()?;
    let mut reports = Vec::new();
    for name in &replay.scenarios {
        let source = library::find(name).map_err(anyhow::Error::msg)?;
        let lesson = linter::read(&source.file, &source.text).map_err(|mistakes| {
            anyhow::anyhow!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?;
        let report = runtime.block_on(async {
            let mut server = LessonServer::start(&lesson.settings)?;
            let report = runner::replay(&source, &lesson, server.take_world(), &replay.language).await;
            server.stop().await?;
            anyhow::Ok(report)
        });
        reports.push(report.with_context(|| source.file.clone())?);
    }
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
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
