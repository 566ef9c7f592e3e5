//! A user as the server knows it.
//!
//! Go: apiserver/pkg/authentication/user/user.go

use std::collections::BTreeMap;

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
