//! What each mode asks, and who comes out.

use auth::{
    authorization::{Attributes, Verdict},
    user,
};
use parking_lot::Mutex;
use phase::trace::Trace;

use super::*;
use crate::{endpoints::codec::UntypedCodec, request::testing};

/// Allows verbs that begin with one of these and remembers all questions.
struct Allows {
    verbs: &'static [&'static str],
    asked: Mutex<Vec<String>>,
}

impl Authorizer for Allows {
    fn name(&self) -> &'static str {
        "allows"
    }

    fn authorize<'a>(&'a self, _: &'a Trace, a: &'a Attributes) -> BoxFuture<'a, Verdict> {
        let part = |text: &str| if text.is_empty() { String::new() } else { format!("/{text}") };
        let what = format!("{} {}{}{}", a.verb, a.resource, part(&a.subresource), part(&a.name));
        self.asked.lock().push(what);
        let allowed = self.verbs.iter().any(|verb| a.verb.starts_with(verb));
        Box::pin(async move { if allowed { Verdict::allow("") } else { Verdict::no_opinion() } })
    }
}

struct Outcome {
    code: u16,
    text: String,
    user: user::Info,
    asked: Vec<String>,
}

async fn act(verbs: &'static [&'static str], requestor: user::Info, headers: &[(&'static str, &str)]) -> Outcome {
    let authorizer = Arc::new(Allows { verbs, asked: Mutex::default() });
    let mut cx = testing::context("GET", "/api/v1/namespaces/shop/pods/web");
    cx.user = Some(Arc::new(requestor));
    for (name, value) in headers {
        cx.headers.append(*name, value.parse().expect("header"));
    }
    let filter = WithConstrainedImpersonation::new(authorizer.clone(), Constrained::On, Arc::new(UntypedCodec));
    let response = testing::run(filter, &testing::ok(), &mut cx).await;
    let code = response.status().as_u16();
    assert!(code != 200 || cx.header("impersonate-user").is_empty());
    let asked = std::mem::take(&mut *authorizer.asked.lock());
    Outcome { code, text: testing::body(response).await, user: user::Info::clone(&cx.user()), asked }
}

fn alice() -> user::Info {
    user::Info::new("alice", &["devs"])
}

#[tokio::test]
async fn a_user_with_groups_and_extra_needs_a_permission_for_each() {
    let headers = [
        ("impersonate-user", "zoe"),
        ("impersonate-group", "g1"),
        ("impersonate-extra-scopes%2fa", "view"),
        ("impersonate-uid", "7"),
    ];
    let outcome = act(&["impersonate"], alice(), &headers).await;
    assert_eq!(outcome.code, 200);
    assert_eq!(
        outcome.asked,
        [
            "impersonate-on:user-info:get pods/web",
            "impersonate:user-info users/zoe",
            "impersonate:user-info groups/g1",
            "impersonate:user-info userextras/scopes/a/view",
            "impersonate:user-info uids/7",
        ]
    );
    assert_eq!(outcome.user.groups, ["g1", "system:authenticated"]);
    assert_eq!(outcome.user.extra["scopes/a"], ["view"]);
}

#[tokio::test]
async fn the_first_refusal_is_told_after_all_modes_were_tried() {
    let outcome = act(&[], alice(), &[("impersonate-user", "zoe")]).await;
    assert_eq!(outcome.code, 403);
    assert!(outcome.text.contains("cannot impersonate-on:user-info:get resource"), "{}", outcome.text);
    assert_eq!(outcome.asked, ["impersonate-on:user-info:get pods/web", "impersonate users/zoe"]);

    // With groups of its own a service account fits no constrained mode.
    let headers = [("impersonate-user", "system:serviceaccount:ns1:sa1"), ("impersonate-group", "g")];
    let outcome = act(&[], alice(), &headers).await;
    assert!(outcome.text.contains("cannot impersonate resource \\\"serviceaccounts\\\""), "{}", outcome.text);
}

#[tokio::test]
async fn service_accounts_and_nodes_get_their_own_groups() {
    let outcome = act(&["impersonate"], alice(), &[("impersonate-user", "system:serviceaccount:ns1:sa1")]).await;
    let expected = ["system:serviceaccounts", "system:serviceaccounts:ns1", "system:authenticated"];
    assert_eq!(outcome.user.groups, expected);
    assert_eq!(outcome.asked[1], "impersonate:serviceaccount serviceaccounts/sa1");

    let mut agent = user::Info::new("system:serviceaccount:kube-system:agent", &[]);
    agent.extra.insert("authentication.kubernetes.io/node-name".to_owned(), vec!["n1".to_owned()]);
    let outcome = act(&["impersonate"], agent.clone(), &[("impersonate-user", "system:node:n1")]).await;
    assert_eq!(outcome.asked, ["impersonate-on:associated-node:get pods/web", "impersonate:associated-node nodes/*"]);
    assert_eq!(outcome.user.groups, ["system:nodes", "system:authenticated"]);
    let outcome = act(&["impersonate"], agent, &[("impersonate-user", "system:node:n2")]).await;
    assert_eq!(outcome.asked[0], "impersonate-on:arbitrary-node:get pods/web");
}

#[tokio::test]
async fn nobody_stays_nobody() {
    let groups = async |name: &'static str, group: Option<&'static str>| {
        let mut headers = vec![("impersonate-user", name)];
        headers.extend(group.map(|group| ("impersonate-group", group)));
        act(&["impersonate"], alice(), &headers).await.user.groups
    };
    assert_eq!(groups("system:anonymous", None).await, ["system:unauthenticated"]);
    let both = ["system:authenticated", "system:unauthenticated"];
    assert_eq!(groups("system:anonymous", Some("system:authenticated")).await, both);
    assert_eq!(groups("zoe", Some("system:unauthenticated")).await, ["system:unauthenticated"]);
}

#[tokio::test]
async fn without_a_name_there_is_nobody_to_be() {
    assert_eq!(act(&[], alice(), &[("impersonate-user", "")]).await.user.name, "alice");
    let outcome = act(&[], alice(), &[("impersonate-group", "g")]).await;
    assert_eq!(outcome.code, 400);
    assert!(outcome.text.contains("without impersonating a user"));
}
