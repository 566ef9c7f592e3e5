//! The program as kube-rs sees it, and what it keeps when it or its store is killed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{PATIENCE, Running, Server, etcd, free_port};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"suite": "clients"}}, "data": {"a": "b"}}))
        .expect("a ConfigMap")
}

fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), "default")
}

#[tokio::test(flavor = "multi_thread")]
async fn kube_rs_lists_watches_and_patches() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::new(dir.path(), &[]);
    let client = server.start().await;
    let api = config_maps(&client);
    for index in 0..5 {
        api.create(&PostParams::default(), &config_map(&format!("a{index}"))).await.expect("created");
    }
    let page = api.list(&ListParams::default().labels("suite=clients").limit(2)).await.expect("listed");
    assert_eq!((page.items.len(), page.metadata.remaining_item_count), (2, None), "selectors hide the count");
    let token = page.metadata.continue_.expect("there is more");
    let rest = api.list(&ListParams::default().labels("suite=clients").continue_token(&token)).await.expect("listed");
    assert_eq!(rest.items.len(), 3);

    let mut events = api.watch(&WatchParams::default().labels("suite=clients"), "0").await.expect("watched").boxed();
    for _ in 0..5 {
        let event = timeout(PATIENCE, events.try_next()).await.expect("in time").expect("an event");
        assert!(matches!(event, Some(WatchEvent::Added(_))), "{event:?}");
    }
    // A watch from "0" is told, as kube-apiserver does, where its initial events end.
    let event = timeout(PATIENCE, events.try_next()).await.expect("in time").expect("an event");
    assert!(matches!(event, Some(WatchEvent::Bookmark(_))), "{event:?}");
    let merged = api.patch("a0", &PatchParams::default(), &Patch::Merge(json!({"data": {"c": "d"}}))).await;
    assert_eq!(merged.expect("patched").data.map(|data| data.len()), Some(2));
    let event = timeout(PATIENCE, events.try_next()).await.expect("in time").expect("an event");
    let Some(WatchEvent::Modified(map)) = event else { panic!("{event:?}") };
    assert!(map.data.is_some_and(|data| data.contains_key("c")));
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "z"}});
    let conflict = api.patch("a0", &PatchParams::apply("other"), &Patch::Apply(&applied)).await;
    assert!(matches!(conflict, Err(kube::Error::Api(status)) if status.code == 409));
    let forced = api.patch("a0", &PatchParams::apply("other").force(), &Patch::Apply(&applied)).await.expect("forced");
    assert_eq!(forced.data.and_then(|data| data.get("a").cloned()).as_deref(), Some("z"));
    let strategic = Patch::Strategic(json!({"data": {"a": null}}));
    let patched = api.patch("a0", &PatchParams::default(), &strategic).await.expect("patched");
    assert!(patched.data.is_some_and(|data| !data.contains_key("a")));
    api.delete("a1", &DeleteParams::default()).await.expect("deleted");

    // What controllers are made of: a list, then a watch, and again from where it ended.
    let streaming = watcher::Config::default().labels("suite=clients").streaming_lists();
    for config in [watcher::Config::default().labels("suite=clients"), streaming] {
        let mut seen = Box::pin(watcher(api.clone(), config).applied_objects());
        let mut names = BTreeMap::new();
        while names.len() < 4 {
            let map =
                timeout(PATIENCE, seen.try_next()).await.expect("in time").expect("an object").expect("an object");
            names.insert(map.metadata.name, map.metadata.resource_version);
        }
    }
}

/// Writes until it is told to stop, or the server is gone, and returns the names whose creation was acknowledged.
async fn write(client: Client, prefix: String, stop: Arc<AtomicBool>) -> Vec<String> {
    let (api, mut acknowledged) = (config_maps(&client), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let name = format!("{prefix}-{}", acknowledged.len());
        match timeout(PATIENCE, api.create(&PostParams::default(), &config_map(&name))).await {
            Ok(Ok(_)) => acknowledged.push(name),
            _ => break,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::new(dir.path(), &[]);
    let mut client = server.start().await;
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let stop = Arc::new(AtomicBool::new(false));
        // More than one at a time, so that many share a commit.
        let writers: Vec<_> = (0..48)
            .map(|writer| tokio::spawn(write(client.clone(), format!("r{round}w{writer}"), stop.clone())))
            .collect();
        // The load runs for a moment; when it is cut off does not matter.
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged.extend(writer.await.expect("it ends"));
        }
        client = server.start().await;
        let listed = config_maps(&client).list(&ListParams::default()).await.expect("listed");
        let there: Vec<_> = listed.items.into_iter().filter_map(|map| map.metadata.name).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|name| !there.contains(name)).collect();
        assert!(lost.is_empty(), "lost after round {round}: {lost:?}");
    }
    assert!(acknowledged.len() > 20, "there was load: {}", acknowledged.len());
}

/// On a full disk lines of the log are lost, and nothing else.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink("/dev/full", dir.path().join("log")).expect("a link");
    let mut server = Server::new(dir.path(), &[]);
    let api = config_maps(&server.start().await);
    api.create(&PostParams::default(), &config_map("unsaid")).await.expect("created");
    assert!(api.get("unsaid").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_goes_away_comes_back_and_watches_go_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let (port, peer) = (free_port(), free_port());
    let Some(child) = etcd(dir.path(), port, peer) else {
        eprintln!("skipped: there is no etcd");
        return;
    };
    let store = Running(child);
    let mut server = Server::new(dir.path(), &[format!("--etcd-servers=http://127.0.0.1:{port}")]);
    let client = server.start().await;
    let api = config_maps(&client);
    api.create(&PostParams::default(), &config_map("before")).await.expect("created");
    let mut events =
        Box::pin(watcher(api.clone(), watcher::Config::default().labels("suite=clients")).applied_objects());
    let mut name = async || {
        let seen = async {
            loop {
                if let Ok(map) = events.try_next().await {
                    return map;
                }
            }
        };
        timeout(PATIENCE, seen).await.expect("in time").and_then(|map| map.metadata.name)
    };
    assert_eq!(name().await.as_deref(), Some("before"));

    drop(store);
    let refused =
        timeout(PATIENCE, api.create(&PostParams::default(), &config_map("during"))).await.expect("an answer");
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.code >= 500), "it is told, and not acknowledged");

    let _store = Running(etcd(dir.path(), port, peer).expect("etcd"));
    let again = async {
        while api.create(&PostParams::default(), &config_map("after")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("writes go on");
    // The refused write may have reached etcd's log, as with any client of it.
    while name().await.as_deref() != Some("after") {}
    assert!(api.get("before").await.is_ok());
}
