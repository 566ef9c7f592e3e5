//! Follows the objects that configure fairness, and divides seats from time to time.
//!
//! Go: apiserver/pkg/util/flowcontrol/apf_controller.go Run, runWorker, digestConfigObjects

use std::{sync::Arc, time::Duration};

use apimachinery::{
    meta::time,
    runtime::{object::Object, schema::GroupVersionResource},
};
use bytes::Bytes;
use client::{
    cache::informer::{EventHandler, SharedInformer, SharedInformerFactory},
    rest::Client,
};
use http::Method;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::server::{
    flowcontrol::{
        config::{FlowSchema, PriorityLevelConfiguration},
        controller::{BORROWING_ADJUSTMENT_PERIOD, Controller},
    },
    hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook},
};

/// The field manager of conditions.
///
/// Go: apiserver/pkg/apis/flowcontrol/v1 ConfigConsumerAsFieldManager
const CONFIG_CONSUMER_AS_FIELD_MANAGER: &str = "api-priority-and-fairness-config-consumer-v1";

/// Flow schemas and priority levels, as informers keep them.
pub struct ConfigConsumer {
    controller: Arc<Controller>,
    schemas: Arc<SharedInformer>,
    levels: Arc<SharedInformer>,
    /// Told of every change; many at once are digested together.
    changed: Arc<Notify>,
}

/// Tells that something changed.
struct Tell(Arc<Notify>);

impl EventHandler for Tell {
    fn on_add(&self, _: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_update(&self, _: &Arc<Object>, _: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_delete(&self, _: &Arc<Object>) {
        self.0.notify_one();
    }
}

fn resource(name: &str) -> GroupVersionResource {
    GroupVersionResource::new("flowcontrol.apiserver.k8s.io", "v1", name)
}

/// Hook `priority-and-fairness-config-consumer`.
pub fn hook(controller: Arc<Controller>, informers: &SharedInformerFactory) -> PostStartHookFunc {
    let changed = Arc::new(Notify::new());
    let informer = |name| {
        let informer = informers.informer(&resource(name));
        informer.add_event_handler(Arc::new(Tell(changed.clone())));
        informer
    };
    let consumer = Arc::new(ConfigConsumer {
        schemas: informer("flowschemas"),
        levels: informer("prioritylevelconfigurations"),
        controller,
        changed,
    });
    post_start_hook(move |context| {
        let consumer = consumer.clone();
        async move {
            tokio::spawn(adjust_borrowing(consumer.controller.clone(), context.stop.clone()));
            tokio::spawn(consumer.run(context));
            Ok(())
        }
    })
}

async fn adjust_borrowing(controller: Arc<Controller>, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep(BORROWING_ADJUSTMENT_PERIOD) => controller.update_borrowing(),
            () = stop.cancelled() => return,
        }
    }
}

impl ConfigConsumer {
    async fn run(self: Arc<Self>, context: PostStartHookContext) {
        loop {
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = context.stop.cancelled() => return,
            }
            // Until both are complete the configuration would miss levels that are there.
            if !self.schemas.has_synced() || !self.levels.has_synced() {
                tokio::time::sleep(Duration::from_millis(10)).await;
                self.changed.notify_one();
                continue;
            }
            let (schemas, levels) = (self.schemas.store().list(), self.levels.store().list());
            self.controller.digest_config_objects(
                schemas.iter().map(|schema| FlowSchema::read(schema)).collect(),
                levels.iter().map(|level| PriorityLevelConfiguration::read(level)).collect(),
            );
            for schema in schemas {
                self.sync_status(&context, &schema).await;
            }
        }
    }

    /// Says in the schema's status whether its level exists.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/apf_controller.go syncOne
    async fn sync_status(&self, context: &PostStartHookContext, schema: &Object) {
        let level = schema.str(&["spec", "priorityLevelConfiguration", "name"]);
        let exists = self.levels.store().get("", level).is_some();
        let (status, reason, ending) = if exists {
            ("False", "Found", "and it exists")
        } else {
            ("True", "NotFound", "but there is no such object")
        };
        let conditions = schema.get(&["status", "conditions"]).and_then(|conditions| conditions.as_array());
        let mut conditions = conditions.into_iter().flatten();
        if conditions.any(|condition| condition["type"] == "Dangling" && condition["status"] == status) {
            return;
        }
        let message =
            format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {ending}");
        let patch = json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": schema.name()},
            "status": {"conditions": [{
                "type": "Dangling",
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": time::rfc3339(context.services.clock.wall()),
            }]},
        });
        let path = format!(
            "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/{}/status?fieldManager={}&force=true",
            schema.name(),
            CONFIG_CONSUMER_AS_FIELD_MANAGER,
        );
        let client = Client::new(context.loopback_client_config.clone(), CONFIG_CONSUMER_AS_FIELD_MANAGER);
        let body = Bytes::from(patch.to_string());
        let sent = client.object(Method::PATCH, &path, Some(("application/apply-patch+yaml", body))).await;
        if let Err(error) = sent {
            tracing::debug!(schema = schema.name(), %error, "cannot write the status of a flow schema");
        }
    }
}
