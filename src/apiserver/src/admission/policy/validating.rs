//! Policies that refuse, warn or annotate.
//!
//! Go: apiserver/pkg/admission/plugin/policy/validating/{dispatcher,validator}.go

use std::collections::BTreeMap;
use std::sync::Arc;

use apimachinery::api::errors::{Cause, StatusError};
use cel::{
    Value as CelValue, Variables,
    budget::{Budget, OutOfBudget, RUNTIME_CEL_COST_BUDGET},
};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
        policy::{
            expressions::{self, Expression, Scope},
            params::Params,
            source::{Binding, Policy, Source},
        },
        webhook::{
            conditions::{self, Outcome},
            config::FailurePolicy,
            matcher::Matcher,
            review::{self, Versioned},
            rules,
        },
    },
    request::context::Context,
};

/// The plugin's name.
pub const NAME: &str = "ValidatingAdmissionPolicy";

/// A message that is longer does not count.
///
/// Go: apiserver/pkg/apis/cel/config.go MaxEvaluatedMessageExpressionSizeBytes
const MAX_MESSAGE: usize = 5 * 1024;

/// What a validating policy checks.
struct Checks {
    validations: Vec<Check>,
    annotations: Vec<(String, Expression)>,
}

struct Check {
    expression: Expression,
    message: String,
    message_expression: Option<Expression>,
    reason: String,
}

impl Checks {
    fn read(policy: &Policy) -> Self {
        let list = |field: &str| policy.spec[field].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let validations = list("validations").iter().map(|check| Check {
            expression: Expression::new(&text(&check["expression"])),
            message: text(&check["message"]),
            message_expression: check["messageExpression"]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(Expression::new),
            reason: text(&check["reason"]),
        });
        let annotations = list("auditAnnotations").iter();
        let annotations = annotations.map(|one| (text(&one["key"]), Expression::new(&text(&one["valueExpression"]))));
        Self { validations: validations.collect(), annotations: annotations.collect() }
    }
}

/// Go: apiserver/pkg/admission/plugin/policy/validating/plugin.go Plugin
struct ValidatingPolicies {
    source: Source<Checks>,
    matcher: Matcher,
    params: Params,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let (policies, bindings) = ("validatingadmissionpolicies", "validatingadmissionpolicybindings");
    Ok(Arc::new(ValidatingPolicies {
        source: Source::new(&initializers.informers, policies, bindings, Checks::read),
        matcher: Matcher::new(initializers),
        params: Params::new(initializers.client.clone(), initializers.equivalents.clone()),
    }))
}

impl Interface for ValidatingPolicies {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, _operation: Operation) -> bool {
        true
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for ValidatingPolicies {
    /// Go: apiserver/pkg/admission/plugin/policy/validating/dispatcher.go Dispatch
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if rules::is_exempt(attributes) {
                return Ok(());
            }
            let [policies, bindings] = self.source.informers();
            errors::wait_for_ready(attributes, &[policies, bindings, &self.matcher.namespaces]).await?;
            let policies = self.source.policies();
            let mut judgement = Judgement { cx, denied: Vec::new(), failures: Vec::new() };
            for (policy, checks) in policies.iter() {
                self.apply(&mut judgement, policy, checks, attributes).await?;
            }
            judgement.conclude(attributes)
        })
    }
}

/// One thing that a policy does not like.
struct Denial {
    message: String,
    /// `Invalid` if empty.
    reason: String,
}

/// What all policies together have to say about a write.
struct Judgement<'a> {
    cx: &'a Context,
    denied: Vec<Denial>,
    /// What goes into the annotation of validation failures.
    failures: Vec<Value>,
}

impl ValidatingPolicies {
    async fn apply(
        &self,
        judgement: &mut Judgement<'_>,
        policy: &Policy,
        checks: &Checks,
        attributes: &Attributes,
    ) -> Result<(), StatusError> {
        let invocation = match self.matcher.matches_resources(&policy.constraints, attributes).await {
            Ok(Some(invocation)) => invocation,
            Ok(None) => return Ok(()),
            Err(error) => {
                judgement.misconfigured(policy, None, &error.message);
                return Ok(());
            }
        };
        let cx = judgement.cx;
        let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for binding in &policy.bindings {
            match self.binding_matches(binding, attributes).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    judgement.misconfigured(policy, Some(binding), &error.message);
                    continue;
                }
            }
            let params = match self.params.collect(policy, binding, &attributes.namespace).await {
                Ok(params) => params,
                Err(error) => {
                    judgement.misconfigured(policy, Some(binding), &error);
                    continue;
                }
            };
            let versioned = Versioned::new(cx, attributes, &invocation.kind).await?;
            let request = review::request("", attributes, &versioned, &invocation);
            let namespace = self.matcher.namespace_of(attributes).await?;
            for params in params {
                let given = expressions::given(&request, params.as_ref(), namespace.as_deref());
                judgement.judge(policy, binding, checks, &given, &request, &mut published);
            }
        }
        for (key, values) in published {
            cx.annotate(&format!("{}/{key}", policy.name), values.join(", "));
        }
        Ok(())
    }

    async fn binding_matches(&self, binding: &Binding, attributes: &Attributes) -> Result<bool, StatusError> {
        match &binding.resources {
            None => Ok(true),
            Some(resources) => Ok(self.matcher.matches_resources(resources, attributes).await?.is_some()),
        }
    }
}

impl Judgement<'_> {
    /// Go: apiserver/pkg/admission/plugin/policy/validating/dispatcher.go addConfigError
    fn misconfigured(&mut self, policy: &Policy, binding: Option<&Binding>, error: &str) {
        if policy.failure_policy == FailurePolicy::Ignore {
            return;
        }
        let what = if binding.is_some() { "binding" } else { "policy" };
        self.deny(
            policy,
            binding,
            Denial { message: format!("failed to configure {what}: {error}"), reason: String::new() },
        );
    }

    fn deny(&mut self, policy: &Policy, binding: Option<&Binding>, denial: Denial) {
        let Denial { message, reason } = denial;
        let with = binding.map(|binding| format!(" with binding '{}'", binding.name)).unwrap_or_default();
        let message = format!("ValidatingAdmissionPolicy '{}'{with} denied request: {message}", policy.name);
        self.denied.push(Denial { message, reason });
    }

    /// Evaluates a policy with one parameter object.
    ///
    /// Go: apiserver/pkg/admission/plugin/policy/validating/validator.go Validate
    fn judge(
        &mut self,
        policy: &Policy,
        binding: &Binding,
        checks: &Checks,
        given: &Arc<Variables>,
        request: &Value,
        published: &mut BTreeMap<String, Vec<String>>,
    ) {
        match conditions::evaluate(&policy.conditions, policy.failure_policy, request) {
            Outcome::Matches => {}
            Outcome::DoesNotMatch => return,
            Outcome::Failed(message) => return self.fail(policy, binding, message),
        }
        match validations(policy, checks, given) {
            Ok(denials) => {
                for (index, denial) in denials {
                    self.act(policy, binding, index, &checks.validations[index].expression.text, denial);
                }
            }
            Err(out_of_budget) => return self.fail(policy, binding, out_of_budget.to_string()),
        }
        match annotations(policy, checks, given) {
            Ok(annotations) => {
                for (key, outcome) in annotations {
                    self.annotate(policy, binding, key, outcome, published);
                }
            }
            Err(out_of_budget) => self.fail(policy, binding, out_of_budget.to_string()),
        }
    }

    /// The policy as a whole could not be evaluated.
    fn fail(&mut self, policy: &Policy, binding: &Binding, message: String) {
        if policy.failure_policy == FailurePolicy::Fail {
            self.act(policy, binding, 0, "", Denial { message, reason: String::new() });
        }
    }

    fn annotate(
        &mut self,
        policy: &Policy,
        binding: &Binding,
        key: &str,
        outcome: Result<CelValue, String>,
        published: &mut BTreeMap<String, Vec<String>>,
    ) {
        match outcome {
            Ok(CelValue::String(value)) if !value.trim().is_empty() => {
                let values = published.entry(key.to_owned()).or_default();
                let value = value.trim().to_owned();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Ok(_) => {}
            Err(_) if policy.failure_policy == FailurePolicy::Ignore => {}
            Err(message) => self.deny(policy, Some(binding), Denial { message, reason: String::new() }),
        }
    }

    /// Does what the binding says is to be done about a violation.
    fn act(&mut self, policy: &Policy, binding: &Binding, index: usize, expression: &str, denial: Denial) {
        let Denial { message, reason } = denial;
        for action in &binding.actions {
            match action.as_str() {
                "Deny" => {
                    self.deny(policy, Some(binding), Denial { message: message.clone(), reason: reason.clone() });
                }
                "Warn" => self.cx.warnings.add(format!(
                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                    policy.name, binding.name
                )),
                "Audit" => self.failures.push(json!({
                    "message": message, "policy": policy.name, "binding": binding.name, "expressionIndex": index.to_string(),
                    "expression": expression, "validationActions": binding.actions,
                })),
                _ => {}
            }
        }
    }

    /// Refuses with the first denial.
    fn conclude(self, attributes: &Attributes) -> Result<(), StatusError> {
        if !self.failures.is_empty() {
            let key = "validation.policy.admission.k8s.io/validation_failure";
            self.cx.annotate(key, Value::from(self.failures).to_string());
        }
        let Some(denial) = self.denied.into_iter().next() else { return Ok(()) };
        let mut error = errors::forbidden(attributes, &denial.message);
        error.reason = if denial.reason.is_empty() { "Invalid".to_owned() } else { denial.reason };
        error.code = match error.reason.as_str() {
            "Forbidden" => 403,
            "Unauthorized" => 401,
            "RequestEntityTooLarge" => 413,
            _ => 422,
        };
        if let Some(details) = &mut error.details {
            details.causes.push(Cause { message: denial.message, ..Cause::default() });
        }
        Err(error)
    }
}

/// Evaluates the validations, then, with what is left of the budget, all messages. Returns what is wrong, by index.
fn validations(policy: &Policy, checks: &Checks, given: &Arc<Variables>) -> Result<Vec<(usize, Denial)>, OutOfBudget> {
    let mut budget = Budget::new(RUNTIME_CEL_COST_BUDGET);
    let scope = Scope::new(given.clone(), &policy.variables);
    let outcomes: Vec<_> = checks
        .validations
        .iter()
        .map(|check| scope.evaluate(&check.expression, &mut budget))
        .collect::<Result<_, _>>()?;
    let scope = Scope::new(given.clone(), &policy.variables);
    let of = |check: &Check| {
        check.message_expression.as_ref().map(|message| scope.evaluate(message, &mut budget)).transpose()
    };
    let messages: Result<Vec<_>, OutOfBudget> = checks.validations.iter().map(of).collect();
    let ignored = policy.failure_policy == FailurePolicy::Ignore;
    let mut denials = Vec::new();
    for (index, (check, outcome)) in checks.validations.iter().zip(outcomes).enumerate() {
        let failed = |message: String| (!ignored).then_some(Denial { message, reason: String::new() });
        denials.extend(match (outcome, &messages) {
            (Err(message), _) => failed(message).map(|denial| (index, denial)),
            (_, Err(out_of_budget)) => {
                failed(format!("failed messageExpression: {out_of_budget}")).map(|denial| (index, denial))
            }
            (Ok(CelValue::Bool(true)), _) => None,
            (Ok(_), Ok(messages)) => {
                let message = message(check, messages[index].as_ref());
                Some((index, Denial { message, reason: check.reason.clone() }))
            }
        });
    }
    Ok(denials)
}

/// Evaluates the annotations, which have a budget of their own.
fn annotations<'a>(
    policy: &Policy,
    checks: &'a Checks,
    given: &Arc<Variables>,
) -> Result<Vec<(&'a str, Result<CelValue, String>)>, OutOfBudget> {
    let mut budget = Budget::new(RUNTIME_CEL_COST_BUDGET);
    let scope = Scope::new(given.clone(), &policy.variables);
    let evaluate = |(key, expression): &'a (String, Expression)| Ok((&**key, scope.evaluate(expression, &mut budget)?));
    checks.annotations.iter().map(evaluate).collect()
}

/// Says what a check says when it fails.
fn message(check: &Check, evaluated: Option<&Result<CelValue, String>>) -> String {
    if let Some(Ok(CelValue::String(text))) = evaluated {
        let text = text.trim();
        if !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n') {
            return text.to_owned();
        }
    }
    match check.message.trim() {
        "" => format!("failed expression: {}", check.expression.text.trim()),
        message => message.to_owned(),
    }
}
