//! Expressions: match conditions, variables, and what compiles them.
//!
//! Go: validateMatchConditions, validateVariable, plugincel.CompileCELExpression

use apimachinery::{
    util::validation,
    validation::field::{Error, ErrorList},
};
use cel::{
    Program,
    types::{Struct, Type},
};

use super::environment::{Declared, environment};
use crate::{
    node::Node,
    validation::{dns_subdomain, each, qualified_name},
};

/// How many match conditions there may be.
const MAX_CONDITIONS: usize = 64;

/// Compiles the expressions of one policy, which see the variables before them.
pub struct Compiler {
    declared: Declared,
    composed: Option<Struct>,
}

impl Compiler {
    /// Compiles expressions that may not use variables of a policy.
    pub fn stateless(declared: Declared) -> Self {
        Self { declared, composed: None }
    }

    /// Compiles expressions that may.
    pub fn composed(declared: Declared) -> Self {
        let composed = Struct { name: "kubernetes.variables".to_owned(), ..Struct::default() };
        Self { declared, composed: Some(composed) }
    }

    /// Compiles a text; the value must be of one of some types, or of any if none is given.
    pub fn compile(&self, text: &str, wanted: &[Type]) -> Result<Type, String> {
        self.compile_with(self.declared, text, wanted)
    }

    /// The same with other variables of the request.
    pub fn compile_with(&self, declared: Declared, text: &str, wanted: &[Type]) -> Result<Type, String> {
        let env = environment(declared, self.composed.as_ref());
        let (_, checked) = Program::checked(text, &env).map_err(|error| format!("compilation failed: {error}"))?;
        let kind = checked.kind;
        if wanted.is_empty() || wanted.contains(&kind) {
            return Ok(kind);
        }
        let names: Vec<String> = wanted.iter().map(Type::runtime_name).collect();
        Err(match names.as_slice() {
            [one] => format!("must evaluate to {one} but got {}", kind.runtime_name()),
            many => format!("must evaluate to one of [{}] but got {}", many.join(" "), kind.runtime_name()),
        })
    }

    /// Adds what is wrong with an expression.
    pub fn check(&self, errors: &mut ErrorList, node: &Node<'_>, wanted: &[Type]) {
        if let Err(error) = self.compile(node.as_str(), wanted) {
            errors.push(node.invalid(error));
        }
    }

    /// Checks the policy's own variables; each is seen by those after it, and by everything else.
    pub fn variables(&mut self, errors: &mut ErrorList, variables: &Node<'_>) {
        for variable in variables.items_here() {
            let (name, expression) = (variable.child("name"), variable.child("expression"));
            if name.as_str().trim().is_empty() {
                errors.push(name.required("name is not specified"));
            } else if !is_identifier(name.as_str()) {
                errors.push(name.invalid("must be a valid CEL identifier"));
            }
            if expression.as_str().trim().is_empty() {
                errors.push(expression.required("expression is not specified"));
                continue;
            }
            let kind = self.compile(expression.as_str(), &[]).unwrap_or_else(|error| {
                errors.push(expression.invalid(error));
                Type::Dyn
            });
            if let Some(composed) = &mut self.composed {
                composed.fields.insert(name.as_str().to_owned(), kind);
            }
        }
    }
}

/// Checks `matchConditions`.
pub fn match_conditions(errors: &mut ErrorList, conditions: &Node<'_>, has_params: bool) {
    let compiler = Compiler::stateless(Declared { params: has_params, authorizer: true, patch_types: false });
    let items = conditions.items_here();
    if items.len() > MAX_CONDITIONS {
        errors.push(Error::too_many(&conditions.path, items.len(), MAX_CONDITIONS));
    }
    let mut names: Vec<&str> = Vec::new();
    for condition in &items {
        let (expression, name) = (condition.child("expression"), condition.child("name"));
        let trimmed = expression.as_str().trim();
        if trimmed.is_empty() {
            errors.push(expression.required(""));
        } else if let Err(error) = compiler.compile(trimmed, &[Type::Bool]) {
            errors.push(Error::invalid(&expression.path, trimmed, error));
        }
        if name.as_str().is_empty() {
            errors.push(name.required(""));
            continue;
        }
        qualified_name(errors, &name);
        if names.contains(&name.as_str()) {
            errors.push(name.duplicate());
        }
        names.push(name.as_str());
    }
}

/// Checks the kind of a policy's parameters. Go: validateParamKind
pub fn param_kind(errors: &mut ErrorList, kind: &Node<'_>) {
    let (version, name) = (kind.child("apiVersion"), kind.child("kind"));
    match version.as_str().split('/').collect::<Vec<_>>().as_slice() {
        [""] => errors.push(version.required("")),
        [own] => version_label(errors, &version, own),
        [_, ""] => errors.push(version.invalid("version must be specified")),
        [group, own] => {
            let sentences = validation::is_dns1123_subdomain(group);
            if !group.is_empty() && !sentences.is_empty() {
                errors.push(Error::invalid(&version.path, *group, sentences.join(",")));
            }
            version_label(errors, &version, own);
        }
        _ => errors.push(version.invalid(format!("unexpected GroupVersion string: {}", version.as_str()))),
    }
    let sentences = validation::is_dns1035_label(&name.as_str().to_lowercase());
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else if !sentences.is_empty() {
        errors.push(name.invalid(format!("may have mixed case, but should otherwise match: {}", sentences.join(","))));
    }
}

fn version_label(errors: &mut ErrorList, node: &Node<'_>, version: &str) {
    let sentences = validation::is_dns1035_label(version);
    if !sentences.is_empty() {
        errors.push(Error::invalid(&node.path, version, sentences.join(",")));
    }
}

/// Says whether a text can be the name of a variable.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let reserved = cel::escaping::escape(name).is_some_and(|escaped| escaped == format!("__{name}__"));
    starts && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') && !reserved
}

/// Checks the name of the policy that a binding puts in force.
pub fn policy_name(errors: &mut ErrorList, name: &Node<'_>) {
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        dns_subdomain(errors, name);
    }
}

/// Checks a name that becomes a part of a path.
pub fn path_segment(errors: &mut ErrorList, name: &Node<'_>) {
    each(errors, name, validation::is_path_segment_name(name.as_str()));
}
