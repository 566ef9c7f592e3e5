//! All groups: `/apis`.
//!
//! Go: apiserver/pkg/endpoints/discovery/root.go

use std::sync::Arc;

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use parking_lot::RwLock;
use phase::BoxFuture;
use serde_json::Value;

use crate::{
    endpoints::{
        codec::Codec,
        discovery::{self, group::APIGroup},
    },
    request::{
        context::Context,
        handler::{Handler, Response},
    },
};

/// The groups of a server, in the order in which they were added.
///
/// Go: rootAPIsHandler, GroupManager
pub struct GroupManager {
    groups: RwLock<Vec<APIGroup>>,
    codec: Arc<dyn Codec>,
}

impl GroupManager {
    /// Returns a manager without groups.
    pub fn new(codec: Arc<dyn Codec>) -> Self {
        Self { groups: RwLock::default(), codec }
    }

    /// Adds a group; one of the same name is replaced where it stands.
    pub fn add_group(&self, group: APIGroup) {
        let mut groups = self.groups.write();
        match groups.iter_mut().find(|known| known.name == group.name) {
            Some(known) => *known = group,
            None => groups.push(group),
        }
    }

    /// Removes a group.
    pub fn remove_group(&self, name: &str) {
        self.groups.write().retain(|group| group.name != name);
    }

    /// Returns the groups.
    pub fn groups(&self) -> Vec<APIGroup> {
        self.groups.read().clone()
    }
}

/// Returns the `APIGroupList` of groups.
pub fn api_group_list(groups: &[APIGroup]) -> Object {
    let mut list = Object::new(&GroupVersionKind::new("", "v1", "APIGroupList"));
    list.set(&["groups"], groups.iter().map(APIGroup::to_value).collect::<Vec<Value>>());
    list
}

impl Handler for GroupManager {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move { discovery::document(&*self.codec, cx, || api_group_list(&self.groups())).await })
    }
}
