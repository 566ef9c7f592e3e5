//! What differs for custom resources in a write.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource/{strategy,status_strategy}.go

use std::sync::Arc;

use api::rules;
use apimachinery::{runtime::object::Object, util::validation::is_qualified_name, validation::field::ErrorList};
use apiserver::{
    registry::rest::strategy::{ResetFields, Strategy},
    request::context::Context,
};
use serde_json::Value;

use crate::registry::customresource::validator::CustomResourceValidator;

/// The finalizers that are Kubernetes' own and have no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// The rules of one version of a custom kind.
///
/// Go: customResourceStrategy
#[derive(Clone)]
pub struct CustomResourceStrategy {
    /// What is checked.
    pub validator: Arc<CustomResourceValidator>,
    /// Whether there is `/status`, which then is the only way to set it.
    pub has_status: bool,
}

impl CustomResourceStrategy {
    fn api_version(&self) -> String {
        self.validator.kind.group_version().to_string()
    }
}

impl Strategy for CustomResourceStrategy {
    fn namespace_scoped(&self) -> bool {
        self.validator.namespaced
    }

    fn prepare_for_create(&self, _cx: &Context, object: &mut Object) {
        if self.has_status {
            object.remove(&["status"]);
        }
        object.set(&["metadata", "generation"], 1);
    }

    fn validate(&self, _cx: &Context, object: &Object) -> ErrorList {
        self.validator.validate(object)
    }

    fn warnings_on_create(&self, _cx: &Context, object: &Object) -> Vec<String> {
        finalizer_warnings(object, None)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn prepare_for_update(&self, _cx: &Context, object: &mut Object, old: &Object) {
        if self.has_status {
            rules::keep(object, old, &["status"]);
        }
        // Everything but metadata is desired state.
        let names = object.0.keys().chain(old.0.keys()).filter(|name| *name != "metadata");
        if names.into_iter().any(|name| object.0.get(name) != old.0.get(name)) {
            object.set(&["metadata", "generation"], old.generation() + 1);
        }
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> ErrorList {
        self.validator.validate_update(object, old, &mut |warning| cx.warnings.add(warning))
    }

    fn warnings_on_update(&self, _cx: &Context, object: &Object, old: &Object) -> Vec<String> {
        finalizer_warnings(object, Some(old))
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        if !self.has_status {
            return Vec::new();
        }
        vec![ResetFields { api_version: self.api_version(), paths: vec![vec!["status".to_owned()]] }]
    }
}

/// The rules of `/status`.
///
/// Go: statusStrategy
#[derive(Clone)]
pub struct StatusStrategy(pub CustomResourceStrategy);

impl Strategy for StatusStrategy {
    fn namespace_scoped(&self) -> bool {
        self.0.namespace_scoped()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    /// Of what was sent only the status is taken, and the notes on who sent it.
    fn prepare_for_update(&self, _cx: &Context, object: &mut Object, old: &Object) {
        let status = object.0.remove("status");
        let managed = object.remove(&["metadata", "managedFields"]);
        *object = old.clone();
        match managed {
            Some(managed) => object.set(&["metadata", "managedFields"], managed),
            None => drop(object.remove(&["metadata", "managedFields"])),
        }
        match status {
            Some(status) => drop(object.0.insert("status".to_owned(), status)),
            None => drop(object.0.remove("status")),
        }
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> ErrorList {
        self.0.validator.validate_status_update(object, old, &mut |warning| cx.warnings.add(warning))
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        let paths = ["metadata", "spec"].map(|field| vec![field.to_owned()]).to_vec();
        vec![ResetFields { api_version: self.0.api_version(), paths }]
    }
}

/// Warns of finalizers that somebody else may choose, too.
///
/// Go: generateWarningsFromObj, validateKubeFinalizerName
fn finalizer_warnings(object: &Object, old: Option<&Object>) -> Vec<String> {
    let before = old.map(Object::finalizers).unwrap_or_default();
    let mut added: Vec<&str> = object.finalizers().into_iter().filter(|name| !before.contains(name)).collect();
    added.sort_unstable();
    added.dedup();
    let mut warnings = Vec::new();
    for finalizer in added {
        let path = format!("metadata.finalizers: \"{finalizer}\"");
        warnings.extend(is_qualified_name(finalizer).into_iter().map(|wrong| format!("{path}: {wrong}")));
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let including = if finalizer.contains('.') { " including a path (/)" } else { "" };
            warnings.push(format!(
                "{path}: prefer a domain-qualified finalizer name{including} to avoid accidental conflicts with other \
                 finalizer writers"
            ));
        }
    }
    warnings
}

/// Returns the value at a path of plain names: `.spec.replicas`.
pub fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    object.get(&path.trim_start_matches('.').split('.').collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finalizers_without_a_domain_are_warned_of() {
        let object =
            Object::from_value(json!({"metadata": {"finalizers": ["plain", "a.b", "a.b/c"]}})).expect("object");
        let warnings = finalizer_warnings(&object, None);
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("including a path (/)") && warnings[1].contains("name to avoid"));
        assert_eq!(finalizer_warnings(&object, Some(&object)), Vec::<String>::new());
    }
}
