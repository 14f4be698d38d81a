//! Any bytes from a client, from partial messages to whole sessions in any order: the server
//! answers each readable request exactly once, writes only messages, and ends when its input ends.

use super::{below, one_of};
use arbitrary::Unstructured;
use lsp::{self, Setup};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const MOST_STEPS: usize = 32;

/// Longer than any request takes.
const NEVER: Duration = Duration::from_secs(60);

pub fn run(data: &[u8]) {
    let mut script = Script::default();
    let mut input = Unstructured::new(data);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        script.step(&mut input);
    }
    let asked: usize = script.asked.values().map(Vec::len).sum();
    let messages = converse(script.bytes, if script.is_whole { asked } else { 0 });
    for message in &messages {
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        let told = message["params"]["message"].as_str().unwrap_or_default();
        assert!(!told.starts_with("kubeharden failed"), "{told}");
    }
    let answers = messages
        .iter()
        .filter(|message| message.get("method").is_none());
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    for answer in answers {
        *answered.entry(answer["id"].to_string()).or_default() += 1;
    }
    for (id, asked) in &script.asked {
        let answers = answered.remove(id).unwrap_or_default();
        assert!(
            !script.is_whole || answers == asked.len(),
            "{answers} answers to {asked:#?}: {messages:#?}"
        );
    }
    assert!(
        !script.is_whole || answered.is_empty(),
        "answers to nothing, {answered:?}: {messages:#?}"
    );
}

/// A session of a client.
#[derive(Default)]
struct Script {
    bytes: Vec<u8>,
    /// Requests by id that follow only whole messages and no `exit`.
    asked: BTreeMap<String, Vec<String>>,
    /// Whether the server must understand all of it.
    is_whole: bool,
    steps: usize,
}

impl Script {
    fn step(&mut self, input: &mut Unstructured<'_>) {
        if self.steps == 0 {
            self.is_whole = true;
            // Most sessions start with a handshake. Little happens without one.
            if below(input, 8) > 0 {
                self.message(&json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {"capabilities": capabilities(input)}}));
                self.message(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
            }
        }
        self.steps += 1;
        match below(input, 24) {
            0 => {
                let length = below(input, 60);
                self.garble(input.bytes(length.min(input.len())).unwrap_or_default());
            }
            1 => {
                let body = message(input).to_string();
                let length = body.len() + below(input, 9) - 4;
                self.garble(format!("Content-Length: {length}\r\n\r\n{body}").as_bytes());
            }
            2 => {
                let mut body = message(input).to_string().into_bytes();
                let at = below(input, body.len());
                body[at] = input.arbitrary().unwrap_or(b'"');
                self.garble(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                self.bytes.extend(body);
            }
            _ => self.message(&message(input)),
        }
    }

    fn garble(&mut self, bytes: &[u8]) {
        self.is_whole = false;
        self.bytes.extend(bytes);
    }

    fn message(&mut self, message: &Value) {
        let body = message.to_string();
        self.bytes
            .extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
        if message["method"] == "exit" {
            self.is_whole = false;
        }
        if message.get("method").is_some()
            && let Some(id) = message.get("id")
        {
            self.asked
                .entry(id.to_string())
                .or_default()
                .push(message.to_string());
        }
    }
}

const FILES: [&str; 6] = [
    "file:///manifests/app.yaml",
    "file:///manifests/other.yaml",
    "file:///manifests/.kubeharden.yaml",
    "untitled:Untitled-1",
    "no uri",
    "file:///%ff%00",
];

const TEXTS: [&str; 10] = [
    "",
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: web\n    image: web\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{name: a, image: b}]}\n- kind: Service\n",
    "profile: baseline\nignore: [no-such-rule]\n",
    "é𝄞\r\n---\r",
    "a: &a [*a, {",
    "\u{0}",
    "    securityContext: {privileged: true}\n",
    "\n",
    "---\n",
];

fn message(input: &mut Unstructured<'_>) -> Value {
    const REQUESTS: [&str; 9] = [
        "textDocument/codeAction",
        "textDocument/hover",
        "textDocument/codeAction",
        "shutdown",
        "initialize",
        "textDocument/completion",
        "no/such/request",
        "textDocument/didOpen",
        "$/optional",
    ];
    /// Aliases of the above, so that existing regressions keep their meaning.
    const HELPS: [&str; 5] = [
        "textDocument/completion",
        "textDocument/codeLens",
        "textDocument/inlayHint",
        "textDocument/documentSymbol",
        "workspace/executeCommand",
    ];
    const NOTIFICATIONS: [&str; 12] = [
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didChange",
        "textDocument/didChange",
        "textDocument/didClose",
        "textDocument/didSave",
        "workspace/didChangeConfiguration",
        "workspace/didChangeWatchedFiles",
        "$/cancelRequest",
        "$/setTrace",
        "no/such/notification",
        "exit",
    ];
    match below(input, 8) {
        0..3 => {
            let method = match one_of(input, &REQUESTS) {
                "textDocument/completion" => one_of(input, &HELPS),
                method => method,
            };
            with_params(
                json!({"jsonrpc": "2.0", "id": id(input), "method": method}),
                method,
                input,
            )
        }
        3..7 => {
            let method = one_of(input, &NOTIFICATIONS);
            with_params(json!({"jsonrpc": "2.0", "method": method}), method, input)
        }
        _ => match below(input, 3) {
            0 => json!({"jsonrpc": "2.0", "id": below(input, 4), "result": settings(input)}),
            1 => {
                json!({"jsonrpc": "2.0", "id": below(input, 4), "error": {"code": -32603, "message": "no"}})
            }
            _ => json!({"jsonrpc": "2.0", "id": "of nothing", "result": null}),
        },
    }
}

fn id(input: &mut Unstructured<'_>) -> Value {
    match below(input, 4) {
        0 => json!(format!("{}", below(input, 4))),
        _ => json!(below(input, 256)),
    }
}

fn with_params(mut message: Value, method: &str, input: &mut Unstructured<'_>) -> Value {
    let params = match below(input, 12) {
        0 => return message,
        1 => Some(
            [
                json!(null),
                json!([]),
                json!({}),
                json!({"textDocument": 1}),
            ][below(input, 4)]
            .clone(),
        ),
        _ => params(method, input),
    };
    if let Some(params) = params {
        message["params"] = params;
    }
    message
}

fn params(method: &str, input: &mut Unstructured<'_>) -> Option<Value> {
    let file = one_of(input, &FILES);
    Some(match method {
        "textDocument/didOpen" => {
            let document = json!({"uri": file, "languageId": "yaml", "version": number(input), "text": text(input)});
            json!({"textDocument": document})
        }
        "textDocument/didChange" => {
            let changes: Vec<Value> = (0..below(input, 4)).map(|_| change(input)).collect();
            json!({"textDocument": {"uri": file, "version": number(input)}, "contentChanges": changes})
        }
        "textDocument/hover" | "textDocument/completion" => {
            json!({"textDocument": {"uri": file}, "position": position(input)})
        }
        "textDocument/inlayHint" => json!({"textDocument": {"uri": file}, "range": range(input)}),
        "workspace/executeCommand" => {
            let command = one_of(
                input,
                &[
                    "kubeharden.hardenObject",
                    "kubeharden.showPodSecurity",
                    "no.such.command",
                ],
            );
            let objects = json!({"start": below(input, 3), "end": number(input)});
            let workload = json!({"uri": file, "revision": below(input, 4), "part": below(input, 3), "objects": objects});
            json!({"command": command, "arguments": [workload]})
        }
        "textDocument/codeAction" => {
            let only = one_of(input, &["quickfix", "source.fixAll", "refactor", ""]);
            let context = if below(input, 2) == 0 {
                json!({"diagnostics": []})
            } else {
                json!({"diagnostics": [], "only": [only]})
            };
            json!({"textDocument": {"uri": file}, "range": range(input), "context": context})
        }
        "workspace/didChangeConfiguration" => json!({"settings": settings(input)}),
        "workspace/didChangeWatchedFiles" => {
            json!({"changes": [{"uri": file, "type": 1 + below(input, 3)}]})
        }
        "$/cancelRequest" => json!({"id": id(input)}),
        "$/setTrace" => json!({"value": "verbose"}),
        "initialize" => {
            json!({"capabilities": capabilities(input), "initializationOptions": settings(input)})
        }
        "shutdown" | "exit" => return None,
        _ => json!({"textDocument": {"uri": file}}),
    })
}

fn text(input: &mut Unstructured<'_>) -> String {
    (0..=below(input, 4))
        .map(|_| one_of(input, &TEXTS))
        .collect()
}

fn change(input: &mut Unstructured<'_>) -> Value {
    match below(input, 5) {
        0 => json!({"text": text(input)}),
        _ => {
            json!({"range": range(input), "text": one_of(input, &["", "a", "\n", ": ", "- ", "𝄞", "\r", "{", "\"", "privileged: true"])})
        }
    }
}

fn range(input: &mut Unstructured<'_>) -> Value {
    json!({"start": position(input), "end": position(input)})
}

fn position(input: &mut Unstructured<'_>) -> Value {
    json!({"line": number(input), "character": number(input)})
}

/// Mostly a meaningful number.
fn number(input: &mut Unstructured<'_>) -> i64 {
    match below(input, 20) {
        0 => i64::from(i32::MAX),
        1 => i64::from(u32::MAX),
        2 => -1,
        _ => below(input, 12) as i64,
    }
}

fn settings(input: &mut Unstructured<'_>) -> Value {
    let settings = [
        json!(null),
        json!({"kubeharden": {"profile": "baseline", "codeLens": true, "inlayHints": true, "documentSymbols": true}}),
        json!({"profile": "restricted", "ignore": ["root-user"]}),
        json!({"kubeharden": {"profile": 7, "rules": []}}),
        json!([{"profile": "hardened"}]),
        json!("words"),
        json!({"kubeharden": {"kubernetesVersion": "1.99999999999"}}),
    ];
    settings[below(input, settings.len())].clone()
}

fn capabilities(input: &mut Unstructured<'_>) -> Value {
    let yes = |input: &mut Unstructured<'_>| below(input, 4) > 0;
    json!({
        "general": {"positionEncodings": [one_of(input, &["utf-8", "utf-16", "utf-32", "utf-7"])]},
        "textDocument": {
            "publishDiagnostics": {"versionSupport": yes(input), "dataSupport": yes(input), "relatedInformation": yes(input)},
            "codeAction": {
                "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source"]}},
                "isPreferredSupport": yes(input), "disabledSupport": yes(input),
            },
        },
        "workspace": {
            "configuration": yes(input),
            "didChangeConfiguration": {"dynamicRegistration": yes(input)},
            "didChangeWatchedFiles": {"dynamicRegistration": yes(input)},
            "workspaceEdit": {"documentChanges": yes(input)},
            "executeCommand": {},
            "applyEdit": true,
        },
    })
}

/// Returns what a server writes to a client that sends these bytes, reads this many answers, and
/// hangs up.
fn converse(bytes: Vec<u8>, answers: usize) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .expect("a runtime");
    let messages = runtime.block_on(async {
        let (mut input, server_input) = tokio::io::duplex(1 << 16);
        let (server_output, mut output) = tokio::io::duplex(1 << 16);
        let served = tokio::spawn(lsp::serve(server_input, server_output, Setup::default()));
        let spoken = tokio::spawn(async move {
            // The server may have ended already.
            let _ = input.write_all(&bytes).await;
            input
        });
        let mut connection = Some(spoken);
        let (mut messages, mut said) = (Vec::new(), Vec::new());
        let all = async {
            loop {
                let heard = messages.iter().filter(|message: &&Value| message.get("method").is_none()).count();
                if heard >= answers
                    && let Some(spoken) = connection.take()
                {
                    tokio::spawn(async { drop(spoken.await) });
                }
                if output.read_buf(&mut said).await.expect("a pipe in memory does not fail") == 0 {
                    break;
                }
                messages.extend(std::iter::from_fn(|| take_message(&mut said)));
            }
            served.await.expect("the server does not panic")
        };
        let ended = timeout(NEVER, all).await;
        assert!(ended.is_ok(), "neither are there {answers} answers nor does the server end with its input: {messages:#?}");
        assert!(said.is_empty(), "the end of what is said is no message: {}", String::from_utf8_lossy(&said));
        messages
    });
    runtime.shutdown_background();
    messages
}

/// Removes the first complete message.
fn take_message(said: &mut Vec<u8>) -> Option<Value> {
    let end = said.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let header = std::str::from_utf8(&said[..end]).expect("a header is text");
    let length = header
        .strip_prefix("Content-Length: ")
        .and_then(|length| length.parse::<usize>().ok())
        .expect("a length");
    let body = said.get(end + 4..end + 4 + length)?;
    let message = serde_json::from_slice(body).expect("a body is JSON");
    said.drain(..end + 4 + length);
    Some(message)
}
