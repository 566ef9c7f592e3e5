//! Who is asking.
//!
//! Go: apiserver/pkg/endpoints/filters/authentication.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use auth::{
    authentication::{
        self, Authenticator,
        headerrequest::{self, RequestHeaderConfig},
        websocket,
    },
    user,
};
use http::{HeaderValue, Version, header};
use phase::{BoxFuture, catalog::Phase};

use crate::{
    endpoints::{
        codec::Codec,
        filters::{
            audit::{self, Audit},
            refusal::refuse,
        },
    },
    request::{
        context::Context,
        handler::{Filter, Next, Response},
        latency::Layer,
    },
};

/// Recognises the user and takes the credentials off the request; answers 401 to bad ones.
///
/// Go: apiserver/pkg/endpoints/filters/authentication.go WithAuthentication
pub struct WithAuthentication {
    authenticator: Arc<dyn Authenticator>,
    api_audiences: Vec<String>,
    /// Where refusals are written down.
    audit: Option<Arc<Audit>>,
    /// How front proxies name users, to take that off the request, too.
    request_header_config: Option<RequestHeaderConfig>,
    /// Writes refusals.
    codec: Arc<dyn Codec>,
}

impl WithAuthentication {
    /// Returns the filter. `api_audiences` are those one of which a credential must be good for; empty: any.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        api_audiences: Vec<String>,
        request_header_config: Option<RequestHeaderConfig>,
        audit: Option<Arc<Audit>>,
        codec: Arc<dyn Codec>,
    ) -> Self {
        Self { authenticator, api_audiences, audit, request_header_config, codec }
    }

    /// Says whether the audiences that a credential is good for are among the server's; without a word on them it is.
    ///
    /// Go: apiserver/pkg/endpoints/filters/authentication.go audiencesAreAcceptable
    fn is_for_us(&self, audiences: &[String]) -> bool {
        self.api_audiences.is_empty()
            || audiences.is_empty()
            || audiences.iter().any(|audience| self.api_audiences.contains(audience))
    }

    /// Go: apiserver/pkg/endpoints/filters/authentication.go Unauthorized
    async fn unauthorized(&self, cx: &Context) -> Response {
        if let Some(audit) = &self.audit {
            audit::failed_authentication(audit, cx);
        }
        let error = StatusError::new(401, "Unauthorized", "Unauthorized");
        let mut response = refuse(&*self.codec, cx, &error).await;
        close_http2(cx, &mut response);
        response
    }

    /// Removes what names or proves a user, so that nobody behind can pass it on.
    fn remove_credentials(&self, cx: &mut Context) {
        cx.headers.remove(header::AUTHORIZATION);
        websocket::remove_token(&mut cx.headers);
        headerrequest::clear_authentication_headers(&mut cx.headers, self.request_header_config.as_ref());
    }
}

impl Filter for WithAuthentication {
    fn phase(&self) -> Phase {
        Phase::Authentication
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let request = authentication::Request {
                path: &cx.info.path,
                headers: &cx.headers,
                peer_certificates: &cx.peer_certificates,
                audiences: &self.api_audiences,
                trace: &cx.trace,
            };
            let since = cx.services.clock.now();
            let outcome = self.authenticator.authenticate_request(request).await;
            cx.latency.add(Layer::Authentication, cx.services.clock.now().saturating_sub(since));
            let recognised = match outcome {
                Ok(Some(response)) if self.is_for_us(&response.audiences) => {
                    response.annotations.iter().for_each(|(key, value)| cx.annotate(key, value));
                    response.user
                }
                Ok(Some(response)) => {
                    tracing::error!("Unable to match the audience: {:?}", response.audiences);
                    return self.unauthorized(cx).await;
                }
                Ok(None) => return self.unauthorized(cx).await,
                Err(error) => {
                    tracing::error!("Unable to authenticate the request: {error}");
                    cx.trace.note(format!("unable to authenticate: {error}"));
                    return self.unauthorized(cx).await;
                }
            };
            self.remove_credentials(cx);
            cx.trace.describe(|| {
                vec![("user".into(), recognised.name.clone()), ("groups".into(), recognised.groups.join(","))]
            });
            let anonymous = recognised.name == user::ANONYMOUS;
            cx.user = Some(Arc::new(recognised));
            let mut response = next.run(cx).await;
            if anonymous {
                close_http2(cx, &mut response);
            }
            response
        })
    }
}

/// A stranger does not get to open stream after stream on one connection.
///
/// Go: feature gate UnauthenticatedHTTP2DOSMitigation
fn close_http2(cx: &Context, response: &mut Response) {
    if cx.version == Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{endpoints::codec::UntypedCodec, request::testing};

    /// Knows one token, rejects others, and has no opinion without.
    struct OneToken;

    impl Authenticator for OneToken {
        fn name(&self) -> &'static str {
            "one-token"
        }

        fn authenticate_request<'a>(
            &'a self,
            request: authentication::Request<'a>,
        ) -> BoxFuture<'a, Result<Option<authentication::Response>, authentication::Error>> {
            let token = request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
            let answer = match token {
                Some(b"Bearer good") => Ok(Some(authentication::Response::new(user::Info::new("alice", &["devs"])))),
                Some(_) => Err(authentication::Error("invalid bearer token".to_owned())),
                None => Ok(None),
            };
            Box::pin(async { answer })
        }
    }

    async fn answer(headers: &[(&'static str, &'static str)], cx: &mut Context) -> Response {
        for (name, value) in headers {
            cx.headers.insert(*name, HeaderValue::from_static(value));
        }
        let filter = WithAuthentication::new(Arc::new(OneToken), Vec::new(), None, None, Arc::new(UntypedCodec));
        testing::run(filter, &testing::ok(), cx).await
    }

    #[tokio::test]
    async fn a_known_user_goes_on_without_credentials() {
        let mut cx = testing::context("GET", "/api");
        let headers =
            [("authorization", "Bearer good"), ("x-remote-extra-a", "b"), ("x-remote-user", "eve"), ("accept", "*/*")];
        assert_eq!(answer(&headers, &mut cx).await.status(), 200);
        assert_eq!(cx.user().name, "alice");
        assert_eq!(cx.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[tokio::test]
    async fn a_bad_credential_is_refused_and_so_is_none() {
        for headers in [&[("authorization", "Bearer bad")][..], &[]] {
            let mut cx = testing::context("GET", "/api");
            cx.version = Version::HTTP_2;
            let response = answer(headers, &mut cx).await;
            assert_eq!(
                (response.status().as_u16(), &response.headers()["connection"]),
                (401, &"close".parse().expect("v"))
            );
            assert!(!testing::body(response).await.contains("details"));
        }
    }
}
