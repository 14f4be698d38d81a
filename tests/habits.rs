//! Holds the written pages to what they are about.

use kubeharden::rules;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the file is readable text")
}

/// The lines behind one line, up to another one.
fn between<'t>(text: &'t str, begin: &'t str, is_end: impl Fn(&str) -> bool) -> Vec<&'t str> {
    let mut lines = text.lines();
    assert!(lines.any(|line| line == begin), "no line {begin:?}");
    lines.take_while(|line| !is_end(line)).collect()
}

#[test]
fn every_dependency_has_its_reason_in_the_architecture() {
    let cargo = read("Cargo.toml");
    let used: BTreeSet<&str> = between(&cargo, "[dependencies]", |line| line.starts_with('['))
        .iter()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .collect();
    let architecture = read("ARCHITECTURE.md");
    let explained: BTreeSet<&str> = between(&architecture, "| --- | --- |", |line| !line.starts_with('|'))
        .iter()
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(explained, used, "the table of dependencies in ARCHITECTURE.md (left) and Cargo.toml (right)");
}

#[test]
fn the_readme_lists_the_rules() {
    let readme = read("README.md");
    let mut expected = String::from("| rule | profile | severity | what it finds |\n| --- | --- | --- | --- |\n");
    for rule in rules::ALL {
        let summary: Vec<&str> = rule.docs.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let (id, scope, severity) = (rule.id, rule.scope.name(), rule.severity.name());
        expected.push_str(&format!("| `{id}` | {scope} | {severity} | {} |\n", summary.join(" ")));
    }
    let listed = between(&readme, "<!-- rules:begin -->", |line| line == "<!-- rules:end -->").join("\n");
    assert_eq!(listed.trim_end(), expected.trim_end(), "the table in README.md; as it should be:\n{expected}");
}
