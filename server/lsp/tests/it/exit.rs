//! The server ends when the client leaves, with or without `shutdown` and `exit`.

use crate::harness::{FILE, TestServer, echo, echo_analysis, modern};
use linter::Inputs;
use linter::analysis::{ChunkContext, ChunkKind};
use lsp::Setup;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, mpsc};

#[tokio::test]
async fn exit_without_shutdown_is_noticed() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.send(json!({"method": "exit"})).await;
    assert!(!server.exited().await);
}

#[tokio::test]
async fn exit_before_initialize() {
    let mut server = TestServer::start(echo());
    server.send(json!({"method": "exit"})).await;
    assert!(!server.exited().await);
}

#[tokio::test]
async fn pending_reply_is_sent_before_exit() {
    let mut server = TestServer::ready(echo(), modern()).await;
    let id = server.send_request("shutdown", Value::Null).await;
    server.send(json!({"method": "exit"})).await;
    assert_eq!(server.reply(id).await["result"], Value::Null);
    assert!(server.exited().await);
}

#[tokio::test]
async fn shutdown_with_parameters() {
    for parameters in [json!(null), json!({})] {
        let mut server = TestServer::ready(echo(), modern()).await;
        server
            .send(json!({"id": "bye", "method": "shutdown", "params": parameters}))
            .await;
        assert_eq!(
            server.reply("bye").await,
            json!({"jsonrpc": "2.0", "id": "bye", "result": null})
        );
        server
            .send(json!({"method": "exit", "params": parameters}))
            .await;
        assert!(server.exited().await);
    }
}

#[tokio::test]
async fn hanging_up_ends_the_server() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.hang_up();
    assert!(!server.exited().await);
}

#[tokio::test]
async fn hanging_up_inside_message() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server
        .send_bytes(b"Content-Length: 100\r\n\r\n{\"jsonrpc\"")
        .await;
    server.hang_up();
    assert!(!server.exited().await);
}

#[tokio::test]
async fn slow_reply_does_not_delay_exit() {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel::<()>();
    let blocking = Mutex::new(Some((started, released)));
    let analyze = move |text: &str, _: ChunkKind, _: &Arc<ChunkContext>, inputs: Inputs<'_>| {
        if let Some((started, released)) = blocking.lock().unwrap().take() {
            started.send(()).unwrap();
            let _ = released.recv();
        }
        echo_analysis(text, inputs)
    };
    let mut server = TestServer::ready(
        Setup {
            analyze: Arc::new(analyze),
            most_inline_bytes: 0,
            ..Setup::default()
        },
        modern(),
    )
    .await;
    server.open("!").await;
    server
        .send_request(
            "textDocument/hover",
            json!({"textDocument": {"uri": FILE}, "position": {"line": 0, "character": 0}}),
        )
        .await;
    has_started.await.unwrap();
    server.hang_up();
    assert!(!server.exited().await);
    drop(release);
}

#[tokio::test]
async fn exit_with_full_pipe() {
    let mut server = TestServer::start_with_room(echo(), 16);
    server.send_bytes(b"Content-Length: 5\r\n\r\n{\"a\":").await;
    server.wait_for_output().await;
    server.hang_up();
    // The message is cut, and the server ends.
    server.exited_before_reading().await;
}
