//! Compares with the API server's YAML library: which texts it rejects, and how it reads the others.
//!
//! `tests/data/yaml-answers.jsonl` contains the answers of `tests/oracle/yaml` to the texts of
//! [`reads_like_go_yaml`].

use super::data;
use super::garbage::{Dice, mutated};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use yaml::{Node, NodeKind, Resolved, chunks};

/// Short texts with what the two libraries may read differently.
const SEEDS: &[&str] = &[
    "a: \"it\\'s\"\nb: \"x\\/y\"\n",
    "a: \"b\"# c\nd: 'e'# f\n",
    "a: b\n\t\nc: d\n",
    "a:\n  - b\n\t# c\n  - d\n",
    "a: b\t# c\nd:\t'e'\t# f\n",
    ": a\n",
    "? a\n: b\n",
    "~: a\nnull: b\n",
    "{a: b, : c}\n",
    "%YAML 1.2\n---\na: b\n",
    "a: |\n  x\n\t\n  y\nb: >-\n  x\n\n  y\n",
    "a: &x {b: c}\nd: *x\ne:\n  <<: *x\n  f: g\n",
    "a: [b, c,\n  d]\ne: {f: g,\n\th: i}\n",
    "a: 'x\n  y'\nb: \"x\\\n  y\"\nc: x\n  y\n",
    "- a\n-\tb\n- \tc\n",
    "a: !!str 1\nb: ! x\nc: !!binary aGk=\n",
    "a: 0o17\nb: 017\nc: 1_000\nd: 0x1F\ne: 1e3\nf: .inf\n",
    "a: yes\nb: On\nc: ~\nd: NULL\ne:\n",
    "a: \"\\x41\\u00e9\\U0001F600\\0\\a\\e\\N\\_\"\n",
    "a: b: c\n",
    "a: [b: c, d]\n",
    "a: {b, c: }\n",
    "a: b\n...\n",
    "# only a comment\n",
    "a:\n- b\n- c:\n  d: e\n",
    "a: @b\nc: `d\n",
    "a: %b\nc: d %e\n",
    "a: x #b\nc: x#d\n",
    "'a': b\n\"c\": d\n",
    "\"a\":b\n",
    "{\"a\":b, \"c\":[d]}\n",
    "1: a\ntrue: b\n1.5: c\n",
    "[a]: b\n",
    "a: *x\n",
    "a: &x\nb: &y z\n",
    "a: >\n   x\n  y\n z\n",
    "a: |2\n    x\nb: |+\n  x\n\n",
    "a: |-1\n x\n",
    "a: |\n  x\n # c\nb: c\n",
    "a: \"b\nc\"\n",
    "a: [\nb\n]\n",
    "--- a\n",
    "--- {a: b}\n",
    "a: ---\nb: -\nc: -x\n",
    "a: ?\nb: :x\nc: x:\n",
    "a: \u{7f}\nb: \u{85}c\nd: \u{2028}e\n",
    "\u{feff}a: b\n",
    "a: \"\\'\\/ \\'\"\nb: [\"\\'\", '\\'']\n",
];

#[derive(serde::Deserialize)]
struct Answer {
    #[serde(default)]
    documents: Vec<Value>,
    error: Option<String>,
}

/// What the API server gets of a text: the JSON of each document. `None` if a text has a syntax error.
fn read(text: &str) -> Option<Vec<Value>> {
    let mut documents = Vec::new();
    for range in chunks::documents(text) {
        let yaml = yaml::parse(&text[range]);
        if !yaml.errors().is_empty() {
            return None;
        }
        documents.push(yaml.root().map_or(Some(Value::Null), json)?);
    }
    Some(documents)
}

fn json(node: Node<'_>) -> Option<Value> {
    let node = node.resolve()?;
    match node.kind() {
        NodeKind::Sequence => node
            .items()
            .map(json)
            .collect::<Option<_>>()
            .map(Value::Array),
        NodeKind::Mapping => {
            let mut object = Map::new();
            for entry in node.merged_entries().chain(node.entries()) {
                if entry.is_merge() {
                    continue;
                }
                object.insert(key(entry.key)?, json(entry.value)?);
            }
            Some(Value::Object(object))
        }
        _ => match node.resolved()? {
            Resolved::Null => Some(Value::Null),
            Resolved::Bool(flag) => Some(flag.into()),
            Resolved::Int(number) => Some(number.into()),
            Resolved::Float(number) => serde_json::Number::from_f64(number).map(Value::Number),
            Resolved::Str(text) => Some(text.into()),
        },
    }
}

/// The key in JSON, which is a string.
fn key(node: Node<'_>) -> Option<String> {
    match node.resolved()? {
        Resolved::Null => None,
        Resolved::Bool(flag) => Some(flag.to_string()),
        Resolved::Int(number) => Some(number.to_string()),
        Resolved::Float(number) => Some(number.to_string()),
        Resolved::Str(text) => Some(text.to_owned()),
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| is_same(one, other)))
        }
        _ => one == other,
    }
}

/// Documents without a value do not count: the libraries split texts differently around them.
fn counted(documents: &[Value]) -> Vec<&Value> {
    documents
        .iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// Returns how the readings of a text differ, if they do.
fn difference(text: &str, theirs: &Answer) -> Option<String> {
    match (read(text), &theirs.error) {
        (None, Some(_)) => None,
        (None, None) => Some("rejected here only".to_owned()),
        (Some(_), Some(error)) => {
            let reason = error.rsplit(": ").next().unwrap_or(error);
            Some(format!("accepted here only: {reason}"))
        }
        (Some(ours), None) => {
            let (ours, theirs) = (counted(&ours), counted(&theirs.documents));
            let same = ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(&theirs)
                    .all(|(one, other)| is_same(one, other));
            (!same).then(|| "another value".to_owned())
        }
    }
}

/// Returns the program's answers, each a line.
fn answers_of(program: &str, texts: &[String]) -> Vec<String> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = child.stdout.take().unwrap();
    let answers = std::thread::scope(|scope| {
        scope.spawn(move || {
            for text in texts {
                writeln!(input, "{}", serde_json::to_string(text).unwrap()).unwrap();
            }
        });
        let lines = BufReader::new(output).lines();
        lines.map(|line| line.unwrap() + "\n").collect()
    });
    assert!(child.wait().unwrap().success());
    answers
}

/// The differences that remain, with their reasons.
fn is_known(text: &str, difference: &str, theirs: &Answer) -> bool {
    // YAML 1.1 has three more line breaks, which manifests do not use.
    let has_old_line_break = text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    // Objects contain no YAML binaries, and a merge of nothing is found as a wrong type.
    let has_rare_type = text.contains("!!binary") || text.contains("<<:");
    // kubectl splits only at `---`, and reads nothing behind `...`. A `%` there is text to us.
    let has_end_marker =
        text.starts_with("...") || ["\n...", "\n%"].iter().any(|marker| text.contains(marker));
    // kubectl ends the last line, which changes the value of a block scalar there.
    let is_unterminated = difference == "another value" && !text.ends_with(['\n', '\r']);
    // go-yaml stops reading behind a complete first value; text behind it is a mistake.
    let first = text.trim_start_matches('\u{feff}').trim_start();
    let is_ignored_rest = difference == "rejected here only"
        && (first.starts_with(['[', '{', '"', '\''])
            || theirs
                .documents
                .iter()
                .any(|document| !document.is_object()));
    // In a plain scalar of several lines.
    let is_tab_in_scalar = difference.contains("tab character");
    has_old_line_break
        || has_rare_type
        || has_end_marker
        || is_unterminated
        || is_ignored_rest
        || is_tab_in_scalar
}

/// Returns the seeds, each with some mutations.
fn texts(mutations: usize) -> Vec<String> {
    let mut dice = Dice(7);
    let mutate = |seed: &&str| {
        let own = std::iter::once((*seed).to_owned());
        let mutated: Vec<String> = (0..mutations).map(|_| mutated(seed, &mut dice)).collect();
        own.chain(mutated).collect::<Vec<_>>()
    };
    SEEDS.iter().flat_map(mutate).collect()
}

/// Panics if more texts than allowed are read differently for an unknown reason.
fn assert_agreement(texts: &[String], answers: &[Answer], allowed: usize) {
    assert_eq!(texts.len(), answers.len());
    let mut unknown: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut known = 0;
    for (text, answer) in texts.iter().zip(answers) {
        match difference(text, answer) {
            Some(difference) if is_known(text, &difference, answer) => known += 1,
            Some(difference) => unknown.entry(difference).or_default().push(text),
            None => {}
        }
    }
    let count = unknown.values().map(Vec::len).sum::<usize>();
    println!(
        "{} texts, {known} with known differences, {count} with others",
        texts.len()
    );
    assert!(count <= allowed, "{unknown:#?}");
}

const MUTATIONS: usize = 12;

#[test]
fn reads_like_go_yaml() {
    let answers: Vec<Answer> = include_str!("../../../../tests/data/yaml-answers.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Mutations find ever new ways to be wrong, such as a tag without a value before a comment.
    assert_agreement(&texts(MUTATIONS), &answers, 2);
}

/// With the program `tests/oracle/yaml`. With `KUBEHARDEN_YAML_ANSWERS`, its answers to the texts of
/// [`reads_like_go_yaml`] are written to that file.
#[test]
fn reads_like_go_yaml_at_length() {
    let Ok(program) = std::env::var("KUBEHARDEN_YAML_ORACLE") else {
        return;
    };
    if let Ok(file) = std::env::var("KUBEHARDEN_YAML_ANSWERS") {
        let answers = answers_of(&program, &texts(MUTATIONS));
        std::fs::write(file, answers.concat()).unwrap();
    }
    let mut all = texts(1000);
    let mut dice = Dice(11);
    for (_, text) in data::manifests() {
        if text.len() < 2000 {
            all.extend((0..20).map(|_| mutated(&text, &mut dice)));
        }
        all.push(text);
    }
    let answers: Vec<Answer> = answers_of(&program, &all)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_agreement(&all, &answers, all.len() / 100);
}
