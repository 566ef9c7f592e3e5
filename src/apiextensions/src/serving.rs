//! A definition as routes: for each version a store, a codec and a request scope. Made when the first request comes,
//! thrown away when the definition changes.
//!
//! Simplified: tables and metadata of custom resources come as JSON or YAML; kube-apiserver writes them as protobuf, too.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/customresource_handler.go crdInfo, getOrCreateServingInfoFor

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{meta::options::PatchType, runtime::schema::GroupVersionKind};
use apiserver::{
    admission::{
        equivalents::{EquivalentResources, Scope},
        interfaces::Interface as Admission,
    },
    endpoints::{
        codec::{Codec, FieldManager},
        handlers::scope::{Items, RequestScope},
        negotiation,
    },
    registry::{
        generic::RESTOptionsGetter,
        rest::{Storage, strategy::ResetFields},
    },
};
use auth::authorization::Authorizer;
use client::webhook::ClientManager;
use phase::ids::IdSource;
use storage::interface::Interface;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    codec::{CustomCodec, Structurals},
    conversion::Converter,
    definition::{Definition, Names, Spec, Version},
    fieldmanager::{CustomKinds, KindFieldManager, ScaleFieldManager},
    registry::customresource::{
        scale,
        storage::{CustomResourceStorage, Shared},
    },
    schema::structural::Structural,
};

/// The patches that custom resources take.
pub const PATCH_TYPES: &[PatchType] = &[PatchType::Json, PatchType::Merge, PatchType::ApplyYaml];

/// How often a store is asked whether it is ready, and for how long.
const POLL: Duration = Duration::from_millis(2);
/// A store that takes longer answers for itself: 429, come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// What serving needs from the server.
pub struct Environment {
    /// Opens storage.
    pub getter: Arc<dyn RESTOptionsGetter>,
    /// The admission chain.
    pub admission: Option<Arc<dyn Admission>>,
    /// Who may do what.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// Where it is noted which resources are the same in other versions.
    pub equivalents: Arc<EquivalentResources>,
    /// `--min-request-timeout`, in seconds.
    pub min_request_timeout: u64,
    /// Reads and writes what is no custom resource.
    pub documents: Arc<dyn Codec>,
    /// Asks conversion webhooks.
    pub webhooks: Arc<ClientManager>,
    /// Where uids come from.
    pub ids: Arc<dyn IdSource>,
}

/// A definition that is served.
///
/// Go: crdInfo
pub struct ServingInfo {
    /// The spec that was made into routes.
    pub spec: Spec,
    /// The names under which it is served.
    pub accepted_names: Names,
    /// By version.
    pub versions: BTreeMap<String, ServedVersion>,
    /// Closes the stores, and with them all watches, when nobody uses this any more.
    _open: DropGuard,
}

/// One version of it.
pub struct ServedVersion {
    /// The stores.
    pub storage: CustomResourceStorage,
    /// For the objects themselves.
    pub scope: RequestScope,
    /// The same while no new ones may be made.
    pub terminating: RequestScope,
    /// For `/status`.
    pub status: Option<RequestScope>,
    /// For `/scale`.
    pub scale: Option<RequestScope>,
    /// What those who use a deprecated version are told.
    pub warning: Option<String>,
}

impl ServingInfo {
    /// Makes the routes of a definition.
    ///
    /// Go: getOrCreateServingInfoFor
    pub fn new(environment: &Environment, definition: &Definition) -> Self {
        let stop = CancellationToken::new();
        let preserve = definition.spec.preserve_unknown_fields;
        let structurals = definition.spec.versions.iter();
        let structurals: Structurals =
            Arc::new(structurals.map(|version| (version.name.clone(), Structural::new(version, preserve))).collect());
        let (webhooks, ids) = (environment.webhooks.clone(), environment.ids.clone());
        let converter = Arc::new(Converter::new(definition, webhooks, ids));
        let schemas = structurals.iter().map(|(version, structural)| (definition.gvk(version), &*structural.schema));
        let kinds = Arc::new(CustomKinds::new(schemas));
        let getter = &environment.getter;
        let shared = Shared { definition, structurals: &structurals, converter: &converter, getter, stop: &stop };
        let used = definition.spec.versions.iter().filter(|version| version.served || version.storage);
        let storages: Vec<(&Version, CustomResourceStorage)> =
            used.map(|version| (version, shared.open(version))).collect();
        let status_reset: Vec<ResetFields> = storages
            .iter()
            .filter_map(|(_, storage)| storage.status.as_ref())
            .flat_map(|status| Storage::reset_fields(&**status))
            .collect();
        let maker = ScopeMaker { environment, definition, structurals, converter, kinds, status_reset };
        let versions =
            storages.into_iter().map(|(version, storage)| (version.name.clone(), maker.version(version, storage)));
        Self {
            spec: definition.spec.clone(),
            accepted_names: definition.status.accepted_names.clone(),
            versions: versions.collect(),
            _open: stop.drop_guard(),
        }
    }

    /// Opens the stores of all versions and waits a little until the one that is asked can be read from memory.
    pub async fn open(&self, asked: &ServedVersion) {
        for version in self.versions.values() {
            version.storage.custom_resource.lazy.opened();
        }
        let ready = async {
            while asked.storage.custom_resource.lazy.readiness_check().is_err() {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(PATIENCE, ready).await.is_err() {
            tracing::debug!(group = %self.spec.group, "the watch cache is not filled yet");
        }
    }

    /// Says whether these are still the routes of a definition.
    pub fn is_of(&self, definition: &Definition) -> bool {
        self.spec == definition.spec && self.accepted_names == definition.status.accepted_names
    }
}

/// Makes the scopes of one version after the other.
struct ScopeMaker<'a> {
    environment: &'a Environment,
    definition: &'a Definition,
    structurals: Structurals,
    converter: Arc<Converter>,
    kinds: Arc<CustomKinds>,
    status_reset: Vec<ResetFields>,
}

impl ScopeMaker<'_> {
    fn version(&self, version: &Version, storage: CustomResourceStorage) -> ServedVersion {
        let kind = self.definition.gvk(&version.name);
        let reset = Storage::reset_fields(&*storage.custom_resource);
        let manager = self.field_manager(&kind, "", &reset);
        let whole = self.scope(version, "", &kind, storage.custom_resource.clone(), Some(manager));
        let status = storage.status.clone().map(|status| {
            let manager = self.field_manager(&kind, "status", &self.status_reset);
            self.scope(version, "status", &kind, status, Some(manager))
        });
        let scale = storage.scale.clone().map(|scale| RequestScope {
            codec: self.environment.documents.clone(),
            media_types: negotiation::BUILT_IN,
            ..self.scope(version, "scale", &scale::kind(), scale, Some(self.scale_manager()))
        });
        let admission = Some(forbid_create(whole.admission.clone()));
        ServedVersion {
            storage,
            terminating: RequestScope { admission, ..whole.clone() },
            scope: whole,
            status,
            scale,
            warning: version.deprecated.then(|| self.deprecation_warning(version)),
        }
    }

    fn codec(&self, kind: &GroupVersionKind) -> Arc<dyn Codec> {
        Arc::new(CustomCodec {
            kind: kind.clone(),
            structurals: self.structurals.clone(),
            others: self.environment.documents.clone(),
        })
    }

    fn field_manager(
        &self,
        kind: &GroupVersionKind,
        subresource: &str,
        reset: &[ResetFields],
    ) -> Arc<dyn FieldManager> {
        let (kinds, converter) = (self.kinds.clone(), self.converter.clone());
        Arc::new(KindFieldManager::of_custom_resources(kinds, converter, kind, subresource, reset, self.codec(kind)))
    }

    fn scale_manager(&self) -> Arc<dyn FieldManager> {
        Arc::new(ScaleFieldManager::new(self.environment.documents.clone()))
    }

    fn scope(
        &self,
        version: &Version,
        subresource: &str,
        kind: &GroupVersionKind,
        storage: Arc<dyn Storage>,
        field_manager: Option<Arc<dyn FieldManager>>,
    ) -> RequestScope {
        let resource = self.definition.gvr(&version.name);
        let reach = if self.definition.namespaced() { Scope::Namespaced } else { Scope::Cluster };
        if version.served {
            self.environment.equivalents.register(&resource, subresource, kind, reach);
        }
        RequestScope {
            resource,
            subresource: subresource.to_owned(),
            // A handler for one version works in it.
            hub: kind.group_version(),
            codec: self.codec(kind),
            convertor: self.converter.clone(),
            field_manager,
            table_convertor: storage.table_convertor(),
            admission: self.environment.admission.clone(),
            authorizer: self.environment.authorizer.clone(),
            media_types: negotiation::CUSTOM,
            patch_types: PATCH_TYPES,
            items: Items::WithType,
            min_request_timeout: self.environment.min_request_timeout,
            kind: kind.clone(),
            storage,
        }
    }

    /// Go: defaultDeprecationWarning
    fn deprecation_warning(&self, version: &Version) -> String {
        if let Some(warning) = &version.deprecation_warning {
            return warning.clone();
        }
        let Spec { group, names, .. } = &self.definition.spec;
        let mut warning = format!("{group}/{} {} is deprecated", version.name, names.kind);
        let rank = |name: &str| apiserver::endpoints::discovery::aggregated::kube_version(name);
        let mut newer = self.definition.served_versions().into_iter();
        let newer = newer.find(|other| !other.deprecated && rank(&other.name) > rank(&version.name));
        if let Some(newer) = newer {
            warning.push_str(&format!("; use {group}/{} {}", newer.name, names.kind));
        }
        warning
    }
}

/// The chain, behind one who lets nothing be created.
fn forbid_create(delegate: Option<Arc<dyn Admission>>) -> Arc<dyn Admission> {
    Arc::new(crate::handler::ForbidCreateAdmission { delegate })
}
