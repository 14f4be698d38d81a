//! kubeharden opens no connection: what it is built of could not, and what it does shows none.

#![cfg(unix)]
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubeharden");

/// Crates whose business is a connection, and those through which others come to one.
const CONNECTING: [&str; 26] = [
    "async-io",
    "async-net",
    "async-std",
    "curl",
    "curl-sys",
    "h2",
    "h3",
    "hickory-resolver",
    "hyper",
    "hyper-util",
    "isahc",
    "mio",
    "native-tls",
    "nix",
    "openssl",
    "openssl-sys",
    "polling",
    "quinn",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio-native-tls",
    "tokio-rustls",
    "tungstenite",
    "ureq",
];

/// Whether the crate is nix without its functions for sockets.
fn handles_only_signals(name: &str, rest: &str) -> bool {
    name == "nix" && !rest.contains("net") && !rest.contains("socket")
}

/// Lists the crates for all platforms. Not with `--offline`: cargo has not downloaded those of other platforms yet.
#[test]
fn no_crate_in_the_program_makes_connections() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree", "--locked", "--edges", "normal", "--target", "all", "--prefix", "none",
            "--format", "{p} {f}",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo runs");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).expect("cargo writes text");
    let crates: Vec<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    assert!(
        crates.iter().any(|(name, _)| *name == "tokio"),
        "cargo lists no crates:\n{tree}"
    );
    let connecting: Vec<_> = crates
        .iter()
        .filter(|(name, rest)| CONNECTING.contains(name) && !handles_only_signals(name, rest))
        .collect();
    assert!(connecting.is_empty(), "{connecting:?}");
    for (_, rest) in crates.iter().filter(|(name, _)| *name == "tokio") {
        let features = rest.rsplit(' ').next().unwrap_or_default();
        assert!(
            features
                .split(',')
                .all(|feature| !["full", "net", "process"].contains(&feature)),
            "tokio has {features}"
        );
    }
}

#[test]
fn nothing_of_ours_names_the_network_or_the_wall_clock() {
    let mut folders = vec![Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("server")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("a file").path())
        {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let source = fs::read_to_string(&path).expect("a source is text");
            // A clock that is set back or ahead changes nothing but which exceptions of a configuration have expired.
            let source = if path.ends_with("config/exception.rs") {
                source.replace("SystemTime::now", "")
            } else {
                source
            };
            for name in [
                "std::net",
                "tokio::net",
                "UnixStream",
                "SystemTime::now",
                "elapsed",
                "chrono",
                "jiff",
            ] {
                assert!(!source.contains(name), "{} names {name}", path.display());
            }
        }
    }
    assert!(files > 100, "where are the sources?");
}

/// What a program says to an input up to a word, and the calls of the kernel that concern the network, made on the way to its end.
#[cfg(target_os = "linux")]
fn network_calls(arguments: &[&str], input: &str, until: &str) -> Option<String> {
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-e", "trace=network", "-o"])
        .arg(trace.path())
        .arg(PROGRAM)
        .args(arguments);
    let traced = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut traced) = traced else {
        println!("skipped: no strace");
        return None;
    };
    let mut stdin = traced.stdin.take().expect("a pipe");
    // The pipe is closed if tracing is not allowed.
    let _ = stdin.write_all(input.as_bytes());
    let mut said = Vec::new();
    let mut stdout = BufReader::new(traced.stdout.take().expect("a pipe"));
    while !String::from_utf8_lossy(&said).contains(until)
        && stdout.read_until(b'}', &mut said).expect("a pipe") > 0
    {}
    drop(stdin);
    stdout.read_to_end(&mut said).expect("a pipe");
    let mut complaints = String::new();
    traced
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut complaints)
        .expect("a pipe");
    traced.wait().expect("it ends");
    if complaints.contains("PTRACE") {
        println!("skipped: strace may not trace");
        return None;
    }
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains(until), "{said}\n{complaints}");
    let calls = fs::read_to_string(trace.path()).expect("strace writes text");
    // Signals are told whatever is traced, and so is a thread that waits in a call without a name when the process ends.
    let is_call = |line: &&str| {
        !["---", "+++", "???("]
            .iter()
            .any(|other| line.contains(other))
    };
    Some(calls.lines().filter(is_call).collect::<Vec<_>>().join("\n"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_check_makes_no_connection() {
    let manifests: PathBuf =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("fixtures");
    let manifests = manifests.to_str().expect("a name in UTF-8");
    if let Some(calls) = network_calls(&["check", manifests], "", "privileged-container") {
        assert_eq!(calls, "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_of_the_server_makes_no_connection() {
    let pod = r"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: web, image: web}\n";
    let file = r#"{"uri":"file:///offline/pod.yaml""#;
    let messages = [
        r#""id":1,"method":"initialize","params":{"capabilities":{}}"#.to_owned(),
        r#""method":"initialized","params":{}"#.to_owned(),
        format!(
            r#""method":"textDocument/didOpen","params":{{"textDocument":{file},"languageId":"yaml","version":1,"text":"{pod}"}}}}"#
        ),
        format!(
            r#""id":2,"method":"textDocument/hover","params":{{"textDocument":{file}}},"position":{{"line":4,"character":12}}}}"#
        ),
    ];
    let session: String = messages
        .iter()
        .map(|message| format!(r#"{{"jsonrpc":"2.0",{message}}}"#))
        .map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len()))
        .collect();
    if let Some(calls) = network_calls(&["server"], &session, "unpinned-image") {
        assert_eq!(calls, "");
    }
}
