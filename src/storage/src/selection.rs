//! Which objects a list or a watch is about.
//!
//! Go: apiserver/pkg/storage/selection_predicate.go

use std::{fmt, sync::Arc};

use apimachinery::runtime::encoded::Encoded;

/// Says whether an object is selected, by its labels and fields.
pub type Matches = Arc<dyn Fn(&Encoded) -> bool + Send + Sync>;

/// Which objects, how many, and from where on.
///
/// Go: SelectionPredicate
#[derive(Clone, Default)]
pub struct SelectionPredicate {
    /// Label and field selector together; `None` selects everything.
    pub matches: Option<Matches>,
    /// The namespace that the field selector asks for, if it does: `metadata.namespace=shop`.
    pub namespace: Option<String>,
    /// The name that the field selector asks for, if it does: `metadata.name=web`.
    pub name: Option<String>,
    /// A field and the value that the field selector demands of it, if it does. A watch that says so is not
    /// even looked at for changes of objects with other values: what a kubelet watches among all pods.
    pub exact: Option<(String, String)>,
    /// At most so many; 0: all.
    pub limit: i64,
    /// Where an earlier list ended; empty: from the beginning.
    pub continue_token: String,
}

impl fmt::Debug for SelectionPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectionPredicate")
            .field("everything", &self.everything())
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("exact", &self.exact)
            .field("limit", &self.limit)
            .field("continue_token", &self.continue_token)
            .finish_non_exhaustive()
    }
}

impl SelectionPredicate {
    /// Says whether every object is selected.
    ///
    /// Go: Empty
    pub fn everything(&self) -> bool {
        self.matches.is_none()
    }

    /// Says whether an object is selected.
    ///
    /// Go: MatchesObjectAttributes
    pub fn selects(&self, object: &Encoded) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches(object))
    }

    /// Returns the limit as a count; 0: all.
    pub fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or_default()
    }
}
