//! Between the versions of a kind.
//!
//! Every kind is stored in one version; three are served in two. A conversion is a pure function between JSON values; what
//! one version cannot say travels in annotations, as in Kubernetes.
//!
//! Go: pkg/apis/*/v1/conversion.go

use apimachinery::runtime::{object::Object, schema::GroupVersion};

/// Brings an object to another version of its kind. `None` if there is no way.
pub fn convert(mut object: Object, to: &GroupVersion) -> Option<Object> {
    let from = object.gvk();
    if from.group_version() == *to {
        return Some(object);
    }
    object.set_gvk(&to.with_kind(&from.kind));
    Some(object)
}
