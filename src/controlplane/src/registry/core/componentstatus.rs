//! `componentstatuses`: whether scheduler, controller manager and storage answer, as far as this server can see.
//!
//! Deprecated since 1.19: what it asks are ports that others have moved long since.
//!
//! Go: pkg/registry/core/componentstatus/rest.go

use std::sync::Arc;

use api::printers::{self, Printer};
use apimachinery::{
    api::errors::StatusError,
    meta::options::{GetOptions, ListOptions},
    runtime::{
        encoded::Encoded,
        object::Object,
        schema::{GroupResource, GroupVersionKind},
    },
};
use apiserver::{
    registry::rest::{
        Answer, Getter, List, Lister, Result, Storage,
        table::{DefaultTableConvertor, TableConvertor},
    },
    request::context::Context,
};
use client::transport::{self, Transport};
use http::Request;
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::registry::core::remote::log;

/// Asks the components.
pub struct ComponentStatus {
    short_names: Vec<String>,
    /// How the others are reached.
    transport: Arc<dyn Transport>,
    /// Whether storage answers.
    storage: Arc<dyn storage::interface::Interface>,
}

/// The components that are no storage, with where they are asked.
const SERVERS: [(&str, &str); 2] =
    [("controller-manager", "https://127.0.0.1:10257/healthz"), ("scheduler", "https://127.0.0.1:10259/healthz")];

const STORAGE: &str = "etcd-0";

impl ComponentStatus {
    /// Asks through a transport that trusts anybody, and one of the storages.
    pub fn new(transport: Arc<dyn Transport>, storage: Arc<dyn storage::interface::Interface>) -> Self {
        Self { short_names: vec!["cs".to_owned()], transport, storage }
    }

    async fn probe(&self, cx: &Context, name: &str) -> Option<Object> {
        let answer = match SERVERS.iter().find(|(known, _)| *known == name) {
            Some((_, url)) => self.ask(url).await,
            None if name == STORAGE => {
                self.storage.stats(&cx.trace).await.map(|_| "ok".to_owned()).map_err(|error| error.to_string())
            }
            None => return None,
        };
        let condition = match answer {
            Ok(text) => json!({"type": "Healthy", "status": "True", "message": text}),
            Err(text) => json!({"type": "Healthy", "status": "False", "message": text}),
        };
        let mut object = Object::new(&kind());
        object.set(&["metadata", "name"], name);
        object.set(&["conditions"], vec![condition]);
        Some(object)
    }

    async fn ask(&self, url: &str) -> std::result::Result<String, String> {
        let request = Request::get(url).body(transport::empty()).map_err(|error| error.to_string())?;
        let response = self.transport.send(request).await.map_err(|error| format!("Get \"{url}\": {error}"))?;
        let status = response.status();
        let text = log::text(response.into_body()).await;
        if status.is_success() { Ok(text) } else { Err(format!("unhealthy http status code: {status}")) }
    }
}

fn kind() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ComponentStatus")
}

impl Storage for ComponentStatus {
    fn kind(&self) -> GroupVersionKind {
        kind()
    }

    fn namespace_scoped(&self) -> bool {
        false
    }

    fn singular_name(&self) -> &'static str {
        "componentstatus"
    }

    fn short_names(&self) -> &[String] {
        &self.short_names
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        match printers::of(&kind()) {
            Some(printer) => Arc::new(Columns(printer)),
            None => Arc::new(DefaultTableConvertor),
        }
    }

    fn deprecation_warning(&self) -> Option<&str> {
        Some("v1 ComponentStatus is deprecated in v1.19+")
    }

    fn getter(&self) -> Option<&dyn Getter> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }
}

struct Columns(&'static Printer);

impl TableConvertor for Columns {
    fn columns(&self) -> Vec<Value> {
        self.0.column_definitions()
    }

    fn cells(&self, now: std::time::Duration, object: &Object) -> Result<Vec<Value>> {
        Ok(self.0.row(object, now))
    }
}

impl Getter for ComponentStatus {
    fn get<'a>(&'a self, cx: &'a Context, name: &'a str, _: &'a GetOptions) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let found = self.probe(cx, name).await;
            let resource = GroupResource::new("", "componentstatus");
            found.map(Answer::Object).ok_or_else(|| StatusError::new_not_found(&resource, name))
        })
    }
}

impl Lister for ComponentStatus {
    fn list<'a>(&'a self, cx: &'a Context, options: &'a ListOptions) -> BoxFuture<'a, Result<List>> {
        Box::pin(async move {
            let mut list = List::default();
            for name in SERVERS.iter().map(|(name, _)| *name).chain([STORAGE]) {
                let Some(object) = self.probe(cx, name).await else { continue };
                let item = Encoded::new(&object, storage::interface::metadata_fields);
                if options.label_selector.matches(&item.labels) && options.field_selector.matches(&item.fields) {
                    list.items.push(Arc::new(item));
                }
            }
            Ok(list)
        })
    }
}
