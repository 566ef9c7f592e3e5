//! Pods run as a service account, and get its token.
//!
//! Go: plugin/pkg/admission/serviceaccount/admission.go

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
    util::{strconv, validation::is_path_segment_name},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use client::{
    cache::informer::SharedInformer,
    rest::{Client, Resource},
};
use phase::{BoxFuture, ids::IdSource};
use serde_json::{Value, json};

/// The plugin's name.
pub const NAME: &str = "ServiceAccount";

/// The account of pods that name none.
const DEFAULT_ACCOUNT: &str = "default";

/// Annotation that a kubelet puts on the copy of a pod which it runs from a file.
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Annotation of an account whose pods may mount its own secrets only.
const ENFORCE_MOUNTABLE_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// Where containers find the token.
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Seconds that a mounted token is asked for. The odd number tells the token registry that it may live longer.
const TOKEN_SECONDS: u32 = 3607;

/// How often and how long apart the account `default` is looked for: a controller makes it after its namespace.
const DEFAULT_ACCOUNT_ATTEMPTS: (usize, Duration) = (3, Duration::from_millis(150));

/// Go: plugin/pkg/admission/serviceaccount/admission.go Plugin
struct ServiceAccount {
    accounts: Arc<SharedInformer>,
    client: Client,
    ids: Arc<dyn IdSource>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let accounts = GroupVersion::new("", "v1").with_resource("serviceaccounts");
    Ok(Arc::new(ServiceAccount {
        accounts: initializers.informers.informer(&accounts),
        client: initializers.client.clone(),
        ids: initializers.ids.clone(),
    }))
}

impl Interface for ServiceAccount {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for ServiceAccount {
    /// Go: plugin/pkg/admission/serviceaccount/admission.go Admit
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !is_new_pod(attributes) {
                return Ok(());
            }
            let Some(pod) = &mut attributes.object else { return Ok(()) };
            // A kubelet compares a mirror pod with its file, so nothing may be added to it.
            if is_mirror(pod) {
                return check_mirror_pod(attributes);
            }
            if pod.str(&["spec", "serviceAccountName"]).is_empty() {
                pod.set(&["spec", "serviceAccountName"], DEFAULT_ACCOUNT);
                // The old name of the field always shows the same.
                pod.set(&["spec", "serviceAccount"], DEFAULT_ACCOUNT);
            }
            let account = self.account_of(attributes).await?;
            let pod = attributes.object.as_mut().expect("there was a pod above");
            if should_automount(&account, pod) {
                mount_token(pod, || format!("kube-api-access-{}", self.ids.suffix(5)));
            }
            let has = |object: &Object, path: &[&str]| {
                object.get(path).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
            };
            if !has(pod, &["spec", "imagePullSecrets"]) && has(&account, &["imagePullSecrets"]) {
                let secrets = account.get(&["imagePullSecrets"]).cloned().unwrap_or_default();
                pod.set(&["spec", "imagePullSecrets"], secrets);
            }
            check_secrets(attributes, &account)
        })
    }
}

impl ValidationInterface for ServiceAccount {
    /// Go: plugin/pkg/admission/serviceaccount/admission.go Validate
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = &attributes.object else { return Ok(()) };
            if attributes.operation == Operation::Update && attributes.is("", "pods", "ephemeralcontainers") {
                let account = self.account_of(attributes).await?;
                return check_secrets(attributes, &account);
            }
            if !is_new_pod(attributes) {
                return Ok(());
            }
            if is_mirror(pod) {
                return check_mirror_pod(attributes);
            }
            if pod.str(&["spec", "serviceAccountName"]).is_empty() {
                let reason = format!("no service account specified for pod {}/{}", attributes.namespace, pod.name());
                return Err(errors::forbidden(attributes, reason));
            }
            let account = self.account_of(attributes).await?;
            check_secrets(attributes, &account)
        })
    }
}

fn is_new_pod(attributes: &Attributes) -> bool {
    attributes.operation == Operation::Create && attributes.is("", "pods", "")
}

fn is_mirror(pod: &Object) -> bool {
    pod.get(&["metadata", "annotations", MIRROR_ANNOTATION]).is_some()
}

impl ServiceAccount {
    /// Returns the account that the pod names, or refuses the pod.
    async fn account_of(&self, attributes: &Attributes) -> Result<Arc<Object>, StatusError> {
        let name = attributes.object.as_ref().map(|pod| pod.str(&["spec", "serviceAccountName"])).unwrap_or_default();
        errors::wait_for_ready(attributes, &[&self.accounts]).await?;
        let namespace = &attributes.namespace;
        // A client does not even ask for what cannot be part of a path.
        let wrong = is_path_segment_name(name);
        if !wrong.is_empty() {
            let error = format!("invalid resource name {}: [{}]", strconv::quote(name), wrong.join(" "));
            let reason = format!("error looking up service account {namespace}/{name}: {error}");
            return Err(errors::forbidden(attributes, reason));
        }
        self.look_up(namespace, name).await.map_err(|error| {
            errors::forbidden(attributes, format!("error looking up service account {namespace}/{name}: {error}"))
        })
    }

    /// Go: plugin/pkg/admission/serviceaccount/admission.go getServiceAccount
    async fn look_up(&self, namespace: &str, name: &str) -> Result<Arc<Object>, String> {
        if let Some(account) = self.accounts.store().get(namespace, name) {
            return Ok(account);
        }
        let accounts = GroupVersion::new("", "v1").with_resource("serviceaccounts");
        let accounts: Resource = self.client.resource(&accounts).namespace(namespace);
        let (attempts, pause) = if name == DEFAULT_ACCOUNT { DEFAULT_ACCOUNT_ATTEMPTS } else { (1, Duration::ZERO) };
        for attempt in 0..attempts {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
            }
            match accounts.get(name).await {
                Ok(account) => return Ok(Arc::new(account)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("serviceaccount {name:?} not found"))
    }
}

fn should_automount(account: &Object, pod: &Object) -> bool {
    let wish = |object: &Object, path: &[&str]| object.get(path).and_then(Value::as_bool);
    wish(pod, &["spec", "automountServiceAccountToken"])
        .or_else(|| wish(account, &["automountServiceAccountToken"]))
        .unwrap_or(true)
}

/// Mounts a token volume into every container that has nothing mounted in its place.
///
/// Go: plugin/pkg/admission/serviceaccount/admission.go mountServiceAccountToken
fn mount_token(pod: &mut Object, new_name: impl FnOnce() -> String) {
    let volumes = pod.get(&["spec", "volumes"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = volumes.iter().filter_map(|volume| volume["name"].as_str());
    let present = names.into_iter().find(|name| name.starts_with("kube-api-access-")).map(str::to_owned);
    let has_volume = present.is_some();
    let name = present.unwrap_or_else(new_name);
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        let containers = pod.0.get_mut("spec").and_then(|spec| spec.get_mut(list)).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            let mounts = container.entry("volumeMounts").or_insert_with(|| json!([]));
            if mounts.is_null() {
                *mounts = json!([]);
            }
            let Some(mounts) = mounts.as_array_mut() else { continue };
            if !mounts.iter().any(|mount| mount["mountPath"] == MOUNT_PATH) {
                mounts.push(json!({"name": name, "readOnly": true, "mountPath": MOUNT_PATH}));
                needed = true;
            }
        }
    }
    if needed && !has_volume {
        let volume = json!({"name": name, "projected": token_volume_source()});
        pod.set(&["spec", "volumes"], [volumes, vec![volume]].concat());
    }
}

/// Go: plugin/pkg/admission/serviceaccount/admission.go TokenVolumeSource
fn token_volume_source() -> Value {
    json!({
        "defaultMode": 0o644,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
            ]}},
        ],
    })
}

/// A mirror pod shows what runs already; a reference would not be honoured, or would leak.
fn check_mirror_pod(attributes: &Attributes) -> Result<(), StatusError> {
    let Some(pod) = &attributes.object else { return Ok(()) };
    let refuse = |reason: &str| Err(errors::forbidden(attributes, reason));
    if !pod.str(&["spec", "serviceAccountName"]).is_empty() {
        return refuse("a mirror pod may not reference service accounts");
    }
    if !secret_references(pod).is_empty() || !image_pull_secrets(pod).is_empty() {
        return refuse("a mirror pod may not reference secrets");
    }
    let volumes = pod.get(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten();
    let mut sources = volumes.flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten());
    if sources.any(|source| source["serviceAccountToken"].is_object()) {
        return refuse("a mirror pod may not use service account token volume projections");
    }
    Ok(())
}

/// Refuses secrets that an account does not list, if it insists.
///
/// Go: plugin/pkg/admission/serviceaccount/admission.go limitSecretReferences
fn check_secrets(attributes: &Attributes, account: &Object) -> Result<(), StatusError> {
    let enforced = account.str(&["metadata", "annotations", ENFORCE_MOUNTABLE_SECRETS]);
    let Some(pod) = attributes.object.as_ref().filter(|_| ["true", "1", "t", "T", "TRUE", "True"].contains(&enforced))
    else {
        return Ok(());
    };
    let listed = |field: &str| -> BTreeSet<String> {
        let list = account.get(&[field]).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|secret| secret["name"].as_str()).map(str::to_owned).collect()
    };
    let because = format!("is not allowed because service account {} does not reference that", account.name());
    let mountable = listed("secrets");
    if let Some((place, secret)) = secret_references(pod).into_iter().find(|(_, secret)| !mountable.contains(secret)) {
        let reason = format!("{place} secret.secretName={secret:?} {because} secret");
        return Err(errors::forbidden(attributes, reason));
    }
    let pullable = listed("imagePullSecrets");
    let refused = image_pull_secrets(pod).into_iter().enumerate().find(|(_, secret)| !pullable.contains(secret));
    if let Some((index, secret)) = refused {
        let reason = format!("imagePullSecrets[{index}].name={secret:?} {because} imagePullSecret");
        return Err(errors::forbidden(attributes, reason));
    }
    Ok(())
}

fn image_pull_secrets(pod: &Object) -> Vec<String> {
    let list = pod.get(&["spec", "imagePullSecrets"]).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|secret| secret["name"].as_str()).map(str::to_owned).collect()
}

/// Returns the secrets that volumes and environments of a pod name, each with the place in words.
fn secret_references(pod: &Object) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |place: String, name: &Value| {
        if let Some(name) = name.as_str() {
            found.push((place, name.to_owned()));
        }
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    for volume in list(pod.get(&["spec", "volumes"])) {
        add("volume with".to_owned(), &volume["secret"]["secretName"]);
    }
    for (field, kind) in [
        ("initContainers", "init container"),
        ("containers", "container"),
        ("ephemeralContainers", "ephemeral container"),
    ] {
        for container in list(pod.get(&["spec", field])) {
            let container_name = container["name"].as_str().unwrap_or_default();
            for variable in list(container.get("env")) {
                let name = variable["name"].as_str().unwrap_or_default();
                let place = format!("{kind} {container_name} with envVar {name} referencing");
                add(place, &variable["valueFrom"]["secretKeyRef"]["name"]);
            }
            for source in list(container.get("envFrom")) {
                add(format!("{kind} {container_name} with envFrom referencing"), &source["secretRef"]["name"]);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_gets_the_token_and_the_volume_comes_once() {
        let mut pod = Object::from_value(json!({"spec": {
            "initContainers": [{"name": "i"}],
            "containers": [{"name": "a", "volumeMounts": [{"name": "own", "mountPath": MOUNT_PATH}]}, {"name": "b"}],
        }}))
        .expect("object");
        mount_token(&mut pod, || "kube-api-access-xxxxx".to_owned());
        let mounts = |list: &str, index: usize| pod.get(&["spec", list]).expect("list")[index]["volumeMounts"].clone();
        assert_eq!(mounts("initContainers", 0)[0]["name"], "kube-api-access-xxxxx");
        assert_eq!(mounts("containers", 0)[0]["name"], "own");
        assert_eq!(mounts("containers", 1)[0]["readOnly"], true);
        let before = pod.clone();
        mount_token(&mut pod, || unreachable!("there is a volume already"));
        assert_eq!(pod, before);
    }
}
