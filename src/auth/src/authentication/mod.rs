//! Who is asking.
//!
//! Go: apiserver/pkg/authentication/authenticator/interfaces.go

use http::HeaderMap;
use phase::{BoxFuture, trace::Trace};
use rustls_pki_types::CertificateDer;

use crate::user;

/// What an authenticator may look at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The certificates the client presented, leaf first; not verified yet.
    pub peer_certificates: &'a [CertificateDer<'static>],
    /// Whether the request asks for an upgrade whose `Sec-WebSocket-Protocol` may carry a token.
    pub trace: &'a Trace,
}

/// Someone was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Who.
    pub user: user::Info,
    /// The audiences the credential is good for and that were asked for; empty: those of the API server.
    pub audiences: Vec<String>,
}

/// A credential was presented and is bad; the sentence is for the log, the client only sees 401.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Recognises a request, has no opinion (`None`), or rejects its credential.
///
/// Go: apiserver/pkg/authentication/authenticator/interfaces.go Request
pub trait Authenticator: Send + Sync {
    /// The name under which the phase is shown: `x509`, `token-file`, `anonymous`...
    fn name(&self) -> &'static str;
    /// Looks at one request.
    fn authenticate_request<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Option<Response>, Error>>;
}

/// The same for a bearer token alone.
///
/// Go: apiserver/pkg/authentication/authenticator/interfaces.go Token
pub trait TokenAuthenticator: Send + Sync {
    /// The name under which the phase is shown.
    fn name(&self) -> &'static str;
    /// Looks at one token; `audiences` are those that would be acceptable, empty: the API server's own.
    fn authenticate_token<'a>(
        &'a self,
        token: &'a str,
        audiences: &'a [String],
    ) -> BoxFuture<'a, Result<Option<Response>, Error>>;
}
