//! What a new cluster allows.
//!
//! Go: plugin/pkg/auth/authorizer/rbac/bootstrappolicy
//!
//! The roles and bindings are data, `assets/rbac/bootstrap-policy.txt`, in a notation of a few words that its head
//! explains; this file reads it.

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use serde_json::{Value, json};

use crate::rbac::index::GROUP;

const POLICY: &str = include_str!("../../../../assets/rbac/bootstrap-policy.txt");

/// Label of every object of the policy.
const LABEL: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");

/// Annotation with which reconciliation is switched off for an object.
pub const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// Returns all objects, roles before the bindings that name them.
pub fn objects() -> Vec<Object> {
    parse(POLICY).expect("the policy is well formed; a test reads it")
}

/// Reads a policy; the error names the line.
fn parse(text: &str) -> Result<Vec<Object>, String> {
    let mut objects = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let at = |error: &str| format!("line {}: {error}: {line}", index + 1);
        match line.strip_prefix("    ") {
            None => {
                let (kind, name) = line.split_once(' ').ok_or_else(|| at("a kind and a name are expected"))?;
                start(&mut objects, kind, name);
            }
            Some(detail) => {
                let object = objects.last_mut().ok_or_else(|| at("there is no object yet"))?;
                add(object, detail).ok_or_else(|| at("cannot read this"))?;
            }
        }
    }
    // Controllers begin with their bindings, so that the lines that follow belong to their roles.
    objects.sort_by_key(|object| object.kind().ends_with("Binding"));
    Ok(objects)
}

/// Begins an object, or for a controller two.
fn start(objects: &mut Vec<Object>, kind: &str, name: &str) {
    if kind == "Controller" {
        let full = format!("system:controller:{name}");
        let mut binding = new("ClusterRoleBinding", &full);
        binding.set(&["subjects"], json!([{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]));
        objects.push(binding);
        objects.push(new("ClusterRole", &full));
    } else {
        objects.push(new(kind, name));
    }
}

/// Returns an object with its metadata and, for a binding, the role of the same name.
fn new(kind: &str, full_name: &str) -> Object {
    let mut object = Object::new(&GroupVersionKind::new(GROUP, "v1", kind));
    let (namespace, name) = match full_name.split_once('/') {
        Some((namespace, name)) => (namespace, name),
        None => ("", full_name),
    };
    object.set(&["metadata", "name"], name);
    if !namespace.is_empty() {
        object.set(&["metadata", "namespace"], namespace);
    }
    object.set(&["metadata", "labels", LABEL.0], LABEL.1);
    object.set(&["metadata", "annotations", AUTOUPDATE], "true");
    if let Some(role) = kind.strip_suffix("Binding") {
        object.set(&["roleRef"], json!({"apiGroup": GROUP, "kind": role, "name": name}));
    }
    object
}

/// Adds a detail line to an object; `None` if it is not understood.
fn add(object: &mut Object, detail: &str) -> Option<()> {
    let words: Vec<&str> = detail.split(' ').collect();
    match words.as_slice() {
        ["label", key] => object.set(&["metadata", "labels", key], "true"),
        ["aggregate", key] => {
            push(object, &["aggregationRule", "clusterRoleSelectors"], json!({"matchLabels": {*key: "true"}}));
        }
        ["grants", kind, name] => object.set(&["roleRef"], json!({"apiGroup": GROUP, "kind": kind, "name": name})),
        ["to", "ServiceAccount", full] => {
            let (namespace, name) = full.split_once('/')?;
            push(object, &["subjects"], json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}));
        }
        ["to", kind, name] => push(object, &["subjects"], json!({"apiGroup": GROUP, "kind": kind, "name": name})),
        [verbs, "urls", paths] => {
            push(object, &["rules"], json!({"nonResourceURLs": list(paths), "verbs": list(verbs)}));
        }
        [verbs, resources, "in", groups, named @ ..] => {
            let mut rule = json!({"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)});
            match named {
                [] => {}
                ["named", names] => rule["resourceNames"] = list(names),
                _ => return None,
            }
            push(object, &["rules"], rule);
        }
        _ => return None,
    }
    Some(())
}

fn list(words: &str) -> Value {
    words.split(',').map(|word| if word == "core" { "" } else { word }).collect()
}

fn push(object: &mut Object, path: &[&str], item: Value) {
    let mut items = object.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
    items.push(item);
    object.set(path, items);
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, env, fs, path::PathBuf};

    use super::*;

    #[test]
    fn the_policy_has_as_many_objects_as_kube_apiservers() {
        let mut kinds = BTreeMap::<String, usize>::new();
        for object in objects() {
            *kinds.entry(object.kind().to_owned()).or_default() += 1;
        }
        let expected = [("ClusterRole", 69), ("ClusterRoleBinding", 50), ("Role", 7), ("RoleBinding", 7)];
        assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = parse("Role a/b\n    get pods of core\n").expect_err("refused");
        assert_eq!(error, "line 2: cannot read this:     get pods of core");
    }

    /// Compares with the objects recorded from kube-apiserver.
    #[test]
    fn recorded_objects_are_the_same() {
        let shared = env::var_os("KUBESTEP_SHARED")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
        let Ok(files) = fs::read_dir(shared.join("parity/golden/bootstrap-rbac")) else {
            eprintln!("skipped: no recorded objects below {}", shared.display());
            return;
        };
        let ours: BTreeMap<_, _> = objects()
            .into_iter()
            .map(|o| ((o.kind().to_owned(), o.namespace().to_owned(), o.name().to_owned()), o))
            .collect();
        for file in files.flatten() {
            let recorded: Value = serde_json::from_slice(&fs::read(file.path()).expect("readable")).expect("JSON");
            let mut recorded = Object::from_value(recorded[0]["body"].clone()).expect("an object");
            recorded.remove(&["metadata", "creationTimestamp"]);
            if recorded.get(&["rules"]) == Some(&Value::Null) {
                recorded.remove(&["rules"]);
            }
            let key = (recorded.kind().to_owned(), recorded.namespace().to_owned(), recorded.name().to_owned());
            assert_eq!(ours.get(&key), Some(&recorded), "{}", file.path().display());
        }
    }
}
