//! One webhook, read from its configuration.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/accessors.go

use std::time::Duration;

use apimachinery::{
    labels::selector::Selector,
    meta::label_selector::LabelSelector,
    runtime::object::{self, Object},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use client::webhook::{ClientConfig, Target};
use serde_json::Value;

use crate::admission::webhook::{conditions::Condition, rules::Rule};

/// What happens when a webhook cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The write is refused.
    Fail,
    /// The webhook is passed over.
    Ignore,
}

/// A webhook of some configuration.
#[derive(Debug)]
pub struct Webhook {
    /// `configuration/webhook/n`, n counting webhooks of the same name.
    pub uid: String,
    /// The configuration's name.
    pub configuration: String,
    /// The webhook's name.
    pub name: String,
    /// Where it listens.
    pub client: ClientConfig,
    /// What it wants to see.
    pub rules: Vec<Rule>,
    /// What happens when it cannot be asked.
    pub failure_policy: FailurePolicy,
    /// Whether a rule for another version of the resource counts.
    pub matches_equivalent: bool,
    /// Which namespaces it wants to see.
    pub namespace_selector: Result<Selector, String>,
    /// Which objects it wants to see.
    pub object_selector: Result<Selector, String>,
    /// `None`, `NoneOnDryRun`...
    pub side_effects: String,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether it wants to be asked again when the object changes after it.
    pub reinvoke_if_needed: bool,
    /// What else must be true.
    pub conditions: Vec<Condition>,
    /// The versions of AdmissionReview that it knows, the preferred one first.
    pub review_versions: Vec<String>,
}

impl Webhook {
    /// Reads one entry of `webhooks`.
    pub fn read(configuration: &str, index_of_name: usize, entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let name = text("name").to_owned();
        Self {
            uid: format!("{configuration}/{name}/{index_of_name}"),
            configuration: configuration.to_owned(),
            client: client(&entry["clientConfig"]),
            rules: entry["rules"].as_array().into_iter().flatten().map(Rule::read).collect(),
            failure_policy: if text("failurePolicy") == "Ignore" { FailurePolicy::Ignore } else { FailurePolicy::Fail },
            matches_equivalent: text("matchPolicy") != "Exact",
            namespace_selector: selector(entry.get("namespaceSelector")),
            object_selector: selector(entry.get("objectSelector")),
            side_effects: text("sideEffects").to_owned(),
            timeout: Duration::from_secs(entry["timeoutSeconds"].as_u64().unwrap_or(10)),
            reinvoke_if_needed: text("reinvocationPolicy") == "IfNeeded",
            conditions: entry["matchConditions"].as_array().into_iter().flatten().map(Condition::read).collect(),
            review_versions: object::strings(entry.get("admissionReviewVersions"))
                .into_iter()
                .map(str::to_owned)
                .collect(),
            name,
        }
    }

    /// Reads all webhooks of configurations, in the order of their names.
    ///
    /// Go: apiserver/pkg/admission/configuration/mutating_webhook_manager.go getMutatingWebhookConfigurations
    pub fn read_all<'a>(configurations: impl IntoIterator<Item = &'a Object>) -> Vec<Self> {
        let mut configurations: Vec<_> = configurations.into_iter().collect();
        configurations.sort_by_key(|configuration| configuration.name().to_owned());
        let mut webhooks: Vec<Self> = Vec::new();
        for configuration in configurations {
            let entries = configuration.get(&["webhooks"]).and_then(Value::as_array).into_iter().flatten();
            for entry in entries {
                let same = |other: &&Self| {
                    other.configuration == configuration.name()
                        && other.name == entry["name"].as_str().unwrap_or_default()
                };
                let index = webhooks.iter().filter(same).count();
                webhooks.push(Self::read(configuration.name(), index, entry));
            }
        }
        webhooks
    }
}

/// Reads a `clientConfig`.
pub fn client(config: &Value) -> ClientConfig {
    let service = &config["service"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let target = match config["url"].as_str() {
        Some(url) => Target::Url(url.to_owned()),
        None => Target::Service {
            namespace: text(&service["namespace"]),
            name: text(&service["name"]),
            path: text(&service["path"]),
            port: service["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or(443),
        },
    };
    // What cannot be read was refused when the configuration was made; an empty bundle trusts the system's.
    let ca_bundle = config["caBundle"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
    ClientConfig { target, ca_bundle }
}

/// Reads a selector; none selects everything.
fn selector(value: Option<&Value>) -> Result<Selector, String> {
    match value.filter(|value| !value.is_null()) {
        None => Ok(Selector::everything()),
        Some(value) => LabelSelector::new(Some(value)).as_selector(),
    }
}
