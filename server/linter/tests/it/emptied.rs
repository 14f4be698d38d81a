//! No rule can be taken from the list, and no check emptied, without a red test.
//!
//! Each rule is looked for in what all rules together find in the examples of all pages: an emptied check is missing there
//! by construction, a removed rule in the list of pages. `tests/mutate/run` empties them all and looks whether each is missed.

use linter::analysis;
use linter::config::Config;
use linter::rules;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What stands in a page between fences that say `bad`.
fn bad_examples(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml bad\n").skip(1);
    blocks
        .filter_map(|block| Some(block.split_once("\n```")?.0.to_owned() + "\n"))
        .collect()
}

/// The pages as they are kept, each with the id of its rule: not what the code says now.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/rules");
    let files = fs::read_dir(folder)
        .expect("docs/rules")
        .map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> = files
        // What editors call several findings together has a page and is no rule.
        .filter(|path| path.file_stem().is_some_and(|id| id != "missing-hardening"))
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
fn every_page_has_a_rule_that_finds_what_the_page_calls_bad() {
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
fn every_kept_page_is_of_a_rule_in_the_list() {
    let listed: BTreeSet<String> = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    let kept: BTreeSet<String> = pages().into_iter().map(|(id, _)| id).collect();
    assert_eq!(kept, listed, "pages (left) and rules (right)");
}
