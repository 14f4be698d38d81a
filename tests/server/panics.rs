//! What breaks inside costs as little as it can.

use crate::harness::{FILE, TestServer, echo, modern};
use serde_json::json;

#[tokio::test]
async fn an_analysis_that_panics_is_told_once_and_the_next_change_tries_again() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("1 !").await;
    assert_eq!(server.published().await["version"], 1);

    server.change(2, json!([{"text": "PANIC !"}])).await;
    let log = server.heard("window/logMessage").await;
    let message = log["message"].as_str().unwrap();
    assert_eq!(log["type"], 1);
    assert!(message.contains(FILE) && message.contains("as the text asks"), "{message}");

    server.change(3, json!([{"text": "PANIC again !"}])).await;
    server.change(4, json!([{"text": "4 !"}])).await;
    // Neither was there another word about the panic, nor an empty list for the versions that were not analysed.
    assert_eq!(server.published().await["version"], 4);
    server.finish().await;
}

#[tokio::test]
async fn a_question_about_a_text_that_panics_is_an_error_and_nothing_more() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("PANIC").await;
    server.heard("window/logMessage").await;
    let document = json!({"textDocument": {"uri": FILE}, "position": {"line": 0, "character": 0}});
    let id = server.ask("textDocument/hover", document).await;
    assert_eq!(server.reply(id).await["error"], json!({"code": -32603, "message": "as the text asks"}));
    server.change(2, json!([{"text": "2 !"}])).await;
    assert_eq!(server.published().await["version"], 2);
    server.finish().await;
}

#[tokio::test]
async fn messages_that_make_no_sense_are_turned_away() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.notify("textDocument/didOpen", json!({"textDocument": 1})).await;
    server.notify("no/such/notification", json!(null)).await;
    let id = server.ask("textDocument/hover", json!({"textDocument": {"uri": "no uri"}})).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32602);
    let id = server.ask("no/such/request", json!({})).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32601);
    server.finish().await;
}
