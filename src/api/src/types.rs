//! The project's own table of facts about API types, `assets/api/types.txt`.
//!
//! The published schemas say names, types and descriptions; the table adds what they lack: protobuf numbers, list and
//! map types, patch strategies, defaults, enums. The scheme completes the schemas with it when a type is first asked
//! for. Its format is explained at its top.
//!
//! Go: the struct tags and `+` comments of k8s.io/api/*/types.go

use std::{collections::BTreeMap, sync::LazyLock};

use apimachinery::schema::model::Omit;

/// The table itself.
pub const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/api/types.txt"));

/// What the table says of one type.
#[derive(Debug, PartialEq)]
pub struct Type {
    /// Full name: `io.k8s.api.core.v1.Pod`.
    pub name: String,
    /// Group and version of its package, as in `apiVersion`; empty where a package has none.
    pub group_version: &'static str,
    /// Whether it is a kind, and so has `apiVersion` and `kind`.
    pub is_kind: IsKind,
    /// `x-kubernetes-map-type: atomic`.
    pub atomic: bool,
    /// Discriminator (may be empty) and members, if it is a union.
    pub union: Option<(&'static str, Vec<&'static str>)>,
    /// Its fields but `apiVersion` and `kind` of a kind, by protobuf number.
    pub fields: Vec<Field>,
}

impl Type {
    /// Returns its name without the package: `Pod`.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

/// Whether a type is a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsKind {
    /// A part of other types.
    No,
    /// A kind of its own group and version.
    Yes,
    /// `DeleteOptions` and `WatchEvent`: a kind in every group and version.
    Everywhere,
}

/// What the table says of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// JSON name.
    pub name: &'static str,
    /// Protobuf number; more than one: the numbers of the embedded messages that lead to it.
    pub number: Vec<u32>,
    /// In Go a pointer: zero and absent differ.
    pub presence: bool,
    /// Required.
    pub required: bool,
    /// When Go leaves it out.
    pub omit: Omit,
    /// The default as text: `None` the zero value (where that applies), `-` none.
    pub default: Option<&'static str>,
    /// List type, where it is a list.
    pub list: ListType,
    /// Patch strategy and merge key.
    pub patch: Option<(&'static str, Option<&'static str>)>,
    /// Map type: `atomic` or `granular`.
    pub map_type: Option<&'static str>,
    /// The allowed values.
    pub values: Vec<String>,
}

/// How the table says that a list is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As one.
    Atomic,
    /// As one, said of bytes, which are a list to Go only.
    AtomicBytes,
    /// Each value once.
    Set,
    /// By these keys.
    Map(Vec<&'static str>),
    /// Nothing is said.
    Unmarked,
}

/// The table by name of type.
pub static TYPES: LazyLock<BTreeMap<String, Type>> = LazyLock::new(read);

fn read() -> BTreeMap<String, Type> {
    let mut types = BTreeMap::new();
    let mut named = Vec::new();
    let mut package = ("", "");
    for line in logical_lines() {
        if let Some(name) = line[0].strip_prefix('[') {
            package = (name.trim_end_matches(']'), line.get(1).copied().unwrap_or_default().trim_end_matches(']'));
        } else if let Some(name) = line[0].strip_prefix('$') {
            named.push((name, line[2..].iter().map(|value| value.replace('_', " ")).collect::<Vec<_>>()));
        } else {
            let found = read_type(package, &line, &named);
            types.insert(found.name.clone(), found);
        }
    }
    types
}

/// Every group and version that is registered, served or not: each knows `DeleteOptions` and `WatchEvent`.
pub fn registered() -> Vec<&'static str> {
    let lines = logical_lines().into_iter();
    lines.filter(|line| line[0] == "$Registered").flat_map(|line| line[2..].to_vec()).collect()
}

/// The words of each line; a line that begins with four spaces goes on the one before.
fn logical_lines() -> Vec<Vec<&'static str>> {
    let mut lines: Vec<Vec<&'static str>> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words = line.split_whitespace();
        match lines.last_mut().filter(|_| line.starts_with("    ")) {
            Some(last) => last.extend(words),
            None => lines.push(words.collect()),
        }
    }
    lines
}

fn read_type(package: (&str, &'static str), words: &[&'static str], named: &[(&str, Vec<String>)]) -> Type {
    let mut found = Type {
        name: format!("{}.{}", package.0, words[0].trim_end_matches('~')),
        group_version: package.1,
        is_kind: IsKind::No,
        atomic: words[0].ends_with('~'),
        union: None,
        fields: Vec::new(),
    };
    let mut number = vec![0];
    for word in &words[1..] {
        if *word == "*" {
            found.is_kind = IsKind::Yes;
        } else if *word == "**" {
            found.is_kind = IsKind::Everywhere;
        } else if let Some((discriminator, members)) = word.strip_prefix('|').and_then(|union| union.split_once(':')) {
            found.union = Some((discriminator, members.split(',').collect()));
        } else {
            *number.last_mut().expect("never empty") += 1;
            found.fields.push(read_field(word, &mut number, named));
        }
    }
    found
}

/// The marks in the order in which they may stand after a name.
const MARKS: &[char] = &['@', '?', '!', '^', '%', '=', '[', '<', '~', '{'];

/// Reads one word. `number` is what the field has unless the word says otherwise.
fn read_field(word: &'static str, number: &mut Vec<u32>, named: &[(&str, Vec<String>)]) -> Field {
    let until = |text: &'static str, stops: &[char]| text.split_at(text.find(stops).unwrap_or(text.len()));
    let (name, mut rest) = until(word, MARKS);
    let mut field = Field {
        name,
        number: Vec::new(),
        presence: false,
        required: false,
        omit: Omit::Empty,
        default: None,
        list: ListType::Atomic,
        patch: None,
        map_type: None,
        values: Vec::new(),
    };
    while let Some(mark) = rest.chars().next() {
        rest = &rest[1..];
        match mark {
            '@' => {
                let (path, after) = until(rest, &MARKS[1..]);
                *number = path.split('.').map(|part| part.parse().expect("a number")).collect();
                rest = after;
            }
            '?' => field.presence = true,
            '!' => (field.required, field.omit) = (true, Omit::Never),
            '^' => field.omit = Omit::Never,
            '%' => field.omit = Omit::Zero,
            '=' => (field.default, rest) = some(until(rest, &MARKS[6..])),
            '[' => {
                let (keys, after) = rest.split_once(']').expect("a closing bracket");
                field.list = match keys {
                    "" => ListType::Set,
                    "-" => ListType::Unmarked,
                    "atomic" => ListType::AtomicBytes,
                    keys => ListType::Map(keys.split(',').collect()),
                };
                rest = after;
            }
            '<' => {
                let (strategy, after) = until(rest, &MARKS[8..]);
                field.patch = Some(patch(strategy, &field.list));
                rest = after;
            }
            '~' => {
                let (kind, after) = until(rest, &MARKS[9..]);
                field.map_type = Some(if kind.is_empty() { "atomic" } else { kind });
                rest = after;
            }
            '{' => {
                let values = rest.trim_end_matches('}');
                field.values = match values.strip_prefix('$') {
                    Some(name) => named.iter().find(|named| named.0 == name).expect("a named enum").1.clone(),
                    None => values.split('|').map(str::to_owned).collect(),
                };
                rest = "";
            }
            other => panic!("{word}: {other:?} is no mark"),
        }
    }
    field.number.clone_from(number);
    field
}

fn some<T>((first, rest): (T, &'static str)) -> (Option<T>, &'static str) {
    (Some(first), rest)
}

fn patch(text: &'static str, list: &ListType) -> (&'static str, Option<&'static str>) {
    let first_key = match list {
        ListType::Map(keys) => keys.first().copied(),
        ListType::Atomic | ListType::AtomicBytes | ListType::Set | ListType::Unmarked => None,
    };
    match text {
        "" => ("merge", first_key),
        "<" => ("merge,retainKeys", first_key),
        "replace" | "retainKeys" => (text, None),
        key => ("merge", Some(key)),
    }
}
