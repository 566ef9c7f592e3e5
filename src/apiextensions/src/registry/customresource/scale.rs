//! `/scale`: the replicas of an object, wherever its definition says that they stand.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource/etcd.go ScaleREST

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    managedfields::{fieldpath::Set, scale::ScaleHandler},
    meta::options::GetOptions,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
};
use apiserver::{
    registry::{
        rest::{
            Answer, Getter, OnMissing, Preconditions, Result, Storage, UpdateCall, Updated, UpdatedObjectInfo, Updater,
            Validation, table::TableConvertor,
        },
        store::Store,
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    definition::{Definition, Scale, Version},
    registry::customresource::{strategy::at, tableconvertor::Columns, validator::accessor_error},
};

/// Marks an object that has no replicas yet. Go: invalidSpecReplicas
const NO_REPLICAS: i64 = i32::MIN as i64;

/// Returns the kind that is read and written.
pub fn kind() -> GroupVersionKind {
    GroupVersion::new("autoscaling", "v1").with_kind("Scale")
}

/// The sub-resource.
///
/// Go: ScaleREST
#[derive(Clone)]
pub struct ScaleREST {
    /// The objects.
    store: Store,
    /// Where their replicas stand.
    scale: Scale,
    /// The same of all versions, for the books on who owns them.
    replicas: ReplicasPaths,
    columns: Arc<Columns>,
}

/// Where the replicas stand, by `GROUP/VERSION`; `None`: the version has no scale.
///
/// Go: managedfields.ResourcePathMappings
pub type ReplicasPaths = BTreeMap<String, Option<Set>>;

/// Returns where the replicas of a definition's versions stand.
pub fn replicas_paths(definition: &Definition) -> ReplicasPaths {
    let path = |version: &Version| {
        let scale = version.subresources.scale.as_ref()?;
        Some(Set::of_fields(&[&names(&scale.spec_replicas_path)]))
    };
    let entry = |version: &Version| (definition.gvk(&version.name).group_version().to_string(), path(version));
    definition.spec.versions.iter().map(entry).collect()
}

fn names(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

impl ScaleREST {
    /// Returns the sub-resource of a store.
    pub fn new(store: &Store, scale: &Scale, replicas: ReplicasPaths) -> Self {
        Self { store: store.clone(), scale: scale.clone(), replicas, columns: Arc::new(Columns::of_scale(scale)) }
    }
}

impl Storage for ScaleREST {
    fn kind(&self) -> GroupVersionKind {
        kind()
    }

    fn namespace_scoped(&self) -> bool {
        self.store.strategy.namespace_scoped()
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        self.columns.clone()
    }

    fn getter(&self) -> Option<&dyn Getter> {
        Some(self)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        Some(self)
    }
}

/// What the scale of an object says, and whether it has replicas at all.
struct Read {
    scale: Object,
    has_replicas: bool,
}

/// Go: scaleFromCustomResource
fn read(paths: &Scale, object: &Object) -> std::result::Result<Read, String> {
    let number = |path: &str| match at(object, path) {
        None => Ok(None),
        Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
        Some(other) => Err(accessor_error(path, other, "int64")),
    };
    let replicas = number(&paths.spec_replicas_path)?;
    let mut status = json!({"replicas": number(&paths.status_replicas_path)?.unwrap_or_default()});
    if let Some(path) = &paths.label_selector_path {
        match at(object, path) {
            None => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => status["selector"] = text.as_str().into(),
            Some(other) => return Err(accessor_error(path, other, "string")),
        }
    }
    let mut scale = Object::new(&kind());
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.get(&["metadata", field]) {
            scale.set(&["metadata", field], value.clone());
        }
    }
    let mut spec = json!({});
    if replicas.unwrap_or_default() != 0 {
        spec["replicas"] = replicas.unwrap_or_default().into();
    }
    scale.set(&["spec"], spec);
    scale.set(&["status"], status);
    Ok(Read { scale, has_replicas: replicas.is_some() })
}

impl Getter for ScaleREST {
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, options: &'a GetOptions) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let object = self.store.get(cx, name, options).await?.into_object();
            let Read { scale, has_replicas } = read(&self.scale, &object).map_err(StatusError::new_bad_request)?;
            if !has_replicas {
                let path = &self.scale.spec_replicas_path;
                return Err(StatusError::new_internal_error(format!(
                    "the spec replicas field \"{path}\" does not exist"
                )));
            }
            Ok(Answer::Object(scale))
        })
    }
}

impl Updater for ScaleREST {
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>> {
        Box::pin(async move {
            let info = ScaleUpdatedObjectInfo { inner: call.info, rest: self };
            let validation = ScaleValidation { inner: call.validation, paths: &self.scale };
            let call = UpdateCall { info: &info, validation: &validation, missing: OnMissing::AsStrategy, ..call };
            let updated = self.store.update(cx, name, call).await?;
            let scale = read(&self.scale, &updated.answer.into_object()).map_err(StatusError::new_bad_request)?;
            Ok(Updated { answer: Answer::Object(scale.scale), created: false })
        })
    }
}

/// Makes the object of a changed scale.
///
/// Go: scaleUpdatedObjectInfo
struct ScaleUpdatedObjectInfo<'a> {
    inner: &'a dyn UpdatedObjectInfo,
    rest: &'a ScaleREST,
}

const MANAGED_FIELDS: [&str; 2] = ["metadata", "managedFields"];

impl UpdatedObjectInfo for ScaleUpdatedObjectInfo<'_> {
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            let mut object = current.cloned().unwrap_or_default();
            let paths = &self.rest.scale;
            let Read { mut scale, has_replicas } = read(paths, &object).map_err(StatusError::new_internal_error)?;
            let version = self.rest.store.kind.group_version().to_string();
            let owners = ScaleHandler::new(object.get(&MANAGED_FIELDS), &version, self.rest.replicas.clone());
            let owners = owners.map_err(StatusError::new_internal_error)?;
            let entries = owners.to_subresource();
            if !entries.is_empty() {
                scale.set(&MANAGED_FIELDS, entries);
            }
            if !has_replicas {
                scale.set(&["spec", "replicas"], NO_REPLICAS);
            }
            let scale = self.inner.updated_object(cx, Some(&scale)).await?;
            let replicas = scale.get(&["spec", "replicas"]).and_then(Value::as_i64).unwrap_or_default();
            let path = &paths.spec_replicas_path;
            if replicas == NO_REPLICAS {
                let message = format!("the spec replicas field \"{path}\" cannot be empty");
                return Err(StatusError::new_bad_request(message));
            }
            object.set(&names(path), replicas);
            if !scale.resource_version().is_empty() {
                // The client has seen this version, and means no other.
                object.set_resource_version(scale.resource_version());
            }
            let entries = owners.to_parent(scale.get(&MANAGED_FIELDS)).map_err(StatusError::new_internal_error)?;
            match entries.is_empty() {
                true => drop(object.remove(&MANAGED_FIELDS)),
                false => object.set(&MANAGED_FIELDS, entries),
            }
            Ok(object)
        })
    }

    fn preconditions(&self) -> Preconditions {
        self.inner.preconditions()
    }
}

/// Shows admission the scale, where the store has the object.
///
/// Go: toScaleCreateValidation, toScaleUpdateValidation
struct ScaleValidation<'a> {
    inner: &'a dyn Validation,
    paths: &'a Scale,
}

impl ScaleValidation<'_> {
    fn scale(&self, object: &Object) -> Result<Object> {
        read(self.paths, object).map(|read| read.scale).map_err(StatusError::new_internal_error)
    }
}

impl Validation for ScaleValidation<'_> {
    fn create<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            self.inner.create(cx, self.scale(&object)?).await?;
            Ok(object)
        })
    }

    fn update<'a>(&'a self, cx: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>> {
        Box::pin(async move {
            self.inner.update(cx, self.scale(&object)?, self.scale(&old)?).await?;
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
    fn replicas_stand_where_the_definition_says() {
        let paths = Scale {
            spec_replicas_path: ".spec.n".to_owned(),
            status_replicas_path: ".status.n".to_owned(),
            label_selector_path: Some(".status.sel".to_owned()),
        };
        let object = json!({"metadata": {"name": "a"}, "spec": {"n": 2}, "status": {"n": 1, "sel": "a=b"}});
        let found = read(&paths, &Object::from_value(object).expect("object")).expect("readable");
        assert!(found.has_replicas);
        assert_eq!(found.scale.get(&["spec"]), Some(&json!({"replicas": 2})));
        assert_eq!(found.scale.get(&["status"]), Some(&json!({"replicas": 1, "selector": "a=b"})));
        let text = Object::from_value(json!({"spec": {"n": "2"}})).expect("object");
        let error = read(&paths, &text).err().expect("refused");
        assert_eq!(error, ".spec.n accessor error: 2 is of the type string, expected int64");
    }
}
