//! A client for any language server. It records when each message arrives.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any server takes.
const NEVER: Duration = Duration::from_secs(300);

pub(crate) struct Client {
    process: Child,
    input: ChildStdin,
    /// Each message with the moment at which its last byte was read.
    heard: Receiver<(Instant, Value)>,
    requests: i64,
    /// Whether the server has asked for the current settings.
    has_answered: bool,
    settings: Value,
    /// The last published diagnostics, by file.
    published: BTreeMap<String, Value>,
}

impl Client {
    /// Starts and initializes a server. Returns the time from the process start to the reply, and from the request to the reply.
    pub(crate) fn start(command: &mut Command, settings: Value) -> (Client, Duration, Duration) {
        let started = Instant::now();
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let input = process.stdin.take().expect("its input is a pipe");
        let output = process.stdout.take().expect("its output is a pipe");
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(body) = body(&mut output) {
                let now = Instant::now();
                let message = serde_json::from_slice(&body).expect("a message is JSON");
                if tell.send((now, message)).is_err() {
                    return;
                }
            }
        });
        let mut client = Client {
            process,
            input,
            heard,
            requests: 0,
            has_answered: false,
            settings,
            published: BTreeMap::new(),
        };
        let capabilities = json!({
            "general": {"positionEncodings": ["utf-16"]},
            "textDocument": {
                "publishDiagnostics": {"versionSupport": true, "relatedInformation": true},
                "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source"]}}},
            },
            "workspace": {"configuration": true},
        });
        let params = json!({"processId": null, "rootUri": null, "capabilities": capabilities});
        let asked = Instant::now();
        let (answered, _) = client.request("initialize", params);
        client.notify("initialized", json!({}));
        client.set(client.settings.clone());
        (client, answered - started, answered - asked)
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        // In one write, as editors do.
        let framed = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.input
            .write_all(framed.as_bytes())
            .and_then(|()| self.input.flush())
            .expect("the server listens");
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request. Returns the reply and the time when it arrived.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> (Instant, Value) {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait(|message| message.get("method").is_none() && message["id"] == id)
    }

    pub(crate) fn open(&mut self, uri: &str, language: &str, text: &str) -> Duration {
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        let start = Instant::now();
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
        self.published(uri, 1) - start
    }

    /// Waits for the diagnostics of a version or a later one, or for the next ones if the server sends no versions.
    pub(crate) fn published(&mut self, uri: &str, version: i64) -> Instant {
        let is_it = |message: &Value| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"]
                    .as_i64()
                    .is_none_or(|published| published >= version)
        };
        self.wait(is_it).0
    }

    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> (Instant, Value) {
        loop {
            let (at, message) = self.next();
            if is_it(&message) {
                return (at, message);
            }
        }
    }

    /// Returns the next message, after replying if it is a request.
    fn next(&mut self) -> (Instant, Value) {
        let (at, message) = self.heard.recv_timeout(NEVER).expect("the server answers");
        if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"].as_str().unwrap_or_default();
            self.published
                .insert(uri.to_owned(), message["params"].clone());
        }
        self.answer(&message);
        (at, message)
    }

    /// Replies to a request of the server like a minimal client.
    fn answer(&mut self, message: &Value) {
        let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) else {
            return;
        };
        let result = match method {
            "workspace/configuration" => {
                self.has_answered = true;
                let sections = message["params"]["items"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                sections
                    .iter()
                    .map(|item| self.settings[item["section"].as_str().unwrap_or_default()].clone())
                    .collect()
            }
            _ => Value::Null,
        };
        let reply = json!({"jsonrpc": "2.0", "id": id, "result": result});
        self.send(&reply);
    }

    pub(crate) fn change(&mut self, uri: &str, version: i64, changes: Vec<Value>) {
        let document = json!({"uri": uri, "version": version});
        self.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": changes}),
        );
    }

    /// Changes the settings.
    pub(crate) fn set(&mut self, settings: Value) {
        self.settings = settings;
        self.has_answered = false;
        self.notify(
            "workspace/didChangeConfiguration",
            json!({"settings": self.settings}),
        );
    }

    /// Waits until the server has the answer about settings. They apply to everything that is sent after that.
    pub(crate) fn answer_for_settings(&mut self) {
        while !self.has_answered {
            self.next();
        }
    }

    /// Waits for the diagnostics of a version, and returns the last ones of the file.
    pub(crate) fn last_of(&mut self, uri: &str, version: i64) -> &Value {
        while self.last(uri).is_none_or(|last| last["version"] != version) {
            self.wait(|message| message["params"]["uri"] == uri);
        }
        &self.published[uri]
    }

    /// Returns the last diagnostics of the file that were read so far.
    pub(crate) fn last(&self, uri: &str) -> Option<&Value> {
        self.published.get(uri)
    }

    /// Returns the peak memory of the process, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Returns the current memory of the process, in bytes.
    pub(crate) fn memory_now(&self) -> u64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap_or_default();
        line.trim()
            .trim_end_matches(" kB")
            .parse::<u64>()
            .unwrap_or_default()
            * 1024
    }

    pub(crate) fn leave(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let _ = self.process.wait();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the body of the next message, or `None` at the end.
fn body(output: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("Content-Length") => {
                length = value.parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    Some(body)
}

/// A file in which a user types and deletes one character at the end of a line.
pub(crate) struct Typing {
    uri: String,
    line: usize,
    column: usize,
    version: i64,
    typed: usize,
}

impl Typing {
    /// `place` is a byte offset at the end of a line that has only ASCII characters.
    pub(crate) fn new(uri: &str, text: &str, place: usize) -> Typing {
        let line = text[..place].matches('\n').count();
        let column = place - text[..place].rfind('\n').map_or(0, |at| at + 1);
        Typing {
            uri: uri.to_owned(),
            line,
            column,
            version: 1,
            typed: 0,
        }
    }

    /// Types or deletes one character. Returns the time to the diagnostics.
    pub(crate) fn keystroke(&mut self, client: &mut Client) -> Duration {
        let start = match self.typed {
            0 => self.press(client),
            _ => self.erase(client),
        };
        client.published(&self.uri, self.version) - start
    }

    /// Types one more character.
    pub(crate) fn press(&mut self, client: &mut Client) -> Instant {
        let at = self.column + self.typed;
        self.typed += 1;
        self.change(client, at..at, "x")
    }

    /// Deletes all typed characters.
    pub(crate) fn erase(&mut self, client: &mut Client) -> Instant {
        let typed = std::mem::take(&mut self.typed);
        self.change(client, self.column..self.column + typed, "")
    }

    fn change(
        &mut self,
        client: &mut Client,
        columns: std::ops::Range<usize>,
        with: &str,
    ) -> Instant {
        self.version += 1;
        let place = |column: usize| json!({"line": self.line, "character": column});
        let change = json!({"range": {"start": place(columns.start), "end": place(columns.end)}, "text": with});
        let now = Instant::now();
        client.change(&self.uri, self.version, vec![change]);
        now
    }

    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}
