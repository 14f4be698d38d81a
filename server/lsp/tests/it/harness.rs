//! A client that is connected to a server by pipes in memory, and receives all its messages.

use linter::Inputs;
use linter::analysis::{self, Analysis};
use linter::rules::{Check, Enablement, Finding, Rule, Severity, Target};
use lsp::{self, Setup};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use text::{Encoding, Position, Text};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The file that most tests edit.
pub(crate) const FILE: &str = "file:///manifests/app.yaml";

/// A timeout that only a failing test reaches.
pub(crate) const NEVER: Duration = Duration::from_secs(30);

/// A server and the client's ends of its pipes. Every message must be read before [`TestServer::finish`].
pub(crate) struct TestServer {
    input: Option<DuplexStream>,
    output: BufReader<DuplexStream>,
    served: JoinHandle<bool>,
    /// Messages that the test has not read yet.
    unread: VecDeque<Value>,
    requests: i64,
    /// Methods whose messages may stay unread.
    allowed: Vec<&'static str>,
    finished: bool,
}

impl TestServer {
    pub(crate) fn start(setup: Setup) -> Self {
        TestServer::start_with_room(setup, 1 << 20)
    }

    /// Starts a server whose pipe to the client holds `room` bytes. When the pipe is full, the server waits until the client reads.
    pub(crate) fn start_with_room(setup: Setup, room: usize) -> Self {
        let (input, server_input) = tokio::io::duplex(1 << 20);
        let (server_output, output) = tokio::io::duplex(room);
        let served = tokio::spawn(lsp::serve(server_input, server_output, setup));
        TestServer {
            input: Some(input),
            output: BufReader::new(output),
            served,
            unread: VecDeque::new(),
            requests: 0,
            allowed: Vec::new(),
            finished: false,
        }
    }

    /// Starts and initializes a server for a client with these capabilities.
    pub(crate) async fn ready(setup: Setup, capabilities: Value) -> Self {
        let mut server = TestServer::start(setup);
        server.initialize(capabilities, Value::Null).await;
        server
    }

    /// Sends `initialize` and `initialized`. Returns the result of `initialize`.
    pub(crate) async fn initialize(&mut self, capabilities: Value, options: Value) -> Value {
        let params = json!({"processId": null, "rootUri": null, "capabilities": capabilities, "initializationOptions": options});
        let result = self.request("initialize", params).await;
        self.notify("initialized", json!({})).await;
        result
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let body = json!({"jsonrpc": "2.0"})
            .as_object()
            .unwrap()
            .clone()
            .into_iter();
        let message: Value = body
            .chain(message.as_object().unwrap().clone())
            .collect::<serde_json::Map<_, _>>()
            .into();
        let body = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
            .await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"method": method, "params": params})).await;
    }

    /// Sends a request without waiting for its reply. Returns its id.
    pub(crate) async fn send_request(&mut self, method: &str, params: Value) -> i64 {
        self.requests += 1;
        let mut message = json!({"id": self.requests, "method": method});
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(message).await;
        self.requests
    }

    /// Returns the reply to a request, with its envelope.
    pub(crate) async fn reply(&mut self, id: impl Into<Value>) -> Value {
        let id = id.into();
        self.next_that(|message| message["id"] == id && message.get("method").is_none())
            .await
    }

    /// Sends a request and returns its result.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send_request(method, params).await;
        let reply = self.reply(id).await;
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    /// Returns the parameters of the next notification of a method.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        self.next_that(|message| message["method"] == method && message.get("id").is_none())
            .await["params"]
            .clone()
    }

    /// Returns the parameters of the next notification of a method whose parameters match.
    pub(crate) async fn notification_where(
        &mut self,
        method: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let is_it = |message: &Value| {
            message["method"] == method && message.get("id").is_none() && wanted(&message["params"])
        };
        self.next_that(is_it).await["params"].clone()
    }

    /// Returns the next request of a method from the server, with its envelope.
    pub(crate) async fn next_request(&mut self, method: &str) -> Value {
        self.next_that(|message| message["method"] == method && message.get("id").is_some())
            .await
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(json!({"id": request["id"], "result": result}))
            .await;
    }

    /// Returns the next published diagnostics of any version.
    pub(crate) async fn published(&mut self) -> Value {
        self.notification("textDocument/publishDiagnostics").await
    }

    /// Returns the published diagnostics of a version. Skips those of earlier versions, which the server publishes if it has time.
    pub(crate) async fn published_for(&mut self, version: i64) -> Value {
        loop {
            let published = self.published().await;
            match published["version"].as_i64() {
                Some(older) if older < version => {}
                _ => {
                    assert_eq!(published["version"], version);
                    return published;
                }
            }
        }
    }

    pub(crate) async fn open(&mut self, text: &str) {
        self.open_file(FILE, 1, text).await;
    }

    pub(crate) async fn open_file(&mut self, uri: &str, version: i64, text: &str) {
        let document = json!({"uri": uri, "languageId": "yaml", "version": version, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}))
            .await;
    }

    pub(crate) async fn change(&mut self, version: i64, changes: Value) {
        let document = json!({"uri": FILE, "version": version});
        self.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": changes}),
        )
        .await;
    }

    pub(crate) async fn close(&mut self) {
        self.notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": FILE}}),
        )
        .await;
    }

    pub(crate) async fn hover(&mut self, line: u32, character: u32) -> Value {
        let position = json!({"line": line, "character": character});
        self.request(
            "textDocument/hover",
            json!({"textDocument": {"uri": FILE}, "position": position}),
        )
        .await
    }

    pub(crate) async fn code_actions(&mut self, range: Value, context: Value) -> Vec<Value> {
        let params = json!({"textDocument": {"uri": FILE}, "range": range, "context": context});
        match self.request("textDocument/codeAction", params).await {
            Value::Array(actions) => actions,
            nothing => panic!("no list: {nothing}"),
        }
    }

    /// Allows messages of a method to stay unread, for tests that cannot know their number.
    pub(crate) fn allow_unread(&mut self, method: &'static str) {
        self.allowed.push(method);
    }

    /// Shuts the server down as the protocol requires. Fails if a message is unread or if the server does not end.
    pub(crate) async fn finish(mut self) {
        assert_eq!(self.request("shutdown", Value::Null).await, Value::Null);
        self.send(json!({"method": "exit"})).await;
        assert!(self.exited().await, "the server did not see the shutdown");
    }

    /// Closes the client's end of the pipe without `shutdown` and `exit`.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for the server to end. Returns whether the client asked for a shutdown before.
    pub(crate) async fn exited(mut self) -> bool {
        while let Some(message) = timeout(NEVER, read(&mut self.output))
            .await
            .expect("the server does not close its output")
        {
            self.unread.push_back(message);
        }
        self.finished = true;
        timeout(NEVER, &mut self.served)
            .await
            .expect("the server does not end")
            .unwrap()
    }

    /// Waits for the first bytes of the next message.
    pub(crate) async fn wait_for_output(&mut self) {
        timeout(NEVER, self.output.fill_buf())
            .await
            .expect("the server sends nothing")
            .unwrap();
    }

    /// Waits for the server to end while the client reads nothing.
    pub(crate) async fn exited_before_reading(mut self) {
        self.finished = true;
        timeout(NEVER, &mut self.served)
            .await
            .expect("the server does not end")
            .unwrap();
        let mut rest = Vec::new();
        timeout(NEVER, self.output.read_to_end(&mut rest))
            .await
            .expect("the pipe does not end")
            .unwrap();
    }

    async fn next_that(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.unread.iter().position(&wanted) {
            return self.unread.remove(place).unwrap();
        }
        loop {
            let message = match timeout(NEVER, read(&mut self.output)).await {
                Ok(Some(message)) => message,
                Ok(None) => panic!("the server ended; unread: {:#?}", self.unread),
                Err(_) => panic!("the server sends nothing; unread: {:#?}", self.unread),
            };
            if wanted(&message) {
                return message;
            }
            self.unread.push_back(message);
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.finished, "the test ends without finish() or exited()");
            self.unread.retain(|message| {
                !self
                    .allowed
                    .iter()
                    .any(|allowed| message["method"] == *allowed)
            });
            assert!(
                self.unread.is_empty(),
                "unread messages: {:#?}",
                self.unread
            );
        }
    }
}

/// Reads one message; `None` at the end.
async fn read(output: &mut BufReader<DuplexStream>) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).await.unwrap() == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = Some(value.parse().unwrap()),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length.expect("a length in every header")];
    output.read_exact(&mut body).await.unwrap();
    Some(serde_json::from_slice(&body).expect("nothing but messages on the output"))
}

/// The capabilities of a modern client.
pub(crate) fn modern() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
        "textDocument": {
            "publishDiagnostics": {
                "versionSupport": true, "dataSupport": true, "codeDescriptionSupport": true, "relatedInformation": true,
            },
            "codeAction": {
                "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source"]}},
                "isPreferredSupport": true, "disabledSupport": true,
            },
            "hover": {"contentFormat": ["markdown", "plaintext"]},
        },
        "workspace": {"workspaceEdit": {"documentChanges": true}},
    })
}

/// The capabilities of a modern client with another value at a JSON pointer.
pub(crate) fn modern_but(pointer: &str, value: Value) -> Value {
    let mut capabilities = modern();
    *capabilities.pointer_mut(pointer).unwrap() = value;
    capabilities
}

/// A setup with a predictable analysis: it reports each `!`, with the whole text as the message. It panics if the text contains
/// `PANIC`.
pub(crate) fn echo() -> Setup {
    Setup {
        analyze: Arc::new(|text, _, _, inputs| echo_analysis(text, inputs)),
        ..Setup::default()
    }
}

pub(crate) fn echo_analysis(text: &str, inputs: Inputs<'_>) -> Analysis {
    assert!(!text.contains("PANIC"), "as the text asks");
    let mut analysis = analysis::analyze_document(text, inputs);
    analysis.findings = text
        .match_indices('!')
        .map(|(at, _)| echo_finding(at, text))
        .collect();
    analysis
}

static ECHO: Rule = Rule {
    id: "echo",
    module: module_path!(),
    enablement: Enablement::Always,
    severity: Severity::Warning,
    docs: " What it is.\n\n ## Why\n\n Because it is.\n\n ## Example\n\n None.\n",
    check: Check::Object(|_, _, _| {}),
    aliases: &[],
    part_of: &[],
    related: &[],
    fields: &[],
    reports_rejections: false,
    skips_versioned_blocks: false,
    always_selected: false,
};

fn echo_finding(at: usize, text: &str) -> Finding {
    let range = analysis::Range::at((at as u32).into(), 1.into());
    Finding {
        rule: &ECHO,
        severity: ECHO.severity,
        range,
        message: text.to_owned().into(),
        target: Target {
            object: Some(0),
            container: None,
            range,
            absent: false,
            missing: None,
        },
        tag: None,
        related: Vec::new(),
        fix: None,
        alternatives: Vec::new(),
        no_fix: None,
    }
}

/// Applies the edits of an action, which must name this version of the text.
pub(crate) fn edited(text: &str, action: &Value, version: i64, encoding: &str) -> String {
    let [change] = action["edit"]["documentChanges"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("one file: {action}")
    };
    assert_eq!(
        change["textDocument"],
        json!({"uri": FILE, "version": version})
    );
    let encoding = match encoding {
        "utf-8" => Encoding::Utf8,
        "utf-16" => Encoding::Utf16,
        _ => Encoding::Utf32,
    };
    let mut result = Text::from(text);
    // From the last to the first, so that no edit moves the next one.
    for edit in change["edits"].as_array().unwrap().iter().rev() {
        let end = |name: &str| {
            let number =
                |part: &str| u32::try_from(edit["range"][name][part].as_u64().unwrap()).unwrap();
            Position {
                line: number("line"),
                column: number("character"),
            }
        };
        let range = result.range(end("start")..end("end"), encoding);
        result.replace(range, edit["newText"].as_str().unwrap());
    }
    result.to_string()
}

pub(crate) fn position(line: u32, character: u32) -> Value {
    json!({"line": line, "character": character})
}

pub(crate) fn range(start: (u32, u32), end: (u32, u32)) -> Value {
    json!({"start": position(start.0, start.1), "end": position(end.0, end.1)})
}

/// A change that replaces a range.
pub(crate) fn put(start: (u32, u32), end: (u32, u32), text: &str) -> Value {
    json!({"range": range(start, end), "text": text})
}
