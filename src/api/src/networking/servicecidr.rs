//! ServiceCIDR: a range of cluster addresses.
//!
//! Go: pkg/apis/networking/validation/validation.go ValidateServiceCIDR

use apimachinery::{
    runtime::object::Object,
    util::ip::{is_valid_cidr, parse_cidr_sloppy},
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::json;

use crate::{
    node::Node,
    rules::{Part, Rules},
    validation::FIELD_IMMUTABLE,
};

pub(super) const SERVICE_CIDR: Rules =
    Rules { has_status: true, validate, validate_update, status: Part::WITH_METADATA, ..Rules::PLAIN };

fn validate(cidr: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let list = Node::of(cidr, "spec.cidrs");
    let items = list.items_here();
    if items.is_empty() {
        errors.push(list.required("at least one CIDR required"));
        return errors;
    }
    if items.len() > 2 {
        let shown = BadValue::Value(json!({"CIDRs": list.value}));
        errors.push(Error::invalid(&list.path, shown, "may only hold up to 2 values"));
    }
    if let [one, other] = items.as_slice() {
        let family = |node: &Node<'_>| parse_cidr_sloppy(node.as_str()).map(|(address, _)| address.is_ipv4());
        if !matches!((family(one), family(other)), (Some(one), Some(other)) if one != other) {
            let text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
            errors.push(Error::invalid(&list.path, list.shown(), text));
        }
    }
    for item in items {
        errors.extend(is_valid_cidr(&item.path, item.as_str()));
    }
    errors
}

/// A second family may come; nothing else changes.
///
/// Go: ValidateServiceCIDRUpdate
fn validate_update(cidr: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let list = Node::of(cidr, "spec.cidrs");
    let (new, before) = (list.items_here(), Node::of(old, "spec").texts("cidrs"));
    match (before.len(), new.len()) {
        (1, 2) => {
            if new[0].as_str() != before[0] {
                errors.push(new[0].invalid(FIELD_IMMUTABLE));
            }
            errors.extend(validate(cidr));
        }
        (before_length, length) if before_length == length => {
            let changed = new.iter().zip(&before).filter(|(new, old)| new.as_str() != **old);
            errors.extend(changed.map(|(new, _)| new.invalid(FIELD_IMMUTABLE)));
        }
        _ => errors.push(Error::invalid(&list.path, list.shown(), FIELD_IMMUTABLE)),
    }
    errors
}
