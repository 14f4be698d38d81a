//! Everything that is offered for manifests of every kind, over the wire: what is taken settles what it is for and no more comes
//! of it, and what mends a whole file is what the command line writes.
//!
//! The manifests are those under `fixtures/` and, where it stands beside the repository or where `KUBEHARDEN_SHARED` says, a corpus
//! of real ones.

use crate::harness::{FILE, TestServer, edited, modern, range};
use kubeharden::config::Config;
use kubeharden::engine::{self, Report};
use kubeharden::lsp::Setup;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut folders = vec![root.join("fixtures"), shared.join("corpus")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
                texts.push((path.clone(), text.replace('\n', "\r\n")));
                texts.push((path, text));
            }
        }
    }
    // All of the corpus takes a quarter of an hour.
    let is_thorough = std::env::var_os("KUBEHARDEN_THOROUGH").is_some();
    texts
        .into_iter()
        .enumerate()
        .filter(|(place, (path, _))| is_thorough || path.starts_with(root) || place % 16 < 2)
        .map(|(_, it)| it)
        .collect()
}

/// What the command line writes for a text on its standard input.
fn fixed(text: &str, options: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeharden"));
    command.args(["fix", "--no-config", "-"]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = text.as_bytes().to_owned();
    let writing = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

type Subject = (usize, &'static str, Option<usize>, Option<String>);

fn counted(report: &Report) -> BTreeMap<Subject, usize> {
    let mut counts = BTreeMap::new();
    for (index, document) in report.parts().enumerate() {
        for finding in &document.analysis.findings {
            let subject = (index, finding.rule.id, finding.subject.object, finding.subject.container.clone());
            *counts.entry(subject).or_default() += 1;
        }
    }
    counts
}

/// Holds what an action makes of a text: there are fewer findings, none is new, and what was YAML is YAML.
fn assert_settles(place: &str, before: &Report, after: &str) {
    let after = engine::analyze(after, &Config::default());
    let (known, left) = (counted(before), counted(&after));
    let sum = |counts: &BTreeMap<Subject, usize>| counts.values().sum::<usize>();
    assert!(sum(&left) < sum(&known), "{place}: {} findings before and {} after", sum(&known), sum(&left));
    for (subject, count) in left {
        assert!(known.get(&subject).is_some_and(|known| count <= *known), "{place} causes {subject:?}");
    }
    let errors = |report: &Report| report.parts().map(|document| document.analysis.yaml.errors().len()).sum::<usize>();
    assert!(errors(&after) <= errors(before), "{place}");
}

#[tokio::test]
async fn what_is_offered_for_whole_containers_and_files_is_what_the_command_line_writes() {
    let mut server = TestServer::ready(Setup::default(), modern()).await;
    server.allow_unread("textDocument/publishDiagnostics");
    let everywhere = range((0, 0), (u32::MAX, 0));
    let (mut files, mut same, mut groups, mut wholes, mut withheld) = (0, 0, 0, 0, 0);
    for (path, text) in texts() {
        let before = engine::analyze(&text, &Config::default());
        if before.parts().all(|document| document.analysis.findings.is_empty()) {
            continue;
        }
        files += 1;
        let place = path.display().to_string();
        server.open_file(FILE, 1, &text).await;
        let context = json!({"diagnostics": [], "only": ["source.fixAll", "refactor.rewrite"]});
        let actions = server.code_actions(everywhere.clone(), context).await;
        // A quick fix is the same whichever its line breaks, as other tests hold; here groups are what is asked for.
        let quick = match text.contains("\r\n") {
            true => Vec::new(),
            false => server.code_actions(everywhere.clone(), json!({"diagnostics": [], "only": ["quickfix"]})).await,
        };
        let of_groups = quick.iter().filter(|action| action["title"].as_str().unwrap().starts_with("Add "));

        let (all, rest): (Vec<&Value>, Vec<&Value>) =
            actions.iter().partition(|action| action["kind"] == "source.fixAll.kubeharden");
        let by_server = all.first().map_or_else(|| text.clone(), |action| edited(&text, action, 1, "utf-8"));
        assert!(all.len() <= 1 && by_server == fixed(&text, &[]), "{place}: fix all");
        same += 1;
        for action in of_groups.chain(rest.iter().copied()) {
            let place = format!("{place}: {}", action["title"]);
            if action.get("disabled").is_some() {
                withheld += 1;
                continue;
            }
            groups += usize::from(action["kind"] == "quickfix");
            wholes += usize::from(action["kind"] != "quickfix");
            assert_settles(&place, &before, &edited(&text, action, 1, "utf-8"));
        }
        // With one object in the file, to harden it is to take every fix but those with a value to choose.
        let objects: Vec<_> = before.parts().flat_map(|document| &document.analysis.objects).collect();
        let hardening: Vec<_> = rest
            .iter()
            .filter(|action| !action["title"].as_str().unwrap().starts_with("Harden container") && action.get("edit").is_some())
            .collect();
        if let ([_], [harden]) = (objects.as_slice(), hardening.as_slice()) {
            assert_eq!(edited(&text, harden, 1, "utf-8"), fixed(&text, &["--unsafe-fixes"]), "{place}");
            same += 1;
        }
        server.close().await;
    }
    server.finish().await;
    println!(
        "{files} texts; {groups} groups and {wholes} containers and objects mended, {withheld} withheld; \
         {same} times what the command line writes"
    );
    assert!(groups > 20 && wholes > 20, "{groups} {wholes}");
}
