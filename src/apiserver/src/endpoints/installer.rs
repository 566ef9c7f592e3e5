//! From what a server can do to what it serves.
//!
//! Go: apiserver/pkg/endpoints/installer.go, apiserver/pkg/server/genericapiserver.go InstallAPIGroups
//!
//! ```text
//!   APIGroupInfo    a group: versions, and for each the storage of `pods`, `pods/status`...
//!     x Scheme      what is known of kinds: codecs, conversion, field managers
//!     -> RequestScope per resource -> APIGroupVersion, a handler      (requests)
//!                                  -> APIResource entries             (discovery)
//! ```

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    meta::options::PatchType,
    runtime::schema::{GroupVersion, GroupVersionKind},
};
use auth::authorization::Authorizer;

use crate::{
    admission::{self, equivalents::Scope},
    endpoints::{
        codec::{Codec, Convertor, FieldManager},
        groupversion::APIGroupVersion,
        handlers::scope::{Items, RequestScope},
        negotiation::MediaType,
    },
    registry::rest::Storage,
};

/// A group, with everything that it serves.
///
/// Go: apiserver/pkg/server/genericapiserver.go APIGroupInfo
pub struct APIGroupInfo {
    /// Its name; empty for core.
    pub group: String,
    /// Its versions, the preferred one first.
    pub versions: Vec<APIVersionInfo>,
}

/// One version of a group.
#[derive(Clone)]
pub struct APIVersionInfo {
    /// `v1`
    pub version: String,
    /// By path: `pods`, `pods/status`.
    pub storage: BTreeMap<String, Arc<dyn Storage>>,
}

/// What is known of the kinds that a server has.
///
/// Go: apimachinery/pkg/runtime Scheme, and the serializers made of it
pub trait Scheme: Send + Sync {
    /// Reads and writes bodies of a kind.
    fn codec(&self, kind: &GroupVersionKind) -> Arc<dyn Codec>;

    /// Converts between the versions of a kind.
    fn convertor(&self) -> Arc<dyn Convertor>;

    /// Keeps books on who owns which fields; `None` for kinds that are never stored.
    fn field_manager(&self, scope: &Manager<'_>) -> Option<Arc<dyn FieldManager>>;

    /// Returns the kind that a storage serves at a version: its own, or the same in that version.
    ///
    /// Go: installer.go GetResourceKind
    fn served_kind(&self, version: &GroupVersion, _path: &str, storage: &dyn Storage) -> GroupVersionKind {
        let own = storage.kind();
        if own.group == version.group { version.with_kind(&own.kind) } else { own }
    }
}

/// For what a field manager is made.
pub struct Manager<'a> {
    /// The kind that clients send.
    pub kind: &'a GroupVersionKind,
    /// The version of the registry.
    pub hub: &'a GroupVersion,
    /// The sub-resource; empty for the resource itself.
    pub subresource: &'a str,
    /// What the resource can do, for the fields that it resets.
    pub storage: &'a dyn Storage,
}

/// What all groups of a server share.
#[derive(Clone)]
pub struct Installation {
    /// What is known of kinds.
    pub scheme: Arc<dyn Scheme>,
    /// The admission chain.
    pub admission: Option<Arc<dyn admission::interfaces::Interface>>,
    /// Where it is noted which resources are the same in other versions.
    pub equivalents: Arc<admission::equivalents::EquivalentResources>,
    /// Who may do what.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// `--min-request-timeout`, in seconds.
    pub min_request_timeout: u64,
    /// The media types of bodies, the default first.
    pub media_types: &'static [MediaType],
    /// The kinds of patches.
    pub patch_types: &'static [PatchType],
    /// How items of lists are written.
    pub items: Items,
}

impl Installation {
    /// Makes the handler of a version: one scope a resource.
    ///
    /// Go: APIInstaller.Install
    pub fn install(&self, group: &str, info: &APIVersionInfo) -> APIGroupVersion {
        let version = GroupVersion::new(group, &info.version);
        let scopes = info.storage.iter().map(|(path, storage)| self.scope(&version, path, storage.clone()));
        let documents = self.scheme.codec(&GroupVersionKind::new("", "v1", "APIResourceList"));
        APIGroupVersion::new(version.clone(), documents, scopes.collect::<Vec<_>>())
    }

    /// Puts together what the requests for one resource need.
    ///
    /// Go: APIInstaller.registerResourceHandlers
    pub fn scope(&self, version: &GroupVersion, path: &str, storage: Arc<dyn Storage>) -> RequestScope {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        let kind = self.scheme.served_kind(version, path, &*storage);
        let hub = storage.kind().group_version();
        let reach = if storage.namespace_scoped() { Scope::Namespaced } else { Scope::Cluster };
        self.equivalents.register(&version.with_resource(resource), subresource, &kind, reach);
        let manager = Manager { kind: &kind, hub: &hub, subresource, storage: &*storage };
        let written = storage.creater().is_some() || storage.updater().is_some();
        let field_manager = written.then(|| self.scheme.field_manager(&manager)).flatten();
        RequestScope {
            resource: version.with_resource(resource),
            subresource: subresource.to_owned(),
            codec: self.scheme.codec(&kind),
            convertor: self.scheme.convertor(),
            field_manager,
            table_convertor: storage.table_convertor(),
            admission: self.admission.clone(),
            authorizer: self.authorizer.clone(),
            media_types: self.media_types,
            patch_types: self.patch_types,
            items: self.items,
            min_request_timeout: self.min_request_timeout,
            kind,
            hub,
            storage,
        }
    }
}
