//! One stage of one request, as `audit.k8s.io/v1` has it.
//!
//! Go: apiserver/pkg/audit/request.go, apiserver/pkg/apis/audit/v1/types.go Event

use std::{collections::BTreeMap, time::Duration};

use apimachinery::meta::time;
use serde_json::{Map, Value, json};

use crate::{
    audit::policy::{Level, Stage},
    authorization::Attributes,
    user,
};

/// Characters of a user agent that are kept.
const MAX_USER_AGENT_LENGTH: usize = 1024;

/// What is known of a request when it arrives, and grows until it is answered.
#[derive(Clone, Debug, Default)]
pub struct Event {
    fields: Map<String, Value>,
}

/// Returns a user as events show it.
fn user_info(user: &user::Info) -> Value {
    let mut value = json!({"username": user.name});
    if !user.uid.is_empty() {
        value["uid"] = user.uid.clone().into();
    }
    if !user.groups.is_empty() {
        value["groups"] = user.groups.clone().into();
    }
    if !user.extra.is_empty() {
        value["extra"] = json!(user.extra);
    }
    value
}

impl Event {
    /// Begins the event of a request.
    ///
    /// Go: apiserver/pkg/audit/request.go NewEventFromRequest
    pub fn new(
        level: Level,
        audit_id: &str,
        request_uri: &str,
        user_agent: &str,
        source_ips: Vec<String>,
        received: Duration,
        attributes: &Attributes,
    ) -> Self {
        let mut event = Self::default();
        event.set("kind", "Event");
        event.set("apiVersion", "audit.k8s.io/v1");
        event.set("level", format!("{level:?}"));
        event.set("auditID", audit_id);
        event.set("requestURI", request_uri);
        event.set("verb", attributes.verb.as_str());
        event.set("user", user_info(&attributes.user));
        event.set("requestReceivedTimestamp", time::rfc3339_micro(received));
        if !source_ips.is_empty() {
            event.set("sourceIPs", source_ips);
        }
        if !user_agent.is_empty() {
            let mut text: String = user_agent.chars().take(MAX_USER_AGENT_LENGTH).collect();
            if text.len() < user_agent.len() {
                text.push_str("...TRUNCATED");
            }
            event.set("userAgent", text);
        }
        if attributes.resource_request {
            event.set("objectRef", object_ref(attributes));
        }
        event
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Notes who the user acts as, and what constrained it.
    ///
    /// Go: apiserver/pkg/audit/request.go LogImpersonatedUser
    pub fn set_impersonated_user(&mut self, user: &user::Info, constraint: &str) {
        self.set("impersonatedUser", user_info(user));
        if !constraint.is_empty() {
            self.set("authenticationMetadata", json!({"impersonationConstraint": constraint}));
        }
    }

    /// Notes what was answered; `status` is the body where it is a Status.
    pub fn set_response_status(&mut self, code: u16, status: Option<&Value>) {
        let mut value = json!({"metadata": {}});
        for name in ["status", "message", "reason", "details"] {
            if let Some(field) = status.and_then(|status| status.get(name)) {
                value[name] = field.clone();
            }
        }
        value["code"] = code.into();
        self.set("responseStatus", value);
    }

    /// Returns the event at a stage.
    pub fn at(&self, stage: Stage, now: Duration, annotations: &BTreeMap<String, String>) -> Value {
        let mut event = self.clone();
        event.set("stage", stage.as_str());
        event.set("stageTimestamp", time::rfc3339_micro(now));
        if !annotations.is_empty() {
            event.set("annotations", json!(annotations));
        }
        Value::Object(event.fields)
    }
}

fn object_ref(attributes: &Attributes) -> Value {
    let parts = [
        ("resource", &attributes.resource),
        ("namespace", &attributes.namespace),
        ("name", &attributes.name),
        ("apiGroup", &attributes.api_group),
        ("apiVersion", &attributes.api_version),
        ("subresource", &attributes.subresource),
    ];
    let named = parts.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(named.map(|(name, value)| (name.to_owned(), value.as_str().into())).collect())
}
