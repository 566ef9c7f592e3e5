//! The autoscaling group: HorizontalPodAutoscaler, stored as v2.
//!
//! Go: pkg/apis/autoscaling, pkg/registry/autoscaling

pub mod conversion;
pub mod defaults;
pub mod validation;

use crate::rules::{Generation, Part, Rules};

/// The rules of both versions: they see the stored one, except for defaults.
const AUTOSCALER: Rules = Rules {
    default: defaults::default,
    generation: Generation::Never,
    validate: validation::validate,
    validate_update: |object, _| validation::validate(object),
    status: Part { validate_update: |object, _| validation::validate_status(object), ..Part::PLAIN },
    ..Rules::WITH_STATUS
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static RULES: Rules = AUTOSCALER;
    (kind == "HorizontalPodAutoscaler").then_some(&RULES)
}
