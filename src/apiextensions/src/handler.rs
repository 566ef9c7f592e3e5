//! Who answers below `/apis/GROUP/VERSION` for groups that are made of definitions.
//!
//! ```text
//!   /apis/GROUP, /apis/GROUP/VERSION      discovery
//!   /apis/GROUP/VERSION/RESOURCE...       definition served? -> its routes -> the handlers of all resources
//!   anything that no definition describes -> the next server
//! ```
//!
//! Simplified: the first object is taken at once; kube-apiserver lets it wait for up to two seconds after the definition
//! was established, for the sake of other servers that do not know yet.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/customresource_handler.go crdHandler

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    endpoints::handlers::{self, Verb, respond, scope::RequestScope},
    request::{
        context::Context,
        handler::{Handler, Response},
    },
};
use client::cache::{informer::EventHandler, store::Store};
use parking_lot::Mutex;
use phase::BoxFuture;

use crate::{
    definition::{Definition, ESTABLISHED, NAMES_ACCEPTED, TERMINATING},
    discovery::Discovery,
    serving::{Environment, ServedVersion, ServingInfo},
};

/// The verbs that may leave the namespace out: they then mean all of them.
///
/// Go: possiblyAcrossAllNamespacesVerbs
const ACROSS_NAMESPACES: [&str; 2] = ["list", "watch"];

/// The definitions that are served, and their routes.
///
/// Go: crdHandler.customStorage
pub struct Serving {
    environment: Environment,
    /// The local copy of all definitions.
    definitions: Arc<Store>,
    /// By uid. Entries are made on demand, and go when their definition changes or goes.
    infos: Mutex<BTreeMap<String, Arc<ServingInfo>>>,
}

impl Serving {
    /// Serves nothing yet.
    pub fn new(environment: Environment, definitions: Arc<Store>) -> Self {
        Self { environment, definitions, infos: Mutex::default() }
    }

    /// Returns a definition by `RESOURCE.GROUP`.
    pub fn definition(&self, name: &str) -> Option<Definition> {
        self.definitions.get("", name).map(|object| Definition::of(&object))
    }

    /// Returns all definitions, by name.
    pub fn definitions(&self) -> Vec<Definition> {
        self.definitions.list().iter().map(|object| Definition::of(object)).collect()
    }

    /// Returns the routes of a definition, making them if need be. `None`: its names are not accepted yet.
    ///
    /// Go: getOrCreateServingInfoFor
    pub fn info(&self, definition: &Definition) -> Option<Arc<ServingInfo>> {
        if definition.status.accepted_names.plural.is_empty() || definition.storage_version().is_none() {
            return None;
        }
        let mut infos = self.infos.lock();
        if let Some(info) = infos.get(&definition.uid).filter(|info| info.is_of(definition)) {
            return Some(info.clone());
        }
        let info = Arc::new(ServingInfo::new(&self.environment, definition));
        infos.insert(definition.uid.clone(), info.clone());
        Some(info)
    }

    /// Throws the routes of a definition away that has changed.
    ///
    /// Go: updateCustomResourceDefinition, removeDeadStorage
    fn forget(&self, old: &Object, new: Option<&Object>) {
        let mut infos = self.infos.lock();
        let stale = infos.get(old.uid()).is_some_and(|info| !new.is_some_and(|new| info.is_of(&Definition::of(new))));
        if stale {
            infos.remove(old.uid());
        }
        let (old, new) = (Definition::of(old), new.map(Definition::of));
        for version in &old.spec.versions {
            if !new.as_ref().is_some_and(|new| new.serves(&version.name)) {
                self.environment.equivalents.forget(&old.gvr(&version.name));
            }
        }
    }
}

impl EventHandler for Serving {
    fn on_add(&self, object: &Arc<Object>) {
        self.forget(object, Some(object));
    }

    fn on_update(&self, old: &Arc<Object>, new: &Arc<Object>) {
        if old.uid() == new.uid() {
            self.forget(old, Some(new));
        } else {
            self.forget(old, None);
        }
    }

    fn on_delete(&self, object: &Arc<Object>) {
        self.forget(object, None);
    }
}

/// Answers requests for custom resources.
///
/// Go: crdHandler
pub struct CRDHandler {
    /// What is served.
    pub serving: Arc<Serving>,
    /// Answers at groups and versions.
    pub discovery: Discovery,
    /// The next server.
    pub delegate: Arc<dyn Handler>,
}

impl Handler for CRDHandler {
    /// Go: crdHandler.ServeHTTP
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            if !cx.info.is_resource_request {
                return match self.discovery.respond(&self.serving, cx).await {
                    Some(response) => response,
                    None => self.delegate.serve(cx).await,
                };
            }
            let Some((definition, info)) = self.find(cx) else { return self.delegate.serve(cx).await };
            let Some(version) = info.versions.get(&cx.info.api_version) else { return self.delegate.serve(cx).await };
            if let Some(warning) = &version.warning {
                cx.warnings.add(warning.as_str());
            }
            info.open(version).await;
            let going = definition.deleting || definition.is_true(TERMINATING);
            match route(version, going, cx) {
                Ok((scope, verb)) => handlers::serve(scope, verb, cx).await,
                Err(error) => respond::error(&version.scope, cx, &error).await,
            }
        })
    }
}

impl CRDHandler {
    /// Finds the definition that describes a request, if it is served.
    fn find(&self, cx: &Context) -> Option<(Definition, Arc<ServingInfo>)> {
        let request = &cx.info;
        let definition = self.serving.definition(&format!("{}.{}", request.resource, request.api_group))?;
        let in_namespace = !request.namespace.is_empty();
        let right_scope = match (definition.namespaced(), in_namespace) {
            (true, false) => ACROSS_NAMESPACES.contains(&request.verb.as_str()),
            (namespaced, in_namespace) => namespaced == in_namespace,
        };
        // Accepted names are enough: whoever establishes a definition waits until it can be used.
        let accepted = definition.is_true(NAMES_ACCEPTED) || definition.is_true(ESTABLISHED);
        if !right_scope || !accepted || !definition.serves(&request.api_version) {
            return None;
        }
        let info = self.serving.info(&definition)?;
        Some((definition, info))
    }
}

/// Says what is to be done with a request, or why nothing can be.
///
/// Go: serveResource, serveStatus, serveScale
fn route<'a>(version: &'a ServedVersion, going: bool, cx: &Context) -> Result<(&'a RequestScope, Verb), StatusError> {
    let request = &cx.info;
    let resource = version.scope.resource.group_resource();
    let (scope, verbs): (&RequestScope, &[&str]) = match request.subresource.as_str() {
        "" if going && matches!(request.verb.as_str(), "create" | "patch") => (&version.terminating, ALL_VERBS),
        "" => (&version.scope, ALL_VERBS),
        "status" => (version.status.as_ref().ok_or_else(|| not_found(version, cx))?, PART_VERBS),
        "scale" => (version.scale.as_ref().ok_or_else(|| not_found(version, cx))?, PART_VERBS),
        _ => return Err(not_found(version, cx)),
    };
    let known = verbs.contains(&request.verb.as_str()).then(|| verb(&request.verb)).flatten();
    match known {
        Some(verb) => Ok((scope, verb)),
        None => Err(StatusError::new_method_not_supported(&resource, &request.verb)),
    }
}

const ALL_VERBS: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const PART_VERBS: &[&str] = &["get", "update", "patch"];

fn not_found(version: &ServedVersion, cx: &Context) -> StatusError {
    StatusError::new_not_found(&version.scope.resource.group_resource(), &cx.info.name)
}

fn verb(name: &str) -> Option<Verb> {
    Some(match name {
        "get" => Verb::Get,
        "list" => Verb::List,
        "watch" => Verb::Watch,
        "create" => Verb::Create,
        "update" => Verb::Update,
        "patch" => Verb::Patch,
        "delete" => Verb::Delete,
        "deletecollection" => Verb::DeleteCollection,
        _ => return None,
    })
}

/// Lets nothing be created while the definition is on its way out, and asks the others about everything else.
///
/// Go: forbidCreateAdmission
pub struct ForbidCreateAdmission {
    /// The others.
    pub delegate: Option<Arc<dyn Interface>>,
}

impl ForbidCreateAdmission {
    fn check(&self, attributes: &Attributes) -> Result<(), StatusError> {
        if attributes.operation != Operation::Create {
            return Ok(());
        }
        let why = "create not allowed while custom resource definition is terminating";
        Err(StatusError::new_forbidden(&attributes.resource.group_resource(), &attributes.name, why))
    }
}

impl Interface for ForbidCreateAdmission {
    fn name(&self) -> &'static str {
        "ForbidCreate"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create || self.delegate.as_ref().is_some_and(|delegate| delegate.handles(operation))
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for ForbidCreateAdmission {
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            self.check(attributes)?;
            match self.delegate.as_deref().and_then(Interface::mutation) {
                Some(mutation) => mutation.admit(cx, attributes).await,
                None => Ok(()),
            }
        })
    }
}

impl ValidationInterface for ForbidCreateAdmission {
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            self.check(attributes)?;
            match self.delegate.as_deref().and_then(Interface::validation) {
                Some(validation) => validation.validate(cx, attributes).await,
                None => Ok(()),
            }
        })
    }
}
