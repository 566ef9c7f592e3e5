//! autoscaling/v1 and v2.
//!
//! v1 knows one metric, the use of cpu. What else v2 says travels in annotations of the v1 object, in the words of v1.
//!
//! Go: pkg/apis/autoscaling/v1/conversion.go

use apimachinery::runtime::object::Object;
use serde_json::{Map, Value, json};

use super::defaults::default_v2;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Go: Convert_v1_HorizontalPodAutoscaler_To_autoscaling_HorizontalPodAutoscaler
pub fn to_v2(object: &mut Object) {
    let take = |object: &mut Object, key: &str| -> Option<Value> {
        let text = object.remove(&["metadata", "annotations", key])?;
        serde_json::from_str(text.as_str()?).ok()
    };
    let mut metrics: Vec<Value> =
        list(take(object, METRICS)).iter().map(|metric| metric_from_v1(metric, "target")).collect();
    if let Some(percent) = object.remove(&["spec", "targetCPUUtilizationPercentage"]).filter(|value| !value.is_null()) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    if !metrics.is_empty() {
        object.set(&["spec", "metrics"], metrics);
    }
    if let Some(behavior) = take(object, BEHAVIOR) {
        object.set(&["spec", "behavior"], behavior_from_v1(behavior));
    }
    let current = list(take(object, CURRENT_METRICS));
    let percent = object.remove(&["status", "currentCPUUtilizationPercentage"]).filter(|value| !value.is_null());
    if !current.is_empty() {
        let current: Vec<Value> = current.iter().map(|metric| metric_from_v1(metric, "current")).collect();
        object.set(&["status", "currentMetrics"], current);
    } else if let Some(percent) = percent {
        let resource = json!({"name": "cpu", "current": {"averageUtilization": percent}});
        object.set(&["status", "currentMetrics"], json!([{"type": "Resource", "resource": resource}]));
    }
    if let Some(conditions) = take(object, CONDITIONS) {
        object.set(&["status", "conditions"], conditions);
    }
    drop_empty_annotations(object);
    if let Some(spec) = object.0.get_mut("spec") {
        default_v2(spec);
    }
}

/// Go: Convert_autoscaling_HorizontalPodAutoscaler_To_v1_HorizontalPodAutoscaler
pub fn to_v1(object: &mut Object) {
    for key in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
        object.remove(&["metadata", "annotations", key]);
    }
    drop_empty_annotations(object);
    let is_cpu = |metric: &Value| metric["resource"]["name"] == "cpu";
    let metrics = list(object.remove(&["spec", "metrics"]));
    let mut others = Vec::new();
    for metric in &metrics {
        let share = &metric["resource"]["target"]["averageUtilization"];
        if is_cpu(metric) && !share.is_null() {
            object.set(&["spec", "targetCPUUtilizationPercentage"], share.clone());
        } else {
            others.push(metric_to_v1(metric, "target"));
        }
    }
    let annotate = |object: &mut Object, key: &str, text: String| object.set(&["metadata", "annotations", key], text);
    if !others.is_empty() {
        annotate(object, METRICS, in_order(&json!(others)));
    }
    if let Some(behavior) = object.remove(&["spec", "behavior"]).filter(|behavior| !behavior.is_null()) {
        annotate(object, BEHAVIOR, behavior_to_v1(&behavior));
    }
    let current = list(object.remove(&["status", "currentMetrics"]));
    for metric in current.iter().filter(|metric| is_cpu(metric)) {
        let share = &metric["resource"]["current"]["averageUtilization"];
        if !share.is_null() {
            object.set(&["status", "currentCPUUtilizationPercentage"], share.clone());
        }
    }
    if !current.is_empty() {
        let current: Vec<Value> = current.iter().map(|metric| metric_to_v1(metric, "current")).collect();
        annotate(object, CURRENT_METRICS, in_order(&json!(current)));
    }
    let conditions = list(object.remove(&["status", "conditions"]));
    if !conditions.is_empty() {
        annotate(object, CONDITIONS, in_order(&json!(conditions)));
    }
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn drop_empty_annotations(object: &mut Object) {
    if object.get(&["metadata", "annotations"]).and_then(Value::as_object).is_some_and(Map::is_empty) {
        object.remove(&["metadata", "annotations"]);
    }
}

/// The names of a metric's amounts in v1, by their names in v2. `side` is `target` or `current`.
fn names(source: &str, side: &str) -> [(&'static str, &'static str); 3] {
    let target = side == "target";
    let value = if target { "targetValue" } else { "currentValue" };
    let average = match (source, target) {
        ("object", _) => "averageValue",
        (_, true) => "targetAverageValue",
        (_, false) => "currentAverageValue",
    };
    let share = if target { "targetAverageUtilization" } else { "currentAverageUtilization" };
    [("value", value), ("averageValue", average), ("averageUtilization", share)]
}

/// Which other fields a source has: v2 path, v1 name.
fn parts(source: &str) -> Vec<(&'static [&'static str], &'static str)> {
    let selector = if source == "external" { "metricSelector" } else { "selector" };
    let mut parts: Vec<(&'static [&'static str], &'static str)> = match source {
        "object" => vec![(&["describedObject"], "target")],
        "containerResource" => vec![(&["name"], "name"), (&["container"], "container")],
        "resource" => vec![(&["name"], "name")],
        _ => Vec::new(),
    };
    if matches!(source, "object" | "pods" | "external") {
        parts.extend([(&["metric", "name"][..], "metricName"), (&["metric", "selector"][..], selector)]);
    }
    parts
}

const SOURCES: [&str; 5] = ["object", "pods", "resource", "containerResource", "external"];

fn metric_to_v1(metric: &Value, side: &str) -> Value {
    let mut out = json!({ "type": metric["type"] });
    for source in SOURCES {
        let from = &metric[source];
        if from.is_null() {
            continue;
        }
        let mut to = json!({});
        for (path, name) in parts(source) {
            let value = path.iter().fold(from, |value, step| &value[*step]);
            if !value.is_null() {
                to[name] = value.clone();
            }
        }
        for (v2, v1) in names(source, side) {
            if !from[side][v2].is_null() {
                to[v1] = from[side][v2].clone();
            }
        }
        // Amounts that are no pointers in v1 are always there.
        let always = match (source, side) {
            ("object", "target") => Some("targetValue"),
            ("object" | "external", "current") => Some("currentValue"),
            ("pods", "target") => Some("targetAverageValue"),
            ("pods" | "resource" | "containerResource", "current") => Some("currentAverageValue"),
            _ => None,
        };
        if let Some(name) = always.filter(|name| to.get(name).is_none()) {
            to[name] = json!("0");
        }
        out[source] = to;
    }
    out
}

fn metric_from_v1(metric: &Value, side: &str) -> Value {
    let mut out = json!({ "type": metric["type"] });
    for source in SOURCES {
        let from = &metric[source];
        if from.is_null() {
            continue;
        }
        let mut to = json!({});
        for (path, name) in parts(source) {
            if !from[name].is_null() {
                let place = path.iter().fold(&mut to, |value, step| &mut value[*step]);
                *place = from[name].clone();
            }
        }
        let mut amounts = json!({});
        for (v2, v1) in names(source, side) {
            let is_zero = v2 == "value" && from[v1] == "0" && side == "target";
            if !from[v1].is_null() && !is_zero {
                amounts[v2] = from[v1].clone();
            }
        }
        if side == "target" {
            let kind = if !amounts["averageUtilization"].is_null() {
                "Utilization"
            } else if !amounts["averageValue"].is_null() {
                "AverageValue"
            } else {
                "Value"
            };
            amounts["type"] = json!(kind);
        }
        to[side] = amounts;
        out[source] = to;
    }
    out
}

/// The annotation is the internal struct, with Go's names and nothing left out.
fn behavior_to_v1(behavior: &Value) -> String {
    let policies = |rules: &Value| -> String {
        let Some(policies) = rules["policies"].as_array() else { return "null".to_owned() };
        let policy = |policy: &Value| {
            let (kind, value, seconds) = (&policy["type"], &policy["value"], &policy["periodSeconds"]);
            format!("{{\"Type\":{kind},\"Value\":{value},\"PeriodSeconds\":{seconds}}}")
        };
        format!("[{}]", policies.iter().map(policy).collect::<Vec<_>>().join(","))
    };
    let rules = |rules: &Value| -> String {
        if rules.is_null() {
            return "null".to_owned();
        }
        let field = |name: &str| rules.get(name).unwrap_or(&Value::Null);
        format!(
            "{{\"StabilizationWindowSeconds\":{},\"SelectPolicy\":{},\"Policies\":{},\"Tolerance\":{}}}",
            field("stabilizationWindowSeconds"),
            field("selectPolicy"),
            policies(rules),
            field("tolerance"),
        )
    };
    format!("{{\"ScaleUp\":{},\"ScaleDown\":{}}}", rules(&behavior["scaleUp"]), rules(&behavior["scaleDown"]))
}

/// Go reads the names of fields in any case.
fn behavior_from_v1(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let small = |name: &str| name[..1].to_ascii_lowercase() + &name[1..];
            let fields =
                fields.into_iter().filter(|(name, value)| name.is_ascii() && !name.is_empty() && !value.is_null());
            Value::Object(fields.map(|(name, value)| (small(&name), behavior_from_v1(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(behavior_from_v1).collect()),
        other => other,
    }
}

/// Writes JSON as Go writes the structs of v1: fields in the order of their declaration.
fn in_order(value: &Value) -> String {
    const ORDER: [&str; 27] = [
        "type",
        "status",
        "lastTransitionTime",
        "reason",
        "message",
        "object",
        "pods",
        "resource",
        "containerResource",
        "external",
        "target",
        "kind",
        "name",
        "apiVersion",
        "metricName",
        "metricSelector",
        "targetAverageUtilization",
        "targetValue",
        "targetAverageValue",
        "currentAverageUtilization",
        "currentValue",
        "currentAverageValue",
        "selector",
        "averageValue",
        "container",
        "value",
        "key",
    ];
    match value {
        Value::Object(fields) => {
            let rank = |key: &str| ORDER.iter().position(|name| *name == key).unwrap_or(ORDER.len());
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by_key(|key| rank(key));
            let parts = keys.iter().map(|key| format!("{}:{}", json!(key), in_order(&fields[*key])));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_order).collect::<Vec<_>>().join(",")),
        other => apimachinery::util::strconv::marshal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_v1_cannot_say_survives_in_annotations() {
        let v2 = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
            "spec": {
                "maxReplicas": 3,
                "metrics": [
                    {"type": "Pods", "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
                    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
                ],
            },
            "status": {},
        });
        let mut object = Object::from_value(v2.clone()).expect("object");
        to_v1(&mut object);
        assert_eq!(object.get(&["spec", "targetCPUUtilizationPercentage"]), Some(&json!(50)));
        let text = object.annotations()[METRICS].clone();
        assert_eq!(text, r#"[{"type":"Pods","pods":{"metricName":"qps","targetAverageValue":"5"}}]"#);
        to_v2(&mut object);
        assert_eq!(object.into_value(), v2);
    }

    #[test]
    fn the_behavior_has_gos_names() {
        let behavior = json!({"scaleUp": {
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}],
            "selectPolicy": "Min", "stabilizationWindowSeconds": 10,
        }});
        let text = behavior_to_v1(&behavior);
        let policies = r#"[{"Type":"Pods","Value":2,"PeriodSeconds":60}]"#;
        let rules = r#""StabilizationWindowSeconds":10,"SelectPolicy":"Min""#;
        let expected = format!(r#"{{"ScaleUp":{{{rules},"Policies":{policies},"Tolerance":null}},"ScaleDown":null}}"#);
        assert_eq!(text, expected);
        assert_eq!(behavior_from_v1(serde_json::from_str(&text).expect("JSON")), behavior);
    }
}
