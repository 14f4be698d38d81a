//! The hover at a finding.

use crate::harness::{TestServer, echo, modern, modern_but, range};
use lsp::Setup;
use serde_json::{Value, json};

const URL: &str = "https://github.com/kubeharden/kubeharden/blob/main/docs/rules/echo.md";

#[tokio::test]
async fn hover_shows_rule_message_and_reason() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("a: !").await;
    server.published().await;
    let value =
        format!("**echo** (warning, always)\n\na: !\n\nBecause it is.\n\n[More about echo]({URL})");
    let expected =
        json!({"contents": {"kind": "markdown", "value": value}, "range": range((0, 3), (0, 4))});
    assert_eq!(server.hover(0, 3).await, expected);
    assert_eq!(server.hover(0, 2).await, Value::Null);
    assert_eq!(server.hover(0, 4).await, Value::Null);
    assert_eq!(server.hover(9, 9).await, Value::Null);
    server.finish().await;
}

#[tokio::test]
async fn plain_text_without_markdown() {
    let mut server = TestServer::ready(echo(), modern_but("/textDocument/hover", json!({}))).await;
    server.open("!").await;
    server.published().await;
    let value = format!("echo (warning, always)\n\n!\n\nBecause it is.\n\nMore about echo: {URL}");
    assert_eq!(
        server.hover(0, 0).await["contents"],
        json!({"kind": "plaintext", "value": value})
    );
    server.finish().await;
}

async fn parts(grouping: &str, text: &str, line: u32, character: u32) -> Vec<String> {
    let mut server = TestServer::start(Setup::default());
    server
        .initialize(modern(), json!({"grouping": grouping}))
        .await;
    server.open(text).await;
    server.published().await;
    let hover = server.hover(line, character).await;
    server.finish().await;
    hover["contents"]["value"]
        .as_str()
        .unwrap()
        .split("\n\n---\n\n")
        .map(str::to_owned)
        .collect()
}

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
    - name: web
      image: registry.example.com/web:1.4
      securityContext: { privileged: true }
";

#[tokio::test]
async fn single_finding_has_reason() {
    let [part] = &parts("container", POD, 7, 38).await[..] else {
        panic!("one finding on the value")
    };
    let lines: Vec<_> = part.lines().collect();
    assert_eq!(lines[0], "**privileged-container** (error, baseline)");
    assert!((7..=20).contains(&lines.len()), "{part}");
    assert!(!part.contains("```") && !part.contains("##"), "{part}");
}

/// The same pod, whose container lacks more settings.
fn unprivileged() -> String {
    POD.replace("privileged: true", "privileged: false")
}

#[tokio::test]
async fn many_findings_are_brief() {
    let parts = parts("rule", &unprivileged(), 7, 8).await;
    assert!(parts.len() > 2);
    for part in &parts {
        assert_eq!(part.lines().count(), 5, "{part}");
    }
    assert!(
        parts
            .iter()
            .any(|part| part.starts_with("**privilege-escalation** (warning, restricted)\n\n"))
    );
}

#[tokio::test]
async fn group_lists_rules_by_severity() {
    let [part] = &parts("container", &unprivileged(), 7, 8).await[..] else {
        panic!("one mark on the key")
    };
    let lines: Vec<_> = part.lines().collect();
    assert_eq!(lines[0], "**missing-hardening** (warning)");
    let rules: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("- **")?.split('*').next())
        .collect();
    assert_eq!(
        rules[..2],
        ["privilege-escalation", "undropped-capabilities"]
    );
    assert!(rules.contains(&"writable-root-filesystem"), "{part}");
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("[More about missing-hardening](https://"),
        "{part}"
    );
}
