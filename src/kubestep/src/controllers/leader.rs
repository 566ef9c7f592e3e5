//! Whether kube-controller-manager is at work.

use std::{sync::Arc, time::Duration};

use apimachinery::{
    meta::time,
    runtime::{object::Object, schema::GroupVersionResource},
};
use client::cache::store::Store;
use phase::clock::Clock;
use serde_json::Value;

use crate::controllers::Context;

/// Looks at the lease `kube-system/kube-controller-manager`.
#[derive(Clone)]
pub struct Leader {
    leases: Arc<Store>,
    clock: Arc<dyn Clock>,
}

impl Leader {
    /// Follows the leases.
    pub fn new(context: &Context) -> Self {
        let leases = context.informers.lister(&GroupVersionResource::new("coordination.k8s.io", "v1", "leases"));
        Self { leases, clock: context.clock.clone() }
    }

    /// Says whether somebody else holds the lease and has renewed it in time.
    pub fn is_someone_else(&self) -> bool {
        let lease = self.leases.get("kube-system", "kube-controller-manager");
        lease.is_some_and(|lease| holds(&lease, self.clock.wall()))
    }
}

fn holds(lease: &Object, now: Duration) -> bool {
    let renewed = time::parse(lease.str(&["spec", "renewTime"])).unwrap_or_default();
    let seconds = lease.get(&["spec", "leaseDurationSeconds"]).and_then(Value::as_u64).unwrap_or_default();
    !lease.str(&["spec", "holderIdentity"]).is_empty() && renewed + Duration::from_secs(seconds) > now
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expired_or_released_lease_is_nobodys() {
        let lease = |holder: &str| {
            let value = json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}});
            Object::from_value(value).expect("object")
        };
        let start = time::parse("2026-01-01T00:00:00Z").expect("time");
        assert!(holds(&lease("kcm"), start + Duration::from_secs(14)));
        assert!(!holds(&lease("kcm"), start + Duration::from_secs(16)));
        assert!(!holds(&lease(""), start));
    }
}
