//! Webhooks and policies that are asked about every write.
//!
//! Whoever may write these decides over all other writes, so they are checked closely: rules, selectors, addresses, and
//! every expression, which is compiled with the variables it will see.
//!
//! Go: pkg/apis/admissionregistration/validation/validation.go, pkg/registry/admissionregistration
//!
//! Read in this order.

pub mod bindings;
pub mod client_config;
pub mod defaults;
pub mod environment;
pub mod expressions;
pub mod matching;
pub mod mutations;
pub mod policies;
pub mod webhooks;

use crate::rules::{Generation, Part, Rules};

const SPEC: Rules = Rules { generation: Generation::Fields(&["spec"]), ..Rules::PLAIN };
const HOOKS: Rules = Rules { generation: Generation::Fields(&["webhooks"]), ..Rules::PLAIN };

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static MUTATING_WEBHOOKS: Rules = Rules {
        default: |object| defaults::webhooks(object, true),
        validate: |object| webhooks::validate(object, webhooks::Kind::Mutating, None),
        validate_update: |object, old| webhooks::validate(object, webhooks::Kind::Mutating, Some(old)),
        ..HOOKS
    };
    static VALIDATING_WEBHOOKS: Rules = Rules {
        default: |object| defaults::webhooks(object, false),
        validate: |object| webhooks::validate(object, webhooks::Kind::Validating, None),
        validate_update: |object, old| webhooks::validate(object, webhooks::Kind::Validating, Some(old)),
        ..HOOKS
    };
    static VALIDATING_POLICY: Rules = Rules {
        default: |object| defaults::policy(object),
        validate: |object| policies::validate(object, None),
        validate_update: |object, old| policies::validate(object, Some(old)),
        status: Part { validate_update: |object, _| policies::validate_status(object), ..Part::WITH_METADATA },
        ..Rules::WITH_STATUS
    };
    static VALIDATING_BINDING: Rules = Rules {
        default: |object| defaults::binding(object),
        validate: |object| bindings::validate_validating(object),
        validate_update: |object, _| bindings::validate_validating(object),
        ..SPEC
    };
    static MUTATING_POLICY: Rules = Rules {
        default: |object| defaults::policy(object),
        validate: |object| mutations::validate(object, None),
        validate_update: |object, old| mutations::validate(object, Some(old)),
        ..SPEC
    };
    static MUTATING_BINDING: Rules = Rules {
        default: |object| defaults::binding(object),
        validate: |object| bindings::validate_mutating(object),
        validate_update: |object, _| bindings::validate_mutating(object),
        ..SPEC
    };
    Some(match kind {
        "MutatingWebhookConfiguration" => &MUTATING_WEBHOOKS,
        "ValidatingWebhookConfiguration" => &VALIDATING_WEBHOOKS,
        "ValidatingAdmissionPolicy" => &VALIDATING_POLICY,
        "ValidatingAdmissionPolicyBinding" => &VALIDATING_BINDING,
        "MutatingAdmissionPolicy" => &MUTATING_POLICY,
        "MutatingAdmissionPolicyBinding" => &MUTATING_BINDING,
        _ => return None,
    })
}
