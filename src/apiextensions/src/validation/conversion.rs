//! How versions are converted: not at all, or by a webhook.
//!
//! Go: validateCustomResourceConversion

use api::{admissionregistration::client_config, node::Node, validation};
use apimachinery::{
    util::validation as names,
    validation::field::{Error, ErrorList},
};

use super::ratchet::Strictness;

/// The versions of ConversionReview that this server and the one before it know.
const RECOGNIZED: [&str; 2] = ["v1", "v1beta1"];

/// Says whether a version of ConversionReview is known.
pub fn is_recognized(version: &str) -> bool {
    RECOGNIZED.contains(&version)
}

/// Checks `spec.conversion`.
pub fn validate(errors: &mut ErrorList, spec: &Node<'_>, strictness: &Strictness) {
    let conversion = spec.child("conversion");
    if !conversion.is_set() {
        return;
    }
    let strategy = conversion.child("strategy").or_empty();
    if strategy.as_str() != "None" && spec.flag("preserveUnknownFields") {
        errors.push(strategy.invalid("must be None if spec.preserveUnknownFields is true"));
    }
    validation::one_of(errors, &strategy, &["None", "Webhook"]);
    let (config, reviews) = (conversion.child("webhookClientConfig"), conversion.child("conversionReviewVersions"));
    if strategy.as_str() == "Webhook" {
        webhook(errors, &config, strictness);
        review_versions(errors, &reviews, strictness);
        return;
    }
    let only = "should not be set when strategy is not set to Webhook";
    for node in [&config, &reviews] {
        let is_empty = node.value.and_then(|value| value.as_array()).is_some_and(Vec::is_empty);
        if node.is_set() && !is_empty {
            errors.push(node.forbidden(only));
        }
    }
}

fn webhook(errors: &mut ErrorList, config: &Node<'_>, strictness: &Strictness) {
    if !config.is_set() {
        return errors.push(config.required("required when strategy is set to Webhook"));
    }
    match (config.has("url"), config.has("service")) {
        (true, false) => client_config::url(errors, &config.child("url")),
        (false, true) => {
            // kube-apiserver hands over name and namespace in the wrong order, so an error about one names the other.
            let service = config.child("service");
            let (name, namespace) = (service.text("name"), service.text("namespace"));
            client_config::service(errors, &service, name, namespace);
        }
        _ => errors.push(config.required("exactly one of url or service is required")),
    }
    if !strictness.any_ca_bundle {
        client_config::ca_bundle(errors, &config.child("caBundle"));
    }
}

fn review_versions(errors: &mut ErrorList, reviews: &Node<'_>, strictness: &Strictness) {
    let versions = reviews.items_here();
    if versions.is_empty() {
        return errors.push(reviews.required(""));
    }
    let mut seen: Vec<&str> = Vec::new();
    for version in &versions {
        let version = version.clone().or_empty();
        if seen.contains(&version.as_str()) {
            errors.push(version.invalid("duplicate version"));
            continue;
        }
        seen.push(version.as_str());
        errors.extend(names::is_dns1035_label(version.as_str()).into_iter().map(|text| version.invalid(text)));
    }
    if strictness.recognized_review_version && !seen.iter().any(|version| is_recognized(version)) {
        let detail = format!("must include at least one of {}", RECOGNIZED.join(", "));
        errors.push(Error::invalid(&reviews.path, reviews.shown(), detail));
    }
}
