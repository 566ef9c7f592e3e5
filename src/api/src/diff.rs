//! What changed, for the messages of kinds that may hardly change.
//!
//! Go: apimachinery/pkg/util/diff/diff.go

use serde_json::Value;

/// Writes the lines that differ between two values, with the lines around them.
///
/// Simplified: the lines are JSON where Kubernetes shows its internal structs.
pub fn diff(old: Option<&Value>, new: Option<&Value>) -> String {
    let lines = |value: Option<&Value>| -> Vec<String> {
        let text = value.map(|value| format!("{value:#}")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (removed, added) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    // Three lines of context on both sides, as `diff -u` has them.
    let before = &old[head.saturating_sub(3)..head];
    let after = &old[old.len() - tail..(old.len() - tail + 3).min(old.len())];
    let start = head - before.len() + 1;
    let count = |changed: &[String]| before.len() + changed.len() + after.len();
    let mut text = format!("@@ -{start},{} +{start},{} @@\n", count(removed), count(added));
    for (mark, lines) in [(' ', before), ('-', removed), ('+', added), (' ', after)] {
        for line in lines {
            text.push(mark);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_marked() {
        let (old, new) = (json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3}));
        let text = diff(Some(&old), Some(&new));
        assert_eq!(text, "@@ -1,4 +1,4 @@\n {\n   \"a\": 1,\n-  \"b\": 2\n+  \"b\": 3\n }\n");
    }
}
