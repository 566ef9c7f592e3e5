//! One group at one version: from a request to its resource and verb.
//!
//! Go: apiserver/pkg/endpoints/{groupversion,installer}.go, and what go-restful does with their routes
//!
//! Go registers a route for every path and method. The paths of resources have one form, which
//! RequestInfo has read already; so here a route is a look-up of resource, sub-resource and verb,
//! and the answers of a router that finds none are made by hand.

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{api::errors::StatusError, meta::options::PatchType, runtime::schema::GroupVersion};
use http::Method;
use phase::BoxFuture;

use crate::{
    endpoints::{
        codec::Codec,
        discovery::{self, resources},
        handlers::{self, Verb, respond, scope::RequestScope},
        negotiation::{self, BUILT_IN, MediaType},
    },
    registry::rest::Storage,
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
};

/// The resources of one group at one version.
///
/// Go: APIGroupVersion
pub struct APIGroupVersion {
    /// The group and the version.
    pub group_version: GroupVersion,
    /// Writes the list of resources.
    documents: Arc<dyn Codec>,
    /// By `resource` or `resource/subresource`.
    routes: BTreeMap<String, Route>,
}

/// What is installed under one name.
struct Route {
    scope: RequestScope,
    verbs: Vec<Verb>,
}

impl APIGroupVersion {
    /// Installs resources: a verb for everything that a storage can do.
    pub fn new(
        group_version: GroupVersion,
        documents: Arc<dyn Codec>,
        scopes: impl IntoIterator<Item = RequestScope>,
    ) -> Self {
        let routes = scopes.into_iter().map(|scope| {
            let verbs = verbs(&*scope.storage);
            (path(&scope.resource.resource, &scope.subresource), Route { scope, verbs })
        });
        Self { group_version, documents, routes: routes.collect() }
    }

    /// Returns what is installed, by path, with its verbs.
    pub fn installed(&self) -> impl Iterator<Item = (&RequestScope, &[Verb])> {
        self.routes.values().map(|route| (&route.scope, route.verbs.as_slice()))
    }

    /// Returns the path below which everything lies: `/api/v1`, `/apis/apps/v1`.
    pub fn root_path(&self) -> String {
        match self.group_version.group.as_str() {
            "" => format!("/api/{}", self.group_version.version),
            group => format!("/apis/{group}/{}", self.group_version.version),
        }
    }

    /// Finds the route of a request, or the answer of a router that has none.
    fn route(&self, cx: &Context) -> Result<(&RequestScope, Verb), StatusError> {
        let info = &cx.info;
        let route = self.routes.get(&path(&info.resource, &info.subresource));
        let route = route.filter(|route| route.fits(cx)).ok_or_else(responses::route_not_found)?;
        let verb = route.verb(cx).ok_or_else(responses::method_not_allowed)?;
        route.check_media_types(cx, verb)?;
        Ok((&route.scope, verb))
    }
}

impl Handler for APIGroupVersion {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            if cx.info.path.trim_end_matches('/') == self.root_path() {
                return discovery::document(&*self.documents, cx, || resources::api_resource_list(self)).await;
            }
            match self.route(cx) {
                Ok((scope, verb)) => handlers::serve(scope, verb, cx).await,
                Err(error) => respond::refusal(&*self.documents, BUILT_IN, cx, &error).await,
            }
        })
    }
}

fn path(resource: &str, subresource: &str) -> String {
    if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") }
}

/// Returns the verbs that a storage can do.
///
/// Go: installer.go registerResourceHandlers
pub fn verbs(storage: &dyn Storage) -> Vec<Verb> {
    let verbs = [
        (Verb::Create, storage.creater().is_some()),
        (Verb::Get, storage.getter().is_some() || storage.streamer().is_some()),
        (Verb::List, storage.lister().is_some()),
        (Verb::Watch, storage.watcher().is_some()),
        (Verb::Update, storage.updater().is_some()),
        // A patch is an update of what is there.
        (Verb::Patch, storage.updater().is_some() && storage.getter().is_some()),
        (Verb::Delete, storage.graceful_deleter().is_some()),
        (Verb::DeleteCollection, storage.collection_deleter().is_some()),
        (Verb::Connect, storage.connecter().is_some()),
    ];
    verbs.into_iter().filter(|(_, can)| *can).map(|(verb, _)| verb).collect()
}

impl Route {
    /// Says whether the path has as many parts, and a namespace where one belongs.
    fn fits(&self, cx: &Context) -> bool {
        let (info, scope) = (&cx.info, &self.scope);
        let most = match (scope.subresource.is_empty(), scope.storage.connecter()) {
            (true, _) => 2,
            (false, Some(connecter)) if connecter.takes_path() => usize::MAX,
            (false, _) => 3,
        };
        let namespaced = scope.storage.namespace_scoped();
        // Reviews and bindings are only created: nothing has a path of its own.
        let single = info.parts.len() > 1 && scope.subresource.is_empty();
        let addressed = [Verb::Get, Verb::Update, Verb::Patch, Verb::Delete];
        if single && !self.verbs.iter().any(|verb| addressed.contains(verb)) {
            return false;
        }
        // A namespace is in its own namespace, and its path does not say so.
        let in_namespace = !info.namespace.is_empty() && info.resource != "namespaces";
        // What is selected by its name has one, too, without standing in the path.
        let listed = self.verbs.contains(&Verb::List) && info.parts.len() == 1;
        let whole_cluster = namespaced && listed && info.namespace.is_empty();
        info.verb != "proxy" && info.parts.len() <= most && (namespaced == in_namespace || whole_cluster)
    }

    /// Says what a method means here; `None` where nothing.
    fn verb(&self, cx: &Context) -> Option<Verb> {
        let wanted = if self.scope.storage.connecter().is_some() { self.connect(cx) } else { self.plain(cx) };
        wanted.filter(|verb| self.verbs.contains(verb))
    }

    fn connect(&self, cx: &Context) -> Option<Verb> {
        let accepts = self.scope.storage.connecter().is_some_and(|connecter| connecter.methods().contains(&cx.method));
        accepts.then_some(Verb::Connect)
    }

    fn plain(&self, cx: &Context) -> Option<Verb> {
        let one = !cx.info.name.is_empty() && cx.info.parts.len() > 1;
        // The older way to watch: /api/v1/watch/pods, and one object by its name.
        if cx.info.verb == "watch" && cx.method == Method::GET && self.scope.subresource.is_empty() {
            return Some(Verb::Watch);
        }
        Some(match (&cx.method, one) {
            (&Method::POST, one) if one != self.scope.subresource.is_empty() => Verb::Create,
            (&Method::POST, _) => return None,
            (&Method::GET, true) => Verb::Get,
            (&Method::GET, false) => Verb::List,
            (&Method::PUT, true) => Verb::Update,
            (&Method::PATCH, true) => Verb::Patch,
            (&Method::DELETE, true) => Verb::Delete,
            (&Method::DELETE, false) => Verb::DeleteCollection,
            _ => return None,
        })
    }

    /// Refuses what no route of the path produces or takes.
    ///
    /// Go: emicklei/go-restful/v3 RouterJSR311.detectRoute
    fn check_media_types(&self, cx: &Context, verb: Verb) -> Result<(), StatusError> {
        let scope = &self.scope;
        if verb == Verb::Patch {
            let content_type = negotiation::media_type_of(cx.header("content-type"));
            if !scope.patch_types.iter().any(|patch_type: &PatchType| patch_type.media_type() == content_type) {
                return Err(responses::without_details(415, "UnsupportedMediaType", "415: Unsupported Media Type"));
            }
        }
        let streamed = scope.storage.streamer().map(crate::registry::rest::Streamer::produces);
        let mut produced: Vec<&str> = streamed.into_iter().collect();
        produced.extend(scope.media_types.iter().map(|media| media.as_str()));
        if matches!(verb, Verb::List | Verb::Watch) {
            produced.extend(scope.media_types.iter().copied().filter_map(MediaType::streaming));
        }
        if verb == Verb::Connect || negotiation::matches_accept(cx.header("accept"), &produced) {
            return Ok(());
        }
        Err(responses::not_acceptable(&produced))
    }
}
