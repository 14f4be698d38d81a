//! `initialize` and `initialized`.

use crate::harness::{TestServer, echo, modern, modern_but};
use serde_json::{Value, json};

#[tokio::test]
async fn server_announces_name_and_capabilities() {
    let mut server = TestServer::start(echo());
    let result = server.initialize(modern(), Value::Null).await;
    assert_eq!(
        result,
        json!({
            "serverInfo": {"name": "kubeharden", "version": env!("CARGO_PKG_VERSION")},
            "capabilities": {
                "positionEncoding": "utf-8",
                "textDocumentSync": {"openClose": true, "change": 2, "save": {"includeText": false}},
                "hoverProvider": true,
                "definitionProvider": true,
                "completionProvider": {"triggerCharacters": ["[", ","], "resolveProvider": true},
                "codeActionProvider": {"codeActionKinds": ["quickfix", "quickfix.ignore.kubeharden", "refactor.rewrite", "source.fixAll.kubeharden"]},
                "experimental": {"kubeharden": {"harden": true}},
            },
        })
    );
    server.finish().await;
}

#[tokio::test]
async fn minimal_client_gets_minimum() {
    let mut server = TestServer::start(echo());
    let result = server.initialize(json!({}), Value::Null).await;
    assert_eq!(result["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(result["capabilities"].get("codeActionProvider"), None);

    server.open("a: !").await;
    let published = server.published().await;
    assert_eq!(published.get("version"), None);
    let diagnostic = published["diagnostics"][0].as_object().unwrap();
    assert_eq!(
        diagnostic.keys().collect::<Vec<_>>(),
        ["code", "message", "range", "severity", "source"]
    );
    server.finish().await;
}

#[tokio::test]
async fn best_encoding_is_chosen() {
    for (offered, agreed) in [
        (json!(["utf-32", "utf-16"]), "utf-16"),
        (json!(["utf-32"]), "utf-32"),
        (json!([]), "utf-16"),
    ] {
        let mut server = TestServer::start(echo());
        let result = server
            .initialize(
                modern_but("/general/positionEncodings", offered),
                Value::Null,
            )
            .await;
        assert_eq!(result["capabilities"]["positionEncoding"], agreed);
        server.finish().await;
    }
}

#[tokio::test]
async fn requests_before_initialize_fail() {
    let mut server = TestServer::start(echo());
    let id = server.send_request("textDocument/hover", json!({})).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32002);
    server.initialize(modern(), Value::Null).await;
    server.finish().await;
}

#[tokio::test]
async fn messages_wait_for_initialize() {
    let mut server = TestServer::start(echo());
    let id = server
        .send_request("initialize", json!({"capabilities": modern()}))
        .await;
    server.notify("initialized", json!({})).await;
    server.open("!").await;
    server.published_for(1).await;
    assert_eq!(
        server.reply(id).await["result"]["capabilities"]["positionEncoding"],
        "utf-8"
    );
    server.finish().await;
}
