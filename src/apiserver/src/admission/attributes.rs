//! What a plugin is asked about.
//!
//! Go: apiserver/pkg/admission/attributes.go

use std::sync::Arc;

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersionKind, GroupVersionResource},
};
use auth::user;
use phase::snapshot::{Snapshot, Subject};
use serde_json::Value;

use crate::admission::interfaces::ObjectInterfaces;

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
    /// The kind that the client sent. The objects may be of another version: the one in which the registry works.
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
    /// Whether the chain is to run once more, and whether it is doing so. Kept by the chain and by webhooks.
    pub reinvocation: Reinvocation,
    /// What is known about the kind; `None` where nobody asks (tests).
    pub interfaces: Option<Arc<dyn ObjectInterfaces>>,
}

/// A webhook or policy that changes the object lets the chain run a second time: what was decided before it may no
/// longer hold.
///
/// Go: apiserver/pkg/admission/interfaces.go ReinvocationContext
#[derive(Clone, Debug, Default)]
pub struct Reinvocation {
    /// Whether this is the second time.
    pub is_reinvoke: bool,
    /// Whether somebody asked for a second time.
    pub should_reinvoke: bool,
    /// Webhooks and policies that were called, by plugin and uid, and want to be called again when the object changed after them.
    pub invoked: Vec<Invoked>,
    /// The object as the last webhook left it, to see whether a plugin changed it since.
    pub last_webhook_output: Option<Object>,
    /// The same for mutating policies.
    pub last_policy_output: Option<Object>,
}

/// A webhook that was called and may be called again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// The webhook's uid: configuration, name and place.
    pub uid: String,
    /// Whether the object changed after it.
    pub changed_since: bool,
}

impl Attributes {
    /// Returns the attributes of a write on a resource; the caller fills in the objects.
    pub fn new(operation: Operation, kind: GroupVersionKind, resource: GroupVersionResource) -> Self {
        Self {
            operation,
            kind,
            resource,
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            object: None,
            old_object: None,
            options: None,
            dry_run: false,
            user: Arc::default(),
            reinvocation: Reinvocation::default(),
            interfaces: None,
        }
    }

    /// Says whether the write goes to a resource itself or to one of its sub-resources; `""` for the resource.
    pub fn is(&self, group: &str, resource: &str, subresource: &str) -> bool {
        self.resource.group == group && self.resource.resource == resource && self.subresource == subresource
    }
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
