//! The rbac group: roles and who has them.
//!
//! Go: pkg/apis/rbac/validation/validation.go, pkg/apis/rbac/v1/defaults.go

use apimachinery::{
    api::validation::name::{name_is_dns_subdomain, validate_path_segment_name},
    meta::label_selector::LabelSelector,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use crate::{
    defaults::{made, zero},
    node::Node,
    rules::{Rules, any_name, same},
    validation::{go_struct, label_selector, named, supported},
};

const GROUP: &str = "rbac.authorization.k8s.io";
const PLAIN: Rules = Rules { validate_name: any_name, ..Rules::PLAIN };

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static ROLE: Rules = Rules { validate: validate_role, validate_update: |role, _| validate_role(role), ..PLAIN };
    static CLUSTER_ROLE: Rules =
        Rules { validate: validate_cluster_role, validate_update: |role, _| validate_cluster_role(role), ..PLAIN };
    static ROLE_BINDING: Rules = Rules {
        default: default_binding,
        validate: |binding| validate_binding(binding, &["Role", "ClusterRole"]),
        validate_update: |binding, old| validate_binding_update(binding, old, &["Role", "ClusterRole"]),
        ..PLAIN
    };
    static CLUSTER_ROLE_BINDING: Rules = Rules {
        default: default_binding,
        validate: |binding| validate_binding(binding, &["ClusterRole"]),
        validate_update: |binding, old| validate_binding_update(binding, old, &["ClusterRole"]),
        ..PLAIN
    };
    Some(match kind {
        "Role" => &ROLE,
        "ClusterRole" => &CLUSTER_ROLE,
        "RoleBinding" => &ROLE_BINDING,
        "ClusterRoleBinding" => &CLUSTER_ROLE_BINDING,
        _ => return None,
    })
}

/// Go: SetDefaults_RoleBinding, SetDefaults_Subject
fn default_binding(object: &mut Object) {
    zero(made(&mut object.0, "roleRef"), "apiGroup", GROUP);
    for subject in object.0.get_mut("subjects").and_then(|list| list.as_array_mut()).into_iter().flatten() {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            zero(subject, "apiGroup", GROUP);
        }
    }
}

fn validate_role(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    for rule in Node::of(object, "rules").items_here() {
        policy_rule(&mut errors, &rule, true);
    }
    errors
}

fn validate_cluster_role(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    for rule in Node::of(object, "rules").items_here() {
        policy_rule(&mut errors, &rule, false);
    }
    let aggregation = Node::of(object, "aggregationRule");
    if aggregation.is_set() && aggregation.len("clusterRoleSelectors") == 0 {
        let text = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(aggregation.child("clusterRoleSelectors").required(text));
    }
    for selector in aggregation.items("clusterRoleSelectors") {
        label_selector(&mut errors, &selector);
        if LabelSelector::new(selector.value).as_selector().is_err() {
            errors.push(Error::invalid(&selector.path, Value::Null, "invalid label selector."));
        }
    }
    errors
}

/// Go: ValidatePolicyRule
fn policy_rule(errors: &mut ErrorList, rule: &Node<'_>, namespaced: bool) {
    if rule.len("verbs") == 0 {
        errors.push(rule.child("verbs").required("verbs must contain at least one value"));
    }
    let urls = rule.child("nonResourceURLs");
    if rule.len("nonResourceURLs") > 0 {
        if namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if ["apiGroups", "resources", "resourceNames"].iter().any(|field| rule.len(field) > 0) {
            errors.push(urls.invalid("rules cannot apply to both regular resources and non-resource URLs"));
        }
        return;
    }
    if rule.len("apiGroups") == 0 {
        errors.push(rule.child("apiGroups").required("resource rules must supply at least one api group"));
    }
    if rule.len("resources") == 0 {
        errors.push(rule.child("resources").required("resource rules must supply at least one resource"));
    }
}

fn validate_binding(object: &Object, kinds: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    let role = Node::of(object, "roleRef");
    supported(&mut errors, &role.child("apiGroup"), &[GROUP]);
    supported(&mut errors, &role.child("kind").or_empty(), kinds);
    let name = role.child("name");
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        named(&mut errors, &name, validate_path_segment_name);
    }
    for subject in Node::of(object, "subjects").items_here() {
        validate_subject(&mut errors, &subject, kinds.len() == 1);
    }
    errors
}

fn validate_subject(errors: &mut ErrorList, subject: &Node<'_>, cluster_wide: bool) {
    let (name, group) = (subject.child("name"), subject.child("apiGroup").or_empty());
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    }
    match subject.text("kind") {
        "ServiceAccount" => {
            if !name.as_str().is_empty() {
                named(errors, &name, name_is_dns_subdomain);
            }
            supported(errors, &group, &[""]);
            if cluster_wide && subject.text("namespace").is_empty() {
                errors.push(subject.child("namespace").required(""));
            }
        }
        "User" | "Group" => supported(errors, &group, &[GROUP]),
        _ => {
            let kind = subject.child("kind").or_empty();
            errors.push(kind.not_supported(&["ServiceAccount", "User", "Group"]));
        }
    }
}

fn validate_binding_update(object: &Object, old: &Object, kinds: &[&str]) -> ErrorList {
    let mut errors = validate_binding(object, kinds);
    let role = object.get(&["roleRef"]);
    if !same(role, old.get(&["roleRef"])) {
        let shown = go_struct(role, "APIGroup:apiGroup Kind Name");
        errors.push(Error::invalid(&Path::new("roleRef"), shown, "cannot change roleRef"));
    }
    errors
}
