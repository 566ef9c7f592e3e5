//! Replays recorded requests against the rules alone, without a server, where a recording is at hand.
//!
//! A case is a list of requests; what the rules answer (the completed object, or the causes of a refusal) is held against
//! what kube-apiserver answered. Requests that need more than the rules (other patches than merge, other users, lists)
//! end a case without a verdict. Each area has a floor that may only rise.
//!
//! `REPLAY=area/case cargo test -p api --test replay -- --nocapture` prints every difference of one case or area.

#![allow(clippy::print_stdout, reason = "differences are read by a person")]

mod case;
mod world;

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use case::Outcome;

/// How many recorded answers of each area the rules give.
const FLOOR: &[(&str, usize)] = &[
    ("validation-fields", 2120),
    ("validation-rules", 475),
    ("names", 658),
    ("status-rules", 57),
    ("updates", 990),
    ("crud", 456),
    ("status", 83),
];

fn parity() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let parity = env::var_os("KUBESTEP_SHARED").map_or_else(beside, PathBuf::from).join("parity");
    parity.is_dir().then_some(parity)
}

#[test]
fn recorded_answers_are_given() {
    let Some(parity) = parity() else { return eprintln!("skipped: no recording at hand") };
    let only = env::var("REPLAY").unwrap_or_default();
    let mut per_kind: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failed = Vec::new();
    for area in
        ["validation-fields", "validation-rules", "names", "status-rules", "updates", "crud", "generation", "status"]
    {
        let floor = FLOOR.iter().find(|(name, _)| *name == area).map_or(0, |(_, floor)| *floor);
        let mut cases: Vec<_> = fs::read_dir(parity.join("cases").join(area)).expect("an area").flatten().collect();
        cases.sort_by_key(fs::DirEntry::file_name);
        let (mut equal, mut different, mut skipped) = (0, 0, 0);
        for case in cases {
            let name = format!("{area}/{}", case.file_name().to_string_lossy().trim_end_matches(".json"));
            let mut show = !only.is_empty() && name.starts_with(&only);
            show |= only.starts_with('=') && name.contains(&only[1..]);
            let (outcome, kind) = case::run(&parity, &name, show);
            let Outcome { equal: e, different: d, skipped: s } = outcome;
            (equal, different, skipped) = (equal + e, different + d, skipped + s);
            let entry = per_kind.entry(kind).or_default();
            *entry = (entry.0 + e, entry.1 + d);
        }
        println!("{area}: {equal} equal, {different} different, {skipped} without a verdict");
        if equal < floor {
            failed.push(format!("{area}: {equal} of at least {floor}"));
        }
    }
    let mut kinds: Vec<_> = per_kind.into_iter().filter(|(_, (_, different))| *different > 0).collect();
    kinds.sort_by_key(|(_, (_, different))| std::cmp::Reverse(*different));
    println!("{}", kinds.iter().map(|(kind, (e, d))| format!("{kind} {d}/{}", d + e)).collect::<Vec<_>>().join(", "));
    assert!(failed.is_empty(), "{failed:?}");
}
