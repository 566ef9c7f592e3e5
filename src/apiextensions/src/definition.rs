//! A CustomResourceDefinition as this server reads it.
//!
//! Objects travel as values everywhere; this view is made where code reasons about a definition: whether it is
//! established, which version is stored, what its names are.
//!
//! Go: apiextensions-apiserver/pkg/apis/apiextensions/v1/types.go, apiextensions-apiserver/pkg/apihelpers/helpers.go

use apimachinery::{
    meta::conditions::{self, Condition},
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind, GroupVersionResource},
    },
};
use apiserver::endpoints::discovery::aggregated::kube_version;
use serde::Deserialize;
use serde_json::Value;

/// The group of definitions.
pub const GROUP: &str = "apiextensions.k8s.io";

/// The finalizer that keeps a definition until its objects are gone.
///
/// Go: CustomResourceCleanupFinalizer
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The conditions of a definition.
pub const NAMES_ACCEPTED: &str = "NamesAccepted";
/// It is served.
pub const ESTABLISHED: &str = "Established";
/// Its objects are being deleted, and then it.
pub const TERMINATING: &str = "Terminating";

/// Returns the resource of definitions.
pub fn resource() -> GroupVersionResource {
    GroupVersion::new(GROUP, "v1").with_resource("customresourcedefinitions")
}

/// Returns the kind of definitions.
pub fn kind() -> GroupVersionKind {
    GroupVersion::new(GROUP, "v1").with_kind("CustomResourceDefinition")
}

/// A definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// `things.example.com`
    pub name: String,
    /// Tells it from one of the same name before it.
    pub uid: String,
    /// Whether it is on its way out.
    pub deleting: bool,
    /// What is wanted.
    pub spec: Spec,
    /// What is.
    pub status: Status,
}

/// Go: CustomResourceDefinitionSpec
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// `example.com`
    pub group: String,
    /// The names that are wanted.
    pub names: Names,
    /// `Namespaced` or `Cluster`.
    pub scope: String,
    /// The versions, as they stand in the object.
    pub versions: Vec<Version>,
    /// How objects become other versions.
    pub conversion: Conversion,
    /// Whether fields that no schema declares are kept: only definitions from before there were schemas say so.
    pub preserve_unknown_fields: bool,
}

/// Go: CustomResourceDefinitionNames
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Names {
    /// `things`
    pub plural: String,
    /// `thing`
    pub singular: String,
    /// `th`
    pub short_names: Vec<String>,
    /// `Thing`
    pub kind: String,
    /// `ThingList`
    pub list_kind: String,
    /// `all`
    pub categories: Vec<String>,
}

/// Go: CustomResourceDefinitionVersion
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// `v1`
    pub name: String,
    /// Whether clients can use it.
    pub served: bool,
    /// Whether objects are stored in it: true of exactly one.
    pub storage: bool,
    /// Whether those who use it are warned.
    pub deprecated: bool,
    /// With which words.
    pub deprecation_warning: Option<String>,
    /// `{"openAPIV3Schema": ...}`
    pub schema: Value,
    /// `status` and `scale`.
    pub subresources: Subresources,
    /// What `kubectl get` shows.
    pub additional_printer_columns: Vec<Column>,
    /// The fields that a field selector may name.
    pub selectable_fields: Vec<SelectableField>,
}

/// Go: CustomResourceSubresources
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Subresources {
    /// Whether there is `/status`.
    pub status: Option<Value>,
    /// Whether there is `/scale`, and where it looks.
    pub scale: Option<Scale>,
}

/// Go: CustomResourceSubresourceScale
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scale {
    /// `.spec.replicas`
    pub spec_replicas_path: String,
    /// `.status.replicas`
    pub status_replicas_path: String,
    /// `.status.selector`
    pub label_selector_path: Option<String>,
}

/// Go: CustomResourceColumnDefinition
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Column {
    /// The heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `int32`...
    pub format: String,
    /// For people.
    pub description: String,
    /// Columns above 0 are for wide output.
    pub priority: i64,
    /// Where the value stands.
    pub json_path: String,
}

/// Go: SelectableField
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectableField {
    /// `.spec.color`
    pub json_path: String,
}

/// Go: CustomResourceConversion
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Conversion {
    /// `None` or `Webhook`.
    pub strategy: String,
    /// Who converts, for the latter.
    pub webhook: Option<Webhook>,
}

/// Go: WebhookConversion
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Webhook {
    /// `{"url": ...}` or `{"service": ...}`, with `caBundle`.
    pub client_config: Value,
    /// The versions of ConversionReview that it knows, the preferred one first.
    pub conversion_review_versions: Vec<String>,
}

/// Go: CustomResourceDefinitionStatus
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// What has been found out.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<Value>,
    /// The names under which it is served.
    pub accepted_names: Names,
    /// The versions in which objects may lie in storage.
    #[serde(deserialize_with = "list")]
    pub stored_versions: Vec<String>,
}

/// Reads a list that Go writes as `null` where it is empty.
fn list<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Definition {
    /// Reads a definition that has passed validation; what cannot be read counts as absent.
    pub fn of(object: &Object) -> Self {
        fn part<T: Default + for<'de> Deserialize<'de>>(object: &Object, field: &str) -> T {
            object.get(&[field]).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
        }
        Self {
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            deleting: object.deletion_timestamp().is_some(),
            spec: part(object, "spec"),
            status: part(object, "status"),
        }
    }

    /// Says whether a condition holds. Go: IsCRDConditionTrue
    pub fn is_true(&self, condition: &str) -> bool {
        conditions::is_true(&self.status.conditions, condition)
    }

    /// Whether objects live in namespaces.
    pub fn namespaced(&self) -> bool {
        self.spec.scope != "Cluster"
    }

    /// Returns a version. Go: GetSchemaForVersion and its kin
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.spec.versions.iter().find(|version| version.name == name)
    }

    /// Returns the version in which objects are stored. Go: GetCRDStorageVersion
    pub fn storage_version(&self) -> Option<&Version> {
        self.spec.versions.iter().find(|version| version.storage)
    }

    /// Says whether a version is served. Go: HasServedCRDVersion
    pub fn serves(&self, version: &str) -> bool {
        self.version(version).is_some_and(|version| version.served)
    }

    /// Returns the served versions, the preferred one first. Go: version.CompareKubeAwareVersionStrings
    pub fn served_versions(&self) -> Vec<&Version> {
        let mut served: Vec<&Version> = self.spec.versions.iter().filter(|version| version.served).collect();
        served.sort_by_cached_key(|version| std::cmp::Reverse(kube_version(&version.name)));
        served
    }

    /// Returns the kind at a version.
    pub fn gvk(&self, version: &str) -> GroupVersionKind {
        GroupVersionKind::new(&self.spec.group, version, &self.status.accepted_names.kind)
    }

    /// Returns the resource at a version.
    pub fn gvr(&self, version: &str) -> GroupVersionResource {
        GroupVersionResource::new(&self.spec.group, version, &self.status.accepted_names.plural)
    }
}

impl Version {
    /// Returns the schema, if there is one.
    pub fn open_api_v3_schema(&self) -> Option<&Value> {
        self.schema.get("openAPIV3Schema").filter(|schema| schema.is_object())
    }
}

/// Sets a condition of a definition, stamped with its generation.
///
/// Go: apihelpers SetCRDCondition
pub fn set_condition(object: &mut Object, condition: Condition<'_>, now: &str) {
    let conditions = object.remove(&["status", "conditions"]);
    let mut conditions = match conditions {
        Some(Value::Array(conditions)) => conditions,
        _ => Vec::new(),
    };
    conditions::set(&mut conditions, condition, now);
    object.set(&["status", "conditions"], conditions);
}
