//! SubjectAccessReview and its two variants: may someone do something.
//!
//! Go: pkg/registry/authorization/{subjectaccessreview,localsubjectaccessreview,selfsubjectaccessreview}/rest.go

use std::sync::Arc;

use api::authorization;
use apimachinery::{
    api::errors::{Details, StatusError},
    runtime::object::{Object, strings},
    validation::field::ErrorList,
};
use apiserver::{registry::rest, request::context::Context};
use auth::{
    authorization::{Attributes, Authorizer, Decision},
    user,
};
use phase::BoxFuture;
use serde_json::{Map, Value};

use crate::registry::review::Reviewer;

/// Asks the server's own authorizer.
pub struct AccessReview {
    /// About whom, and where.
    pub about: authorization::AccessReview,
    /// The authorizer that requests go through.
    pub authorizer: Arc<dyn Authorizer>,
}

impl Reviewer for AccessReview {
    fn review<'a>(&'a self, cx: &'a Context, mut object: Object) -> BoxFuture<'a, rest::Result<Object>> {
        Box::pin(async move {
            let errors = authorization::validate(self.about, &object);
            if !errors.is_empty() {
                return Err(invalid(&errors));
            }
            let user = match self.about {
                authorization::AccessReview::Oneself => cx.user(),
                _ => Arc::new(subject(&object)),
            };
            let attributes = attributes(&object, user);
            let verdict = self.authorizer.authorize(&cx.trace, &attributes).await;
            let mut status = Map::new();
            status.insert("allowed".to_owned(), (verdict.decision == Decision::Allow).into());
            if verdict.decision == Decision::Deny {
                status.insert("denied".to_owned(), true.into());
            }
            if !verdict.reason.is_empty() {
                status.insert("reason".to_owned(), verdict.reason.into_owned().into());
            }
            if let Some(error) = verdict.error {
                status.insert("evaluationError".to_owned(), error.into());
            }
            object.set(&["status"], Value::Object(status));
            Ok(object)
        })
    }
}

/// Go's decoded review does not know its kind any more, so the refusal names none.
fn invalid(errors: &ErrorList) -> StatusError {
    let group = "authorization.k8s.io";
    let details = Details { group: group.to_owned(), causes: errors.causes(), ..Details::default() };
    StatusError {
        details: Some(Box::new(details)),
        ..StatusError::new(422, "Invalid", format!(".{group} \"\" is invalid: {errors}"))
    }
}

fn subject(object: &Object) -> user::Info {
    let extra = object.get(&["spec", "extra"]).and_then(Value::as_object).into_iter().flatten();
    let texts = |value: &Value| strings(Some(value)).into_iter().map(str::to_owned).collect();
    user::Info {
        name: object.str(&["spec", "user"]).to_owned(),
        uid: object.str(&["spec", "uid"]).to_owned(),
        groups: object.get(&["spec", "groups"]).map(texts).unwrap_or_default(),
        extra: extra.map(|(key, value)| (key.to_ascii_lowercase(), texts(value))).collect(),
    }
}

/// The question as the authorizer wants it.
///
/// Go: pkg/registry/authorization/util/helpers.go ResourceAttributesFrom, NonResourceAttributesFrom
fn attributes(object: &Object, user: Arc<user::Info>) -> Attributes {
    if let Some(path) = object.get(&["spec", "nonResourceAttributes"]) {
        let field = |name: &str| path[name].as_str().unwrap_or_default().to_owned();
        return Attributes { user, verb: field("verb"), path: field("path"), ..Attributes::default() };
    }
    let field = |name: &str| object.str(&["spec", "resourceAttributes", name]).to_owned();
    Attributes {
        user,
        verb: field("verb"),
        resource_request: true,
        namespace: field("namespace"),
        api_group: field("group"),
        api_version: match field("version") {
            version if version.is_empty() => "*".to_owned(),
            version => version,
        },
        resource: field("resource"),
        subresource: field("subresource"),
        name: field("name"),
        field_selector: requirements(object, "fieldSelector")
            .into_iter()
            .map(|(key, operator, mut values)| (key, operator, values.pop().unwrap_or_default()))
            .collect(),
        label_selector: requirements(object, "labelSelector"),
        ..Attributes::default()
    }
}

/// The requirements of one of the two selectors as (key, operator, values).
fn requirements(object: &Object, selector: &str) -> Vec<(String, String, Vec<String>)> {
    let list = object.get(&["spec", "resourceAttributes", selector, "requirements"]).and_then(Value::as_array);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |entry: &Value| {
        let values = strings(entry.get("values")).into_iter().map(str::to_owned).collect();
        (text(&entry["key"]), text(&entry["operator"]), values)
    };
    list.into_iter().flatten().map(one).collect()
}
