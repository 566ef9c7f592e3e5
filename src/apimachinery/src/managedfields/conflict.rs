//! What an apply is refused with: fields that others own, with other values.
//!
//! Go: apimachinery/pkg/util/managedfields/internal/conflict.go, apimachinery/pkg/api/errors/errors.go NewApplyConflict

use super::{fieldpath::Set, managed::Identity};
use crate::api::errors::{Cause, Details, StatusError};

/// Fields in conflict, by the manager who owns them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts(pub Vec<(Identity, Set)>);

impl Conflicts {
    /// Returns all fields.
    pub(super) fn set(&self) -> Set {
        let mut all = Set::default();
        self.0.iter().for_each(|(_, set)| all.union(set));
        all
    }

    /// Leaves out fields that are allowed to conflict.
    #[must_use]
    pub(super) fn except(self, allowed: &Set) -> Self {
        let rest = self.0.into_iter().map(|(manager, mut set)| {
            set.difference(allowed);
            (manager, set)
        });
        Self(rest.filter(|(_, set)| !set.is_empty()).collect())
    }
}

impl From<Conflicts> for StatusError {
    /// Go: NewConflictError
    fn from(mut conflicts: Conflicts) -> Self {
        conflicts.0.sort_by(|left, right| left.0.cmp(&right.0));
        let by_manager: Vec<(String, Vec<String>)> =
            conflicts.0.iter().map(|(manager, set)| (manager.to_string(), set.paths())).collect();
        let causes: Vec<Cause> = by_manager
            .iter()
            .flat_map(|(manager, paths)| {
                paths.iter().map(move |path| Cause {
                    reason: "FieldManagerConflict".to_owned(),
                    message: format!("conflict with {manager}"),
                    field: path.clone(),
                })
            })
            .collect();
        let message = match causes.as_slice() {
            [one] => format!("Apply failed with 1 conflict: {}: {}", one.message, one.field),
            _ => {
                let lines = by_manager.iter().flat_map(|(manager, paths)| {
                    let paths = paths.iter().map(|path| format!("- {path}"));
                    std::iter::once(format!("conflicts with {manager}:")).chain(paths)
                });
                format!("Apply failed with {} conflicts: {}", causes.len(), lines.collect::<Vec<_>>().join("\n"))
            }
        };
        let details = Details { causes, ..Details::default() };
        Self { details: Some(Box::new(details)), ..Self::new(409, "Conflict", message) }
    }
}
