//! The variables that expressions of policies and match conditions see.
//!
//! The object itself is of no known type: a policy may be about many kinds.
//!
//! Go: apiserver/pkg/admission/plugin/cel/compile.go, composition.go

use cel::{
    env::Env,
    types::{Struct, Type},
};

/// Which of the variables there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    /// `params`.
    pub params: bool,
    /// `authorizer` and `authorizer.requestResource`.
    pub authorizer: bool,
    /// The types that mutations make: `Object` and `JSONPatch`.
    pub patch_types: bool,
}

/// Returns the variables; `composed` are the policy's own, which stand in `variables`, if it has that.
pub fn environment(declared: Declared, composed: Option<&Struct>) -> Env {
    let authorization = |name: &str| Type::Opaque(format!("kubernetes.authorization.{name}").into());
    let mut variables =
        vec![("object", Type::Dyn), ("oldObject", Type::Dyn), ("namespaceObject", namespace()), ("request", request())];
    if declared.params {
        variables.push(("params", Type::Dyn));
    }
    if declared.authorizer {
        variables.push(("authorizer", authorization("Authorizer")));
        variables.push(("authorizer.requestResource", authorization("ResourceCheck")));
    }
    if let Some(composed) = composed {
        variables.push(("variables", Type::Struct(composed.clone().into())));
    }
    Env {
        variables: variables.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect(),
        has_patch_types: declared.patch_types,
        sizes: None,
    }
}

/// Go: BuildRequestType
fn request() -> Type {
    let text = |fields: [&'static str; 3]| fields.map(|field| (field, Type::String));
    let kind = Type::object("kubernetes.GroupVersionKind", text(["group", "version", "kind"]));
    let resource = Type::object("kubernetes.GroupVersionResource", text(["group", "version", "resource"]));
    let texts = Type::list(Type::String);
    let user = Type::object(
        "kubernetes.UserInfo",
        [
            ("username", Type::String),
            ("uid", Type::String),
            ("groups", texts.clone()),
            ("extra", Type::map(Type::String, texts)),
        ],
    );
    Type::object(
        "kubernetes.AdmissionRequest",
        [
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", Type::String),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", Type::String),
            ("name", Type::String),
            ("namespace", Type::String),
            ("operation", Type::String),
            ("userInfo", user),
            ("dryRun", Type::Bool),
            ("options", Type::Dyn),
        ],
    )
}

/// Go: BuildNamespaceType
fn namespace() -> Type {
    let labels = Type::map(Type::String, Type::String);
    let texts = Type::list(Type::String);
    let condition = Type::object(
        "kubernetes.NamespaceCondition",
        [
            ("status", Type::String),
            ("type", Type::String),
            ("lastTransitionTime", Type::Timestamp),
            ("message", Type::String),
            ("reason", Type::String),
        ],
    );
    let metadata = Type::object(
        "kubernetes.NamespaceMetadata",
        [
            ("name", Type::String),
            ("generateName", Type::String),
            ("namespace", Type::String),
            ("labels", labels.clone()),
            ("annotations", labels),
            ("UID", Type::String),
            ("creationTimestamp", Type::Timestamp),
            ("deletionGracePeriodSeconds", Type::Int),
            ("deletionTimestamp", Type::Timestamp),
            ("generation", Type::Int),
            ("resourceVersion", Type::String),
            ("finalizers", texts.clone()),
        ],
    );
    let status = [("conditions", Type::list(condition)), ("phase", Type::String)];
    Type::object(
        "kubernetes.Namespace",
        [
            ("metadata", metadata),
            ("spec", Type::object("kubernetes.NamespaceSpec", [("finalizers", texts)])),
            ("status", Type::object("kubernetes.NamespaceStatus", status)),
        ],
    )
}
