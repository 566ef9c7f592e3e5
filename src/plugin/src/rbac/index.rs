//! Roles and bindings, read once when they change and looked up at every request.
//!
//! Go: pkg/registry/rbac/validation/rule.go DefaultRuleResolver

use std::{collections::BTreeMap, fmt, sync::Arc};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionResource},
};
use auth::user;
use client::cache::informer::{EventHandler, SharedInformerFactory};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::Value;

use crate::rbac::rule::PolicyRule;

/// The group of all kinds here.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Returns a resource of the group.
pub fn resource(name: &str) -> GroupVersionResource {
    GroupVersion::new(GROUP, "v1").with_resource(name)
}

/// Whom a binding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Of a service account: its namespace; empty: the binding's.
    pub namespace: String,
}

impl Subject {
    /// Says whether a user is meant, in a binding of `namespace` (empty: of the cluster).
    ///
    /// Go: pkg/registry/rbac/validation/rule.go appliesToUser
    fn applies_to(&self, user: &user::Info, namespace: &str) -> bool {
        match self.kind.as_str() {
            "User" => user.name == self.name,
            "Group" => user.in_group(&self.name),
            "ServiceAccount" => {
                let namespace = if self.namespace.is_empty() { namespace } else { &self.namespace };
                !namespace.is_empty()
                    && user::split_service_account_username(&user.name) == Some((namespace, self.name.as_str()))
            }
            _ => false,
        }
    }
}

/// The role that a binding grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRef {
    /// The group.
    pub api_group: String,
    /// `Role` or `ClusterRole`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    name: String,
    /// Empty for a ClusterRoleBinding.
    namespace: String,
    role_ref: RoleRef,
    subjects: Vec<Subject>,
}

impl Binding {
    fn read(object: &Object) -> Self {
        Self {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            role_ref: read(object.get(&["roleRef"])),
            subjects: read(object.get(&["subjects"])),
        }
    }
}

/// Why somebody has a rule: by which binding, and as which of its subjects.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    binding: &'a Binding,
    subject: &'a Subject,
}

impl fmt::Display for Source<'_> {
    /// Go: pkg/registry/rbac/validation/rule.go clusterRoleBindingDescriber, roleBindingDescriber
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding { name, namespace, role_ref, .. } = self.binding;
        if namespace.is_empty() {
            write!(f, "ClusterRoleBinding {name:?}")?;
        } else {
            write!(f, "RoleBinding {:?}", format!("{name}/{namespace}"))?;
        }
        write!(f, " of {} {:?} to {} ", role_ref.kind, role_ref.name, self.subject.kind)?;
        if self.subject.kind == "ServiceAccount" {
            let of = if self.subject.namespace.is_empty() { namespace } else { &self.subject.namespace };
            write!(f, "{:?}", format!("{}/{of}", self.subject.name))
        } else {
            write!(f, "{:?}", self.subject.name)
        }
    }
}

/// What a visitor is told: a rule with its source, or why the rules of a binding cannot be had.
pub type Visit<'a> = Result<(Source<'a>, &'a PolicyRule), String>;

/// Everything RBAC knows. Fed by informers; read under one lock, which is never held across a wait.
#[derive(Debug, Default)]
pub struct Index {
    tables: RwLock<Tables>,
}

type ByNamespace<T> = BTreeMap<String, BTreeMap<String, Arc<T>>>;

#[derive(Debug, Default)]
struct Tables {
    /// Rules of Roles; those of ClusterRoles under the empty namespace.
    roles: ByNamespace<Vec<PolicyRule>>,
    /// RoleBindings; ClusterRoleBindings under the empty namespace.
    bindings: ByNamespace<Binding>,
}

/// Which of the two tables an informer feeds.
enum Table {
    Roles,
    Bindings,
}

impl Index {
    /// Returns an index that the informers of the four resources keep up to date.
    pub fn watch(informers: &SharedInformerFactory) -> Arc<Self> {
        let index = Arc::new(Self::default());
        for (name, table) in [
            ("clusterroles", Table::Roles),
            ("roles", Table::Roles),
            ("clusterrolebindings", Table::Bindings),
            ("rolebindings", Table::Bindings),
        ] {
            let feed = Feed { index: index.clone(), table };
            informers.informer(&resource(name)).add_event_handler(Arc::new(feed));
        }
        index
    }

    /// Returns an index of these objects.
    pub fn from_objects(objects: impl IntoIterator<Item = Object>) -> Self {
        let index = Self::default();
        for object in objects {
            let table = if object.kind().ends_with("Binding") { Table::Bindings } else { Table::Roles };
            index.put(&table, &object);
        }
        index
    }

    fn put(&self, table: &Table, object: &Object) {
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        let mut tables = self.tables.write();
        match table {
            Table::Roles => {
                let rules = Arc::new(read(object.get(&["rules"])));
                tables.roles.entry(namespace).or_default().insert(name, rules);
            }
            Table::Bindings => {
                let binding = Arc::new(Binding::read(object));
                tables.bindings.entry(namespace).or_default().insert(name, binding);
            }
        }
    }

    fn remove(&self, table: &Table, object: &Object) {
        fn from<T>(table: &mut ByNamespace<T>, object: &Object) {
            if let Some(names) = table.get_mut(object.namespace()) {
                names.remove(object.name());
                if names.is_empty() {
                    table.remove(object.namespace());
                }
            }
        }
        let mut tables = self.tables.write();
        match table {
            Table::Roles => from(&mut tables.roles, object),
            Table::Bindings => from(&mut tables.bindings, object),
        }
    }

    /// Shows the rules of a user to `visit`, the cluster's first, then the namespace's; it returns whether it has
    /// seen enough.
    ///
    /// Go: pkg/registry/rbac/validation/rule.go VisitRulesFor
    pub fn visit_rules_for(&self, user: &user::Info, namespace: &str, mut visit: impl FnMut(Visit<'_>) -> bool) {
        let tables = self.tables.read();
        let scopes = if namespace.is_empty() { &[""][..] } else { &["", namespace][..] };
        for scope in scopes {
            for binding in tables.bindings.get(*scope).into_iter().flat_map(BTreeMap::values) {
                let subject = binding.subjects.iter().find(|subject| subject.applies_to(user, scope));
                let Some(subject) = subject else { continue };
                let rules = match tables.rules_of(&binding.role_ref, scope) {
                    Ok(rules) => rules,
                    Err(error) => {
                        if visit(Err(error)) {
                            return;
                        }
                        continue;
                    }
                };
                if rules.iter().any(|rule| visit(Ok((Source { binding, subject }, rule)))) {
                    return;
                }
            }
        }
    }

    /// Returns all rules of a user, and what went wrong on the way.
    ///
    /// Go: pkg/registry/rbac/validation/rule.go RulesFor
    pub fn rules_for(&self, user: &user::Info, namespace: &str) -> (Vec<PolicyRule>, Vec<String>) {
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        self.visit_rules_for(user, namespace, |visit| {
            match visit {
                Ok((_, rule)) => rules.push(rule.clone()),
                Err(error) => errors.push(error),
            }
            false
        });
        (rules, errors)
    }
}

impl Tables {
    /// Go: pkg/registry/rbac/validation/rule.go GetRoleReferenceRules
    fn rules_of(&self, role: &RoleRef, namespace: &str) -> Result<&[PolicyRule], String> {
        let (namespace, resource) = match role.kind.as_str() {
            "Role" => (namespace, "role"),
            "ClusterRole" => ("", "clusterrole"),
            other => return Err(format!("unsupported role reference kind: {other:?}")),
        };
        let rules = self.roles.get(namespace).and_then(|names| names.get(&role.name));
        rules.map(|rules| rules.as_slice()).ok_or_else(|| format!("{resource}.{GROUP} {:?} not found", role.name))
    }
}

/// Reads a part of an object; what cannot be read counts as empty, for validation has let it in.
pub(crate) fn read<T: Default + for<'de> Deserialize<'de>>(value: Option<&Value>) -> T {
    value.and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}

struct Feed {
    index: Arc<Index>,
    table: Table,
}

impl EventHandler for Feed {
    fn on_add(&self, object: &Arc<Object>) {
        self.index.put(&self.table, object);
    }

    fn on_update(&self, _old: &Arc<Object>, new: &Arc<Object>) {
        self.index.put(&self.table, new);
    }

    fn on_delete(&self, object: &Arc<Object>) {
        self.index.remove(&self.table, object);
    }
}
