//! The parameters of operations.
//!
//! Go: apiserver/pkg/endpoints/installer.go addObjectParams, addParams; kube-openapi/pkg/builder/parameters.go
//!
//! This file is a catalogue: one entry per parameter. Version 2 keeps the frequent ones in a place of
//! their own, under a name that ends in a hash of their content; the names are as kube-apiserver has them.

use serde_json::{Map, Value, json};

use crate::endpoints::openapi::{connections, definitions::Version};

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// `path` or `query`.
    pub place: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// What people read.
    pub description: &'static str,
    /// The end of its name among version 2's shared parameters; empty: it stands in place.
    pub shared: &'static str,
}

pub(super) const fn query(
    name: &'static str,
    kind: &'static str,
    shared: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, place: "query", kind, description, shared }
}

const fn path(name: &'static str, shared: &'static str, description: &'static str) -> Parameter {
    Parameter { name, place: "path", kind: "string", description, shared }
}

/// On every operation of a resource.
pub const PRETTY: Parameter = query(
    "pretty",
    "string",
    "tJGM1-ng",
    "Whether the answer is indented for people; on by default for browsers, curl and Wget.",
);
/// In a namespace.
pub const NAMESPACE: Parameter =
    path("namespace", "vgWSWtn3", "The namespace of the object, such as a team or a project.");
/// What follows a proxy sub-resource.
pub const PATH: Parameter = path("path", "z6Ciiujn", "The path at the other end.");
/// Of an update or a create.
pub const FIELD_MANAGER: Parameter =
    query("fieldManager", "string", "Qy4HdaTW", "Who makes these changes: at most 128 printable characters.");
/// Of a patch.
pub const PATCH_FIELD_MANAGER: Parameter = query(
    "fieldManager",
    "string",
    "7c6nTn1T",
    "Who makes these changes: at most 128 printable characters. An apply has to say it.",
);
/// Of an apply.
pub const FORCE: Parameter =
    query("force", "boolean", "tOGGb0Yi", "Takes over fields that others manage; for applies only.");
/// Of a write.
pub const DRY_RUN: Parameter = query("dryRun", "string", "", "With All, everything is done but the write.");
/// Of a write with a body.
pub const FIELD_VALIDATION: Parameter =
    query("fieldValidation", "string", "", "What is done about unknown and repeated fields: Ignore, Warn or Strict.");

/// Of a list, a watch and a deletion of many.
pub const LIST: &[Parameter] = &[
    query("continue", "string", "QfD61s0i", "Where an earlier list ended."),
    query("fieldSelector", "string", "xIcQKXFG", "Selects objects by their fields."),
    query("labelSelector", "string", "5Zw57w4C", "Selects objects by their labels."),
    query("limit", "integer", "1NfNmdNH", "How many objects at most; the answer says where to go on."),
    query("resourceVersion", "string", "5WAnf1kx", "Which state of the collection is wanted."),
    query("resourceVersionMatch", "string", "t8XhRHeC", "How the resource version is meant."),
    query("sendInitialEvents", "boolean", "rLXlEK_k", "Whether a watch begins with the present state."),
    query("shardSelector", "string", "Kgyki_3_", "Selects a part of the collection by a hash."),
    query("timeoutSeconds", "integer", "yvYezaOC", "How long the call may take."),
];

/// Of a list or a watch.
pub const WATCH: &[Parameter] = &[
    query("allowWatchBookmarks", "boolean", "HC2hJt-J", "Whether bookmarks are welcome."),
    query("watch", "boolean", "XNNPZGbK", "Whether changes follow as events."),
];

/// Of a deletion.
pub const DELETE: &[Parameter] = &[
    query("gracePeriodSeconds", "integer", "-K5HaBOS", "How long the object may take to end; zero is at once."),
    query(
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "boolean",
        "QbNkfIqj",
        "Removes what cannot be read any more, without finalizers and preconditions.",
    ),
    query("orphanDependents", "boolean", "uRB25kX5", "The older form of propagationPolicy."),
    query("propagationPolicy", "string", "6jk3prlO", "What becomes of dependents: Orphan, Background or Foreground."),
];

/// The body of a deletion: the end of its name in version 2.
pub const DELETE_BODY: &str = "2Y1dVQaQ";
/// The body of a patch: the end of its name in version 2.
pub const PATCH_BODY: &str = "78PwaGsr";

/// Returns the name of an object, as a parameter.
pub const fn name() -> Parameter {
    path("name", "", "The name of the object.")
}

impl Parameter {
    /// Writes the parameter where it is used.
    pub fn to_value(self, version: Version) -> Value {
        if version == Version::V2 && !self.shared.is_empty() {
            return json!({"$ref": format!("#/parameters/{}-{}", self.name, self.shared)});
        }
        self.definition(version)
    }

    /// Writes the parameter itself.
    pub fn definition(self, version: Version) -> Value {
        let mut out = Map::new();
        out.insert("name".to_owned(), self.name.into());
        out.insert("in".to_owned(), self.place.into());
        out.insert("description".to_owned(), self.description.into());
        if self.place == "path" {
            out.insert("required".to_owned(), true.into());
        }
        match version {
            Version::V2 => {
                out.insert("type".to_owned(), self.kind.into());
                out.insert("uniqueItems".to_owned(), true.into());
            }
            Version::V3 => {
                out.insert("schema".to_owned(), json!({"type": self.kind, "uniqueItems": true}));
            }
        }
        Value::Object(out)
    }
}

/// Returns the shared parameters of version 2, by name.
pub fn shared(delete_options: &str, patch: &str) -> Map<String, Value> {
    const COMMON: &[Parameter] = &[PRETTY, NAMESPACE, PATH, FIELD_MANAGER, PATCH_FIELD_MANAGER, FORCE];
    let all = COMMON.iter().chain(LIST).chain(WATCH).chain(DELETE).chain(connections::all());
    let mut out: Map<String, Value> = all
        .map(|parameter| (format!("{}-{}", parameter.name, parameter.shared), parameter.definition(Version::V2)))
        .collect();
    let body = |definition: &str| json!({"name": "body", "in": "body", "schema": {"$ref": format!("#/definitions/{definition}")}});
    out.insert(format!("body-{DELETE_BODY}"), body(delete_options));
    let mut patch = body(patch);
    patch["required"] = true.into();
    out.insert(format!("body-{PATCH_BODY}"), patch);
    out
}
