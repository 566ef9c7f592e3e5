//! Nobody in particular.
//!
//! Go: apiserver/pkg/authentication/request/anonymous/anonymous.go

use phase::BoxFuture;

use crate::{
    authentication::{Authenticator, Outcome, Request, Response},
    user,
};

/// Takes everyone for `system:anonymous`, everywhere or on some paths only.
pub struct Anonymous {
    /// The only paths on which anonymous requests are let through; empty: all.
    paths: Vec<String>,
}

impl Anonymous {
    /// Lets anonymous requests through on `paths`; empty: everywhere.
    ///
    /// `paths` are the `anonymous.conditions[].path` of the authentication configuration.
    pub fn new(paths: Vec<String>) -> Self {
        Self { paths }
    }
}

impl Authenticator for Anonymous {
    fn name(&self) -> &'static str {
        "anonymous"
    }

    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if !self.paths.is_empty() && !self.paths.iter().any(|path| path == request.path) {
                return Ok(None);
            }
            Ok(Some(Response { audiences: request.audiences.to_vec(), ..Response::new(user::Info::anonymous()) }))
        })
    }
}
