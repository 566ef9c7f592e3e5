//! What a plugin is.
//!
//! Go: apiserver/pkg/admission/interfaces.go

use std::fmt;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
};
use phase::{BoxFuture, trace::Trace};

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

/// What a plugin may ask about the kind of an object: webhooks see it in the version they want, and what they make of
/// it is read and completed as a client's would be.
///
/// Go: apiserver/pkg/admission/interfaces.go ObjectInterfaces
pub trait ObjectInterfaces: Send + Sync + fmt::Debug {
    /// Brings an object to another version of its group.
    fn convert<'a>(
        &'a self,
        trace: &'a Trace,
        object: Object,
        to: &'a GroupVersion,
    ) -> BoxFuture<'a, Result<Object, StatusError>>;

    /// Reads a value as its kind does: unknown fields go away, what does not fit is refused with Go's sentence.
    fn decode(&self, object: Object) -> Result<Object, String>;

    /// Puts what a policy applies over an object.
    fn overlay(&self, original: &Object, applied: &Object) -> Result<Object, String>;

    /// Fills in what the object does not say.
    fn default(&self, object: &mut Object);
}
