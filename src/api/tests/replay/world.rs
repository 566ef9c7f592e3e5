//! A server in miniature: decoding, defaults, rules, and a map of objects.

use std::{collections::BTreeMap, time::Duration};

use api::{
    conversion, resources,
    resources::Resource,
    rules::{self, Request, Rules},
};
use apimachinery::{
    api::{
        errors::StatusError,
        validation::object_meta::{self, Scope},
    },
    meta::object_meta::ObjectMeta,
    runtime::{
        object::Object,
        schema::{GroupKind, GroupVersion},
    },
    schema::{decode, registry::Kinds, tidy},
    validation::field::{ErrorList, Path},
};
use serde_json::{Value, json};

/// What a request is answered with.
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub warnings: Vec<String>,
}

/// All objects, by path.
#[derive(Default)]
pub struct World {
    objects: BTreeMap<String, Object>,
    revision: u64,
}

/// What a path names.
struct Place {
    resource: &'static Resource,
    rules: &'static Rules,
    namespace: String,
    name: String,
    subresource: String,
}

impl World {
    pub fn create(&mut self, path: &str, body: Value, dry_run: bool) -> Option<Answer> {
        let place = place(path)?;
        if !place.name.is_empty() {
            return None;
        }
        let mut object = decode(&place, body)?;
        let request = request();
        for field in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            object.remove(&["metadata", field]);
        }
        object.remove(&["metadata", "managedFields"]);
        if place.resource.namespaced {
            object.set(&["metadata", "namespace"], place.namespace.as_str());
        } else {
            object.remove(&["metadata", "namespace"]);
        }
        object.set(&["metadata", "creationTimestamp"], "2026-11-24T00:00:00Z");
        object.set(&["metadata", "uid"], UID);
        let prefix = object.str(&["metadata", "generateName"]).to_owned();
        if object.name().is_empty() && !prefix.is_empty() {
            object.set(&["metadata", "name"], format!("{prefix}<gen>"));
        }
        place.rules.complete_for_create(&request, &mut object);
        let mut errors = place.rules.validate_new(&object, scope(&place));
        if errors.is_empty() {
            errors = generic(&place, &object);
        }
        if !errors.is_empty() {
            return Some(refusal(&place, &object, errors));
        }
        let mut warnings = request.warnings.take();
        warnings.extend((place.rules.warnings_on_create)(&object));
        (place.rules.canonicalize)(&mut object);
        stored(&place, &mut object);
        if !dry_run {
            self.store(&key(&place, object.name()), &mut object);
        }
        Some(Answer { code: 201, body: encode(&place, object), warnings })
    }

    pub fn update(&mut self, path: &str, change: impl FnOnce(Value) -> Option<Value>, dry_run: bool) -> Option<Answer> {
        let place = place(path)?;
        let old = self.objects.get(&key(&place, &place.name))?.clone();
        let body = change(encode(&place, old.clone()))?;
        let mut object = decode(&place, body)?;
        let request = request();
        let version = object.resource_version().to_owned();
        if !version.is_empty() && version != old.resource_version() {
            return None;
        }
        if version.is_empty() && place.resource.put_needs_version {
            return None;
        }
        object.set_resource_version(old.resource_version());
        rules::keep(&mut object, &old, &["metadata", "generation"]);
        rules::keep(&mut object, &old, &["metadata", "managedFields"]);
        let part = match place.subresource.as_str() {
            "" => None,
            "status" => Some(place.rules.status),
            _ => return None,
        };
        match part {
            None => place.rules.complete_for_update(&request, &mut object, &old),
            Some(part) => (part.prepare_for_update)(&request, &mut object, &old),
        }
        for field in ["creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            if field == "creationTimestamp" || object.get(&["metadata", field]).is_none_or(Value::is_null) {
                rules::keep(&mut object, &old, &["metadata", field]);
            }
        }
        let mut errors = generic(&place, &object);
        let (new_meta, old_meta) = (ObjectMeta::of(&object), ObjectMeta::of(&old));
        errors.extend(object_meta::validate_object_meta_update(new_meta, old_meta, &Path::new("metadata")));
        let validate = part.map_or(place.rules.validate_update, |part| part.validate_update);
        errors.extend(validate(&object, &old));
        if !errors.is_empty() {
            return Some(refusal(&place, &object, errors));
        }
        let warn = part.map_or(place.rules.warnings_on_update, |part| part.warnings_on_update);
        let warnings = warn(&object, &old);
        (place.rules.canonicalize)(&mut object);
        stored(&place, &mut object);
        if !dry_run && object != old {
            self.store(&key(&place, &place.name), &mut object);
        }
        Some(Answer { code: 200, body: encode(&place, object), warnings })
    }

    pub fn get(&self, path: &str) -> Option<Answer> {
        let place = place(path)?;
        let object = self.objects.get(&key(&place, &place.name))?.clone();
        Some(Answer { code: 200, body: encode(&place, object), warnings: Vec::new() })
    }

    fn store(&mut self, key: &str, object: &mut Object) {
        self.revision += 1;
        object.set_resource_version(&self.revision.to_string());
        self.objects.insert(key.to_owned(), object.clone());
    }
}

/// The one uid that objects get here.
pub const UID: &str = "00000000-0000-4000-8000-000000000000";

fn request() -> Request {
    Request { now: Duration::from_secs(1_800_000_000), uid: UID.to_owned(), ..Request::default() }
}

fn scope(place: &Place) -> Scope {
    if place.resource.namespaced { Scope::Namespaced } else { Scope::Cluster }
}

fn key(place: &Place, name: &str) -> String {
    format!("{}/{}/{name}", place.resource.storage_prefix, place.namespace)
}

fn place(path: &str) -> Option<Place> {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let version = match parts.remove(0) {
        "api" => GroupVersion::new("", parts.remove(0)),
        "apis" => GroupVersion::new(parts.remove(0), parts.remove(0)),
        _ => return None,
    };
    let namespace = if parts.len() > 2 && parts[0] == "namespaces" && !matches!(parts[2], "status" | "finalize") {
        parts.remove(0);
        parts.remove(0)
    } else {
        ""
    };
    let resource = resources::find(&version.group, &version.version, parts.first()?)?;
    let rules = rules::of(&resource.gvk());
    let part = |index: usize| parts.get(index).copied().unwrap_or_default().to_owned();
    Some(Place { resource, rules, namespace: namespace.to_owned(), name: part(1), subresource: part(2) })
}

/// Reads what was sent, in the version it was sent in, and brings it to the version it is stored in.
fn decode(place: &Place, body: Value) -> Option<Object> {
    let gvk = place.resource.gvk();
    let schema = api::scheme::Scheme.schema(&gvk)?;
    let mut object = Object::from_value(decode::from_value(&schema, body).ok()?.value)?;
    object.set_gvk(&gvk);
    (place.rules.default)(&mut object);
    let mut value = object.into_value();
    tidy::tidy(&schema, &mut value);
    let mut object = Object::from_value(value)?;
    object.set_gvk(&gvk);
    if gvk.kind == "Pod" && object.str(&["spec", "serviceAccountName"]).is_empty() {
        // The plugin ServiceAccount would.
        object.set(&["spec", "serviceAccountName"], "default");
    }
    let storage = place.resource.storage_version();
    conversion::convert(object, &storage.group_version())
}

/// What comes back from storage was decoded there, and so got its defaults once more.
fn stored(place: &Place, object: &mut Object) {
    (rules::of(&place.resource.storage_version()).default)(object);
}

fn encode(place: &Place, object: Object) -> Value {
    conversion::convert(object, &place.resource.group_version).map(Object::into_value).unwrap_or_default()
}

fn generic(place: &Place, object: &Object) -> ErrorList {
    object_meta::validate_object_meta(ObjectMeta::of(object), scope(place), rules::any_name, &Path::new("metadata"))
}

fn refusal(place: &Place, object: &Object, errors: ErrorList) -> Answer {
    let kind = GroupKind::new(&place.resource.group_version.group, &place.resource.kind);
    let error = StatusError::new_invalid(&kind, object.name(), errors);
    Answer { code: 422, body: json!({"kind": "Status", "details": error.details}), warnings: Vec::new() }
}
