//! `metav1.LabelSelector`, the selector that stands inside objects, and what it means.
//!
//! Go: apimachinery/pkg/apis/meta/v1/helpers.go

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    labels::selector::{Operator, Requirement, Selector},
    runtime::object,
    util::strconv,
    validation::field::{BadValue, Path},
};

/// A view of a label selector; all of `matchLabels` and `matchExpressions` must hold.
#[derive(Clone, Copy, Debug)]
pub struct LabelSelector<'a>(Option<&'a Map<String, Value>>);

/// One entry of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// With what it is compared.
    pub values: Vec<String>,
}

impl<'a> LabelSelector<'a> {
    /// Views a value; absent (or `null`) is Go's nil selector.
    pub fn new(selector: Option<&'a Value>) -> Self {
        Self(selector.and_then(Value::as_object))
    }

    /// Says whether there is no selector.
    pub fn is_nil(self) -> bool {
        self.0.is_none()
    }

    /// Says whether there is a selector that demands nothing.
    pub fn is_empty(self) -> bool {
        !self.is_nil() && self.match_labels().next().is_none() && self.expressions().next().is_none()
    }

    /// Returns `matchLabels`, in order.
    pub fn match_labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.0.and_then(|fields| fields.get("matchLabels")).and_then(Value::as_object);
        fields.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Returns `matchExpressions`.
    pub fn expressions(self) -> impl Iterator<Item = LabelSelectorRequirement> {
        let list = self.0.and_then(|fields| fields.get("matchExpressions")).and_then(Value::as_array);
        list.into_iter().flatten().map(|entry| LabelSelectorRequirement {
            key: entry["key"].as_str().unwrap_or_default().to_owned(),
            operator: entry["operator"].as_str().unwrap_or_default().to_owned(),
            values: object::strings(entry.get("values")).into_iter().map(str::to_owned).collect(),
        })
    }

    /// Returns what the selector means: none matches nothing, an empty one everything.
    ///
    /// Go: apimachinery/pkg/apis/meta/v1/helpers.go LabelSelectorAsSelector
    pub fn as_selector(self) -> Result<Selector, String> {
        if self.is_nil() {
            return Ok(Selector::Nothing);
        }
        let path = Path::default();
        let mut requirements = Vec::new();
        for (key, value) in self.match_labels() {
            let requirement = Requirement::new(key, Operator::Equals, vec![value.to_owned()], &path);
            requirements.push(requirement.map_err(|errors| errors.to_string())?);
        }
        for LabelSelectorRequirement { key, operator, values } in self.expressions() {
            let operator = match operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(format!("{} is not a valid label selector operator", strconv::quote(other))),
            };
            let requirement = Requirement::new(&key, operator, values, &path);
            requirements.push(requirement.map_err(|errors| errors.to_string())?);
        }
        Ok(Selector::from_requirements(requirements))
    }

    /// Returns the selector as an error shows it, its fields in Go's order.
    pub fn shown(self) -> BadValue {
        let Some(fields) = self.0 else { return BadValue::Value(Value::Null) };
        let mut parts = Vec::new();
        if let Some(labels) =
            fields.get("matchLabels").filter(|labels| labels.as_object().is_some_and(|l| !l.is_empty()))
        {
            parts.push(format!("\"matchLabels\":{}", strconv::marshal(labels)));
        }
        let shown: Vec<String> = self.expressions().map(|expression| expression.shown()).collect();
        if !shown.is_empty() {
            parts.push(format!("\"matchExpressions\":[{}]", shown.join(",")));
        }
        BadValue::Text(format!("{{{}}}", parts.join(",")))
    }
}

impl LabelSelectorRequirement {
    fn shown(&self) -> String {
        let text = |text: &str| strconv::marshal(&Value::from(text));
        let mut shown = format!("{{\"key\":{},\"operator\":{}", text(&self.key), text(&self.operator));
        if !self.values.is_empty() {
            shown += &format!(",\"values\":{}", strconv::marshal(&Value::from(self.values.clone())));
        }
        shown + "}"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_become_requirements() {
        let value = json!({"matchLabels": {"a": "1"}, "matchExpressions": [
            {"key": "b", "operator": "In", "values": ["y", "x"]}, {"key": "c", "operator": "DoesNotExist"}]});
        let selector = LabelSelector::new(Some(&value));
        assert_eq!(selector.as_selector().expect("valid").to_string(), "a=1,b in (x,y),!c");
        let shown = r#"{"matchLabels":{"a":"1"},"matchExpressions":[{"key":"b","operator":"In","values":["y","x"]},{"key":"c","operator":"DoesNotExist"}]}"#;
        assert_eq!(selector.shown().to_string(), shown);
    }

    #[test]
    fn none_is_nothing_and_empty_is_everything() {
        assert_eq!(LabelSelector::new(None).as_selector(), Ok(Selector::Nothing));
        let empty = json!({});
        assert_eq!(LabelSelector::new(Some(&empty)).as_selector(), Ok(Selector::everything()));
        assert!(LabelSelector::new(Some(&empty)).is_empty());
    }

    #[test]
    fn unknown_operators_are_refused() {
        let value = json!({"matchExpressions": [{"key": "b", "operator": "in"}]});
        let error = LabelSelector::new(Some(&value)).as_selector().expect_err("lower case");
        assert_eq!(error, "\"in\" is not a valid label selector operator");
    }
}
