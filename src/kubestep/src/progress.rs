//! Which lessons the learner has done, kept between runs: `$XDG_STATE_HOME/kubestep/progress`, one a line.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

/// Where it is kept; none without a home.
fn file() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(xdg.or_else(home)?.join("kubestep/progress"))
}

/// The lessons that are done.
pub fn done() -> BTreeSet<String> {
    let text = file().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Remembers that a lesson is done. Where nothing can be kept, nothing is.
pub fn remember(lesson: &str) {
    let Some(file) = file() else { return };
    let mut lessons = done();
    if !lessons.insert(lesson.to_owned()) {
        return;
    }
    let text: String = lessons.iter().map(|lesson| format!("{lesson}\n")).collect();
    let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
    if let Err(error) = folder.and_then(|()| fs::write(&file, text)) {
        tracing::warn!("{}: {error}", file.display());
    }
}
