//! `pods/eviction`: a deletion that asks the pod's disruption budget first.
//!
//! ```text
//!   pending, finished or already going    delete at once
//!   no budget                             mark (DisruptionTarget) and delete
//!   budget, pod not ready                 as its policy says, or as below
//!   budget                                take one disruption from its status, then mark and delete; none left: 429
//! ```
//!
//! Go: pkg/registry/core/pod/storage/eviction.go

use api::core::pod::condition::{Condition, is_ready, set_condition};
use apimachinery::{
    api::errors::{Cause, StatusError},
    meta::{
        label_selector::LabelSelector,
        options::{DeleteOptions, GetOptions, WriteOptions},
        time,
    },
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion, GroupVersionKind},
    },
};
use apiserver::{
    registry::{
        rest::{
            Answer, Creater, Getter, GracefulDeleter, OnMissing, Result, Storage, UpdateCall, UpdateWith, Updater,
            ValidateAll, Validation,
        },
        store::Store,
    },
    request::context::Context,
};
use client::rest::Client;
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::registry::core::binding::success;

/// How often a write is tried again that somebody else was faster with.
///
/// Go: EvictionsRetry
const EVICTIONS_RETRY: usize = 20;

/// How many pods a budget may remember as on their way out.
///
/// Go: MaxDisruptedPodSize
const MAX_DISRUPTED_POD_SIZE: usize = 2000;

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// Evicts the pods of a store.
pub struct Eviction {
    /// The pods, written through the strategy of their status.
    pub pods: Store,
    /// Reads and writes budgets.
    pub client: Client,
}

impl Storage for Eviction {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("policy", "v1", "Eviction")
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn preserves_metadata_on_create(&self) -> bool {
        true
    }

    fn accepts_group_version(&self, version: &GroupVersion) -> bool {
        version.group == "policy" && version.version == "v1beta1"
    }

    fn creater(&self) -> Option<&dyn Creater> {
        Some(self)
    }
}

impl Creater for Eviction {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        eviction: Object,
        validation: &'a dyn Validation,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            if name != eviction.name() {
                return Err(StatusError::new_bad_request("name in URL does not match name in Eviction object"));
            }
            let delete = propagate_dry_run(&eviction, options)?;
            delete.validate()?;
            validation.create(cx, eviction).await?;
            self.evict(cx, name, &delete).await
        })
    }
}

/// Returns the options of the deletion, which is tried only if the request is.
///
/// Go: propagateDryRun
fn propagate_dry_run(eviction: &Object, options: &WriteOptions) -> Result<DeleteOptions> {
    let given = eviction.get(&["deleteOptions"]).cloned().and_then(Object::from_value).unwrap_or_default();
    let mut delete = DeleteOptions::from_object(&given);
    if delete.dry_run.is_empty() {
        delete.dry_run.clone_from(&options.dry_run);
    } else if !options.dry_run.is_empty() && options.dry_run != delete.dry_run {
        return Err(StatusError::new(
            500,
            "",
            format!(
                "Non-matching dry-run options in request and content: [{}] and [{}]",
                options.dry_run.join(" "),
                delete.dry_run.join(" ")
            ),
        ));
    }
    Ok(delete)
}

impl Eviction {
    async fn evict(&self, cx: &Context, name: &str, options: &DeleteOptions) -> Result<Answer> {
        let Some(pod) = self.unless_deleted(cx, name, options).await? else { return Ok(success()) };
        let budgets = self.budgets(&pod).await?;
        let (budget, unguarded) = match budgets.as_slice() {
            [] => (None, false),
            [budget] => (Some(budget), is_unguarded(&pod, budget)),
            _ => return Ok(more_than_one()),
        };
        if let Some(budget) = budget.filter(|_| !unguarded) {
            self.take_disruption(cx, &pod, budget, options.is_dry_run()).await?;
        }
        let mut delete = options.clone();
        if unguarded {
            // It must not have become ready meanwhile, for then it would be guarded.
            delete.preconditions.resource_version = Some(pod.resource_version().to_owned());
        }
        match self.mark_and_delete(cx, name, &mut delete).await {
            Ok(()) => Ok(success()),
            Err(error) if error.is_conflict() && unguarded && options.preconditions.resource_version.is_none() => {
                Err(still_processed(budget.map_or("", Object::name)))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the pod; `None` where no budget has a say and it is deleted already.
    async fn unless_deleted(&self, cx: &Context, name: &str, options: &DeleteOptions) -> Result<Option<Object>> {
        for attempt in 0.. {
            let pod = self.pods.get(cx, name, &GetOptions::default()).await?.into_object();
            let (phase, going) = (pod.str(&["status", "phase"]), pod.deletion_timestamp().is_some());
            if !going && !matches!(phase, "Succeeded" | "Failed" | "Pending") {
                return Ok(Some(pod));
            }
            let mut delete = options.clone();
            let pinned = options.preconditions.resource_version.is_some();
            if phase == "Pending" && !going && !pinned {
                // It must not have been started meanwhile.
                delete.preconditions.resource_version = Some(pod.resource_version().to_owned());
            }
            match self.pods.delete(cx, name, &ValidateAll, &delete).await {
                Err(error)
                    if error.is_conflict() && !pinned && attempt < EVICTIONS_RETRY && uid_fits(&pod, options) => {}
                result => return result.map(|_| None),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Go: getPodDisruptionBudgets
    async fn budgets(&self, pod: &Object) -> Result<Vec<Object>> {
        let labels = pod.labels();
        if labels.is_empty() {
            return Ok(Vec::new());
        }
        let all = self.resource(pod).list(&[]).await.map_err(StatusError::from)?.items;
        let selects = |budget: &Object| {
            let selector = LabelSelector::new(budget.get(&["spec", "selector"])).as_selector();
            selector.is_ok_and(|selector| selector.matches(&labels))
        };
        Ok(all.into_iter().filter(selects).collect())
    }

    fn resource(&self, pod: &Object) -> client::rest::Resource {
        let resource = GroupVersion::new("policy", "v1").with_resource("poddisruptionbudgets");
        self.client.resource(&resource).namespace(pod.namespace())
    }

    /// Takes one of the disruptions that a budget allows.
    async fn take_disruption(&self, cx: &Context, pod: &Object, budget: &Object, dry_run: bool) -> Result<()> {
        let resource = self.resource(pod);
        let mut budget = budget.clone();
        for _ in 0..EVICTIONS_RETRY {
            check_and_decrement(&mut budget)?;
            if dry_run {
                return Ok(());
            }
            budget.set(&["status", "disruptedPods", pod.name()], time::rfc3339(cx.services.clock.wall()));
            match resource.update(&budget, "status").await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => {
                    budget = resource.get(budget.name()).await.map_err(StatusError::from)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let text = format!("couldn't update PodDisruptionBudget \"{}\" due to conflicts", budget.name());
        Err(StatusError::new_timeout_error(&text, 10))
    }

    /// Says in the pod's status why it goes, and deletes it.
    ///
    /// Go: addConditionAndDeletePod
    async fn mark_and_delete(&self, cx: &Context, name: &str, options: &mut DeleteOptions) -> Result<()> {
        if !options.is_dry_run() {
            let now = cx.services.clock.wall();
            let preconditions = options.preconditions.clone();
            let mark = UpdateWith(move |current: Option<&Object>| {
                let mut pod = current.cloned().unwrap_or_default();
                check_preconditions(&pod, &preconditions)?;
                let condition = Condition {
                    kind: "DisruptionTarget",
                    status: "True",
                    reason: "EvictionByEvictionAPI",
                    message: "Eviction API: evicting",
                };
                set_condition(&mut pod, &condition, now);
                Ok(pod)
            });
            let call = UpdateCall {
                info: &mark,
                validation: &ValidateAll,
                missing: OnMissing::AsStrategy,
                options: &WriteOptions::default(),
            };
            let marked = self.pods.update(cx, name, call).await?.answer.into_object();
            if options.preconditions.resource_version.is_some() {
                options.preconditions.resource_version = Some(marked.resource_version().to_owned());
            }
        }
        self.pods.delete(cx, name, &ValidateAll, options).await.map(drop)
    }
}

fn uid_fits(pod: &Object, options: &DeleteOptions) -> bool {
    options.preconditions.uid.as_ref().is_none_or(|uid| uid == pod.uid())
}

fn check_preconditions(pod: &Object, preconditions: &apimachinery::meta::options::Preconditions) -> Result<()> {
    let resource = GroupResource { group: String::new(), resource: "Pod".to_owned() };
    let facts = [
        ("UID", &preconditions.uid, pod.uid(), "deleted and then recreated"),
        ("ResourceVersion", &preconditions.resource_version, pod.resource_version(), "modified"),
    ];
    for (what, wanted, actual, fate) in facts {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != actual) {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({actual}). The object \
                 might have been {fate}"
            );
            return Err(StatusError::new_conflict(&resource, pod.name(), &why));
        }
    }
    Ok(())
}

fn number(budget: &Object, field: &str) -> i64 {
    budget.get(&["status", field]).and_then(Value::as_i64).unwrap_or_default()
}

/// Says whether a pod that is not ready may go without being counted.
fn is_unguarded(pod: &Object, budget: &Object) -> bool {
    if is_ready(pod) {
        return false;
    }
    let (healthy, desired) = (number(budget, "currentHealthy"), number(budget, "desiredHealthy"));
    budget.str(&["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow" || (healthy >= desired && desired > 0)
}

/// Takes one disruption, in memory.
///
/// Go: checkAndDecrement
fn check_and_decrement(budget: &mut Object) -> Result<()> {
    let resource = GroupResource { group: "policy".to_owned(), resource: "poddisruptionbudget".to_owned() };
    let forbidden = |why: &str| StatusError::new_forbidden(&resource, budget.name(), why);
    if number(budget, "observedGeneration") < budget.generation() {
        return Err(still_processed(budget.name()));
    }
    let allowed = number(budget, "disruptionsAllowed");
    if allowed < 0 {
        return Err(forbidden("pdb disruptions allowed is negative"));
    }
    let disrupted = budget.get(&["status", "disruptedPods"]).and_then(Value::as_object);
    if disrupted.is_some_and(|pods| pods.len() > MAX_DISRUPTED_POD_SIZE) {
        return Err(forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        return Err(refused(0, no_disruption_left(budget)));
    }
    budget.set(&["status", "disruptionsAllowed"], allowed - 1);
    if allowed == 1 {
        set_disruption_not_allowed(budget);
    }
    Ok(())
}

fn no_disruption_left(budget: &Object) -> String {
    let conditions = budget.get(&["status", "conditions"]).and_then(Value::as_array);
    let failed = conditions.into_iter().flatten().find(|condition| {
        condition["type"] == "DisruptionAllowed"
            && condition["status"] == "False"
            && condition["reason"] == "SyncFailed"
    });
    match failed {
        Some(condition) => format!(
            "The disruption budget {} does not allow evicting pods currently because it failed sync: {}",
            budget.name(),
            condition["message"].as_str().unwrap_or_default()
        ),
        None => format!(
            "The disruption budget {} needs {} healthy pods and has {} currently",
            budget.name(),
            number(budget, "desiredHealthy"),
            number(budget, "currentHealthy")
        ),
    }
}

/// Go: pkg/apis/policy/helper... UpdateDisruptionAllowedCondition
fn set_disruption_not_allowed(budget: &mut Object) {
    let observed = number(budget, "observedGeneration");
    let conditions = budget.0.get_mut("status").and_then(|status| status.get_mut("conditions"));
    let Some(conditions) = conditions.and_then(Value::as_array_mut) else { return };
    for condition in conditions.iter_mut().filter(|condition| condition["type"] == "DisruptionAllowed") {
        condition["status"] = "False".into();
        condition["reason"] = "InsufficientPods".into();
        condition["observedGeneration"] = observed.into();
    }
}

/// Go: createTooManyRequestsError
fn still_processed(budget: &str) -> StatusError {
    refused(10, format!("The disruption budget {budget} is still being processed by the server."))
}

fn refused(retry_after: u32, cause: String) -> StatusError {
    let mut error = StatusError::new_too_many_requests(REFUSED, retry_after);
    let cause = Cause { reason: "DisruptionBudget".to_owned(), message: cause, field: String::new() };
    error.details.get_or_insert_default().causes.push(cause);
    error
}

/// An answer that is a failure, though the request itself succeeded.
fn more_than_one() -> Answer {
    let mut status = Object::new(&GroupVersionKind::new("", "v1", "Status"));
    status.set(&["metadata"], json!({}));
    status.set(&["status"], "Failure");
    let text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    status.set(&["message"], text);
    status.set(&["code"], 500);
    Answer::Object(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(status: Value) -> Object {
        Object::from_value(json!({"metadata": {"name": "b", "generation": 1}, "status": status})).expect("object")
    }

    #[test]
    fn the_last_disruption_is_taken_and_then_there_is_none() {
        let condition = json!({"type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods"});
        let mut budget = budget(json!({"observedGeneration": 1, "disruptionsAllowed": 1, "conditions": [condition]}));
        check_and_decrement(&mut budget).expect("one is left");
        assert_eq!(budget.get(&["status", "conditions"]).expect("conditions")[0]["reason"], "InsufficientPods");
        let error = check_and_decrement(&mut budget).expect_err("none is left");
        assert_eq!((error.code, error.message.as_str()), (429, REFUSED));
    }

    #[test]
    fn a_budget_that_nobody_has_looked_at_refuses_for_now() {
        let error = check_and_decrement(&mut budget(json!({}))).expect_err("its status is older than its spec");
        assert_eq!(error.details.expect("details").retry_after_seconds, 10);
    }
}
