//! Kubelets see and change what concerns their own node, and nothing else.
//!
//! Go: plugin/pkg/auth/authorizer/node, pkg/auth/nodeidentifier
//!
//! ```text
//! secret, configmap, claim, service account, resource claim --> pod --> node
//! secret --> volume --> claim --'                        attachment, slice --'
//! ```
//!
//! Read in this order.

pub mod graph;

pub mod authorizer;

use auth::user;

/// Returns the name of the node that a user is; `None` for anybody else.
///
/// Go: pkg/auth/nodeidentifier/default.go NodeIdentity
pub fn identity(user: &user::Info) -> Option<&str> {
    let name = user.name.strip_prefix("system:node:")?;
    user.in_group("system:nodes").then_some(name)
}
