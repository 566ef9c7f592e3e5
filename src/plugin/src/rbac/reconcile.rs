//! Puts the bootstrap policy in place at each start: adds what is missing, and never takes away.
//!
//! Go: pkg/registry/rbac/rest/storage_rbac.go, component-helpers/auth/rbac/reconciliation

use std::collections::BTreeMap;

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionKind},
};
use client::rest::{Client, Error};
use serde_json::{Value, json};

use crate::rbac::{
    bootstrap_policy::{self, AUTOUPDATE},
    index,
    rule::{self, PolicyRule},
};

/// The name of the hook that runs [`ensure_rbac_policy`].
pub const POST_START_HOOK_NAME: &str = "rbac/bootstrap-roles";

/// The kinds of the policy with their resources, roles first.
const RESOURCES: [(&str, &str); 4] = [
    ("ClusterRole", "clusterroles"),
    ("ClusterRoleBinding", "clusterrolebindings"),
    ("Role", "roles"),
    ("RoleBinding", "rolebindings"),
];

/// Compares the policy with what the server has, and writes the difference.
///
/// Go: pkg/registry/rbac/rest/storage_rbac.go ensureRBACPolicy
pub async fn ensure_rbac_policy(client: &Client) -> Result<(), Error> {
    let policy = bootstrap_policy::objects();
    for (kind, resource) in RESOURCES {
        let resource = client.resource(&index::resource(resource));
        // One list instead of a get for each object.
        let existing = resource.list(&[]).await?.items;
        let existing: BTreeMap<_, _> =
            existing.iter().map(|object| ((object.namespace(), object.name()), object)).collect();
        for expected in policy.iter().filter(|object| object.kind() == kind) {
            let resource = resource.clone().namespace(expected.namespace());
            match reconcile(existing.get(&(expected.namespace(), expected.name())).copied(), expected) {
                Step::Keep => {}
                Step::Create => {
                    ensure_namespace(client, expected.namespace()).await?;
                    accept(resource.create(expected).await)?;
                }
                Step::Update(object) => accept(resource.update(&object, "").await)?,
                Step::Recreate(object) => {
                    let uid =
                        json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": object.uid()}});
                    accept(resource.delete(expected.name(), &uid).await)?;
                    accept(resource.create(expected).await)?;
                }
            }
        }
    }
    Ok(())
}

/// Another server of the same cluster may be doing the same: what it did counts as done.
fn accept(outcome: Result<Object, Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if !(error.is_already_exists() || error.is_conflict() || error.is_not_found()) => Err(error),
        _ => Ok(()),
    }
}

/// Go: component-helpers/auth/rbac/reconciliation/namespace.go tryEnsureNamespace
async fn ensure_namespace(client: &Client, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Ok(());
    }
    let namespaces = client.resource(&GroupVersion::new("", "v1").with_resource("namespaces"));
    match namespaces.get(name).await {
        Err(error) if error.is_not_found() => {
            let mut namespace = Object::new(&GroupVersionKind::new("", "v1", "Namespace"));
            namespace.set(&["metadata", "name"], name);
            accept(namespaces.create(&namespace).await)
        }
        other => other.map(drop),
    }
}

/// What is to be done about one object.
#[derive(Debug, PartialEq)]
enum Step {
    Keep,
    Create,
    Update(Object),
    /// A binding's role cannot be changed; this is the one that goes.
    Recreate(Object),
}

/// Go: component-helpers/auth/rbac/reconciliation/{reconcile_role,reconcile_rolebindings}.go
fn reconcile(existing: Option<&Object>, expected: &Object) -> Step {
    let Some(existing) = existing else { return Step::Create };
    if existing.str(&["metadata", "annotations", AUTOUPDATE]) == "false" {
        return Step::Keep;
    }
    if existing.get(&["roleRef"]) != expected.get(&["roleRef"]) {
        return Step::Recreate(existing.clone());
    }
    let mut merged = existing.clone();
    for map in ["labels", "annotations"] {
        for (key, value) in expected.get(&["metadata", map]).and_then(Value::as_object).into_iter().flatten() {
            if merged.get(&["metadata", map, key]).is_none() {
                merged.set(&["metadata", map, key], value.clone());
            }
        }
    }
    let rules = |object: &Object| index::read::<Vec<PolicyRule>>(object.get(&["rules"]));
    let missing = rule::uncovered(&rules(existing), &rules(expected)).into_iter();
    append(&mut merged, &["rules"], missing.filter_map(|rule| serde_json::to_value(rule).ok()).collect());
    let selectors = ["aggregationRule", "clusterRoleSelectors"];
    append(&mut merged, &selectors, absent(existing, expected, &selectors));
    if expected.get(&["aggregationRule"]).is_none() {
        merged.remove(&["aggregationRule"]);
    }
    append(&mut merged, &["subjects"], absent(existing, expected, &["subjects"]));
    if merged == *existing { Step::Keep } else { Step::Update(merged) }
}

/// Returns the items of a list that the other list lacks.
fn absent(existing: &Object, expected: &Object, path: &[&str]) -> Vec<Value> {
    let items = |object: &Object| object.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let has = items(existing);
    items(expected).into_iter().filter(|item| !has.contains(item)).collect()
}

fn append(object: &mut Object, path: &[&str], items: Vec<Value>) {
    if !items.is_empty() {
        let mut all = object.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
        all.extend(items);
        object.set(path, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("object")
    }

    #[test]
    fn missing_rules_are_added_and_extra_ones_stay() {
        let rule = |verb: &str, resource: &str| json!({"apiGroups": [""], "resources": [resource], "verbs": [verb]});
        let role = |rules: Value| object(json!({"metadata": {"name": "a"}, "rules": rules}));
        let expected = role(json!([rule("get", "pods"), rule("list", "pods")]));
        let Step::Update(merged) =
            reconcile(Some(&role(json!([rule("get", "pods"), rule("get", "secrets")]))), &expected)
        else {
            panic!("an update was expected")
        };
        let expected_rules = json!([rule("get", "pods"), rule("get", "secrets"), rule("list", "pods")]);
        assert_eq!(merged.get(&["rules"]), Some(&expected_rules));
        assert_eq!(reconcile(Some(&merged), &expected), Step::Keep);
    }

    #[test]
    fn a_protected_object_is_left_alone() {
        let expected =
            object(json!({"metadata": {"name": "a"}, "rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}));
        let protected = object(json!({"metadata": {"name": "a", "annotations": {AUTOUPDATE: "false"}}}));
        assert_eq!(reconcile(Some(&protected), &expected), Step::Keep);
        assert_eq!(reconcile(None, &expected), Step::Create);
    }
}
