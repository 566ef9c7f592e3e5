//! Capacities that can be shared, and the policy by which they are handed out.
//!
//! Go: pkg/apis/resource/validation/validation.go validateRequestPolicy

use apimachinery::{
    api::resource::Quantity,
    validation::field::{Error, ErrorList, Path},
};

use crate::{node::Node, validation::less};

const MOST_OPTIONS: usize = 10;

/// Checks one capacity of a device, which may or may not be allocated more than once.
pub(super) fn validate(errors: &mut ErrorList, capacity: &Node<'_>, shared: bool) {
    let policy = capacity.child("requestPolicy");
    if !policy.is_set() {
        return;
    }
    if !shared {
        return errors.push(policy.forbidden("allowMultipleAllocations must be true"));
    }
    let Some(most) = capacity.quantity("value") else { return };
    let (options, range) = (policy.len("validValues") > 0, policy.child("validRange"));
    let default = policy.quantity("default");
    match (options, range.is_set(), default) {
        (true, true, _) => errors.push(policy.forbidden(
            "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time",
        )),
        (true, false, None) => {
            errors.push(policy.child("default").required("required when validValues is defined"));
        }
        (false, true, None) => errors.push(policy.child("default").required("required when validRange is defined")),
        (true, false, Some(default)) => valid_values(errors, &policy.child("validValues"), default, most),
        (false, true, Some(default)) => valid_range(errors, &range, default, most),
        (false, false, _) => {}
    }
}

/// Values in ascending order, each once, none above the capacity, the default among them.
fn valid_values(errors: &mut ErrorList, list: &Node<'_>, default: Quantity, most: Quantity) {
    let items = list.items_here();
    let values: Vec<Quantity> = items.iter().filter_map(Node::as_quantity).collect();
    let invalid = |index: usize, text: String| Error::invalid(&list.path.index(index), values[index].to_string(), text);
    for index in 1..values.len() {
        if less(values[index], values[index - 1]) {
            errors.push(invalid(index, "values must be sorted in ascending order".to_owned()));
        }
    }
    if values.len() > MOST_OPTIONS {
        errors.push(Error::too_many(&list.path, values.len(), MOST_OPTIONS));
    } else {
        for (index, value) in values.iter().enumerate() {
            if less(most, *value) {
                errors.push(invalid(index, format!("option is larger than capacity value: {most}")));
            }
        }
        for (index, value) in values.iter().enumerate() {
            if values[..index].iter().any(|other| other.value() == value.value()) {
                errors.push(Error::duplicate(&list.path.index(index), value.value().to_string()));
            }
        }
    }
    let is_default = |value: &Quantity| !less(*value, default) && !less(default, *value);
    if values.len() > MOST_OPTIONS || !values.iter().any(is_default) {
        let text = "default value is not valid according to the requestPolicy";
        errors.push(Error::invalid(&list.path, default.to_string(), text));
    }
}

/// From a least to a most, in steps; the default and the most must be a whole number of steps from the least.
fn valid_range(errors: &mut ErrorList, range: &Node<'_>, default: Quantity, capacity: Quantity) {
    let Some(least) = range.quantity("min") else {
        return errors.push(range.child("min").required("required when validRange is defined"));
    };
    let at = |field: &str| -> Path { range.path.child(field) };
    let mut refuse = |wrong: bool, field: &str, value: Quantity, text: String| {
        if wrong {
            errors.push(Error::invalid(&at(field), value.to_string(), text));
        }
    };
    refuse(less(capacity, least), "min", least, format!("min is larger than capacity value: {capacity}"));
    refuse(less(default, least), "default", default, format!("default is less than min: {least}"));
    let most = range.quantity("max");
    if let Some(most) = most {
        refuse(less(most, least), "max", least, format!("min is larger than max: {most}"));
        refuse(less(capacity, most), "max", most, format!("max is larger than capacity value: {capacity}"));
        refuse(less(most, default), "default", default, format!("default is more than max: {most}"));
    }
    let Some(step) = range.quantity("step") else { return };
    if step.sign() <= 0 {
        return refuse(true, "step", step, "must be greater than zero".to_owned());
    }
    let one = least.plus(step);
    refuse(less(capacity, one), "step", step, format!("one step {one} is larger than capacity value: {capacity}"));
    for value in [Some(default), most].into_iter().flatten() {
        let off = value.value().wrapping_sub(least.value()).checked_rem(step.value()).is_some_and(|rest| rest != 0);
        refuse(off, "step", value, format!("value is not a multiple of a given step ({step}) from ({least})"));
    }
}
