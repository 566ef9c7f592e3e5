//! Claims get the default storage class, ingresses the default ingress class.
//!
//! Go: plugin/pkg/admission/storage/storageclass/setdefault/admission.go,
//! plugin/pkg/admission/network/defaultingressclass/admission.go

use std::{cmp::Reverse, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
    },
    request::context::Context,
};
use client::cache::{informer::SharedInformer, store::Store};
use phase::BoxFuture;

/// The plugin for claims.
pub const STORAGE: &str = "DefaultStorageClass";
/// The plugin for ingresses.
pub const INGRESS: &str = "DefaultIngressClass";

/// Annotation of a claim that names its class, from before there was a field.
const BETA_STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// The same for an ingress.
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

/// What the two plugins differ in.
struct DefaultClass {
    name: &'static str,
    /// Group and resource of the objects that get a class.
    resource: (&'static str, &'static str),
    /// Field of the spec that names the class.
    field: &'static str,
    /// Annotation that names the class too.
    annotation: &'static str,
    /// Annotations that make a class the default.
    marks: &'static [&'static str],
    classes: Arc<SharedInformer>,
}

/// Makes DefaultStorageClass.
pub fn new_storage(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let classes = GroupVersion::new("storage.k8s.io", "v1").with_resource("storageclasses");
    Ok(Arc::new(DefaultClass {
        name: STORAGE,
        resource: ("", "persistentvolumeclaims"),
        field: "storageClassName",
        annotation: BETA_STORAGE_CLASS,
        marks: &["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"],
        classes: initializers.informers.informer(&classes),
    }))
}

/// Makes DefaultIngressClass.
pub fn new_ingress(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let classes = GroupVersion::new("networking.k8s.io", "v1").with_resource("ingressclasses");
    Ok(Arc::new(DefaultClass {
        name: INGRESS,
        resource: ("networking.k8s.io", "ingresses"),
        field: "ingressClassName",
        annotation: INGRESS_CLASS,
        marks: &["ingressclass.kubernetes.io/is-default-class"],
        classes: initializers.informers.informer(&classes),
    }))
}

impl Interface for DefaultClass {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for DefaultClass {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (group, resource) = self.resource;
            if !attributes.is(group, resource, "") {
                return Ok(());
            }
            errors::wait_for_ready(attributes, &[&self.classes]).await?;
            let Some(object) = &mut attributes.object else { return Ok(()) };
            let path = ["spec", self.field];
            // Even an empty name is a choice: no class.
            let chosen = object.get(&path).is_some_and(|name| !name.is_null())
                || object.get(&["metadata", "annotations", self.annotation]).is_some();
            if !chosen && let Some(class) = default_class(&self.classes.store(), self.marks) {
                object.set(&path, class.name());
            }
            Ok(())
        })
    }
}

/// Returns the class that is marked as default; of several the newest, then the first by name.
fn default_class(classes: &Store, marks: &[&str]) -> Option<Arc<Object>> {
    let marked = |class: &Arc<Object>| marks.iter().any(|mark| class.str(&["metadata", "annotations", mark]) == "true");
    let created = |class: &Arc<Object>| class.str(&["metadata", "creationTimestamp"]).to_owned();
    classes.list().into_iter().filter(marked).min_by_key(|class| (Reverse(created(class)), class.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_of_several_defaults_wins() {
        let class = |name: &str, created: &str, default: &str| {
            let metadata = json!({"name": name, "creationTimestamp": created, "annotations": {"mark": default}});
            Object::from_value(json!({"metadata": metadata})).expect("object")
        };
        let classes = Store::from_objects([
            class("a", "2026-01-01T00:00:00Z", "true"),
            class("b", "2026-01-03T00:00:00Z", "false"),
            class("d", "2026-01-02T00:00:00Z", "true"),
            class("c", "2026-01-02T00:00:00Z", "true"),
        ]);
        assert_eq!(default_class(&classes, &["mark"]).expect("a default").name(), "c");
    }
}
