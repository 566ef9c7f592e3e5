//! Every lesson in the program holds, and says the same twice.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Output, Stdio},
};

fn kubestep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubestep")).args(arguments).output().expect("the program starts")
}

fn lessons() -> Vec<String> {
    let listed = kubestep(&["scenario", "list"]);
    assert!(listed.status.success(), "{listed:?}");
    let text = String::from_utf8(listed.stdout).expect("UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_lesson_replays_and_the_report_is_the_same_byte_for_byte() {
    let lessons = lessons();
    assert!(lessons.len() >= 3, "{lessons:?}");
    let mut arguments = vec!["replay", "--format", "json"];
    arguments.extend(lessons.iter().map(String::as_str));
    let first = kubestep(&arguments);
    let told = String::from_utf8_lossy(&first.stdout);
    assert!(first.status.success(), "{told}\n{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(told.matches("\"passed\": true").count(), lessons.len(), "{told}");
    let second = kubestep(&arguments);
    assert_eq!(told, String::from_utf8_lossy(&second.stdout));
}

#[test]
fn a_lesson_that_does_not_hold_fails_with_what_was_there_instead() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("wrong.yaml");
    let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {id: wrong, title: {en: W, zh: 错}}\n\
                steps:\n- id: teapot\n  do: {get: /version, as: r1}\n  expect: [{of: r1, code: 418}]\n- id: never\n";
    std::fs::write(&file, text).expect("written");
    let replayed = kubestep(&["replay", "--format", "junit", &file.display().to_string()]);
    assert!(!replayed.status.success());
    let told = String::from_utf8(replayed.stdout).expect("UTF-8");
    assert!(told.contains("<testsuite name=\"wrong\" tests=\"1\" failures=\"1\">"), "{told}");
    assert!(told.contains("expected code 418, got code 200"), "{told}");
}

/// Walks a lesson line by line, as a learner who always goes on and has every task solved.
#[test]
fn a_lesson_is_walked_to_its_end_in_both_languages() {
    for (lesson, language, end) in [
        ("startup-tour", "en", "Lesson finished."),
        ("life-of-a-request", "zh", "本课完成。"),
        ("one-request-three-servers", "en", "Lesson finished."),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kubestep"))
            .args(["walk", lesson, "--ui", "plain", "--lang", language])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = program.stdin.take().expect("piped");
        let mut said = Vec::new();
        for line in BufReader::new(program.stdout.take().expect("piped")).lines() {
            let line = line.expect("UTF-8");
            let answer = match line.as_str() {
                "(Enter goes on)" | "（按 Enter 继续）" => "\n",
                line if line == end => "q\n",
                line if line.starts_with("  [ ]") && !line.contains("waiting") && !line.contains("等待") => "S\n",
                _ => "",
            };
            assert!(!line.starts_with("  [!]"), "{lesson}: {line} after\n{}", said.join("\n"));
            said.push(line);
            input.write_all(answer.as_bytes()).expect("it reads");
        }
        assert!(program.wait().expect("it ends").success());
        let said = said.join("\n");
        assert!(said.contains(end), "{lesson}:\n{said}");
    }
}
