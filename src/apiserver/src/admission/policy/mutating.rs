//! Policies that change objects, by what they apply or by JSON patches.
//!
//! Go: apiserver/pkg/admission/plugin/policy/mutating/{dispatcher,reinvocationcontext}.go, patch/{smd,json_patch}.go
//!
//! ```text
//! policy x binding x parameters --> conditions --> variables --> mutations, one after the other
//!                                                                  |  ApplyConfiguration: merged by the schema
//!                                                                  |  JSONPatch: operations
//!                                                                  v
//!                                                     read and completed as a client's object
//! ```

use std::sync::Arc;

use apimachinery::{
    api::errors::{Cause, StatusError},
    jsonpatch,
    runtime::object::Object,
};
use cel::{
    Value as CelValue,
    budget::{Budget, RUNTIME_CEL_COST_BUDGET},
};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    admission::{
        attributes::{Attributes, Invoked, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
        policy::{
            expressions::{self, Expression, Scope},
            params::Params,
            source::{Binding, Policy, Source},
        },
        webhook::{
            conditions::{self, Outcome},
            config::FailurePolicy,
            matcher::{Invocation, Matcher},
            review::{self, Versioned},
            rules,
        },
    },
    request::context::Context,
};

/// The plugin's name.
pub const NAME: &str = "MutatingAdmissionPolicy";

/// What a mutating policy does.
struct Mutations {
    list: Vec<Mutation>,
    /// Whether it wants to see an object again that changed after it.
    reinvoke: bool,
}

enum Mutation {
    Apply(Expression),
    Patch(Expression),
}

impl Mutations {
    fn read(policy: &Policy) -> Self {
        let expression = |value: &Value| Expression::new(value["expression"].as_str().unwrap_or_default());
        let mutations = policy.spec["mutations"].as_array().into_iter().flatten();
        let list = mutations.map(|mutation| match mutation["patchType"].as_str() {
            Some("JSONPatch") => Mutation::Patch(expression(&mutation["jsonPatch"])),
            _ => Mutation::Apply(expression(&mutation["applyConfiguration"])),
        });
        Self { list: list.collect(), reinvoke: policy.spec["reinvocationPolicy"] == "IfNeeded" }
    }
}

/// Go: apiserver/pkg/admission/plugin/policy/mutating/plugin.go Plugin
struct MutatingPolicies {
    source: Source<Mutations>,
    matcher: Matcher,
    params: Params,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let (policies, bindings) = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings");
    Ok(Arc::new(MutatingPolicies {
        source: Source::new(&initializers.informers, policies, bindings, Mutations::read),
        matcher: Matcher::new(initializers),
        params: Params::new(initializers.client.clone(), initializers.equivalents.clone()),
    }))
}

impl Interface for MutatingPolicies {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, _operation: Operation) -> bool {
        true
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for MutatingPolicies {
    /// Go: apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go dispatchInvocations
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if rules::is_exempt(attributes) {
                return Ok(());
            }
            let [policies, bindings] = self.source.informers();
            errors::wait_for_ready(attributes, &[policies, bindings, &self.matcher.namespaces]).await?;
            let policies = self.source.policies();
            if policies.is_empty() {
                return Ok(());
            }
            if attributes.reinvocation.is_reinvoke && attributes.object != attributes.reinvocation.last_policy_output {
                require_reinvoking(attributes);
            }
            let mut refusals = Vec::new();
            for (policy, mutations) in policies.iter() {
                self.apply(cx, policy, mutations, attributes, &mut refusals).await?;
            }
            attributes.reinvocation.last_policy_output.clone_from(&attributes.object);
            conclude(attributes, refusals)
        })
    }
}

impl MutatingPolicies {
    /// Runs a policy under each of its bindings, with each of their parameters.
    async fn apply(
        &self,
        cx: &Context,
        policy: &Policy,
        mutations: &Mutations,
        attributes: &mut Attributes,
        refusals: &mut Vec<String>,
    ) -> Result<(), StatusError> {
        let invocation = match self.matcher.matches_resources(&policy.constraints, attributes).await {
            Ok(Some(invocation)) => invocation,
            Ok(None) => return Ok(()),
            Err(error) => {
                refuse(refusals, policy, None, format!("failed to configure policy: {}", error.message));
                return Ok(());
            }
        };
        for binding in &policy.bindings {
            let failed = |error: &dyn std::fmt::Display| format!("failed to configure binding: {error}");
            if let Some(resources) = &binding.resources {
                match self.matcher.matches_resources(resources, attributes).await {
                    Ok(Some(_)) => {}
                    Ok(None) => continue,
                    Err(error) => {
                        refuse(refusals, policy, Some(binding), failed(&error.message));
                        continue;
                    }
                }
            }
            let params = match self.params.collect(policy, binding, &attributes.namespace).await {
                Ok(params) => params,
                Err(error) => {
                    refuse(refusals, policy, Some(binding), failed(&error));
                    continue;
                }
            };
            for params in params {
                let run = Run { cx, policy, binding, mutations, invocation: &invocation };
                run.invoke(self, params.as_ref(), attributes, refusals).await?;
            }
        }
        Ok(())
    }
}

/// One policy under one binding.
struct Run<'a> {
    cx: &'a Context,
    policy: &'a Policy,
    binding: &'a Binding,
    mutations: &'a Mutations,
    invocation: &'a Invocation,
}

impl Run<'_> {
    /// Evaluates the policy with one parameter object.
    async fn invoke(
        &self,
        plugin: &MutatingPolicies,
        params: Option<&Object>,
        attributes: &mut Attributes,
        refusals: &mut Vec<String>,
    ) -> Result<(), StatusError> {
        let Self { cx, policy, binding, mutations, invocation } = *self;
        let mut versioned = Versioned::new(cx, attributes, &invocation.kind).await?;
        let request = review::request("", attributes, &versioned, invocation);
        match conditions::evaluate(&policy.conditions, policy.failure_policy, &request) {
            Outcome::Matches => {}
            Outcome::DoesNotMatch => return Ok(()),
            Outcome::Failed(message) => {
                refuse(refusals, policy, Some(binding), message);
                return Ok(());
            }
        }
        let of_params = params.map(|params| format!("{}/{}", params.namespace(), params.name())).unwrap_or_default();
        let uid = format!("{POLICY}{}/{}/{of_params}", policy.name, binding.name);
        let again = |known: &Invoked| known.uid == uid && known.changed_since;
        if attributes.reinvocation.is_reinvoke && !attributes.reinvocation.invoked.iter().any(again) {
            return Ok(());
        }
        let namespace = plugin.matcher.namespace_of(attributes).await?;
        let before = versioned.object.clone();
        for mutation in &mutations.list {
            let Some(object) = versioned.object.clone() else { break };
            // Every mutation sees what the one before made.
            let request = review::request("", attributes, &versioned, invocation);
            let given = expressions::given(&request, params, namespace.as_deref());
            match changed(mutation, &Scope::new(given, &policy.variables), object, attributes) {
                Ok(object) => versioned.object = Some(object),
                Err(message) => refuse(refusals, policy, Some(binding), message),
            }
        }
        if versioned.object != before {
            self.store(versioned.object, attributes).await?;
            require_reinvoking(attributes);
            attributes.reinvocation.should_reinvoke = true;
        }
        if mutations.reinvoke {
            attributes.reinvocation.invoked.push(Invoked { uid, changed_since: false });
        }
        Ok(())
    }

    /// Brings the changed object back to the version in which the registry works.
    async fn store(&self, object: Option<Object>, attributes: &mut Attributes) -> Result<(), StatusError> {
        let Some(mut object) = object else { return Ok(()) };
        if let (Some(interfaces), Some(present)) = (&attributes.interfaces, &attributes.object) {
            let version = present.gvk().group_version();
            object = interfaces.convert(&self.cx.trace, object, &version).await?;
        }
        attributes.object = Some(object);
        Ok(())
    }
}

/// Begins the names of policies among what was invoked, which webhooks share.
const POLICY: &str = "policy/";

/// Go: apiserver/pkg/admission/plugin/policy/mutating/reinvocationcontext.go RequireReinvokingPreviouslyInvokedPlugins
fn require_reinvoking(attributes: &mut Attributes) {
    let policies = attributes.reinvocation.invoked.iter_mut().filter(|known| known.uid.starts_with(POLICY));
    policies.for_each(|known| known.changed_since = true);
}

/// Notes that a policy refuses, unless its failures do not count.
fn refuse(refusals: &mut Vec<String>, policy: &Policy, binding: Option<&Binding>, message: String) {
    if policy.failure_policy == FailurePolicy::Ignore {
        return;
    }
    let name = &policy.name;
    refusals.push(match binding {
        Some(binding) => format!("policy '{name}' with binding '{}' denied request: {message}", binding.name),
        None => format!("policy '{name}' denied request: {message}"),
    });
}

/// Refuses with all refusals; the first is the message.
///
/// Go: apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go Dispatch
fn conclude(attributes: &Attributes, refusals: Vec<String>) -> Result<(), StatusError> {
    let Some(first) = refusals.first().cloned() else { return Ok(()) };
    let mut error = errors::forbidden(attributes, "admission request denied by policy");
    error.message = first;
    error.reason = "Invalid".to_owned();
    if let Some(details) = &mut error.details {
        details.causes.extend(refusals.into_iter().map(|message| Cause { message, ..Cause::default() }));
    }
    Err(error)
}

/// Returns the object after a mutation, read and completed as its kind.
fn changed(mutation: &Mutation, scope: &Scope<'_>, object: Object, attributes: &Attributes) -> Result<Object, String> {
    let changed = match mutation {
        Mutation::Apply(expression) => applied(expression, scope, &object, attributes)?,
        Mutation::Patch(expression) => patched(expression, scope, object)?,
    };
    let Some(interfaces) = &attributes.interfaces else { return Ok(changed) };
    let mut read = interfaces.decode(changed)?;
    interfaces.default(&mut read);
    Ok(read)
}

/// Every mutation has a budget of its own.
fn evaluated(expression: &Expression, scope: &Scope<'_>) -> Result<CelValue, String> {
    let mut budget = Budget::new(RUNTIME_CEL_COST_BUDGET);
    scope.evaluate(expression, &mut budget).unwrap_or_else(|out_of_budget| Err(out_of_budget.to_string()))
}

fn applied(
    expression: &Expression,
    scope: &Scope<'_>,
    object: &Object,
    attributes: &Attributes,
) -> Result<Object, String> {
    let value = evaluated(expression, scope)?.to_json();
    expression.check_type_names().map_err(|error| format!("type mismatch: {error}"))?;
    let mut applied = Object::from_value(value).ok_or("unsupported return type from ApplyConfiguration expression")?;
    applied.set_gvk(&object.gvk());
    let merged = match &attributes.interfaces {
        Some(interfaces) => interfaces.overlay(object, &applied),
        None => Err("type converter must not be nil".to_owned()),
    };
    merged.map_err(|error| format!("error applying patch: {error}"))
}

/// A failed `test` is no failure: the patch does not apply, and nothing changes.
fn patched(expression: &Expression, scope: &Scope<'_>, object: Object) -> Result<Object, String> {
    let operations = evaluated(expression, scope)?.to_json();
    expression.check_type_names().map_err(|error| format!("type mismatch: {error}"))?;
    let operations: Vec<Value> = operations.as_array().into_iter().flatten().map(operation).collect();
    let text = Value::from(operations.clone()).to_string();
    let patch = jsonpatch::parse(text.as_bytes()).map_err(|error| format!("JSON Patch: {}", error.message))?;
    let document = object.clone().into_value();
    match patch.apply(&document) {
        Ok(value) => Object::from_value(value).ok_or_else(|| "JSON Patch: the result is no object".to_owned()),
        Err(_) if is_failed_test(&operations, &document) => Ok(object),
        Err(error) => Err(format!("JSON Patch: {}", error.message)),
    }
}

/// An operation without the fields that say nothing.
fn operation(operation: &Value) -> Value {
    let mut fields = json!({"op": operation["op"], "path": operation["path"]});
    for field in ["from", "value"] {
        if let Some(value) = operation.get(field).filter(|value| field == "value" || **value != "") {
            fields[field] = value.clone();
        }
    }
    fields
}

/// Says whether the first operation that does not apply is a test.
fn is_failed_test(operations: &[Value], document: &Value) -> bool {
    let applies = |count: usize| {
        let text = Value::from(operations[..count].to_vec()).to_string();
        jsonpatch::parse(text.as_bytes()).is_ok_and(|patch| patch.apply(document).is_ok())
    };
    // Those before it apply and none after it does: it is found by halving, for there may be thousands.
    let (mut applied, mut failed) = (0, operations.len());
    while failed - applied > 1 {
        let middle = usize::midpoint(applied, failed);
        if applies(middle) { applied = middle } else { failed = middle }
    }
    operations.get(applied).is_some_and(|operation| operation["op"] == "test")
}
