//! What the client is told of a file.

use crate::harness::{FILE, TestServer, echo, modern, modern_but, range};
use kubeharden::lsp::Setup;
use serde_json::{Value, json};

#[tokio::test]
async fn a_finding_is_told_with_all_that_the_client_understands() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open_file(FILE, 5, "é: !").await;
    let href = "https://github.com/kubeharden/kubeharden/blob/main/docs/rules/echo.md";
    let diagnostic = json!({
        "range": range((0, 4), (0, 5)),
        "severity": 2,
        "code": "echo",
        "codeDescription": {"href": href},
        "source": "kubeharden",
        "message": "é: !",
        "data": {"rule": "echo", "container": null, "version": 5},
    });
    assert_eq!(server.published().await, json!({"uri": FILE, "version": 5, "diagnostics": [diagnostic]}));
    server.finish().await;
}

#[tokio::test]
async fn ranges_are_exact_in_every_encoding() {
    for (encoding, column) in [("utf-8", 9), ("utf-16", 6), ("utf-32", 5)] {
        let capabilities = modern_but("/general/positionEncodings", json!([encoding]));
        let mut server = TestServer::ready(echo(), capabilities).await;
        server.open("# 漢\r\né𝄞 : !\r\n").await;
        let expected = range((1, column), (1, column + 1));
        assert_eq!(server.published().await["diagnostics"][0]["range"], expected, "{encoding}");
        server.finish().await;
    }
}

#[tokio::test]
async fn what_is_no_manifest_is_told_to_be_clean() {
    for text in ["", "# nothing\n", "name: ci\non: push\n", "{ broken", "- 1\n- 2\n", "\u{0}"] {
        let mut server = TestServer::ready(Setup::default(), modern()).await;
        server.open(text).await;
        assert_eq!(server.published().await, json!({"uri": FILE, "version": 1, "diagnostics": []}), "{text:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn too_many_findings_are_counted() {
    let mut server = TestServer::ready(echo(), modern()).await;
    for (version, count, expected) in [(1, 1000, None), (2, 1001, Some("… and 2 more findings"))] {
        let text = "!".repeat(count);
        match version {
            1 => server.open(&text).await,
            _ => server.change(version, json!([{"text": text}])).await,
        }
        let published = server.published_for(version).await;
        let diagnostics = published["diagnostics"].as_array().unwrap();
        assert_eq!(diagnostics.len(), 1000);
        let last = &diagnostics[999];
        match expected {
            None => assert_eq!(last["code"], "echo"),
            Some(message) => assert_eq!((&last["message"], &last["severity"]), (&json!(message), &json!(3))),
        }
    }
    server.finish().await;
}

const BROKEN: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: [a, b\nspec:\n  containers: []\n";

#[tokio::test]
async fn what_is_not_yaml_in_a_manifest_is_an_error() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.open(BROKEN).await;
    let published = server.published().await;
    let errors: Vec<&Value> =
        published["diagnostics"].as_array().unwrap().iter().filter(|diagnostic| diagnostic["code"] == "syntax-error").collect();
    assert_eq!(errors.len(), 1, "{published}");
    assert_eq!((&errors[0]["severity"], &errors[0]["source"]), (&json!(1), &json!("kubeharden")));
    server.finish().await;
}
