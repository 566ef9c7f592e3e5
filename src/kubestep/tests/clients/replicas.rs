//! Two servers on one etcd.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{
    Api, Client,
    api::{PostParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{PATIENCE, Running, Server, etcd, free_port};

async fn node_ports(client: Client, prefix: &'static str) -> Vec<(String, i32)> {
    let api: Api<Service> = Api::namespaced(client, "default");
    let mut taken = Vec::new();
    for index in 0..15 {
        let service = json!({"metadata": {"name": format!("{prefix}{index}")},
            "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
        let service = serde_json::from_value(service).expect("a service");
        let spec = api.create(&PostParams::default(), &service).await.expect("created").spec.expect("a spec");
        let port = spec.ports.and_then(|ports| ports[0].node_port).expect("a node port");
        taken.push((spec.cluster_ip.expect("an address"), port));
    }
    taken
}

/// Waits until the kubernetes service leads to these addresses.
async fn endpoints(client: &Client, wanted: &[&str]) {
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let agree = async {
        loop {
            let slice = api.get_opt("kubernetes").await.expect("an answer");
            let endpoints = slice.and_then(|slice| slice.endpoints).unwrap_or_default();
            let addresses: BTreeSet<String> = endpoints.into_iter().flat_map(|endpoint| endpoint.addresses).collect();
            if addresses.iter().eq(wanted.iter()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, agree).await.unwrap_or_else(|_| panic!("the endpoints never were {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_see_each_other_and_give_nothing_out_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let Some(store) = etcd(dir.path(), port, free_port()) else {
        eprintln!("skipped: there is no etcd");
        return;
    };
    let _store = Running(store);
    let server = |name: &str, address: &str| {
        let own = dir.path().join(name);
        std::fs::create_dir(&own).expect("a directory");
        let flags = [format!("--etcd-servers=http://127.0.0.1:{port}"), format!("--advertise-address={address}")];
        Server::new(&own, &flags)
    };
    let (mut one, mut two) = (server("one", "192.0.2.1"), server("two", "192.0.2.2"));
    let first = one.start().await;
    endpoints(&first, &["192.0.2.1"]).await;
    let second = two.start().await;
    endpoints(&first, &["192.0.2.1", "192.0.2.2"]).await;

    let (here, there) = tokio::join!(node_ports(first.clone(), "a"), node_ports(second.clone(), "b"));
    let all: Vec<_> = here.into_iter().chain(there).collect();
    let addresses: BTreeSet<_> = all.iter().map(|(address, _)| address).collect();
    let ports: BTreeSet<_> = all.iter().map(|(_, port)| port).collect();
    assert_eq!((addresses.len(), ports.len()), (all.len(), all.len()), "{all:?}");

    let (watched, written): (Api<ConfigMap>, Api<ConfigMap>) =
        (Api::namespaced(first.clone(), "default"), Api::namespaced(second, "default"));
    let params = WatchParams::default().fields("metadata.name=shared");
    let mut events = watched.watch(&params, "0").await.expect("watched").boxed();
    let map = serde_json::from_value(json!({"metadata": {"name": "shared"}})).expect("a map");
    written.create(&PostParams::default(), &map).await.expect("created");
    let added = async {
        while let Ok(Some(event)) = events.try_next().await {
            if matches!(event, WatchEvent::Added(_)) {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, added).await.expect("in time"));

    assert!(two.stop().await, "it ends in order");
    endpoints(&first, &["192.0.2.1"]).await;
}
