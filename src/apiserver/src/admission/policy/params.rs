//! The objects that a binding names as parameters.
//!
//! Go: apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go CollectParams

use std::sync::Arc;

use apimachinery::{meta::label_selector::LabelSelector, runtime::object::Object};
use client::rest::{Client, Resource};
use serde_json::Value;

use crate::admission::{
    equivalents::EquivalentResources,
    policy::source::{Binding, Policy},
};

/// Finds parameters.
///
/// Simplified: kube-apiserver follows each kind of parameters with an informer; here the watch cache of the server is
/// asked, which holds the same.
pub struct Params {
    client: Client,
    resources: Arc<EquivalentResources>,
}

impl Params {
    /// Asks through the loopback client.
    pub fn new(client: Client, resources: Arc<EquivalentResources>) -> Self {
        Self { client, resources }
    }

    /// Returns the parameters with which a binding is to be evaluated, one after the other; `None` stands for an
    /// evaluation without.
    pub async fn collect(
        &self,
        policy: &Policy,
        binding: &Binding,
        namespace: &str,
    ) -> Result<Vec<Option<Object>>, String> {
        let Some(kind) = &policy.param_kind else { return Ok(vec![None]) };
        let reference = &binding.param_ref;
        if reference.is_null() {
            return Ok(vec![None]);
        }
        let resource = self.resources.of_kind(kind).into_iter().next();
        let resource = resource.ok_or_else(|| format!("paramKind kind `{kind}` not known"))?;
        let namespaced = self.resources.is_namespaced(&resource);
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let wanted = text("namespace");
        let namespace = match (namespaced, wanted.is_empty()) {
            (false, false) => {
                return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
            }
            (false, true) => "",
            (true, false) => wanted,
            (true, true) if namespace.is_empty() => {
                return Err(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned()
                );
            }
            (true, true) => namespace,
        };
        let resource = self.client.resource(&resource).namespace(namespace);
        let found = find(&resource, text("name"), &reference["selector"]).await?;
        if found.is_empty() && reference["parameterNotFoundAction"] == "Deny" {
            return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
        }
        Ok(found.into_iter().map(Some).collect())
    }
}

async fn find(resource: &Resource, name: &str, selector: &Value) -> Result<Vec<Object>, String> {
    if !selector.is_null() {
        let selector = LabelSelector::new(Some(selector)).as_selector()?.to_string();
        let list = resource.list(&[("labelSelector", &selector), ("resourceVersion", "0")]).await;
        return list.map(|list| list.items).map_err(|error| error.to_string());
    }
    if name.is_empty() {
        return Err("one of name or selector must be provided".to_owned());
    }
    match resource.get(name).await {
        Ok(object) => Ok(vec![object]),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}
