//! The transport to whatever host a request's URI names: kubelets, pods, endpoints of services.
//!
//! Go: net/http Transport, as pkg/kubelet/client and the proxy sub-resources use it

use std::{fmt, sync::Arc};

use http::{Request, Response, Version, header, uri::Scheme};
use http_body_util::BodyExt;
use phase::BoxFuture;

use crate::{
    outside,
    tls::{self, Pool, TLSConfig, Versions},
    transport::{Body, BodyError, Error, Transport},
};

/// Connections to any number of hosts, all with the same credentials.
pub struct Anywhere {
    both: Pool,
    http1: Pool,
}

impl fmt::Debug for Anywhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anywhere").finish_non_exhaustive()
    }
}

impl Anywhere {
    /// Reads certificates and keys.
    ///
    /// Simplified: a certificate that is renewed in its file is read again only when the server starts again.
    pub fn new(config: &TLSConfig) -> Result<Self, String> {
        Ok(Self {
            both: tls::pool(config, Arc::new(tls::dial_host), Versions::Both)?,
            http1: tls::pool(config, Arc::new(tls::dial_host), Versions::Http1)?,
        })
    }
}

impl Transport for Anywhere {
    /// Here the URI is absolute.
    fn send(&self, mut request: Request<Body>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        Box::pin(async move {
            let upgrade = request.headers().contains_key(header::UPGRADE);
            let plain = request.uri().scheme() == Some(&Scheme::HTTP);
            *request.version_mut() = Version::HTTP_11;
            let pool = if upgrade || plain { &self.http1 } else { &self.both };
            let _asked = outside::asked();
            let response = pool.request(request).await.map_err(|error| Error::Unreachable(tls::cause(&error)))?;
            Ok(response.map(|body| body.map_err(|error| Box::new(error) as BodyError).boxed_unsync()))
        })
    }
}
