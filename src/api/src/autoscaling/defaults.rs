//! What an autoscaler does where it is not told.
//!
//! Go: pkg/apis/autoscaling/{v1,v2}/defaults.go

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use crate::defaults::{absent, made};

/// Go: SetDefaults_HorizontalPodAutoscaler
pub(super) fn default(object: &mut Object) {
    let is_v2 = object.api_version() == "autoscaling/v2";
    let spec = made(&mut object.0, "spec");
    absent(spec, "minReplicas", 1);
    if is_v2 {
        default_v2(spec);
    }
}

/// The defaults of v2; v1 gets them when it is converted.
pub(super) fn default_v2(spec: &mut Value) {
    if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec["metrics"] = json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        }]);
    }
    let Some(behavior) = spec.get_mut("behavior").filter(|behavior| behavior.is_object()) else { return };
    let double = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let four = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    absent(behavior, "scaleUp", json!({}));
    absent(behavior, "scaleDown", json!({}));
    absent(&mut behavior["scaleUp"], "stabilizationWindowSeconds", 0);
    for (direction, policies) in [("scaleUp", json!([four, double])), ("scaleDown", json!([double]))] {
        absent(&mut behavior[direction], "selectPolicy", "Max");
        absent(&mut behavior[direction], "policies", policies);
    }
}
