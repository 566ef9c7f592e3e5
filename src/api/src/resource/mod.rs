//! resource.k8s.io: devices that pods can claim. DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice.
//!
//! ```text
//!   ResourceSlice: what a driver has        DeviceClass: what a kind of device is
//!                  \                         /
//!                   ResourceClaim: what someone wants -- and, in its status, what they got
//! ```
//!
//! Read in this order.
//!
//! Go: pkg/apis/resource/validation/validation.go, pkg/registry/resource/*/strategy.go

pub mod names;
pub mod selector;

pub mod class;
pub mod requests;

pub mod claim;
pub mod status;

pub mod capacity;
pub mod slice;

use apimachinery::validation::field::{Error, ErrorList};

use crate::{node::Node, rules::Rules};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static CLASS: Rules = class::CLASS;
    static CLAIM: Rules = claim::CLAIM;
    static TEMPLATE: Rules = claim::TEMPLATE;
    static SLICE: Rules = slice::SLICE;
    Some(match kind {
        "DeviceClass" => &CLASS,
        "ResourceClaim" => &CLAIM,
        "ResourceClaimTemplate" => &TEMPLATE,
        "ResourceSlice" => &SLICE,
        _ => return None,
    })
}

/// Checks every item of a list that is not too long; of one that is, says that alone.
///
/// Go: validateSlice
fn each_of(errors: &mut ErrorList, list: &Node<'_>, most: usize, mut check: impl FnMut(&mut ErrorList, &Node<'_>)) {
    let items = list.items_here();
    if items.len() > most {
        return errors.push(Error::too_many(&list.path, items.len(), most));
    }
    items.iter().for_each(|item| check(errors, item));
}

/// As [`each_of`], and refuses an item with the key of one before it.
///
/// Go: validateSet
fn each_once<'a>(
    errors: &mut ErrorList,
    list: &Node<'a>,
    most: usize,
    key: impl Fn(&Node<'a>) -> &'a str,
    check: impl FnMut(&mut ErrorList, &Node<'_>),
) {
    each_of(errors, list, most, check);
    let items = list.items_here();
    let duplicates = items
        .iter()
        .enumerate()
        .filter(|(index, item)| items.len() <= most && items[..*index].iter().any(|other| key(other) == key(item)));
    errors.extend(duplicates.map(|(_, item)| Error::duplicate(&item.path, key(item))));
}

/// Checks keys and values of a map that is not too large. Errors about a key stand at the map.
///
/// Go: validateMap
fn each_entry(
    errors: &mut ErrorList,
    map: &Node<'_>,
    most: Option<usize>,
    key: impl Fn(&mut ErrorList, &Node<'_>),
    mut check: impl FnMut(&mut ErrorList, &Node<'_>),
) {
    let entries = map.entries_here();
    if let Some(most) = most.filter(|most| entries.len() > *most) {
        return errors.push(Error::too_many(&map.path, entries.len(), most));
    }
    for (name, entry) in entries {
        let value = serde_json::Value::from(name);
        key(errors, &Node::new(Some(&value), map.path.clone()));
        check(errors, &entry);
    }
}
