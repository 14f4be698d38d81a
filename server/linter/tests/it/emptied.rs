//! A rule that is removed, or whose check is empty, makes a test fail.
//!
//! Each rule must find something in the bad examples of its kept page. `tests/mutate/run` empties every check and expects
//! that these tests miss each of them.

use linter::analysis;
use linter::config::Config;
use linter::rules;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns the blocks of a page whose fence says `bad`.
fn bad_examples(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml bad\n").skip(1);
    blocks
        .filter_map(|block| Some(block.split_once("\n```")?.0.to_owned() + "\n"))
        .collect()
}

/// Returns the kept pages, each with the id of its rule. They are read from files, not made from the code.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/rules");
    let files = fs::read_dir(folder)
        .expect("docs/rules")
        .map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> = files
        // The table of rules, and the page about grouped diagnostics.
        .filter(|path| !path.ends_with("README.md") && !path.ends_with("missing-hardening.md"))
        .map(|path| {
            let id = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (
                id,
                fs::read_to_string(&path)
                    .expect("text")
                    .replace("\r\n", "\n"),
            )
        })
        .collect();
    pages.sort();
    pages
}

#[test]
fn bad_examples_are_found() {
    let mut silent = BTreeSet::new();
    for (id, page) in pages() {
        let mut config = Config::default();
        config.rules.select.push(id.clone());
        config
            .values
            .allowed_registries
            .push("registry.example.com".to_owned());
        let examples = bad_examples(&page);
        assert!(!examples.is_empty(), "{id}: no bad example");
        for text in examples {
            let report = analysis::analyze(&text, &config);
            let mut findings = report.findings().map(|(_, finding)| finding);
            if !findings.any(|finding| finding.rule.id == id) {
                silent.insert(id.clone());
            }
        }
    }
    assert_eq!(
        silent,
        BTreeSet::new(),
        "these find nothing in their own bad examples"
    );
}

#[test]
fn pages_and_rules_match() {
    let listed: BTreeSet<String> = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    let kept: BTreeSet<String> = pages().into_iter().map(|(id, _)| id).collect();
    assert_eq!(kept, listed, "pages (left) and rules (right)");
}
