//! A panic or an invalid message costs one reply or one analysis, never the server.

use crate::harness::{FILE, TestServer, echo, modern, modern_but, range};
use lsp::Setup;
use serde_json::{Value, json};

#[tokio::test]
async fn panicking_analysis_is_reported_once() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("1 !").await;
    assert_eq!(server.published().await["version"], 1);

    server.change(2, json!([{"text": "PANIC !"}])).await;
    let log = server.notification("window/logMessage").await;
    let message = log["message"].as_str().unwrap();
    assert_eq!(log["type"], 1);
    assert!(
        message.contains(FILE) && message.contains("as the text asks"),
        "{message}"
    );

    server.change(3, json!([{"text": "PANIC again !"}])).await;
    server.change(4, json!([{"text": "4 !"}])).await;
    // The second panic is not reported, and the versions that panicked get no empty list.
    assert_eq!(server.published().await["version"], 4);
    server.finish().await;
}

/// The failing rule exists only in builds with debug assertions.
#[cfg(debug_assertions)]
#[tokio::test]
async fn panicking_rule_is_reported_once() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: kubeharden-fails}\nspec: {hostPID: true, containers: []}\n";
    for (version, text) in [
        (1, pod.to_owned()),
        (2, format!("{pod}# again\n")),
        (3, pod.replace("-fails", "")),
        (4, pod.into()),
    ] {
        match version {
            1 => server.open(&text).await,
            _ => server.change(version, json!([{"text": text}])).await,
        }
        let published = server.published_for(version).await;
        let rules: Vec<&Value> = published["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["code"])
            .collect();
        assert!(rules.contains(&&json!("host-pid")), "{rules:?}");
    }
    let message = server.notification("window/logMessage").await["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.starts_with(&format!("rule failing crashed on {FILE}"))
            && message.contains("as the name asks"),
        "{message}"
    );
    server.finish().await;
}

#[tokio::test]
async fn request_for_panicking_text_is_empty() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("PANIC").await;
    server.notification("window/logMessage").await;
    assert_eq!(server.hover(0, 0).await, Value::Null);
    let params = json!({"textDocument": {"uri": FILE}, "range": range((0, 0), (0, 0)), "context": {"diagnostics": []}});
    assert_eq!(
        server.request("textDocument/codeAction", params).await,
        Value::Null
    );
    server.change(2, json!([{"text": "2 !"}])).await;
    assert_eq!(server.published().await["version"], 2);
    server.finish().await;
}

#[tokio::test]
async fn invalid_requests_get_errors() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server
        .notify("textDocument/didOpen", json!({"textDocument": 1}))
        .await;
    server.notify("no/such/notification", json!(null)).await;
    let id = server
        .send_request(
            "textDocument/hover",
            json!({"textDocument": {"uri": "no uri"}}),
        )
        .await;
    assert_eq!(server.reply(id).await["error"]["code"], -32602);
    for (method, code) in [
        ("no/such/request", -32601),
        ("$/no/such/request", -32601),
        ("textDocument/didSave", -32600),
    ] {
        let id = server
            .send_request(method, json!({"textDocument": {"uri": FILE}}))
            .await;
        assert_eq!(server.reply(id).await["error"]["code"], code, "{method}");
    }
    server.finish().await;
}

#[tokio::test]
async fn unparsable_message_is_skipped() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("!").await;
    server.published().await;
    server
        .send_bytes(b"nonsense\r\n\r\nContent-Length: 5\r\n\r\n{\"a\":")
        .await;
    assert_eq!(
        server.notification("window/logMessage").await["message"],
        "cannot parse a message"
    );
    server.change(2, json!([{"text": "2 !"}])).await;
    assert_eq!(server.published().await["version"], 2);
    server.finish().await;
}

#[tokio::test]
async fn too_long_message_is_skipped() {
    let mut server = TestServer::ready(echo(), modern()).await;
    let pieces = 257;
    server
        .send_bytes(format!("Content-Length: {}\r\n\r\n", pieces << 20).as_bytes())
        .await;
    let piece = vec![b'{'; 1 << 20];
    for _ in 0..pieces {
        server.send_bytes(&piece).await;
    }
    let message = server.notification("window/logMessage").await["message"].clone();
    assert_eq!(
        message,
        "skipped a message of 269484032 bytes: the limit is 256 MiB"
    );
    server.open("!").await;
    assert_eq!(server.published().await["version"], 1);
    server.finish().await;
}

#[tokio::test]
async fn lone_surrogate_is_replaced() {
    let mut server = TestServer::ready(
        echo(),
        modern_but("/general/positionEncodings", json!(["utf-16"])),
    )
    .await;
    let document =
        format!(r#"{{"uri": "{FILE}", "languageId": "yaml", "version": 1, "text": "\ud83d !"}}"#);
    let message = format!(
        r#"{{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {{"textDocument": {document}}}}}"#
    );
    server
        .send_bytes(format!("Content-Length: {}\r\n\r\n{message}", message.len()).as_bytes())
        .await;
    let diagnostic = server.published().await["diagnostics"][0].clone();
    assert_eq!(
        (&diagnostic["message"], &diagnostic["range"]),
        (&json!("\u{fffd} !"), &range((0, 2), (0, 3)))
    );
    server.finish().await;
}
