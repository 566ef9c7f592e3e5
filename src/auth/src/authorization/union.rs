//! Several authorizers as one: the first that says yes or no wins.
//!
//! Go: apiserver/pkg/authorization/union/union.go
//!
//! This is where the phase of each authorizer is entered; they themselves know nothing of it.

use std::{borrow::Cow, sync::Arc};

use apimachinery::validation::field;
use phase::{BoxFuture, catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::{
    authorization::{Attributes, Authorizer, Decision, RuleResolver, Rules, Verdict},
    user,
};

/// Asks its members in order.
///
/// Go: apiserver/pkg/authorization/union/union.go unionAuthzHandler
pub struct Union {
    members: Vec<Arc<dyn Authorizer>>,
}

impl Union {
    /// Puts authorizers together.
    pub fn new(members: Vec<Arc<dyn Authorizer>>) -> Self {
        Self { members }
    }
}

impl Authorizer for Union {
    fn name(&self) -> &'static str {
        "union"
    }

    fn authorize<'a>(&'a self, trace: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let (mut reasons, mut errors) = (Vec::new(), Vec::new());
            for member in &self.members {
                let verdict = observed(trace, member.as_ref(), attributes).await;
                if verdict.decision != Decision::NoOpinion {
                    return verdict;
                }
                reasons.extend((!verdict.reason.is_empty()).then_some(verdict.reason));
                errors.extend(verdict.error);
            }
            // Most refusals have one reason, which is then passed on as it is.
            let reason = match reasons.len() {
                0 => Cow::Borrowed(""),
                1 => reasons.remove(0),
                _ => Cow::Owned(reasons.join("\n")),
            };
            let error = (!errors.is_empty()).then(|| field::aggregate(errors));
            Verdict { decision: Decision::NoOpinion, reason, error }
        })
    }
}

async fn observed(trace: &Trace, member: &dyn Authorizer, attributes: &Attributes) -> Verdict {
    let phase = match trace.enter_labelled(Phase::Authorizer, member.name(), &mut Nothing).await {
        Ok(phase) => phase,
        Err(interrupted) => return Verdict::deny(interrupted.to_string()),
    };
    let verdict = member.authorize(trace, attributes).await;
    phase.exit(&verdict);
    verdict
}

/// Puts the rules of several resolvers together.
///
/// Go: apiserver/pkg/authorization/union/union.go unionAuthzRulesHandler
pub struct UnionRuleResolver {
    members: Vec<Arc<dyn RuleResolver>>,
}

impl UnionRuleResolver {
    /// Puts resolvers together.
    pub fn new(members: Vec<Arc<dyn RuleResolver>>) -> Self {
        Self { members }
    }
}

impl RuleResolver for UnionRuleResolver {
    fn rules_for<'a>(&'a self, user: &'a user::Info, namespace: &'a str) -> BoxFuture<'a, Rules> {
        Box::pin(async move {
            let mut all = Rules::default();
            let mut errors = Vec::new();
            for member in &self.members {
                let rules = member.rules_for(user, namespace).await;
                all.resource_rules.extend(rules.resource_rules);
                all.non_resource_rules.extend(rules.non_resource_rules);
                all.incomplete |= rules.incomplete;
                errors.extend(Some(rules.evaluation_error).filter(|error| !error.is_empty()));
            }
            if !errors.is_empty() {
                all.evaluation_error = field::aggregate(errors);
            }
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::builtin::{AlwaysAllow, AlwaysDeny, PrivilegedGroups};

    async fn ask(members: Vec<Arc<dyn Authorizer>>, user: user::Info) -> Verdict {
        let attributes = Attributes { user: Arc::new(user), ..Attributes::default() };
        Union::new(members).authorize(&Trace::unwatched(), &attributes).await
    }

    #[tokio::test]
    async fn the_first_opinion_wins_and_reasons_of_the_others_are_joined() {
        let masters: Arc<dyn Authorizer> = Arc::new(PrivilegedGroups::masters());
        let deny: Arc<dyn Authorizer> = Arc::new(AlwaysDeny);
        let admin = user::Info::new("admin", &[user::SYSTEM_PRIVILEGED_GROUP]);
        let alice = user::Info::new("alice", &["devs"]);

        let verdict = ask(vec![masters.clone(), deny.clone()], admin).await;
        assert_eq!(verdict.decision, Decision::Allow);
        let verdict = ask(vec![masters.clone(), deny.clone(), deny.clone()], alice.clone()).await;
        assert_eq!(verdict.decision, Decision::NoOpinion);
        assert_eq!(verdict.reason, "Everything is forbidden.\nEverything is forbidden.");
        assert_eq!(ask(vec![masters, deny, Arc::new(AlwaysAllow)], alice).await.decision, Decision::Allow);
    }
}
