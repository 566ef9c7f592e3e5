//! How objects are shown in columns: `kubectl get`.
//!
//! Go: apiserver/pkg/registry/rest/table.go

use std::time::Duration;

use apimachinery::{meta::time, runtime::object::Object};
use serde_json::{Value, json};

use crate::registry::rest::Result;

/// Makes rows of objects.
///
/// Go: rest.TableConvertor
pub trait TableConvertor: Send + Sync {
    /// Returns the columns: `TableColumnDefinition` each.
    fn columns(&self) -> Vec<Value>;
    /// Returns how the rows of an empty list are written; Go's list of them is there from the beginning, or not.
    fn no_rows(&self) -> &'static str {
        "[]"
    }
    /// Says where the row of an object stands: those of a lower rank come first, then all in the order of the list.
    fn rank(&self, _object: &Object) -> i64 {
        0
    }
    /// Returns the cells of one object, in the order of the columns. `now` is the time of day: some cells are ages.
    fn cells(&self, now: Duration, object: &Object) -> Result<Vec<Value>>;
}

/// The columns of a kind that nobody described: name and time of creation.
///
/// Go: rest.DefaultTableConvertor
#[derive(Clone, Copy, Debug)]
pub struct DefaultTableConvertor;

impl TableConvertor for DefaultTableConvertor {
    fn columns(&self) -> Vec<Value> {
        let column = |name: &str, kind: &str, format: &str, description: &str| json!({"name": name, "type": kind, "format": format, "description": description, "priority": 0});
        vec![
            column("Name", "string", "name", "Name must be unique within a namespace."),
            column("Created At", "date", "", "The time at which the server saw the object for the first time."),
        ]
    }

    fn no_rows(&self) -> &'static str {
        "null"
    }

    fn cells(&self, _: Duration, object: &Object) -> Result<Vec<Value>> {
        let created = object.str(&["metadata", "creationTimestamp"]);
        let created = time::parse(created).map(time::rfc3339).unwrap_or_default();
        Ok(vec![object.name().into(), created.into()])
    }
}
