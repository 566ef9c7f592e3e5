//! What a plugin is asked about.
//!
//! Go: apiserver/pkg/admission/attributes.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersionKind, GroupVersionResource},
};
use auth::user;
use phase::snapshot::{Snapshot, Subject};
use serde_json::Value;

/// What is done to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A change of an object, by update, patch or apply.
    Update,
    /// A removal.
    Delete,
    /// A connection to an object: exec, proxy...
    Connect,
}

impl Operation {
    /// Returns the name in AdmissionReview: `CREATE`...
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// One write, as admission sees it.
#[derive(Clone, Debug)]
pub struct Attributes {
    /// What is done.
    pub operation: Operation,
    /// The object's kind.
    pub kind: GroupVersionKind,
    /// The resource of the request.
    pub resource: GroupVersionResource,
    /// The sub-resource of the request; empty for the object itself.
    pub subresource: String,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// The name; empty while it is still to be generated.
    pub name: String,
    /// The new state; absent for deletes. Mutating plugins change it.
    pub object: Option<Object>,
    /// The present state; absent for creates.
    pub old_object: Option<Object>,
    /// CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request.
    pub options: Option<Object>,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// Who asks.
    pub user: Arc<user::Info>,
    /// Annotations for the audit event, by full key.
    pub annotations: BTreeMap<String, String>,
}

impl Subject for Attributes {
    fn snapshot(&self) -> Arc<Snapshot> {
        match self.object.as_ref().or(self.old_object.as_ref()) {
            Some(object) => object.snapshot(),
            None => Snapshot::value("Attributes", Value::Null),
        }
    }

    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        match self.object.as_mut() {
            Some(object) => object.edit(edited),
            None => Err("there is no new object to change".to_owned()),
        }
    }
}
