//! What a phase works on, as it can be shown: a value or bytes, with its kind, already redacted.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state of a subject at one moment. Cheap to share, safe to show: secrets are redacted by whoever makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What this is: `Config`, `RequestInfo`, `Pod`, `headers`...
    pub kind: String,
    /// Its content.
    pub content: Content,
}

/// The two forms of a content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// A structured value.
    Value(Value),
    /// Encoded bytes (a body, a stored value), shared with whoever holds them.
    Bytes(Bytes),
    /// There is something, and it is not shown.
    Redacted,
}

impl Snapshot {
    /// Returns a snapshot of a structured value.
    pub fn value(kind: &str, value: Value) -> Arc<Self> {
        Arc::new(Self { kind: kind.to_owned(), content: Content::Value(value) })
    }

    /// Returns a snapshot that shares bytes.
    pub fn bytes(kind: &str, bytes: Bytes) -> Arc<Self> {
        Arc::new(Self { kind: kind.to_owned(), content: Content::Bytes(bytes) })
    }

    /// Returns the content as a value; bytes are parsed as JSON where they are JSON.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Value(value) => value.clone(),
            Content::Bytes(bytes) => serde_json::from_slice(bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
            Content::Redacted => Value::String("(redacted)".to_owned()),
        }
    }
}

/// Whatever a phase is entered with: it can be shown and, where that makes sense, edited while it is held.
///
/// Implemented by the crate that owns the type. A snapshot is made only when someone asks for it.
pub trait Subject: Send {
    /// Returns the present state, secrets redacted.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Replaces the state by an edited snapshot; refuses with a sentence for a person.
    fn edit(&mut self, _edited: &Value) -> Result<(), String> {
        Err("this cannot be edited here".to_owned())
    }
}

/// The subject of a phase that has nothing to show.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Subject for Nothing {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("nothing", Value::Null)
    }
}

/// A value is its own snapshot.
impl Subject for Value {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("value", self.clone())
    }

    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        self.clone_from(edited);
        Ok(())
    }
}
