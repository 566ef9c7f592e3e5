//! Decoding and writing again: what the real server refuses, and what it leaves of what it takes.

use apimachinery::schema::{decode, tidy};

use crate::recorded;

/// Every refusal recorded from the real server, for bodies of built-in kinds.
#[test]
fn recorded_refusals_are_repeated() {
    let Some(cases) = recorded::recorded("decoding") else { return };
    let (mut same, mut wrong) = (0, Vec::new());
    for (_, case, answers) in cases {
        for (step, answer) in answers {
            let message = answer["body"]["message"].as_str().unwrap_or_default();
            let Some((_, wanted)) = message.split_once("cannot be handled as a ") else { continue };
            let (_, wanted) = wanted.split_once(": ").expect("a refusal");
            let body = recorded::body(&step, &case);
            let Some(schema) = recorded::schema_of(&body) else { continue };
            let found = decode::from_value(&schema, body).map_or_else(|error| error.0, |_| "decoded".to_owned());
            if found == wanted {
                same += 1;
            } else {
                wrong.push(format!("{wanted}\n  {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{same} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 400, "{same}");
}

/// What the real server answered is already as Go writes it.
#[test]
fn recorded_objects_are_left_as_they_are() {
    let Some(cases) = recorded::recorded("crud") else { return };
    let (mut same, mut wrong) = (0, Vec::new());
    for (name, _, answers) in cases {
        for (step, answer) in answers {
            if step["ignore"].to_string().contains("/status/") {
                continue;
            }
            let body = recorded::timed(&answer["body"]);
            let Some(schema) = recorded::schema_of(&body) else { continue };
            let found = decode::from_value(&schema, body.clone()).map(|decoded| {
                let mut value = decoded.value;
                tidy::tidy(&schema, &mut value);
                value
            });
            match found {
                Ok(found) if found == body => same += 1,
                Ok(found) => wrong.push(format!("{name} {found}\n{body}")),
                Err(error) => wrong.push(format!("{name} {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{same} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 1000, "{same}");
}
