//! Every lesson in the program holds, and says the same twice.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

fn kubestep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubestep")).args(arguments).output().expect("the program starts")
}

/// Replays a lesson; returns its report and everything that happened.
fn replay(lesson: &str, dir: &Path) -> (String, Vec<u8>) {
    let recording = dir.join("run.recording");
    let replayed = kubestep(&["replay", "--format", "json", "--leave", &recording.display().to_string(), lesson]);
    let told = String::from_utf8(replayed.stdout).expect("UTF-8");
    assert!(replayed.status.success(), "{told}\n{}", String::from_utf8_lossy(&replayed.stderr));
    (told, fs::read(recording).expect("a recording"))
}

/// Says where two texts part.
fn parting(left: &[u8], right: &[u8]) -> Option<String> {
    let (left, right) = (String::from_utf8_lossy(left), String::from_utf8_lossy(right));
    let parts = left.lines().zip(right.lines()).enumerate().find(|(_, (left, right))| left != right);
    let cut = |line: &str| line.chars().take(2000).collect::<String>();
    let told = parts.map(|(line, (left, right))| format!("line {}:\n{}\n{}", line + 1, cut(left), cut(right)));
    told.or_else(|| (left.len() != right.len()).then(|| "one is longer".to_owned()))
}

fn lessons() -> Vec<String> {
    let listed = kubestep(&["scenario", "list"]);
    assert!(listed.status.success(), "{listed:?}");
    let text = String::from_utf8(listed.stdout).expect("UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_lesson_replays_and_two_runs_are_the_same_byte_for_byte() {
    let lessons = lessons();
    assert!(lessons.len() >= 3, "{lessons:?}");
    let dir = tempfile::tempdir().expect("a directory");
    for lesson in &lessons {
        let (told, recording) = replay(lesson, dir.path());
        assert!(told.contains("\"passed\": true"), "{told}");
        let (again, recorded_again) = replay(lesson, dir.path());
        assert_eq!(parting(told.as_bytes(), again.as_bytes()), None, "the reports of {lesson}");
        assert_eq!(parting(&recording, &recorded_again), None, "the recordings of {lesson}");
    }
}

#[test]
fn times_uids_and_revisions_belong_to_the_file_and_its_seed() {
    let dir = tempfile::tempdir().expect("a directory");
    let lesson = |seed: u32| {
        let file = dir.path().join(format!("seed{seed}.yaml"));
        let text = format!(
            "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {{id: seeded, title: {{en: S, zh: 种}}}}\n\
             settings: {{seed: {seed}}}\nsteps:\n- id: make\n  do:\n    create: {{apiVersion: v1, kind: ConfigMap, \
             metadata: {{generateName: one-, namespace: default}}}}\n    as: r1\n  expect: [{{code: 201}}]\n"
        );
        fs::write(&file, text).expect("written");
        let (told, recording) = replay(&file.display().to_string(), dir.path());
        let reports: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        (reports[0]["steps"][0]["response"]["metadata"].clone(), recording)
    };
    let ((first, recorded), (other, recorded_otherwise)) = (lesson(1), lesson(2));
    assert!(first["creationTimestamp"].as_str().is_some_and(|time| time.starts_with("2026-01-01T00:0")), "{first}");
    for field in ["uid", "name"] {
        assert_ne!(first[field], other[field], "{field}");
    }
    for field in ["creationTimestamp", "resourceVersion"] {
        assert_eq!(first[field], other[field], "{field}");
    }
    assert_ne!(recorded, recorded_otherwise);
    let uid = first["uid"].as_str().expect("a uid");
    assert_eq!(lesson(1).0["uid"], uid);
}

#[test]
fn a_replay_leaves_the_files_that_the_lesson_names() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("lesson.yaml");
    let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\nmetadata: {id: kept, title: {en: Kept, zh: 留}}\n\
                steps:\n- id: look\n  do: {get: /version, as: r1}\n\
                outputs: [golden/kept.trace.json, out/kept.cast, out/kept.md, out/kept.recording]\n";
    fs::write(&file, text).expect("written");
    let name = file.display().to_string();
    let told = |output: Output| (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned());
    let (held, said) = told(kubestep(&["replay", &name]));
    assert!(!held && said.contains("which `replay --update` writes"), "{said}");
    assert_eq!(told(kubestep(&["replay", "--update", &name])), told(kubestep(&["replay", &name])));
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("it was written");
    assert!(read("golden/kept.trace.json").contains("\"id\": \"look\""));
    assert!(read("out/kept.cast").starts_with("{\"height\":40,\"title\":\"Kept\",\"version\":2,\"width\":120}\n"));
    assert!(read("out/kept.md").starts_with("# Kept\n\n## look\n"));
    assert!(read("out/kept.recording").starts_with("{\"kubestepRecording\":1"));
    fs::write(&file, text.replace("get: /version", "get: /nothing")).expect("written");
    let (held, said) = told(kubestep(&["replay", &name]));
    assert!(!held && said.contains("kept.trace.json: step look.") && said.contains("FAIL outputs"), "{said}");
}

#[test]
fn a_lesson_whose_program_is_missing_is_skipped_with_the_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("needs.yaml");
    let text = "apiVersion: kubestep.dev/v1alpha1\nkind: Scenario\n\
                metadata: {id: needs, title: {en: N, zh: 需}, requires: [etcd]}\n\
                steps:\n- id: look\n  do: {get: /version, as: r1}\n";
    fs::write(&file, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubestep"));
    let command = command.args(["replay", "--format", "junit"]).arg(&file).env("PATH", dir.path());
    let output = command.output().expect("the program starts");
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{told}");
    assert!(told.contains("<skipped message=\"it needs etcd, which is not on the search path\"/>"), "{told}");
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
        ("who-are-you", "zh", "本课完成。"),
        ("who-stopped-alice", "en", "Lesson finished."),
        ("change-then-check", "zh", "本课完成。"),
        ("custom-resources", "en", "Lesson finished."),
    ] {
        let home = tempfile::tempdir().expect("a directory");
        let mut program = Command::new(env!("CARGO_BIN_EXE_kubestep"))
            .args(["walk", lesson, "--ui", "plain", "--lang", language])
            .env("XDG_STATE_HOME", home.path())
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
        let done = fs::read_to_string(home.path().join("kubestep/progress")).expect("it is remembered");
        assert_eq!(done, format!("{lesson}\n"));
    }
}
