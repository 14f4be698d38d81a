//! The fixtures say by their folder what is to be found in them.

use linter::analysis::{self, Report};
use linter::config::Config;
use std::path::{Path, PathBuf};

fn fixtures(folder: &str) -> Vec<(PathBuf, Report)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("fixtures")
        .join(folder);
    let entries = std::fs::read_dir(&folder).expect("a folder of fixtures");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixtures in {}", folder.display());
    let analyze = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a text");
        (path, analysis::analyze(&text, &Config::default()))
    };
    paths.into_iter().map(analyze).collect()
}

/// The ids of the rules that fire in a report.
fn fired(report: &Report) -> Vec<&'static str> {
    let findings = report.findings().map(|(_, finding)| finding);
    findings.map(|finding| finding.rule.id).collect()
}

#[test]
fn good_manifests_have_no_findings() {
    for (path, report) in fixtures("good") {
        assert_eq!(fired(&report), [""; 0], "{}", path.display());
    }
}

#[test]
fn bad_manifests_have_findings_and_are_yaml() {
    for (path, report) in fixtures("bad") {
        assert!(!fired(&report).is_empty(), "{}", path.display());
        assert!(!has_syntax_errors(&report), "{}", path.display());
    }
}

#[test]
fn misplaced_fields_are_found() {
    for (path, report) in fixtures("misplaced") {
        assert!(
            fired(&report).contains(&"misplaced-security-field"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn broken_manifests_have_syntax_errors() {
    for (path, report) in fixtures("broken") {
        assert!(has_syntax_errors(&report), "{}", path.display());
    }
}

fn has_syntax_errors(report: &Report) -> bool {
    fired(report).contains(&"syntax-error")
}
