//! What `kubectl get` shows of a custom resource: its name, and the columns that its definition names.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresource/tableconvertor/tableconvertor.go,
//! apiextensions-apiserver/pkg/apiserver/helpers.go

use std::time::Duration;

use apimachinery::{meta::time, runtime::object::Object};
use apiserver::registry::rest::{Result, table::TableConvertor};
use component_base::duration;
use serde_json::{Value, json};

use crate::{
    definition::{Column, Scale, Version},
    jsonpath::{self, JSONPath},
};

/// What a column without a description says.
const CREATED: &str = "When the object was created.";
const NAME: &str = "The name of the object, unique in its namespace.";

/// Shows objects in columns.
///
/// Go: convertor
pub struct Columns(Vec<(Column, JSONPath)>);

impl Columns {
    /// Returns the columns of a version; without any of its own, the age.
    ///
    /// Go: getColumnsForVersion
    pub fn of_version(version: &Version) -> Self {
        if version.additional_printer_columns.is_empty() {
            return Self::new(vec![age()]);
        }
        Self::new(version.additional_printer_columns.clone())
    }

    /// Returns the columns of `/scale`.
    ///
    /// Go: getScaleColumnsForVersion
    pub fn of_scale(scale: &Scale) -> Self {
        let replicas = |path: &str, name: &str, description: &str, at: &str| {
            (!path.is_empty()).then(|| Column {
                name: name.to_owned(),
                kind: "integer".to_owned(),
                description: description.to_owned(),
                json_path: at.to_owned(),
                ..Column::default()
            })
        };
        let desired = replicas(&scale.spec_replicas_path, "Desired", "Number of desired replicas", ".spec.replicas");
        let actual =
            replicas(&scale.status_replicas_path, "Available", "Number of actual replicas", ".status.replicas");
        Self::new(desired.into_iter().chain(actual).chain([age()]).collect())
    }

    /// A column whose path cannot be read is left out, with all that follow it.
    fn new(columns: Vec<Column>) -> Self {
        let read = |column: Column| JSONPath::parse(&column.json_path).map(|path| (column, path));
        Self(columns.into_iter().map_while(read).collect())
    }
}

fn age() -> Column {
    Column {
        name: "Age".to_owned(),
        kind: "date".to_owned(),
        description: CREATED.to_owned(),
        json_path: ".metadata.creationTimestamp".to_owned(),
        ..Column::default()
    }
}

impl TableConvertor for Columns {
    fn columns(&self) -> Vec<Value> {
        let column = |column: &Column| {
            let described = if column.description.is_empty() {
                format!("Custom resource definition column (in JSONPath format): {}", column.json_path)
            } else {
                column.description.clone()
            };
            json!({
                "name": column.name, "type": column.kind, "format": column.format, "description": described,
                "priority": column.priority,
            })
        };
        let name = json!({"name": "Name", "type": "string", "format": "name", "description": NAME, "priority": 0});
        std::iter::once(name).chain(self.0.iter().map(|(definition, _)| column(definition))).collect()
    }

    fn cells(&self, now: Duration, object: &Object) -> Result<Vec<Value>> {
        let value = Value::Object(object.0.clone());
        let cells = self.0.iter().map(|(column, path)| match path.find(&value).first() {
            None => Value::Null,
            Some(found) => cell(&column.kind, found, now),
        });
        Ok(std::iter::once(object.name().into()).chain(cells).collect())
    }
}

/// Go: cellForJSONValue
fn cell(kind: &str, value: &Value, now: Duration) -> Value {
    match (kind, value) {
        ("string", value) => jsonpath::print(value).into(),
        ("integer", Value::Number(number)) => {
            let truncated = number.as_f64().map(|number| number as i64);
            number.as_i64().or(truncated).map_or(Value::Null, Value::from)
        }
        ("number", Value::Number(number)) => Value::Number(number.clone()),
        ("boolean", Value::Bool(flag)) => (*flag).into(),
        ("date", Value::String(text)) => match time::parse(text) {
            None => "<invalid>".into(),
            Some(then) => {
                let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
                    - i64::try_from(then.as_nanos()).unwrap_or(i64::MAX);
                duration::human_duration(duration::Duration { nanos }).into()
            }
        },
        _ => Value::Null,
    }
}
