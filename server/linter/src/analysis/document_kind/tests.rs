//! That nothing is lost by leaving unread what cannot hold an object: what is ruled out is read after all, and holds nothing.

use super::*;
use crate::analysis::run::parse_chunk;
use crate::analysis::{Analysis, ChunkKind, Report, analyze, analyze_chunk};
use crate::config::Config;
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

fn collect(folder: &Path, texts: &mut Vec<String>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => collect(&path, texts),
            // The input of a fuzz target is a text up to the first byte that no UTF-8 has.
            false => texts.extend(fs::read(&path).ok().and_then(|bytes| {
                let text = bytes.split(|&byte| byte == 0xff).next()?;
                String::from_utf8(text.to_vec()).ok()
            })),
        }
    }
}

fn texts(folders: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    folders.iter().for_each(|folder| {
        collect(
            &Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(folder),
            &mut texts,
        );
    });
    texts
}

/// Reads what is ruled out after all, and tells how often that was.
fn ruled_out(text: &str, inputs: Inputs<'_>) -> usize {
    let out = AtomicUsize::new(0);
    Report::of(text).analyze(
        |range| Cow::Borrowed(&text[range]),
        |part, role, context| {
            if role == ChunkKind::Document && context.is_alone() && !may_hold_objects(part) {
                out.fetch_add(1, Ordering::Relaxed);
                let Analysis {
                    objects,
                    findings,
                    suppressed: ignored,
                    refusals,
                    facts,
                    asked,
                    ..
                } = parse_chunk(part, role, context, inputs);
                assert!(
                    objects.is_empty() && findings.is_empty() && ignored.is_empty(),
                    "{part:?}: {objects:?} {findings:?}"
                );
                assert!(
                    refusals.is_empty() && facts.is_empty() && asked.is_empty(),
                    "{part:?}"
                );
            }
            analyze_chunk(part, role, context, inputs)
        },
    );
    out.into_inner()
}

#[test]
fn what_is_not_read_holds_nothing() {
    let config = Config::default();
    let mut texts = texts(&["fixtures", "tests/fuzz/regressions", "server/yaml/tests"]);
    let shared = std::env::var_os("KUBEHARDEN_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    collect(&shared.join("corpus"), &mut texts);
    let out: usize = texts
        .iter()
        .map(|text| {
            ruled_out(text, Inputs::from(&config))
                + ruled_out(&text.replace('\n', "\r"), Inputs::from(&config))
        })
        .sum();
    assert!(out > 20, "{out}");
}

#[test]
fn what_is_an_object_is_read_however_it_is_written() {
    for text in [
        "kind: Pod\napiVersion: v1\nspec: {hostPID: true}\n",
        "\u{feff}# a\n\n%YAML 1.2\n--- # a\nkind: Pod\napiVersion: v1\n",
        "a: 1\rkind: Pod\rapiVersion: v1\r",
        "a: 1\n\"kind\": Pod\n'apiVersion': v1\n",
        "a: 1\n\"ki\\u006ed\": Pod\napiVersion: v1\n",
        "a: 1\n? kind\n: Pod\n? apiVersion\n: v1\n",
        "a: 1\n&a kind: Pod\n!!str apiVersion: v1\n",
        "a: {b: &b kind}\nc: [&c apiVersion]\n*b : Pod\n*c : v1\n",
        "a: &a\n  kind: Pod\n  apiVersion: v1\n<<: *a\n",
        "a: 1\n<<: {kind: Pod, apiVersion: v1}\n",
        "--- {kind: Pod,\n apiVersion: v1}\n",
        "!a\n  kind: Pod\n  apiVersion: v1\n",
        // Half-typed, and repaired by the parser.
        "a\nkind: Pod\napiVersion: v1\n",
        "  kind: Pod\n  apiVersion: v1\n",
        "}\n  kind: Pod\n  apiVersion: v1\n",
        "a: b: c\n  kind: Pod\n  apiVersion: v1\nb: 2\n",
        "a: \"b\n  kind: Pod\n  apiVersion: v1\n",
        // The first line is as plain as can be, and left unread for the sake of those below it.
        "- a: b\n kind: Pod\n apiVersion: v1\n",
    ] {
        let known = parse_chunk(
            text,
            ChunkKind::Document,
            &Default::default(),
            (&Config::default()).into(),
        );
        assert!(
            !known.objects.is_empty() && may_hold_objects(text),
            "{text:?}"
        );
    }
}

/// xorshift: random enough, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "", " ", "  ", "\t", "\n", "\r", ": ", ":", "- ", "-", "\"", "'", "{", "}", "[", "]", ",", "#", " #", "|", ">\n", "? ", "&a ", "*a", "!b ", "%", "@",
    "\u{feff}", "\\", "a", "a: b\n", "a:\n", "a: [\n", "a: \"\n", "}\n", "]\n", "\"\n", "<<: *a\n", "---\n", "...\n", "{{ x }}", "{{ if x }}\n",
    "{{ end }}\n", "<<<<<<< a\n", "=======\n", ">>>>>>> b\n", "apiVersion: v1\n", "kind: Pod\n", "\"apiVersion\": v1\n",
    "  apiVersion: v1\n  kind: Pod\n", "patches: [{patch: \"{apiVersion: v1, kind: Pod, spec: {hostPID: true}}\"}]\n",
];

/// What a person who types, or a tool, does to a text; often near its start, where it is decided what it is.
fn disturb(text: &mut String, random: &mut Random) {
    let reach = if random.below(2) == 0 {
        text.len().min(80)
    } else {
        text.len()
    };
    let at = random.below(reach + 1);
    let at = (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    let line = text[..at].rfind('\n').map_or(0, |brk| brk + 1);
    let end = text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1);
    match random.below(6) {
        0 => text.replace_range(line..end, ""),
        1 => {
            let copy = text[line..end].to_owned();
            let to = random.below(text.len() + 1);
            let to = text[..(0..=to)
                .rev()
                .find(|&to| text.is_char_boundary(to))
                .unwrap_or(0)]
                .rfind('\n')
                .map_or(0, |brk| brk + 1);
            text.insert_str(to, &copy);
        }
        2 => text.insert_str(line, &" ".repeat(random.below(5))),
        3 => {
            let spaces = text[line..].len() - text[line..].trim_start_matches(' ').len();
            text.replace_range(line..line + random.below(spaces + 1), "");
        }
        4 => text.insert_str(line, PIECES[random.below(PIECES.len())]),
        _ => text.insert_str(at, PIECES[random.below(PIECES.len())]),
    }
}

/// How often something is tried: more of it finds more.
fn rounds() -> usize {
    std::env::var("KUBEHARDEN_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(20)
}

#[test]
fn what_is_not_read_holds_nothing_whatever_is_typed() {
    let config = Config::default();
    let mut short = texts(&[
        "fixtures/foreign",
        "fixtures/bad",
        "fixtures/broken",
        "fixtures/templates",
    ]);
    short.retain(|text| text.len() < 3000);
    let object = "  apiVersion: v1\n  kind: Pod\n  spec: {hostPID: true}\n";
    short.extend(["a: 1\nb:\n", "a:\n", "- a: b\n", ""].map(|start| format!("{start}{object}")));
    let (mut random, mut out) = (Random(0x9E37_79B9_7F4A_7C15), 0);
    for text in &short {
        for _ in 0..rounds() {
            let mut text = text.clone();
            for _ in 0..=random.below(5) {
                disturb(&mut text, &mut random);
                out += ruled_out(&text, Inputs::from(&config));
            }
        }
    }
    assert!(out > rounds(), "{out}");
}

/// Lines of which a few are an object, or half of one, or something that the parser repairs into one.
#[rustfmt::skip]
const LINES: &[&str] = &[
    "a:", "a: 1", "- a: 1", "-", "b: [", "b: {", "b: \"c", "b: 'c", "b: |", "b: >-", "c, d", "]", "}", "\"", "'", "e: f: g", "h", "# i", "", "- j",
    "{{ k }}", "b: {{ k", "\tl: 1", "? m", "@n", "*o", "b: &p 1", "<<: *p", "b: *q", "kind: Pod", "apiVersion: v1", "kind: Pod", "apiVersion: v1",
];

#[test]
fn what_is_not_read_holds_nothing_however_little_stands_in_it() {
    let config = Config::default();
    let (mut random, mut out, mut found) = (Random(0x2545_F491_4F6C_DD1D), 0, 0);
    for _ in 0..rounds() * 40 {
        let mut text = String::new();
        for line in 0..4 + random.below(6) {
            let indent = [0, 2, 2, 4][random.below(4)] * usize::from(line > 0);
            text += &format!("{:indent$}{}\n", "", LINES[random.below(LINES.len())]);
        }
        out += ruled_out(&text, Inputs::from(&config));
        found += analyze(&text, Inputs::from(&config))
            .chunks()
            .filter(|part| part.analysis.is_manifest())
            .count();
    }
    assert!(out > 0 && found > 0, "{out} {found}");
}
