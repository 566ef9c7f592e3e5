//! FlowSchema: which requests are of this sort, and what tells its flows apart.
//!
//! Go: pkg/apis/flowcontrol/validation/validation.go ValidateFlowSchema, pkg/apis/flowcontrol/v1/defaults.go

use apimachinery::{
    api::validation::name::name_is_dns_subdomain,
    runtime::object::Object,
    util::validation::is_dns1123_label,
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use super::{fixed, go_list};
use crate::{
    defaults::{made, zero},
    node::Node,
    validation::{dns_label, go_struct, named, required_text, supported},
};

/// The precedence of a schema that names none.
const DEFAULT_MATCHING_PRECEDENCE: i64 = 1000;

/// The last precedence.
const MAX_MATCHING_PRECEDENCE: i64 = 10_000;

/// Go: supportedVerbs
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// Go: SetDefaults_FlowSchemaSpec
pub(super) fn default(object: &mut Object) {
    zero(made(&mut object.0, "spec"), "matchingPrecedence", DEFAULT_MATCHING_PRECEDENCE);
}

/// Go: ValidateFlowSchema
pub(super) fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    validate_spec(&mut errors, object.name(), &spec);
    if let Some(wanted) = mandatory(object.name()) {
        let sentence = format!("spec of '{}' must equal the fixed value", object.name());
        fixed(&mut errors, &spec, &wanted, go_spec(&spec), sentence);
    }
    errors.extend(super::validate_status(object));
    errors
}

/// The first schema and the last: the one for those who may do everything, the other for whoever is left.
///
/// Go: pkg/apis/flowcontrol/internalbootstrap/default-internal.go MandatoryFlowSchemas
fn mandatory(name: &str) -> Option<Value> {
    let group = |name: &str| json!({"kind": "Group", "group": {"name": name}});
    let (precedence, distinguisher, subjects) = match name {
        "exempt" => (1, Value::Null, vec![group("system:masters")]),
        "catch-all" => {
            let everyone = vec![group("system:unauthenticated"), group("system:authenticated")];
            (MAX_MATCHING_PRECEDENCE, json!({"type": "ByUser"}), everyone)
        }
        _ => return None,
    };
    let resources = json!({
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"],
    });
    Some(json!({
        "priorityLevelConfiguration": {"name": name},
        "matchingPrecedence": precedence,
        "distinguisherMethod": distinguisher,
        "rules": [{
            "subjects": subjects,
            "resourceRules": [resources],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }],
    }))
}

fn validate_spec(errors: &mut ErrorList, name: &str, spec: &Node<'_>) {
    let precedence = spec.int("matchingPrecedence");
    let at = spec.path.child("matchingPrecedence");
    if precedence <= 0 {
        errors.push(Error::invalid(&at, precedence, "must be a positive value"));
    }
    if precedence > MAX_MATCHING_PRECEDENCE {
        let detail = format!("must not be greater than {MAX_MATCHING_PRECEDENCE}");
        errors.push(Error::invalid(&at, precedence, detail));
    }
    if precedence == 1 && name != "exempt" {
        let detail = "only the schema named 'exempt' may have matchingPrecedence 1";
        errors.push(Error::invalid(&at, precedence, detail));
    }
    let method = spec.child("distinguisherMethod");
    let methods = ["ByNamespace", "ByUser"];
    if method.is_set() && !methods.contains(&method.text("type")) {
        let shown = go_struct(method.value, "Type");
        errors.push(Error::not_supported(&method.path.child("type"), shown, &methods));
    }
    let level = spec.child("priorityLevelConfiguration.name");
    if level.as_str().is_empty() {
        errors.push(level.required("must reference a priority level"));
    } else {
        named(errors, &level, name_is_dns_subdomain);
    }
    spec.items("rules").iter().for_each(|rule| validate_rule(errors, rule));
}

/// Go: ValidateFlowSchemaPolicyRulesWithSubjects
fn validate_rule(errors: &mut ErrorList, rule: &Node<'_>) {
    if rule.len("subjects") == 0 {
        errors.push(rule.child("subjects").required("subjects must contain at least one value"));
    }
    rule.items("subjects").iter().for_each(|subject| validate_subject(errors, subject));
    if rule.len("resourceRules") == 0 && rule.len("nonResourceRules") == 0 {
        errors.push(rule.required("at least one of resourceRules and nonResourceRules has to be non-empty"));
    }
    rule.items("resourceRules").iter().for_each(|rule| validate_resource_rule(errors, rule));
    rule.items("nonResourceRules").iter().for_each(|rule| validate_non_resource_rule(errors, rule));
}

/// The field that each kind of subject has, and no other.
const SUBJECTS: [(&str, &str); 3] = [("Group", "group"), ("ServiceAccount", "serviceAccount"), ("User", "user")];

/// Go: ValidateFlowSchemaSubject
fn validate_subject(errors: &mut ErrorList, subject: &Node<'_>) {
    let kind = subject.child("kind").or_empty();
    let kinds = SUBJECTS.map(|(kind, _)| kind);
    supported(errors, &kind, &kinds);
    if !kinds.contains(&kind.as_str()) {
        return;
    }
    for (wanted, field) in SUBJECTS {
        let named = subject.child(field);
        match (wanted == kind.as_str(), named.is_set()) {
            (true, false) => {
                errors.push(named.required(format!("{field} is required when subject kind is '{wanted}'")));
            }
            (false, true) => {
                errors.push(named.forbidden(format!("{field} is forbidden when subject kind is not '{wanted}'")));
            }
            (true, true) if wanted == "ServiceAccount" => validate_service_account(errors, &named),
            (true, true) => required_text(errors, &named.child("name")),
            (false, false) => {}
        }
    }
}

fn validate_service_account(errors: &mut ErrorList, account: &Node<'_>) {
    let (name, namespace) = (account.child("name"), account.child("namespace"));
    match name.as_str() {
        "*" => {}
        "" => errors.push(name.required("")),
        _ => named(errors, &name, name_is_dns_subdomain),
    }
    if namespace.as_str().is_empty() {
        errors.push(namespace.required("must specify namespace for service account"));
    } else {
        dns_label(errors, &namespace);
    }
}

fn has_wildcard(list: &Node<'_>) -> bool {
    list.items_here().iter().any(|item| item.as_str() == "*")
}

/// A list with `*` has nothing else.
fn alone(errors: &mut ErrorList, list: &Node<'_>, what: &str) {
    if list.items_here().len() > 1 && has_wildcard(list) {
        let detail = format!("if '*' is present, must not specify other {what}");
        errors.push(Error::invalid(&list.path, list.shown(), detail));
    }
}

fn validate_verbs(errors: &mut ErrorList, rule: &Node<'_>) {
    let verbs = rule.child("verbs");
    let items = verbs.items_here();
    if items.is_empty() {
        errors.push(verbs.required("verbs must contain at least one value"));
    } else if has_wildcard(&verbs) {
        alone(errors, &verbs, "verbs");
    } else if items.iter().any(|verb| !VERBS.contains(&verb.as_str())) {
        errors.push(verbs.not_supported(&VERBS));
    }
}

/// Go: ValidateFlowSchemaResourcePolicyRule
fn validate_resource_rule(errors: &mut ErrorList, rule: &Node<'_>) {
    validate_verbs(errors, rule);
    for (field, one, many) in [("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")] {
        let list = rule.child(field);
        if list.items_here().is_empty() {
            errors.push(list.required(format!("resource rules must supply at least one {one}")));
        }
        alone(errors, &list, many);
    }
    let namespaces = rule.child("namespaces");
    if rule.len("namespaces") == 0 && !rule.flag("clusterScope") {
        let detail = "resource rules that are not cluster scoped must supply at least one namespace";
        errors.push(namespaces.required(detail));
    } else if has_wildcard(&namespaces) {
        alone(errors, &namespaces, "namespaces");
    } else {
        for namespace in namespaces.items_here() {
            let sentences = is_dns1123_label(namespace.as_str()).into_iter();
            let prefixed =
                sentences.map(|text| format!("each member of this list must be '*' or a DNS-1123 label; {text}"));
            errors.extend(prefixed.map(|text| namespace.invalid(text)));
        }
    }
}

/// Go: ValidateFlowSchemaNonResourcePolicyRule
fn validate_non_resource_rule(errors: &mut ErrorList, rule: &Node<'_>) {
    validate_verbs(errors, rule);
    let urls = rule.child("nonResourceURLs");
    if rule.len("nonResourceURLs") == 0 {
        errors.push(urls.required("nonResourceURLs must contain at least one value"));
    } else if has_wildcard(&urls) {
        alone(errors, &urls, "non-resource URLs");
    } else {
        for url in urls.items_here() {
            if let Some(why) = bad_url_path(url.as_str()) {
                errors.push(url.invalid(why));
            }
        }
    }
}

/// Go: ValidateNonResourceURLPath
fn bad_url_path(path: &str) -> Option<&'static str> {
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        path if !path.starts_with('/') => Some("must start with slash"),
        path if path.contains(' ') => Some("must not contain white-space"),
        path if path.contains("//") => Some("must not contain double slash"),
        path => match path.matches('*').count() {
            0 => None,
            1 if path.ends_with("/*") => None,
            _ => Some("wildcard can only do suffix matching"),
        },
    }
}

/// Writes a spec as Go does.
fn go_spec(spec: &Node<'_>) -> String {
    let level = go_struct(spec.get("priorityLevelConfiguration"), "Name");
    let method = go_struct(spec.get("distinguisherMethod"), "Type");
    let rules = go_list(spec, "rules", |rule| {
        let subjects = go_list(rule, "subjects", |subject| {
            let named = |field: &str, fields: &str| go_struct(subject.get(field), fields).to_string();
            format!(
                "{{\"Kind\":\"{}\",\"User\":{},\"Group\":{},\"ServiceAccount\":{}}}",
                subject.text("kind"),
                named("user", "Name"),
                named("group", "Name"),
                named("serviceAccount", "Namespace Name")
            )
        });
        let fields = "Verbs? APIGroups:apiGroups? Resources? ClusterScope! Namespaces?";
        let resources = go_list(rule, "resourceRules", |rule| go_struct(rule.value, fields).to_string());
        let fields = "Verbs? NonResourceURLs?";
        let others = go_list(rule, "nonResourceRules", |rule| go_struct(rule.value, fields).to_string());
        format!("{{\"Subjects\":{subjects},\"ResourceRules\":{resources},\"NonResourceRules\":{others}}}")
    });
    let precedence = spec.int("matchingPrecedence");
    format!(
        "{{\"PriorityLevelConfiguration\":{level},\"MatchingPrecedence\":{precedence},\
         \"DistinguisherMethod\":{method},\"Rules\":{rules}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mandatory_ones_are_valid_and_nobody_can_change_them() {
        for name in ["exempt", "catch-all"] {
            let mut object = Object::from_value(json!({"metadata": {"name": name}})).expect("an object");
            object.set(&["spec"], mandatory(name).expect("mandatory"));
            assert_eq!(validate(&object).to_string(), "");
            object.set(&["spec", "matchingPrecedence"], 5);
            assert!(validate(&object).to_string().ends_with("must equal the fixed value"), "{name}");
        }
    }

    #[test]
    fn paths_may_end_with_a_wildcard() {
        for (path, good) in
            [("/", true), ("/a/*", true), ("/a*", false), ("/*/a", false), ("a", false), ("/a//b", false)]
        {
            assert_eq!(bad_url_path(path).is_none(), good, "{path}");
        }
    }
}
