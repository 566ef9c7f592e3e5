//! Whether an APIService can be asked: the condition `Available`.
//!
//! Go: kube-aggregator/pkg/controllers/status/{local,remote}

pub mod local;
pub mod remote;

use apimachinery::{meta::time, runtime::object::Object};
use apiserver::request::context::Services;
use client::rest::Client;

use crate::apiservice::{self, Finding};

/// Writes what was found into the object, unless it is there already.
///
/// Go: updateAPIServiceStatus
async fn update_status(client: &Client, services: &Services, object: &Object, finding: &Finding) -> Result<(), String> {
    let now = time::rfc3339(services.clock.wall());
    let Some(changed) = apiservice::with_condition(object, finding, &now) else { return Ok(()) };
    let Finding { status, reason, message } = finding;
    tracing::info!("changing availability of {} to {status}: {reason}: {message}", object.name());
    let updated = client.resource(&apiservice::resource()).update(&changed, "status").await;
    updated.map(drop).map_err(|error| error.to_string())
}
