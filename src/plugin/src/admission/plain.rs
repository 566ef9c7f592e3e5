//! Plugins that need nothing but the attributes: two functions and a name.

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use phase::BoxFuture;

/// Changes the object, or refuses.
pub type Admit = fn(&mut Attributes) -> Result<(), StatusError>;

/// Refuses, or lets it pass.
pub type Validate = fn(&Attributes) -> Result<(), StatusError>;

/// A plugin made of plain functions.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// Its name.
    pub name: &'static str,
    /// The operations it looks at.
    pub operations: &'static [Operation],
    /// The half that may change objects.
    pub admit: Option<Admit>,
    /// The half that may only refuse.
    pub validate: Option<Validate>,
}

impl Plain {
    /// Makes it ready for the chain.
    pub fn shared(self) -> Arc<dyn Interface> {
        Arc::new(self)
    }
}

impl Interface for Plain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handles(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        self.admit.is_some().then_some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        self.validate.is_some().then_some(self)
    }
}

impl MutationInterface for Plain {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move { self.admit.map_or(Ok(()), |admit| admit(attributes)) })
    }
}

impl ValidationInterface for Plain {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move { self.validate.map_or(Ok(()), |validate| validate(attributes)) })
    }
}
