//! Every built-in resource with its storage, from the table of resources.
//!
//! Go: pkg/registry/*/rest/storage_*.go, pkg/controlplane/apiserver/apis.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{
    certificates, conversion,
    core::{namespace, pod},
    printers::{self, Printer},
    resources::{RESOURCES, Resource},
    rules::{self, Part},
};
use apimachinery::runtime::{
    object::Object,
    schema::{GroupResource, GroupVersion},
};
use apiserver::{
    endpoints::negotiation::MediaType,
    registry::{
        generic::{RESTOptionsGetter, WatchCache},
        rest::{
            Result, Storage,
            table::{DefaultTableConvertor, TableConvertor},
        },
        store::{DeletionAnswer, Hooks, NoHooks, Store},
        subresource::SubresourceStore,
    },
    server::config::resource_config::ResourceConfig,
};

use serde_json::Value;

use crate::registry::{
    codec::StorageCodec,
    devices::AdminAccess,
    namespace::NamespaceStore,
    strategy::{BuiltInStrategy, PartStrategy},
    subresources::{self, Special},
};

/// Groups in the order in which they are installed: the order of `/apis`.
pub const GROUPS: [&str; 21] = [
    "",
    "internal.apiserver.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "apps",
    "admissionregistration.k8s.io",
    "events.k8s.io",
    "resource.k8s.io",
];

/// The storages of one group and version, by `resource` or `resource/subresource`.
pub type Storages = BTreeMap<String, Arc<dyn Storage>>;

/// Makes the storages of the stored kinds.
pub struct Provider<'a> {
    /// Opens storage.
    pub rest_options_getter: &'a dyn RESTOptionsGetter,
    /// What is served.
    pub resource_config: &'a ResourceConfig,
    /// How long events are kept.
    pub event_ttl: Duration,
    /// In which form objects are written.
    pub storage_media_type: &'a str,
    /// What sub-resources need besides; `None`: the resources have no other than their status.
    pub special: Option<Special>,
}

impl Provider<'_> {
    /// Returns the stores of all stored resources, group by group. Versions of one kind share a store.
    pub fn storages(&self) -> Vec<(GroupVersion, Storages)> {
        self.storages_of(&GROUPS)
    }

    /// Returns the stores of some groups, in this order.
    pub fn storages_of(&self, names: &[&str]) -> Vec<(GroupVersion, Storages)> {
        let mut by_prefix: BTreeMap<&str, Store> = BTreeMap::new();
        let mut groups: Vec<(GroupVersion, Storages)> = Vec::new();
        for group in names {
            for resource in RESOURCES.iter().filter(|resource| resource.group_version.group == *group) {
                let served =
                    self.resource_config.resource_enabled(&resource.group_version.with_resource(resource.plural));
                if !served || !resource.has_verb("list") || resource.kind == "ComponentStatus" {
                    continue;
                }
                let namespaces = by_prefix.get("namespaces").map(|store| store.storage.clone());
                let store =
                    by_prefix.entry(resource.storage_prefix).or_insert_with(|| self.store(resource, namespaces));
                // Each version judges by its own rules, names the labels of its field selectors, and says its own name.
                let strategy = Arc::new(BuiltInStrategy::new(resource));
                let group_resource = GroupResource::new(group, resource.plural);
                let store = Store { resource: group_resource, strategy, ..store.clone() };
                let storages = match groups.iter_mut().find(|(version, _)| *version == resource.group_version) {
                    Some((_, storages)) => storages,
                    None => &mut groups.push_mut((resource.group_version.clone(), Storages::new())).1,
                };
                install(storages, resource, &store);
            }
        }
        if let Some(special) = &self.special {
            subresources::install(&mut groups, &by_prefix, special);
        }
        groups
    }

    fn store(&self, resource: &'static Resource, namespaces: Option<Arc<dyn storage::interface::Interface>>) -> Store {
        let hub = resource.storage_version();
        let group_resource = GroupResource::new(&resource.group_version.group, resource.plural);
        let media =
            if self.storage_media_type == MediaType::Protobuf.as_str() { MediaType::Protobuf } else { MediaType::Json };
        let kind = hub.clone();
        let fields = move |object: &Object| {
            let mut fields = storage::interface::metadata_fields(object);
            fields.extend((rules::of(&kind).fields)(object).into_iter().map(|(name, value)| (name.to_owned(), value)));
            fields
        };
        let is_event = resource.kind == "Event";
        let storage = self.rest_options_getter.get_rest_options(
            storage::interface::Resource {
                group_resource: group_resource.clone(),
                prefix: format!("/{}", resource.storage_prefix),
                codec: Arc::new(StorageCodec { hub: hub.clone(), media }),
                fields: Arc::new(fields),
            },
            if is_event { WatchCache::Off } else { WatchCache::On },
        );
        let hooks: Arc<dyn Hooks> = match (resource.kind.as_str(), namespaces) {
            ("Event", _) => Arc::new(EventTTL(self.event_ttl.as_secs())),
            ("ResourceClaim" | "ResourceClaimTemplate", Some(namespaces)) => Arc::new(AdminAccess { namespaces }),
            _ => Arc::new(NoHooks),
        };
        Store {
            kind: hub,
            resource: group_resource,
            singular_name: resource.singular(),
            short_names: resource.short_names.iter().map(ToString::to_string).collect(),
            categories: resource.categories.iter().map(ToString::to_string).collect(),
            strategy: Arc::new(BuiltInStrategy::new(resource)),
            hooks,
            table_convertor: table_convertor(resource),
            storage,
            key_root: format!("/{}", resource.storage_prefix),
            deletion_answer: if resource.delete_returns { DeletionAnswer::Object } else { DeletionAnswer::Status },
        }
    }
}

/// Installs a resource and those of its sub-resources that show the same object.
fn install(storages: &mut Storages, resource: &'static Resource, store: &Store) {
    let whole: Arc<dyn Storage> = match resource.kind.as_str() {
        "Namespace" => Arc::new(NamespaceStore(store.clone())),
        _ => Arc::new(store.clone()),
    };
    storages.insert(resource.plural.to_owned(), whole);
    for subresource in &resource.subresources {
        let strategy = match (resource.plural, subresource.name) {
            (_, "status") => PartStrategy::status(resource),
            ("namespaces", "finalize") => PartStrategy::new(resource, &FINALIZE),
            ("pods", "ephemeralcontainers") => PartStrategy::new(resource, &EPHEMERAL_CONTAINERS),
            ("pods", "resize") => PartStrategy::new(resource, &RESIZE),
            ("certificatesigningrequests", "approval") => PartStrategy::new(resource, &APPROVAL),
            _ => continue,
        };
        let storage = SubresourceStore::new(store, Arc::new(strategy));
        let storage = if subresource.has_verb("get") { storage } else { storage.write_only() };
        storages.insert(format!("{}/{}", resource.plural, subresource.name), Arc::new(storage));
    }
}

static APPROVAL: Part = certificates::APPROVAL;
static FINALIZE: Part = namespace::NAMESPACE_FINALIZE;
static EPHEMERAL_CONTAINERS: Part = pod::strategy::EPHEMERAL_CONTAINERS;
static RESIZE: Part = pod::strategy::RESIZE;

fn table_convertor(resource: &'static Resource) -> Arc<dyn TableConvertor> {
    match printers::of(&resource.storage_version()) {
        Some(printer) => Arc::new(PrinterConvertor { printer, resource }),
        None => Arc::new(DefaultTableConvertor),
    }
}

/// Shows objects of one kind by its printer, which sees them in the version they are stored in.
struct PrinterConvertor {
    printer: &'static Printer,
    resource: &'static Resource,
}

impl TableConvertor for PrinterConvertor {
    fn columns(&self) -> Vec<Value> {
        self.printer.column_definitions()
    }

    /// Flow schemas stand in the order in which they are tried.
    ///
    /// Go: pkg/printers/internalversion/printers.go printFlowSchemaList
    fn rank(&self, object: &Object) -> i64 {
        let precedence = object.get(&["spec", "matchingPrecedence"]).filter(|_| self.resource.kind == "FlowSchema");
        precedence.and_then(Value::as_i64).unwrap_or_default()
    }

    fn cells(&self, now: Duration, object: &Object) -> Result<Vec<Value>> {
        let stored = self.resource.storage_version().group_version();
        if object.gvk().group_version() == stored {
            return Ok(self.printer.row(object, now));
        }
        let converted = conversion::convert(object.clone(), &stored);
        Ok(self.printer.row(converted.as_ref().unwrap_or(object), now))
    }
}

/// Events go away by themselves.
struct EventTTL(u64);

impl Hooks for EventTTL {
    fn ttl(&self, _object: &Object) -> storage::interface::Ttl {
        Some(self.0)
    }
}
