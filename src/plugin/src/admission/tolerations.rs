//! Lists of tolerations, put together.
//!
//! Go: pkg/util/tolerations/tolerations.go

use serde_json::Value;

/// Puts two lists together and leaves out what another toleration includes.
///
/// Go: pkg/util/tolerations/tolerations.go MergeTolerations
pub fn merge(mut first: Vec<Value>, second: Vec<Value>) -> Vec<Value> {
    first.extend(second);
    let mut merged: Vec<Value> = Vec::new();
    for (index, toleration) in first.iter().enumerate() {
        let known = merged.iter().any(|other| is_superset(other, toleration));
        let coming = first[index + 1..].iter().any(|other| other != toleration && is_superset(other, toleration));
        if !known && !coming {
            merged.push(toleration.clone());
        }
    }
    merged
}

/// Says whether `of` tolerates everything that `part` does.
///
/// Go: pkg/util/tolerations/tolerations.go isSuperset
pub fn is_superset(of: &Value, part: &Value) -> bool {
    if of == part {
        return true;
    }
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let exists = text(of, "operator") == "Exists";
    if text(of, "key") != text(part, "key") && !(text(of, "key").is_empty() && exists) {
        return false;
    }
    if !text(of, "effect").is_empty() && text(of, "effect") != text(part, "effect") {
        return false;
    }
    if text(of, "effect") == "NoExecute"
        && let Some(seconds) = of["tolerationSeconds"].as_i64()
        && part["tolerationSeconds"].as_i64().is_none_or(|other| other > seconds)
    {
        return false;
    }
    exists || text(part, "operator") == "Equal" && text(of, "value") == text(part, "value")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_included_is_left_out() {
        let all = json!({"key": "gpu", "operator": "Exists"});
        let some = json!({"key": "gpu", "operator": "Equal", "value": "a", "effect": "NoSchedule"});
        let other = json!({"key": "disk", "operator": "Exists"});
        assert_eq!(merge(vec![some, other.clone()], vec![all.clone(), other.clone()]), [other, all]);
    }
}
