//! The apps group: what keeps pods running.
//!
//! Go: pkg/apis/apps, pkg/registry/apps

pub mod controllerrevision;
pub mod daemonset;
pub mod deployment;
pub mod replicaset;
pub mod statefulset;
pub mod template;

use apimachinery::{util::strconv, validation::field::BadValue};

use crate::{node::Node, rules::Rules, validation::go_struct};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    Some(match kind {
        "ControllerRevision" => &controllerrevision::CONTROLLER_REVISION,
        "DaemonSet" => &daemonset::DAEMON_SET,
        "Deployment" => &deployment::DEPLOYMENT,
        "ReplicaSet" => &replicaset::REPLICA_SET,
        "StatefulSet" => &statefulset::STATEFUL_SET,
        _ => return None,
    })
}

/// Writes an update strategy as Go prints its struct.
fn shown_strategy(strategy: &Node<'_>, fields: &str) -> BadValue {
    let rolling = go_struct(strategy.get("rollingUpdate"), fields);
    let kind = strconv::marshal(&strategy.text("type").into());
    BadValue::Text(format!("{{\"Type\":{kind},\"RollingUpdate\":{rolling}}}"))
}
