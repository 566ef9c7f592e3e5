//! Where a webhook is reached: a URL or a service, and whom its certificate must come from.
//!
//! Conversion webhooks of custom resources have the same.
//!
//! Go: apiserver/pkg/util/webhook/validation.go

use apimachinery::{
    util::{url as go_url, validation},
    validation::field::{Error, ErrorList},
};
use base64::Engine as _;
use x509_parser::prelude::{FromDer as _, Pem, X509Certificate};

use crate::node::Node;

/// Checks a webhook's address. Go: ValidateWebhookURL
pub fn url(errors: &mut ErrorList, node: &Node<'_>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let url = match go_url::parse(node.as_str()) {
        Ok(url) => url,
        Err(error) => return errors.push(node.required(format!("url must be a valid URL: {error}{FORM}"))),
    };
    let mut invalid = |part: &str, detail: String| errors.push(Error::invalid(&node.path, part, detail));
    if url.scheme != "https" {
        invalid(&url.scheme, format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if url.host.is_empty() {
        invalid(&url.host, format!("host must be specified{FORM}"));
    }
    if let Some(user) = &url.user {
        invalid(user, "user information is not permitted in the URL".to_owned());
    }
    if !url.fragment.is_empty() {
        invalid(&url.fragment, "fragments are not permitted in the URL".to_owned());
    }
    if !url.raw_query.is_empty() {
        invalid(&url.raw_query, "query parameters are not permitted in the URL".to_owned());
    }
}

/// Checks a webhook's service, whose name and namespace the caller reads. Go: ValidateWebhookService
pub fn service(errors: &mut ErrorList, service: &Node<'_>, namespace: &str, name: &str) {
    for (field, value) in [("name", name), ("namespace", namespace)] {
        if value.is_empty() {
            errors.push(service.child(field).required(""));
        }
    }
    let port = service.child("port");
    let sentences = validation::is_valid_port_num(port.as_int());
    if !sentences.is_empty() {
        let detail = format!("port is not valid: {}", sentences.join(", "));
        errors.push(Error::invalid(&port.path, port.as_int(), detail));
    }
    path(errors, &service.child("path"));
}

fn path(errors: &mut ErrorList, node: &Node<'_>) {
    let text = node.as_str();
    if text.is_empty() || text == "/" {
        return;
    }
    if text == "//" {
        return errors.push(node.invalid("segment[0] may not be empty"));
    }
    if !text.starts_with('/') {
        errors.push(node.invalid("must start with a '/'"));
    }
    // The first character goes whatever it is, as in Go.
    let mut rest = text.chars();
    rest.next();
    let rest = rest.as_str();
    for (index, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            errors.push(node.invalid(format!("segment[{index}] may not be empty")));
            continue;
        }
        for sentence in validation::is_dns1123_subdomain(step) {
            errors.push(node.invalid(format!("segment[{index}]: {sentence}")));
        }
    }
}

/// Checks a CA bundle, base64 of PEM. Go: ValidateCABundle
pub fn ca_bundle(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_str().is_empty() {
        return;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(node.as_str()).unwrap_or_default();
    if let Err(reason) = certificates(&bytes) {
        errors.push(node.invalid(format!("unable to load root certificates: {reason}")));
    }
}

/// Go: client-go/transport/transport.go rootCertPool
fn certificates(pem: &[u8]) -> Result<(), String> {
    let mut found = 0;
    for block in Pem::iter_from_buffer(pem) {
        let Ok(block) = block else { break };
        if block.label != "CERTIFICATE" {
            continue;
        }
        X509Certificate::from_der(&block.contents)
            .map_err(|_| "failed to parse certificate: x509: malformed certificate")?;
        found += 1;
    }
    if found > 0 { Ok(()) } else { Err("unable to parse bytes as PEM block".to_owned()) }
}
