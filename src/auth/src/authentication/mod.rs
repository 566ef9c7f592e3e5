//! Who is asking.
//!
//! Go: apiserver/pkg/authentication/authenticator/interfaces.go
//!
//! ```text
//! union (loopback token first, then whatever recognised nobody falls through)
//!   fail-on-error union
//!     authenticated group adder
//!       union
//!         front proxy    client certificate of the proxy, names from headers     `headerrequest`
//!         x509           client certificate, name from CN, groups from O         `x509`
//!         bearer token   Authorization: Bearer ...                               `bearertoken`
//!           token cache
//!             token union: file, service account, ...                            `tokenfile`, `serviceaccount`
//!         websocket      the same token in Sec-WebSocket-Protocol                `websocket`
//!     anonymous
//! ```
//!
//! A credential that is presented and bad is an error and ends in 401: nobody falls back to anonymous with it.
//! Read in this order.

pub mod anonymous;
pub mod audiences;
pub mod bearertoken;
pub mod ca_bundle;
pub mod cache;
pub mod config;
pub mod group;
pub mod headerrequest;
pub mod serviceaccount;
pub mod tokenfile;
pub mod union;
pub mod version1;
pub mod websocket;
pub mod x509;

use std::collections::BTreeMap;

use http::HeaderMap;
use phase::{BoxFuture, trace::Trace};
use rustls_pki_types::CertificateDer;

use crate::user;

/// What an authenticator may look at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The path of the request.
    pub path: &'a str,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The certificates the client presented, leaf first; not verified yet.
    pub peer_certificates: &'a [CertificateDer<'static>],
    /// The audiences one of which the credential must be good for; empty: any. A request to the server asks for
    /// the server's own, a TokenReview for those in its spec.
    pub audiences: &'a [String],
    /// The trace of the request; whoever runs several authenticators enters a phase for each.
    pub trace: &'a Trace,
}

/// Someone was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Who.
    pub user: user::Info,
    /// The audiences the credential is good for and that were asked for; empty: those of the API server.
    pub audiences: Vec<String>,
    /// Annotations for the audit event, by full key.
    pub annotations: BTreeMap<String, String>,
}

impl Response {
    /// Returns a user without a word on audiences.
    pub fn new(user: user::Info) -> Self {
        Self { user, audiences: Vec::new(), annotations: BTreeMap::new() }
    }
}

/// A credential was presented and is bad; the sentence is for the log, the client only sees 401.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// What an authenticator says: someone, no opinion, or a bad credential.
pub type Outcome = Result<Option<Response>, Error>;

/// Recognises a request, has no opinion (`None`), or rejects its credential.
///
/// Go: apiserver/pkg/authentication/authenticator/interfaces.go Request
pub trait Authenticator: Send + Sync {
    /// The name under which the phase is shown: `x509`, `bearer-token`, `anonymous`... Empty for one that only groups
    /// others: they show themselves.
    fn name(&self) -> &'static str;
    /// Looks at one request.
    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Outcome>;
}

/// The same for a bearer token, which was found in the request or is the subject of a TokenReview.
///
/// Go: apiserver/pkg/authentication/authenticator/interfaces.go Token
pub trait TokenAuthenticator: Send + Sync {
    /// The name under which the phase is shown: `token-file`, `service-account`... Empty for a group.
    fn name(&self) -> &'static str;
    /// Looks at one token. Of `request` only the audiences and the trace matter.
    fn authenticate_token<'a>(&'a self, token: &'a str, request: Request<'a>) -> BoxFuture<'a, Outcome>;
}
