//! node.k8s.io: RuntimeClass, what runs the containers of a pod.
//!
//! Go: pkg/apis/node/validation/validation.go, pkg/registry/node/runtimeclass/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{ErrorList, Path},
};

use crate::{
    core::pod::{resources, scheduling},
    node::Node,
    rules::Rules,
    validation::{dns_label, duplicate_struct, immutable, labels, node_label_deprecation, required_text},
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static RUNTIME_CLASS: Rules = Rules {
        validate,
        validate_update,
        warnings_on_create: warnings,
        warnings_on_update: |class, _| warnings(class),
        ..Rules::PLAIN
    };
    (kind == "RuntimeClass").then_some(&RUNTIME_CLASS)
}

/// Go: pkg/api/node/util.go GetWarningsForRuntimeClass
fn warnings(class: &Object) -> Vec<String> {
    let selector = Node::of(class, "scheduling").child("nodeSelector");
    selector.entries_here().iter().filter_map(|(label, _)| node_label_deprecation(&selector.path, label)).collect()
}

fn validate(class: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let handler = Node::of(class, "handler");
    required_text(&mut errors, &handler);
    if !handler.as_str().is_empty() {
        dns_label(&mut errors, &handler);
    }
    resources::overhead(&mut errors, &Node::of(class, "overhead.podFixed").at(Path::new("overhead")));
    let scheduling = Node::of(class, "scheduling");
    labels(&mut errors, &scheduling.child("nodeSelector"));
    tolerations(&mut errors, &scheduling.child("tolerations"));
    errors
}

/// Two tolerations differ in more than their seconds.
fn tolerations(errors: &mut ErrorList, list: &Node<'_>) {
    scheduling::tolerations(errors, list);
    let items = list.items_here();
    let key =
        |toleration: &Node<'_>| ["key", "operator", "value", "effect"].map(|field| toleration.text(field).to_owned());
    for (index, toleration) in items.iter().enumerate() {
        if items[..index].iter().any(|other| key(other) == key(toleration)) {
            errors.push(duplicate_struct(toleration, "Key Operator Value Effect TolerationSeconds?"));
        }
    }
}

fn validate_update(class: &Object, old: &Object) -> ErrorList {
    let mut errors = validate(class);
    let handler = |object| Node::of(object, "handler").or_empty();
    immutable(&mut errors, &handler(class), &handler(old));
    errors
}
