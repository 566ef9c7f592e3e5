//! Checks metadata when an object is created or updated.
//!
//! Go: apimachinery/pkg/api/validation/objectmeta.go

use serde_json::{Map, Value};

use crate::{
    api::validation::name::{self, NameUsage, ValidateNameFunc},
    meta::{
        object_meta::{FINALIZER_DELETE_DEPENDENTS, FINALIZER_ORPHAN_DEPENDENTS, ObjectMeta, OwnerReference},
        validation as meta_validation,
    },
    runtime::schema::GroupVersion,
    util::{strconv, validation},
    validation::field::{BadValue, Error, ErrorList, Path},
};

/// Keys and values of all annotations together, in bytes.
pub const TOTAL_ANNOTATION_SIZE_LIMIT: usize = 256 * 1024;
/// What is said of a field that changed and must not.
pub const FIELD_IMMUTABLE: &str = "field is immutable";
const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Whether the objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In none.
    Cluster,
}

/// Checks the metadata of an object that is created; its name has been generated.
///
/// Go: ValidateObjectMeta
pub fn validate_object_meta(meta: ObjectMeta<'_>, scope: Scope, name_func: ValidateNameFunc, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    if !meta.generate_name().is_empty() {
        let invalid = |message| Error::invalid(&path.child("generateName"), meta.generate_name(), message);
        errors.extend(name_func(meta.generate_name(), NameUsage::Prefix).into_iter().map(invalid));
    }
    if meta.name().is_empty() {
        errors.push(Error::required(&path.child("name"), "name or generateName is required"));
    } else {
        let invalid = |message| Error::invalid(&path.child("name"), meta.name(), message);
        errors.extend(name_func(meta.name(), NameUsage::Whole).into_iter().map(invalid));
    }
    errors.extend(validate_namespace(meta.namespace(), scope, &path.child("namespace")));
    errors.extend(validate_nonnegative_field(meta.generation(), &path.child("generation")));
    errors.extend(validate_shared(meta, path, Some(meta.finalizers())));
    errors
}

/// Checks the metadata of an object that is updated against what it was.
///
/// Go: ValidateObjectMetaUpdate
pub fn validate_object_meta_update(new: ObjectMeta<'_>, old: ObjectMeta<'_>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    if old.get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
        let path = path.child("finalizers");
        errors.extend(validate_no_new_finalizers(&new.finalizers(), &old.finalizers(), &path));
    }
    if new.str("resourceVersion").is_empty() {
        errors.push(Error::invalid(&path.child("resourceVersion"), "", "must be specified for an update"));
    }
    if new.generation() < old.generation() {
        errors.push(Error::invalid(&path.child("generation"), new.generation(), "must not be decremented"));
    }
    for field in ["name", "namespace", "uid"] {
        // An absent string is an empty one.
        errors.extend(validate_immutable_field(&new.str(field).into(), &old.str(field).into(), &path.child(field)));
    }
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let [new, old] = [new, old].map(|meta| meta.get(field).unwrap_or(&Value::Null));
        errors.extend(validate_immutable_field(new, old, &path.child(field)));
    }
    errors.extend(validate_shared(new, path, None));
    errors
}

/// What create and update check in the same way; only create looks at the names of finalizers.
fn validate_shared(meta: ObjectMeta<'_>, path: &Path, finalizers: Option<Vec<&str>>) -> ErrorList {
    let mut errors = meta_validation::validate_labels(meta.labels(), &path.child("labels"));
    errors.extend(validate_annotations(meta.annotations(), &path.child("annotations")));
    errors.extend(validate_owner_references(meta, &path.child("ownerReferences")));
    errors.extend(finalizers.into_iter().flat_map(|names| validate_finalizers(&names, &path.child("finalizers"))));
    errors.extend(meta_validation::validate_managed_fields(meta.managed_fields(), &path.child("managedFields")));
    errors
}

fn validate_namespace(namespace: &str, scope: Scope, path: &Path) -> ErrorList {
    match (scope, namespace) {
        (Scope::Namespaced, "") => vec![Error::required(path, "")].into(),
        (Scope::Namespaced, _) => {
            let messages = name::name_is_dns_label(namespace, NameUsage::Whole);
            messages.into_iter().map(|message| Error::invalid(path, namespace, message)).collect()
        }
        (Scope::Cluster, "") => ErrorList::new(),
        (Scope::Cluster, _) => vec![Error::forbidden(path, "not allowed on this type")].into(),
    }
}

/// Go: ValidateAnnotations
pub fn validate_annotations<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    let mut size = 0;
    for (key, value) in annotations {
        size += key.len() + value.len();
        // As a label key, but in either case.
        let messages = validation::is_qualified_name(&key.to_lowercase());
        errors.extend(messages.into_iter().map(|message| Error::invalid(path, key, message)));
    }
    if size > TOTAL_ANNOTATION_SIZE_LIMIT {
        errors.push(Error::too_long(path, TOTAL_ANNOTATION_SIZE_LIMIT));
    }
    errors
}

/// Go: ValidateOwnerReferences
pub fn validate_owner_references(meta: ObjectMeta<'_>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    let mut controller: Option<String> = None;
    for reference in meta.owner_references() {
        errors.extend(validate_owner_reference(reference, path));
        if !reference.is_controller() {
            continue;
        }
        let this = format!("{}/{}", reference.kind(), reference.name());
        match &controller {
            None => controller = Some(this),
            Some(first) => {
                let shown: Vec<String> = meta.owner_references().map(shown).collect();
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                errors.push(Error::invalid(path, BadValue::Text(format!("[{}]", shown.join(","))), detail));
            }
        }
    }
    errors
}

fn validate_owner_reference(reference: OwnerReference<'_>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    let api_version = reference.api_version();
    let group_version = GroupVersion::parse(api_version).unwrap_or_default();
    if group_version.version.is_empty() {
        errors.push(Error::invalid(&path.child("apiVersion"), api_version, "version must not be empty"));
    }
    let names = [("kind", reference.kind()), ("name", reference.name()), ("uid", reference.uid())];
    for (field, _) in names.into_iter().filter(|(_, value)| value.is_empty()) {
        errors.push(Error::invalid(&path.child(field), "", "must not be empty"));
    }
    // An event is about something else and owns nothing.
    if (api_version, reference.kind()) == ("v1", "Event") {
        let detail = format!("{} is disallowed from being an owner", group_version.with_kind("Event"));
        errors.push(Error::invalid(path, BadValue::Text(shown(reference)), detail));
    }
    errors
}

/// Returns a reference as Go prints it: four fields always, the others if they are set.
fn shown(reference: OwnerReference<'_>) -> String {
    let required = ["apiVersion", "kind", "name", "uid"];
    let mut fields: Map<String, Value> = required.map(|field| (field.to_owned(), "".into())).into_iter().collect();
    fields.extend(reference.0.clone());
    strconv::marshal_in_order(&fields, &OwnerReference::ORDER)
}

/// Go: ValidateFinalizers
pub fn validate_finalizers(finalizers: &[&str], path: &Path) -> ErrorList {
    let mut errors: ErrorList =
        finalizers.iter().flat_map(|finalizer| validate_finalizer_name(finalizer, path)).collect();
    let both = [FINALIZER_ORPHAN_DEPENDENTS, FINALIZER_DELETE_DEPENDENTS];
    if both.iter().all(|finalizer| finalizers.contains(finalizer)) {
        let detail = format!("finalizer {} and {} cannot be both set", both[0], both[1]);
        errors.push(Error::invalid(path, finalizers, detail));
    }
    errors
}

/// Go: ValidateFinalizerName
pub fn validate_finalizer_name(finalizer: &str, path: &Path) -> ErrorList {
    validation::is_qualified_name(finalizer)
        .into_iter()
        .map(|message| Error::invalid(path, finalizer, message))
        .collect()
}

/// Checks that a finalizer without a prefix is one of Kubernetes' own; built-in kinds do, custom ones do not.
///
/// Go: pkg/apis/core/validation/validation.go validateKubeFinalizerName
pub fn validate_kube_finalizer_names(finalizers: &[&str], path: &Path) -> ErrorList {
    const STANDARD: [&str; 3] = ["kubernetes", FINALIZER_ORPHAN_DEPENDENTS, FINALIZER_DELETE_DEPENDENTS];
    let is_unknown = |finalizer: &str| !finalizer.contains('/') && !STANDARD.contains(&finalizer);
    let unknown = finalizers.iter().enumerate().filter(|(_, finalizer)| is_unknown(finalizer));
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    unknown.map(|(i, finalizer)| Error::invalid(&path.index(i), *finalizer, detail)).collect()
}

/// Go: ValidateNoNewFinalizers
pub fn validate_no_new_finalizers(new: &[&str], old: &[&str], path: &Path) -> ErrorList {
    let mut extra: Vec<String> =
        new.iter().filter(|finalizer| !old.contains(finalizer)).map(|finalizer| strconv::quote(finalizer)).collect();
    extra.sort_unstable();
    extra.dedup();
    if extra.is_empty() {
        return ErrorList::new();
    }
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        extra.join(", ")
    );
    vec![Error::forbidden(path, detail)].into()
}

/// Checks that two values are equal.
///
/// Go: ValidateImmutableField
pub fn validate_immutable_field(new: &Value, old: &Value, path: &Path) -> ErrorList {
    if new == old { ErrorList::new() } else { vec![Error::invalid(path, new.clone(), FIELD_IMMUTABLE)].into() }
}

/// Go: ValidateNonnegativeField
pub fn validate_nonnegative_field(value: i64, path: &Path) -> ErrorList {
    if value >= 0 { ErrorList::new() } else { vec![Error::invalid(path, value, NOT_NEGATIVE)].into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn create(metadata: &Value, scope: Scope) -> String {
        let meta = ObjectMeta::new(Some(metadata));
        validate_object_meta(meta, scope, name::name_is_dns_subdomain, &Path::new("metadata")).to_string()
    }

    fn update(new: &Value, old: &Value) -> String {
        let [new, old] = [new, old].map(|metadata| ObjectMeta::new(Some(metadata)));
        validate_object_meta_update(new, old, &Path::new("metadata")).to_string()
    }

    #[test]
    fn names_and_namespaces_are_demanded() {
        assert_eq!(create(&json!({"name": "a", "namespace": "n"}), Scope::Namespaced), "");
        let text =
            "[metadata.name: Required value: name or generateName is required, metadata.namespace: Required value]";
        assert_eq!(create(&json!({}), Scope::Namespaced), text);
        let text = "metadata.namespace: Forbidden: not allowed on this type";
        assert_eq!(create(&json!({"name": "a", "namespace": "n"}), Scope::Cluster), text);
    }

    #[test]
    fn every_fault_of_an_owner_is_named() {
        let owners = json!([{"apiVersion": "", "kind": "", "name": "", "uid": ""}]);
        let text = "[metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty, \
            metadata.ownerReferences.kind: Invalid value: \"\": must not be empty, \
            metadata.ownerReferences.name: Invalid value: \"\": must not be empty, \
            metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]";
        assert_eq!(create(&json!({"name": "a", "ownerReferences": owners}), Scope::Cluster), text);
        let owner =
            |name, uid| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "controller": true});
        let text = r#"metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"ConfigMap","name":"z","uid":"u","controller":true},{"apiVersion":"v1","kind":"ConfigMap","name":"y","uid":"w","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for ConfigMap/z and ConfigMap/y"#;
        let owners = json!([owner("z", "u"), owner("y", "w")]);
        assert_eq!(create(&json!({"name": "a", "ownerReferences": owners}), Scope::Cluster), text);
        let event = json!([{"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"}]);
        let text = r#"metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: /v1, Kind=Event is disallowed from being an owner"#;
        assert_eq!(create(&json!({"name": "a", "ownerReferences": event}), Scope::Cluster), text);
    }

    #[test]
    fn finalizers_are_checked_twice_for_built_in_kinds() {
        let path = Path::new("metadata").child("finalizers");
        let text = r#"metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set"#;
        assert_eq!(validate_finalizers(&["orphan", "foregroundDeletion"], &path).to_string(), text);
        assert!(validate_finalizers(&["short"], &path).is_empty());
        let text = "metadata.finalizers[1]: Invalid value: \"short\": name is neither a standard finalizer name nor is it fully qualified";
        assert_eq!(validate_kube_finalizer_names(&["orphan", "short", "a.b/c"], &path).to_string(), text);
    }

    #[test]
    fn annotations_are_limited_in_all() {
        let value = json!({"name": "a", "annotations": {"UP.example.com/X": "x".repeat(TOTAL_ANNOTATION_SIZE_LIMIT)}});
        assert_eq!(create(&value, Scope::Cluster), "metadata.annotations: Too long: may not be more than 262144 bytes");
    }

    #[test]
    fn what_the_server_sets_stays() {
        let old = json!({"name": "a", "uid": "u", "resourceVersion": "1", "generation": 2, "creationTimestamp": "t"});
        assert_eq!(update(&old, &old), "");
        let new = json!({"name": "b", "uid": "", "generation": 1, "deletionGracePeriodSeconds": 5,
            "deletionTimestamp": "2001-01-01T00:00:00Z"});
        let text = "[metadata.resourceVersion: Invalid value: \"\": must be specified for an update, \
            metadata.generation: Invalid value: 1: must not be decremented, \
            metadata.name: Invalid value: \"b\": field is immutable, \
            metadata.uid: Invalid value: \"\": field is immutable, \
            metadata.creationTimestamp: Invalid value: null: field is immutable, \
            metadata.deletionTimestamp: Invalid value: \"2001-01-01T00:00:00Z\": field is immutable, \
            metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable]";
        assert_eq!(update(&new, &old), text);
    }

    #[test]
    fn a_dying_object_gets_no_new_finalizers() {
        let old =
            json!({"name": "a", "resourceVersion": "1", "deletionTimestamp": "t", "finalizers": ["x.example.com/f"]});
        let mut new = old.clone();
        new["finalizers"] = json!(["x.example.com/g", "x.example.com/f"]);
        let text = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.example.com/g\"}";
        assert_eq!(update(&new, &old), text);
    }
}
