//! What is left out of reports and recordings: ports, directories, tokens, secrets.
//!
//! Everything else stays: under a virtual clock uids, times and revisions are the same in every run.

use std::io::{self, Write};

use control::{controller::Controller, ports::Lab, recording, timeline::Timeline};
use serde_json::{Map, Value, json};

/// Reports show a body up to this many bytes.
const SHOWN: usize = 16 << 10;

/// Fields whose text is a secret.
const SECRET_FIELDS: [&str; 4] = ["token", "authorization", "Authorization", "client-key-data"];

/// Puts stand-ins in place of what differs from run to run.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    ports: Vec<(String, String)>,
    texts: Vec<(String, String)>,
}

impl Mask {
    /// Takes what differs, each with its stand-in. A number is a port.
    pub fn new(stand_ins: Vec<(String, String)>) -> Self {
        let (ports, texts) = stand_ins.into_iter().partition(|(text, _)| text.parse::<u16>().is_ok());
        Self { ports, texts }
    }

    /// Returns everything that happened on a lesson's server as a recording.
    pub fn recording(controller: &Controller, lab: &dyn Lab) -> io::Result<Vec<u8>> {
        controller.pump();
        let mut recording = Vec::new();
        Self::new(lab.stand_ins()).record(&controller.timeline().read(), &mut recording)?;
        Ok(recording)
    }

    fn text(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (differs, stand_in) in &self.texts {
            out = out.replace(differs, stand_in);
        }
        for (port, stand_in) in &self.ports {
            out =
                if out == *port { stand_in.clone() } else { out.replace(&format!(":{port}"), &format!(":{stand_in}")) };
        }
        out
    }

    /// Masks a value.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.string(text),
            Value::Number(number) => {
                let found = self.ports.iter().find(|(port, _)| *port == number.to_string());
                found
                    .and_then(|(_, stand_in)| stand_in.parse::<u16>().ok())
                    .map_or_else(|| value.clone(), |port| json!(port))
            }
            Value::Array(items) => self.array(items),
            Value::Object(fields) => self.object(fields),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// A text, or a document in a text.
    fn string(&self, text: &str) -> Value {
        let nested = text.starts_with('{').then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        nested.map_or_else(|| self.text(text).into(), |nested| self.value(&nested).to_string().into())
    }

    /// A list, or a document as bytes.
    fn array(&self, items: &[Value]) -> Value {
        let bytes: Option<Vec<u8>> =
            items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
        let document =
            bytes.filter(|bytes| bytes.first() == Some(&b'{')).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match document {
            Some(document) => json!(self.value(&document).to_string().into_bytes()),
            None => items.iter().map(|item| self.value(item)).collect(),
        }
    }

    fn object(&self, fields: &Map<String, Value>) -> Value {
        let is_secret = fields.get("kind").is_some_and(|kind| kind == "Secret");
        let masked = fields.iter().map(|(name, value)| {
            let value = match value {
                Value::String(text) if SECRET_FIELDS.contains(&name.as_str()) && !text.is_empty() => json!("(masked)"),
                Value::Object(data) if is_secret && matches!(name.as_str(), "data" | "stringData") => {
                    data.keys().map(|key| (key.clone(), json!("(masked)"))).collect()
                }
                value => self.value(value),
            };
            (name.clone(), value)
        });
        Value::Object(masked.collect())
    }

    /// Masks a body for a report. One that is long is only described.
    pub fn shown(&self, body: &Value) -> Value {
        let masked = self.value(body);
        let bytes = masked.to_string().len();
        if bytes <= SHOWN { masked } else { json!({"kind": body["kind"], "bytes": bytes}) }
    }

    fn record(&self, timeline: &Timeline, mut out: impl Write) -> io::Result<()> {
        let mut lines = Vec::new();
        recording::write(timeline, &mut lines)?;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: Value = serde_json::from_slice(line)?;
            writeln!(out, "{}", self.value(&record))?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_directories_and_secrets_are_masked_and_nothing_else() {
        let mask = Mask::new(vec![("43123".into(), "6443".into()), ("/tmp/x".into(), "/data".into())]);
        let body = json!({"kind": "Secret", "data": {"key": "c2VjcmV0"}, "uid": "43123abc", "revision": "431234"});
        let bytes = json!({"port": 43123}).to_string().into_bytes();
        let all = json!({"url": "https://127.0.0.1:43123/x", "port": 43123, "files": ["/tmp/x/ca.crt"], "object": body,
            "status": {"token": "ey.."}, "text": r#"{"port":43123}"#, "bytes": bytes, "few": [1, 2]});
        let expected = json!({"url": "https://127.0.0.1:6443/x", "port": 6443, "files": ["/data/ca.crt"],
            "object": {"kind": "Secret", "data": {"key": "(masked)"}, "uid": "43123abc", "revision": "431234"},
            "status": {"token": "(masked)"}, "text": r#"{"port":6443}"#,
            "bytes": json!({"port": 6443}).to_string().into_bytes(), "few": [1, 2]});
        assert_eq!(mask.value(&all), expected);
    }
}
