//! ControllerRevision.
//!
//! Go: pkg/apis/apps/validation/validation.go ValidateControllerRevision

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};

use crate::{
    node::Node,
    rules::Rules,
    validation::{FIELD_IMMUTABLE, not_negative},
};

pub(super) const CONTROLLER_REVISION: Rules = Rules { validate, validate_update, ..Rules::PLAIN };

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let data = Node::of(object, "data");
    match data.value {
        None => errors.push(data.required("data is mandatory")),
        Some(value) if !value.is_object() => errors.push(data.required("data must be a valid JSON object")),
        Some(_) => {}
    }
    not_negative(&mut errors, &Node::of(object, "revision"));
    errors
}

fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    not_negative(&mut errors, &Node::of(object, "revision"));
    let (data, before) = (Node::of(object, "data"), Node::of(old, "data"));
    // Raw data is compared as it is, its empty values included.
    if data.value != before.value || !object.1.same(&old.1, "/data") {
        errors.push(Error::invalid(&data.path, data.shown(), FIELD_IMMUTABLE));
    }
    errors
}
