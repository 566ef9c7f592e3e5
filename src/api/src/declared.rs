//! A patched document as Go shows it: structs in the order of their declaration, what a patch took apart sorted.
//!
//! The object to patch is written by Go's JSON package, which follows the declaration of each struct. Where the patch
//! reaches into it, the library that applies it makes maps of the text, and those come out sorted; what it did not look
//! into stays as it was written.
//!
//! Go: apiserver/pkg/endpoints/handlers/patch.go applyJSPatch, gopkg.in/evanphx/json-patch.v4 partialDoc

use std::collections::BTreeMap;

use apimachinery::{
    schema::{
        model::{Field, Kind, ObjectType, Schema},
        registry::Link,
    },
    util::strconv,
};
use serde_json::{Map, Value};

/// Structs whose declaration has another order than their protobuf numbers.
const ORDERS: &[(&str, &str)] = &[
    (
        "Container",
        "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules \
         volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath \
         terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty",
    ),
    (
        "EphemeralContainer",
        "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules \
         volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath \
         terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty targetContainerName",
    ),
    ("PodSpec", "volumes initContainers containers ephemeralContainers"),
    (
        "PodStatus",
        "observedGeneration phase conditions message reason nominatedNodeName hostIP hostIPs podIP podIPs startTime \
         initContainerStatuses containerStatuses qosClass ephemeralContainerStatuses",
    ),
    ("ServiceSpec", "ports selector clusterIP clusterIPs type externalIPs"),
    (
        "JobSpec",
        "parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit \
         backoffLimitPerIndex maxFailedIndexes selector manualSelector template ttlSecondsAfterFinished",
    ),
    ("NodeSpec", "podCIDR podCIDRs providerID unschedulable taints configSource externalID"),
];

/// The maps that a patch took apart, by the names and indices on the way to them.
#[derive(Clone, Debug, Default)]
pub struct TakenApart(BTreeMap<String, TakenApart>);

impl TakenApart {
    /// Notes the way to a map: all that lies on it was taken apart.
    pub fn note<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        path.into_iter().fold(self, |node, name| node.0.entry(name.to_owned()).or_default());
    }

    /// Returns what a merge patch takes apart: every map that it changes something in.
    pub fn by_merge(patch: &Map<String, Value>) -> Self {
        let inner = patch.iter().filter_map(|(name, value)| Some((name.clone(), Self::by_merge(value.as_object()?))));
        Self(inner.collect())
    }
}

/// Writes a document of a type. The document itself was taken apart.
pub fn document(schema: &Schema, value: &Value, apart: &TakenApart) -> String {
    let mut out = String::new();
    write(Some(schema), value, Some(apart), &mut out);
    out
}

fn write(schema: Option<&Schema>, value: &Value, apart: Option<&TakenApart>, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let object = schema.and_then(Schema::as_object);
            let mut names: Vec<&String> = fields.keys().collect();
            if let (None, Some(schema), Some(object)) = (apart, schema, object) {
                names.sort_by_key(|name| rank(schema, object, name));
            }
            out.push('{');
            for (index, name) in names.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&strconv::marshal(&Value::from(name.as_str())));
                out.push(':');
                let inner = object.and_then(|object| of(object, name));
                write(inner, &fields[name], apart.and_then(|apart| apart.0.get(name)), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            let item = schema.and_then(|schema| match &schema.kind {
                Kind::Array(array) => Some(array.items.get()),
                _ => None,
            });
            out.push('[');
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, value, apart.and_then(|apart| apart.0.get(&index.to_string())), out);
            }
            out.push(']');
        }
        scalar => out.push_str(&strconv::marshal(scalar)),
    }
}

/// The type of a field, or of what stands under a free key.
fn of<'s>(object: &'s ObjectType, name: &str) -> Option<&'s Schema> {
    let field = object.properties.get(name).map(|field: &Field| field.schema.get());
    field.or_else(|| object.additional.as_ref().map(Link::get))
}

/// Where a field stands in its struct; keys of maps are sorted by name.
fn rank<'n>(schema: &Schema, object: &ObjectType, name: &'n str) -> (usize, Vec<u32>, &'n str) {
    let Some(field) = object.properties.get(name) else { return (usize::MAX, Vec::new(), name) };
    match name {
        // The embedded TypeMeta comes first, its kind before its version.
        "kind" if field.proto.is_empty() => return (0, Vec::new(), name),
        "apiVersion" if field.proto.is_empty() => return (1, Vec::new(), name),
        _ => {}
    }
    let short = schema.name.rsplit('.').next().unwrap_or_default();
    let listed = ORDERS.iter().find(|(of, _)| *of == short);
    let position = listed.and_then(|(_, order)| order.split_whitespace().position(|listed| listed == name));
    (position.map_or(1000, |position| position + 2), field.proto.to_vec(), name)
}

#[cfg(test)]
mod tests {
    use apimachinery::{runtime::schema::GroupVersionKind, schema::registry::Kinds};
    use serde_json::json;

    use super::*;
    use crate::scheme::Scheme;

    #[test]
    fn structs_keep_their_order_where_nothing_was_taken_apart() {
        let schema = Scheme.schema(&GroupVersionKind::new("", "v1", "Pod")).expect("a schema");
        let container =
            json!({"name": "c", "image": "i", "terminationMessagePolicy": "File", "imagePullPolicy": "Always"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"uid": "u", "name": "a", "labels": {"b": "<"}},
            "spec": {"restartPolicy": "Always", "containers": [container], "bogus": 1}});
        let mut apart = TakenApart::default();
        apart.note(["spec"]);
        let text = concat!(
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","uid":"u","labels":{"b":"\u003c"}},"#,
            r#""spec":{"bogus":1,"containers":[{"name":"c","image":"i","terminationMessagePolicy":"File","#,
            r#""imagePullPolicy":"Always"}],"restartPolicy":"Always"}}"#
        );
        assert_eq!(document(&schema, &pod, &apart), text);
        let merge = json!({"metadata": {"labels": null}});
        let apart = TakenApart::by_merge(merge.as_object().expect("a map"));
        assert!(
            document(&schema, &pod, &apart).contains(r#""metadata":{"labels":{"b":"\u003c"},"name":"a","uid":"u"}"#)
        );
    }
}
