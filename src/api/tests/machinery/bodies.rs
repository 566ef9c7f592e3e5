//! Bodies as the real server read them: what it refused, and what it only warned about.

use apimachinery::runtime::{
    schema::GroupVersionKind,
    serializer::codec::{self, Format},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::recorded;

/// The recordings hide where Go's scheme was made.
const SCHEME: &str = "<scheme>";

fn expected_kind(path: &str) -> Option<GroupVersionKind> {
    let resource = path.split("/namespaces/${ns}/").nth(1)?.split('/').next()?;
    Some(match resource {
        "configmaps" => GroupVersionKind::new("", "v1", "ConfigMap"),
        "services" => GroupVersionKind::new("", "v1", "Service"),
        "deployments" => GroupVersionKind::new("apps", "v1", "Deployment"),
        _ => return None,
    })
}

fn bytes(step: &Value, case: &Value) -> Option<Vec<u8>> {
    if let Some(raw) = step["raw"].as_str() {
        return Some(raw.as_bytes().to_vec());
    }
    if let Some(encoded) = step["b64"].as_str() {
        return STANDARD.decode(encoded).ok();
    }
    step["body"].is_object().then(|| recorded::body(step, case).to_string().into_bytes())
}

/// Returns what a message says without the beginning of the body, which is written differently by different clients.
fn without_summary(message: &str) -> &str {
    let end = if message.starts_with("the object provided") { message.rfind(" (") } else { None };
    &message[..end.unwrap_or(message.len())]
}

fn warnings(answer: &Value) -> Vec<String> {
    let header = &answer["headers"]["warning"];
    let one = std::slice::from_ref(header);
    let all = header.as_array().map_or(one, Vec::as_slice);
    all.iter().filter_map(Value::as_str).map(|text| text.replace("299 - ", "")).collect()
}

#[test]
fn recorded_bodies_are_read_alike() {
    let (mut same, mut wrong) = (0, Vec::new());
    for area in ["bodies", "field-validation"] {
        let Some(cases) = recorded::recorded(area) else { return };
        for (name, case, answers) in cases {
            for (step, answer) in answers {
                let path = step["path"].as_str().unwrap_or_default();
                let reads = matches!(step["method"].as_str(), None | Some("POST" | "PUT")) && step["patch"].is_null();
                let (Some(kind), Some(body), true) = (expected_kind(path), bytes(&step, &case), reads) else {
                    continue;
                };
                let format = if step["ctype"] == "application/yaml" { Format::Yaml } else { Format::Json };
                let found = codec::decode(&api::scheme::Scheme, SCHEME, &kind, format, &body);
                let (found, wanted) = match (found, answer["status"].as_u64()) {
                    (Err(error), _) => {
                        let message = error.into_status(&kind.kind, &body).message.replace("\"<scheme>\"", SCHEME);
                        (vec![message], vec![answer["body"]["message"].as_str().unwrap_or_default().to_owned()])
                    }
                    // Refused for another reason: of another kind, too large, invalid.
                    (Ok(_), Some(400..)) => continue,
                    (Ok(decoded), _) => {
                        let ignored = step["query"]["fieldValidation"] == "Ignore";
                        let strict = decoded.strict.iter().filter(|_| !ignored);
                        (strict.map(|finding| format!("{finding:?}")).collect(), warnings(&answer))
                    }
                };
                let alike = found.len() == wanted.len()
                    && found
                        .iter()
                        .zip(&wanted)
                        .all(|(found, wanted)| without_summary(found) == without_summary(wanted));
                if alike {
                    same += 1;
                } else {
                    wrong.push(format!("{area}/{name} {}: {found:?}\n  not {wanted:?}", step["id"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{same} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 60, "{same}");
}
