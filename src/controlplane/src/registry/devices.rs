//! Claims of devices: who may ask for administrative access.
//!
//! Go: pkg/registry/resource/resourceclaim/strategy.go, pkg/registry/resource/utils.go

use std::sync::Arc;

use api::{node::Node, resource::claim, rules};
use apimachinery::{
    api::{errors::StatusError, validation::object_meta::Scope},
    meta::options::WriteOptions,
    runtime::{object::Object, schema::GroupKind},
    validation::field::ErrorList,
};
use apiserver::{
    registry::{
        rest::Result,
        store::{Finish, Hooks},
    },
    request::context::Context,
};
use phase::BoxFuture;
use storage::interface::GetOptions;

/// Claims of administrative access to devices are made in namespaces that are marked for it.
///
/// Go: pkg/registry/resource/utils.go AuthorizedForAdmin
pub struct AdminAccess {
    /// All namespaces.
    pub namespaces: Arc<dyn storage::interface::Interface>,
}

impl Hooks for AdminAccess {
    fn begin_create<'a>(
        &'a self,
        cx: &'a Context,
        object: &'a mut Object,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Finish>>>> {
        Box::pin(async move {
            let spec = if object.kind() == "ResourceClaim" { "spec" } else { "spec.spec" };
            let Some(request) = claim::admin_access(&Node::of(object, spec)) else { return Ok(None) };
            if self.allowed(cx).await {
                return Ok(None);
            }
            let text = "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the \
                        containing namespace";
            let mut errors = ErrorList::new();
            errors.push(request.forbidden(text));
            let gvk = object.gvk();
            // What else is wrong is told at once.
            errors.extend(rules::of(&gvk).validate_new(object, Scope::Namespaced));
            Err(StatusError::new_invalid(&GroupKind::new(&gvk.group, &gvk.kind), object.name(), errors))
        })
    }
}

impl AdminAccess {
    async fn allowed(&self, cx: &Context) -> bool {
        let key = format!("/namespaces/{}", cx.info.namespace);
        let namespace = self.namespaces.get(&cx.trace, &key, GetOptions::default()).await;
        namespace.is_ok_and(|found| {
            found.object().labels().get("resource.kubernetes.io/admin-access").is_some_and(|value| value == "true")
        })
    }
}
