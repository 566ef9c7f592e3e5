//! `metadata.managedFields`: its entries decoded, and encoded again.
//!
//! Go: apimachinery/pkg/util/managedfields/internal/{managedfields,managers}.go, apiserver/pkg/endpoints/handlers/fieldmanager/equality.go

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use super::fieldpath::Set;
use crate::{runtime::object::Object, util::strconv};

/// Who owns what, by manager.
pub type Managers = BTreeMap<Identity, Owned>;

/// What makes two entries the same manager's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The name it gave itself.
    pub manager: String,
    /// How it writes.
    pub operation: Operation,
    /// The version in which it updated; empty for one that applies, who is the same in all versions.
    pub api_version: String,
    /// The subresource through which it wrote; empty for the object itself.
    pub subresource: String,
}

/// How a manager writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    #[default]
    Update,
}

/// What a manager owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// The fields.
    pub set: Set,
    /// The version in which the fields are named.
    pub api_version: String,
    /// When it last changed something; absent if it only ever stated what was so already.
    pub time: Option<String>,
}

impl Operation {
    /// Returns the word that stands in the entry.
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl fmt::Display for Identity {
    /// Go: apimachinery/pkg/util/managedfields/internal/conflict.go printManager
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&strconv::quote(&self.manager))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", strconv::quote(&self.subresource))?;
        }
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(f, " using {}", self.api_version),
        }
    }
}

impl Identity {
    /// Returns the identity of who writes now. Go: buildManagerInfo
    pub(super) fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }
}

/// Returns the entries of an object.
pub fn entries(object: &Object) -> Option<&Value> {
    object.get(&["metadata", "managedFields"])
}

/// Decodes entries. Go: DecodeManagedFields
pub fn decode(entries: Option<&Value>) -> Result<Managers, String> {
    let mut managers = Managers::new();
    let Some(Value::Array(entries)) = entries else { return Ok(managers) };
    for (index, entry) in entries.iter().enumerate() {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err("operation must be `Apply` or `Update`".to_owned()),
        };
        if text("apiVersion").is_empty() {
            return Err("apiVersion must not be empty".to_owned());
        }
        match text("fieldsType") {
            "FieldsV1" => {}
            "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
            other => {
                return Err(format!("invalid fieldsType {} in managed fields entry {index}", strconv::quote(other)));
            }
        }
        let fields = entry.get("fieldsV1").unwrap_or(&Value::Null);
        let set = Set::parse(fields).map_err(|error| format!("error decoding set: {error}"))?;
        let identity = Identity {
            manager: text("manager").to_owned(),
            operation,
            api_version: if operation == Operation::Apply { String::new() } else { text("apiVersion").to_owned() },
            subresource: text("subresource").to_owned(),
        };
        let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
        managers.insert(identity, Owned { set, api_version: text("apiVersion").to_owned(), time });
    }
    Ok(managers)
}

/// Encodes entries: those of Apply first, then by time, then by name. Go: encodeManagedFields, sortEncodedManagedFields
pub fn encode(managers: &Managers) -> Vec<Value> {
    let mut sorted: Vec<(&Identity, &Owned)> = managers.iter().collect();
    sorted.sort_by_key(|(identity, owned)| {
        // A time is RFC 3339 in UTC with whole seconds, so its text sorts as it does; none is oldest.
        let time = owned.time.as_deref().unwrap_or_default();
        (identity.operation, time, &identity.manager, &owned.api_version, &identity.subresource)
    });
    sorted.into_iter().map(|(identity, owned)| entry(identity, owned)).collect()
}

fn entry(identity: &Identity, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            entry.insert(name.to_owned(), Value::from(value));
        }
    };
    put("manager", &identity.manager);
    put("operation", identity.operation.word());
    put("apiVersion", &owned.api_version);
    put("time", owned.time.as_deref().unwrap_or_default());
    put("fieldsType", "FieldsV1");
    put("subresource", &identity.subresource);
    entry.insert("fieldsV1".to_owned(), owned.set.to_fields());
    Value::Object(entry)
}

/// Puts the entries into an object. Go: EncodeObjectManagedFields
pub(super) fn put(object: &mut Object, managers: &Managers) {
    let entries = encode(managers);
    if entries.is_empty() {
        object.remove(&["metadata", "managedFields"]);
    } else {
        object.set(&["metadata", "managedFields"], entries);
    }
}

/// Says whether a client asks to forget all managers: an empty list, or one empty entry.
pub(super) fn is_reset(entries: Option<&Value>) -> bool {
    match entries {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [one] => one.as_object().is_some_and(Map::is_empty),
            _ => false,
        },
        _ => false,
    }
}

/// Restores the old entries if nothing but their times differs between two states of an object: then nothing
/// has to be written.
///
/// Go: IgnoreManagedFieldsTimestampsTransformer
pub fn ignore_timestamps(old: &Object, new: &mut Object) {
    let same_entries = match (entries(old), entries(new)) {
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|(old, new)| without(old, "time").eq(without(new, "time")))
        }
        _ => false,
    };
    if same_entries && is_same_otherwise(old, new) {
        let entries = entries(old).cloned().expect("compared above");
        new.set(&["metadata", "managedFields"], entries);
    }
}

fn without<'a>(value: &'a Value, left_out: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.as_object().into_iter().flatten().filter(move |(name, _)| *name != left_out)
}

fn is_same_otherwise(old: &Object, new: &Object) -> bool {
    let metadata = |object: &'_ Object| object.0.get("metadata").cloned().unwrap_or_default();
    let (old_metadata, new_metadata) = (metadata(old), metadata(new));
    let rest = |metadata: &Value| {
        let kept = without(metadata, "managedFields").filter(|(name, _)| *name != "resourceVersion");
        kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
    };
    let is_rest = |(name, _): &(&String, &Value)| *name != "metadata";
    rest(&old_metadata) == rest(&new_metadata) && old.0.iter().filter(is_rest).eq(new.0.iter().filter(is_rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}})
    }

    #[test]
    fn entries_are_sorted() {
        let (late, early) = ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
        let mixed = json!([entry("a", "Update", late), entry("b", "Update", early), entry("z", "Apply", late)]);
        let managers = decode(Some(&mixed)).expect("well-formed");
        let sorted = json!([entry("z", "Apply", late), entry("b", "Update", early), entry("a", "Update", late)]);
        assert_eq!(Value::Array(encode(&managers)), sorted);
        assert!(decode(Some(&json!([{"operation": "Update"}]))).is_err());
    }

    #[test]
    fn times_alone_are_no_change() {
        let object = |time: &str, data: i32| {
            let metadata = json!({"managedFields": [entry("a", "Update", time)], "resourceVersion": time});
            Object::from_value(json!({"metadata": metadata, "data": data})).expect("an object")
        };
        let old = object("2026-01-01T00:00:00Z", 1);
        let (mut same, mut other) = (object("2026-01-02T00:00:00Z", 1), object("2026-01-02T00:00:00Z", 2));
        let kept = other.clone();
        ignore_timestamps(&old, &mut same);
        ignore_timestamps(&old, &mut other);
        assert_eq!((entries(&same), entries(&other)), (entries(&old), entries(&kept)));
    }
}
