//! The lessons that come with the program, and files of one's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// A scenario's text and the files it may refer to.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it comes from, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The folder of its fixtures; `None`: those embedded in the program.
    dir: Option<PathBuf>,
}

impl Source {
    /// Returns a text that is in no file.
    pub fn inline(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), dir: None }
    }

    /// Returns where a file that a replay leaves belongs: beside the scenario; for a lesson in the program, here.
    pub fn beside(&self, path: &str) -> PathBuf {
        self.dir.as_ref().map_or_else(|| PathBuf::from(path), |dir| dir.join(path))
    }

    /// Returns the text of a file beside the scenario.
    pub fn fixture(&self, path: &str) -> Result<String, String> {
        match &self.dir {
            Some(dir) => {
                fs::read_to_string(dir.join(path)).map_err(|error| format!("{}: {error}", dir.join(path).display()))
            }
            None => embedded(path).map(str::to_owned).ok_or_else(|| format!("scenarios/{path}: not in the program")),
        }
    }
}

fn embedded(path: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
}

/// The names of the lessons in the program, in reading order.
pub fn names() -> Vec<&'static str> {
    let lessons = EMBEDDED.iter().map(|(name, _)| *name).filter(|name| !name.contains('/'));
    lessons.filter_map(|name| name.strip_suffix(".yaml")).collect()
}

/// The identities of the lessons in the program, in reading order: their names without the number.
pub fn ids() -> Vec<&'static str> {
    names().into_iter().map(without_number).collect()
}

fn without_number(name: &str) -> &str {
    name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
}

/// Finds a lesson by its name (`01-startup-tour` or `startup-tour`) or by a path to a file.
pub fn find(name: &str) -> Result<Source, String> {
    if let Some(found) = names().into_iter().find(|known| *known == name || without_number(known) == name) {
        let text = embedded(&format!("{found}.yaml")).unwrap_or_default().to_owned();
        return Ok(Source { file: format!("scenarios/{found}.yaml"), text, dir: None });
    }
    let path = Path::new(name);
    match fs::read_to_string(path) {
        Ok(text) => Ok(Source { file: name.to_owned(), text, dir: path.parent().map(Path::to_owned) }),
        Err(error) => {
            Err(format!("{name}: neither a lesson ({}) nor a file that can be read: {error}", names().join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_its_lesson() {
        for name in names() {
            let source = find(name).expect("embedded");
            let lesson = crate::lint::read(&source.file, &source.text).expect("no mistakes");
            assert_eq!(without_number(name), lesson.metadata.id);
        }
    }

    #[test]
    fn every_lesson_in_the_program_is_without_mistakes() {
        for name in names() {
            let source = find(name).expect("embedded");
            if let Err(mistakes) = crate::lint::read(&source.file, &source.text) {
                panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
            }
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert!(find("no-such-lesson").expect_err("unknown").contains("neither a lesson"));
    }
}
