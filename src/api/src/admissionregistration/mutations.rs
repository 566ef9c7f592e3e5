//! MutatingAdmissionPolicy.
//!
//! Go: validateMutatingAdmissionPolicySpec, validateMutation

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use cel::types::Type;

use super::{environment::Declared, expressions::Compiler, matching, policies};
use crate::node::Node;

const PATCH_TYPES: [&str; 2] = ["ApplyConfiguration", "JSONPatch"];

/// Checks a policy, new or against what it was.
pub fn validate(object: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    policies::common(&mut errors, &spec, old);
    matching::mutating_operations(&mut errors, &spec.child("matchConstraints"));
    let declared = Declared { params: spec.has("paramKind"), authorizer: true, patch_types: true };
    let mut compiler = Compiler::composed(declared);
    compiler.variables(&mut errors, &spec.child("variables"));
    let mutations = spec.items("mutations");
    if mutations.is_empty() {
        errors.push(spec.child("mutations").required("mutations must contain at least one item"));
    }
    mutations.iter().for_each(|mutation| validate_one(&mut errors, &compiler, mutation));
    let reinvocation = spec.child("reinvocationPolicy");
    if reinvocation.as_str().is_empty() {
        errors.push(reinvocation.required(""));
    } else {
        matching::choice(&mut errors, &reinvocation, &["IfNeeded", "Never"]);
    }
    errors
}

/// The patch type says which of two expressions there is.
fn validate_one(errors: &mut ErrorList, compiler: &Compiler, mutation: &Node<'_>) {
    let patch_type = mutation.child("patchType");
    let (field, other, wanted) = match patch_type.as_str() {
        "" => return errors.push(patch_type.required("")),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", Type::object("Object", [])),
        "JSONPatch" => ("jsonPatch", "applyConfiguration", Type::list(Type::object("JSONPatch", []))),
        _ => return errors.push(patch_type.not_supported(&PATCH_TYPES)),
    };
    if mutation.has(other) {
        let detail = format!("must not be specified when patchType is {}", patch_type.as_str());
        errors.push(Error::invalid(&mutation.path.child(other), format!("{{{other}}}"), detail));
    }
    if !mutation.has(field) {
        let detail = format!("must be specified when patchType is {}", patch_type.as_str());
        return errors.push(mutation.child(field).required(detail));
    }
    let expression = mutation.child(field).child("expression");
    if expression.as_str().trim().is_empty() {
        errors.push(expression.required(""));
    } else {
        compiler.check(errors, &expression, &[wanted]);
    }
}
