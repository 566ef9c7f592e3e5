//! Where the objects behind a service account token are looked up.
//!
//! Go: pkg/controller/serviceaccount/tokengetter.go

use std::sync::Arc;

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use auth::authentication::serviceaccount::claims::ServiceAccountTokenGetter;
use client::rest::Client;
use phase::BoxFuture;

/// Asks the server itself.
///
/// Simplified: kube-apiserver looks into informers of secrets, accounts, pods and nodes first. The token cache makes
/// a look-up rare here, so that copies of all secrets and pods would cost more than they save.
#[derive(Debug)]
pub struct LoopbackGetter {
    client: Client,
}

impl LoopbackGetter {
    /// Asks through the loopback client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl ServiceAccountTokenGetter for LoopbackGetter {
    fn get<'a>(
        &'a self,
        resource: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Option<Arc<Object>>> {
        Box::pin(async move {
            let resource = self.client.resource(&GroupVersion::new("", "v1").with_resource(resource));
            match resource.namespace(namespace).get(name).await {
                Ok(object) => Some(Arc::new(object)),
                Err(error) => {
                    tracing::debug!("cannot look up {name} of a token: {error}");
                    None
                }
            }
        })
    }
}
