//! `scale`: how many replicas a workload has and should have, whatever its kind.
//!
//! ```text
//!   PUT deployments/web/scale {spec: {replicas: 5}}
//!     read Deployment -> its Scale -> what the client makes of it -> back into the Deployment -> its own update
//! ```
//!
//! Go: pkg/registry/apps/{deployment,replicaset,statefulset}/storage/storage.go ScaleREST,
//! pkg/registry/core/replicationcontroller/storage/storage.go ScaleREST

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{
    autoscaling::validation::validate_scale,
    printers::{self, Printer},
};
use apimachinery::{
    api::errors::StatusError,
    managedfields::{fieldpath::Set, scale::ScaleHandler},
    meta::{label_selector::LabelSelector, options::GetOptions},
    runtime::{
        object::{Object, string_map},
        schema::{GroupKind, GroupResource, GroupVersionKind},
    },
};
use apiserver::{
    registry::{
        rest::{
            Answer, Getter, OnMissing, Preconditions, Result, Storage, UpdateCall, Updated, UpdatedObjectInfo, Updater,
            Validation,
            table::{DefaultTableConvertor, TableConvertor},
        },
        store::Store,
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::{Value, json};

const REPLICAS: [&str; 2] = ["spec", "replicas"];

/// The scale of the objects of one store.
pub struct ScaleStorage {
    /// The objects.
    pub store: Store,
    /// How a scale is shown in columns.
    pub table_convertor: Arc<dyn TableConvertor>,
}

impl ScaleStorage {
    /// Shares a store's objects.
    pub fn new(store: &Store) -> Self {
        let table_convertor: Arc<dyn TableConvertor> = match printers::of(&scale_kind()) {
            Some(printer) => Arc::new(ScaleConvertor(printer)),
            None => Arc::new(DefaultTableConvertor),
        };
        Self { store: store.clone(), table_convertor }
    }

    fn scaled(&self, answer: Answer) -> Result<Answer> {
        scale_of(&answer.into_object()).map(Answer::Object)
    }

    /// The resource as messages about its scale name it: `deployments/scale`.
    fn resource(&self) -> GroupResource {
        let GroupResource { group, resource } = &self.store.resource;
        GroupResource { group: group.clone(), resource: format!("{resource}/scale") }
    }
}

/// Shows scales in columns; the name is a column as any other.
struct ScaleConvertor(&'static Printer);

impl TableConvertor for ScaleConvertor {
    fn columns(&self) -> Vec<Value> {
        let mut columns = self.0.column_definitions();
        columns.iter_mut().for_each(|column| column["format"] = "".into());
        columns
    }

    fn cells(&self, now: Duration, object: &Object) -> Result<Vec<Value>> {
        Ok(self.0.row(object, now))
    }
}

fn scale_kind() -> GroupVersionKind {
    GroupVersionKind::new("autoscaling", "v1", "Scale")
}

impl Storage for ScaleStorage {
    fn kind(&self) -> GroupVersionKind {
        scale_kind()
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        self.table_convertor.clone()
    }

    fn getter(&self) -> Option<&dyn Getter> {
        Some(self)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        Some(self)
    }
}

impl Getter for ScaleStorage {
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, options: &'a GetOptions) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move { self.scaled(self.store.get(cx, name, options).await?) })
    }
}

impl Updater for ScaleStorage {
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>> {
        Box::pin(async move {
            let info = ScaleUpdatedObjectInfo { storage: self, inner: call.info, name };
            let validation = ScaleValidation { inner: call.validation };
            let call = UpdateCall {
                info: &info,
                validation: &validation,
                missing: OnMissing::AsStrategy,
                options: call.options,
            };
            let updated = self.store.update(cx, name, call).await?;
            Ok(Updated { answer: self.scaled(updated.answer)?, created: false })
        })
    }
}

/// Makes the new state of the object from the new state of its scale.
///
/// Go: scaleUpdatedObjectInfo
struct ScaleUpdatedObjectInfo<'a> {
    storage: &'a ScaleStorage,
    inner: &'a dyn UpdatedObjectInfo,
    name: &'a str,
}

impl ScaleUpdatedObjectInfo<'_> {
    /// The books on who owns the replicas; every version of these kinds has them at the same place.
    fn books(&self, object: &Object) -> Result<ScaleHandler> {
        let group = &self.storage.store.resource.group;
        let versions: &[&str] =
            if group.is_empty() { &["v1"] } else { &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "apps/v1"] };
        let path = Set::of_fields(&[&REPLICAS]);
        let paths: BTreeMap<_, _> =
            versions.iter().map(|version| ((*version).to_owned(), Some(path.clone()))).collect();
        let entries = object.get(&["metadata", "managedFields"]);
        ScaleHandler::new(entries, object.api_version(), paths).map_err(StatusError::new_internal_error)
    }
}

impl UpdatedObjectInfo for ScaleUpdatedObjectInfo<'_> {
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            let resource = self.storage.resource();
            let Some(current) = current else { return Err(StatusError::new_not_found(&resource, self.name)) };
            let books = self.books(current)?;
            let mut old = scale_of(current)?;
            set_managers(&mut old, books.to_subresource());

            let scale = self.inner.updated_object(cx, Some(&old)).await?;
            let errors = validate_scale(&scale);
            if !errors.is_empty() {
                let kind = GroupKind { group: "autoscaling".to_owned(), kind: "Scale".to_owned() };
                return Err(StatusError::new_invalid(&kind, current.name(), errors));
            }
            if !scale.uid().is_empty() && scale.uid() != current.uid() {
                let why = format!(
                    "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                    scale.uid(),
                    current.uid()
                );
                return Err(StatusError::new_conflict(&resource, current.name(), &why));
            }
            let mut object = current.clone();
            object.set(&REPLICAS, replicas(&scale, "spec"));
            object.set_resource_version(scale.resource_version());
            let entries = books.to_parent(scale.get(&["metadata", "managedFields"]));
            set_managers(&mut object, entries.map_err(StatusError::new_internal_error)?);
            Ok(object)
        })
    }

    fn preconditions(&self) -> Preconditions {
        self.inner.preconditions()
    }
}

fn set_managers(object: &mut Object, entries: Vec<Value>) {
    if entries.is_empty() {
        object.remove(&["metadata", "managedFields"]);
    } else {
        object.set(&["metadata", "managedFields"], entries);
    }
}

fn replicas(object: &Object, part: &str) -> i64 {
    object.get(&[part, "replicas"]).and_then(Value::as_i64).unwrap_or_default()
}

/// Returns the scale of an object.
///
/// Go: scaleFromDeployment and its kin
pub fn scale_of(object: &Object) -> Result<Object> {
    let selector = match object.get(&["spec", "selector"]) {
        // A replication controller's selector is a map of labels.
        Some(labels) if object.kind() == "ReplicationController" => {
            let labels = string_map(Some(labels));
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        }
        selector => LabelSelector::new(selector).as_selector().map_err(StatusError::new_bad_request)?.to_string(),
    };
    let mut scale = Object::new(&scale_kind());
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.get(&["metadata", field]) {
            scale.set(&["metadata", field], value.clone());
        }
    }
    let wanted = replicas(object, "spec");
    scale.set(&["spec"], if wanted == 0 { json!({}) } else { json!({"replicas": wanted}) });
    scale.set(&["status", "replicas"], replicas(object, "status"));
    if !selector.is_empty() {
        scale.set(&["status", "selector"], selector);
    }
    Ok(scale)
}

/// Shows admission scales instead of objects.
///
/// Go: toScaleCreateValidation, toScaleUpdateValidation
struct ScaleValidation<'a> {
    inner: &'a dyn Validation,
}

impl Validation for ScaleValidation<'_> {
    fn create<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            self.inner.create(cx, scale_of(&object)?).await?;
            Ok(object)
        })
    }

    fn update<'a>(&'a self, cx: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>> {
        Box::pin(async move {
            self.inner.update(cx, scale_of(&object)?, scale_of(&old)?).await?;
            Ok((object, old))
        })
    }

    fn delete<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        self.inner.delete(cx, object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_shows_replicas_and_the_selector_as_text() {
        let controller = json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"replicas": 2, "selector": {"app": "a", "tier": "web"}}, "status": {"replicas": 1}});
        let scale = scale_of(&Object::from_value(controller).expect("object")).expect("scale");
        assert_eq!(scale.str(&["status", "selector"]), "app=a,tier=web");
        assert_eq!(scale.get(&["spec"]), Some(&json!({"replicas": 2})));
        assert_eq!(scale.get(&["metadata"]), Some(&json!({"name": "a"})));
    }
}
