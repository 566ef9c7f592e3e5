//! What functions there are, and what they take and give: a catalogue.
//!
//! One line a name: `name: overload | overload`. An overload is `(arguments) result`, with the receiver before the
//! parenthesis if it is a method. A single capital letter is any type, the same wherever it occurs in one overload.
//!
//! Go: cel-go/common/stdlib/standard.go, cel-go/ext, apiserver/pkg/cel/library

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use crate::types::Type;

/// The language itself.
const STANDARD: &str = "
_?_:_: (bool, A, A) A
_&&_: (bool, bool) bool
_||_: (bool, bool) bool
!_: (bool) bool
_==_: (A, A) bool
_!=_: (A, A) bool
_+_: (bytes, bytes) bytes | (double, double) double | (duration, duration) duration | (duration, timestamp) timestamp | (timestamp, duration) timestamp | (int, int) int | (list(A), list(A)) list(A) | (string, string) string | (uint, uint) uint
_-_: (double, double) double | (duration, duration) duration | (int, int) int | (timestamp, duration) timestamp | (timestamp, timestamp) duration | (uint, uint) uint
_*_: (double, double) double | (int, int) int | (uint, uint) uint
_/_: (double, double) double | (int, int) int | (uint, uint) uint
_%_: (int, int) int | (uint, uint) uint
-_: (double) double | (int) int
_[_]: (list(A), int) A | (map(A, B), A) B | (optional(list(V)), int) optional(V) | (optional(map(K, V)), K) optional(V)
_[?_]: (list(V), int) optional(V) | (optional(list(V)), int) optional(V) | (map(K, V), K) optional(V) | (optional(map(K, V)), K) optional(V)
@in: (A, list(A)) bool | (A, map(A, B)) bool
size: (bytes) int | bytes.() int | (list(A)) int | list(A).() int | (map(A, B)) int | map(A, B).() int | (string) int | string.() int
bool: (bool) bool | (string) bool
bytes: (bytes) bytes | (string) bytes
double: (double) double | (int) double | (string) double | (uint) double
duration: (duration) duration | (int) duration | (string) duration
dyn: (A) dyn
int: (int) int | (double) int | (duration) int | (string) int | (timestamp) int | (uint) int
string: (string) string | (bool) string | (bytes) string | (double) string | (duration) string | (int) string | (timestamp) string | (uint) string
timestamp: (timestamp) timestamp | (int) timestamp | (string) timestamp
type: (A) type(A)
uint: (uint) uint | (double) uint | (int) uint | (string) uint
contains: string.(string) bool
endsWith: string.(string) bool
matches: (string, string) bool | string.(string) bool
startsWith: string.(string) bool
getDate: timestamp.() int | timestamp.(string) int
getDayOfMonth: timestamp.() int | timestamp.(string) int
getDayOfWeek: timestamp.() int | timestamp.(string) int
getDayOfYear: timestamp.() int | timestamp.(string) int
getFullYear: timestamp.() int | timestamp.(string) int
getHours: timestamp.() int | timestamp.(string) int | duration.() int
getMilliseconds: timestamp.() int | timestamp.(string) int | duration.() int
getMinutes: timestamp.() int | timestamp.(string) int | duration.() int
getMonth: timestamp.() int | timestamp.(string) int
getSeconds: timestamp.() int | timestamp.(string) int | duration.() int
optional.of: (A) optional(A)
optional.ofNonZeroValue: (A) optional(A)
optional.none: () optional(A)
value: optional(A).() A
hasValue: optional(A).() bool
or: optional(A).(optional(A)) optional(A)
orValue: optional(A).(A) A
first: list(V).() optional(V)
last: list(V).() optional(V)
optional.unwrap: (list(optional(A))) list(A)
unwrapOpt: list(optional(A)).() list(A)
";

/// The extensions of the language that Kubernetes takes in.
const EXTENSIONS: &str = "
charAt: string.(int) string
indexOf: string.(string) int | string.(string, int) int | list(A).(A) int
lastIndexOf: string.(string) int | string.(string, int) int | list(A).(A) int
join: list(string).() string | list(string).(string) string
lowerAscii: string.() string
upperAscii: string.() string
replace: string.(string, string) string | string.(string, string, int) string
split: string.(string) list(string) | string.(string, int) list(string)
substring: string.(int) string | string.(int, int) string
trim: string.() string
format: string.(list(dyn)) string
strings.quote: (string) string
sets.contains: (list(A), list(A)) bool
sets.equivalent: (list(A), list(A)) bool
sets.intersects: (list(A), list(A)) bool
slice: list(A).(int, int) list(A)
flatten: list(list(A)).() list(A) | list(dyn).(int) list(dyn)
sort: list(int).() list(int) | list(uint).() list(uint) | list(double).() list(double) | list(bool).() list(bool) | list(duration).() list(duration) | list(timestamp).() list(timestamp) | list(string).() list(string) | list(bytes).() list(bytes)
lists.range: (int) list(int)
distinct: list(A).() list(A)
reverse: list(A).() list(A)
";

/// Kubernetes' own libraries.
const KUBERNETES: &str = "
isSorted: list(int).() bool | list(uint).() bool | list(double).() bool | list(bool).() bool | list(duration).() bool | list(timestamp).() bool | list(string).() bool | list(bytes).() bool
sum: list(int).() int | list(uint).() uint | list(double).() double | list(duration).() duration
min: list(int).() int | list(uint).() uint | list(double).() double | list(bool).() bool | list(duration).() duration | list(timestamp).() timestamp | list(string).() string | list(bytes).() bytes
max: list(int).() int | list(uint).() uint | list(double).() double | list(bool).() bool | list(duration).() duration | list(timestamp).() timestamp | list(string).() string | list(bytes).() bytes
find: string.(string) string
findAll: string.(string) list(string) | string.(string, int) list(string)
url: (string) kubernetes.URL
isURL: (string) bool
getScheme: kubernetes.URL.() string
getHost: kubernetes.URL.() string
getHostname: kubernetes.URL.() string
getPort: kubernetes.URL.() string
getEscapedPath: kubernetes.URL.() string
getQuery: kubernetes.URL.() map(string, list(string))
quantity: (string) kubernetes.Quantity
isQuantity: (string) bool
isInteger: kubernetes.Quantity.() bool
asInteger: kubernetes.Quantity.() int
asApproximateFloat: kubernetes.Quantity.() double
sign: kubernetes.Quantity.() int
add: kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity | kubernetes.Quantity.(int) kubernetes.Quantity
sub: kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity | kubernetes.Quantity.(int) kubernetes.Quantity
isLessThan: kubernetes.Quantity.(kubernetes.Quantity) bool | kubernetes.Semver.(kubernetes.Semver) bool
isGreaterThan: kubernetes.Quantity.(kubernetes.Quantity) bool | kubernetes.Semver.(kubernetes.Semver) bool
compareTo: kubernetes.Quantity.(kubernetes.Quantity) int | kubernetes.Semver.(kubernetes.Semver) int
ip: (string) net.IP | net.CIDR.() net.IP
ip.isCanonical: (string) bool
isIP: (string) bool
family: net.IP.() int
isUnspecified: net.IP.() bool
isLoopback: net.IP.() bool
isLinkLocalMulticast: net.IP.() bool
isLinkLocalUnicast: net.IP.() bool
isGlobalUnicast: net.IP.() bool
cidr: (string) net.CIDR
isCIDR: (string) bool
containsIP: net.CIDR.(net.IP) bool | net.CIDR.(string) bool
containsCIDR: net.CIDR.(net.CIDR) bool | net.CIDR.(string) bool
masked: net.CIDR.() net.CIDR
prefixLength: net.CIDR.() int
semver: (string) kubernetes.Semver | (string, bool) kubernetes.Semver
isSemver: (string) bool | (string, bool) bool
major: kubernetes.Semver.() int
minor: kubernetes.Semver.() int
patch: kubernetes.Semver.() int
validate: kubernetes.NamedFormat.(string) optional(list(string))
format.named: (string) optional(kubernetes.NamedFormat)
format.dns1123Label: () kubernetes.NamedFormat
format.dns1123Subdomain: () kubernetes.NamedFormat
format.dns1035Label: () kubernetes.NamedFormat
format.qualifiedName: () kubernetes.NamedFormat
format.dns1123LabelPrefix: () kubernetes.NamedFormat
format.dns1123SubdomainPrefix: () kubernetes.NamedFormat
format.dns1035LabelPrefix: () kubernetes.NamedFormat
format.labelValue: () kubernetes.NamedFormat
format.uri: () kubernetes.NamedFormat
format.uuid: () kubernetes.NamedFormat
format.byte: () kubernetes.NamedFormat
format.date: () kubernetes.NamedFormat
format.datetime: () kubernetes.NamedFormat
path: kubernetes.authorization.Authorizer.(string) kubernetes.authorization.PathCheck
group: kubernetes.authorization.Authorizer.(string) kubernetes.authorization.GroupCheck
serviceAccount: kubernetes.authorization.Authorizer.(string, string) kubernetes.authorization.Authorizer
resource: kubernetes.authorization.GroupCheck.(string) kubernetes.authorization.ResourceCheck
subresource: kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
namespace: kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
name: kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
fieldSelector: kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
labelSelector: kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.ResourceCheck
check: kubernetes.authorization.PathCheck.(string) kubernetes.authorization.Decision | kubernetes.authorization.ResourceCheck.(string) kubernetes.authorization.Decision
errored: kubernetes.authorization.Decision.() bool
error: kubernetes.authorization.Decision.() string
allowed: kubernetes.authorization.Decision.() bool
reason: kubernetes.authorization.Decision.() string
jsonpatch.escapeKey: (string) string
";

/// A way to call a function.
#[derive(Clone, Debug)]
pub struct Overload {
    /// Whether the first argument is a receiver.
    pub is_method: bool,
    /// The receiver, if any, and the arguments.
    pub arguments: Vec<Type>,
    /// What it gives.
    pub result: Type,
}

/// Returns the overloads of a function.
pub fn overloads(name: &str) -> Option<&'static [Overload]> {
    static ALL: OnceLock<BTreeMap<&'static str, Vec<Overload>>> = OnceLock::new();
    ALL.get_or_init(read).get(name).map(Vec::as_slice)
}

/// Comparisons have an overload for every pair of numbers.
const COMPARED: [&str; 8] = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
const NUMBERS: [&str; 3] = ["int", "uint", "double"];

fn read() -> BTreeMap<&'static str, Vec<Overload>> {
    let mut all = BTreeMap::new();
    for line in [STANDARD, EXTENSIONS, KUBERNETES].iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty())
    {
        let (name, overloads) = line.split_once(": ").expect("`name: overloads`");
        all.insert(name, overloads.split(" | ").map(overload).collect());
    }
    let pair =
        |a: &str, b: &str| Overload { is_method: false, arguments: vec![named(a), named(b)], result: Type::Bool };
    let mut pairs: Vec<Overload> = COMPARED.iter().map(|kind| pair(kind, kind)).collect();
    for a in NUMBERS {
        pairs.extend(NUMBERS.iter().filter(|b| **b != a).map(|b| pair(a, b)));
    }
    for name in ["_<_", "_<=_", "_>_", "_>=_"] {
        all.insert(name, pairs.clone());
    }
    all
}

fn overload(text: &str) -> Overload {
    // The receiver ends at the last `.(`, the arguments at the parenthesis that closes it.
    let is_method = text.contains(".(");
    let (receiver, rest) = text.split_once(".(").unwrap_or_else(|| ("", &text[1..]));
    let mut depth = 1;
    let end = rest.find(|char| {
        depth += i32::from(char == '(') - i32::from(char == ')');
        depth == 0
    });
    let (arguments, result) = rest.split_at(end.expect("a closing parenthesis"));
    let mut types: Vec<Type> = is_method.then(|| parse(receiver)).into_iter().collect();
    types.extend(split(arguments).into_iter().map(parse));
    Overload { is_method, arguments: types, result: parse(result[1..].trim()) }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn parse(text: &str) -> Type {
    let Some((name, inner)) = text.split_once('(') else { return named(text) };
    let mut parts = split(inner.strip_suffix(')').expect("a closing parenthesis")).into_iter().map(parse);
    let mut next = || parts.next().expect("a type inside");
    match name {
        "list" => Type::list(next()),
        "map" => {
            let key = next();
            Type::map(key, next())
        }
        "optional" => Type::optional(next()),
        "type" => Type::TypeOf(Arc::new(next())),
        other => unreachable!("no type {other} takes types"),
    }
}

fn named(name: &str) -> Type {
    match name {
        "dyn" => Type::Dyn,
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        // Letters are numbered; the checker gives them fresh numbers for each call.
        letter if letter.len() == 1 => Type::Param(usize::from(letter.as_bytes()[0])),
        opaque => Type::Opaque(opaque.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_can_be_read() {
        let [plain, ..] = overloads("size").expect("size") else { panic!("overloads") };
        assert_eq!((plain.is_method, plain.arguments.len(), &plain.result), (false, 1, &Type::Int));
        let [join, _] = overloads("join").expect("join") else { panic!("two overloads") };
        assert!(join.is_method && join.arguments[0] == Type::list(Type::String));
        assert_eq!(overloads("_<_").map(<[_]>::len), Some(14));
        assert!(overloads("foo").is_none());
    }
}
