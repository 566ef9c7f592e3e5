//! SelfSubjectRulesReview: what may I do in a namespace.
//!
//! Go: pkg/registry/authorization/selfsubjectrulesreview/rest.go

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::{registry::rest, request::context::Context};
use auth::authorization::RuleResolver;
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::registry::review::Reviewer;

/// Asks the server's own rule resolver.
pub struct RulesReview {
    /// The resolver.
    pub resolver: Arc<dyn RuleResolver>,
}

impl Reviewer for RulesReview {
    fn review<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, rest::Result<Object>> {
        Box::pin(async move {
            let namespace = object.str(&["spec", "namespace"]);
            if namespace.is_empty() {
                return Err(StatusError::new_bad_request("no namespace on request"));
            }
            let rules = self.resolver.rules_for(&cx.user(), namespace).await;
            let mut status = json!({
                "resourceRules": rules.resource_rules,
                "nonResourceRules": rules.non_resource_rules,
                "incomplete": rules.incomplete,
            });
            if !rules.evaluation_error.is_empty() {
                status["evaluationError"] = rules.evaluation_error.into();
            }
            // The answer is a new object: it does not repeat what was asked.
            let mut review = Object::new(&object.gvk());
            review.set(&["metadata"], Value::Object(serde_json::Map::new()));
            review.set(&["spec"], Value::Object(serde_json::Map::new()));
            review.set(&["status"], status);
            Ok(review)
        })
    }

    fn validated(&self) -> bool {
        false
    }
}
