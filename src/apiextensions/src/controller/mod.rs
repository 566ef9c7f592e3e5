//! What happens to a definition after it was stored: each controller watches all definitions, and does one thing.
//!
//! ```text
//!   stored -> naming: NamesAccepted -> establishing: Established -> discovery, OpenAPI tell of it
//!   deleted -> finalizing: objects go, then the finalizer -> gone: naming gives its names free
//! ```
//!
//! Simplified: the condition `NonStructuralSchema` is never set. A schema that is not structural is refused; only objects
//! that an older Kubernetes stored could have one.
//!
//! Go: apiextensions-apiserver/pkg/controller

pub mod queue;

pub mod naming;

pub mod establishing;

pub mod apiapproval;

pub mod finalizing;

pub mod discovery;

pub mod openapi;

use std::sync::Arc;

use apimachinery::{
    meta::{conditions::Condition, time},
    runtime::object::Object,
};
use client::{
    cache::store::Store,
    rest::{Client, Error, Resource},
};
use phase::clock::Clock;

use crate::definition;

/// What every controller needs: the local copy of all definitions, a way to write them, the time.
#[derive(Clone)]
pub struct Tools {
    /// The local copy.
    pub definitions: Arc<Store>,
    /// Writes definitions.
    pub client: Client,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
}

impl Tools {
    fn resource(&self) -> Resource {
        self.client.resource(&definition::resource())
    }

    /// Sets a condition, with the time.
    fn set_condition(&self, object: &mut Object, condition: Condition<'_>) {
        definition::set_condition(object, condition, &time::rfc3339(self.clock.wall()));
    }

    /// Writes the status of a definition. Somebody who was faster is no error: the change comes round again.
    async fn update_status(&self, object: &Object) -> Result<Option<Object>, Error> {
        match self.resource().update(object, "status").await {
            Ok(written) => Ok(Some(written)),
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
