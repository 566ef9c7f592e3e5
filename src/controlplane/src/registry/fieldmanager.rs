//! Who set which field of a built-in object.
//!
//! Go: apimachinery/pkg/util/managedfields/fieldmanager.go

use std::sync::Arc;

use api::{conversion, scheme::Scheme};
use apimachinery::{
    api::errors::StatusError,
    managedfields::{
        manager::{self, ConvertError, Versions},
        updater::Force,
    },
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
};
use apiserver::{
    endpoints::{
        codec::{FieldManager, read_applied},
        installer::Manager,
    },
    registry::rest::strategy::ResetFields,
    request::context::Context,
};

use crate::registry::codec;

/// The versions of built-in kinds.
struct BuiltInVersions;

impl Versions for BuiltInVersions {
    fn convert(&self, object: Object, version: &GroupVersion) -> Result<Object, ConvertError> {
        conversion::convert(object, version).ok_or(ConvertError::MissingVersion)
    }

    fn empty(&self, gvk: &GroupVersionKind) -> Object {
        let mut object = Object::new(gvk);
        codec::codec().complete(&mut object);
        object
    }
}

/// Keeps the books of one endpoint. Handlers hand over objects in the hub version; the books are in the endpoint's.
pub struct BuiltInFieldManager {
    manager: manager::FieldManager,
    kind: GroupVersionKind,
    hub: GroupVersion,
}

impl BuiltInFieldManager {
    /// Returns the field manager of an endpoint.
    pub fn new(scope: &Manager<'_>) -> Self {
        let reset = ResetFields::sets(&scope.storage.reset_fields());
        let (kinds, versions) = (Arc::new(Scheme), Arc::new(BuiltInVersions));
        let manager = manager::FieldManager::new(kinds, versions, scope.kind.clone(), scope.subresource, reset);
        Self { manager, kind: scope.kind.clone(), hub: scope.hub.clone() }
    }

    fn live(&self, live: Option<&Object>) -> Object {
        match live {
            Some(live) => self.served(live.clone()),
            None => BuiltInVersions.empty(&self.kind),
        }
    }

    /// The object in the endpoint's version.
    fn served(&self, object: Object) -> Object {
        let version = self.kind.group_version();
        if object.gvk().group_version() == version {
            object
        } else {
            conversion::convert(object, &version).unwrap_or_default()
        }
    }
}

impl FieldManager for BuiltInFieldManager {
    fn update(&self, cx: &Context, live: Option<&Object>, mut new: Object, manager: &str) -> Object {
        let now = cx.services.clock.wall();
        let managed = self.manager.update(&self.live(live), self.served(new.clone()), manager, now);
        match managed.get(&["metadata", "managedFields"]) {
            Some(entries) => new.set(&["metadata", "managedFields"], entries.clone()),
            None => {
                new.remove(&["metadata", "managedFields"]);
            }
        }
        new
    }

    fn apply(
        &self,
        cx: &Context,
        live: Option<&Object>,
        applied: Object,
        manager: &str,
        force: Force,
    ) -> Result<Object, StatusError> {
        let merged = self.manager.apply(&self.live(live), &applied, manager, force, cx.services.clock.wall())?;
        let object = read_applied(&*codec::codec(), merged)?;
        Ok(if object.gvk().group_version() == self.hub {
            object
        } else {
            conversion::convert(object, &self.hub).unwrap_or_default()
        })
    }
}
