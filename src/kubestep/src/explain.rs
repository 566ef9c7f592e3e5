//! `kubestep explain`: what a phase is, its Go function, its place.

use std::io::{self, Write};

use control::texts::{self, Language};
use phase::catalog::{CATALOG, Info, Level, Phase};

/// Writes one phase, or the whole catalogue.
pub fn run(phase: Option<&str>, language: &str) -> anyhow::Result<()> {
    let language = Language::of(language);
    let mut out = io::stdout().lock();
    let Some(name) = phase else {
        for info in CATALOG {
            let text = texts::of(info.phase, language);
            writeln!(out, "{}{:<28} {}", "  ".repeat(depth(info)), info.name, text.title)?;
        }
        return Ok(());
    };
    let found = Phase::find(name);
    if found.is_empty() {
        anyhow::bail!("`{name}` is not a phase; `kubestep explain` lists them");
    }
    for phase in found {
        one(&mut out, phase.info(), language)?;
    }
    Ok(())
}

/// How many phases enclose it.
fn depth(info: &Info) -> usize {
    info.parent.map_or(0, |parent| 1 + depth(parent.info()))
}

fn one(out: &mut impl Write, info: &Info, language: Language) -> io::Result<()> {
    let text = texts::of(info.phase, language);
    let level = match info.level {
        Level::Teaching => "teaching",
        Level::Filter => "filter",
        Level::Call => "call",
    };
    writeln!(out, "{} ({})", text.title, info.name)?;
    writeln!(out, "\n{}\n\n{}", text.question, text.explanation.trim_end())?;
    if !text.classic.is_empty() {
        writeln!(out, "\n{}", text.classic.trim_end())?;
    }
    writeln!(out, "\nGo      {}", info.go)?;
    if let Some(parent) = info.parent {
        writeln!(out, "in      {}", parent.name())?;
    }
    writeln!(out, "detail  {level}\n")
}
