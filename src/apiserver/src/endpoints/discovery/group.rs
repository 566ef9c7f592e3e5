//! The versions of one group: `/apis/apps`.
//!
//! Go: apiserver/pkg/endpoints/discovery/group.go

use std::sync::Arc;

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    endpoints::{codec::Codec, discovery, handlers::respond, negotiation::BUILT_IN},
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
};

/// Answers at a group's path, and with 404 below it: its versions have handlers of their own.
///
/// Go: APIGroupHandler
pub struct APIGroupHandler {
    /// The group.
    pub group: APIGroup,
    /// Writes the document.
    pub codec: Arc<dyn Codec>,
}

/// A group and its versions.
///
/// Go: metav1.APIGroup
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct APIGroup {
    /// Its name.
    pub name: String,
    /// Its versions, the preferred one first.
    pub versions: Vec<String>,
}

impl APIGroup {
    /// Returns the fields of an entry in a list of groups.
    pub fn to_value(&self) -> Value {
        let version =
            |version: &String| json!({"groupVersion": format!("{}/{version}", self.name), "version": version});
        let versions: Vec<Value> = self.versions.iter().map(version).collect();
        json!({"name": self.name, "preferredVersion": versions.first(), "versions": versions})
    }

    /// Returns the document.
    pub fn to_object(&self) -> Object {
        let mut object = Object::from_value(self.to_value()).expect("made as an object");
        object.set_gvk(&GroupVersionKind::new("", "v1", "APIGroup"));
        object
    }
}

impl Handler for APIGroupHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            if cx.info.path.trim_end_matches('/') != format!("/apis/{}", self.group.name) {
                return respond::refusal(&*self.codec, BUILT_IN, cx, &responses::route_not_found()).await;
            }
            discovery::document(&*self.codec, cx, || self.group.to_object()).await
        })
    }
}
