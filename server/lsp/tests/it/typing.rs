//! Findings do not disappear while the user types elsewhere.

use crate::harness::{TestServer, modern, put};
use lsp::Setup;
use serde_json::{Value, json};

const KNOWN: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: known
spec:
  containers:
    - name: known
      image: registry.example.com/known:1.4
      securityContext: { privileged: true }
";

const TYPED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: \"shop é𝄞\"
spec:
  template:
    spec:
      containers:
        - name: 'shop' # here
          image: registry.example.com/shop:1.4
          args: [a, {b: c}]
          securityContext: { privileged: true }
";

/// The known document's findings: rule and message, and the line counted from the document's first.
fn known(published: &Value, first: u64, last: u64) -> Vec<(Value, Value, u64)> {
    let diagnostics = published["diagnostics"].as_array().unwrap();
    let line = |diagnostic: &Value| diagnostic["range"]["start"]["line"].as_u64().unwrap();
    let inside = diagnostics
        .iter()
        .filter(|diagnostic| (first..last).contains(&line(diagnostic)));
    inside
        .map(|diagnostic| {
            (
                diagnostic["code"].clone(),
                diagnostic["message"].clone(),
                line(diagnostic) - first,
            )
        })
        .collect()
}

fn lines(text: &str) -> u64 {
    text.matches('\n').count() as u64
}

/// Types a document character by character where it begins, and holds the findings of the known one at every step.
async fn type_beside(text: &str, start: (u32, u32), known_is_first: bool) {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(text).await;
    let published = server.published().await;
    let place = |typed: &str| if known_is_first { 0 } else { lines(typed) + 2 };
    let expected = known(&published, place(""), place("") + lines(KNOWN));
    assert!(
        expected
            .iter()
            .any(|(code, ..)| code == "privileged-container"),
        "{published}"
    );

    let (mut line, mut column) = start;
    let (mut typed, mut version) = (String::new(), 1);
    for char in TYPED.chars() {
        version += 1;
        typed.push(char);
        server
            .change(
                version,
                json!([put((line, column), (line, column), &char.to_string())]),
            )
            .await;
        (line, column) = if char == '\n' {
            (line + 1, 0)
        } else {
            (line, column + char.len_utf8() as u32)
        };
        let published = server.published_for(version).await;
        let found = known(&published, place(&typed), place(&typed) + lines(KNOWN));
        assert_eq!(found, expected, "after typing {typed:?}");
    }
    server.finish().await;
}

#[tokio::test]
async fn typing_below_keeps_findings() {
    type_beside(&format!("{KNOWN}---\n"), (lines(KNOWN) as u32 + 1, 0), true).await;
}

#[tokio::test]
async fn typing_above_keeps_findings() {
    type_beside(&format!("\n---\n{KNOWN}"), (0, 0), false).await;
}
