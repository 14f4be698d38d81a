//! Real manifests, as people write them: the whole corpus is read, its findings lie on real text, and its fixes only add.
//!
//! The corpus is looked for beside the repository, or where `KUBEHARDEN_SHARED` says; without it only `fixtures/` is read.

use linter::OwnedInputs;
use linter::analysis::{self, Chunk, DocumentKind};
use linter::config::Config;
use linter::rules::Applicability;
use std::fs;
use std::path::{Path, PathBuf};
use workspace::project::Project;

fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut files = Vec::new();
    for folder in [root.join("fixtures"), shared.join("corpus")] {
        match folder.is_dir() {
            true => collect(&folder, &mut files),
            false => println!("skipped: {} is not there", folder.display()),
        }
    }
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            let text = fs::read_to_string(&path).expect("text");
            files.push((path, text));
        }
    }
}

#[test]
fn every_finding_lies_on_text_of_its_subject() {
    let (mut findings, mut manifests) = (0, 0);
    let files = files();
    for (path, text) in &files {
        for part in analysis::analyze(text, &Config::default()).chunks() {
            let analysis = part.analysis;
            manifests += usize::from(analysis.is_manifest());
            for finding in &analysis.findings {
                findings += 1;
                let place = format!(
                    "{}: {}: {}",
                    path.display(),
                    finding.rule.id,
                    finding.message
                );
                let token = analysis
                    .text()
                    .get(std::ops::Range::<usize>::from(finding.range))
                    .expect(&place);
                assert_eq!(text.get(part.place(finding.range)), Some(token), "{place}");
                assert!(
                    !token.is_empty() && token.trim() == token,
                    "{place}: {token:?}"
                );
                assert!(
                    !token.contains('\n'),
                    "{place}: more than a line: {token:?}"
                );
                let subject = finding.target.range;
                let near =
                    subject.contains_range(finding.range) || finding.range.end() <= subject.start();
                assert!(near, "{place}: {:?} is not in {subject:?}", finding.range);
            }
        }
    }
    println!(
        "{} files, {manifests} manifests, {findings} findings",
        files.len()
    );
}

/// Whether the old lines are among the new ones, in order.
fn only_adds(old: &str, new: &str) -> Result<(), String> {
    let mut lines = new.split_inclusive(['\n', '\r']);
    for line in old.split_inclusive(['\n', '\r']) {
        let body = line.trim_end();
        // An empty collection that gets its first entry is written otherwise.
        let opened = ["{}", "null", "~"]
            .iter()
            .find_map(|empty| body.strip_suffix(empty))
            .map(str::trim_end);
        if !lines.any(|new| new.trim_end() == body || opened == Some(new.trim_end())) {
            return Err(line.to_owned());
        }
    }
    Ok(())
}

fn comments(text: &str) -> Vec<String> {
    let report = analysis::analyze(text, &Config::default());
    let of = |part: Chunk<'_>| {
        let text = part.analysis.text();
        let comments = part.analysis.yaml().comments().iter();
        comments
            .map(|&range| text[range].to_owned())
            .collect::<Vec<_>>()
    };
    report.chunks().flat_map(of).collect()
}

/// Rules whose safe fixes change what is written, since a cluster refuses it or has another name for it.
const REWRITING: [&str; 4] = [
    "deprecated-apparmor-annotation",
    "deprecated-service-account-field",
    "wrong-os-field",
    "wrong-type",
];

fn fixes_only_add(allowed: &[Applicability], may_change_values: bool) {
    let mut config = Config::default();
    if !may_change_values {
        config.rules.ignore = REWRITING.map(str::to_owned).to_vec();
    }
    let (mut applied, mut withheld, mut changed) = (0, 0, 0);
    for (path, original) in &files() {
        let lf = original.replace("\r\n", "\n");
        for text in [lf.replace('\n', "\r\n"), lf] {
            let fixed = analysis::fix_all(&text, &config, allowed);
            let place = path.display();
            // The fixtures hold what the corpus has not got: wrong values, flow mappings, fields in the wrong place.
            if !may_change_values
                && !path.starts_with(
                    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("fixtures"),
                )
            {
                only_adds(&text, &fixed.text)
                    .unwrap_or_else(|line| panic!("{place}: lost {line:?}"));
            }
            assert_eq!(comments(&text), comments(&fixed.text), "{place}: comments");
            let lone = fixed.text.replace("\r\n", "").contains('\n') && text.contains("\r\n");
            assert!(!lone, "{place}: a line ending of another kind");
            let again = analysis::fix_all(&fixed.text, &config, allowed);
            assert!(
                again.text == fixed.text && again.applied == 0,
                "{place}: a second run changes something"
            );
            applied += fixed.applied;
            withheld += fixed.withheld.len();
            changed += usize::from(fixed.text != text);
            for it in &fixed.withheld {
                println!("withheld in {place}: {}: {}", it.finding.rule.id, it.reason);
            }
        }
    }
    println!("{applied} fixes in {changed} texts, {withheld} withheld");
    assert!(applied > 0);
}

#[test]
fn safe_fixes_only_add_lines_and_a_second_run_changes_nothing() {
    fixes_only_add(&[Applicability::Safe], false);
}

#[test]
fn all_fixes_together_keep_comments_and_converge() {
    fixes_only_add(
        &[
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ],
        true,
    );
}

/// Kinds of Kubernetes' own that are or make pods.
const WORKLOADS: [&str; 9] = [
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
];

#[test]
fn of_templates_and_patches_nothing_is_missing_and_every_plain_workload_is_found() {
    let mut project = Project::default();
    let (mut seen, mut workloads, mut pods) = ([0, 0], 0, 0);
    for (path, text) in &files() {
        let context = project.file_context(path);
        let inputs = OwnedInputs {
            context: context.clone(),
            ..OwnedInputs::default()
        };
        let place = path.display();
        for Chunk { analysis, .. } in analysis::analyze(text, &inputs).chunks() {
            let is_template = analysis.kind == DocumentKind::Template;
            // Told by itself: braces outside of quotes, or any in a chart.
            let in_chart = context.role == workspace::FileRole::ChartTemplate
                && analysis.text().contains("{{");
            assert!(is_template || !in_chart, "{place}");
            if is_template || context.role == workspace::FileRole::Patch {
                seen[usize::from(is_template)] += 1;
                for finding in &analysis.findings {
                    assert!(
                        !finding.target.absent && finding.fix.is_none(),
                        "{place}: {}",
                        finding.message
                    );
                    assert!(
                        finding.rule.id != "syntax-error",
                        "{place}: {}",
                        finding.message
                    );
                }
                continue;
            }
            // A kind that is written at the start of a line is one, whatever else stands around it.
            let names = analysis
                .text()
                .lines()
                .filter_map(|line| line.strip_prefix("kind: "));
            let kinds: Vec<&str> = names
                .map(|kind| kind.trim_matches(|c: char| !c.is_alphanumeric()))
                .collect();
            let [kind] = kinds[..] else { continue };
            let has_version = analysis
                .text()
                .lines()
                .any(|line| line.starts_with("apiVersion: "));
            if WORKLOADS.contains(&kind) && has_version && analysis.text().contains("containers:") {
                workloads += 1;
                let objects = kubernetes::objects(analysis.yaml());
                let found = objects
                    .iter()
                    .filter_map(|object| object.pod.as_ref())
                    .count();
                assert!(found > 0, "{place}: no pod in a {kind}");
                pods += found;
            }
        }
        let all = [
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ];
        if context.role != workspace::FileRole::Manifest
            && analysis::analyze(text, &inputs)
                .chunks()
                .all(|it| it.analysis.kind != DocumentKind::Complete)
        {
            assert_eq!(
                analysis::fix_all(text, &inputs, &all).text,
                *text,
                "{place}"
            );
        }
    }
    println!(
        "{} templates, {} patches, {workloads} plain workloads with {pods} pods",
        seen[1], seen[0]
    );
    assert!(workloads > 10);
}
