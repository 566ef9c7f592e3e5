//! coordination.k8s.io: Lease.
//!
//! Go: pkg/apis/coordination/validation/validation.go, pkg/registry/coordination/lease/strategy.go

use apimachinery::{runtime::object::Object, validation::field::ErrorList};

use crate::{
    node::Node,
    rules::Rules,
    validation::{not_negative, positive},
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static LEASE: Rules = Rules {
        prepare_for_create: |_, lease| drop_coordination(lease),
        prepare_for_update: |_, lease, _| drop_coordination(lease),
        validate,
        validate_update: |lease, _| validate(lease),
        ..Rules::PLAIN
    };
    (kind == "Lease").then_some(&LEASE)
}

/// Fields of coordinated leader election, which is off.
fn drop_coordination(object: &mut Object) {
    object.remove(&["spec", "strategy"]);
    object.remove(&["spec", "preferredHolder"]);
}

fn validate(lease: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(lease, "spec");
    let duration = spec.child("leaseDurationSeconds");
    if duration.is_set() {
        positive(&mut errors, &duration);
    }
    not_negative(&mut errors, &spec.child("leaseTransitions"));
    errors
}
