//! The format as a JSON Schema, for editors: `kubestep scenario schema`.

use serde_json::{Map, Value, json};

/// A type's fields: name, type, whether it must be there, what it is.
type Fields = &'static [(&'static str, &'static str, bool, &'static str)];

/// The types of the format, outermost first. A test holds them against the structs.
#[rustfmt::skip]
const TYPES: &[(&str, Fields)] = &[
    ("Scenario", &[
        ("apiVersion", "string", true, "kubestep.dev/v1alpha1"), ("kind", "string", true, "Scenario"),
        ("metadata", "Metadata", true, "what it is about"), ("settings", "Settings", false, "how it runs"),
        ("start", "Start", false, "what is there before the first step"),
        ("breakpoints", "[Breakpoint]", false, "where traces are held"), ("steps", "[Step]", true, "what happens"),
        ("goal", "Goal", false, "what must have been reached"), ("finish", "Finish", false, "the last words"),
        ("outputs", "[string]", false, "files that a replay writes or compares"),
    ]),
    ("Metadata", &[
        ("id", "string", true, "its name on the command line"), ("title", "Text", true, "its title"),
        ("tags", "[string]", false, "words to find it by"), ("minutes", "integer", false, "how long it takes"),
        ("requires", "[string]", false, "lessons or programs it needs"),
    ]),
    ("Settings", &[
        ("clock", "virtual|real", false, "which clock it runs on"), ("seed", "integer", false, "where identities start"),
        ("speed", "number", false, "how fast it plays by itself"), ("size", "Size", false, "the terminal it is made for"),
        ("locale", "string", false, "the language it starts in"), ("flags", "[string]", false, "flags of kube-apiserver"),
    ]),
    ("Size", &[("cols", "integer", true, "columns"), ("rows", "integer", true, "rows")]),
    ("Start", &[
        ("startup", "Startup", false, "how far the server is started"), ("apply", "[Fixture]", false, "objects that exist"),
        ("users", "[User]", false, "users with a certificate"), ("extensions", "[Extension]", false, "extension API servers"),
        ("webhooks", "[Webhook]", false, "webhook servers; objects name one by `url: lab:NAME`"),
    ]),
    ("Extension", &[
        ("service", "string", true, "its Service in `default`"), ("group", "string", true, "the group it serves"),
        ("version", "string", true, "the version"), ("kind", "string", true, "the kind of its objects"),
        ("resource", "string", true, "the plural in paths"), ("items", "[any]", false, "its objects"),
    ]),
    ("Webhook", &[
        ("name", "string", true, "what the lesson calls it"),
        ("answers", "[WebhookAnswer]", false, "the first that fits is given; else it allows"),
    ]),
    ("WebhookAnswer", &[
        ("when", "string", false, "for which questions (CEL over request, object, oldObject)"),
        ("deny", "string", false, "refuses, with this message"), ("code", "integer", false, "code of the refusal"),
        ("patch", "[any]", false, "a JSON patch"), ("warnings", "[string]", false, "warnings for the client"),
        ("late", "integer", false, "seconds it lets wait"), ("fail", "integer", false, "HTTP status of one that is out of order"),
    ]),
    ("Startup", &[("run_to", "string", false, "`serving` or a phase"), ("pause_at", "string", false, "a start-up phase")]),
    ("User", &[("name", "string", true, "name"), ("groups", "[string]", false, "groups")]),
    ("Breakpoint", &[
        ("at", "string", true, "the phase"), ("when", "string", false, "for which traces (CEL)"),
        ("once", "boolean", false, "whether it goes away with its first hit"), ("label", "string", false, "a letter"),
    ]),
    ("Step", &[
        ("id", "string", true, "its name"), ("say", "Text", false, "said before it"), ("notes", "Text", false, "for the presenter"),
        ("predict", "Predict", false, "a question"), ("do", "Action", false, "what is done"), ("wait", "Wait", false, "what is waited for"),
        ("expect", "[Expect]", false, "what must be true then"), ("explain", "Text", false, "said after it"),
        ("task", "Text", false, "what the learner has to do"), ("hints", "[Text]", false, "help, a little more each time"),
        ("check", "[Check]", false, "when the task is done"), ("solve", "[Action]", false, "a way to do it"),
    ]),
    ("Predict", &[("ask", "Text", true, "the question"), ("choices", "[Choice]", true, "the answers"), ("answer", "Answer", true, "the right one")]),
    ("Answer", &[("from", "string", false, "an expression over the run"), ("choice", "integer", false, "a choice's number, from 1")]),
    ("Action", &[
        ("create", "Fixture", false, "POST an object"), ("get", "string", false, "GET a path"), ("watch", "string", false, "watch a path"),
        ("update", "Fixture", false, "PUT an object"), ("apply", "Fixture", false, "server-side apply"), ("patch", "Patch", false, "PATCH a path"),
        ("delete", "string", false, "DELETE a path"), ("raw", "Raw", false, "any request"), ("step", "string", false, "a command of the walk"),
        ("replay", "string", false, "an earlier request again"), ("user", "string", false, "who does it; `anonymous`: nobody"),
        ("token", "string", false, "a bearer token, as an expression"), ("impersonate", "User", false, "to be taken for"),
        ("as", "string", false, "the request's name"),
        ("mode", "typed|live|hidden", false, "how it is shown"),
    ]),
    ("Patch", &[("path", "string", true, "the object's path"), ("type", "json|merge|strategic|apply", true, "which patch"), ("body", "any", true, "the patch")]),
    ("Raw", &[("method", "string", true, "the method"), ("path", "string", true, "path and query"), ("body", "any", false, "the body")]),
    ("Wait", &[
        ("paused_at", "string", false, "held at this phase"), ("answered", "boolean", false, "the request has its answer"),
        ("ready", "boolean", false, "the server is ready"), ("of", "string", false, "which request"), ("timeout", "string", false, "at most: 5s"),
    ]),
    ("Expect", &[
        ("of", "string", false, "which request"), ("code", "integer", false, "HTTP code"), ("reason", "string", false, "the Status's reason"),
        ("stopped_at", "string", false, "the innermost phase that failed"), ("held_at", "string", false, "the phase it is held at"),
        ("trace", "[string]", false, "phases in this order"), ("route", "[string]", false, "the servers it went through"),
        ("config", "[string]", false, "fields of the config that are set"), ("that", "string", false, "an expression"),
    ]),
    ("Check", &[
        ("id", "string", true, "its name"), ("object", "string", false, "an object's path"), ("exists", "boolean", false, "whether it must exist"),
        ("that", "string", false, "an expression over `object`"), ("fail", "Text", true, "for a learner who is not there yet"),
    ]),
    ("Goal", &[("objects", "[string]", false, "paths that exist"), ("within_requests", "integer", false, "the score to beat")]),
    ("Finish", &[("say", "Text", true, "what is said"), ("next", "[string]", false, "lessons that follow")]),
];

/// Returns the schema.
pub fn json_schema() -> Value {
    let mut defs: Map<String, Value> =
        TYPES.iter().map(|(name, fields)| ((*name).to_owned(), object(fields))).collect();
    let text =
        json!({"type": "object", "required": crate::text::LANGUAGES, "additionalProperties": {"type": "string"}});
    defs.insert("Text".to_owned(), text);
    defs.insert("Fixture".to_owned(), json!({"type": ["string", "object"]}));
    defs.insert("Choice".to_owned(), json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Text"}]}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kubestep.dev/scenario.v1alpha1.json",
        "$ref": "#/$defs/Scenario",
        "$defs": defs,
    })
}

fn object(fields: Fields) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind, _, about)| ((*name).to_owned(), property(kind, about))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn property(kind: &str, about: &str) -> Value {
    let mut schema = match kind {
        "any" => json!({}),
        "string" | "integer" | "number" | "boolean" => json!({"type": kind}),
        list if list.starts_with('[') => json!({"type": "array", "items": property(list.trim_matches(['[', ']']), "")}),
        choices if choices.contains('|') => json!({"enum": choices.split('|').collect::<Vec<_>>()}),
        name => json!({"$ref": format!("#/$defs/{name}")}),
    };
    if !about.is_empty() {
        schema["description"] = about.into();
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_defined() {
        let schema = json_schema();
        let text = schema.to_string();
        for part in text.split("\"#/$defs/").skip(1) {
            let name = part.split('"').next().expect("closing quote");
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_table_names_the_fields_of_the_structs() {
        let full = crate::format::Step::default();
        let start = serde_json::to_value(crate::format::Start::default()).expect("value");
        let struct_fields = serde_json::to_value(crate::format::Settings::default()).expect("value");
        let known = |name: &str| {
            TYPES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, fields)| fields.iter().map(|f| f.0).collect::<Vec<_>>())
        };
        for field in struct_fields.as_object().expect("object").keys() {
            assert!(known("Settings").expect("Settings").contains(&field.as_str()), "{field}");
        }
        for field in start.as_object().expect("object").keys() {
            assert!(known("Start").expect("Start").contains(&field.as_str()), "{field}");
        }
        for field in serde_json::to_value(full).expect("value").as_object().expect("object").keys() {
            assert!(known("Step").expect("Step").contains(&field.as_str()), "{field}");
        }
    }
}
