//! Every resource that is served by default, from `assets/api/resources.txt`.
//!
//! Its format is explained at its top.
//!
//! Go: pkg/controlplane/instance.go DefaultAPIResourceConfigSource, pkg/registry/*/rest/storage_*.go

use std::sync::LazyLock;

use apimachinery::runtime::schema::{GroupVersion, GroupVersionKind};

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/api/resources.txt"));
const ALL: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// All resources, group by group.
pub static RESOURCES: LazyLock<Vec<Resource>> = LazyLock::new(read);

/// One resource of one version.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table whose marks are there or not")]
pub struct Resource {
    /// Group and version it is served in.
    pub group_version: GroupVersion,
    /// Its name in paths: `pods`.
    pub plural: &'static str,
    /// `Pod`
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
    /// `po`
    pub short_names: Vec<&'static str>,
    /// `all`
    pub categories: Vec<&'static str>,
    /// Where it is stored below `/registry`: `pods`, `services/specs`.
    pub storage_prefix: &'static str,
    /// The version in which its objects are written, where it is not the one they are held in: a server of the last
    /// release can read them. Go: DefaultStorageFactory, StorageVersion
    pub stored_as: Option<&'static str>,
    /// Whether PUT of a missing object creates it. Go: AllowCreateOnUpdate
    pub put_creates: bool,
    /// Whether PUT without a resource version is refused. Go: !AllowUnconditionalUpdate
    pub put_needs_version: bool,
    /// Whether DELETE answers with the object. Go: ReturnDeletedObject
    pub delete_returns: bool,
    /// Whether DELETE without a policy orphans dependents. Go: DefaultGarbageCollectionPolicy
    pub delete_orphans: bool,
    /// What is below its objects: `status`, `scale`...
    pub subresources: Vec<Subresource>,
}

/// A sub-resource.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// `status`
    pub name: &'static str,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
    /// The kind it reads and writes; of another group and version perhaps.
    pub kind: GroupVersionKind,
}

impl Resource {
    /// Returns the singular: the kind in lower case.
    pub fn singular(&self) -> String {
        self.kind.to_ascii_lowercase()
    }

    /// Returns group, version and kind.
    pub fn gvk(&self) -> GroupVersionKind {
        self.group_version.with_kind(&self.kind)
    }

    /// Says whether it has a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }

    /// Returns a sub-resource.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Returns the kind whose rules hold for requests to it: an event that comes through the new group is judged more
    /// strictly than one of the core group, though both are stored as one kind.
    pub fn rules_version(&self) -> GroupVersionKind {
        if self.kind == "Event" { self.gvk() } else { self.storage_version() }
    }

    /// Returns the version in which its objects are stored: events as core/v1, autoscalers as autoscaling/v2.
    pub fn storage_version(&self) -> GroupVersionKind {
        let version = match (&*self.group_version.group, &*self.kind) {
            ("events.k8s.io", "Event") => GroupVersion::new("", "v1"),
            ("autoscaling", "HorizontalPodAutoscaler") => GroupVersion::new("autoscaling", "v2"),
            _ => self.group_version.clone(),
        };
        version.with_kind(&self.kind)
    }
}

impl Subresource {
    /// Says whether it has a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }
}

impl Resource {
    /// Returns group, version and kind of the bytes that are stored.
    pub fn stored_kind(&self) -> GroupVersionKind {
        let held = self.storage_version();
        match self.stored_as {
            Some(version) => GroupVersion::new(&held.group, version).with_kind(&held.kind),
            None => held,
        }
    }
}

/// Returns a resource by group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| {
        resource.plural == plural && resource.group_version.group == group && resource.group_version.version == version
    })
}

/// Returns the resource that stores a kind.
pub fn of_kind(gvk: &GroupVersionKind) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| {
        resource.kind == gvk.kind
            && resource.group_version.group == gvk.group
            && resource.group_version.version == gvk.version
    })
}

fn read() -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    let mut version = GroupVersion::default();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(text) = line.strip_prefix('[') {
            version = GroupVersion::parse(text.trim_end_matches(']')).expect("group/version");
        } else if let Some(text) = line.trim_start().strip_prefix('/') {
            let parent = resources.last_mut().expect("a resource above its sub-resources");
            let subresource = read_subresource(text, parent);
            parent.subresources.push(subresource);
        } else {
            resources.push(read_resource(line, &version));
        }
    }
    resources
}

fn read_resource(line: &'static str, group_version: &GroupVersion) -> Resource {
    let words: Vec<&str> = line.split(' ').collect();
    let valued = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let list = |key: &str| valued(key).map(|text| text.split(',').collect()).unwrap_or_default();
    let verbs = match valued("verbs") {
        None => ALL.to_vec(),
        Some(text) => match text.strip_prefix("all-") {
            Some(without) => ALL.into_iter().filter(|verb| *verb != without).collect(),
            None => text.split(',').collect(),
        },
    };
    Resource {
        group_version: group_version.clone(),
        plural: words[0],
        kind: words[1].to_owned(),
        namespaced: words[2] == "N",
        verbs,
        short_names: list("short"),
        categories: list("in"),
        storage_prefix: valued("at").unwrap_or(words[0]),
        stored_as: valued("stored-as"),
        put_creates: words.contains(&"put-creates"),
        put_needs_version: words.contains(&"put-needs-version"),
        delete_returns: words.contains(&"delete-returns"),
        delete_orphans: words.contains(&"delete-orphans"),
        subresources: Vec::new(),
    }
}

fn read_subresource(text: &'static str, parent: &Resource) -> Subresource {
    let words: Vec<&str> = text.split(' ').collect();
    let verbs = match words[1] {
        "rw" => vec!["get", "patch", "update"],
        "proxy" => vec!["create", "delete", "get", "patch", "update"],
        verbs => verbs.split(',').collect(),
    };
    let kind = match words.get(2).and_then(|kind| kind.rsplit_once('/')) {
        Some((version, kind)) => GroupVersion::parse(version).expect("group/version").with_kind(kind),
        None => parent.group_version.with_kind(words.get(2).copied().unwrap_or(&parent.kind)),
    };
    Subresource { name: words[0], verbs, kind }
}
