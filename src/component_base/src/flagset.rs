//! Flags as a table, and what a command line made of them.
//!
//! Go: github.com/spf13/pflag, k8s.io/component-base/cli/flag
//!
//! Each option group declares its [`FlagSet`]; help, completion, parsing and the list of flags
//! without effect are all made from it. Values are parsed one by one after the command line was
//! split, so that all mistakes are reported at once.

use std::{collections::BTreeMap, time::Duration};

use crate::duration;

/// What a flag's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true`, `false`; `true` where the flag stands alone.
    Bool,
    /// Any text.
    String,
    /// A whole number.
    Int,
    /// A decimal number.
    Float,
    /// Go's spelling of a duration: `1m30s`.
    Duration,
    /// Texts, by comma and by repetition.
    List,
    /// `key=value` pairs, by comma and by repetition.
    Map,
}

/// What the program does with a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What kube-apiserver does.
    Used,
    /// Nothing: it is accepted with a warning that says so.
    NoEffect,
    /// It changes security and is not implemented: refused unless it has its default.
    Refused,
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The name, without dashes in front.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The default, spelled as on the command line.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What the program does with it.
    pub effect: Effect,
}

/// The flags of one option group.
#[derive(Clone, Copy, Debug)]
pub struct FlagSet {
    /// The heading in the help: `Secure serving`.
    pub section: &'static str,
    /// The flags.
    pub flags: &'static [Flag],
}

/// Declares a flag that is used.
pub const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, effect: Effect::Used }
}

/// Declares a flag that is accepted and has no effect here.
pub const fn no_effect(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, effect: Effect::NoEffect }
}

/// Declares a flag that is refused because it would promise security that is not there.
pub const fn refused(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help, effect: Effect::Refused }
}

/// The values of a command line by flag name, and the mistakes found while reading them.
#[derive(Clone, Debug, Default)]
pub struct Values {
    given: BTreeMap<String, Vec<String>>,
    defaults: BTreeMap<&'static str, &'static str>,
    mistakes: Vec<String>,
}

impl Values {
    /// Returns the values of a command line: `given` holds every occurrence of every flag that was named.
    pub fn new(sets: &[FlagSet], given: BTreeMap<String, Vec<String>>) -> Self {
        let flags = sets.iter().flat_map(|set| set.flags);
        let mut values = Self { given, ..<Self as Default>::default() };
        for flag in flags {
            values.defaults.insert(flag.name, flag.default);
            let named = values.given.get(flag.name).and_then(|all| all.last());
            if flag.effect == Effect::Refused && named.is_some_and(|value| value != flag.default) {
                values.mistakes.push(format!(
                    "--{}: not implemented, and leaving it out would change who may do what; remove the flag",
                    flag.name
                ));
            }
        }
        values
    }

    /// Replaces a default: another program name or command has other defaults.
    pub fn set_default(&mut self, name: &'static str, value: &'static str) {
        self.defaults.insert(name, value);
    }

    /// Says whether a flag was named.
    pub fn changed(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Returns warnings for flags that were named and have no effect.
    pub fn warnings(&self, sets: &[FlagSet]) -> Vec<String> {
        let flags = sets.iter().flat_map(|set| set.flags);
        let named = flags.filter(|flag| flag.effect == Effect::NoEffect && self.changed(flag.name));
        named.map(|flag| format!("--{} has no effect here", flag.name)).collect()
    }

    /// Adds a mistake.
    pub fn mistake(&mut self, message: impl Into<String>) {
        self.mistakes.push(message.into());
    }

    /// Returns all mistakes found so far.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// Returns the last value, or the default.
    pub fn string(&self, name: &str) -> String {
        let given = self.given.get(name).and_then(|all| all.last());
        given.map_or_else(|| self.default_of(name).to_owned(), Clone::clone)
    }

    /// Returns the parts of a list.
    pub fn list(&self, name: &str) -> Vec<String> {
        let split = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        match self.given.get(name) {
            Some(all) => all.iter().flat_map(|text| split(text)).collect(),
            None => split(self.default_of(name)),
        }
    }

    /// Returns the pairs of a map; a part without `=` is a mistake.
    pub fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for part in self.list(name) {
            match part.split_once('=') {
                Some((key, value)) => {
                    map.insert(key.trim().to_owned(), value.trim().to_owned());
                }
                None => self.mistake(format!("--{name}: \"{part}\" must be key=value")),
            }
        }
        map
    }

    /// Returns a truth value.
    pub fn bool(&mut self, name: &str) -> bool {
        let text = self.string(name);
        match text.as_str() {
            "true" | "1" | "t" | "T" | "TRUE" | "True" => true,
            "false" | "0" | "f" | "F" | "FALSE" | "False" | "" => false,
            other => {
                self.mistake(format!("--{name}: \"{other}\" must be true or false"));
                false
            }
        }
    }

    /// Returns a whole number.
    pub fn int(&mut self, name: &str) -> i64 {
        self.parse(name, "a whole number", |text| text.parse().ok())
    }

    /// Returns a decimal number.
    pub fn float(&mut self, name: &str) -> f64 {
        self.parse(name, "a number", |text| text.parse().ok())
    }

    /// Returns a duration.
    pub fn duration(&mut self, name: &str) -> Duration {
        self.parse(name, "a duration such as 30s or 1h15m", parse_duration)
    }

    fn parse<T: Default>(&mut self, name: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let text = self.string(name);
        if text.is_empty() {
            return T::default();
        }
        parse(&text).unwrap_or_else(|| {
            self.mistake(format!("--{name}: \"{text}\" must be {wanted}"));
            T::default()
        })
    }

    fn default_of(&self, name: &str) -> &str {
        self.defaults.get(name).copied().unwrap_or_default()
    }
}

/// Reads Go's spelling of a duration that is not negative.
///
/// Go: time.ParseDuration
pub fn parse_duration(text: &str) -> Option<Duration> {
    text.parse::<duration::Duration>().ok()?.to_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: &[FlagSet] = &[FlagSet {
        section: "Test",
        flags: &[
            flag("timeout", Kind::Duration, "1m0s", "How long."),
            flag("modes", Kind::List, "a,b", "Which."),
            no_effect("old", Kind::Bool, "false", "Nothing."),
            refused("secure", Kind::Bool, "false", "Not there."),
        ],
    }];

    fn values(given: &[(&str, &str)]) -> Values {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in given {
            map.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        Values::new(SETS, map)
    }

    #[test]
    fn defaults_lists_and_durations() {
        let mut values = values(&[("modes", "x"), ("modes", "y,z")]);
        assert_eq!(values.duration("timeout"), Duration::from_mins(1));
        assert_eq!(values.list("modes"), ["x", "y", "z"]);
    }

    #[test]
    fn all_mistakes_are_collected() {
        let mut values = values(&[("timeout", "soon"), ("secure", "true"), ("old", "true")]);
        values.duration("timeout");
        assert_eq!(values.mistakes().len(), 2);
        assert_eq!(values.warnings(SETS), ["--old has no effect here"]);
    }
}
