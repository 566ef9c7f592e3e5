//! What a plugin is.
//!
//! Go: apiserver/pkg/admission/interfaces.go

use apimachinery::api::errors::StatusError;
use phase::BoxFuture;

use crate::{
    admission::attributes::{Attributes, Operation},
    request::context::Context,
};

/// An admission plugin: a name, the operations it handles, and one or both halves.
pub trait Interface: Send + Sync {
    /// The name, as in `--enable-admission-plugins`.
    fn name(&self) -> &'static str;
    /// Says whether the plugin wants to see an operation.
    fn handles(&self, operation: Operation) -> bool;
    /// The half that may change objects.
    fn mutation(&self) -> Option<&dyn MutationInterface> {
        None
    }
    /// The half that may only refuse.
    fn validation(&self) -> Option<&dyn ValidationInterface> {
        None
    }
}

/// The half that may change objects.
pub trait MutationInterface: Send + Sync {
    /// Changes `attributes.object`, or refuses.
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>>;
}

/// The half that may only refuse.
pub trait ValidationInterface: Send + Sync {
    /// Refuses, or lets it pass.
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>>;
}
