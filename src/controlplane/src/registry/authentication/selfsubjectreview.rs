//! SelfSubjectReview: who am I, after impersonation.
//!
//! Go: pkg/registry/authentication/selfsubjectreview/rest.go

use apimachinery::{meta::time, runtime::object::Object};
use apiserver::{registry::rest, request::context::Context};
use auth::user;
use phase::BoxFuture;
use serde_json::{Map, Value, json};

use crate::registry::review::Reviewer;

/// Tells the one who asks who they are.
pub struct SelfSubjectReview;

impl Reviewer for SelfSubjectReview {
    fn review<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, rest::Result<Object>> {
        Box::pin(async move {
            let mut review = Object::new(&object.gvk());
            review.set(&["metadata", "creationTimestamp"], time::rfc3339(cx.services.clock.wall()));
            review.set(&["status", "userInfo"], user_info(&cx.user()));
            Ok(review)
        })
    }
}

/// Writes a user as `authentication/v1 UserInfo`: empty parts are left out.
pub fn user_info(user: &user::Info) -> Value {
    let mut info = Map::new();
    if !user.name.is_empty() {
        info.insert("username".to_owned(), user.name.clone().into());
    }
    if !user.uid.is_empty() {
        info.insert("uid".to_owned(), user.uid.clone().into());
    }
    if !user.groups.is_empty() {
        info.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    Value::Object(info)
}
