//! What an expression evaluates to.
//!
//! Go: cel-go/common/types
//!
//! Compound values are shared, so that passing an object into an expression copies a pointer.

use std::{cmp::Ordering, collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use apimachinery::{api::resource::Quantity, util::url::Url};
use ipnet::IpNet;
use semver::Version;
use serde_json::Value as Json;

/// A value. Integers of JSON are `Int`, as in Kubernetes' use of the language.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// 64 bits, signed.
    Int(i64),
    /// 64 bits, unsigned.
    Uint(u64),
    /// 64 bits, floating.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// Octets.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map.
    Map(Arc<BTreeMap<Key, Value>>),
    /// A duration, in nanoseconds.
    Duration(i64),
    /// A moment, in nanoseconds since the Unix epoch.
    Timestamp(i128),
    /// A type, by name.
    Type(&'static str),
    /// A value that may be absent.
    Optional(Option<Arc<Value>>),
    /// A value of one of Kubernetes' libraries.
    Foreign(Arc<Foreign>),
}

/// A value of one of Kubernetes' libraries, which only their functions look into.
///
/// Go: apiserver/pkg/cel/{quantity,ip,cidr,url,semver,format}.go
#[derive(Clone, Debug, PartialEq)]
pub enum Foreign {
    /// `quantity('1Gi')`
    Quantity(Quantity),
    /// `ip('10.0.0.1')`
    Ip(IpAddr),
    /// `cidr('10.0.0.0/8')`
    Cidr(IpNet),
    /// `url('https://example.com')`
    Url(Box<Url>),
    /// `semver('1.2.3')`
    Semver(Box<Version>),
    /// `format.dns1123Label()`
    Format(&'static str),
}

impl Foreign {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            // `1k` is `1000`.
            (Self::Quantity(a), Self::Quantity(b)) => a.minus(*b).sign() == 0,
            (Self::Semver(a), Self::Semver(b)) => a.cmp_precedence(b) == Ordering::Equal,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => write!(f, "{quantity}"),
            Self::Ip(address) => write!(f, "{address}"),
            Self::Cidr(network) => write!(f, "{network}"),
            Self::Url(url) => write!(f, "{}://{}{}", url.scheme, url.host, url.escaped_path),
            Self::Semver(version) => write!(f, "{version}"),
            Self::Format(name) => f.write_str(name),
        }
    }
}

impl From<Foreign> for Value {
    fn from(foreign: Foreign) -> Self {
        Self::Foreign(Arc::new(foreign))
    }
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `true`, `false`
    Bool(bool),
    /// Signed and, where they fit, unsigned numbers: `1` and `1u` are the same key.
    Int(i64),
    /// Larger unsigned numbers.
    Uint(u64),
    /// Text.
    String(Arc<str>),
}

impl Value {
    /// Returns the name of the value's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Foreign(foreign) => foreign.type_name(),
        }
    }

    /// Returns the value as a map's key, if it can be one.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Bool(value) => Some(Key::Bool(*value)),
            Self::Int(value) => Some(Key::Int(*value)),
            Self::Uint(value) => Some(i64::try_from(*value).map_or(Key::Uint(*value), Key::Int)),
            Self::Double(value) if value.fract() == 0.0 => Some(Key::Int(*value as i64)),
            Self::String(value) => Some(Key::String(value.clone())),
            _ => None,
        }
    }

    /// Returns the string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a list.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }

    /// Writes the value as JSON; what JSON does not know becomes text.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Bool(value) => Json::from(*value),
            Self::Int(value) => Json::from(*value),
            Self::Uint(value) => Json::from(*value),
            Self::Double(value) => Json::from(*value),
            Self::String(value) => Json::from(&**value),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => Json::Object(entries.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect()),
            Self::Optional(Some(value)) => value.to_json(),
            Self::Bytes(_) | Self::Duration(_) | Self::Timestamp(_) | Self::Type(_) | Self::Foreign(_) => {
                Json::from(self.to_string())
            }
        }
    }

    /// Compares two values of one kind; `None` if they cannot be compared.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => compare_numbers(self, other),
        }
    }
}

/// Compares numbers of different kinds by their value.
fn compare_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    let whole = |value: &Value| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    let real = |value: &Value| match value {
        Value::Double(value) => Some(*value),
        other => whole(other).map(|value| value as f64),
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => real(a)?.partial_cmp(&real(b)?),
    }
}

impl PartialEq for Value {
    /// Values of different kinds are different, numbers aside.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(a), Self::Optional(b)) => a == b,
            (Self::Foreign(a), Self::Foreign(b)) => a.equals(b),
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::String(value) => f.write_str(value),
        }
    }
}

impl From<&Key> for Value {
    fn from(key: &Key) -> Self {
        match key {
            Key::Bool(value) => Self::Bool(*value),
            Key::Int(value) => Self::Int(*value),
            Key::Uint(value) => Self::Uint(*value),
            Key::String(value) => Self::String(value.clone()),
        }
    }
}

impl fmt::Display for Value {
    /// Writes it as `string(value)` does; compound values as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Bytes(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Double(value) => write!(f, "{value}"),
            Self::Duration(nanos) => f.write_str(&crate::functions::time::format_duration(*nanos)),
            Self::Timestamp(nanos) => f.write_str(&crate::functions::time::format_timestamp(*nanos)),
            Self::Type(name) => f.write_str(name),
            Self::Foreign(foreign) => write!(f, "{foreign}"),
            other => write!(f, "{}", other.to_json()),
        }
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) => Self::Uint(value),
                (None, None) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::String(text.as_str().into()),
            Json::Array(items) => Self::list(items.iter().map(Self::from).collect()),
            Json::Object(fields) => Self::Map(Arc::new(
                fields.iter().map(|(key, value)| (Key::String(key.as_str().into()), Self::from(value))).collect(),
            )),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
