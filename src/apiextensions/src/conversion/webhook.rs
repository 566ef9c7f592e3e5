//! Conversion by somebody who was asked: one POST with the objects, one answer with as many.
//!
//! Of the metadata only labels and annotations may come back changed; everything else is the original's.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{
    api::{errors::StatusError, validation::object_meta::validate_annotations},
    meta::validation::validate_labels,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
        serializer::codec,
    },
    util::strconv::quote,
    validation::field::Path,
};
use client::webhook::{Answer, ClientConfig, ClientManager, Target};
use phase::ids::IdSource;
use serde_json::{Map, Value, json};

use crate::definition::{Definition, Webhook};

/// How long a webhook may take: the client's default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks a webhook.
///
/// Go: webhookConverter
pub struct WebhookConverter {
    webhooks: Arc<ClientManager>,
    ids: Arc<dyn IdSource>,
    config: ClientConfig,
    review_versions: Vec<String>,
}

impl WebhookConverter {
    /// Returns the converter of a definition.
    ///
    /// Go: NewWebhookConverter
    pub fn new(
        definition: &Definition,
        webhook: &Webhook,
        webhooks: Arc<ClientManager>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        tracing::debug!(definition = %definition.name, "converts by webhook");
        let config = client_config(&webhook.client_config);
        Self { webhooks, ids, config, review_versions: webhook.conversion_review_versions.clone() }
    }

    /// Converts objects of one kind; those that are of the version already are not sent.
    pub async fn convert(&self, mut objects: Vec<Object>, to: &GroupVersion) -> Result<Vec<Object>, StatusError> {
        let Some(from) = objects.first().map(Object::gvk) else { return Ok(objects) };
        let failed = |message: String| StatusError::new(500, "", message);
        let places: Vec<usize> =
            (0..objects.len()).filter(|place| objects[*place].gvk().group_version() != *to).collect();
        if places.is_empty() {
            return Ok(objects);
        }
        let uid = self.ids.uuid();
        let version = self.review_version().map_err(failed)?;
        let sent: Vec<&Object> = places.iter().map(|place| &objects[*place]).collect();
        let review = review(version, &uid, to, &sent);
        let answer = self.webhooks.post(&self.config, review.to_string().into_bytes().into(), TIMEOUT).await;
        let answer = answer.map_err(|error| failed(format!("conversion webhook for {from} failed: {error}")))?;
        let converted = read(version, &uid, &answer)
            .map_err(|error| failed(format!("conversion webhook for {from} failed: {error}")))?;
        if converted.len() != places.len() {
            let (found, wanted) = (converted.len(), places.len());
            return Err(failed(format!("conversion webhook for {from} returned {found} objects, expected {wanted}")));
        }
        for (index, (place, converted)) in places.into_iter().zip(converted).enumerate() {
            let checked = check(&objects[place], converted, to, index);
            objects[place] = checked.map_err(|error| failed(format!("conversion webhook for {from} {error}")))?;
        }
        Ok(objects)
    }

    /// Returns the first version of the review that both sides know.
    fn review_version(&self) -> Result<&'static str, String> {
        let known = |version: &String| ["v1", "v1beta1"].into_iter().find(|known| known == version);
        let found = self.review_versions.iter().find_map(known);
        found.ok_or_else(|| "no supported conversion review versions".to_owned())
    }
}

/// Go: webhookClientConfigForCRD
fn client_config(config: &Value) -> ClientConfig {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let target = match config.get("service").filter(|service| service.is_object()) {
        Some(service) => Target::Service {
            namespace: text(service, "namespace"),
            name: text(service, "name"),
            path: text(service, "path"),
            port: service["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or(443),
        },
        None => Target::Url(text(config, "url")),
    };
    let ca_bundle = ca_bundle(config);
    let blank = ca_bundle.iter().all(u8::is_ascii_whitespace);
    ClientConfig { target, ca_bundle: if blank { Vec::new() } else { ca_bundle } }
}

/// Returns the bundle of authorities of a client config, as PEM.
pub fn ca_bundle(config: &Value) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let text = config["caBundle"].as_str().unwrap_or_default();
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

/// Go: createConversionReviewObjects
fn review(version: &str, uid: &str, to: &GroupVersion, objects: &[&Object]) -> Value {
    json!({
        "kind": "ConversionReview",
        "apiVersion": format!("apiextensions.k8s.io/{version}"),
        "request": {"uid": uid, "desiredAPIVersion": to.to_string(), "objects": objects},
        // As Go writes an answer that nobody has given yet.
        "response": {"uid": "", "convertedObjects": null, "result": {"metadata": {}}},
    })
}

/// Reads the answer: the converted objects, as they came.
///
/// Go: getConvertedObjectsFromResponse
fn read(version: &str, uid: &str, answer: &Answer) -> Result<Vec<Value>, String> {
    if answer.body.is_empty() {
        return Err(format!(
            "0-length response with status code: {} and content type: {}",
            answer.code, answer.content_type
        ));
    }
    // What is no JSON is YAML to Go's decoder, and plain words are a string there.
    let review: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(String::new()));
    let kind = codec::interpret(&review).map_err(|error| error.message)?;
    let expected = GroupVersionKind::new("apiextensions.k8s.io", version, "ConversionReview");
    // The older version was never checked.
    if version == "v1" && kind != expected {
        return Err(format!("expected webhook response of {expected}, got {kind}"));
    }
    let Some(response) = review.get("response").filter(|response| response.is_object()) else {
        return Err("no response provided".to_owned());
    };
    let answered = response["uid"].as_str().unwrap_or_default();
    if version == "v1" && answered != uid {
        return Err(format!("expected response.uid={}, got {}", quote(uid), quote(answered)));
    }
    let result = |field: &str| response["result"][field].as_str().unwrap_or_default();
    match (result("status"), result("message")) {
        ("Success", _) => Ok(response["convertedObjects"].as_array().cloned().unwrap_or_default()),
        (status, "") => Err(format!("response.result.status was '{status}', not 'Success'")),
        (_, message) => Err(message.to_owned()),
    }
}

/// Checks one converted object and gives it the metadata of the original.
fn check(original: &Object, converted: Value, to: &GroupVersion, index: usize) -> Result<Object, String> {
    let Some(mut converted) = Object::from_value(converted) else {
        return Err(format!("returned invalid converted object at index {index}: it is no object"));
    };
    let (from, found) = (original.gvk(), converted.gvk());
    if found.group_version() != *to {
        let found = found.group_version();
        return Err(format!(
            "returned invalid object at index {index}: invalid groupVersion (expected {to}, received {found})"
        ));
    }
    if found.kind != from.kind {
        return Err(format!(
            "returned invalid object at index {index}: invalid kind (expected {}, received {})",
            from.kind, found.kind
        ));
    }
    for (what, wanted, found) in [
        ("name", original.name(), converted.name()),
        ("namespace", original.namespace(), converted.namespace()),
        ("UID", original.uid(), converted.uid()),
    ] {
        if wanted != found {
            return Err(format!("returned invalid object: must have the same {what}: {wanted} != {found}"));
        }
    }
    restore_metadata(original, &mut converted).map_err(|error| format!("returned invalid metadata: {error}"))?;
    Ok(converted)
}

/// Go: restoreObjectMeta
fn restore_metadata(original: &Object, converted: &mut Object) -> Result<(), String> {
    let answered = match converted.0.remove("metadata") {
        None => return Err("missing metadata in converted object".to_owned()),
        Some(Value::Object(metadata)) => metadata,
        Some(other) => return Err(format!("invalid metadata of type {} in converted object", go_type(&other))),
    };
    let mut metadata = match original.0.get("metadata") {
        Some(Value::Object(metadata)) => metadata.clone(),
        _ => Map::new(),
    };
    for field in ["labels", "annotations"] {
        match answered.get(field) {
            None | Some(Value::Null) => {
                metadata.remove(field);
            }
            Some(Value::Object(texts)) => {
                check_texts(field, texts, metadata.get(field).and_then(Value::as_object))?;
                metadata.insert(field.to_owned(), Value::Object(texts.clone()));
            }
            Some(other) => {
                return Err(format!("invalid metadata.{field} of type {} in converted object", go_type(other)));
            }
        }
    }
    converted.0.insert("metadata".to_owned(), Value::Object(metadata));
    Ok(())
}

/// Checks labels or annotations that differ from the original's.
fn check_texts(field: &str, texts: &Map<String, Value>, original: Option<&Map<String, Value>>) -> Result<(), String> {
    for (key, value) in texts {
        if !value.is_string() {
            let kind = go_type(value);
            return Err(format!("metadata.{field}[{key}] must be a string, but is {kind} in converted object"));
        }
    }
    if original == Some(texts) || (original.is_none() && texts.is_empty()) {
        return Ok(());
    }
    let pairs: BTreeMap<&str, &str> =
        texts.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    let errors = if field == "labels" {
        validate_labels(pairs, &Path::new("metadata").child("labels"))
    } else {
        validate_annotations(pairs, &Path::new("metadata").child("annotation"))
    };
    if errors.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    Err(if texts.len() == 1 { texts[0].clone() } else { format!("[{}]", texts.join(", ")) })
}

/// Names the type that Go's decoder gives a value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("object")
    }

    #[test]
    fn only_labels_and_annotations_are_taken_from_an_answer() {
        let original = object(json!({"kind": "T", "apiVersion": "g/v1", "metadata": {"name": "a", "generation": 3,
            "labels": {"old": "1"}}}));
        let answer = json!({"kind": "T", "apiVersion": "g/v2", "metadata": {"name": "a", "generation": 9,
            "annotations": {"k": "v"}}, "spec": {}});
        let converted = check(&original, answer, &GroupVersion::new("g", "v2"), 0).expect("accepted");
        let metadata = json!({"name": "a", "generation": 3, "annotations": {"k": "v"}});
        assert_eq!(converted.get(&["metadata"]), Some(&metadata));
    }

    #[test]
    fn another_object_is_refused() {
        let original = object(json!({"kind": "T", "apiVersion": "g/v1", "metadata": {"name": "a"}}));
        let to = GroupVersion::new("g", "v2");
        let refusal = |answer: Value| check(&original, answer, &to, 0).expect_err("refused");
        let named = json!({"kind": "T", "apiVersion": "g/v2", "metadata": {"name": "b"}});
        assert_eq!(refusal(named), "returned invalid object: must have the same name: a != b");
        let version = json!({"kind": "T", "apiVersion": "g/v9", "metadata": {"name": "a"}});
        assert_eq!(
            refusal(version),
            "returned invalid object at index 0: invalid groupVersion (expected g/v2, received g/v9)"
        );
    }
}
