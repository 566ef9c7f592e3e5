//! The verbs, from a request to its answer, over storage in memory.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;

use super::testing::{Fixture, WIDGETS, read};

#[tokio::test]
async fn an_object_lives_from_create_to_delete() {
    let server = Fixture::new();
    let created = server.create("a", 1).await;
    assert_eq!(created["kind"], "Widget");
    assert_eq!(created["metadata"]["namespace"], "shop");
    assert_eq!(created["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(created["metadata"]["generation"], 1);

    let one = format!("GET {WIDGETS}/a");
    assert_eq!(server.json(&one, json!(null)).await, (200, created.clone()));

    let mut changed = created.clone();
    changed["spec"]["size"] = 2.into();
    let (code, updated) = server.json(&format!("PUT {WIDGETS}/a"), changed).await;
    assert_eq!((code, &updated["metadata"]["generation"]), (200, &json!(2)));

    let (code, patched) = server.json(&format!("PATCH {WIDGETS}/a"), json!({"spec": {"size": 3}})).await;
    assert_eq!((code, &patched["spec"], &patched["metadata"]["generation"]), (200, &json!({"size": 3}), &json!(3)));

    let (code, deleted) = server.json(&format!("DELETE {WIDGETS}/a"), json!(null)).await;
    let details = json!({"name": "a", "group": "ex.io", "kind": "widgets", "uid": created["metadata"]["uid"]});
    assert_eq!((code, &deleted["status"], &deleted["details"]), (200, &json!("Success"), &details));
    let (code, gone) = server.json(&one, json!(null)).await;
    assert_eq!((code, &gone["message"]), (404, &json!("widgets.ex.io \"a\" not found")));
}

#[tokio::test]
async fn lists_are_made_of_bare_items() {
    let server = Fixture::new();
    let (_, empty) = server.json(&format!("GET {WIDGETS}"), json!(null)).await;
    assert_eq!((&empty["kind"], &empty["items"]), (&json!("WidgetList"), &json!([])));
    let a = server.create("a", 1).await;
    server.create("b", 2).await;
    let (code, list) = server.json(&format!("GET {WIDGETS}?labelSelector=size%3D1"), json!(null)).await;
    let mut item = a;
    item.as_object_mut().expect("object").retain(|key, _| key != "kind" && key != "apiVersion");
    assert_eq!((code, &list["items"]), (200, &json!([item])));
    let (_, page) = server.json("GET /apis/ex.io/v1/widgets?limit=1", json!(null)).await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["metadata"]["remainingItemCount"]), (Some(1), &json!(1)));
    let next = format!(
        "GET /apis/ex.io/v1/widgets?limit=1&continue={}",
        page["metadata"]["continue"].as_str().expect("token")
    );
    let (_, page) = server.json(&next, json!(null)).await;
    assert_eq!(page["items"][0]["metadata"]["name"], "b");
}

#[tokio::test]
async fn a_watch_frames_the_bytes_of_the_objects() {
    let server = Fixture::new();
    server.create("a", 1).await;
    let response = server.send(&format!("GET {WIDGETS}?watch=1&allowWatchBookmarks=true"), &[], "").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/json".parse().expect("value"))
    );
    let mut body = response.into_body();
    server.create("b", 2).await;
    let mut text = String::new();
    while !text.contains("\"b\"") {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("in time");
        text.push_str(&String::from_utf8_lossy(&frame.expect("frame").expect("data").into_data().expect("data")));
    }
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seen: Vec<_> =
        events.iter().map(|event| (event["type"].as_str(), event["object"]["metadata"]["name"].as_str())).collect();
    assert_eq!(seen, [(Some("ADDED"), Some("a")), (Some("BOOKMARK"), None), (Some("ADDED"), Some("b"))]);
    assert_eq!(events[1]["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
}

#[tokio::test]
async fn writers_that_have_not_seen_the_newest_state_are_refused() {
    let server = Fixture::new();
    let created = server.create("a", 1).await;
    server.json(&format!("PATCH {WIDGETS}/a"), json!({"spec": {"size": 2}})).await;
    let (code, conflict) = server.json(&format!("PUT {WIDGETS}/a"), created).await;
    assert_eq!((code, &conflict["reason"]), (409, &json!("Conflict")));
    let (code, conflict) = server.json(&format!("POST {WIDGETS}"), json!({"metadata": {"name": "a"}})).await;
    assert_eq!((code, &conflict["message"]), (409, &json!("widgets.ex.io \"a\" already exists")));
    let body = json!({"preconditions": {"uid": "other"}, "kind": "DeleteOptions", "apiVersion": "v1"});
    let (code, conflict) = server.json(&format!("DELETE {WIDGETS}/a"), body).await;
    assert_eq!((code, &conflict["details"]["kind"]), (409, &json!("Widget")));
}

#[tokio::test]
async fn finalizers_keep_an_object_until_they_are_gone() {
    let server = Fixture::new();
    server.create("a", 1).await;
    let finalizers = |names: serde_json::Value| json!({"metadata": {"finalizers": names}});
    server.json(&format!("PATCH {WIDGETS}/a"), finalizers(json!(["ex.io/keep"]))).await;
    let (code, going) = server.json(&format!("DELETE {WIDGETS}/a?propagationPolicy=Orphan"), json!(null)).await;
    assert_eq!(code, 200);
    assert_eq!(going["metadata"]["finalizers"], json!(["ex.io/keep", "orphan"]));
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(going["metadata"]["generation"], 2);
    let (code, _) = server.json(&format!("POST {WIDGETS}"), json!({"metadata": {"name": "a"}})).await;
    assert_eq!(code, 409);
    let (code, _) = server.json(&format!("PATCH {WIDGETS}/a"), finalizers(json!(null))).await;
    assert_eq!(code, 200);
    assert_eq!(server.json(&format!("GET {WIDGETS}/a"), json!(null)).await.0, 404);
}

#[tokio::test]
async fn a_status_is_written_by_itself() {
    let server = Fixture::new();
    server.create("a", 1).await;
    let body = json!({"spec": {"size": 9}, "status": {"phase": "Ready"}});
    let (_, object) = server.json(&format!("PATCH {WIDGETS}/a/status"), body.clone()).await;
    assert_eq!((&object["spec"]["size"], &object["status"]["phase"]), (&json!(1), &json!("Ready")));
    let (_, object) =
        server.json(&format!("PATCH {WIDGETS}/a"), json!({"status": {"phase": "Odd"}, "spec": {"size": 9}})).await;
    assert_eq!((&object["spec"]["size"], &object["status"]["phase"]), (&json!(9), &json!("Ready")));
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let server = Fixture::new();
    let body = json!({"metadata": {"generateName": "x-"}});
    let (code, tried) = server.json(&format!("POST {WIDGETS}?dryRun=All"), body).await;
    assert_eq!(code, 201);
    assert!(tried["metadata"]["name"].as_str().expect("name").starts_with("x-"));
    assert_eq!(tried["metadata"].get("resourceVersion"), None);
    server.create("a", 1).await;
    assert_eq!(
        server.json(&format!("PATCH {WIDGETS}/a?dryRun=All"), json!({"spec": {"size": 5}})).await.1["spec"]["size"],
        5
    );
    assert_eq!(server.json(&format!("DELETE {WIDGETS}/a?dryRun=All"), json!(null)).await.0, 200);
    let (_, list) = server.json(&format!("GET {WIDGETS}"), json!(null)).await;
    assert_eq!((list["items"].as_array().map(Vec::len), &list["items"][0]["spec"]["size"]), (Some(1), &json!(1)));
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = Fixture::new();
    for (name, size) in [("a", 1), ("b", 2), ("c", 1)] {
        server.create(name, size).await;
    }
    let (code, deleted) = server.json(&format!("DELETE {WIDGETS}?labelSelector=size%3D1"), json!(null)).await;
    assert_eq!((code, deleted["items"].as_array().map(Vec::len)), (200, Some(2)));
    let (_, list) = server.json(&format!("GET {WIDGETS}"), json!(null)).await;
    assert_eq!(list["items"][0]["metadata"]["name"], "b");
}

#[tokio::test]
async fn objects_are_shown_as_rows_and_as_metadata() {
    let server = Fixture::new();
    server.create("a", 1).await;
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let (_, table) = read(server.send(&format!("GET {WIDGETS}"), &table, "").await).await;
    assert_eq!((&table["kind"], &table["rows"][0]["cells"]), (&json!("Table"), &json!(["a", "2026-01-01T00:00:00Z"])));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let partial = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let (_, list) = read(server.send(&format!("GET {WIDGETS}"), &partial, "").await).await;
    assert_eq!((&list["kind"], list["items"][0].get("spec")), (&json!("PartialObjectMetadataList"), None));
    let (code, refused) = read(server.send(&format!("GET {WIDGETS}/a"), &partial, "").await).await;
    assert_eq!((code, &refused["reason"]), (406, &json!("NotAcceptable")));
}

#[tokio::test]
async fn the_router_answers_what_it_has_no_route_for() {
    let server = Fixture::new();
    let named = server.json("GET /apis/ex.io/v1/widgets?fieldSelector=metadata.name%3Da", json!(null)).await;
    assert_eq!(named.0, 200, "an object that is selected by its name is listed: {}", named.1);
    for (line, code, message) in [
        ("GET /apis/ex.io/v1/namespaces/shop/gadgets", 404, "the server could not find the requested resource"),
        ("GET /apis/ex.io/v1/widgets/a", 404, "the server could not find the requested resource"),
        (
            "PUT /apis/ex.io/v1/namespaces/shop/widgets",
            405,
            "the server does not allow this method on the requested resource",
        ),
        (
            "DELETE /apis/ex.io/v1/namespaces/shop/widgets/a/status",
            405,
            "the server does not allow this method on the requested resource",
        ),
    ] {
        let (actual, body) = server.json(line, json!(null)).await;
        assert_eq!((actual, body["message"].as_str()), (code, Some(message)), "{line}");
    }
    let (code, refused) = read(server.send(&format!("GET {WIDGETS}"), &[("accept", "text/plain")], "").await).await;
    let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                   application/vnd.kubernetes.protobuf, application/json;stream=watch, \
                   application/vnd.kubernetes.protobuf;stream=watch";
    assert_eq!((code, refused["message"].as_str()), (406, Some(message)));
    for (accept, content_type) in
        [("application/yaml", "application/yaml"), ("application/yaml;as=Table;v=v1;g=meta.k8s.io", "application/json")]
    {
        let refused = server.send("GET /apis/ex.io/v1/widgets/a", &[("accept", accept)], "").await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["content-type"]),
            (404, &content_type.parse().expect("a header"))
        );
    }
    let (code, refused) =
        read(server.send(&format!("PATCH {WIDGETS}/a"), &[("content-type", "application/json")], "{}").await).await;
    assert_eq!((code, refused["message"].as_str()), (415, Some("415: Unsupported Media Type")));
}

#[tokio::test]
async fn bodies_are_checked_against_the_url() {
    let server = Fixture::new();
    let (code, refused) =
        server.json(&format!("POST {WIDGETS}"), json!({"metadata": {"name": "a", "namespace": "other"}})).await;
    assert_eq!(
        (code, refused["message"].as_str()),
        (400, Some("the namespace of the provided object does not match the namespace sent on the request"))
    );
    let (code, refused) = server
        .json(&format!("POST {WIDGETS}"), json!({"kind": "Widget", "apiVersion": "v2", "metadata": {"name": "a"}}))
        .await;
    assert_eq!(
        (code, refused["message"].as_str()),
        (400, Some("the API version in the data (v2) does not match the expected API version (ex.io/v1)"))
    );
    let (code, refused) = server.json(&format!("PUT {WIDGETS}/a"), json!({"metadata": {"name": "b"}})).await;
    assert_eq!(
        (code, refused["message"].as_str()),
        (400, Some("the name of the object (b) does not match the name on the URL (a)"))
    );
    let (code, _) =
        server.json(&format!("POST {WIDGETS}?fieldValidation=Odd"), json!({"metadata": {"name": "a"}})).await;
    assert_eq!(code, 422);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(4 << 20));
    let (code, refused) = read(server.send(&format!("POST {WIDGETS}"), &[], large).await).await;
    assert_eq!((code, refused["message"].as_str()), (413, Some("Request entity too large: limit is 3145728")));
}

#[tokio::test]
async fn people_get_indented_json() {
    let server = Fixture::new();
    server.create("a", 1).await;
    for (headers, pretty) in [(&[("user-agent", "curl/8")][..], true), (&[], false)] {
        let response = server.send(&format!("GET {WIDGETS}/a"), headers, "").await;
        let body = response.into_body().collect().await.expect("body").to_bytes();
        assert_eq!((body.starts_with(b"{\n  \""), body.ends_with(b"}\n")), (pretty, !pretty));
    }
}
