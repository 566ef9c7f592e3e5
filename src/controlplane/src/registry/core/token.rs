//! `serviceaccounts/token`: a new token of a service account, for some audiences and some time.
//!
//! Go: pkg/registry/core/serviceaccount/storage/token.go

use std::sync::Arc;

use api::node::Node;
use apimachinery::{
    api::errors::StatusError,
    meta::{
        options::{GetOptions, WriteOptions},
        time,
    },
    runtime::{
        object::{Object, strings},
        schema::{GroupKind, GroupResource, GroupVersion, GroupVersionKind},
    },
    validation::field::{Error, ErrorList, Path},
};
use apiserver::{
    registry::{
        rest::{Answer, Creater, Getter, Result, Storage, Validation},
        store::Store,
    },
    request::context::Context,
};
use auth::authentication::serviceaccount::{
    claims::{self, Lifetime},
    jwt::TokenGenerator,
};
use phase::BoxFuture;
use serde_json::{Value, json};

/// The time that kubelets ask for. Tokens of this length live longer, while clients learn to read them again.
///
/// Go: pkg/serviceaccount/claims.go WarnOnlyBoundTokenExpirationSeconds
const WARN_ONLY_BOUND_TOKEN_EXPIRATION_SECONDS: i64 = 60 * 60 + 7;

/// How long those live.
///
/// Go: ExpirationExtensionSeconds
const EXPIRATION_EXTENSION_SECONDS: i64 = 24 * 365 * 60 * 60;

/// Who signs tokens, and within which limits.
///
/// Go: what NewREST of service accounts is given
#[derive(Debug)]
pub struct Issuer {
    /// Signs.
    pub generator: TokenGenerator,
    /// The audiences of the server: those of a request that names none.
    pub api_audiences: Vec<String>,
    /// `--service-account-max-token-expiration` in seconds; 0: no limit.
    pub max_expiration_seconds: i64,
    /// `--service-account-extend-token-expiration`
    pub extend_expiration: bool,
}

/// Makes tokens of the accounts of a store.
pub struct Token {
    /// Signs them.
    pub issuer: Arc<Issuer>,
    /// The accounts.
    pub service_accounts: Store,
    /// What a token may be bound to.
    pub pods: Store,
    /// What a token may be bound to.
    pub secrets: Store,
    /// What a token may be bound to.
    pub nodes: Store,
}

/// The objects that a token ends with.
#[derive(Default)]
struct Bound {
    pod: Option<Object>,
    secret: Option<Object>,
    node: Option<Object>,
}

impl Storage for Token {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest")
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn creater(&self) -> Option<&dyn Creater> {
        Some(self)
    }
}

impl Creater for Token {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        request: Object,
        validation: &'a dyn Validation,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            matches_url(cx, name, &request)?;
            let account = self.service_accounts.get(cx, name, &GetOptions::default()).await?.into_object();
            let mut request = self.complete(cx, request, &account);
            let errors = validate(&request);
            if !errors.is_empty() {
                return Err(StatusError::new_invalid(&kind(), "", errors));
            }
            request = validation.create(cx, request).await?;
            let bound = self.bound(cx, name, &request).await?;
            self.issue(cx, request, &account, &bound).map(Answer::Object)
        })
    }
}

fn kind() -> GroupKind {
    GroupKind { group: "authentication.k8s.io".to_owned(), kind: "TokenRequest".to_owned() }
}

/// Refuses a body that names another account than the URL.
fn matches_url(cx: &Context, name: &str, request: &Object) -> Result<()> {
    let metadata = Path::new("metadata");
    let fields = [("name", request.name(), name), ("namespace", request.namespace(), &*cx.info.namespace)];
    for (field, given, expected) in fields {
        if !given.is_empty() && given != expected {
            let text = format!("must match the service account {field} if specified");
            let errors = ErrorList(vec![Error::invalid(&metadata.child(field), given, text)]);
            return Err(StatusError::new_invalid(&kind(), name, errors));
        }
    }
    Ok(())
}

/// Go: pkg/apis/authentication/validation/validation.go ValidateTokenRequest
fn validate(request: &Object) -> ErrorList {
    const MIN: i64 = 10 * 60;
    let mut errors = ErrorList::new();
    let seconds = Node::of(request, "spec").child("expirationSeconds");
    if seconds.as_int() < MIN {
        errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
    }
    if seconds.as_int() > 1 << 32 {
        errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
    }
    errors
}

impl Token {
    /// Fills in what a request does not say.
    fn complete(&self, cx: &Context, mut request: Object, account: &Object) -> Object {
        if strings(request.get(&["spec", "audiences"])).is_empty() {
            request.set(&["spec", "audiences"], json!(self.issuer.api_audiences));
        }
        for field in ["name", "namespace", "uid"] {
            if request.str(&["metadata", field]).is_empty() {
                request.set(&["metadata", field], account.str(&["metadata", field]));
            }
        }
        request.set(&["metadata", "creationTimestamp"], time::rfc3339(cx.services.clock.wall()));
        request.remove(&["status"]);
        request
    }

    /// Looks up what the token is to be bound to.
    async fn bound(&self, cx: &Context, name: &str, request: &Object) -> Result<Bound> {
        let Some(reference) = request.get(&["spec", "boundObjectRef"]).filter(|value| !value.is_null()) else {
            return Ok(Bound::default());
        };
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
        let version = GroupVersion::parse(text("apiVersion")).unwrap_or_default();
        let (group, kind, object) = (version.group.as_str(), text("kind"), text("name"));
        let mut bound = Bound::default();
        let found = match (group, kind) {
            ("", "Pod") => {
                let pod = get(cx, &self.pods, object).await?;
                if pod.str(&["spec", "serviceAccountName"]) != name {
                    return Err(StatusError::new_bad_request(format!(
                        "cannot bind token for serviceaccount \"{name}\" to pod running with different serviceaccount \
                         name."
                    )));
                }
                bound.node = self.node_of(cx, &pod).await?;
                bound.pod.insert(pod)
            }
            ("", "Node") => bound.node.insert(get(cx, &self.nodes, object).await?),
            ("", "Secret") => bound.secret.insert(get(cx, &self.secrets, object).await?),
            _ => {
                return Err(StatusError::new_bad_request(format!(
                    "cannot bind token to object of type {}",
                    version.with_kind(kind)
                )));
            }
        };
        let uid = text("uid");
        if !uid.is_empty() && uid != found.uid() {
            let resource = GroupResource { group: group.to_owned(), resource: kind.to_owned() };
            let why = format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
                 been deleted and then recreated"
            );
            return Err(StatusError::new_conflict(&resource, object, &why));
        }
        Ok(bound)
    }

    /// The node a pod runs on, by its name alone if there is no such object.
    async fn node_of(&self, cx: &Context, pod: &Object) -> Result<Option<Object>> {
        let name = pod.str(&["spec", "nodeName"]);
        if name.is_empty() {
            return Ok(None);
        }
        match get(cx, &self.nodes, name).await {
            Err(error) if error.is_not_found() => {
                let mut node = Object::default();
                node.set(&["metadata", "name"], name);
                Ok(Some(node))
            }
            found => found.map(Some),
        }
    }

    /// Signs, and writes the status.
    fn issue(&self, cx: &Context, mut request: Object, account: &Object, bound: &Bound) -> Result<Object> {
        let Issuer { generator, api_audiences, max_expiration_seconds, extend_expiration } = &*self.issuer;
        let asked = request.get(&["spec", "expirationSeconds"]).and_then(Value::as_i64).unwrap_or_default();
        let seconds = if *max_expiration_seconds > 0 { asked.min(*max_expiration_seconds) } else { asked };
        if seconds < asked {
            cx.warnings.add(format!("requested expiration of {asked} seconds shortened to {seconds} seconds"));
            request.set(&["spec", "expirationSeconds"], seconds);
        }
        let audiences: Vec<String> =
            strings(request.get(&["spec", "audiences"])).into_iter().map(str::to_owned).collect();
        let extended = *extend_expiration
            && bound.pod.is_some()
            && seconds == WARN_ONLY_BOUND_TOKEN_EXPIRATION_SECONDS
            && audiences.iter().all(|audience| api_audiences.contains(audience));
        let now = cx.services.clock.wall();
        let lives = if extended { EXPIRATION_EXTENSION_SECONDS } else { seconds };
        let lifetime = Lifetime {
            now,
            expiration_seconds: lives.unsigned_abs(),
            warn_after: if extended { seconds.unsigned_abs() } else { 0 },
        };
        let binding =
            claims::Binding { pod: bound.pod.as_ref(), secret: bound.secret.as_ref(), node: bound.node.as_ref() };
        let id = cx.services.ids.uuid();
        cx.annotate("authentication.kubernetes.io/issued-credential-id", format!("JTI={id}"));
        let token = generator.generate_token(claims::claims(account, binding, lifetime, &audiences, id));
        let token = token.map_err(|error| StatusError::new(500, "", format!("failed to generate token: {error}")))?;
        let expires = now + std::time::Duration::from_secs(seconds.unsigned_abs());
        request.set(&["status"], json!({"token": token, "expirationTimestamp": time::rfc3339(expires)}));
        Ok(request)
    }
}

async fn get(cx: &Context, store: &Store, name: &str) -> Result<Object> {
    store.get(cx, name, &GetOptions::default()).await.map(Answer::into_object)
}
