//! Flag tables to clap arguments, and clap's matches back to values by name.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};
use component_base::flagset::{Effect, Flag, FlagSet, Kind};

/// Adds the flags of all sets to a command.
pub fn add(command: Command, sets: &[FlagSet]) -> Command {
    let args = sets.iter().flat_map(|set| set.flags.iter().map(|flag| argument(set.section, flag)));
    args.fold(command, Command::arg)
}

fn argument(section: &'static str, flag: &Flag) -> Arg {
    let help = match flag.effect {
        Effect::Used => flag.help.to_owned(),
        Effect::NoEffect => format!("{} (accepted, without effect)", flag.help),
        Effect::Refused => format!("{} (not implemented: refused)", flag.help),
    };
    let help = if flag.default.is_empty() { help } else { format!("{help} [default: {}]", flag.default) };
    let arg = Arg::new(flag.name).long(flag.name).help(help).help_heading(section).action(ArgAction::Append);
    let arg = if flag.name == "v" { arg.short('v') } else { arg };
    match flag.kind {
        Kind::Bool => arg.num_args(0..=1).default_missing_value("true").require_equals(true).value_name("BOOL"),
        Kind::String => arg.value_name("TEXT"),
        Kind::Int | Kind::Float => arg.value_name("NUMBER").allow_negative_numbers(true),
        Kind::Duration => arg.value_name("DURATION"),
        Kind::List => arg.value_name("A,B"),
        Kind::Map => arg.value_name("KEY=VALUE"),
    }
}

/// Collects every occurrence of every flag that was named.
pub fn given(matches: &ArgMatches, sets: &[FlagSet]) -> BTreeMap<String, Vec<String>> {
    let names = sets.iter().flat_map(|set| set.flags).map(|flag| flag.name);
    let values = |name: &str| {
        let all = matches.try_get_many::<String>(name).ok().flatten()?;
        Some((name.to_owned(), all.cloned().collect()))
    };
    names.filter_map(values).collect()
}

/// Writes underscores in flag names as dashes, as Go's `cliflag.WordSepNormalizeFunc` does. Values are left alone.
pub fn normalize(word: String) -> String {
    let Some(rest) = word.strip_prefix("--") else { return word };
    match rest.split_once('=') {
        Some((name, value)) => format!("--{}={value}", name.replace('_', "-")),
        None => format!("--{}", rest.replace('_', "-")),
    }
}

#[cfg(test)]
mod tests {
    use component_base::flagset::flag;

    use super::*;

    const SETS: &[FlagSet] = &[FlagSet {
        section: "Test",
        flags: &[flag("allow-x", Kind::Bool, "false", "Whether."), flag("modes", Kind::List, "", "Which.")],
    }];

    fn parse(words: &[&str]) -> BTreeMap<String, Vec<String>> {
        let words = words.iter().map(|word| normalize((*word).to_owned()));
        let matches = add(Command::new("test").no_binary_name(true), SETS).try_get_matches_from(words).expect("parsed");
        given(&matches, SETS)
    }

    #[test]
    fn booleans_stand_alone_and_underscores_are_dashes() {
        let given = parse(&["--allow_x", "--modes", "a_b", "--modes=c"]);
        assert_eq!(given["allow-x"], ["true"]);
        assert_eq!(given["modes"], ["a_b", "c"]);
    }
}
