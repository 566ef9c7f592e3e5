//! Flow schemas and priority levels, read from their objects.
//!
//! Go: k8s.io/api/flowcontrol/v1/types.go; apiserver/pkg/apis/flowcontrol/bootstrap/default.go (the mandatory ones)

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use crate::server::flowcontrol::rule::Rule;

/// Which requests belong together, and to which level they go.
#[derive(Clone, Debug)]
pub struct FlowSchema {
    /// The object's name.
    pub name: String,
    /// The object's uid, told in a header; empty until the object is stored.
    pub uid: String,
    /// The name of the level.
    pub priority_level: String,
    /// Lower is tried first.
    pub matching_precedence: i64,
    /// What tells one flow from another.
    pub distinguisher: Distinguisher,
    /// Any of them may match.
    pub rules: Vec<Rule>,
}

/// What tells one flow of a schema from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinguisher {
    /// Nothing: the schema is one flow.
    None,
    /// Who asks.
    ByUser,
    /// In which namespace.
    ByNamespace,
}

/// A share of the server.
#[derive(Clone, Debug)]
pub struct PriorityLevelConfiguration {
    /// The object's name.
    pub name: String,
    /// The object's uid, told in a header; empty until the object is stored.
    pub uid: String,
    /// Its share, in relation to those of the other levels.
    pub nominal_concurrency_shares: u32,
    /// How much of it may be lent, in percent.
    pub lendable_percent: u32,
    /// How much may be borrowed, in percent of the nominal share; `None`: whatever there is.
    pub borrowing_limit_percent: Option<u32>,
    /// What happens to requests that find no seat.
    pub limit: Limit,
}

/// What happens to requests that find no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// They need none.
    Exempt,
    /// They are refused.
    Reject,
    /// They wait.
    Queue(Queuing),
}

/// The queues of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queuing {
    /// How many queues there are.
    pub queues: usize,
    /// How many of them a flow may use.
    pub hand_size: usize,
    /// How many requests may wait in one.
    pub queue_length_limit: usize,
}

/// Returns a number at a path, or a default.
fn number(object: &Object, path: &[&str], default: u64) -> u64 {
    object.get(path).and_then(Value::as_u64).unwrap_or(default)
}

impl FlowSchema {
    /// Reads an object. What is not there has the API's default.
    pub fn read(object: &Object) -> Self {
        let rules = object.get(&["spec", "rules"]).and_then(Value::as_array);
        Self {
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            priority_level: object.str(&["spec", "priorityLevelConfiguration", "name"]).to_owned(),
            matching_precedence: number(object, &["spec", "matchingPrecedence"], 1000) as i64,
            distinguisher: match object.str(&["spec", "distinguisherMethod", "type"]) {
                "ByUser" => Distinguisher::ByUser,
                "ByNamespace" => Distinguisher::ByNamespace,
                _ => Distinguisher::None,
            },
            rules: rules.into_iter().flatten().map(Rule::read).collect(),
        }
    }
}

impl PriorityLevelConfiguration {
    /// Reads an object. What is not there has the API's default.
    pub fn read(object: &Object) -> Self {
        let exempt = object.str(&["spec", "type"]) == "Exempt";
        let part = if exempt { "exempt" } else { "limited" };
        let field = |name, default| number(object, &["spec", part, name], default) as u32;
        let queuing = ["spec", "limited", "limitResponse", "queuing"];
        let queue = |name, default| number(object, &[queuing.as_slice(), &[name]].concat(), default) as usize;
        Self {
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            nominal_concurrency_shares: field("nominalConcurrencyShares", if exempt { 0 } else { 30 }),
            lendable_percent: field("lendablePercent", 0),
            borrowing_limit_percent: object
                .get(&["spec", "limited", "borrowingLimitPercent"])
                .and_then(Value::as_u64)
                .map(|percent| percent as u32),
            limit: match object.str(&["spec", "limited", "limitResponse", "type"]) {
                _ if exempt => Limit::Exempt,
                "Queue" => Limit::Queue(Queuing {
                    queues: queue("queues", 64),
                    hand_size: queue("handSize", 8),
                    queue_length_limit: queue("queueLengthLimit", 50),
                }),
                _ => Limit::Reject,
            },
        }
    }
}

/// Without these the server serves nobody, so they are there before their objects are.
///
/// Go: apiserver/pkg/apis/flowcontrol/bootstrap/default.go MandatoryPriorityLevelConfigurations, MandatoryFlowSchemas
pub(super) fn mandatory() -> (Vec<FlowSchema>, Vec<PriorityLevelConfiguration>) {
    let everything = json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    });
    let schema = |name: &str, precedence, distinguisher, groups: &[&str]| {
        let mut rule = everything.clone();
        rule["subjects"] = groups.iter().map(|group| json!({"kind": "Group", "group": {"name": group}})).collect();
        FlowSchema {
            name: name.to_owned(),
            uid: String::new(),
            priority_level: name.to_owned(),
            matching_precedence: precedence,
            distinguisher,
            rules: vec![Rule::read(&rule)],
        }
    };
    let level = |name: &str, shares, limit| PriorityLevelConfiguration {
        name: name.to_owned(),
        uid: String::new(),
        nominal_concurrency_shares: shares,
        lendable_percent: 0,
        borrowing_limit_percent: None,
        limit,
    };
    let schemas = vec![
        schema("exempt", 1, Distinguisher::None, &["system:masters"]),
        schema("catch-all", 10000, Distinguisher::ByUser, &["system:unauthenticated", "system:authenticated"]),
    ];
    (schemas, vec![level("exempt", 0, Limit::Exempt), level("catch-all", 5, Limit::Reject)])
}
