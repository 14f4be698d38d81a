//! Holds the written pages to what they are about.

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
    let used: BTreeSet<&str> = between(&cargo, "# From crates.io.", |line| line.is_empty())
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
