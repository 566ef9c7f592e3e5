//! A user as the server knows it.
//!
//! Go: apiserver/pkg/authentication/user/user.go

use std::{collections::BTreeMap, sync::Arc};

use phase::snapshot::{Snapshot, Subject};
use serde::{Deserialize, Serialize};

/// Group of everyone who was authenticated.
pub const ALL_AUTHENTICATED: &str = "system:authenticated";
/// Group of everyone who was not.
pub const ALL_UNAUTHENTICATED: &str = "system:unauthenticated";
/// Name of everyone who was not authenticated.
pub const ANONYMOUS: &str = "system:anonymous";
/// Group that may do everything.
pub const SYSTEM_PRIVILEGED_GROUP: &str = "system:masters";
/// Name of the server itself, on the loopback client.
pub const API_SERVER_USER: &str = "system:apiserver";

/// Name, uid, groups and extra attributes of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Info {
    /// Unique among active users.
    pub name: String,
    /// Unique for all time; may be empty.
    pub uid: String,
    /// Group memberships, in the order in which they were found.
    pub groups: Vec<String>,
    /// Further attributes, by lower-case key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Info {
    /// Returns a user with a name and groups.
    pub fn new(name: &str, groups: &[&str]) -> Self {
        Self { name: name.to_owned(), groups: groups.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// Returns the user of requests that nobody signed.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, &[ALL_UNAUTHENTICATED])
    }

    /// Says whether the user is in a group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|one| one == group)
    }
}

/// Extra attribute that names the credential of a user: `X509SHA256=...`, `JTI=...`.
///
/// Go: apiserver/pkg/authentication/user/user.go CredentialIDKey
pub const CREDENTIAL_ID_KEY: &str = "authentication.kubernetes.io/credential-id";

/// Prefix of the names of service accounts.
const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Returns the user name of a service account.
///
/// Go: apiserver/pkg/authentication/serviceaccount/util.go MakeUsername
pub fn service_account_username(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")
}

/// Returns namespace and name of the service account that a user name belongs to.
///
/// Go: apiserver/pkg/authentication/serviceaccount/util.go SplitUsername
pub fn split_service_account_username(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    let plain = |part: &str| !part.is_empty() && !part.contains(':');
    (plain(namespace) && plain(name)).then_some((namespace, name))
}

/// Returns the groups that every service account of a namespace is in.
///
/// Go: apiserver/pkg/authentication/serviceaccount/util.go MakeGroupNames
pub fn service_account_groups(namespace: &str) -> Vec<String> {
    vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}

impl Subject for Info {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("User", serde_json::to_value(self).unwrap_or_default())
    }
}
