//! Patches: what the real server made of an object, or said of the patch.

use apimachinery::{
    api::errors::StatusError,
    jsonmergepatch, jsonpatch,
    schema::{decode, tidy},
    strategicpatch::patch,
};
use serde_json::Value;

use crate::recorded;

/// What a patch makes of an object, and the warnings about it.
fn patched(kind: &str, body: &[u8], live: &Value) -> Result<(Value, Vec<String>), StatusError> {
    let schema = recorded::schema_of(live).expect("a built-in kind");
    let invalid = |error: decode::DecodeError| patch::invalid("<document>", &error.0);
    let (decoded, mut strict) = match kind {
        "json" => {
            let patch = jsonpatch::parse(body)?;
            (decode::from_value(&schema, patch.apply(live)?).map_err(invalid)?, patch.strict)
        }
        "merge" => {
            let patch = jsonmergepatch::parse(body)?;
            let mut merged = live.as_object().expect("an object").clone();
            jsonmergepatch::merge(&mut merged, patch.fields);
            (decode::from_value(&schema, Value::Object(merged)).map_err(invalid)?, patch.strict)
        }
        _ => {
            let live = live.as_object().expect("an object");
            (patch::apply(live, patch::parse(body)?, &schema)?, Vec::new())
        }
    };
    let mut value = decoded.value;
    tidy::tidy(&schema, &mut value);
    strict.extend(decoded.strict);
    Ok((value, strict))
}

fn replay(area: &str, at_least: usize) {
    let Some(cases) = recorded::recorded(area) else { return };
    let (mut same, mut wrong) = (0, Vec::new());
    for (name, case, answers) in cases {
        let (Some(create), Some((step, answer))) = (case["steps"].get(0), answers.first()) else { continue };
        let Some(kind) = step["patch"].as_str() else { continue };
        let mut live = recorded::body(create, &case);
        if create["method"] == "PUT" || recorded::schema_of(&live).is_none() || step["query"]["subresource"].is_string()
        {
            continue;
        }
        let schema = recorded::schema_of(&live).expect("looked at above");
        live = decode::from_value(&schema, live).expect("was created").value;
        let body = match step["raw"].as_str() {
            Some(raw) => raw.to_owned(),
            None => recorded::body(step, &case).to_string(),
        };
        let (status, wanted) = (answer["status"].as_u64().unwrap_or_default(), &answer["body"]);
        let outcome = match patched(kind, body.as_bytes(), &live) {
            Err(error)
                if u64::from(error.code) != status
                    || wanted["message"] != error.message.replace("\"<document>\"", "<document>") =>
            {
                Err(format!("{} {}, not {status} {}", error.code, error.message, wanted["message"]))
            }
            Err(_) => Ok(()),
            // What rules of the kind refuse later is not this machinery's.
            Ok(_) if status != 200 && status != 201 => continue,
            Ok((mut value, strict)) => {
                value
                    .as_object_mut()
                    .expect("an object")
                    .retain(|name, _| name != "status" && name != "kind" && name != "apiVersion");
                value["metadata"].as_object_mut().expect("an object").remove("managedFields");
                let warnings = answer["headers"]["warning"].to_string();
                let missing = strict.iter().find(|finding| !warnings.replace('\\', "").contains(&**finding));
                recorded::is_part(&value, wanted, "")
                    .and_then(|()| missing.map_or(Ok(()), |finding| Err(format!("{finding} is no warning"))))
            }
        };
        match outcome {
            Ok(()) => same += 1,
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{same} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same >= at_least, "{same}");
}

#[test]
fn strategic_merge_patches() {
    replay("strategic-merge", 30);
}

#[test]
fn json_patches() {
    replay("json-patch", 25);
}

#[test]
fn merge_patches() {
    replay("merge-patch", 14);
}
