//! What the program was asked to do.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use component_base::flagset::{FlagSet, Kind, flag};

use crate::cli::flags;

/// Flags of this program alone; everything else is kube-apiserver's.
pub const OWN_FLAGS: FlagSet = FlagSet {
    section: "kubestep",
    flags: &[
        flag("data-dir", Kind::String, "", "Where store, keys and kubeconfig are kept; default: XDG data directory."),
        flag("ephemeral", Kind::Bool, "false", "Keep everything in a temporary directory and remove it at the end."),
        flag(
            "controllers",
            Kind::List,
            "*",
            "Small controllers to run beside the server: namespace, serviceaccount, garbagecollector, \
             clusterrole-aggregation; `*` all, `-name` not that one, empty none.",
        ),
        flag(
            "kubeconfig-out",
            Kind::String,
            "",
            "Where to write a kubeconfig for users admin and dev; default: data directory.",
        ),
    ],
};

/// Who is asked, and with which defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// This program: works without a single flag.
    Kubestep,
    /// Started under the name `kube-apiserver`: every default and required flag is upstream's.
    KubeApiserver,
}

/// A command with its arguments.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// The interface.
    Walk(Walk),
    /// The server alone.
    Serve {
        /// With whose defaults.
        personality: Personality,
        /// Every flag that was named.
        given: BTreeMap<String, Vec<String>>,
    },
    /// Lessons without the interface.
    Replay(Replay),
    /// `scenario list`
    ScenarioList,
    /// `scenario lint FILE...`
    ScenarioLint(Vec<String>),
    /// `scenario new FILE`
    ScenarioNew(PathBuf),
    /// `scenario schema`
    ScenarioSchema,
    /// `explain [PHASE]`
    Explain {
        /// A phase's name; the whole catalogue without one.
        phase: Option<String>,
        /// `en` or `zh`.
        language: String,
    },
    /// `completion SHELL`
    Completion(clap_complete::Shell),
    /// `reset`
    Reset(Option<PathBuf>),
}

/// `walk`
#[derive(Clone, Debug)]
pub struct Walk {
    /// A lesson; free walking without one.
    pub scenario: Option<String>,
    /// `tui` or `plain`.
    pub ui: String,
    /// `en` or `zh`.
    pub language: String,
    /// `dark`, `light`, `contrast` or `auto`.
    pub theme: String,
    /// `unicode` or `ascii`.
    pub borders: String,
    /// Whether anything may move by itself.
    pub motion: bool,
    /// Every server flag that was named.
    pub given: BTreeMap<String, Vec<String>>,
}

/// `replay`
#[derive(Clone, Debug)]
pub struct Replay {
    /// Lessons, by name or file.
    pub scenarios: Vec<String>,
    /// `text`, `json` or `junit`.
    pub format: String,
    /// `en` or `zh`.
    pub language: String,
    /// Where to write; standard output without it.
    pub output: Option<PathBuf>,
    /// Files to leave besides those that a lesson names itself; with several lessons those of the last one.
    pub leave: Vec<PathBuf>,
    /// Whether golden files are written anew.
    pub update: bool,
}

/// The command line as clap knows it. `sets` are the server's flags.
pub fn command(sets: &[FlagSet]) -> Command {
    let language = || {
        Arg::new("lang")
            .long("lang")
            .value_name("LANGUAGE")
            .value_parser(["en", "zh"])
            .help("Language of what is shown.")
    };
    let choice = |name: &'static str, values: &'static [&'static str], help: &'static str| {
        Arg::new(name).long(name).value_parser(values.to_vec()).default_value(values[0]).help(help)
    };
    let scenarios = || Arg::new("scenario").value_name("SCENARIO").help("A lesson, by name or file.");
    let walk = |command: Command| {
        let command = command
            .arg(scenarios())
            .arg(choice(
                "ui",
                &["auto", "tui", "plain"],
                "The interface: full screen, or lines for screen readers and logs.",
            ))
            .arg(choice("theme", &["auto", "dark", "light", "contrast"], "Colours."))
            .arg(choice("borders", &["unicode", "ascii"], "Characters of the frames."))
            .arg(choice("motion", &["on", "off"], "Whether anything may move by itself."))
            .arg(language());
        flags::add(command, sets)
    };
    walk(Command::new("kubestep"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("A real Kubernetes API server that you can walk through step by step")
        .args_conflicts_with_subcommands(true)
        .subcommand(walk(Command::new("walk").about("The interface, on a lesson or freely; the default")))
        .subcommand(flags::add(Command::new("serve").about("The API server alone"), sets))
        .subcommand(
            Command::new("replay")
                .about("Lessons without the interface")
                .arg(scenarios().num_args(1..).required(true))
                .arg(choice("format", &["text", "json", "junit"], "What is written."))
                .arg(
                    Arg::new("output")
                        .long("output")
                        .short('o')
                        .value_parser(value_parser!(PathBuf))
                        .help("Where to write."),
                )
                .arg(
                    Arg::new("leave")
                        .long("leave")
                        .value_name("FILE")
                        .action(ArgAction::Append)
                        .value_parser(value_parser!(PathBuf))
                        .help(
                            "A file to leave besides those that a lesson names: .md a handout, .cast a terminal \
                             session, .recording everything that happened, .trace.json a golden file.",
                        ),
                )
                .arg(
                    Arg::new("update")
                        .long("update")
                        .action(ArgAction::SetTrue)
                        .help("Writes golden files anew in place of comparing them."),
                )
                .arg(language()),
        )
        .subcommand(
            Command::new("scenario")
                .about("For authors of lessons")
                .subcommand_required(true)
                .subcommand(Command::new("list").about("Lists the lessons in the program"))
                .subcommand(
                    Command::new("lint")
                        .about("Tells mistakes with file, line and field")
                        .arg(scenarios().num_args(1..).required(true)),
                )
                .subcommand(
                    Command::new("new")
                        .about("Writes a lesson to begin with")
                        .arg(Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf))),
                )
                .subcommand(Command::new("schema").about("Prints the format as a JSON Schema")),
        )
        .subcommand(
            Command::new("explain")
                .about("What a phase is, its Go function, its place")
                .arg(Arg::new("phase").value_name("PHASE"))
                .arg(language()),
        )
        .subcommand(
            Command::new("completion")
                .about("Completions for a shell")
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(clap_complete::Shell))),
        )
        .subcommand(
            Command::new("reset")
                .about("Clears the data directory")
                .arg(Arg::new("data-dir").long("data-dir").value_parser(value_parser!(PathBuf)).action(ArgAction::Set)),
        )
}

/// Reads a command line. The first word is the program's own name.
pub fn parse(words: Vec<OsString>, sets: &[FlagSet]) -> Result<Invocation, clap::Error> {
    let words: Vec<String> =
        words.into_iter().map(|word| flags::normalize(word.to_string_lossy().into_owned())).collect();
    let name = words.first().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
    if name == "kube-apiserver" {
        let command = flags::add(Command::new("kube-apiserver").version("v1.36.2+kubestep"), sets);
        let matches = command.try_get_matches_from(words)?;
        return Ok(Invocation::Serve { personality: Personality::KubeApiserver, given: flags::given(&matches, sets) });
    }
    let matches = command(sets).try_get_matches_from(words)?;
    Ok(match matches.subcommand() {
        None => Invocation::Walk(walk(&matches, sets)),
        Some(("walk", matches)) => Invocation::Walk(walk(matches, sets)),
        Some(("serve", matches)) => {
            Invocation::Serve { personality: Personality::Kubestep, given: flags::given(matches, sets) }
        }
        Some(("replay", matches)) => Invocation::Replay(Replay {
            scenarios: many(matches, "scenario"),
            format: text(matches, "format"),
            language: language(matches),
            output: matches.get_one::<PathBuf>("output").cloned(),
            leave: matches.get_many::<PathBuf>("leave").into_iter().flatten().cloned().collect(),
            update: matches.get_flag("update"),
        }),
        Some(("scenario", matches)) => match matches.subcommand() {
            Some(("lint", matches)) => Invocation::ScenarioLint(many(matches, "scenario")),
            Some(("new", matches)) => {
                Invocation::ScenarioNew(matches.get_one::<PathBuf>("file").cloned().unwrap_or_default())
            }
            Some(("schema", _)) => Invocation::ScenarioSchema,
            _ => Invocation::ScenarioList,
        },
        Some(("explain", matches)) => {
            Invocation::Explain { phase: matches.get_one::<String>("phase").cloned(), language: language(matches) }
        }
        Some(("completion", matches)) => Invocation::Completion(
            matches.get_one::<clap_complete::Shell>("shell").copied().unwrap_or(clap_complete::Shell::Bash),
        ),
        Some((_, matches)) => Invocation::Reset(matches.get_one::<PathBuf>("data-dir").cloned()),
    })
}

fn walk(matches: &ArgMatches, sets: &[FlagSet]) -> Walk {
    Walk {
        scenario: matches.get_one::<String>("scenario").cloned(),
        ui: text(matches, "ui"),
        language: language(matches),
        theme: text(matches, "theme"),
        borders: text(matches, "borders"),
        motion: text(matches, "motion") == "on",
        given: flags::given(matches, sets),
    }
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

fn many(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// The language asked for, else that of the environment, else English.
fn language(matches: &ArgMatches) -> String {
    let from_environment = || {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let set = names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
        if set.is_some_and(|value| value.starts_with("zh")) { "zh" } else { "en" }.to_owned()
    };
    matches.get_one::<String>("lang").cloned().unwrap_or_else(from_environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<Invocation, clap::Error> {
        parse(words.iter().map(OsString::from).collect(), &[OWN_FLAGS])
    }

    #[test]
    fn without_a_command_it_walks() {
        let Ok(Invocation::Walk(walk)) = run(&["kubestep", "--ephemeral", "startup-tour"]) else { panic!("not walk") };
        assert_eq!((walk.scenario.as_deref(), walk.given["ephemeral"][0].as_str()), (Some("startup-tour"), "true"));
    }

    #[test]
    fn under_upstreams_name_it_serves_with_upstreams_defaults() {
        let Ok(Invocation::Serve { personality, .. }) = run(&["/usr/bin/kube-apiserver", "--data-dir=/x"]) else {
            panic!("not serve")
        };
        assert_eq!(personality, Personality::KubeApiserver);
    }

    #[test]
    fn the_whole_command_is_consistent() {
        command(&[OWN_FLAGS]).debug_assert();
    }
}
