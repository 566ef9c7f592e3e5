//! TokenReview: whose token is this, and is it good for these audiences.
//!
//! Go: pkg/registry/authentication/tokenreview/storage.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::object::{Object, strings},
};
use apiserver::{registry::rest, request::context::Context};
use auth::authentication::{Authenticator, Request};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::registry::{authentication::selfsubjectreview::user_info, review::Reviewer};

/// Asks the server's own authenticator.
pub struct TokenReview {
    /// The authenticator that requests go through.
    pub authenticator: Arc<dyn Authenticator>,
    /// The audiences of the API server: the acceptable ones where a review names none.
    pub api_audiences: Vec<String>,
}

impl Reviewer for TokenReview {
    fn review<'a>(&'a self, cx: &'a Context, mut object: Object) -> BoxFuture<'a, rest::Result<Object>> {
        Box::pin(async move {
            let token = object.str(&["spec", "token"]).to_owned();
            if token.is_empty() {
                return Err(StatusError::new_bad_request("token is required for TokenReview in authentication"));
            }
            let asked: Vec<String> =
                strings(object.get(&["spec", "audiences"])).into_iter().map(str::to_owned).collect();
            let status = self.status(cx, &token, &asked).await;
            object.set(&["status"], status);
            Ok(object)
        })
    }
}

impl TokenReview {
    /// Authenticates a made-up request that carries nothing but the token.
    async fn status(&self, cx: &Context, token: &str, asked: &[String]) -> Value {
        let mut headers = HeaderMap::new();
        let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) else {
            return json!({"user": {}, "error": "invalid bearer token"});
        };
        headers.insert(AUTHORIZATION, value);
        let wanted = if asked.is_empty() { &self.api_audiences } else { asked };
        let request = Request {
            headers: &headers,
            peer_certificates: &[],
            path: cx.uri.path(),
            audiences: wanted,
            trace: &cx.trace,
        };
        match self.authenticator.authenticate_request(request).await {
            Err(error) => json!({"user": {}, "error": error.to_string()}),
            Ok(None) => json!({"user": {}}),
            Ok(Some(response)) => {
                let good: Vec<&String> =
                    asked.iter().filter(|audience| response.audiences.contains(audience)).collect();
                if !asked.is_empty() && good.is_empty() && !response.audiences.is_empty() {
                    return json!({"user": {}});
                }
                let mut status = json!({"authenticated": true, "user": user_info(&response.user)});
                let audiences = if asked.is_empty() { json!(response.audiences) } else { json!(good) };
                if audiences.as_array().is_some_and(|audiences| !audiences.is_empty()) {
                    status["audiences"] = audiences;
                }
                status
            }
        }
    }
}
