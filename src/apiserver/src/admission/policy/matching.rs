//! Which writes a policy or binding is about.
//!
//! Go: apiserver/pkg/admission/plugin/policy/matching/matching.go

use apimachinery::{
    labels::selector::Selector,
    meta::label_selector::LabelSelector,
    runtime::{object, schema::GroupVersionResource},
};
use serde_json::Value;

use crate::admission::{attributes::Attributes, webhook::rules::Rule};

/// A rule that may be limited to some names.
#[derive(Debug)]
struct NamedRule {
    rule: Rule,
    names: Vec<String>,
}

impl NamedRule {
    fn read(value: &Value) -> Self {
        let names = object::strings(value.get("resourceNames")).into_iter().map(str::to_owned).collect();
        Self { rule: Rule::read(value), names }
    }

    fn matches(&self, attributes: &Attributes, resource: &GroupVersionResource) -> bool {
        let Attributes { operation, subresource, namespace, name, .. } = attributes;
        self.rule.matches(*operation, resource, subresource, namespace)
            && (self.names.is_empty() || self.names.contains(name))
    }
}

/// `MatchResources`: selectors and rules.
///
/// Go: admissionregistration/v1 MatchResources
#[derive(Debug)]
pub struct MatchResources {
    /// Which namespaces.
    pub namespace_selector: Result<Selector, String>,
    /// Which objects.
    pub object_selector: Result<Selector, String>,
    rules: Vec<NamedRule>,
    excluded: Vec<NamedRule>,
    /// Whether a rule for another version of the resource counts.
    equivalent: bool,
}

impl MatchResources {
    /// Reads them; an absent value matches everything.
    pub fn read(value: &Value) -> Self {
        let selector = |field: &str| match value.get(field).filter(|value| !value.is_null()) {
            None => Ok(Selector::everything()),
            Some(selector) => LabelSelector::new(Some(selector)).as_selector(),
        };
        let rules = |field: &str| value[field].as_array().into_iter().flatten().map(NamedRule::read).collect();
        Self {
            namespace_selector: selector("namespaceSelector"),
            object_selector: selector("objectSelector"),
            rules: rules("resourceRules"),
            excluded: rules("excludeResourceRules"),
            equivalent: value["matchPolicy"] != "Exact",
        }
    }

    /// Returns the resource, the request's own or one of `equivalents`, that a rule means; `None` if none does.
    pub fn matching_resource(
        &self,
        attributes: &Attributes,
        equivalents: &[GroupVersionResource],
    ) -> Option<GroupVersionResource> {
        let find = |rules: &[NamedRule]| -> Option<GroupVersionResource> {
            if rules.iter().any(|rule| rule.matches(attributes, &attributes.resource)) {
                return Some(attributes.resource.clone());
            }
            let others = equivalents.iter().filter(|other| self.equivalent && **other != attributes.resource);
            let matched = others.filter_map(|other| {
                let index = rules.iter().position(|rule| rule.matches(attributes, other))?;
                Some((index, other.clone()))
            });
            matched.min_by_key(|(index, _)| *index).map(|(_, resource)| resource)
        };
        if find(&self.excluded).is_some() {
            return None;
        }
        // Without rules everything is meant: a binding need not repeat the policy's.
        if self.rules.is_empty() { Some(attributes.resource.clone()) } else { find(&self.rules) }
    }
}
