//! What `kubectl get` shows of each kind.
//!
//! A printer is the names of its columns and a function from an object to their cells. Kinds without one show their name
//! and the time of their creation.
//!
//! Go: pkg/printers/internalversion/printers.go

pub mod cells;

pub mod admission;
pub mod cluster;
pub mod core;
pub mod network;
pub mod node;
pub mod pod;
pub mod storage;
pub mod workloads;

use std::time::Duration;

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use serde_json::{Value, json};

/// How a kind is shown.
#[derive(Clone, Copy)]
pub struct Printer {
    /// The columns after the name, by blanks: `Up-to-date:integer Selector*`. An underscore is a blank in the name, an
    /// asterisk marks what only `-o wide` shows. The name is the first column, unless `name_first` is false.
    pub columns: &'static str,
    /// Whether the name is the first column; else it stands in `columns`.
    pub name_first: bool,
    /// The cells after the name: of an object, at this time of day.
    pub cells: fn(&Object, Duration) -> Vec<Value>,
}

impl Printer {
    const fn new(columns: &'static str, cells: fn(&Object, Duration) -> Vec<Value>) -> Self {
        Self { columns, name_first: true, cells }
    }

    /// Returns the columns, a `TableColumnDefinition` each.
    pub fn column_definitions(&self) -> Vec<Value> {
        let name = self.name_first.then_some("Name");
        name.into_iter().chain(self.columns.split_whitespace()).map(column).collect()
    }

    /// Returns the cells of an object.
    pub fn row(&self, object: &Object, now: Duration) -> Vec<Value> {
        let name = self.name_first.then(|| cells::name(object));
        name.into_iter().chain((self.cells)(object, now)).collect()
    }
}

fn column(word: &str) -> Value {
    let (word, priority) = word.strip_suffix('*').map_or((word, 0), |word| (word, 1));
    let (word, format) = word.split_once('@').unwrap_or((word, ""));
    let (name, kind) = word.split_once(':').unwrap_or((word, "string"));
    let name = name.replace('_', " ");
    let format = if name == "Name" { "name" } else { format };
    // The one column that Kubernetes does not describe.
    let description = if name == "Handler" { String::new() } else { describe(&name) };
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

/// Says what a column shows.
fn describe(name: &str) -> String {
    match name {
        "Name" => "The name of the object, unique in its namespace.".to_owned(),
        "Age" => "The time since the object was created.".to_owned(),
        "Containers" => "The names of the containers in the template.".to_owned(),
        "Images" => "The images of the containers in the template.".to_owned(),
        "Selector" => "The selector that tells which pods belong to the object.".to_owned(),
        other => format!("{other} of the object."),
    }
}

/// Returns the printer of a kind, if it has one.
pub fn of(kind: &GroupVersionKind) -> Option<&'static Printer> {
    let all = [
        core::PRINTERS,
        workloads::PRINTERS,
        network::PRINTERS,
        storage::PRINTERS,
        cluster::PRINTERS,
        admission::PRINTERS,
    ];
    let found = |(group, name, _): &&(&str, &str, Printer)| *group == kind.group && *name == kind.kind;
    all.iter().find_map(|list| list.iter().find(found)).map(|(_, _, printer)| printer)
}
