//! The two things all of these do: create what is missing, and try again later.

use std::time::Duration;

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use client::rest::{Client, Error, Resource};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The name under which these requests are made.
pub const USER_AGENT: &str = "kube-apiserver/v1.36.2";

/// Creates an object that is missing; returns the one that is there in the end.
pub async fn exists(resource: &Resource, object: &Object) -> Result<Object, Error> {
    match resource.get(object.name()).await {
        Err(error) if error.is_not_found() => {}
        other => return other,
    }
    match resource.create(object).await {
        // Another replica was faster.
        Err(error) if error.is_already_exists() => resource.get(object.name()).await,
        other => other,
    }
}

/// Makes an object of a JSON literal.
pub fn object(value: Value) -> Object {
    Object::from_value(value).expect("the literal is an object")
}

/// Returns a client of the loopback.
pub fn client(context: &apiserver::server::hooks::PostStartHookContext) -> Client {
    Client::new(context.loopback_client_config.clone(), USER_AGENT)
}

/// The services of all namespaces.
pub fn services(client: &Client) -> Resource {
    client.resource(&GroupVersionResource::new("", "v1", "services"))
}

/// Repeats until it succeeds, a second apart, at most `limit` times.
pub async fn retry<F, Fut>(limit: usize, stop: &CancellationToken, mut attempt: F) -> Result<(), String>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let mut last = String::new();
    for _ in 0..limit {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
        if pause(Duration::from_secs(1), stop).await.is_err() {
            return Ok(());
        }
    }
    Err(last)
}

/// Waits; an error if the server stops meanwhile.
pub async fn pause(time: Duration, stop: &CancellationToken) -> Result<(), ()> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(()),
        () = tokio::time::sleep(time) => Ok(()),
    }
}
