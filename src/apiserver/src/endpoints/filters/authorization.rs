//! May they.
//!
//! Go: apiserver/pkg/endpoints/filters/authorization.go

use std::sync::Arc;

use apimachinery::{
    api::errors::{Details, StatusError},
    fields, labels,
};
use auth::authorization::{Attributes, Authorizer, Decision};
use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};

use crate::{
    endpoints::{codec::Codec, filters::refusal::refuse},
    request::{
        context::Context,
        handler::{Filter, Next, Response},
        latency::Layer,
        responses,
    },
};

/// The annotation that says how it was decided.
const DECISION_ANNOTATION: &str = "authorization.k8s.io/decision";
/// The annotation that says why.
const REASON_ANNOTATION: &str = "authorization.k8s.io/reason";

/// Lets pass what the authorizer allows; answers 403 to everything else.
///
/// Go: apiserver/pkg/endpoints/filters/authorization.go WithAuthorization
pub struct WithAuthorization {
    authorizer: Arc<dyn Authorizer>,
    /// Writes refusals.
    codec: Arc<dyn Codec>,
}

impl WithAuthorization {
    /// Returns the filter.
    pub fn new(authorizer: Arc<dyn Authorizer>, codec: Arc<dyn Codec>) -> Self {
        Self { authorizer, codec }
    }
}

impl Filter for WithAuthorization {
    fn phase(&self) -> Phase {
        Phase::Authorization
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let attributes = get_authorizer_attributes(cx);
            let since = cx.services.clock.now();
            let verdict = self.authorizer.authorize(&cx.trace, &attributes).await;
            cx.latency.add(Layer::Authorization, cx.services.clock.now().saturating_sub(since));
            // An authorizer that failed on the way may still have allowed: another one knew enough.
            if verdict.decision == Decision::Allow {
                cx.annotate(DECISION_ANNOTATION, "allow");
                cx.annotate(REASON_ANNOTATION, verdict.reason);
                return next.run(cx).await;
            }
            if let Some(error) = verdict.error {
                cx.annotate(REASON_ANNOTATION, "internal error");
                return responses::internal_error(cx, error);
            }
            tracing::debug!("Forbidden: {} {}: {}", cx.method, cx.request_uri(), verdict.reason);
            cx.annotate(DECISION_ANNOTATION, "forbid");
            cx.annotate(REASON_ANNOTATION, verdict.reason.clone());
            forbidden(&*self.codec, cx, &attributes, &verdict.reason).await
        })
    }
}

/// Returns what the authorizer is asked about a request.
///
/// Go: apiserver/pkg/endpoints/filters/authorization.go GetAuthorizerAttributes
pub fn get_authorizer_attributes(cx: &Context) -> Attributes {
    let info = &cx.info;
    let mut attributes = Attributes {
        user: cx.user(),
        verb: info.verb.clone(),
        resource_request: info.is_resource_request,
        path: info.path.clone(),
        ..Attributes::default()
    };
    if info.is_resource_request {
        attributes.namespace.clone_from(&info.namespace);
        attributes.api_group.clone_from(&info.api_group);
        attributes.api_version.clone_from(&info.api_version);
        attributes.resource.clone_from(&info.resource);
        attributes.subresource.clone_from(&info.subresource);
        attributes.name.clone_from(&info.name);
        attributes.field_selector = field_requirements(&info.field_selector);
        attributes.label_selector = label_requirements(&info.label_selector);
    }
    attributes
}

/// Parses a field selector; what cannot be read restricts nothing, and the handler will refuse it.
fn field_requirements(selector: &str) -> Vec<(String, String, String)> {
    let parsed = fields::Selector::parse(selector).unwrap_or_else(|_| fields::Selector::everything());
    let operator = |operator| match operator {
        fields::Operator::Equals => "=",
        fields::Operator::NotEquals => "!=",
    };
    parsed.0.into_iter().map(|term| (term.field, operator(term.operator).to_owned(), term.value)).collect()
}

/// The same for a label selector.
fn label_requirements(selector: &str) -> Vec<(String, String, Vec<String>)> {
    if selector.is_empty() {
        return Vec::new();
    }
    let Ok(parsed) = labels::parser::parse(selector) else { return Vec::new() };
    let requirements = parsed.requirements().unwrap_or_default().iter();
    requirements.map(|term| (term.key.clone(), term.operator.as_str().to_owned(), term.values.clone())).collect()
}

/// Answers 403 as every client of Kubernetes knows it.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/errors.go Forbidden
pub async fn forbidden(codec: &dyn Codec, cx: &Context, attributes: &Attributes, reason: &str) -> Response {
    let mut response = refuse(codec, cx, &forbidden_status_error(attributes, reason)).await;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Returns the error behind a 403.
///
/// Go: apiserver/pkg/endpoints/handlers/responsewriters/errors.go ForbiddenStatusError
pub fn forbidden_status_error(attributes: &Attributes, reason: &str) -> StatusError {
    let mut message = forbidden_message(attributes);
    if !reason.is_empty() {
        message = format!("{message}: {reason}");
    }
    if !attributes.resource_request {
        return responses::without_details(403, "Forbidden", format!("forbidden: {message}"));
    }
    let qualified = if attributes.api_group.is_empty() {
        attributes.resource.clone()
    } else {
        format!("{}.{}", attributes.resource, attributes.api_group)
    };
    let name = &attributes.name;
    let what = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
    StatusError {
        details: Some(Box::new(Details {
            name: name.clone(),
            group: attributes.api_group.clone(),
            kind: attributes.resource.clone(),
            ..Details::default()
        })),
        ..StatusError::new(403, "Forbidden", format!("{what} is forbidden: {message}"))
    }
}

/// Go: apiserver/pkg/endpoints/handlers/responsewriters/errors.go forbiddenMessage
fn forbidden_message(attributes: &Attributes) -> String {
    let user = responses::escape_html(&attributes.user.name);
    let verb = responses::escape_html(&attributes.verb);
    if !attributes.resource_request {
        return format!("User {user:?} cannot {verb} path {:?}", responses::escape_html(&attributes.path));
    }
    let mut resource = attributes.resource.clone();
    if !attributes.subresource.is_empty() {
        resource = format!("{resource}/{}", attributes.subresource);
    }
    let resource = responses::escape_html(&resource);
    let group = responses::escape_html(&attributes.api_group);
    let scope = if attributes.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", responses::escape_html(&attributes.namespace))
    };
    format!("User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}")
}

#[cfg(test)]
mod tests {
    use auth::{authorization::Verdict, user};
    use phase::trace::Trace;

    use super::*;
    use crate::{endpoints::codec::UntypedCodec, request::testing};

    struct Says(Verdict);

    impl Authorizer for Says {
        fn name(&self) -> &'static str {
            "says"
        }

        fn authorize<'a>(&'a self, _: &'a Trace, _: &'a Attributes) -> BoxFuture<'a, Verdict> {
            let verdict = self.0.clone();
            Box::pin(async { verdict })
        }
    }

    async fn refusal(path: &str) -> serde_json::Value {
        let mut cx = testing::context("GET", path);
        cx.user = Some(Arc::new(user::Info::new("a<b", &[])));
        let filter = WithAuthorization::new(Arc::new(Says(Verdict::deny("no such role"))), Arc::new(UntypedCodec));
        let response = testing::run(filter, &testing::ok(), &mut cx).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        serde_json::from_str(&testing::body(response).await).expect("json")
    }

    #[tokio::test]
    async fn a_refusal_says_who_what_where_and_why() {
        let status = refusal("/apis/apps/v1/namespaces/shop/deployments/web/status").await;
        assert_eq!(
            status["message"],
            "deployments.apps \"web\" is forbidden: User \"a&lt;b\" cannot get resource \"deployments/status\" \
             in API group \"apps\" in the namespace \"shop\": no such role"
        );
        assert_eq!(status["details"], serde_json::json!({"name": "web", "group": "apps", "kind": "deployments"}));
        let status = refusal("/metrics").await;
        assert_eq!(status["message"], "forbidden: User \"a&lt;b\" cannot get path \"/metrics\": no such role");
        assert_eq!(status["details"], serde_json::json!({}));
    }

    #[tokio::test]
    async fn what_is_allowed_passes_and_says_why() {
        let mut cx = testing::context("GET", "/api/v1/pods");
        let filter = WithAuthorization::new(Arc::new(Says(Verdict::allow("because"))), Arc::new(UntypedCodec));
        assert_eq!(testing::run(filter, &testing::ok(), &mut cx).await.status(), 200);
        assert_eq!(cx.audit_annotations.lock()[REASON_ANNOTATION], "because");
    }

    #[test]
    fn selectors_reach_the_authorizer() {
        let cx = testing::context("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1&labelSelector=a%20in%20(b)");
        let attributes = get_authorizer_attributes(&cx);
        assert_eq!(attributes.field_selector, [("spec.nodeName".to_owned(), "=".to_owned(), "n1".to_owned())]);
        assert_eq!(attributes.label_selector, [("a".to_owned(), "in".to_owned(), vec!["b".to_owned()])]);
    }
}
