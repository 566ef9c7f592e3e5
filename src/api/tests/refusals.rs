//! What is refused of new objects, and in which words: one line per rule that is easily lost.

use api::rules;
use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

/// What is wrong with a new object, after its defaults were filled in.
fn refusals(object: Value) -> Vec<String> {
    let mut object = Object::from_value(object).expect("an object");
    let rules = rules::of(&object.gvk());
    (rules.default)(&mut object);
    (rules.validate)(&object).0.iter().map(ToString::to_string).collect()
}

fn pod(mut spec: Value) -> Value {
    if spec.get("containers").is_none() {
        spec["containers"] = json!([{"name": "main", "image": "i"}]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"}, "spec": spec})
}

fn volume(source: Value) -> Value {
    let mut volume = source;
    volume["name"] = json!("v");
    pod(json!({"volumes": [volume]}))
}

fn persistent(mut spec: Value) -> Value {
    spec["capacity"] = json!({"storage": "1Gi"});
    spec["accessModes"] = json!(["ReadWriteOnce"]);
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "a"}, "spec": spec})
}

fn stateful(template: Value, claims: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a", "namespace": "n"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "serviceName": "s", "template": template, "volumeClaimTemplates": claims}})
}

#[track_caller]
fn refused(object: Value, expected: &[&str]) {
    assert_eq!(refusals(object), expected);
}

#[test]
fn the_first_source_of_a_volume_counts() {
    refused(
        volume(json!({"secret": {"secretName": "s"}, "cephfs": {}, "downwardAPI": {}, "gcePersistentDisk": {}})),
        &[
            "spec.volumes[0].persistentDisk.pdName: Required value",
            "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
            "spec.volumes[0].cephFS: Forbidden: may not specify more than 1 volume type",
            "spec.volumes[0].downwarAPI: Forbidden: may not specify more than 1 volume type",
        ],
    );
    // A flexible driver is not refused beside another source.
    refused(
        persistent(json!({"hostPath": {"path": "/a"}, "flexVolume": {}})),
        &["spec.flexVolume.driver: Required value"],
    );
}

#[test]
fn sources_of_pods_and_of_persistent_volumes_differ() {
    let iscsi = json!({"iscsi": {"targetPortal": "p", "iqn": "a", "lun": 0, "initiatorName": "b"}});
    let long = "must be valid format starting with iqn, eui, or naa";
    refused(
        volume(iscsi.clone()),
        &[
            &format!("spec.volumes[0].iscsi.iqn: Invalid value: \"a\": {long}"),
            &format!("spec.volumes[0].iscsi.initiatorname: Invalid value: \"b\": {long}"),
        ],
    );
    refused(
        persistent(iscsi),
        &[
            "spec.iscsi.iqn: Invalid value: \"a\": must be valid format",
            "spec.iscsi.initiatorname: Invalid value: \"b\": must be valid format",
        ],
    );
    refused(
        persistent(json!({"cinder": {"volumeID": "v", "secretRef": {}}})),
        &["spec.cinder.secretRef.name: Required value", "spec.cinder.secretRef.namespace: Required value"],
    );
    refused(
        persistent(json!({"flexVolume": {"driver": "d", "options": {"x.K8s.io/a": "b"}}})),
        &[
            "spec.flexVolume.options[x.K8s.io/a]: Invalid value: \"x.K8s.io/a\": kubernetes.io and k8s.io namespaces are \
            reserved",
        ],
    );
    refused(
        volume(json!({"fc": {"targetWWNs": ["a"], "wwids": ["b"]}})),
        &[
            "spec.volumes[0].fc.targetWWNs: Invalid value: [\"a\"]: targetWWNs and wwids can not be specified \
                simultaneously",
            "spec.volumes[0].fc.lun: Required value: lun is required if targetWWNs is specified",
        ],
    );
}

#[test]
fn a_projection_is_checked_whatever_stands_beside_it() {
    refused(
        volume(json!({"projected": {"sources": [{"secret": {"name": "s"}, "configMap": {}}]}})),
        &[
            "spec.volumes[0].projected.sources[0].configMap.name: Required value",
            "spec.volumes[0].projected.sources[0]: Forbidden: may not specify more than 1 volume type per source",
        ],
    );
}

#[test]
fn variables_from_files_need_an_empty_directory() {
    let reference = json!({"volumeName": "v", "path": "../p", "key": "a=b"});
    let env = json!([{"name": "A", "valueFrom": {"fileKeyRef": reference}}]);
    let containers = json!([{"name": "main", "image": "i", "env": env}]);
    let at = "spec.containers[0].env[0].valueFrom.fileKeyRef";
    let found = refusals(pod(json!({"containers": containers})));
    assert_eq!(found.len(), 3);
    assert!(found[0].starts_with(&format!("{at}.key: Invalid value: \"a=b\"")));
    assert_eq!(found[1], format!("{at}.path: Invalid value: \"../p\": must not contain '..'"));
    assert_eq!(found[2], format!("{at}.volumeName: Not found: \"v\""));
}

#[test]
fn windows_processes_of_the_node_are_all_or_none() {
    let containers = json!([
        {"name": "a", "image": "i", "securityContext": {"windowsOptions": {"hostProcess": true}}},
        {"name": "b", "image": "i"}
    ]);
    refused(
        pod(json!({"containers": containers})),
        &[
            "spec: Invalid value: \"\": If pod contains any hostProcess containers then all containers must be HostProcess \
                containers",
            "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
        ],
    );
    refused(
        pod(json!({"os": {"name": "windows"}, "hostPID": true, "resources": {"requests": {"cpu": "1"}}})),
        &[
            "spec.resources: Forbidden: may not be set for a windows pod",
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
        ],
    );
}

#[test]
fn a_key_of_the_pod_is_not_selected_twice() {
    let selector = json!({"matchLabels": {"k": "v"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]});
    let constraint = json!({"maxSkew": 1, "topologyKey": "t", "whenUnsatisfiable": "DoNotSchedule",
        "matchLabelKeys": ["k"], "labelSelector": selector});
    refused(
        pod(json!({"topologySpreadConstraints": [constraint]})),
        &[
            "spec.topologySpreadConstraints[0][0]: Invalid value: \"k\": exists in both matchLabelKeys and labelSelector",
        ],
    );
}

#[test]
fn names_amounts_and_policies_of_pods() {
    refused(
        pod(json!({"hostnameOverride": "a", "setHostnameAsFQDN": true, "hostNetwork": true})),
        &[
            "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
        ],
    );
    refused(
        pod(json!({"overhead": {"example.com/x": "1500m"}})),
        &["spec.overhead.limits[example.com/x]: Invalid value: \"1500m\": must be an integer"],
    );
    let initial = json!([{"name": "i", "image": "i", "resizePolicy": [
        {"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}]);
    refused(
        pod(json!({"initContainers": initial})),
        &[
            "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to \
            'RestartContainer' for non-sidecar initContainers",
        ],
    );
    let limits = json!({"limits": {"cpu": "2"}});
    let containers = json!([{"name": "main", "image": "i", "resources": limits}]);
    refused(
        pod(json!({"containers": containers, "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}})),
        &[
            "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container \
                requests of 2",
            "spec.resources.containers[0][cpu].limits: Invalid value: \"2\": must be less than or equal to pod limits of 1",
        ],
    );
}

#[test]
fn stateful_sets_name_their_pods_and_check_metadata_twice() {
    let template = json!({"metadata": {"labels": {"a": "b", "x": "y z"}},
        "spec": {"containers": [{"name": "m", "image": "i"}], "hostname": "Not valid"}});
    let found = refusals(stateful(template, json!([])));
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|text| text.starts_with("spec.template.labels: Invalid value: \"y z\"")));
}

#[test]
fn metadata_of_a_template_is_labels_and_annotations() {
    let template = |metadata: Value| {
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
        "metadata": {"name": "a", "namespace": "n"}, "spec": {"metadata": metadata, "spec": {}}})
    };
    refused(template(json!({"labels": {"a": "b"}})), &[]);
    refused(
        template(json!({"name": "x", "uid": "y"})),
        &["spec.metadata.name: Forbidden: cannot be set", "spec.metadata.uID: Forbidden: cannot be set"],
    );
}

#[test]
fn odds_and_ends() {
    let claim = |spec: Value| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a", "namespace": "n"},
            "spec": spec})
    };
    let resources = json!({"requests": {"storage": "1Gi"}});
    refused(
        claim(json!({"accessModes": ["ReadWriteOnce"], "resources": resources, "dataSourceRef": {"name": "n"}})),
        &[
            "spec.dataSourceRef.kind: Required value",
            "spec.dataSourceRef: Invalid value: \"\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        ],
    );
    refused(
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"minAvailable": 1, "maxUnavailable": 2}}),
        &["spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":2,\
            \"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"],
    );
    let found = refusals(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"},
        "spec": {"podCIDRs": ["x", "fd00::/64"]}}));
    assert_eq!(
        found[1..],
        [
            "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: \
                <nil> (invalid CIDR address: x)",
            "spec.podCIDRs: Invalid value: [\"x\",\"fd00::/64\"]: may specify no more than one CIDR for each IP family",
        ]
    );
    refused(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"type": "ExternalName", "externalName": "x", "clusterIPs": ["a"]}}),
        &["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
    );
}

#[test]
fn scalers_name_containers_and_scale_to_zero_from_outside_only() {
    let target = json!({"type": "Utilization", "averageUtilization": 50});
    let source = json!({"name": "cpu", "container": "Not valid", "target": target});
    let found = refusals(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a", "namespace": "n"}, "spec": {"minReplicas": 0, "maxReplicas": 1,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "metrics": [{"type": "ContainerResource", "containerResource": source}]}}));
    assert_eq!(found.len(), 3);
    assert!(found[1].starts_with("spec.metrics[0].containerResource.container: Invalid value: \"Not valid\""));
    assert!(found[2].starts_with("spec.metrics: Forbidden: must specify at least one Object or External metric"));
}
