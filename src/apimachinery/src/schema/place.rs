//! Where the decoder stands, and what it has found so far.
//!
//! Go: sigs.k8s.io/json/internal/golang/encoding/json/decode.go decodeState

use std::fmt;

use super::model::Field;

/// How many findings of strict decoding Go keeps.
const MAX_STRICT: usize = 100;

/// Whose words a refusal is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Words {
    /// Go's JSON decoder.
    #[default]
    Json,
    /// The converter between untyped and typed objects.
    Converter,
}

/// Where the decoder stands and what it has found.
#[derive(Default)]
pub(super) struct Context<'s> {
    /// The path as strict decoding names it: `spec.containers[0].env`.
    pub(super) path: String,
    /// The struct being filled, as Go names it: `PodSpec`.
    pub(super) struct_name: &'s str,
    /// The fields on the way, with the names of embedded structs; items and keys do not stand here.
    pub(super) fields: Vec<&'s str>,
    /// Findings of strict decoding.
    pub(super) strict: Vec<String>,
    /// The first value of a wrong type.
    pub(super) soft: Option<String>,
    /// What ended decoding.
    pub(super) hard: Option<String>,
    /// Whether duplicates are noted in values without a type, too.
    pub(super) track_free: bool,
    /// Whose words refusals are in.
    pub(super) words: Words,
    /// Where raw parts stand, if their texts matter: JSON pointers.
    pub(super) raw: Option<Vec<String>>,
}

impl<'s> Context<'s> {
    pub(super) fn note(&mut self, what: &str, key: &str) {
        let dot = if self.path.is_empty() { "" } else { "." };
        let finding = format!("{what} field \"{}{dot}{key}\"", self.path);
        if self.strict.len() < MAX_STRICT && !self.strict.contains(&finding) {
            self.strict.push(finding);
        }
    }

    /// Remembers that a raw part stands here. There is none below a free key.
    pub(super) fn note_raw(&mut self) {
        if let Some(raw) = &mut self.raw {
            raw.push(format!("/{}", self.path.replace(['.', '['], "/").replace(']', "")));
        }
    }

    /// Remembers the first value of a wrong type. Go: UnmarshalTypeError.Error
    pub(super) fn mismatch(&mut self, found: &str, wanted: &str) {
        if self.soft.is_some() {
            return;
        }
        self.soft = Some(if self.struct_name.is_empty() && self.fields.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {wanted}")
        } else {
            let path = self.fields.join(".");
            format!("json: cannot unmarshal {found} into Go struct field {}.{path} of type {wanted}", self.struct_name)
        });
    }

    /// Does something one step further down the path.
    pub(super) fn below<T>(&mut self, step: fmt::Arguments<'_>, then: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        fmt::write(&mut self.path, step).expect("writing to a string");
        let result = then(self);
        self.path.truncate(length);
        result
    }

    pub(super) fn below_key<T>(&mut self, key: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.below(format_args!("{dot}{key}"), then)
    }

    /// Does something within a field of a struct.
    pub(super) fn within<T>(&mut self, name: &'s str, field: &'s Field, then: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.fields.len();
        if !field.go.embedded.is_empty() {
            self.fields.push(&field.go.embedded);
        }
        self.fields.push(name);
        let result = self.below_key(name, then);
        self.fields.truncate(depth);
        result
    }
}
