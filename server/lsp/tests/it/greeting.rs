//! What the two sides tell each other first.

use crate::harness::{TestServer, echo, modern, modern_but};
use serde_json::{Value, json};

#[tokio::test]
async fn the_server_says_who_it_is_and_what_it_can_do() {
    let mut server = TestServer::start(echo());
    let said = server.initialize(modern(), Value::Null).await;
    assert_eq!(
        said,
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
async fn a_client_that_says_nothing_gets_the_least() {
    let mut server = TestServer::start(echo());
    let said = server.initialize(json!({}), Value::Null).await;
    assert_eq!(said["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(said["capabilities"].get("codeActionProvider"), None);

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
async fn the_encoding_is_the_best_that_the_client_offers() {
    for (offered, agreed) in [
        (json!(["utf-32", "utf-16"]), "utf-16"),
        (json!(["utf-32"]), "utf-32"),
        (json!([]), "utf-16"),
    ] {
        let mut server = TestServer::start(echo());
        let said = server
            .initialize(
                modern_but("/general/positionEncodings", offered),
                Value::Null,
            )
            .await;
        assert_eq!(said["capabilities"]["positionEncoding"], agreed);
        server.finish().await;
    }
}

#[tokio::test]
async fn nothing_works_before_the_greeting() {
    let mut server = TestServer::start(echo());
    let id = server.ask("textDocument/hover", json!({})).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32002);
    server.initialize(modern(), Value::Null).await;
    server.finish().await;
}

#[tokio::test]
async fn a_client_need_not_wait_for_the_greeting_to_be_answered() {
    let mut server = TestServer::start(echo());
    let greeting = server
        .ask("initialize", json!({"capabilities": modern()}))
        .await;
    server.notify("initialized", json!({})).await;
    server.open("!").await;
    server.published_for(1).await;
    assert_eq!(
        server.reply(greeting).await["result"]["capabilities"]["positionEncoding"],
        "utf-8"
    );
    server.finish().await;
}
