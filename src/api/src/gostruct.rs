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
    ("awsElasticBlockStore", "AWSElasticBlockStore"),
    ("cel", "CEL"),
    ("cephfs", "CephFS"),
    ("csi", "CSI"),
    ("fc", "FC"),
    ("gcePersistentDisk", "GCEPersistentDisk"),
    ("ips", "IPs"),
    ("iscsi", "ISCSI"),
    ("nfs", "NFS"),
    ("rbd", "RBD"),
    ("storageos", "StorageOS"),
    ("uid", "UID"),
    ("fsType", "FSType"),
];

/// Types whose internal form has another order than the protobuf numbers of the served one; what is not listed follows.
const ORDERS: &[(&str, &str)] = &[(
    "PersistentVolumeSpec",
    "capacity gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd quobyte iscsi flexVolume cinder cephfs fc \
     flocker azureFile vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local storageos csi \
     accessModes claimRef persistentVolumeReclaimPolicy storageClassName mountOptions volumeMode nodeAffinity \
     volumeAttributesClassName",
)];

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
    let tagged = schema.name.starts_with("io.k8s.apimachinery.");
    let mut parts = Vec::new();
    for facts in ordered(facts) {
        let Some(field) = schema.field(facts.name) else { continue };
        let inner = value.and_then(|value| value.get(facts.name)).filter(|value| !value.is_null());
        let is_metadata = field.schema.get().name.ends_with(".ObjectMeta");
        if tagged {
            if let Some(inner) = inner {
                parts.push(format!("{}:{}", quoted(facts.name), text(Some(inner), field.schema.get())));
            }
        } else if is_metadata {
            let metadata = fields(inner, field.schema.get());
            parts.extend(Some(metadata).filter(|text| !text.is_empty()));
        } else {
            parts.push(format!("{}:{}", quoted(&go_name(schema, facts.name)), pointer(inner, field)));
        }
    }
    parts.join(",")
}

fn pointer(value: Option<&Value>, field: &Field) -> String {
    if value.is_none() && field.go.pointer { "null".to_owned() } else { text(value, field.schema.get()) }
}

fn ordered(facts: &types::Type) -> Vec<&types::Field> {
    let mut fields: Vec<&types::Field> = facts.fields.iter().collect();
    if let Some((_, order)) = ORDERS.iter().find(|(name, _)| *name == facts.short_name()) {
        fields.sort_by_key(|field| order.split_whitespace().position(|name| name == field.name).unwrap_or(usize::MAX));
    }
    fields
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
