//! What is shown over a finding.

use crate::harness::{TestServer, echo, modern, modern_but, range};
use serde_json::{Value, json};

const URL: &str = "https://github.com/kubeharden/kubeharden/blob/main/docs/rules/echo.md";

#[tokio::test]
async fn the_place_of_a_finding_tells_the_rule_the_fact_and_the_reason() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("a: !").await;
    server.published().await;
    let value = format!("**echo** (warning, always)\n\na: !\n\nBecause it is.\n\n[More about echo]({URL})");
    let expected = json!({"contents": {"kind": "markdown", "value": value}, "range": range((0, 3), (0, 4))});
    assert_eq!(server.hover(0, 3).await, expected);
    assert_eq!(server.hover(0, 2).await, Value::Null);
    assert_eq!(server.hover(0, 4).await, Value::Null);
    assert_eq!(server.hover(9, 9).await, Value::Null);
    server.finish().await;
}

#[tokio::test]
async fn a_client_without_markdown_gets_plain_text() {
    let mut server = TestServer::ready(echo(), modern_but("/textDocument/hover", json!({}))).await;
    server.open("!").await;
    server.published().await;
    assert_eq!(server.hover(0, 0).await["contents"]["kind"], "plaintext");
    server.finish().await;
}
