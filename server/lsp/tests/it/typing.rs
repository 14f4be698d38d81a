//! Findings do not disappear while the user types elsewhere.

use crate::harness::{FILE, TestServer, modern, put};
use lsp::Setup;
use serde_json::{Value, json};

const OTHER: &str = "\
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

/// Returns the findings between two lines: rule, message, and the line relative to `first`.
fn findings(published: &Value, first: u64, last: u64) -> Vec<(Value, Value, u64)> {
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

/// Types a document character by character at `start`. The findings of the other document stay the same at every step.
async fn type_document(text: &str, start: (u32, u32), is_below: bool) {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(text).await;
    let published = server.published().await;
    let place = |typed: &str| if is_below { 0 } else { lines(typed) + 2 };
    let expected = findings(&published, place(""), place("") + lines(OTHER));
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
        let found = findings(&published, place(&typed), place(&typed) + lines(OTHER));
        assert_eq!(found, expected, "after typing {typed:?}");
    }
    server.finish().await;
}

#[tokio::test]
async fn typing_below_keeps_findings() {
    type_document(&format!("{OTHER}---\n"), (lines(OTHER) as u32 + 1, 0), true).await;
}

#[tokio::test]
async fn typing_above_keeps_findings() {
    type_document(&format!("\n---\n{OTHER}"), (0, 0), false).await;
}

/// The lines of the diagnostics about missing settings.
fn lines_of_missing(published: &Value) -> Vec<u64> {
    let diagnostics = published["diagnostics"].as_array().unwrap();
    let missing = diagnostics.iter().filter(|diagnostic| {
        let code = diagnostic["code"].as_str().unwrap();
        ["missing-hardening", "refused-value"].contains(&code)
    });
    let mut lines: Vec<u64> = missing
        .map(|diagnostic| diagnostic["range"]["start"]["line"].as_u64().unwrap())
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

#[tokio::test]
async fn container_is_judged_once_it_is_saved() {
    const CONTAINERS: u32 = 9;
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    // The second container had no image when the file was opened.
    let text = format!("{OTHER}    - name: old\n");
    server.open(&text).await;
    let known = lines_of_missing(&server.published().await);
    assert_eq!(known, [4, 8, 9]);

    // The user types a third one: its dash, its name, and a comment.
    for (version, place, typed) in [
        (2, (CONTAINERS + 1, 0), "    - "),
        (3, (CONTAINERS + 1, 6), "name: new\n      "),
        (4, (CONTAINERS + 2, 6), "# to do"),
    ] {
        server
            .change(version, json!([put(place, place, typed)]))
            .await;
        let published = server.published_for(version).await;
        assert_eq!(
            lines_of_missing(&published),
            known,
            "{typed:?}: {published}"
        );
    }

    // After an edit elsewhere, the container is unfinished like any other.
    server
        .change(5, json!([put((0, 0), (0, 0), "# edited\n")]))
        .await;
    let published = server.published_for(5).await;
    assert_eq!(lines_of_missing(&published), [5, 9, 10, 11], "{published}");

    // The same after saving.
    let place = (CONTAINERS + 3, 13);
    server.change(6, json!([put(place, place, "g")])).await;
    let published = server.published_for(6).await;
    assert_eq!(lines_of_missing(&published), [5, 9, 10], "{published}");
    let document = json!({"textDocument": {"uri": FILE}});
    server.notify("textDocument/didSave", document).await;
    let published = server.published_for(6).await;
    assert_eq!(lines_of_missing(&published), [5, 9, 10, 11], "{published}");
    server.finish().await;
}
