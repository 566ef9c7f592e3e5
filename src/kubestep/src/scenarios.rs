//! `kubestep scenario ...` and `kubestep replay`.

use std::io::{self, Write};

use scenario::{library, lint as linter, schema as json_schema};

use crate::cli::invocation::Replay;

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

/// Runs lessons without the interface.
pub fn replay(replay: &Replay) -> anyhow::Result<()> {
    lint(&replay.scenarios)
}
