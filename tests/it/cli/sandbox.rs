//! A folder of its own for a test, and the real program run in it.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(super) struct Sandbox(tempfile::TempDir);

/// What the program left behind.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Sandbox {
    /// A folder with these files in it.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox(tempfile::tempdir().unwrap());
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Returns the program with arguments separated by spaces, in this folder, without environment variables that it reads.
    pub(super) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubeharden"));
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command
            .env_remove("KUBEHARDEN_OUTPUT_FORMAT")
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, arguments: &str) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs it with a text on stdin.
    pub(super) fn run_with(&self, arguments: &str, stdin: &str) -> Run {
        finish(self.command(arguments), stdin)
    }

    /// The output of `check --output-format json`, whatever the exit code.
    pub(super) fn json(&self, arguments: &str) -> Value {
        let run = self.run(&format!("check --output-format json {arguments}"));
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }
}

/// Longer than anything takes: a program that runs so long is ended, and fails its test.
const NEVER: Duration = Duration::from_secs(120);

/// Runs a command to its end.
pub(super) fn finish(mut command: Command, stdin: &str) -> Run {
    let mut child = command.spawn().unwrap();
    // A program that does not read its stdin may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let id = child.id();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end.recv_timeout(NEVER).unwrap_or_else(|_| {
        let _ = Command::new("kill")
            .args(["-KILL", &id.to_string()])
            .status();
        panic!("{command:?} does not end");
    });
    let output = output.unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
