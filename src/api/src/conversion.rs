//! Between the versions of a kind.
//!
//! Every kind is stored in one version; two are served in two. A conversion is a pure function between JSON values; what
//! one version cannot say travels in annotations, as in Kubernetes.
//!
//! Go: pkg/apis/*/v1/conversion.go

use apimachinery::runtime::{object::Object, schema::GroupVersion};

use crate::autoscaling;

/// Brings an object to another version of its kind. `None` if there is no way.
pub fn convert(mut object: Object, to: &GroupVersion) -> Option<Object> {
    let from = object.gvk();
    if from.group_version() == *to {
        return Some(object);
    }
    match (&*from.group, &*to.group, &*to.version) {
        ("", "events.k8s.io", "v1") if from.kind == "Event" => rename(&mut object, &EVENT_FIELDS),
        ("events.k8s.io", "", "v1") if from.kind == "Event" => rename(&mut object, &EVENT_FIELDS.map(|(a, b)| (b, a))),
        ("autoscaling", "autoscaling", "v1") => autoscaling::conversion::to_v1(&mut object),
        ("autoscaling", "autoscaling", "v2") => autoscaling::conversion::to_v2(&mut object),
        _ => return None,
    }
    object.set_gvk(&to.with_kind(&from.kind));
    Some(object)
}

/// The fields of an event that have another name in events.k8s.io/v1.
///
/// Go: pkg/apis/events/v1/conversion.go
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename(object: &mut Object, names: &[(&str, &str)]) {
    for (from, to) in names {
        if let Some(value) = object.0.remove(*from) {
            object.0.insert((*to).to_owned(), value);
        }
    }
}
