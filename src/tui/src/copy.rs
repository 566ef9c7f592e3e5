//! A request as a command that one can run oneself.

use control::timeline::trace::TraceLog;
use phase::record::TraceKind;
use serde_json::Value;

use crate::model::Model;

/// Returns the lines that can be copied: the kubeconfig line first, then the request.
pub fn lines(model: &Model, log: Option<&TraceLog>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(serving) = &model.serving {
        lines.push(kubeconfig(&serving.kubeconfig.display().to_string()));
    }
    let request = log.filter(|log| matches!(log.kind(), TraceKind::Request | TraceKind::System));
    if let Some(log) = request {
        lines.extend(kubectl(log));
        let address = model.serving.as_ref().map_or("$SERVER".to_owned(), |serving| serving.address.to_string());
        lines.push(curl(log, &address));
    }
    lines
}

/// Returns the line that makes `kubectl` talk to this server.
pub fn kubeconfig(path: &str) -> String {
    format!("export KUBECONFIG={}", quoted(path))
}

/// Returns the body that a request brought, if it was kept: the first object of the request that is no context.
pub fn body(log: &TraceLog) -> Option<Value> {
    let mut states = log.states_until(log.spans().len());
    let found = states.find(|(_, state)| state.to_value().get("apiVersion").is_some_and(Value::is_string));
    found.map(|(_, state)| state.to_value())
}

/// Returns a `kubectl` command that sends such a request, where there is one.
fn kubectl(log: &TraceLog) -> Option<String> {
    let fact = |name: &str| log.fact(name).filter(|value| !value.is_empty());
    let (method, path) = log.method_and_path();
    let Some(resource) = fact("resource") else {
        return (method == "GET").then(|| format!("kubectl get --raw {}", quoted(path)));
    };
    let group = fact("group").map(|group| format!(".{group}")).unwrap_or_default();
    let resource = format!("{resource}{group}");
    let mut command = match (fact("verb")?, fact("name")) {
        ("get", Some(name)) => format!("kubectl get {resource} {name}"),
        ("list", _) => format!("kubectl get {resource}"),
        ("watch", _) => format!("kubectl get {resource} --watch"),
        ("delete", Some(name)) => format!("kubectl delete {resource} {name}"),
        ("create", _) => "kubectl create -f -".to_owned(),
        ("update", Some(_)) => "kubectl replace -f -".to_owned(),
        ("patch", Some(name)) => format!("kubectl patch {resource} {name} --type=merge -p '{{}}'"),
        _ => return None,
    };
    match fact("namespace") {
        Some(namespace) => command.push_str(&format!(" -n {namespace}")),
        None if command.contains(" get ") => command.push_str(" -A"),
        None => {}
    }
    // Whoever the kubeconfig names needs no `--as`, and would lose their groups with it.
    let own = |user: &str| user == "admin" || user == "kubernetes-admin";
    if let Some(user) = fact("user").filter(|user| !user.starts_with("system:") && !own(user)) {
        command.push_str(&format!(" --as={}", quoted(user)));
    }
    if command.contains(" -f -")
        && let Some(body) = body(log)
    {
        command.push_str(&format!(" <<< {}", quoted(&body.to_string())));
    }
    Some(command)
}

/// Returns a `curl` command that sends the request. Who sends it is left open: credentials are not kept.
fn curl(log: &TraceLog, address: &str) -> String {
    let (method, path) = log.method_and_path();
    let mut command =
        format!("curl -k --cert $CERT --key $KEY -X {method} {}", quoted(&format!("https://{address}{path}")));
    if matches!(method, "POST" | "PUT" | "PATCH")
        && let Some(body) = body(log)
    {
        command.push_str(&format!(" -H 'Content-Type: application/json' -d {}", quoted(&body.to_string())));
    }
    command
}

/// Returns a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_.-:=@".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use phase::catalog::Phase;

    #[test]
    fn a_request_becomes_commands() {
        let timeline = testing::request_held_at(Phase::ValidatingAdmission);
        let log = timeline.trace(testing::REQUEST).expect("there");
        let kubectl = kubectl(log).expect("a create");
        assert!(kubectl.starts_with("kubectl create -f - -n shop --as=alice <<< '{"), "{kubectl}");
        let curl = curl(log, "127.0.0.1:6443");
        assert!(curl.contains("-X POST https://127.0.0.1:6443/api/v1/namespaces/shop/pods"), "{curl}");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(kubeconfig("/tmp/a b"), "export KUBECONFIG='/tmp/a b'");
    }
}
