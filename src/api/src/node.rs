//! A value and its place: what validation walks over.
//!
//! A [`Node`] reads a JSON value as Go reads a struct (absent is the zero value) and knows the path that an error about
//! it names. Reading a field of it costs nothing; going to a field builds that field's path.
//!
//! ```
//! use api::node::Node;
//! let pod = serde_json::json!({"spec": {"containers": [{"name": ""}]}});
//! for container in Node::root(&pod).items("spec.containers") {
//!     if container.text("name").is_empty() {
//!         let error = container.child("name").required("");
//!         assert_eq!(error.to_string(), "spec.containers[0].name: Required value");
//!     }
//! }
//! ```

use apimachinery::{
    api::resource::Quantity,
    meta::{label_selector::LabelSelector, object_meta::ObjectMeta},
    runtime::object::Object,
    util::intstr::IntOrString,
    validation::field::{BadValue, Error, Path},
};
use serde_json::{Map, Value};

/// A value somewhere in an object.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The value; `None` where there is none.
    pub value: Option<&'a Value>,
    /// Where it is.
    pub path: Path,
}

/// Reads `null` as absent.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Returns the value at dotted names.
pub fn at<'a>(value: Option<&'a Value>, names: &str) -> Option<&'a Value> {
    present(names.split('.').try_fold(value?, |value, name| value.get(name)))
}

impl<'a> Node<'a> {
    /// Starts at a whole object.
    pub fn root(value: &'a Value) -> Self {
        Self { value: Some(value), path: Path::default() }
    }

    /// Starts at a field of an object, by dotted names: `spec`, `spec.template`.
    pub fn of(object: &'a Object, names: &str) -> Self {
        let parts: Vec<&str> = names.split('.').collect();
        Self { value: present(object.get(&parts)), path: Path::new(names) }
    }

    /// Puts a value at a path.
    pub fn new(value: Option<&'a Value>, path: Path) -> Self {
        Self { value: present(value), path }
    }

    /// Goes to a field, by dotted names.
    #[must_use]
    pub fn child(&self, names: &str) -> Self {
        Self { value: self.get(names), path: self.path.child(names) }
    }

    /// Goes to an item of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self { value: present(self.value.and_then(|value| value.get(index))), path: self.path.index(index) }
    }

    /// Goes to an entry of this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self { value: present(self.value.and_then(|value| value.get(key))), path: self.path.key(key) }
    }

    /// Gives the same value another place.
    #[must_use]
    pub fn at(mut self, path: Path) -> Self {
        self.path = path;
        self
    }

    /// Reads absent text as empty text, which an error then shows.
    #[must_use]
    pub fn or_empty(self) -> Self {
        static EMPTY: Value = Value::String(String::new());
        Self { value: self.value.or(Some(&EMPTY)), path: self.path }
    }

    /// Says whether there is a value. Go: != nil
    pub fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// Returns a field, by dotted names.
    pub fn get(&self, names: &str) -> Option<&'a Value> {
        at(self.value, names)
    }

    /// Says whether a field is there.
    pub fn has(&self, names: &str) -> bool {
        self.get(names).is_some()
    }

    /// Returns the text of a field; empty if absent.
    pub fn text(&self, names: &str) -> &'a str {
        self.get(names).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the number of a field; 0 if absent.
    pub fn int(&self, names: &str) -> i64 {
        self.opt_int(names).unwrap_or_default()
    }

    /// Returns the number of a field, if it is there.
    pub fn opt_int(&self, names: &str) -> Option<i64> {
        self.get(names).and_then(Value::as_i64)
    }

    /// Returns the truth of a field; false if absent.
    pub fn flag(&self, names: &str) -> bool {
        self.opt_flag(names).unwrap_or_default()
    }

    /// Returns the truth of a field, if it is there.
    pub fn opt_flag(&self, names: &str) -> Option<bool> {
        self.get(names).and_then(Value::as_bool)
    }

    /// Returns the items of a list, none if absent, each at its place.
    pub fn items(&self, names: &str) -> Vec<Node<'a>> {
        self.child(names).items_here()
    }

    /// Returns how many items a list has, or entries a map.
    pub fn len(&self, names: &str) -> usize {
        match self.get(names) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(entries)) => entries.len(),
            _ => 0,
        }
    }

    /// Returns the texts of a list of strings.
    pub fn texts(&self, names: &str) -> Vec<&'a str> {
        self.get(names).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Returns the entries of a map, in order, each at its place: `data[key]`.
    pub fn entries(&self, names: &str) -> Vec<(&'a str, Node<'a>)> {
        self.child(names).entries_here()
    }

    /// Returns the entries of this map, in order, each at its place.
    pub fn entries_here(&self) -> Vec<(&'a str, Node<'a>)> {
        let entries = self.value.and_then(Value::as_object).into_iter().flatten();
        entries
            .map(|(key, value)| (key.as_str(), Node { value: present(Some(value)), path: self.path.key(key) }))
            .collect()
    }

    /// Says whether this map has a key; dots in it mean nothing.
    pub fn has_key(&self, key: &str) -> bool {
        self.value.and_then(Value::as_object).is_some_and(|entries| entries.contains_key(key))
    }

    /// Returns the items of this list, each at its place.
    pub fn items_here(&self) -> Vec<Node<'a>> {
        let items = self.value.and_then(Value::as_array).into_iter().flatten().enumerate();
        items.map(|(index, item)| Node { value: present(Some(item)), path: self.path.index(index) }).collect()
    }

    /// Returns the fields of an object.
    pub fn fields(&self, names: &str) -> Option<&'a Map<String, Value>> {
        self.get(names).and_then(Value::as_object)
    }

    /// Returns this text; empty if absent.
    pub fn as_str(&self) -> &'a str {
        self.value.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns this number; 0 if absent.
    pub fn as_int(&self) -> i64 {
        self.value.and_then(Value::as_i64).unwrap_or_default()
    }

    /// Returns the quantity of a field, if it is there and well-formed.
    pub fn quantity(&self, names: &str) -> Option<Quantity> {
        Quantity::from_value(self.get(names)?).ok()
    }

    /// Returns this quantity.
    pub fn as_quantity(&self) -> Option<Quantity> {
        Quantity::from_value(self.value?).ok()
    }

    /// Returns the number or text of a field.
    pub fn int_or_string(&self, names: &str) -> Option<IntOrString> {
        IntOrString::from_value(self.get(names)?)
    }

    /// Views a field as a label selector.
    pub fn selector(&self, names: &str) -> LabelSelector<'a> {
        LabelSelector::new(self.get(names))
    }

    /// Views this as a label selector.
    pub fn selector_here(&self) -> LabelSelector<'a> {
        LabelSelector::new(self.value)
    }

    /// Views `metadata`.
    pub fn meta(&self) -> ObjectMeta<'a> {
        ObjectMeta::new(self.get("metadata"))
    }

    /// The value as an error shows it; absent text is the empty string.
    pub fn shown(&self) -> BadValue {
        BadValue::Value(self.value.cloned().unwrap_or_default())
    }

    /// The value as text, as an error shows it.
    fn shown_text(&self) -> BadValue {
        match self.value {
            None => BadValue::from(""),
            Some(value) => BadValue::Value(value.clone()),
        }
    }

    /// It is missing.
    pub fn required(&self, detail: impl Into<String>) -> Error {
        Error::required(&self.path, detail)
    }

    /// It is not as it should be.
    pub fn invalid(&self, detail: impl Into<String>) -> Error {
        Error::invalid(&self.path, self.shown_text(), detail)
    }

    /// It may not be there.
    pub fn forbidden(&self, detail: impl Into<String>) -> Error {
        Error::forbidden(&self.path, detail)
    }

    /// It must be unique and is not.
    pub fn duplicate(&self) -> Error {
        Error::duplicate(&self.path, self.shown_text())
    }

    /// It is none of these values; they are shown in this order.
    pub fn not_supported(&self, supported: &[&str]) -> Error {
        Error::not_supported(&self.path, self.shown_text(), supported)
    }

    /// It does not exist.
    pub fn not_found(&self) -> Error {
        Error::not_found(&self.path, self.shown_text())
    }
}
