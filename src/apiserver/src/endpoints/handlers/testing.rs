//! A server of one kind over storage in memory, for tests of the handlers.

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    meta::options::PatchType,
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion, GroupVersionKind},
    },
};
use client::transport;
use http_body_util::BodyExt;
use kv::memory::Memory;
use phase::{BoxFuture, clock::VirtualClock, ids::Ids, trace::Trace};
use serde_json::Value;
use storage::{
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store as Etcd3Store,
    },
    interface::{Codec as StorageCodec, Resource, metadata_fields},
    value::Identity,
};

use crate::{
    endpoints::{
        codec::{RenamingConvertor, UntypedCodec},
        groupversion::APIGroupVersion,
        handlers::scope::{Items, RequestScope},
        negotiation,
    },
    registry::{
        rest::{Storage, strategy::Strategy, table::DefaultTableConvertor},
        store::{DeletionAnswer, NoHooks, Store},
        subresource::SubresourceStore,
    },
    request::{
        context::{Context, Services},
        handler::{Handler, Response},
        requestinfo::RequestInfoFactory,
    },
};

/// Stores objects as JSON.
struct Json;

impl StorageCodec for Json {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move { serde_json::from_slice(data).map_err(StatusError::new_internal_error) })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move { Ok(object.to_json()) })
    }
}

/// Counts generations, and keeps the status away from those who write the rest.
pub(super) struct Widgets;

impl Strategy for Widgets {
    fn namespace_scoped(&self) -> bool {
        true
    }

    fn prepare_for_create(&self, _: &Context, object: &mut Object) {
        object.remove(&["status"]);
        object.set(&["metadata", "generation"], 1);
    }

    fn prepare_for_update(&self, _: &Context, object: &mut Object, old: &Object) {
        object.remove(&["status"]);
        if let Some(status) = old.get(&["status"]) {
            object.set(&["status"], status.clone());
        }
        if object.get(&["spec"]) != old.get(&["spec"]) {
            object.set(&["metadata", "generation"], old.generation() + 1);
        }
    }
}

/// Writes nothing but the status.
struct WidgetStatus;

impl Strategy for WidgetStatus {
    fn namespace_scoped(&self) -> bool {
        true
    }

    fn prepare_for_update(&self, _: &Context, object: &mut Object, old: &Object) {
        let status = object.remove(&["status"]);
        let version = object.resource_version().to_owned();
        object.clone_from(old);
        object.set_resource_version(&version);
        if let Some(status) = status {
            object.set(&["status"], status);
        }
    }
}

/// The server.
pub(super) struct Fixture {
    pub(super) handler: APIGroupVersion,
    services: Services,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let clock = Arc::new(VirtualClock::default());
        let resource = Resource {
            group_resource: GroupResource::new("ex.io", "widgets"),
            prefix: "/widgets".to_owned(),
            codec: Arc::new(Json),
            fields: Arc::new(metadata_fields),
        };
        let leases = LeaseManager::new(LeaseManagerConfig::default(), clock.clone());
        let client = Arc::new(Memory::new(clock.clone()));
        let storage = Etcd3Store::new(client, "/registry", resource, Arc::new(Identity), leases);
        let store = Store {
            kind: GroupVersionKind::new("ex.io", "v1", "Widget"),
            resource: GroupResource::new("ex.io", "widgets"),
            singular_name: "widget".to_owned(),
            short_names: vec!["wd".to_owned()],
            categories: vec!["all".to_owned()],
            strategy: Arc::new(Widgets),
            hooks: Arc::new(NoHooks),
            table_convertor: Arc::new(DefaultTableConvertor),
            storage: Arc::new(storage),
            key_root: "/widgets".to_owned(),
            deletion_answer: DeletionAnswer::Status,
        };
        let status = SubresourceStore::new(&store, Arc::new(WidgetStatus));
        let scopes = [scope("", Arc::new(store)), scope("status", Arc::new(status))];
        let services = Services { clock, ids: Arc::new(Ids::seeded(1)) };
        Self {
            handler: APIGroupVersion::new(GroupVersion::new("ex.io", "v1"), Arc::new(UntypedCodec), scopes),
            services,
        }
    }

    /// Sends a request: `POST /apis/...`, headers as pairs, a body.
    pub(super) async fn send(&self, line: &str, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Response {
        let (method, uri) = line.split_once(' ').expect("method and URI");
        let body: bytes::Bytes = body.into();
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body((!body.is_empty()).then(|| transport::full(body))).expect("request");
        let mut cx = Context::new(request, self.services.clone(), Trace::unwatched());
        let (path, query) = (cx.uri.path().to_owned(), cx.query_pairs());
        cx.info = RequestInfoFactory::default().new_request_info(&cx.method, &path, &query).expect("info");
        let mut response = self.handler.serve(&mut cx).await;
        for warning in cx.warnings.take() {
            response.headers_mut().append("warning", warning.parse().expect("header"));
        }
        response
    }

    /// Sends a request with a JSON body and returns the answer's code and JSON.
    pub(super) async fn json(&self, line: &str, body: Value) -> (u16, Value) {
        let content_type = match line.split(' ').next() {
            Some("PATCH") => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        read(self.send(line, &[("content-type", content_type)], body).await).await
    }

    /// Creates an object.
    pub(super) async fn create(&self, name: &str, size: i64) -> Value {
        let body = serde_json::json!({"metadata": {"name": name, "labels": {"size": size.to_string()}}, "spec": {"size": size}});
        let (code, created) = self.json(&format!("POST {WIDGETS}"), body).await;
        assert_eq!(code, 201, "{created}");
        created
    }
}

/// Reads an answer.
pub(super) async fn read(response: Response) -> (u16, Value) {
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.expect("body").to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    (code, body)
}

/// The collection that tests write to.
pub(super) const WIDGETS: &str = "/apis/ex.io/v1/namespaces/shop/widgets";

fn scope(subresource: &str, storage: Arc<dyn Storage>) -> RequestScope {
    let version = GroupVersion::new("ex.io", "v1");
    RequestScope {
        resource: version.with_resource("widgets"),
        subresource: subresource.to_owned(),
        kind: version.with_kind("Widget"),
        hub: version,
        storage,
        codec: Arc::new(UntypedCodec),
        convertor: Arc::new(RenamingConvertor),
        field_manager: None,
        table_convertor: Arc::new(DefaultTableConvertor),
        admission: None,
        authorizer: None,
        media_types: negotiation::BUILT_IN,
        patch_types: &[PatchType::Json, PatchType::Merge, PatchType::StrategicMerge, PatchType::ApplyYaml],
        items: Items::Bare,
        min_request_timeout: 1800,
    }
}
