//! What plugins are made of besides their configuration.
//!
//! Go: apiserver/pkg/admission/initializer, pkg/kubeapiserver/admission/initializer.go

use std::{collections::BTreeMap, sync::Arc};

use auth::authorization::Authorizer;
use client::{cache::informer::SharedInformerFactory, rest::Client, webhook::ClientManager};
use phase::{clock::Clock, ids::IdSource};
use serde_json::Value;

use crate::admission::equivalents::EquivalentResources;

/// Handed to the constructor of every plugin; each takes what it needs.
///
/// Go: apiserver/pkg/admission/initializer/initializer.go pluginInitializer
#[derive(Clone)]
pub struct Initializers {
    /// Local copies of whatever a plugin reads.
    pub informers: Arc<SharedInformerFactory>,
    /// The loopback client, for what the copies do not know yet, and for writes.
    pub client: Client,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// Calls webhooks.
    pub webhooks: Arc<ClientManager>,
    /// Which resources are the same in other versions.
    pub equivalents: Arc<EquivalentResources>,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Where uids and generated names come from.
    pub ids: Arc<dyn IdSource>,
    /// The plugins' own configurations (`--admission-control-config-file`), by plugin name.
    pub configurations: BTreeMap<String, Value>,
    /// `--default-not-ready-toleration-seconds`
    pub default_not_ready_toleration_seconds: i64,
    /// `--default-unreachable-toleration-seconds`
    pub default_unreachable_toleration_seconds: i64,
}
