//! The process of the server ends when its client leaves, however it leaves.

use crate::harness::NEVER;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// The real program, greeted.
fn program() -> Child {
    program_of(None)
}

/// The real program, greeted by a client that names a process as its own.
fn program_of(parent: Option<u32>) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kubeharden"))
        .arg("server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    say(
        &mut program,
        &json!({"id": 0, "method": "initialize", "params": {"processId": parent, "capabilities": {}}}),
    );
    program
}

fn say(program: &mut Child, message: &Value) {
    let mut message = message.clone();
    message["jsonrpc"] = json!("2.0");
    let body = message.to_string();
    let input = program.stdin.as_mut().unwrap();
    write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    input.flush().unwrap();
}

/// Waits for a program to end without closing its input, which `Child::wait` would do. A program that does not end is ended by
/// closing it after all, and fails the test.
fn exit_code(mut program: Child) -> Option<i32> {
    let input = program.stdin.take();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(program.wait()));
    let status = end.recv_timeout(NEVER).expect("the program ends").unwrap();
    drop(input);
    status.code()
}

#[test]
fn exit_with_open_input() {
    let mut program = program();
    say(&mut program, &json!({"id": 1, "method": "shutdown"}));
    say(&mut program, &json!({"method": "exit"}));
    assert_eq!(exit_code(program), Some(0));
}

#[test]
fn exit_status_without_shutdown() {
    let mut program = program();
    say(&mut program, &json!({"method": "exit"}));
    assert_eq!(exit_code(program), Some(1));
}

#[test]
fn end_of_input() {
    let mut program = program();
    drop(program.stdin.take());
    assert_eq!(exit_code(program), Some(1));
}

#[test]
fn end_of_input_inside_message() {
    let mut program = program();
    program
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"Content-Length: 9\r\n\r\n{")
        .unwrap();
    drop(program.stdin.take());
    assert_eq!(exit_code(program), Some(1));
}

#[test]
fn closed_output() {
    let mut program = program();
    drop(program.stdout.take());
    say(&mut program, &json!({"id": 1, "method": "shutdown"}));
    say(&mut program, &json!({"id": 2, "method": "shutdown"}));
    say(&mut program, &json!({"method": "exit"}));
    assert!(exit_code(program).is_some());
}

#[test]
fn exit_with_unread_output() {
    let mut program = program();
    say(
        &mut program,
        &json!({"method": "initialized", "params": {}}),
    );
    // What is found here is a multiple of what a pipe holds.
    let containers: String = (0..500)
        .map(|number| format!("  - {{name: c{number}, image: b}}\n"))
        .collect();
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n{containers}"
    );
    let document = json!({"uri": "file:///leaving/pod.yaml", "languageId": "yaml", "version": 1, "text": text});
    say(
        &mut program,
        &json!({"method": "textDocument/didOpen", "params": {"textDocument": document}}),
    );
    // The first bytes show that it writes; the rest stays unread.
    program
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 16])
        .unwrap();
    say(&mut program, &json!({"id": 1, "method": "shutdown"}));
    say(&mut program, &json!({"method": "exit"}));
    assert_eq!(exit_code(program), Some(0));
}

/// The one test that waits for a while: the server looks every two seconds.
#[test]
#[cfg(target_os = "linux")]
fn the_program_ends_with_its_client_though_its_input_stays_open() {
    let mut client = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut program = program_of(Some(client.id()));
    // Until it has answered the greeting, it does not know its client.
    program
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 16])
        .unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(exit_code(program), Some(1));
}
