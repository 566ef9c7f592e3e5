//! What a service account token says, and whether it is still true.
//!
//! Go: pkg/serviceaccount/claims.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{meta::time, runtime::object::Object};
use phase::BoxFuture;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{
    authentication::{Error, Response},
    user,
};

/// How far clocks may be apart.
///
/// Go: go-jose/jwt DefaultLeeway
const LEEWAY: Duration = Duration::from_mins(1);

/// The claims of a bound token, in the order in which they are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// For whom it is.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// Until when, in seconds since the Unix epoch.
    #[serde(deserialize_with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// When it was issued.
    #[serde(deserialize_with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Who issued it.
    pub iss: String,
    /// Its own name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub jti: String,
    /// The objects it is bound to.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Kubernetes,
    /// From when.
    #[serde(deserialize_with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The user's name.
    pub sub: String,
}

/// The objects a token is bound to. It ends with the last of them.
///
/// Go: pkg/serviceaccount/claims.go kubernetes
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kubernetes {
    /// Namespace of account, pod and secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The node; for a token bound to a pod, the pod's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Ref>,
    /// The pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Ref>,
    /// The secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Ref>,
    /// The account.
    pub serviceaccount: Ref,
    /// When its user should have fetched a new one, though it is still accepted.
    #[serde(deserialize_with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub warnafter: Option<u64>,
}

/// An object by name and uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ref {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

impl Ref {
    fn to(object: &Object) -> Self {
        Self { name: object.name().to_owned(), uid: object.uid().to_owned() }
    }
}

/// What a token is bound to besides its account. A pod comes with the node it runs on, once it has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Binding<'a> {
    /// A pod that runs as the account.
    pub pod: Option<&'a Object>,
    /// A secret.
    pub secret: Option<&'a Object>,
    /// A node, alone or as the pod's.
    pub node: Option<&'a Object>,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// When it is issued, since the Unix epoch.
    pub now: Duration,
    /// For how many seconds it is accepted.
    pub expiration_seconds: u64,
    /// After how many seconds its user should have a new one; 0: not said.
    pub warn_after: u64,
}

/// Makes the claims of a new token. `iss` is the generator's to fill in.
///
/// Go: pkg/serviceaccount/claims.go Claims
pub fn claims(account: &Object, binding: Binding<'_>, lifetime: Lifetime, audiences: &[String], jti: String) -> Claims {
    let now = lifetime.now.as_secs();
    Claims {
        aud: audiences.to_vec(),
        exp: Some(now + lifetime.expiration_seconds),
        iat: Some(now),
        iss: String::new(),
        jti,
        kubernetes: Kubernetes {
            namespace: account.namespace().to_owned(),
            node: binding.node.map(Ref::to),
            pod: binding.pod.map(Ref::to),
            secret: binding.secret.map(Ref::to),
            serviceaccount: Ref::to(account),
            warnafter: (lifetime.warn_after != 0).then_some(now + lifetime.warn_after),
        },
        nbf: Some(now),
        sub: user::service_account_username(account.namespace(), account.name()),
    }
}

/// Where a token's objects are looked up: from informers, or the API if they do not know it yet. `None`: not there.
///
/// Go: pkg/serviceaccount/util.go ServiceAccountTokenGetter
pub trait ServiceAccountTokenGetter: Send + Sync {
    /// Returns an object; `resource` is `serviceaccounts`, `pods`, `secrets` or `nodes` (without a namespace).
    fn get<'a>(
        &'a self,
        resource: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Option<Arc<Object>>>;
}

/// Checks times and objects, and returns the user.
///
/// Go: pkg/serviceaccount/claims.go validator.Validate
pub async fn validate(
    claims: &Claims,
    getter: &dyn ServiceAccountTokenGetter,
    now: Duration,
) -> Result<Response, Error> {
    check_times(claims, now)?;
    let bound = &claims.kubernetes;
    let namespace = bound.namespace.as_str();
    let account = &bound.serviceaccount;
    let Some(object) = getter.get("serviceaccounts", namespace, &account.name).await else {
        return Err(Error(format!("serviceaccounts \"{}\" not found", account.name)));
    };
    if object.uid() != account.uid {
        return Err(Error(format!("service account UID ({}) does not match claim ({})", object.uid(), account.uid)));
    }
    if gone(&object, now) {
        return Err(Error("service account has been deleted".to_owned()));
    }
    if let Some(secret) = &bound.secret {
        check_bound(getter.get("secrets", namespace, &secret.name).await, secret, "secret", now)?;
    }
    match (&bound.pod, &bound.node) {
        // A pod's node is only told on: the token ends with the pod.
        (Some(pod), _) => check_bound(getter.get("pods", namespace, &pod.name).await, pod, "pod", now)?,
        (None, Some(node)) => check_bound(getter.get("nodes", "", &node.name).await, node, "node", now)?,
        (None, None) => {}
    }
    Ok(Response { annotations: stale_annotation(claims, now), ..Response::new(service_account_user(claims)) })
}

fn check_times(claims: &Claims, now: Duration) -> Result<(), Error> {
    let at = |seconds: u64| Duration::from_secs(seconds);
    if claims.nbf.is_some_and(|nbf| now + LEEWAY < at(nbf)) {
        return Err(Error("service account token is not valid yet".to_owned()));
    }
    if claims.exp.is_some_and(|exp| now > at(exp) + LEEWAY) {
        return Err(Error("service account token has expired".to_owned()));
    }
    if claims.iat.is_some_and(|iat| now + LEEWAY < at(iat)) {
        return Err(Error("service account token is issued in the future".to_owned()));
    }
    Ok(())
}

/// Refuses a token whose object is gone, or is another one of the same name.
fn check_bound(object: Option<Arc<Object>>, claim: &Ref, what: &str, now: Duration) -> Result<(), Error> {
    let invalidated = || Error("service account token has been invalidated".to_owned());
    let object = object.ok_or_else(invalidated)?;
    if object.uid() != claim.uid {
        let uid = object.uid();
        return Err(Error(format!(
            "{what} UID ({uid}) does not match service account {what} ref claim ({})",
            claim.uid
        )));
    }
    if gone(&object, now) { Err(invalidated()) } else { Ok(()) }
}

/// Says whether an object's deletion is more than the leeway ago: a pod may use its token while it shuts down.
fn gone(object: &Object, now: Duration) -> bool {
    object.deletion_timestamp().and_then(time::parse).is_some_and(|deleted| deleted + LEEWAY < now)
}

/// Go: pkg/serviceaccount/util.go ServiceAccountInfo.UserInfo
fn service_account_user(claims: &Claims) -> user::Info {
    let bound = &claims.kubernetes;
    let mut extra = BTreeMap::new();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
        }
    };
    for (kind, object) in [("pod", &bound.pod), ("node", &bound.node)] {
        if let Some(object) = object {
            add(&format!("{kind}-name"), &object.name);
            add(&format!("{kind}-uid"), &object.uid);
        }
    }
    if !claims.jti.is_empty() {
        add("credential-id", &format!("JTI={}", claims.jti));
    }
    user::Info {
        name: user::service_account_username(&bound.namespace, &bound.serviceaccount.name),
        uid: bound.serviceaccount.uid.clone(),
        groups: user::service_account_groups(&bound.namespace),
        extra,
    }
}

fn stale_annotation(claims: &Claims, now: Duration) -> BTreeMap<String, String> {
    let late = claims.kubernetes.warnafter.and_then(|after| now.as_secs().checked_sub(after)).filter(|late| *late > 0);
    late.map(|late| format!("subject: {}, seconds after warning threshold: {late}", claims.sub))
        .map(|text| BTreeMap::from([("authentication.k8s.io/stale-token".to_owned(), text)]))
        .unwrap_or_default()
}

/// An audience may stand alone, outside of a list.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(one) => Ok(vec![one]),
        other => serde_json::from_value(other).map_err(serde::de::Error::custom),
    }
}

/// A NumericDate may have a fraction, which does not count.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map(|seconds| seconds as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One account, and a pod that may be gone.
    struct Objects {
        pod: Option<Value>,
    }

    impl ServiceAccountTokenGetter for Objects {
        fn get<'a>(&'a self, resource: &'static str, _: &'a str, _: &'a str) -> BoxFuture<'a, Option<Arc<Object>>> {
            let value = match resource {
                "serviceaccounts" => Some(json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u1"}})),
                "pods" => self.pod.clone(),
                _ => None,
            };
            Box::pin(async move { value.and_then(Object::from_value).map(Arc::new) })
        }
    }

    const NOW: Duration = Duration::from_secs(1_767_225_600); // 2026-01-01

    fn token() -> Claims {
        let object = |value| Object::from_value(value).expect("object");
        let account = object(json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u1"}}));
        let pod = object(json!({"metadata": {"namespace": "shop", "name": "web-0", "uid": "p1"}}));
        let lifetime = Lifetime { now: NOW, expiration_seconds: 600, warn_after: 60 };
        claims(
            &account,
            Binding { pod: Some(&pod), ..Binding::default() },
            lifetime,
            &["api".to_owned()],
            "id".to_owned(),
        )
    }

    #[tokio::test]
    async fn a_token_is_good_while_its_pod_lives_and_tells_when_it_is_stale() {
        let pod = json!({"metadata": {"name": "web-0", "uid": "p1"}});
        let live = Objects { pod: Some(pod) };
        let response = validate(&token(), &live, NOW + Duration::from_secs(70)).await.expect("valid");
        assert_eq!(response.user.name, "system:serviceaccount:shop:web");
        assert_eq!(response.user.extra["authentication.kubernetes.io/pod-uid"], ["p1"]);
        assert_eq!(response.user.extra[user::CREDENTIAL_ID_KEY], ["JTI=id"]);
        assert!(response.annotations["authentication.k8s.io/stale-token"].ends_with("threshold: 10"));

        let error = validate(&token(), &live, NOW + Duration::from_secs(661)).await.expect_err("too late");
        assert_eq!(error.0, "service account token has expired");
        let error = validate(&token(), &Objects { pod: None }, NOW).await.expect_err("no pod");
        assert_eq!(error.0, "service account token has been invalidated");
        let other = Objects { pod: Some(json!({"metadata": {"name": "web-0", "uid": "p2"}})) };
        let error = validate(&token(), &other, NOW).await.expect_err("another pod");
        assert_eq!(error.0, "pod UID (p2) does not match service account pod ref claim (p1)");
    }

    #[tokio::test]
    async fn a_deleted_pod_keeps_its_token_for_the_leeway() {
        let pod = json!({"metadata": {"name": "web-0", "uid": "p1", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let objects = Objects { pod: Some(pod) };
        assert!(validate(&token(), &objects, NOW + LEEWAY).await.is_ok());
        assert!(validate(&token(), &objects, NOW + LEEWAY + Duration::from_secs(1)).await.is_err());
    }
}
