//! All cases of the YAML test suite: valid texts have the expected events, and invalid ones have
//! errors.

use super::data;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use yaml::{self, Node, NodeKind, ScalarStyle};

/// Cases that are parsed as libyaml does, of which the API server's parser is a copy. A case that
/// passes must leave the list.
const EXPECTED: &[(&str, &str)] = &[
    ("6BCT/0", TAB),
    ("6CA3/0", TAB),
    ("9C9N/0", NOT_INDENTED),
    ("9JBA/0", COMMENT),
    ("A2M4/0", TAB),
    ("CVW2/0", COMMENT),
    ("2SXE/0", ANCHOR),
    ("3UYS/0", SLASH),
    ("8XYN/0", ANCHOR),
    ("DK95/0", TAB),
    ("DK95/1", NOT_INDENTED),
    ("DK95/3", TAB),
    ("DK95/4", TAB),
    ("DK95/7", TAB),
    ("HRE5/0", APOSTROPHE),
    ("JEF9/2", AT_END),
    ("L24T/1", AT_END),
    ("Q5MG/0", TAB),
    ("QB6E/0", NOT_INDENTED),
    ("SU5Z/0", COMMENT),
    ("VJP3/0", NOT_INDENTED),
    ("W5VH/0", ANCHOR),
    ("X4QW/0", COMMENT),
    ("Y2GN/0", ANCHOR),
    ("Y79Y/10", TAB),
    ("ZYU8/0", DIRECTIVE),
    ("ZYU8/1", DIRECTIVE),
    ("ZYU8/2", DIRECTIVE),
];

const TAB: &str = "a tab that indents is an error to libyaml";
const NOT_INDENTED: &str =
    "lines in quotes or brackets that are not indented are no error to libyaml";
const AT_END: &str = "libyaml adds no line break to a block that ends with the text";
const COMMENT: &str = "go-yaml accepts a comment directly behind quotes and brackets";
const APOSTROPHE: &str = "`\\'` is an escape to go-yaml";
const ANCHOR: &str = "an anchor has only letters, digits, `-` and `_` to libyaml";
const SLASH: &str = "`\\/` is an unknown escape to go-yaml";
const DIRECTIVE: &str = "a directive that cannot be read is an error to libyaml";

#[test]
fn yaml_test_suite() {
    let Some(folder) = data::shared("yaml-test-suite/src") else {
        return;
    };
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let (mut valid, mut invalid) = (0, 0);
    let mut failures = BTreeMap::new();
    for path in paths {
        let file = fs::read_to_string(&path).unwrap();
        for (number, case) in cases(&file).into_iter().enumerate() {
            let name = format!("{}/{number}", path.file_stem().unwrap().to_string_lossy());
            *if case.fails { &mut invalid } else { &mut valid } += 1;
            if let Err(reason) = check(&case) {
                failures.insert(name, reason);
            }
        }
    }
    println!(
        "{valid} valid and {invalid} invalid cases, {} not as in the suite",
        failures.len()
    );
    let unexpected: Vec<_> = failures
        .iter()
        .filter(|(name, _)| EXPECTED.iter().all(|(known, _)| known != name))
        .collect();
    let passing: Vec<_> = EXPECTED
        .iter()
        .filter(|(name, _)| !failures.contains_key(*name))
        .collect();
    for (name, reason) in &unexpected {
        println!("--- {name}\n{reason}");
    }
    assert!(
        unexpected.is_empty() && passing.is_empty(),
        "{} unexpected, passing: {passing:?}",
        unexpected.len()
    );
}

struct Case {
    text: String,
    tree: String,
    fails: bool,
}

/// The cases of a file of the suite, which is YAML itself. A case inherits missing fields from the
/// one before.
fn cases(file: &str) -> Vec<Case> {
    let file = yaml::parse(file);
    assert_eq!(file.errors(), []);
    let mut cases = Vec::new();
    let (mut text, mut tree) = (String::new(), String::new());
    for case in file.root().unwrap().items() {
        if let Some(stated) = case.get("yaml") {
            text = unmasked(stated.as_str().unwrap());
        }
        if let Some(stated) = case.get("tree") {
            tree = unmasked(stated.as_str().unwrap());
        }
        cases.push(Case {
            text: text.clone(),
            tree: tree.clone(),
            fails: case.get("fail").is_some(),
        });
    }
    cases
}

/// Restores the invisible characters that the suite writes as visible ones.
fn unmasked(text: &str) -> String {
    let text = text
        .replace('␣', " ")
        .replace('—', "")
        .replace('»', "\t")
        .replace('↵', "")
        .replace('←', "\r")
        .replace('⇔', "\u{feff}");
    text.strip_suffix("∎\n").map(str::to_owned).unwrap_or(text)
}

fn check(case: &Case) -> Result<(), String> {
    let documents: Vec<_> = yaml::chunks::documents(&case.text)
        .into_iter()
        .map(|range| yaml::parse(&case.text[range]))
        .collect();
    let errors: Vec<_> = documents
        .iter()
        .flat_map(|document| document.errors())
        .map(|error| &error.message)
        // What kubectl rejects whatever YAML says has its own tests.
        .filter(|message| case.fails || !message.starts_with("kubectl rejects"))
        .collect();
    if case.fails {
        return if errors.is_empty() {
            Err(format!("no error in\n{}", case.text))
        } else {
            Ok(())
        };
    }
    if !errors.is_empty() {
        return Err(format!("{errors:?} in\n{}", case.text));
    }
    let mut events = String::new();
    for document in &documents {
        let begins = document
            .text()
            .lines()
            .any(|line| line.trim_start_matches('\u{feff}').starts_with("---"));
        if document.root().is_none() && !begins {
            continue;
        }
        events.push_str("+DOC\n");
        match document.root() {
            Some(root) => write_events(root, &mut events),
            None => events.push_str("=VAL :\n"),
        }
        events.push_str("-DOC\n");
    }
    let expected: String = case
        .tree
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.ends_with("STR"))
        .map(|line| match line {
            "+DOC ---" => "+DOC\n".into(),
            "-DOC ..." => "-DOC\n".into(),
            _ => format!("{line}\n"),
        })
        .collect();
    if events == expected {
        Ok(())
    } else {
        Err(format!(
            "expected\n{expected}got\n{events}of\n{}",
            case.text
        ))
    }
}

fn write_events(node: Node<'_>, events: &mut String) {
    let mut properties = String::new();
    if let Some(anchor) = node.anchor() {
        write!(properties, " &{anchor}").unwrap();
    }
    if let Some(tag) = node.tag() {
        write!(properties, " <{}>", resolved_tag(tag, node.yaml().text())).unwrap();
    }
    // The suite counts a pair in a flow sequence as a flow mapping.
    let flow = node.is_flow()
        || node
            .parent()
            .is_some_and(|parent| parent.is_flow() && parent.kind() == NodeKind::Sequence);
    match node.kind() {
        NodeKind::Empty => writeln!(events, "=VAL{properties} :").unwrap(),
        NodeKind::Alias => writeln!(events, "=ALI {}", node.source()).unwrap(),
        NodeKind::Scalar(style) => {
            let mark = match style {
                ScalarStyle::Plain => ':',
                ScalarStyle::SingleQuoted => '\'',
                ScalarStyle::DoubleQuoted => '"',
                ScalarStyle::Literal => '|',
                ScalarStyle::Folded => '>',
            };
            writeln!(
                events,
                "=VAL{properties} {mark}{}",
                escaped(node.as_str().unwrap())
            )
            .unwrap();
        }
        NodeKind::Sequence => {
            writeln!(
                events,
                "+SEQ{}{properties}",
                if flow_sequence(node) { " []" } else { "" }
            )
            .unwrap();
            node.items().for_each(|item| write_events(item, events));
            events.push_str("-SEQ\n");
        }
        NodeKind::Mapping => {
            writeln!(events, "+MAP{}{properties}", if flow { " {}" } else { "" }).unwrap();
            node.children()
                .for_each(|child| write_events(child, events));
            events.push_str("-MAP\n");
        }
    }
}

fn flow_sequence(node: Node<'_>) -> bool {
    node.is_flow()
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            '\u{8}' => "\\b".into(),
            c => c.to_string(),
        })
        .collect()
}

/// Expands a tag with the document's `%TAG` lines.
fn resolved_tag(tag: &str, text: &str) -> String {
    if let Some(verbatim) = tag.strip_prefix("!<").and_then(|tag| tag.strip_suffix('>')) {
        return verbatim.into();
    }
    let (handle, suffix) = match tag[1..].split_once('!') {
        Some((handle, suffix)) => (format!("!{handle}!"), suffix),
        None => ("!".into(), &tag[1..]),
    };
    let mut stated = text
        .lines()
        .filter_map(|line| line.strip_prefix("%TAG ")?.split_once(' '));
    let prefix = match stated.find(|(stated, _)| *stated == handle) {
        Some((_, prefix)) => prefix.split(' ').next().unwrap(),
        None if handle == "!!" => "tag:yaml.org,2002:",
        None => "!",
    };
    format!("{prefix}{}", suffix.replace("%21", "!"))
}
