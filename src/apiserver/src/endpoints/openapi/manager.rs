//! The documents of all servers of a chain, made on demand.
//!
//! Go: kube-openapi/pkg/{handler,handler3}, kube-aggregator/pkg/controllers/{openapi,openapiv3}
//!
//! ```text
//!   /openapi/v2                 everything in one document
//!   /openapi/v3                 the keys and hashes of
//!   /openapi/v3/apis/apps/v1    one document for each version of a group
//! ```
//!
//! Every server adds its parts; a part is described when somebody asks, and kept until it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    sync::{Arc, OnceLock},
};

use apimachinery::runtime::schema::GroupVersion;
use aws_lc_rs::digest::{SHA512, digest};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::endpoints::{
    groupversion::APIGroupVersion,
    openapi::{
        definitions::{Definitions, Version, Writer},
        merge,
        operations::{self, Body, Operation, Paths},
        parameters, protobuf,
    },
};

/// What a part describes.
#[derive(Clone)]
pub enum Subject {
    /// The resources of a version.
    Version(Arc<APIGroupVersion>),
    /// The versions of a group; empty: the core group's.
    Group(String),
    /// The list of groups.
    Groups,
    /// `/version`
    CodeVersion,
    /// A document with a path and a media type of its own: the keys of service account tokens.
    Other {
        /// `/openid/v1/jwks/`
        path: &'static str,
        /// Its operation.
        id: &'static str,
        /// Its tag.
        tag: &'static str,
        /// Its media type.
        produces: &'static [&'static str],
    },
}

/// A part, with the types that it refers to.
#[derive(Clone)]
struct Part {
    subject: Subject,
    definitions: Arc<dyn Definitions>,
}

/// A document and its hash.
#[derive(Debug)]
pub struct Document {
    /// JSON.
    pub json: Bytes,
    /// SHA-512 of it, in capital hexadecimal digits.
    pub hash: String,
    /// What was asked for of version 2 so far: protobuf, JSON compressed, protobuf compressed.
    made: [OnceLock<Bytes>; 3],
}

/// The forms of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Json,
    /// The messages of gnostic.
    Protobuf,
}

impl Document {
    fn new(value: &Value) -> Arc<Self> {
        Self::of(Bytes::from(value.to_string()))
    }

    fn of(json: Bytes) -> Arc<Self> {
        let hash = digest(&SHA512, &json).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Arc::new(Self { json, hash, made: Default::default() })
    }

    /// Returns a document of version 2 in a form, as it is or compressed; each is made once.
    pub fn version_2(&self, form: Form, compressed: bool) -> Bytes {
        let protobuf = || {
            let document = serde_json::from_slice(&self.json).expect("it was made from a value");
            Bytes::from(protobuf::encode(&document))
        };
        let plain = || match form {
            Form::Json => self.json.clone(),
            Form::Protobuf => self.made[0].get_or_init(protobuf).clone(),
        };
        let place = if form == Form::Json { 1 } else { 2 };
        if compressed { self.made[place].get_or_init(|| gzip(&plain())).clone() } else { plain() }
    }
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes everything").into()
}

/// All parts by key (`apis/apps/v1`), and the documents that were made of them.
#[derive(Default)]
pub struct OpenAPIManager {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: BTreeMap<String, Part>,
    /// Documents of version 3 by key; a part that changes loses its own.
    v3: BTreeMap<String, Arc<Document>>,
    /// The document of version 2; any change loses it.
    v2: Option<Arc<Document>>,
    /// What extension servers publish, by the name of their APIService.
    foreign_v2: BTreeMap<String, Value>,
    foreign_v3: BTreeMap<String, BTreeMap<String, Arc<Document>>>,
}

impl OpenAPIManager {
    /// Adds or replaces a part.
    pub fn add(&self, subject: Subject, definitions: Arc<dyn Definitions>) {
        let key = key(&subject);
        let mut state = self.state.lock();
        state.v3.remove(&key);
        state.v2 = None;
        state.parts.insert(key, Part { subject, definitions });
    }

    /// Removes the part of a version.
    pub fn remove(&self, version: &GroupVersion) {
        let key = version_key(version);
        let mut state = self.state.lock();
        state.parts.remove(&key);
        state.v3.remove(&key);
        state.v2 = None;
    }

    /// Takes over an extension server's part of the document of version 2; `None`: it has none any more.
    pub fn set_foreign_v2(&self, name: &str, document: Option<Value>) {
        let mut state = self.state.lock();
        let changed = match document {
            Some(document) => {
                state.foreign_v2.insert(name.to_owned(), document.clone()).is_none_or(|old| old != document)
            }
            None => state.foreign_v2.remove(name).is_some(),
        };
        if changed {
            state.v2 = None;
        }
    }

    /// Takes over an extension server's documents of version 3, by key; what this server describes itself stays.
    pub fn set_foreign_v3(&self, name: &str, documents: BTreeMap<String, Bytes>) {
        let documents = documents.into_iter().map(|(key, json)| (key, Document::of(json))).collect();
        self.state.lock().foreign_v3.insert(name.to_owned(), documents);
    }

    /// Returns the keys of the documents of version 3, with their hashes.
    pub fn index(&self) -> Vec<(String, String)> {
        let keys: BTreeSet<String> = {
            let state = self.state.lock();
            let foreign = state.foreign_v3.values().flat_map(BTreeMap::keys);
            state.parts.keys().chain(foreign).cloned().collect()
        };
        keys.into_iter().filter_map(|key| self.v3(&key).map(|document| (key, document.hash.clone()))).collect()
    }

    /// Returns a document of version 3.
    pub fn v3(&self, key: &str) -> Option<Arc<Document>> {
        let part = {
            let state = self.state.lock();
            if let Some(document) = state.v3.get(key) {
                return Some(document.clone());
            }
            match state.parts.get(key) {
                Some(part) => part.clone(),
                None => return state.foreign_v3.values().find_map(|documents| documents.get(key)).cloned(),
            }
        };
        let document = Document::new(&part.document_v3());
        self.state.lock().v3.insert(key.to_owned(), document.clone());
        Some(document)
    }

    /// Returns the document of version 2.
    pub fn v2(&self) -> Arc<Document> {
        let (parts, foreign): (Vec<Part>, Vec<Value>) = {
            let state = self.state.lock();
            if let Some(document) = &state.v2 {
                return document.clone();
            }
            (state.parts.values().cloned().collect(), state.foreign_v2.values().cloned().collect())
        };
        let mut document = document_v2(&parts);
        for one in foreign {
            merge::merge(&mut document, one);
        }
        let document = Document::new(&document);
        self.state.lock().v2 = Some(document.clone());
        document
    }
}

fn key(subject: &Subject) -> String {
    match subject {
        Subject::Version(version) => version_key(&version.group_version),
        Subject::Group(group) if group.is_empty() => "api".to_owned(),
        Subject::Group(group) => format!("apis/{group}"),
        Subject::Groups => "apis".to_owned(),
        Subject::CodeVersion => "version".to_owned(),
        Subject::Other { path, .. } => path.trim_matches('/').to_owned(),
    }
}

fn version_key(version: &GroupVersion) -> String {
    if version.group.is_empty() { format!("api/{}", version.version) } else { format!("apis/{version}") }
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": component_base::version::get().git_version})
}

fn bearer_token() -> Value {
    json!({"BearerToken": {
        "type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication",
    }})
}

/// Of all parts together.
fn document_v2(parts: &[Part]) -> Value {
    let (mut paths, mut definitions) = (Map::new(), Map::new());
    for part in parts {
        let operations = part.operations();
        let writer = Writer { definitions: &*part.definitions, version: Version::V2, only: None };
        definitions.extend(writer.closure(operations::definitions(&operations)));
        let written =
            operations.iter().map(|(path, operations)| (path.clone(), operations::write(operations, Version::V2)));
        paths.extend(written);
    }
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
    json!({
        "swagger": "2.0",
        "info": info(),
        "paths": paths,
        "definitions": definitions,
        "parameters": parameters::shared(&format!("{meta}.DeleteOptions"), &format!("{meta}.Patch")),
        "securityDefinitions": bearer_token(),
        "security": [{"BearerToken": []}],
    })
}

impl Part {
    /// Of this part alone.
    fn document_v3(&self) -> Value {
        let operations = self.operations();
        let only = match &self.subject {
            Subject::Version(version) => version.group_version.clone(),
            // The API machinery's own types belong to the core version.
            _ => GroupVersion::new("", "v1"),
        };
        let writer = Writer { definitions: &*self.definitions, version: Version::V3, only: Some(&only) };
        let schemas = writer.closure(operations::definitions(&operations));
        let mut components = json!({"securitySchemes": bearer_token()});
        if !schemas.is_empty() {
            components["schemas"] = schemas.into();
        }
        let paths: Map<String, Value> = operations
            .iter()
            .map(|(path, operations)| (path.clone(), operations::write(operations, Version::V3)))
            .collect();
        json!({"openapi": "3.0.0", "info": info(), "paths": paths, "components": components})
    }

    fn operations(&self) -> Paths {
        let (path, operation) = match &self.subject {
            Subject::Version(version) => return operations::paths(version, &*self.definitions),
            Subject::Group(group) if group.is_empty() => {
                let operation =
                    operations::document("getCoreAPIVersions", "core", "APIVersions", "get available API versions");
                ("/api/".to_owned(), operation)
            }
            Subject::Group(group) => {
                let name = operations::group_name(group);
                let id = format!("get{}APIGroup", operations::title(&name));
                let operation = operations::document(&id, &name, "APIGroup", "get information of a group");
                (format!("/apis/{group}/"), operation)
            }
            Subject::Groups => {
                let operation =
                    operations::document("getAPIVersions", "apis", "APIGroupList", "get available API versions");
                ("/apis/".to_owned(), operation)
            }
            Subject::CodeVersion => {
                let operation = operations::document(
                    "getCodeVersion",
                    "version",
                    "",
                    "get the version information for this server",
                );
                let answer = "io.k8s.apimachinery.pkg.version.Info".to_owned();
                let json: &[&str] = &["application/json"];
                ("/version/".to_owned(), Operation { answer, produces: json, consumes: json, ..operation })
            }
            Subject::Other { path, id, tag, produces } => {
                let operation = operations::document(id, tag, "", "get a document of this server");
                let other = Operation { answer: String::new(), produces, consumes: &[], body: Body::None, ..operation };
                ((*path).to_owned(), other)
            }
        };
        Paths::from([(path, vec![operation])])
    }
}
