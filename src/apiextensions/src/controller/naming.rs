//! Condition `NamesAccepted`: no two definitions of a group use one name.
//!
//! Go: apiextensions-apiserver/pkg/controller/status/naming_controller.go

use std::{collections::BTreeSet, sync::Arc};

use apimachinery::{
    meta::conditions::{self, Condition, Status},
    runtime::object::Object,
    util::strconv::quote,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{
        Tools,
        queue::{self, WorkQueue},
    },
    definition::{Definition, ESTABLISHED, NAMES_ACCEPTED, Names},
};

/// Runs the controller.
///
/// Go: NamingConditionController
pub async fn run(tools: Tools, queue: Arc<WorkQueue>, stop: CancellationToken) {
    let tools = &tools;
    let waiting = &queue;
    queue::run("naming", queue.clone(), stop, |name| async move { sync(tools, waiting, &name).await }).await;
}

async fn sync(tools: &Tools, queue: &WorkQueue, name: &str) -> Result<(), String> {
    let Some(object) = tools.definitions.get("", name) else {
        // It was deleted and has freed its names.
        requeue_group(tools, queue, name.split_once('.').map_or("", |(_, group)| group), name);
        return Ok(());
    };
    let definition = Definition::of(&object);
    if definition.spec.names == definition.status.accepted_names {
        return Ok(());
    }
    let decision = decide(&definition, &used_names(tools, &definition));
    let unchanged = decision.accepted == definition.status.accepted_names
        && conditions::find(&definition.status.conditions, NAMES_ACCEPTED).is_some_and(|known| {
            known["status"] == decision.status()
                && known["reason"] == decision.reason
                && known["message"] == decision.message
        });
    if unchanged {
        return Ok(());
    }
    let mut changed = Object::clone(&object);
    changed.set(&["status", "acceptedNames"], to_value(&decision.accepted));
    write_conditions(tools, &mut changed, &definition, &decision);
    if tools.update_status(&changed).await.map_err(|error| error.to_string())?.is_some() {
        requeue_group(tools, queue, &definition.spec.group, name);
    }
    Ok(())
}

/// Names may have become free for others.
fn requeue_group(tools: &Tools, queue: &WorkQueue, group: &str, except: &str) {
    for object in tools.definitions.list() {
        if object.str(&["spec", "group"]) == group && object.name() != except {
            queue.add(object.name());
        }
    }
}

/// The names that the group uses: of resources, and of kinds.
struct Used {
    resources: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

/// Go: getAcceptedNamesForGroup
fn used_names(tools: &Tools, definition: &Definition) -> Used {
    let mut used = Used { resources: BTreeSet::new(), kinds: BTreeSet::new() };
    for object in tools.definitions.list() {
        let other = Definition::of(&object);
        if other.spec.group == definition.spec.group {
            let Names { plural, singular, short_names, kind, list_kind, .. } = other.status.accepted_names;
            used.resources.extend([plural, singular].into_iter().chain(short_names));
            used.kinds.extend([kind, list_kind]);
        }
    }
    used
}

/// What becomes of the names of a definition.
struct Decision {
    accepted: Names,
    reason: &'static str,
    message: String,
}

impl Decision {
    fn status(&self) -> &'static str {
        if self.reason == "NoConflicts" { "True" } else { "False" }
    }
}

/// Takes every name that nobody else has.
///
/// Go: calculateNamesAndConditions
fn decide(definition: &Definition, used: &Used) -> Decision {
    let (wanted, mine) = (&definition.spec.names, &definition.status.accepted_names);
    let mut accepted = Names { categories: wanted.categories.clone(), ..mine.clone() };
    let (mut reason, mut message) = ("NoConflicts", "no conflicts found".to_owned());
    let mut judge = |conflict: &'static str, name: &str, own: &str, used: &BTreeSet<String>| {
        let free = name == own || !used.contains(name);
        if !free {
            (reason, message) = (conflict, format!("{} is already in use", quote(name)));
        }
        free
    };
    if judge("PluralConflict", &wanted.plural, &mine.plural, &used.resources) {
        accepted.plural.clone_from(&wanted.plural);
    }
    if judge("SingularConflict", &wanted.singular, &mine.singular, &used.resources) {
        accepted.singular.clone_from(&wanted.singular);
    }
    if wanted.short_names != mine.short_names {
        let taken: Vec<String> = wanted
            .short_names
            .iter()
            .filter(|name| !mine.short_names.contains(name) && used.resources.contains(*name))
            .map(|name| format!("{} is already in use", quote(name)))
            .collect();
        match taken.as_slice() {
            [] => accepted.short_names.clone_from(&wanted.short_names),
            [one] => (reason, message) = ("ShortNamesConflict", one.clone()),
            several => (reason, message) = ("ShortNamesConflict", format!("[{}]", several.join(", "))),
        }
    }
    let mut judge = |conflict: &'static str, name: &str, own: &str| {
        let free = name == own || !used.kinds.contains(name);
        if !free {
            (reason, message) = (conflict, format!("{} is already in use", quote(name)));
        }
        free
    };
    if judge("KindConflict", &wanted.kind, &mine.kind) {
        accepted.kind.clone_from(&wanted.kind);
    }
    if judge("ListKindConflict", &wanted.list_kind, &mine.list_kind) {
        accepted.list_kind.clone_from(&wanted.list_kind);
    }
    Decision { accepted, reason, message }
}

fn write_conditions(tools: &Tools, object: &mut Object, definition: &Definition, decision: &Decision) {
    let accepted = decision.reason == "NoConflicts";
    let status = if accepted { Status::True } else { Status::False };
    let condition = Condition { kind: NAMES_ACCEPTED, status, reason: decision.reason, message: &decision.message };
    tools.set_condition(object, condition);
    // Whoever is established stays so.
    let known = conditions::find(&definition.status.conditions, ESTABLISHED);
    let established = |reason, message| Condition { kind: ESTABLISHED, status: Status::False, reason, message };
    if accepted && !definition.is_true(ESTABLISHED) {
        tools.set_condition(object, established("Installing", "the initial names have been accepted"));
    } else if known.is_none() {
        tools.set_condition(object, established("NotAccepted", "not all names are accepted"));
    }
}

/// Writes names as Go does: what is empty is left out, but for plural and kind.
fn to_value(names: &Names) -> Value {
    let mut value = json!({"plural": names.plural, "kind": names.kind});
    for (field, text) in [("singular", &names.singular), ("listKind", &names.list_kind)] {
        if !text.is_empty() {
            value[field] = text.as_str().into();
        }
    }
    for (field, list) in [("shortNames", &names.short_names), ("categories", &names.categories)] {
        if !list.is_empty() {
            value[field] = json!(list);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(plural: &str, kind: &str) -> Names {
        Names {
            plural: plural.to_owned(),
            singular: kind.to_lowercase(),
            kind: kind.to_owned(),
            list_kind: format!("{kind}List"),
            ..Names::default()
        }
    }

    #[test]
    fn names_of_others_are_refused_and_the_rest_taken() {
        let mut definition = Definition::default();
        definition.spec.names = names("things", "Thing");
        let used = |kinds: &[&str]| Used {
            resources: BTreeSet::new(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let fine = decide(&definition, &used(&[]));
        assert_eq!((fine.accepted, fine.reason), (definition.spec.names.clone(), "NoConflicts"));
        let taken = decide(&definition, &used(&["Thing"]));
        assert_eq!((taken.reason, taken.message.as_str()), ("KindConflict", "\"Thing\" is already in use"));
        assert_eq!((taken.accepted.kind.as_str(), taken.accepted.plural.as_str()), ("", "things"));
    }
}
