//! All code actions for manifests of every kind: an action for several findings makes the edits of the linter, and the one for a whole
//! file writes what the command line writes.
//!
//! The manifests are those under `fixtures/`, and a corpus of real ones next to the repository or at `KUBEHARDEN_SHARED`.

use crate::harness::{FILE, TestServer, edited, modern, range};
use linter::OwnedInputs;
use linter::analysis::{self, Analysis, Chunk, Edits, Report};
use linter::rules::{Applicability, Finding, Target};
use lsp::{ActionLimits, Setup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use workspace::WorkspaceView;
use workspace::cross_references::{ReferencedKind, WorkspaceIndex};

fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut folders = vec![root.join("fixtures"), shared.join("corpus")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
            {
                let text = std::fs::read_to_string(&path)
                    .unwrap()
                    .replace("\r\n", "\n");
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
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = text.as_bytes().to_owned();
    let writing = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A server that offers all actions for a selection, however many there are.
fn unlimited() -> Setup {
    Setup {
        action_limits: ActionLimits {
            actions: usize::MAX,
            bytes: usize::MAX,
        },
        ..Setup::default()
    }
}

/// Returns the inputs of a text whose objects refer only to each other.
fn among_its_own_objects(text: &str) -> OwnedInputs {
    let mut inputs = OwnedInputs::default();
    let kinds = ReferencedKind::AFFECTING_OTHERS;
    let facts = analysis::facts(text, (&inputs).into(), kinds);
    let (index, source) = (WorkspaceIndex::default(), Path::new(FILE));
    index.update(source, facts.iter(), &inputs.context.namespaces);
    inputs.context.workspace = Some(WorkspaceView {
        index: Arc::new(index),
        folder: Path::new("").into(),
    });
    inputs
}

/// The text with a document in it edited.
fn spliced(text: &str, part: Chunk<'_>, edits: &Edits) -> String {
    let end = part.start + part.analysis.text().len();
    [
        &text[..part.start],
        &edits.apply(part.analysis.text()),
        &text[end..],
    ]
    .concat()
}

/// Returns the linter's results for each action with several findings: all missing settings of a container or pod, a container, an
/// object. A group of one is offered as its fix alone.
fn expected(
    text: &str,
    report: &Report,
    inputs: &OwnedInputs,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut groups, mut wholes) = (BTreeSet::new(), BTreeSet::new());
    let is_at_most = |finding: &Finding, most| {
        finding
            .fix
            .as_ref()
            .is_some_and(|fix| fix.applicability <= most)
    };
    let lacking = |finding: &Finding| {
        let Target {
            object,
            range,
            missing: lack,
            ..
        } = &finding.target;
        lack.as_ref()
            .map(|lack| (*object, *range, lack.holder.clone()))
    };
    for part in report.chunks() {
        let Analysis {
            findings, objects, ..
        } = &**part.analysis;
        for (place, finding) in findings.iter().enumerate() {
            let group = lacking(finding);
            if group.is_none()
                || findings[..place]
                    .iter()
                    .any(|other| lacking(other) == group)
            {
                continue;
            }
            for most in [Applicability::Safe, Applicability::Unsafe] {
                let is_member =
                    |finding: &&Finding| lacking(finding) == group && is_at_most(finding, most);
                let members: Vec<&Finding> = findings.iter().filter(is_member).collect();
                let (edits, added, _) = part.analysis.largest_applicable(&members, inputs.into());
                if added > 1 {
                    groups.insert(spliced(text, part, &edits));
                }
            }
        }
        let mut subjects: BTreeSet<(Option<usize>, Option<&Box<str>>)> = (0..objects.len())
            .map(|index| (Some(index), None))
            .collect();
        let in_containers = findings
            .iter()
            .filter(|finding| finding.target.container.is_some());
        subjects.extend(
            in_containers.map(|finding| (finding.target.object, finding.target.container.as_ref())),
        );
        for (object, container) in subjects {
            let is_inside = |finding: &Finding| {
                let subject = &finding.target;
                let is_in = container.is_none() || subject.container.as_ref() == container;
                subject.object == object && is_in && is_at_most(finding, Applicability::Unsafe)
            };
            let edits = part.analysis.apply_fixes(inputs.into(), is_inside).edits;
            if !edits.is_empty() {
                wholes.insert(spliced(text, part, &edits));
            }
        }
    }
    (groups, wholes)
}

fn is_group(action: &Value) -> bool {
    action["title"]
        .as_str()
        .is_some_and(|title| title.starts_with("Add ") && title.contains(" missing settings to "))
}

#[tokio::test]
async fn what_is_offered_for_whole_containers_and_files_is_what_the_engine_and_the_command_line_make()
 {
    let mut server = TestServer::ready(unlimited(), modern()).await;
    server.allow_unread("textDocument/publishDiagnostics");
    let everywhere = range((0, 0), (u32::MAX, 0));
    let (mut files, mut same, mut groups, mut wholes, mut withheld) = (0, 0, 0, 0, 0);
    for (path, text) in texts() {
        let inputs = among_its_own_objects(&text);
        let before = analysis::analyze(&text, &inputs);
        if before
            .chunks()
            .all(|document| document.analysis.findings.is_empty())
        {
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
            false => {
                server
                    .code_actions(
                        everywhere.clone(),
                        json!({"diagnostics": [], "only": ["quickfix"]}),
                    )
                    .await
            }
        };
        let of_groups: Vec<&Value> = quick.iter().filter(|action| is_group(action)).collect();

        let (all, rest): (Vec<&Value>, Vec<&Value>) = actions
            .iter()
            .partition(|action| action["kind"] == "source.fixAll.kubeharden");
        let by_server = all
            .first()
            .map_or_else(|| text.clone(), |action| edited(&text, action, 1, "utf-8"));
        assert!(
            all.len() <= 1 && by_server == fixed(&text, &[]),
            "{place}: fix all"
        );
        same += 1;
        let (expected_groups, expected_wholes) = expected(&text, &before, &inputs);
        let made = |actions: &[&Value]| -> BTreeSet<String> {
            let offered = actions
                .iter()
                .filter(|action| action.get("disabled").is_none());
            offered
                .map(|action| edited(&text, action, 1, "utf-8"))
                .collect()
        };
        let is_lf = !text.contains("\r\n");
        assert!(
            !is_lf || made(&of_groups) == expected_groups,
            "{place}: groups"
        );
        assert!(
            made(&rest) == expected_wholes,
            "{place}: containers and objects"
        );
        let is_withheld = |action: &&&Value| action.get("disabled").is_some();
        withheld += of_groups.iter().chain(&rest).filter(is_withheld).count();
        groups += of_groups.len();
        wholes += rest.iter().filter(|action| !is_withheld(action)).count();
        // With one object in the file, to harden it is to take every fix but those with a value to choose.
        let objects: Vec<_> = before
            .chunks()
            .flat_map(|document| &document.analysis.objects)
            .collect();
        let hardening: Vec<_> = rest
            .iter()
            .filter(|action| {
                !action["title"]
                    .as_str()
                    .unwrap()
                    .starts_with("Harden container")
                    && action.get("edit").is_some()
            })
            .collect();
        if let ([_], [harden]) = (objects.as_slice(), hardening.as_slice()) {
            assert_eq!(
                edited(&text, harden, 1, "utf-8"),
                fixed(&text, &["--unsafe-fixes"]),
                "{place}"
            );
            same += 1;
        }
        server.close().await;
    }
    server.finish().await;
    println!(
        "{files} texts; {groups} groups and {wholes} containers and objects fixed, {withheld} withheld; \
         {same} times what the command line writes"
    );
    assert!(groups > 20 && wholes > 20, "{groups} {wholes}");
}
