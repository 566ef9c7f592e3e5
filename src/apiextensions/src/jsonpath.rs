//! Paths into an object, as printer columns and selectable fields name them: `.status.conditions[?(@.type=="Ready")].status`.
//!
//! Go: client-go/util/jsonpath/{parser,jsonpath}.go
//!
//! Simplified: no ranges, no unions, no recursive descent: `..` and `[0:2]` find nothing.

use std::cmp::Ordering;

use apimachinery::util::strconv;
use serde_json::Value;

/// A path that is ready to be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct JSONPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// Negative: from the end.
    Index(i64),
    /// All items, or all values.
    Every,
    Filter(Filter),
}

/// `?(@.type=="Ready")`
#[derive(Clone, Debug, PartialEq)]
struct Filter {
    path: JSONPath,
    /// `None`: the field only has to be there.
    compare: Option<(String, Value)>,
}

impl JSONPath {
    /// Reads a path: `.spec.replicas`. `None`: it is none that is known here.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (step, left) = match rest.strip_prefix('[') {
                Some(inside) => bracket(inside)?,
                None => field(rest.strip_prefix('.').unwrap_or(rest))?,
            };
            steps.extend(step);
            rest = left;
        }
        Some(Self(steps))
    }

    /// Returns what stands at the path; nothing where something on the way is missing.
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![value], |found, step| found.into_iter().flat_map(|value| step.take(value)).collect())
    }
}

/// Reads a name up to the next step; a backslash takes a dot as it is.
fn field(text: &str) -> Option<(Option<Step>, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => name.push(chars.next()?.1),
            // Two dots mean a search below, which nothing is found by.
            '.' if at == 0 => return None,
            '.' | '[' => return Some((named(name), &text[at..])),
            _ => name.push(char),
        }
    }
    Some((named(name), ""))
}

fn named(name: String) -> Option<Step> {
    match name.as_str() {
        "" => None,
        "*" => Some(Step::Every),
        _ => Some(Step::Field(name)),
    }
}

/// Reads what stands between brackets.
fn bracket(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(") {
        let end = filter.find(")]")?;
        return Some((Some(Step::Filter(Filter::parse(&filter[..end])?)), &filter[end + 2..]));
    }
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        let end = text[1..].find(quote)? + 1;
        return Some((Some(Step::Field(text[1..end].to_owned())), text[end + 1..].strip_prefix(']')?));
    }
    let (inside, rest) = text.split_once(']')?;
    let step = match inside.trim() {
        "*" => Step::Every,
        index => Step::Index(index.parse().ok()?),
    };
    Some((Some(step), rest))
}

impl Filter {
    fn parse(text: &str) -> Option<Self> {
        // The longer operators first: `<=` begins with `<`.
        let operator = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|operator| text.contains(operator));
        let path = |text: &str| JSONPath::parse(text.trim().strip_prefix('@')?);
        let Some(operator) = operator else { return Some(Self { path: path(text)?, compare: None }) };
        let (left, right) = text.split_once(operator)?;
        let right = right.trim();
        let value = match right.chars().next()? {
            quote @ ('\'' | '"') => right[1..].strip_suffix(quote)?.into(),
            _ => serde_json::from_str(right).ok()?,
        };
        Some(Self { path: path(left)?, compare: Some((operator.to_owned(), value)) })
    }

    fn takes(&self, item: &Value) -> bool {
        let found = self.path.find(item);
        let Some(found) = found.first() else { return false };
        let Some((operator, value)) = &self.compare else { return true };
        let order = match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) => found.partial_cmp(&value),
            _ => match (found.as_str(), value.as_str()) {
                (Some(found), Some(value)) => Some(found.cmp(value)),
                _ => (*found == value).then_some(Ordering::Equal),
            },
        };
        match operator.as_str() {
            "==" => order.is_some_and(Ordering::is_eq),
            "!=" => order.is_none_or(Ordering::is_ne),
            "<=" => order.is_some_and(Ordering::is_le),
            ">=" => order.is_some_and(Ordering::is_ge),
            "<" => order.is_some_and(Ordering::is_lt),
            _ => order.is_some_and(Ordering::is_gt),
        }
    }
}

impl Step {
    fn take<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Field(name), Value::Object(fields)) => fields.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(items)) => {
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let index = if *index < 0 { length + index } else { *index };
                usize::try_from(index).ok().and_then(|index| items.get(index)).into_iter().collect()
            }
            (Self::Every, Value::Array(items)) => items.iter().collect(),
            (Self::Every, Value::Object(fields)) => fields.values().collect(),
            (Self::Filter(filter), Value::Array(items)) => items.iter().filter(|item| filter.takes(item)).collect(),
            _ => Vec::new(),
        }
    }
}

/// Prints a value as a cell of text: strings as they are, anything else as JSON.
///
/// Go: JSONPath.PrintResults
pub fn print(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Object(_) | Value::Array(_) => value.to_string(),
        Value::Bool(_) | Value::Number(_) => strconv::sprint(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_followed_as_far_as_they_go() {
        let value = json!({"spec": {"n": 3, "a.b": 1, "list": [{"t": "x", "v": 1}, {"t": "y", "v": 2}]}});
        for (path, expected) in [
            (".spec.n", vec![json!(3)]),
            ("{.spec.n}", vec![json!(3)]),
            (r".spec.a\.b", vec![json!(1)]),
            (".spec['a.b']", vec![json!(1)]),
            (".spec.list[0].v", vec![json!(1)]),
            (".spec.list[-1].v", vec![json!(2)]),
            (".spec.list[*].t", vec![json!("x"), json!("y")]),
            (r#".spec.list[?(@.t=="y")].v"#, vec![json!(2)]),
            (".spec.list[?(@.v>1)].t", vec![json!("y")]),
            (".spec.missing.more", vec![]),
        ] {
            let found: Vec<Value> = JSONPath::parse(path).expect(path).find(&value).into_iter().cloned().collect();
            assert_eq!(found, expected, "{path}");
        }
        assert_eq!(JSONPath::parse("..n"), None);
    }
}
