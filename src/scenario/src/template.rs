//! A lesson to begin with: `kubestep scenario new`.

use crate::format::API_VERSION;

/// Returns the text of a new lesson; it has no mistakes and can be replayed.
pub fn of(id: &str) -> String {
    format!(
        r#"# What this lesson is about, in one line. `kubestep scenario lint` tells mistakes, `kubestep scenario schema` all fields.
apiVersion: {API_VERSION}
kind: Scenario
metadata:
  id: {id}
  title: {{en: "A title", zh: "标题"}}
  tags: [request]
  minutes: 5
start:
  startup: {{run_to: serving}}
  apply:
    - {{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}
breakpoints:
  - {{at: Authorization, when: "user == 'dev' && resource == 'configmaps'", once: true, label: a}}
steps:
  - id: send
    say: {{en: "dev reads a ConfigMap.", zh: "dev 读取一个 ConfigMap。"}}
    do: {{get: /api/v1/namespaces/shop/configmaps/prices, user: dev, as: r1}}
    wait: {{paused_at: Authorization, of: r1}}
    expect:
      - {{of: r1, held_at: Authorization, trace: [Authentication, Authorization]}}
  - id: refused
    predict:
      ask: {{en: "What does dev get?", zh: "dev 会得到什么？"}}
      choices: ["200", "403", "404"]
      answer: {{from: "r1.response.code"}}
    do: {{step: continue}}
    wait: {{answered: true, of: r1}}
    expect:
      - {{of: r1, code: 403, stopped_at: Authorization}}
    explain: {{en: "Nobody said yes.", zh: "没有人说可以。"}}
  - id: create
    task: {{en: "Create the ConfigMap `prices` in shop.", zh: "在 shop 里创建 ConfigMap `prices`。"}}
    hints:
      - {{en: "kubectl -n shop create configmap prices", zh: "kubectl -n shop create configmap prices"}}
    check:
      - id: there
        object: /api/v1/namespaces/shop/configmaps/prices
        fail: {{en: "It is not there yet.", zh: "它还不存在。"}}
    solve:
      - create: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: prices, namespace: shop}}}}
goal:
  objects: [/api/v1/namespaces/shop/configmaps/prices]
  within_requests: 1
finish:
  say: {{en: "What was learnt.", zh: "学到了什么。"}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_no_mistakes() {
        let read = crate::lint::read("new.yaml", &of("new"));
        assert_eq!(read.map(|lesson| lesson.steps.len()), Ok(3));
    }
}
