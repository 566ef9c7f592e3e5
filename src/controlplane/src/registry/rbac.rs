//! Roles and bindings: nobody may grant what they do not have.
//!
//! Go: pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go

use std::sync::Arc;

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use apiserver::{registry::rest::Result, request::context::Context};
use phase::BoxFuture;
use plugin::rbac::escalation::EscalationCheck;

use crate::registry::{
    checked::{self, WriteCheck},
    provider::Storages,
};

/// Puts the check before the four resources of a group version.
pub fn protect(storages: &mut Storages, check: &Arc<EscalationCheck>) {
    let check: Arc<dyn WriteCheck> = Arc::new(Escalation(check.clone()));
    checked::protect(storages, &["clusterroles", "roles", "clusterrolebindings", "rolebindings"], &check);
}

struct Escalation(Arc<EscalationCheck>);

impl WriteCheck for Escalation {
    fn check<'a>(
        &'a self,
        cx: &'a Context,
        kind: &'a GroupVersionKind,
        object: &'a Object,
        old: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if kind.kind.ends_with("Binding") {
                self.0.check_binding(cx, object, old).await
            } else {
                self.0.check_role(cx, object, old).await
            }
        })
    }
}
