//! Holds the written pages to what they are about.

use linter::rules::{self, Enablement, Page};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file))
        .expect("the file is readable text")
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
    let explained: BTreeSet<&str> = between(&architecture, "| --- | --- |", |line| {
        !line.starts_with('|')
    })
    .iter()
    .filter_map(|row| row.split('|').nth(1))
    .flat_map(|names| names.split('`').skip(1).step_by(2))
    .collect();
    assert_eq!(
        explained, used,
        "the table of dependencies in ARCHITECTURE.md (left) and Cargo.toml (right)"
    );
}

#[test]
fn the_readme_lists_the_rules() {
    let readme = read("README.md");
    let mut table =
        String::from("| rule | profile | severity | what it finds |\n| --- | --- | --- | --- |\n");
    for rule in rules::ALL {
        let summary: Vec<&str> = rule
            .docs
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        let scope = if rule.enablement == Enablement::OptIn {
            "off"
        } else {
            rule.enablement.name()
        };
        let (id, severity) = (rule.id, rule.severity.name());
        table.push_str(&format!(
            "| [`{id}`](docs/rules/{id}.md) | {scope} | {severity} | {} |\n",
            summary.join(" ")
        ));
    }
    let (begin, end) = ("<!-- rules:begin -->\n", "<!-- rules:end -->");
    let (before, rest) = readme.split_once(begin).expect("where the table begins");
    let (_, after) = rest.split_once(end).expect("where the table ends");
    keep_fresh("README.md", &format!("{before}{begin}{table}{end}{after}"));
}

#[test]
fn every_rule_has_its_page_and_every_page_its_subject() {
    for page in Page::all() {
        keep_fresh(&format!("docs/rules/{}.md", page.id), &page.text());
    }
    let pages =
        fs::read_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/rules"))
            .expect("docs/rules");
    for page in pages {
        let name = page.expect("a page").file_name();
        let id = name.to_string_lossy();
        assert!(
            Page::named(id.trim_end_matches(".md")).is_some(),
            "docs/rules/{id} is about nothing"
        );
    }
}

/// Every editor of `editors/` has a page that can be found, and what a page gives to copy can be read.
#[test]
fn editors_have_pages_that_can_be_copied_from() {
    let readme = read("README.md");
    let folders =
        fs::read_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("editors"))
            .expect("editors");
    for folder in folders
        .map(|folder| folder.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
    {
        let page = format!("editors/{}/README.md", folder.file_name().to_string_lossy());
        assert!(readme.contains(&page), "README.md does not lead to {page}");
        // A block in a list is indented.
        let text = read(&page)
            .lines()
            .map(str::trim_start)
            .collect::<Vec<_>>()
            .join("\n");
        for block in text
            .split("```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
        {
            let is_whole = block.starts_with('{');
            let whole = if is_whole {
                block.to_owned()
            } else {
                format!("{{{block}}}")
            };
            if let Err(err) = serde_json::from_str::<serde_json::Value>(&whole) {
                panic!("{page}: {err} in\n{block}");
            }
        }
    }
    for template in ["template", "settings"] {
        let text = read(&format!("editors/jetbrains/lsp4ij/{template}.json"));
        serde_json::from_str::<serde_json::Value>(&text).expect("the template is JSON");
    }
}

/// Holds a generated file to what it is made from; writes it where `UPDATE_DOCS` is set.
fn keep_fresh(file: &str, expected: &str) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(&path, expected).expect("the file can be written");
    }
    let written = fs::read_to_string(&path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        written == expected,
        "{file} is not what the code says: run `UPDATE_DOCS=1 cargo test --test habits`"
    );
}
