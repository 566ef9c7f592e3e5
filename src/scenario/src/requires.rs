//! What a lesson needs: other lessons done before it, programs on this machine.
//!
//! A program that is missing keeps it from being replayed or walked. A lesson that is not done yet is told to the
//! learner, who may go on; a replay leaves out what follows a lesson that does not hold.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use crate::{format::Scenario, library, text::Text};

/// The programs that a lesson may ask for.
pub const PROGRAMS: [&str; 2] = ["kubectl", "etcd"];

/// The programs that a lesson needs and the search path does not have.
pub fn missing_programs(scenario: &Scenario, search_path: &OsStr) -> Vec<String> {
    let there = |program: &str| std::env::split_paths(search_path).any(|dir| is_program(&dir.join(program)));
    let needed = scenario.metadata.requires.iter().filter(|name| PROGRAMS.contains(&name.as_str()));
    needed.filter(|program| !there(program)).cloned().collect()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The lessons that a lesson builds on and that are not among those.
pub fn missing_lessons<'a>(scenario: &'a Scenario, done: &BTreeSet<String>) -> Vec<&'a str> {
    let lessons = scenario.metadata.requires.iter().filter(|name| !PROGRAMS.contains(&name.as_str()));
    lessons.filter(|name| !done.contains(*name)).map(String::as_str).collect()
}

/// Why a lesson cannot be run without these programs.
pub fn reason(programs: &[String]) -> String {
    format!("it needs {}, which is not on the search path", programs.join(" and "))
}

/// What a learner is told before a lesson that builds on others.
pub fn advice(lessons: &[&str]) -> Text {
    let names = lessons.join(", ");
    Text::both(&format!("This lesson builds on: {names}."), &format!("本课建立在这些课程之上：{names}。"))
}

/// Says whether a name is that of a program or of a lesson in this program.
pub fn is_known(name: &str) -> bool {
    PROGRAMS.contains(&name) || library::ids().contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {id: a, title: {en: A, zh: 甲}, \
                    requires: [etcd, startup-tour, kubectl]}\nsteps:\n- id: one\n  do: {get: /version}\n";
        let scenario = crate::lint::read("a.yaml", text).expect("a scenario");
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(missing_programs(&scenario, dir.path().as_os_str()), ["etcd", "kubectl"]);
        assert_eq!(reason(&["etcd".to_owned()]), "it needs etcd, which is not on the search path");
        assert_eq!(missing_lessons(&scenario, &BTreeSet::new()), ["startup-tour"]);
        assert!(missing_lessons(&scenario, &BTreeSet::from(["startup-tour".to_owned()])).is_empty());
    }
}
