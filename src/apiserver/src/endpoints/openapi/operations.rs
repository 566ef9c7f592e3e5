//! The operations of installed resources, by path.
//!
//! Go: apiserver/pkg/endpoints/installer.go registerResourceHandlers, apiserver/pkg/endpoints/openapi/openapi.go
//!
//! An operation is described once and written in either version of OpenAPI.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::runtime::schema::{GroupVersion, GroupVersionKind};
use serde_json::{Map, Value, json};

use crate::endpoints::{
    groupversion::APIGroupVersion,
    handlers::{
        Verb,
        scope::{Items, RequestScope},
    },
    openapi::{
        connections,
        definitions::{Definitions, Version},
        parameters::{self, Parameter},
    },
};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// HTTP method, in lower case.
    pub method: &'static str,
    /// `listCoreV1NamespacedPod`
    pub id: String,
    /// `list`; empty for documents.
    pub action: &'static str,
    /// The kind it is about.
    pub kind: Option<GroupVersionKind>,
    /// What people read.
    pub description: String,
    /// `core_v1`
    pub tag: String,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What it takes.
    pub body: Body,
    /// What it answers, by code: the name of a definition, or a plain string.
    pub responses: Vec<(u16, &'static str)>,
    /// The definition of the answer; empty: a string.
    pub answer: String,
    /// In which media types it answers.
    pub produces: &'static [&'static str],
    /// In which media types it is asked, where there is no body.
    pub consumes: &'static [&'static str],
}

/// What an operation takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// An object of a definition.
    Object(String),
    /// DeleteOptions.
    DeleteOptions,
    /// A patch.
    Patch(&'static [&'static str]),
}

const OBJECTS: &[&str] = &["application/json", "application/vnd.kubernetes.protobuf", "application/yaml"];
const CUSTOM_OBJECTS: &[&str] = &["application/json", "application/yaml"];
const STREAMS: &[&str] = &[
    "application/json",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/yaml",
];
/// What a log may come as; an error of it is an object.
const TEXTS: &[&str] = &["application/json", "application/vnd.kubernetes.protobuf", "application/yaml", "text/plain"];
const ANYTHING: &[&str] = &["*/*"];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Operations by path.
pub type Paths = BTreeMap<String, Vec<Operation>>;

/// Names a group in operations: `rbac.authorization.k8s.io` is `rbacAuthorization`, the core group `core`.
pub fn group_name(group: &str) -> String {
    if group.is_empty() {
        return "core".to_owned();
    }
    let group = group.strip_suffix(".k8s.io").unwrap_or(group);
    let mut words = group.split(['.', '-']);
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &title(word))
}

/// Makes the first letter a capital.
pub fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// Returns the operations of a version.
pub fn paths(version: &APIGroupVersion, definitions: &dyn Definitions) -> Paths {
    let mut paths = Paths::new();
    let root = version.root_path();
    let kinds: BTreeMap<&str, &str> = version
        .installed()
        .filter(|(scope, _)| scope.subresource.is_empty())
        .map(|(scope, _)| (scope.resource.resource.as_str(), scope.kind.kind.as_str()))
        .collect();
    let GroupVersion { group, version: name } = &version.group_version;
    let prefix = title(&group_name(group)) + &title(name);
    // Custom resources are published without the document and without the older paths of watches.
    if !version.installed().any(|(scope, _)| scope.items == Items::WithType) {
        let id = format!("get{prefix}APIResources");
        let document = document(&id, &tag(group, name), "APIResourceList", "get available resources");
        paths.insert(format!("{root}/"), vec![document]);
    }
    for (scope, verbs) in version.installed() {
        let parent = kinds.get(scope.resource.resource.as_str()).copied().unwrap_or(&scope.kind.kind);
        let resource =
            Resource { scope, verbs, definitions, root: &root, prefix: &prefix, parent, tag: tag(group, name) };
        resource.add(&mut paths);
    }
    paths
}

fn tag(group: &str, version: &str) -> String {
    format!("{}_{version}", group_name(group))
}

/// Returns the operation that reads a document.
pub fn document(id: &str, tag: &str, answer: &str, description: &str) -> Operation {
    Operation {
        method: "get",
        id: id.to_owned(),
        action: "",
        kind: None,
        description: description.to_owned(),
        tag: tag.to_owned(),
        parameters: Vec::new(),
        body: Body::None,
        responses: vec![(200, "OK")],
        answer: format!("{META}{answer}"),
        produces: OBJECTS,
        consumes: OBJECTS,
    }
}

/// One installed resource or sub-resource.
struct Resource<'a> {
    scope: &'a RequestScope,
    verbs: &'a [Verb],
    definitions: &'a dyn Definitions,
    root: &'a str,
    prefix: &'a str,
    /// The kind of the resource, also for a sub-resource.
    parent: &'a str,
    tag: String,
}

impl Resource<'_> {
    fn add(&self, paths: &mut Paths) {
        let scope = self.scope;
        let namespaced = scope.storage.namespace_scoped();
        let resource = &scope.resource.resource;
        let inside = if namespaced { "namespaces/{namespace}/" } else { "" };
        let collection = format!("{}/{inside}{resource}", self.root);
        let item = match scope.subresource.as_str() {
            "" => format!("{collection}/{{name}}"),
            subresource => format!("{collection}/{{name}}/{subresource}"),
        };
        for verb in self.verbs {
            match verb {
                Verb::Create if scope.subresource.is_empty() => self.put(paths, &collection, self.write(*verb)),
                Verb::List => self.put(paths, &collection, self.list()),
                Verb::DeleteCollection => self.put(paths, &collection, self.delete_collection()),
                Verb::Watch if scope.items == Items::WithType => {}
                Verb::Watch => self.add_watches(paths, inside),
                Verb::Connect => self.add_connections(paths, &item),
                Verb::Get => self.put(paths, &item, self.get()),
                Verb::Delete => self.put(paths, &item, self.delete()),
                Verb::Create | Verb::Update | Verb::Patch => self.put(paths, &item, self.write(*verb)),
            }
        }
        if namespaced && self.verbs.contains(&Verb::List) {
            let mut list = self.list();
            list.id = format!("list{}{}ForAllNamespaces", self.prefix, self.parent);
            self.put(paths, &format!("{}/{resource}", self.root), list);
        }
    }

    /// Adds an operation, with the parameters that its path asks for.
    fn put(&self, paths: &mut Paths, path: &str, mut operation: Operation) {
        for (part, parameter) in
            [("{name}", parameters::name()), ("{namespace}", parameters::NAMESPACE), ("{path}", parameters::PATH)]
        {
            if path.contains(part) {
                operation.parameters.push(parameter);
            }
        }
        paths.entry(path.to_owned()).or_default().push(operation);
    }

    fn definition(&self, suffix: &str) -> String {
        let kind = &self.scope.kind;
        let list_kind = self.scope.storage.list_kind().filter(|_| suffix == "List");
        let kind = kind.group_version().with_kind(&list_kind.unwrap_or_else(|| format!("{}{suffix}", kind.kind)));
        self.definitions.name_of(&kind).unwrap_or_default()
    }

    /// What all operations of the resource share.
    fn operation(&self, method: &'static str, action: &'static str, verb: &str, what: &str) -> Operation {
        let scope = self.scope;
        let namespaced = if scope.storage.namespace_scoped() { "Namespaced" } else { "" };
        let of = if scope.subresource.is_empty() { String::new() } else { format!("{} of ", scope.subresource) };
        Operation {
            method,
            id: format!("{verb}{}{namespaced}{}{}", self.prefix, self.parent, title(&scope.subresource)),
            action,
            kind: Some(scope.kind.clone()),
            description: format!("{what} {of}{}", self.parent),
            tag: self.tag.clone(),
            parameters: vec![parameters::PRETTY],
            body: Body::None,
            responses: vec![(200, "OK")],
            answer: self.definition(""),
            produces: if scope.items == Items::WithType { CUSTOM_OBJECTS } else { OBJECTS },
            consumes: ANYTHING,
        }
    }

    fn get(&self) -> Operation {
        let mut operation = self.operation("get", "get", "read", "read the specified");
        if let Some(streamer) = self.scope.storage.streamer() {
            operation.parameters.extend(connections::of(streamer.options_kind()));
            operation.answer.clear();
            operation.produces = TEXTS;
        }
        operation
    }

    fn list(&self) -> Operation {
        let mut operation = self.operation("get", "list", "list", "list or watch objects of kind");
        operation.parameters.extend(parameters::LIST.iter().chain(parameters::WATCH));
        operation.answer = self.definition("List");
        if self.scope.items == Items::Bare {
            operation.produces = STREAMS;
        }
        operation
    }

    fn write(&self, verb: Verb) -> Operation {
        let (method, name, what) = match verb {
            Verb::Create => ("post", "create", "create"),
            Verb::Patch => ("patch", "patch", "partially update the specified"),
            _ => ("put", "replace", "replace the specified"),
        };
        let mut operation = self.operation(method, method, name, what);
        operation.parameters.extend([parameters::DRY_RUN, parameters::FIELD_VALIDATION]);
        operation.responses.push((201, "Created"));
        if verb == Verb::Patch {
            operation.parameters.extend([parameters::PATCH_FIELD_MANAGER, parameters::FORCE]);
            let custom = self.scope.items == Items::WithType;
            operation.body = Body::Patch(if custom { &PATCHES[..3] } else { PATCHES });
        } else {
            operation.parameters.push(parameters::FIELD_MANAGER);
            operation.body = Body::Object(operation.answer.clone());
        }
        if verb == Verb::Create {
            operation.responses.push((202, "Accepted"));
        }
        operation
    }

    fn delete(&self) -> Operation {
        let mut operation = self.operation("delete", "delete", "delete", "delete");
        operation.parameters.push(parameters::DRY_RUN);
        operation.parameters.extend(parameters::DELETE);
        operation.body = Body::DeleteOptions;
        operation.responses.push((202, "Accepted"));
        if !self.scope.storage.delete_returns_object() {
            operation.answer = format!("{META}Status");
        }
        operation
    }

    fn delete_collection(&self) -> Operation {
        let mut operation = self.delete();
        operation.action = "deletecollection";
        operation.id = operation.id.replacen(self.prefix, &format!("{}Collection", self.prefix), 1);
        operation.parameters.extend(parameters::LIST);
        operation.responses.truncate(1);
        operation.answer = format!("{META}Status");
        operation
    }

    /// The older paths of watches.
    fn add_watches(&self, paths: &mut Paths, inside: &str) {
        let resource = &self.scope.resource.resource;
        let mut list = self.list();
        list.answer = format!("{META}WatchEvent");
        list.action = "watchlist";
        let mut add = |path: String, action, id: String| {
            self.put(paths, &path, Operation { id, action, ..list.clone() });
        };
        let namespaced = if inside.is_empty() { "" } else { "Namespaced" };
        let (root, prefix, kind) = (self.root, self.prefix, self.parent);
        add(format!("{root}/watch/{inside}{resource}"), "watchlist", format!("watch{prefix}{namespaced}{kind}List"));
        if self.verbs.contains(&Verb::Get) {
            add(
                format!("{root}/watch/{inside}{resource}/{{name}}"),
                "watch",
                format!("watch{prefix}{namespaced}{kind}"),
            );
        }
        if !inside.is_empty() {
            add(format!("{root}/watch/{resource}"), "watchlist", format!("watch{prefix}{kind}ListForAllNamespaces"));
        }
    }

    /// exec, proxy and the like: one operation a method.
    fn add_connections(&self, paths: &mut Paths, item: &str) {
        let Some(connecter) = self.scope.storage.connecter() else { return };
        for method in connecter.methods() {
            let name = match method.as_str() {
                "GET" => "get",
                "POST" => "post",
                "PUT" => "put",
                "PATCH" => "patch",
                "DELETE" => "delete",
                "HEAD" => "head",
                "OPTIONS" => "options",
                _ => continue,
            };
            let verb = format!("connect{}", self.prefix);
            let mut operation = self.operation(name, "connect", "", &format!("connect {method} requests to"));
            operation.id = operation.id.replacen(self.prefix, &format!("{verb}{}", title(name)), 1);
            operation.parameters = connections::of(connecter.options_kind().unwrap_or_default()).to_vec();
            operation.answer.clear();
            operation.produces = ANYTHING;
            self.put(paths, item, operation.clone());
            if connecter.takes_path() {
                operation.id.push_str("WithPath");
                self.put(paths, &format!("{item}/{{path}}"), operation);
            }
        }
    }
}

/// Writes the operations of a path; parameters that all of them have are said once.
pub fn write(operations: &[Operation], version: Version) -> Value {
    let mut common: Vec<Parameter> = operations.first().map(|first| first.parameters.clone()).unwrap_or_default();
    common.retain(|parameter| operations.iter().all(|operation| operation.parameters.contains(parameter)));
    let mut out: Map<String, Value> = operations
        .iter()
        .map(|operation| (operation.method.to_owned(), operation.to_value(&common, version)))
        .collect();
    if !common.is_empty() {
        let common: Vec<Value> = sorted(&common).into_iter().map(|parameter| parameter.to_value(version)).collect();
        out.insert("parameters".to_owned(), common.into());
    }
    Value::Object(out)
}

fn sorted(parameters: &[Parameter]) -> Vec<Parameter> {
    let mut parameters = parameters.to_vec();
    parameters.sort_by_key(|parameter| (parameter.place, parameter.name));
    parameters
}

/// Collects the definitions that operations refer to.
pub fn definitions(paths: &Paths) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operation in paths.values().flatten() {
        found.insert(operation.answer.clone());
        match &operation.body {
            Body::Object(name) => drop(found.insert(name.clone())),
            Body::DeleteOptions => drop(found.insert(format!("{META}DeleteOptions"))),
            Body::Patch(_) => drop(found.insert(format!("{META}Patch"))),
            Body::None => {}
        }
    }
    found.remove("");
    found
}

impl Operation {
    fn to_value(&self, common: &[Parameter], version: Version) -> Value {
        let mut out = Map::new();
        out.insert("operationId".to_owned(), self.id.as_str().into());
        out.insert("description".to_owned(), self.description.as_str().into());
        out.insert("tags".to_owned(), vec![self.tag.as_str()].into());
        if let Some(kind) = &self.kind {
            out.insert("x-kubernetes-action".to_owned(), self.action.into());
            let kind = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
            out.insert("x-kubernetes-group-version-kind".to_owned(), kind);
        }
        let own = sorted(&self.parameters).into_iter().filter(|parameter| !common.contains(parameter));
        let mut parameters: Vec<Value> = own.map(|parameter| parameter.to_value(version)).collect();
        match version {
            Version::V2 => self.put_v2(&mut out, &mut parameters),
            Version::V3 => self.put_v3(&mut out),
        }
        if !parameters.is_empty() {
            out.insert("parameters".to_owned(), parameters.into());
        }
        Value::Object(out)
    }

    fn put_v2(&self, out: &mut Map<String, Value>, parameters: &mut Vec<Value>) {
        match &self.body {
            Body::None => {}
            Body::Object(name) => parameters.push(json!({
                "name": "body", "in": "body", "required": true, "schema": {"$ref": format!("#/definitions/{name}")},
            })),
            Body::DeleteOptions => {
                parameters.push(json!({"$ref": format!("#/parameters/body-{}", parameters::DELETE_BODY)}));
            }
            Body::Patch(_) => parameters.push(json!({"$ref": format!("#/parameters/body-{}", parameters::PATCH_BODY)})),
        }
        let consumes = if let Body::Patch(patches) = self.body { patches } else { self.consumes };
        if !consumes.is_empty() {
            out.insert("consumes".to_owned(), consumes.into());
        }
        out.insert("produces".to_owned(), self.produces.into());
        out.insert("schemes".to_owned(), vec!["https"].into());
        let schema = self.answer_schema(Version::V2);
        let mut responses: Map<String, Value> = self
            .responses
            .iter()
            .map(|(code, text)| (code.to_string(), json!({"description": text, "schema": schema})))
            .collect();
        responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
        out.insert("responses".to_owned(), responses.into());
    }

    fn put_v3(&self, out: &mut Map<String, Value>) {
        let content = |media_types: &[&str], schema: &Value| -> Value {
            media_types
                .iter()
                .map(|media| ((*media).to_owned(), json!({"schema": schema})))
                .collect::<Map<_, _>>()
                .into()
        };
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let body = match &self.body {
            Body::None => None,
            Body::Object(name) => Some(json!({"content": content(ANYTHING, &reference(name)), "required": true})),
            Body::DeleteOptions => {
                Some(json!({"content": content(ANYTHING, &reference(&format!("{META}DeleteOptions")))}))
            }
            Body::Patch(media_types) => {
                Some(json!({"content": content(media_types, &reference(&format!("{META}Patch"))), "required": true}))
            }
        };
        if let Some(body) = body {
            out.insert("requestBody".to_owned(), body);
        }
        let answer = content(self.produces, &self.answer_schema(Version::V3));
        let mut responses: Map<String, Value> = self
            .responses
            .iter()
            .map(|(code, text)| (code.to_string(), json!({"description": text, "content": answer})))
            .collect();
        responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
        out.insert("responses".to_owned(), responses.into());
    }

    fn answer_schema(&self, version: Version) -> Value {
        if self.answer.is_empty() {
            return json!({"type": "string"});
        }
        json!({"$ref": version.reference(&self.answer)})
    }
}
