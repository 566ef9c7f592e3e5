//! Four small controllers, so that a cluster without kube-controller-manager still behaves.
//!
//! They use the API as any client does. While kube-controller-manager holds its lease, each steps
//! aside: two writers with one job would quarrel.
//!
//! ```text
//! namespace                 a namespace that is deleted is emptied, then finalized
//! serviceaccount            every namespace has `default` and `kube-root-ca.crt`
//! garbagecollector          dependents follow their owners
//! clusterrole-aggregation   `view`, `edit` and `admin` collect the rules of labelled roles
//! ```

mod clusterroleaggregation;
mod discovery;
mod garbagecollector;
mod leader;
mod namespace;
mod serviceaccount;

use std::sync::Arc;

use client::{cache::informer::SharedInformerFactory, rest::Client};
use phase::clock::Clock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The names, as in `--controllers` of kube-controller-manager.
pub const NAMES: [&str; 4] = [
    "namespace-controller",
    "serviceaccount-controller",
    "garbage-collector-controller",
    "clusterrole-aggregation-controller",
];

/// Which controllers run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Vec<&'static str>);

impl Selection {
    /// Reads `--controllers`: `*` is all, `NAME` that one, `-NAME` not that one; empty is none.
    ///
    /// Go: cmd/kube-controller-manager/app/controllermanager.go IsControllerEnabled
    pub fn parse(list: &[String]) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        for word in list {
            let name = word.trim_start_matches('-');
            if word != "*" && find(name).is_none() {
                mistakes.push(format!("--controllers: \"{name}\" is not one of {}", NAMES.join(", ")));
            }
        }
        let enabled = |name: &str| {
            let named = |word: &String| !word.starts_with('-') && find(word) == Some(name);
            let refused = |word: &String| word.strip_prefix('-').is_some_and(|word| find(word) == Some(name));
            list.iter().any(named) || (!list.iter().any(refused) && list.iter().any(|word| word == "*"))
        };
        let selected = NAMES.into_iter().filter(|name| enabled(name)).collect();
        if mistakes.is_empty() { Ok(Self(selected)) } else { Err(mistakes) }
    }

    /// Says whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

/// Finds a name, also in its short forms: `namespace`, `garbagecollector`, `clusterrole-aggregation`.
fn find(word: &str) -> Option<&'static str> {
    let fold = |name: &str| name.trim_end_matches("-controller").replace('-', "");
    NAMES.into_iter().find(|name| *name == word || fold(name) == fold(word))
}

/// What every controller works with.
#[derive(Clone)]
pub struct Context {
    /// Speaks to the server through its whole chain.
    pub client: Client,
    /// Local copies, shared with one another.
    pub informers: Arc<SharedInformerFactory>,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Ends them.
    pub stop: CancellationToken,
    /// Waits for them.
    pub tasks: TaskTracker,
    /// The authority that `kube-root-ca.crt` publishes, PEM.
    pub root_ca: String,
}

/// Starts the selected controllers.
pub fn start(selection: &Selection, context: &Context) {
    if selection.is_empty() {
        return;
    }
    let leader = leader::Leader::new(context);
    if selection.has(NAMES[0]) {
        context.tasks.spawn(namespace::run(context.clone(), leader.clone()));
    }
    if selection.has(NAMES[1]) {
        context.tasks.spawn(serviceaccount::run(context.clone(), leader.clone()));
    }
    if selection.has(NAMES[2]) {
        context.tasks.spawn(garbagecollector::run(context.clone(), leader.clone()));
    }
    if selection.has(NAMES[3]) {
        context.tasks.spawn(clusterroleaggregation::run(context.clone(), leader));
    }
    context.informers.start(&context.tasks, &context.stop);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<usize, Vec<String>> {
        Selection::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>()).map(|selection| selection.0.len())
    }

    #[test]
    fn the_syntax_is_kube_controller_managers() {
        assert_eq!(parse(&["*"]), Ok(4));
        assert_eq!(parse(&["*", "-garbagecollector"]), Ok(3));
        assert_eq!(parse(&["namespace", "clusterrole-aggregation"]), Ok(2));
        assert_eq!(parse(&[]), Ok(0));
        assert!(parse(&["deployment"]).is_err());
    }
}
