//! Whether a custom resource is acceptable: its type, its metadata, its schema, its rules.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource/validator.go, and the Validate functions of strategy.go

use std::sync::Arc;

use apimachinery::{
    api::validation::{
        name::name_is_dns_subdomain,
        object_meta::{self, Scope},
    },
    meta::object_meta::ObjectMeta,
    runtime::{object::Object, schema::GroupVersionKind},
    schema::model::Schema,
    util::strconv,
    validation::field::{BadValue, Error, ErrorList, ErrorType, Path},
};
use serde_json::Value;

use crate::{
    definition::Scale,
    registry::customresource::strategy::at,
    schema::{listtype, objectmeta, rules::Rules, structural::Structural, validation::Validator},
};

/// Checks the objects of one version.
///
/// Go: customResourceValidator
pub struct CustomResourceValidator {
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The kind at the version.
    pub kind: GroupVersionKind,
    schema: Arc<Schema>,
    validator: Validator,
    rules: Rules,
    /// For `/status`, where there is one and the schema describes it.
    status_validator: Option<Validator>,
    scale: Option<Scale>,
}

impl CustomResourceValidator {
    /// Prepares the checks of a version.
    pub fn new(
        kind: GroupVersionKind,
        namespaced: bool,
        structural: &Structural,
        has_status: bool,
        scale: Option<Scale>,
    ) -> Self {
        let status = structural.document["properties"].get("status").filter(|_| has_status);
        Self {
            namespaced,
            kind,
            schema: structural.schema.clone(),
            validator: Validator::new(&structural.document),
            rules: Rules::new(&structural.schema, &structural.document),
            status_validator: status.map(Validator::new),
            scale,
        }
    }

    /// Checks a new object.
    pub fn validate(&self, object: &Object) -> ErrorList {
        let value = Value::Object(object.0.clone());
        let mut errors = self.type_meta(object);
        if errors.is_empty() {
            let scope = if self.namespaced { Scope::Namespaced } else { Scope::Cluster };
            let (meta, path) = (ObjectMeta::of(object), Path::new("metadata"));
            errors.extend(object_meta::validate_object_meta(meta, scope, name_is_dns_subdomain, &path));
            errors.extend(self.validator.validate(&Path::default(), &value));
            errors.extend(self.scale_spec(object));
            errors.extend(self.scale_status(object));
        }
        errors.extend(objectmeta::validate(&self.schema, &Path::default(), &value));
        errors.extend(listtype::validate(&self.schema, &Path::default(), &value));
        self.follow_rules(&value, None, &mut |_| {}, &mut errors);
        errors
    }

    /// Evaluates the rules, unless the value is so wrong that they would stumble.
    fn follow_rules(&self, value: &Value, old: Option<&Value>, warn: &mut dyn FnMut(String), errors: &mut ErrorList) {
        if self.rules.is_empty() {
            return;
        }
        match blocking_error(errors) {
            Some(error) => errors.push(error),
            None => errors.extend(self.rules.validate(value, old, warn)),
        }
    }

    /// Checks a change. The metadata besides.
    pub fn validate_update(&self, object: &Object, old: &Object, warn: &mut dyn FnMut(String)) -> ErrorList {
        let (value, old_value) = (Value::Object(object.0.clone()), Value::Object(old.0.clone()));
        let mut errors = self.type_meta(object);
        if errors.is_empty() {
            errors.extend(self.validator.validate_update(&Path::default(), &value, Some(&old_value)));
            errors.extend(self.scale_spec(object));
            errors.extend(self.scale_status(object));
        }
        errors.extend(objectmeta::validate(&self.schema, &Path::default(), &value));
        errors.extend(self.new_duplicates(&value, &old_value));
        self.follow_rules(&value, Some(&old_value), warn, &mut errors);
        errors
    }

    /// Checks a change of the status alone. The metadata besides.
    pub fn validate_status_update(&self, object: &Object, old: &Object, warn: &mut dyn FnMut(String)) -> ErrorList {
        let (value, old_value) = (Value::Object(object.0.clone()), Value::Object(old.0.clone()));
        let mut errors = self.type_meta(object);
        if errors.is_empty() {
            if let (Some(validator), Some(status)) = (&self.status_validator, object.0.get("status")) {
                errors.extend(validator.validate_update(&Path::new("status"), status, old.0.get("status")));
            }
            errors.extend(self.scale_status(object));
        }
        errors.extend(self.new_duplicates(&value, &old_value));
        self.follow_rules(&value, Some(&old_value), warn, &mut errors);
        errors
    }

    /// Lists that held an item twice before may go on doing so.
    fn new_duplicates(&self, value: &Value, old: &Value) -> ErrorList {
        let duplicates = |value| listtype::validate(&self.schema, &Path::default(), value);
        if duplicates(old).is_empty() { duplicates(value) } else { ErrorList::new() }
    }

    /// Go: ValidateTypeMeta
    fn type_meta(&self, object: &Object) -> ErrorList {
        let mut errors = ErrorList::new();
        let version = self.kind.group_version().to_string();
        for (field, found, wanted) in
            [("kind", object.kind(), self.kind.kind.as_str()), ("apiVersion", object.api_version(), version.as_str())]
        {
            if found != wanted {
                errors.push(Error::invalid(&Path::new(field), found, format!("must be {wanted}")));
            }
        }
        errors
    }

    /// Go: ValidateScaleSpec
    fn scale_spec(&self, object: &Object) -> Option<Error> {
        replicas_error(object, &self.scale.as_ref()?.spec_replicas_path)
    }

    /// Go: ValidateScaleStatus
    fn scale_status(&self, object: &Object) -> Vec<Error> {
        let Some(scale) = &self.scale else { return Vec::new() };
        let replicas = replicas_error(object, &scale.status_replicas_path);
        let selector = scale.label_selector_path.as_ref().and_then(|path| match at(object, path) {
            None | Some(Value::String(_)) => None,
            Some(other) => Some(Error::invalid(&Path::new(path), "", accessor_error(path, other, "string"))),
        });
        replicas.into_iter().chain(selector).collect()
    }
}

/// Says what is wrong with a number of replicas.
fn replicas_error(object: &Object, path: &str) -> Option<Error> {
    let field = Path::new(path);
    let replicas = match at(object, path)? {
        Value::Number(number) if number.is_i64() => number.as_i64().unwrap_or_default(),
        other => return Some(Error::invalid(&field, 0, accessor_error(path, other, "int64"))),
    };
    if replicas < 0 {
        return Some(Error::invalid(&field, replicas, "should be a non-negative integer"));
    }
    let max = i64::from(i32::MAX);
    (replicas > max).then(|| Error::invalid(&field, replicas, format!("should be less than or equal to {max}")))
}

/// Go: apimachinery/pkg/apis/meta/v1/unstructured/helpers.go NestedInt64, NestedString
pub fn accessor_error(path: &str, value: &Value, wanted: &str) -> String {
    let (shown, found) = (strconv::sprint(value), strconv::dynamic_type(value));
    format!("{path} accessor error: {shown} is of the type {found}, expected {wanted}")
}

/// Says whether rules can be evaluated at all on a value with these mistakes; if not, the error that says so.
///
/// Go: hasBlockingErr
fn blocking_error(errors: &ErrorList) -> Option<Error> {
    let blocks = |error: &Error| {
        matches!(
            error.kind,
            ErrorType::NotSupported
                | ErrorType::Required
                | ErrorType::TooLong
                | ErrorType::TooMany
                | ErrorType::TypeInvalid
        )
    };
    errors.0.iter().any(blocks).then(|| {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing \
                      errors to complete validation";
        Error::invalid(&Path::default(), BadValue::Value(Value::Null), detail)
    })
}
