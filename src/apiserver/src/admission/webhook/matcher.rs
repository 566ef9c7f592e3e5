//! Whether a webhook is asked about a write, and in which version.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/generic/webhook.go ShouldCallHook

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    labels::selector::Selector,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind, GroupVersionResource},
    },
};
use client::{cache::informer::SharedInformer, rest::Client};

use crate::{
    admission::{
        attributes::{Attributes, Operation},
        equivalents::EquivalentResources,
        initializer::Initializers,
        policy::matching::MatchResources,
        webhook::{
            conditions::{self, Outcome},
            config::Webhook,
            review::{self, Versioned},
        },
    },
    request::context::Context,
};

/// What a webhook is to be asked about: the write, as a request for this resource would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The resource that matched.
    pub resource: GroupVersionResource,
    /// Its kind.
    pub kind: GroupVersionKind,
}

/// Decides for all webhooks of a plugin.
pub struct Matcher {
    /// The labels of namespaces.
    pub namespaces: Arc<SharedInformer>,
    client: Client,
    equivalents: Arc<EquivalentResources>,
}

fn namespaces() -> GroupVersionResource {
    GroupVersion::new("", "v1").with_resource("namespaces")
}

impl Matcher {
    /// Takes what it needs.
    pub fn new(initializers: &Initializers) -> Self {
        Self {
            namespaces: initializers.informers.informer(&namespaces()),
            client: initializers.client.clone(),
            equivalents: initializers.equivalents.clone(),
        }
    }

    /// Says whether and how a webhook is to be asked.
    pub async fn should_call(
        &self,
        cx: &Context,
        webhook: &Webhook,
        attributes: &Attributes,
    ) -> Result<Option<Invocation>, StatusError> {
        let in_namespace = self.matches_namespace(&webhook.namespace_selector, attributes).await;
        if matches!(in_namespace, Ok(false)) || !matches_object(&webhook.object_selector, attributes)? {
            return Ok(None);
        }
        let Some(invocation) = self.invocation(webhook, attributes) else { return Ok(None) };
        // A namespace that cannot be read matters to webhooks only that would otherwise be asked.
        in_namespace?;
        if webhook.conditions.is_empty() {
            return Ok(Some(invocation));
        }
        let versioned = Versioned::new(cx, attributes, &invocation.kind).await?;
        let request = review::request("", attributes, &versioned, &invocation);
        match conditions::evaluate(&webhook.conditions, webhook.failure_policy, &request) {
            Outcome::Matches => Ok(Some(invocation)),
            Outcome::DoesNotMatch => Ok(None),
            Outcome::Failed(error) => {
                Err(StatusError::new_forbidden(&attributes.resource.group_resource(), &attributes.name, &error))
            }
        }
    }

    /// Says whether and how a policy or binding is about a write.
    ///
    /// Go: apiserver/pkg/admission/plugin/policy/matching/matching.go Matches
    pub async fn matches_resources(
        &self,
        resources: &MatchResources,
        attributes: &Attributes,
    ) -> Result<Option<Invocation>, StatusError> {
        let in_namespace = self.matches_namespace(&resources.namespace_selector, attributes).await;
        if matches!(in_namespace, Ok(false)) || !matches_object(&resources.object_selector, attributes)? {
            return Ok(None);
        }
        let equivalents = self.equivalents.equivalents(&attributes.resource, &attributes.subresource);
        let names: Vec<_> = equivalents.iter().map(|(resource, _)| resource.clone()).collect();
        let Some(resource) = resources.matching_resource(attributes, &names) else { return Ok(None) };
        in_namespace?;
        let kind = equivalents.into_iter().find(|(known, _)| *known == resource && resource != attributes.resource);
        let kind = kind.map_or_else(|| attributes.kind.clone(), |(_, kind)| kind);
        Ok(Some(Invocation { resource, kind }))
    }

    /// Returns the namespace of a write; `None` for objects that are in none.
    pub async fn namespace_of(&self, attributes: &Attributes) -> Result<Option<Arc<Object>>, StatusError> {
        let is_namespace = attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace";
        if attributes.namespace.is_empty() || is_namespace {
            return Ok(None);
        }
        if let Some(namespace) = self.namespaces.store().get("", &attributes.namespace) {
            return Ok(Some(namespace));
        }
        // The copy may lag behind a namespace that was made a moment ago.
        let namespace = self.client.resource(&namespaces()).get(&attributes.namespace).await?;
        Ok(Some(Arc::new(namespace)))
    }

    /// Finds the first rule that means the request's resource, or one equivalent to it.
    fn invocation(&self, webhook: &Webhook, attributes: &Attributes) -> Option<Invocation> {
        let Attributes { operation, resource, subresource, namespace, kind, .. } = attributes;
        let matches = |resource: &GroupVersionResource| {
            webhook.rules.iter().position(|rule| rule.matches(*operation, resource, subresource, namespace))
        };
        if matches(resource).is_some() {
            return Some(Invocation { resource: resource.clone(), kind: kind.clone() });
        }
        if !webhook.matches_equivalent {
            return None;
        }
        let others =
            self.equivalents.equivalents(resource, subresource).into_iter().filter(|(other, _)| other != resource);
        let matched = others.filter_map(|(resource, kind)| Some((matches(&resource)?, resource, kind)));
        // Earlier rules are honoured first.
        let (_, resource, kind) = matched.min_by_key(|(rule, ..)| *rule)?;
        Some(Invocation { resource, kind })
    }

    /// Go: apiserver/pkg/admission/plugin/webhook/predicates/namespace/matcher.go MatchNamespaceSelector
    async fn matches_namespace(
        &self,
        selector: &Result<Selector, String>,
        attributes: &Attributes,
    ) -> Result<bool, StatusError> {
        if attributes.namespace.is_empty() && attributes.resource.resource != "namespaces" {
            return Ok(true);
        }
        let selector = selector.as_ref().map_err(StatusError::new_internal_error)?;
        if selector.is_empty() {
            return Ok(true);
        }
        Ok(selector.matches(&self.namespace_labels(attributes).await?))
    }

    /// Returns the labels of the object's namespace; for a namespace that is being written, those it will have.
    async fn namespace_labels(&self, attributes: &Attributes) -> Result<BTreeMap<String, String>, StatusError> {
        let write = matches!(attributes.operation, Operation::Create | Operation::Update);
        if write && attributes.is("", "namespaces", "") {
            return Ok(attributes.object.as_ref().map(Object::labels).unwrap_or_default());
        }
        Ok(self.namespace_of(attributes).await?.map(|namespace| namespace.labels()).unwrap_or_default())
    }
}

/// Says whether the new or the old state of the object is selected.
///
/// Go: apiserver/pkg/admission/plugin/webhook/predicates/object/matcher.go MatchObjectSelector
fn matches_object(selector: &Result<Selector, String>, attributes: &Attributes) -> Result<bool, StatusError> {
    let selector = selector.as_ref().map_err(StatusError::new_internal_error)?;
    let mut objects = attributes.object.iter().chain(&attributes.old_object);
    // The options of a connection have no metadata: whatever is selected, it is not them.
    let has_labels = attributes.operation != Operation::Connect;
    Ok(selector.is_empty() || (has_labels && objects.any(|object| selector.matches(&object.labels()))))
}
