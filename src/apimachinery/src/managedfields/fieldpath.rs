//! Sets of paths into an object, in memory as they are on the wire.
//!
//! ```text
//!   f:spec                          a field            .spec
//!     f:containers                  a field                .containers
//!       k:{"name":"main"}           an item by its keys        [name="main"]
//!         .                         the item itself
//!         f:image                   a field                        .image
//!   f:finalizers
//!     v:"x.example.com/a"           an item by its value       [="x.example.com/a"]
//! ```
//!
//! A path element is kept as its text on the wire. That text is canonical (keys sorted, JSON compact), so
//! comparing elements is comparing texts, and a set is read and written without a detour.
//!
//! Go: structured-merge-diff/fieldpath/{element,set,serialize,serialize-pe}.go

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};

/// A set of paths: a tree whose nodes say whether the path that leads to them is in the set.
///
/// Invariant: no child is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Whether the path to this node is in the set. Meaningless at the root.
    pub(super) member: bool,
    /// What follows, by path element.
    pub(super) children: BTreeMap<String, Set>,
}

/// Returns the element of a field.
pub(super) fn field_element(name: &str) -> String {
    format!("f:{name}")
}

/// Returns the name of a field, if the element is one.
pub(super) fn field_name(element: &str) -> Option<&str> {
    element.strip_prefix("f:")
}

/// Returns the element of an item that is told apart by fields, given in order of their names.
pub(super) fn key_element<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let mut element = String::from("k:{");
    for (index, (name, value)) in fields.enumerate() {
        if index > 0 {
            element.push(',');
        }
        write!(element, "{}:{}", Value::from(name), canonical(value)).expect("writing to a string");
    }
    element.push('}');
    element
}

/// Returns the element of an item that is told apart by its value.
pub(super) fn value_element(value: &Value) -> String {
    format!("v:{}", canonical(value))
}

/// Numbers are equal whatever they were written like.
fn canonical(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => (float as i64).to_string(),
        _ => value.to_string(),
    }
}

/// Brings an element from the wire into canonical form. `None`: of a kind that is not known, and passed over.
fn parse_element(text: &str) -> Result<Option<String>, String> {
    let (kind, rest) = text.split_once(':').ok_or_else(|| format!("missing colon: {text:?}"))?;
    let json = |text: &str| {
        serde_json::from_str::<Value>(text).map_err(|error| format!("parsing key as path element: {error}"))
    };
    Ok(match kind {
        "f" => Some(text.to_owned()),
        "i" => Some(rest.parse::<u64>().map(|index| format!("i:{index}")).map_err(|error| error.to_string())?),
        "v" => Some(value_element(&json(rest)?)),
        "k" => match json(rest)? {
            Value::Object(fields) => Some(key_element(fields.iter().map(|(name, value)| (name.as_str(), value)))),
            _ => return Err("parsing key as path element: expected object".to_owned()),
        },
        _ => None,
    })
}

/// Writes an element as it stands in messages: `.spec`, `[name="main"]`.
pub(super) fn display_element(element: &str) -> String {
    let (kind, rest) = element.split_once(':').unwrap_or(("f", element));
    match kind {
        "f" => format!(".{rest}"),
        "v" => format!("[={rest}]"),
        "k" => {
            let fields: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", fields.join(","))
        }
        _ => format!("[{rest}]"),
    }
}

impl Set {
    /// Returns the set of these paths of field names.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let node = path.iter().fold(&mut set, |node, name| node.children.entry(field_element(name)).or_default());
            node.member = true;
        }
        set
    }

    /// Returns the set with only the path that leads here.
    pub(super) fn here() -> Self {
        Self { member: true, children: BTreeMap::new() }
    }

    /// Reads `fieldsV1`.
    pub fn parse(fields: &Value) -> Result<Self, String> {
        let mut set = Self::default();
        let Value::Object(fields) = fields else {
            return if fields.is_null() { Ok(set) } else { Err("expected object".to_owned()) };
        };
        for (name, below) in fields {
            if name == "." {
                set.member = true;
            } else if let Some(element) = parse_element(name)? {
                let mut child = Self::parse(below)?;
                child.member |= child.children.is_empty();
                set.children.insert(element, child);
            }
        }
        Ok(set)
    }

    /// Writes `fieldsV1`.
    pub fn to_fields(&self) -> Value {
        let mut fields = Map::new();
        for (element, child) in &self.children {
            let mut below = child.to_fields();
            if let Value::Object(below) = &mut below
                && child.member
                && !below.is_empty()
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(element.clone(), below);
        }
        Value::Object(fields)
    }

    /// Says whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Says whether the path of one element is in the set.
    pub(super) fn has(&self, element: &str) -> bool {
        self.children.get(element).is_some_and(|child| child.member)
    }

    /// Returns what lies below an element, if anything does.
    pub(super) fn below(&self, element: &str) -> Option<&Self> {
        self.children.get(element).filter(|child| !child.children.is_empty())
    }

    /// Puts a subtree below an element, unless it is empty.
    pub(super) fn attach(&mut self, element: String, child: Self) {
        if !child.is_empty() {
            self.children.insert(element, child);
        }
    }

    /// Adds the paths of another set.
    pub fn union(&mut self, other: &Self) {
        self.member |= other.member;
        for (element, child) in &other.children {
            match self.children.get_mut(element) {
                Some(own) => own.union(child),
                None => {
                    self.children.insert(element.clone(), child.clone());
                }
            }
        }
    }

    /// Removes the paths of another set; what lies below them stays.
    pub fn difference(&mut self, other: &Self) {
        self.member &= !other.member;
        for (element, child) in &other.children {
            if let Some(own) = self.children.get_mut(element) {
                own.difference(child);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// Removes the paths of another set and all that lies below them.
    pub fn recursive_difference(&mut self, other: &Self) {
        for (element, child) in &other.children {
            if child.member {
                self.children.remove(element);
            } else if let Some(own) = self.children.get_mut(element) {
                own.recursive_difference(child);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// Returns the paths that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self { member: self.member && other.member, children: BTreeMap::new() };
        // Look up the fewer in the more.
        let (fewer, more) = if self.children.len() <= other.children.len() { (self, other) } else { (other, self) };
        for (element, child) in &fewer.children {
            if let Some(other) = more.children.get(element) {
                both.attach(element.clone(), child.intersection(other));
            }
        }
        both
    }

    /// Returns the paths as they stand in messages, those of a level before those below it.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.children.iter().filter(|(_, child)| child.member);
        paths.extend(members.map(|(element, _)| format!("{prefix}{}", display_element(element))));
        for (element, child) in self.children.iter().filter(|(_, child)| !child.children.is_empty()) {
            child.collect(&format!("{prefix}{}", display_element(element)), paths);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: Value) -> Set {
        Set::parse(&fields).expect("a set")
    }

    #[test]
    fn sets_are_read_and_written() {
        let fields = json!({"f:spec": {".": {}, "f:list": {"k:{\"a\":1,\"b\":\"x\"}": {".": {}, "f:c": {}}}, "f:set": {"v:\"y\"": {}}}});
        assert_eq!(set(fields.clone()).to_fields(), fields);
        assert_eq!(
            set(fields).paths(),
            [".spec", ".spec.list[a=1,b=\"x\"]", ".spec.list[a=1,b=\"x\"].c", ".spec.set[=\"y\"]"]
        );
        let odd = json!({"f:l": {"k:{ \"b\": 1.0, \"a\": 2}": {}, "z:later": {}}});
        assert_eq!(set(odd).to_fields(), json!({"f:l": {"k:{\"a\":2,\"b\":1}": {}}}));
        assert!(Set::parse(&json!({"k:no": {}})).is_err());
    }

    #[test]
    fn sets_are_computed_with() {
        let left = set(json!({"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {}}));
        let right = set(json!({"f:a": {"f:b": {}}, "f:e": {}}));
        let mut union = left.clone();
        union.union(&right);
        assert_eq!(union.to_fields(), json!({"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {}, "f:e": {}}));
        let mut difference = left.clone();
        difference.difference(&right);
        assert_eq!(difference.to_fields(), json!({"f:a": {".": {}, "f:c": {}}, "f:d": {}}));
        assert_eq!(left.intersection(&right).to_fields(), json!({"f:a": {"f:b": {}}}));
        let mut rest = left.clone();
        rest.recursive_difference(&set(json!({"f:a": {}})));
        assert_eq!(rest.to_fields(), json!({"f:d": {}}));
        difference.difference(&left);
        assert!(difference.is_empty());
    }
}
