//! Holds the invariants of `src/README.md` that Cargo does not: it reads manifests and sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("src").to_owned()
}

/// All Rust sources below a folder of `src/`, by path relative to `src/`. Files of tests (`tests.rs`, `testing.rs`) are not
/// part of the crate: they may stand on whatever they need.
fn sources(below: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![src().join(below)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
                && !path.ends_with("testing.rs")
            {
                let name = path.strip_prefix(src()).expect("below src").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("source"));
            }
        }
    }
    found
}

/// The workspace's crates that a crate's manifest names outside of its dev-dependencies.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = fs::read_to_string(src().join(name).join("Cargo.toml")).expect("manifest");
    let manifest = manifest.split("[dev-dependencies]").next().expect("first part").to_owned();
    let crates = crates();
    let names = manifest.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| crates.contains(&(*name).to_owned())).map(str::to_owned).collect()
}

fn crates() -> Vec<String> {
    let dirs = fs::read_dir(src()).expect("src").flatten().filter(|entry| entry.path().join("Cargo.toml").exists());
    dirs.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect()
}

/// The part of a source before its unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn phase_depends_on_nothing_of_ours() {
    assert_eq!(dependencies("phase"), Vec::<String>::new());
}

#[test]
fn the_three_servers_do_not_depend_on_one_another() {
    let servers = ["apiextensions", "controlplane", "aggregator"];
    for server in servers {
        for dependency in dependencies(server) {
            assert!(!servers.contains(&dependency.as_str()), "{server} depends on {dependency}");
        }
    }
}

#[test]
fn the_watching_column_never_names_what_serves() {
    let serves = ["api", "kv", "storage", "auth", "apiserver", "plugin", "apiextensions", "controlplane", "aggregator"];
    for watcher in ["control", "tui", "scenario", "workshop"] {
        for dependency in dependencies(watcher) {
            assert!(!serves.contains(&dependency.as_str()), "{watcher} depends on {dependency}");
        }
    }
}

#[test]
fn modules_of_apiserver_have_one_direction() {
    let order = ["request", "admission", "registry", "endpoints", "server"];
    for (index, module) in order.iter().enumerate() {
        for (file, text) in sources(&format!("apiserver/src/{module}")) {
            for above in &order[index + 1..] {
                assert!(!without_tests(&text).contains(&format!("crate::{above}")), "{file} reaches up to {above}");
            }
        }
    }
}

#[test]
fn endpoints_know_resources_through_the_registry_only() {
    for (file, text) in sources("apiserver/src/endpoints") {
        for below in ["storage::", "kv::"] {
            let found = without_tests(&text).lines().any(|line| {
                line.trim_start().starts_with(&format!("use {below}")) || line.contains(&format!(" {below}"))
            });
            assert!(!found, "{file} names {below}");
        }
    }
}

#[test]
fn every_source_file_opens_with_its_page() {
    for name in crates() {
        for (file, text) in sources(&format!("{name}/src")) {
            assert!(text.starts_with("//!"), "{file} does not say what it holds");
        }
    }
}

#[test]
fn no_file_is_longer_than_a_reader_bears() {
    // May only shrink. A catalogue may say that it is one in its opening lines.
    let exceptions: &[&str] = &[];
    let mut long = Vec::new();
    for name in crates() {
        for (file, text) in sources(&format!("{name}/src")) {
            let catalogue =
                text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains("catalogue"));
            let lines = without_tests(&text).lines().count();
            if lines > 500 && !catalogue && !exceptions.contains(&file.as_str()) {
                long.push(format!("{file}: {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_choice_between_futures_has_an_order() {
    for name in crates() {
        for (file, text) in sources(&format!("{name}/src")) {
            for choice in without_tests(&text).split("select! {").skip(1) {
                let first = choice.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("//"));
                assert_eq!(first, Some("biased;"), "{file}: two runs of a lesson would differ");
            }
        }
    }
}

#[test]
fn nothing_is_left_open() {
    let words = ["TO", "FIX", "XX"].map(|start| {
        format!(
            "{start}{}",
            if start == "XX" {
                "X"
            } else if start == "TO" {
                "DO"
            } else {
                "ME"
            }
        )
    });
    for name in crates() {
        for (file, text) in sources(&format!("{name}/src")) {
            for word in &words {
                assert!(!text.split(|c: char| !c.is_ascii_alphanumeric()).any(|token| token == word), "{file}: {word}");
            }
        }
    }
}
