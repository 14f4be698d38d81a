//! The server has the text that the client has.

use crate::harness::{FILE, NEVER, TestServer, echo, modern, modern_but, put, range};
use linter::Inputs;
use lsp::Setup;
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};

/// Checks the text of the server after some changes. Both texts contain a `!`, so that the server reports them.
async fn assert_change(capabilities: Value, before: &str, changes: Value, after: &str) {
    let mut server = TestServer::ready(echo(), capabilities).await;
    server.open(before).await;
    server.change(2, changes).await;
    assert_eq!(
        server.published_for(2).await["diagnostics"][0]["message"],
        after
    );
    server.finish().await;
}

fn utf16() -> Value {
    modern_but("/general/positionEncodings", json!(["utf-16"]))
}

fn utf32() -> Value {
    modern_but("/general/positionEncodings", json!(["utf-32"]))
}

#[tokio::test]
async fn text_is_inserted_and_deleted() {
    assert_change(
        modern(),
        "a: 1 !\n",
        json!([put((0, 3), (0, 3), "2")]),
        "a: 21 !\n",
    )
    .await;
    assert_change(
        modern(),
        "a: 1\nb: 2 !\n",
        json!([put((0, 1), (1, 1), "")]),
        "a: 2 !\n",
    )
    .await;
}

#[tokio::test]
async fn changes_apply_in_order() {
    let changes = json!([
        put((0, 0), (0, 0), "12"),
        put((0, 1), (0, 2), "\n"),
        put((1, 0), (1, 0), "x")
    ]);
    assert_change(modern(), "!", changes, "1\nx!").await;
}

#[tokio::test]
async fn change_without_range_replaces_text() {
    let changes =
        json!([put((0, 0), (0, 0), "lost"), {"text": "new !"}, put((0, 0), (0, 3), "newer")]);
    assert_change(modern(), "old !", changes, "newer !").await;
}

#[tokio::test]
async fn columns_use_agreed_encoding() {
    for (capabilities, column) in [(modern(), 6), (utf16(), 3), (utf32(), 2)] {
        assert_change(
            capabilities,
            "é𝄞 !",
            json!([put((0, column), (0, column), ":")]),
            "é𝄞: !",
        )
        .await;
    }
}

#[tokio::test]
async fn all_line_breaks_count() {
    let before = "a\r\nb\rc\nd !";
    for (line, after) in [
        (1, "a\r\nb-\rc\nd !"),
        (2, "a\r\nb\rc-\nd !"),
        (3, "a\r\nb\rc\nd- !"),
    ] {
        assert_change(
            utf16(),
            before,
            json!([put((line, 1), (line, 1), "-")]),
            after,
        )
        .await;
    }
    assert_change(
        utf16(),
        "a\r\nb !",
        json!([put((0, 1), (1, 0), "\r\n\r\n")]),
        "a\r\n\r\nb !",
    )
    .await;
}

#[tokio::test]
async fn invalid_position_is_clamped() {
    assert_change(
        utf16(),
        "a\r\n!",
        json!([put((0, 99), (0, 99), "b")]),
        "ab\r\n!",
    )
    .await;
    assert_change(
        utf16(),
        "a\n!",
        json!([put((99, 99), (99, 99), "b")]),
        "a\n!b",
    )
    .await;
    assert_change(utf16(), "a𝄞!", json!([put((0, 2), (0, 2), "b")]), "ab𝄞!").await;
    assert_change(utf16(), "abc!", json!([put((0, 3), (0, 1), "-")]), "a-!").await;
    assert_change(
        utf16(),
        "abc!",
        json!([put((0, u32::MAX), (u32::MAX, u32::MAX), "-")]),
        "abc!-",
    )
    .await;
}

#[tokio::test]
async fn older_version_is_dropped() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open_file(FILE, 7, "one !").await;
    server.change(6, json!([{"text": "older !"}])).await;
    server.change(8, json!([put((0, 0), (0, 3), "two")])).await;
    assert_eq!(
        server.published_for(8).await["diagnostics"][0]["message"],
        "two !"
    );
    server.finish().await;
}

#[tokio::test]
async fn closed_file_cannot_be_changed() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.change(2, json!([{"text": "!"}])).await;
    server.close().await;
    server
        .notify(
            "textDocument/didSave",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await;
    assert_eq!(server.hover(0, 0).await, Value::Null);
    server.finish().await;
}

#[tokio::test]
async fn closing_clears_diagnostics() {
    let mut server = TestServer::ready(echo(), modern()).await;
    for _ in 0..3 {
        server.open("one !").await;
        assert_eq!(
            server.published_for(1).await["diagnostics"][0]["message"],
            "one !"
        );
        server.close().await;
        assert_eq!(
            server.published().await,
            json!({"uri": FILE, "diagnostics": []})
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn saving_publishes_again() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("one !").await;
    let first = server.published().await;
    server
        .notify(
            "textDocument/didSave",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await;
    assert_eq!(server.published().await, first);
    server.finish().await;
}

/// An analysis that waits for the test. The test can wait for its start.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    started: Vec<String>,
    is_open: bool,
}

impl Gate {
    fn setup(self: &Arc<Self>) -> Setup {
        let (gate, echo) = (Arc::clone(self), echo());
        let analyze = move |text: &str, role, context: &_, inputs: Inputs<'_>| {
            gate.change(|state| state.started.push(text.to_owned()));
            gate.wait_until(|state| state.is_open);
            (echo.analyze)(text, role, context, inputs)
        };
        Setup {
            analyze: Arc::new(analyze),
            most_inline_bytes: 0,
            ..Setup::default()
        }
    }

    /// Waits until an analysis has started.
    async fn started(self: &Arc<Self>) {
        let gate = Arc::clone(self);
        tokio::task::spawn_blocking(move || gate.wait_until(|state| !state.started.is_empty()))
            .await
            .unwrap();
    }

    fn open(&self) {
        self.change(|state| state.is_open = true);
    }

    fn texts(&self) -> Vec<String> {
        self.state.lock().unwrap().started.clone()
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait_until(&self, is_reached: impl Fn(&GateState) -> bool) {
        let (_state, waited) = self
            .changed
            .wait_timeout_while(self.state.lock().unwrap(), NEVER, |state| {
                !is_reached(state)
            })
            .unwrap();
        assert!(!waited.timed_out(), "the gate does not reach the state");
    }
}

#[tokio::test]
async fn burst_is_one_analysis() {
    let gate = Arc::new(Gate::default());
    let mut server = TestServer::ready(gate.setup(), modern()).await;
    server.open("0 !").await;
    gate.started().await;
    for version in 2..=20 {
        server
            .change(version, json!([{"text": format!("{version} !")}]))
            .await;
    }
    // The reply shows that the changes before it have arrived.
    let id = server.send_request("unknown", json!({})).await;
    server.reply(id).await;
    gate.open();
    assert_eq!(server.published().await["version"], 1);
    assert_eq!(server.published().await["version"], 20);
    assert_eq!(gate.texts(), ["0 !", "20 !"]);
    server.finish().await;
}

#[tokio::test]
async fn only_latest_without_versions() {
    let gate = Arc::new(Gate::default());
    let capabilities = modern_but(
        "/textDocument/publishDiagnostics/versionSupport",
        json!(false),
    );
    let mut server = TestServer::ready(gate.setup(), capabilities).await;
    server.open("1 !").await;
    gate.started().await;
    server.change(2, json!([{"text": "2 !"}])).await;
    let id = server.send_request("unknown", json!({})).await;
    server.reply(id).await;
    gate.open();
    assert_eq!(server.published().await["diagnostics"][0]["message"], "2 !");
    server.finish().await;
}

#[tokio::test]
async fn nothing_is_published_after_closing() {
    let gate = Arc::new(Gate::default());
    let mut server = TestServer::ready(gate.setup(), modern()).await;
    server.open("1 !").await;
    gate.started().await;
    server.close().await;
    let id = server.send_request("unknown", json!({})).await;
    server.reply(id).await;
    gate.open();
    assert_eq!(server.published().await["diagnostics"], json!([]));
    server.finish().await;
}

#[tokio::test]
async fn request_uses_latest_text() {
    let mut server = TestServer::ready(echo(), modern()).await;
    server.open("one !").await;
    server
        .change(2, json!([put((0, 0), (0, 3), "second")]))
        .await;
    let hover = server.hover(0, 7).await;
    assert!(
        hover["contents"]["value"]
            .as_str()
            .unwrap()
            .contains("second !"),
        "{hover}"
    );
    assert_eq!(hover["range"], range((0, 7), (0, 8)));
    server.published_for(2).await;
    server.finish().await;
}

#[tokio::test]
async fn thousand_open_files() {
    let mut server = TestServer::ready(echo(), modern()).await;
    for file in 0..1000 {
        server
            .open_file(&format!("file:///{file}.yaml"), 1, &format!("{file} !"))
            .await;
    }
    let mut messages = Vec::new();
    for _ in 0..1000 {
        let published = server.published().await;
        messages.push((
            published["uri"].clone(),
            published["diagnostics"][0]["message"].clone(),
        ));
    }
    messages.sort_by_key(|(uri, _)| uri.to_string());
    let mut expected: Vec<_> = (0..1000)
        .map(|file| {
            (
                json!(format!("file:///{file}.yaml")),
                json!(format!("{file} !")),
            )
        })
        .collect();
    expected.sort_by_key(|(uri, _)| uri.to_string());
    assert_eq!(messages, expected);
    server.finish().await;
}

#[tokio::test]
async fn slow_reader_gets_latest_text() {
    let mut server = TestServer::start_with_room(echo(), 64);
    server.initialize(modern(), Value::Null).await;
    server.open("1 !").await;
    // Many times the size of the pipe.
    for version in 2..2000 {
        server
            .change(version, json!([{"text": format!("{version} !")}]))
            .await;
    }
    assert_eq!(
        server.published_for(1999).await["diagnostics"][0]["message"],
        "1999 !"
    );
    server.finish().await;
}

#[tokio::test]
async fn canceled_request_is_answered() {
    let gate = Arc::new(Gate::default());
    let mut server = TestServer::ready(gate.setup(), modern()).await;
    server.open("1 !").await;
    gate.started().await;
    let place = json!({"textDocument": {"uri": FILE}, "position": {"line": 0, "character": 2}});
    let id = server
        .send_request("textDocument/hover", place.clone())
        .await;
    server.notify("$/cancelRequest", json!({"id": id})).await;
    // Canceling an unknown request is not an error.
    server.notify("$/cancelRequest", json!({"id": 777})).await;
    assert_eq!(server.reply(id).await["error"]["code"], -32800);
    gate.open();
    assert_eq!(server.published().await["version"], 1);
    assert_ne!(
        server.request("textDocument/hover", place).await,
        Value::Null
    );
    server.finish().await;
}
