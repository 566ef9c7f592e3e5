//! One file per verb, and what they share.
//!
//! Go: apiserver/pkg/endpoints/handlers
//!
//! ```text
//!   serve            enters the verb's phase, answers errors
//!     create.rs ...  the steps of one verb, in order
//!       scope.rs     the steps themselves: negotiate, read_body, decode, convert, manage_fields
//!       admission.rs the two passes of admission
//!       respond.rs   objects and errors into bytes
//! ```
//!
//! Read [`create`] first: it has every step of a write.

use http::Method;
use phase::catalog::Phase;

use crate::{
    endpoints::handlers::scope::RequestScope,
    request::{
        context::Context,
        handler::{self, Response},
    },
};

pub mod scope;

pub mod admission;

pub mod respond;

mod parts_body;

mod protobuf_parts;

mod transform;

mod watch_body;

mod create;

mod get;

mod list;

mod watch;

mod update;

mod patch;

mod patchers;

mod delete;

mod deletecollection;

mod connect;

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// POST on a collection, or on some sub-resources.
    Create,
    /// GET of an object.
    Get,
    /// GET of a collection.
    List,
    /// GET of a collection with `watch`.
    Watch,
    /// PUT
    Update,
    /// PATCH
    Patch,
    /// DELETE of an object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
    /// exec, proxy and the like, with any method the resource accepts.
    Connect,
}

impl Verb {
    /// Returns the verb as discovery and RBAC spell it; connecting is what its method means elsewhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Connect => "connect",
        }
    }

    fn phase(self) -> Phase {
        match self {
            Self::Create => Phase::Create,
            Self::Get => Phase::Get,
            Self::List => Phase::List,
            Self::Watch => Phase::Watch,
            Self::Update => Phase::Update,
            Self::Patch => Phase::Patch,
            Self::Delete => Phase::Delete,
            Self::DeleteCollection => Phase::DeleteCollection,
            Self::Connect => Phase::Connect,
        }
    }
}

/// Answers one request of a route: the one place that enters the phase of a verb.
pub async fn serve(scope: &RequestScope, verb: Verb, cx: &mut Context) -> Response {
    let trace = cx.trace.clone();
    let phase = match trace.enter(verb.phase(), cx).await {
        Ok(phase) => phase,
        Err(interrupted) => return handler::interrupted_response(interrupted),
    };
    if let Some(warning) = scope.storage.deprecation_warning() {
        cx.warnings.add(warning);
    }
    let result = match verb {
        Verb::Create => create::create(scope, cx).await,
        Verb::Get => get::get(scope, cx).await,
        Verb::List => list::list(scope, cx).await,
        Verb::Watch => watch::watch(scope, cx).await,
        Verb::Update => update::update(scope, cx).await,
        Verb::Patch => patch::patch(scope, cx).await,
        Verb::Delete => delete::delete(scope, cx).await,
        Verb::DeleteCollection => deletecollection::delete_collection(scope, cx).await,
        Verb::Connect => connect::connect(scope, cx).await,
    };
    let refused = result.is_err();
    let mut response = match result {
        Ok(response) => response,
        Err(error) => respond::error(scope, cx, &error).await,
    };
    if cx.method == Method::HEAD {
        *response.body_mut() = client::transport::empty();
    }
    handler::end(phase, &response, refused);
    response
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
