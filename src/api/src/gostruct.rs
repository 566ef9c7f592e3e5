//! A value as Go prints the struct of an internal version: `{"Attacher":"x","Source":{"PersistentVolumeName":null,...`.
//!
//! An error about a struct shows it through `json.Marshal`, and internal types have no JSON tags: Go's field names, in
//! Go's order, nothing left out. Types of apimachinery keep their tags. What an internal type calls otherwise than the
//! served one, or holds in another order, stands in [`NAMES`] and [`ORDERS`].
//!
//! Go: apimachinery/pkg/util/validation/field/errors.go ErrorBody

use apimachinery::{
    schema::model::{Field, Kind, Schema},
    util::strconv,
    validation::field::BadValue,
};
use serde_json::Value;

use crate::{
    scheme,
    types::{self, TYPES},
};

/// Go's names that are not the JSON name with a capital, for one type (`Type.name`) or for all.
const NAMES: &[(&str, &str)] = &[
    ("DeviceAttribute.bool", "BoolValue"),
    ("DeviceAttribute.bools", "BoolValues"),
    ("DeviceAttribute.int", "IntValue"),
    ("DeviceAttribute.ints", "IntValues"),
    ("DeviceAttribute.string", "StringValue"),
    ("DeviceAttribute.strings", "StringValues"),
    ("DeviceAttribute.version", "VersionValue"),
    ("DeviceAttribute.versions", "VersionValues"),
    ("apiVersion", "APIVersion"),
    ("awsElasticBlockStore", "AWSElasticBlockStore"),
    ("cel", "CEL"),
    ("cephfs", "CephFS"),
    ("csi", "CSI"),
    ("dnsConfig", "DNSConfig"),
    ("dnsPolicy", "DNSPolicy"),
    ("fc", "FC"),
    ("fsGroup", "FSGroup"),
    ("fsGroupChangePolicy", "FSGroupChangePolicy"),
    ("gcePersistentDisk", "GCEPersistentDisk"),
    ("grpc", "GRPC"),
    ("httpGet", "HTTPGet"),
    ("httpHeaders", "HTTPHeaders"),
    ("ip", "IP"),
    ("ips", "IPs"),
    ("iscsi", "ISCSI"),
    ("nfs", "NFS"),
    ("os", "OS"),
    ("rbd", "RBD"),
    ("seLinuxChangePolicy", "SELinuxChangePolicy"),
    ("seLinuxOptions", "SELinuxOptions"),
    ("storageos", "StorageOS"),
    ("tcpSocket", "TCPSocket"),
    ("tty", "TTY"),
    ("uid", "UID"),
    ("fsType", "FSType"),
];

/// Types whose internal form has other fields, or another order, than the protobuf numbers of the served one.
///
/// A mark says that a field is none of the served type, and what is written where there is none: `?` null, `!` false.
const ORDERS: &[(&str, &str)] = &[
    ("Container", CONTAINER),
    ("EphemeralContainer", EPHEMERAL_CONTAINER),
    (
        "PersistentVolumeSpec",
        "capacity gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd quobyte iscsi flexVolume cinder \
         cephfs fc flocker azureFile vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local \
         storageos csi accessModes claimRef persistentVolumeReclaimPolicy storageClassName mountOptions volumeMode \
         nodeAffinity volumeAttributesClassName",
    ),
    (
        "PodSecurityContext",
        "hostNetwork! hostPID! hostIPC! shareProcessNamespace? hostUsers? seLinuxOptions windowsOptions runAsUser \
         runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup fsGroupChangePolicy sysctls \
         seccompProfile appArmorProfile seLinuxChangePolicy",
    ),
    (
        "PodSpec",
        "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds \
         activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName automountServiceAccountToken nodeName \
         securityContext imagePullSecrets hostname subdomain setHostnameAsFQDN affinity schedulerName tolerations \
         hostAliases priorityClassName priority preemptionPolicy dnsConfig readinessGates runtimeClassName overhead \
         enableServiceLinks topologySpreadConstraints os schedulingGates resourceClaims resources hostnameOverride \
         schedulingGroup",
    ),
    (
        "SecurityContext",
        "capabilities privileged seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot \
         readOnlyRootFilesystem allowPrivilegeEscalation procMount seccompProfile appArmorProfile",
    ),
    (
        "Volume",
        "name hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs \
         persistentVolumeClaim rbd quobyte flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap \
         vsphereVolume azureDisk photonPersistentDisk projected portworxVolume scaleIO storageos csi ephemeral image",
    ),
    ("VolumeMount", "name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr"),
];
const CONTAINER: &str = "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy \
    restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle \
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty";
const EPHEMERAL_CONTAINER: &str = "name image command args workingDir ports envFrom env resources resizePolicy \
    restartPolicy restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle \
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty \
    targetContainerName";
/// What pods say of their node's namespaces, which the internal form keeps in the security context.
const OF_HOST: [&str; 5] = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

/// Shows a value of a type, by the name of its definition.
pub fn shown(value: Option<&Value>, definition: &str) -> BadValue {
    match scheme::schemas().get(definition) {
        Some(schema) => BadValue::Text(text(value, &schema)),
        None => BadValue::Value(value.cloned().unwrap_or_default()),
    }
}

fn text(value: Option<&Value>, schema: &Schema) -> String {
    let value = value.filter(|value| !value.is_null());
    match (&schema.kind, value) {
        (Kind::Array(array), Some(Value::Array(items))) => {
            let items: Vec<String> = items.iter().map(|item| text(Some(item), array.items.get())).collect();
            format!("[{}]", items.join(","))
        }
        (Kind::Object(object), Some(Value::Object(entries))) if object.additional.is_some() => {
            let values = object.additional.as_ref().expect("asked above").get();
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}:{}", quoted(key), text(Some(value), values))).collect();
            format!("{{{}}}", entries.join(","))
        }
        (Kind::Object(object), _) if object.additional.is_none() => format!("{{{}}}", fields(value, schema)),
        (Kind::String, None) => quoted(""),
        (Kind::Quantity, None) => quoted("0"),
        (Kind::Integer(_) | Kind::Number | Kind::IntOrString, None) => "0".to_owned(),
        (Kind::Boolean, None) => "false".to_owned(),
        (_, value) => strconv::marshal(value.unwrap_or(&Value::Null)),
    }
}

fn quoted(text: &str) -> String {
    strconv::marshal(&Value::from(text))
}

/// The fields of a struct, without its brackets: metadata that is embedded stands among them.
fn fields(value: Option<&Value>, schema: &Schema) -> String {
    let Some(facts) = TYPES.get(&*schema.name) else { return String::new() };
    let moved = (facts.short_name() == "PodSpec").then(|| host_in_context(value));
    let value = moved.as_ref().or(value);
    let tagged = schema.name.starts_with("io.k8s.apimachinery.");
    let mut parts = Vec::new();
    for name in names(facts) {
        let plain = name.trim_end_matches(['!', '?']);
        let inner = value.and_then(|value| value.get(plain)).filter(|value| !value.is_null());
        let Some(field) = schema.field(plain) else {
            if plain.len() < name.len() {
                let zero = if name.ends_with('!') { Value::Bool(false) } else { Value::Null };
                parts.push(format!("{}:{}", quoted(&go_name(schema, plain)), inner.unwrap_or(&zero)));
            }
            continue;
        };
        let is_metadata = field.schema.get().name.ends_with(".ObjectMeta");
        if tagged {
            if let Some(inner) = inner {
                parts.push(format!("{}:{}", quoted(plain), text(Some(inner), field.schema.get())));
            }
        } else if is_metadata {
            let metadata = fields(inner, field.schema.get());
            parts.extend(Some(metadata).filter(|text| !text.is_empty()));
        } else {
            parts.push(format!("{}:{}", quoted(&go_name(schema, plain)), pointer(inner, field)));
        }
    }
    parts.join(",")
}

/// The names of a type's fields in the order of the internal form.
fn names(facts: &types::Type) -> Vec<&'static str> {
    match ORDERS.iter().find(|(name, _)| *name == facts.short_name()) {
        Some((_, order)) => order.split_whitespace().collect(),
        None => facts.fields.iter().map(|field| field.name).collect(),
    }
}

/// Moves what a pod says of its node's namespaces to where the internal form keeps it.
fn host_in_context(spec: Option<&Value>) -> Value {
    let mut spec = spec.cloned().unwrap_or_default();
    let Some(fields) = spec.as_object_mut() else { return spec };
    let taken: Vec<_> = OF_HOST.iter().filter_map(|name| Some((*name, fields.remove(*name)?))).collect();
    let context = crate::defaults::made(fields, "securityContext");
    taken.into_iter().for_each(|(name, value)| context[name] = value);
    spec
}

fn pointer(value: Option<&Value>, field: &Field) -> String {
    if value.is_none() && field.go.pointer { "null".to_owned() } else { text(value, field.schema.get()) }
}

fn go_name(schema: &Schema, name: &str) -> String {
    let own = format!("{}.{name}", schema.name.rsplit('.').next().unwrap_or_default());
    match NAMES.iter().find(|(json, _)| *json == own || *json == name) {
        Some((_, go)) => (*go).to_owned(),
        None => name[..1].to_ascii_uppercase() + &name[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn structs_are_shown_as_go_holds_them() {
        let spec = json!({"attacher": "a", "source": {"persistentVolumeName": "v"}});
        let text = r#"{"Attacher":"a","Source":{"PersistentVolumeName":"v","InlineVolumeSpec":null},"NodeName":""}"#;
        assert_eq!(shown(Some(&spec), "io.k8s.api.storage.v1.VolumeAttachmentSpec").to_string(), text);
        let template = json!({"metadata": {"labels": {"l": "m"}}, "spec": {}});
        let text = r#"{"labels":{"l":"m"},"Spec":{"Devices":{"Requests":null,"Constraints":null,"Config":null}}}"#;
        assert_eq!(shown(Some(&template), "io.k8s.api.resource.v1.ResourceClaimTemplateSpec").to_string(), text);
    }
}
