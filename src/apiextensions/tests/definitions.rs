//! Holds the validation of definitions against what kube-apiserver answered, where a recording is at hand.
//!
//! Every first request of a case that creates a definition is validated here, and the causes are compared with those of
//! the recorded refusal; a definition that was accepted must have none.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a recording is well-formed")]

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use apiextensions::validation;
use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

fn parity() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let parity = env::var_os("KUBESTEP_SHARED").map_or_else(beside, PathBuf::from).join("parity");
    parity.is_dir().then_some(parity)
}

/// What decoding and the strategy add before validation.
fn complete(definition: &mut Value) {
    let names = definition["spec"]["names"].clone();
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    let names = &mut definition["spec"]["names"];
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = json!(kind.to_lowercase());
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() && !kind.is_empty() {
        names["listKind"] = json!(format!("{kind}List"));
    }
    if definition["spec"]["conversion"].is_null() {
        definition["spec"]["conversion"] = json!({"strategy": "None"});
    }
    let versions = definition["spec"]["versions"].as_array().cloned().unwrap_or_default();
    let stored = versions.iter().find(|version| version["storage"] == json!(true));
    definition["status"] = stored.map_or(json!({}), |version| json!({"storedVersions": [version["name"]]}));
}

fn read(path: PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn definitions_are_judged_as_recorded() {
    let Some(parity) = parity() else { return eprintln!("skipped: no recording at hand") };
    let (mut equal, mut wrong) = (0, Vec::new());
    let mut cases: Vec<_> = fs::read_dir(parity.join("cases/crd-definition")).unwrap().flatten().collect();
    cases.sort_by_key(fs::DirEntry::file_name);
    for case in cases {
        let name = case.file_name().to_string_lossy().into_owned();
        let (steps, golden) = (read(case.path()), read(parity.join("golden/crd-definition").join(&name)));
        let step = &steps["steps"][0];
        let Some(answer) = golden.as_array().and_then(|all| all.iter().find(|one| one["step"] == step["id"])) else {
            continue;
        };
        let mut definition = step["body"].clone();
        let refusal = answer["status"] == json!(422) && answer["body"]["reason"] == json!("Invalid");
        if definition["kind"] != json!("CustomResourceDefinition") || !refusal && answer["status"] != json!(201) {
            continue;
        }
        complete(&mut definition);
        let text = definition.to_string().replace("${u}", "abcdefgh").replace("${repeat(x,257)}", &"x".repeat(257));
        let object = Object::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        let found: BTreeSet<String> = validation::validate_create(&object)
            .0
            .iter()
            .map(|error| format!("{}: {}", error.field, error.body()).replace("abcdefgh", "${u}"))
            .collect();
        let causes = answer["body"]["details"]["causes"].as_array().cloned().unwrap_or_default();
        let expected: BTreeSet<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause["field"].as_str().unwrap(), cause["message"].as_str().unwrap()))
            .collect();
        if found == expected {
            equal += 1;
        } else {
            wrong.push(format!("{name}\n  found    {found:#?}\n  expected {expected:#?}"));
        }
    }
    println!("{equal} equal, {} different\n{}", wrong.len(), wrong.join("\n"));
    assert!(equal >= 111, "{equal} of at least 111");
}
