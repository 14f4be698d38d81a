use super::super::event_parser;
use super::super::source::{Overlay, Source};
use super::*;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Whether a text is supported. Asserts that the event parser gives the same result.
fn is_supported(text: &str, patches: &[Overlay]) -> bool {
    let Some(reading) = parse(text, patches) else {
        return false;
    };
    let mut source = Source::new(text);
    source.set_overlays(patches.to_vec());
    assert_eq!(reading, event_parser::parse(&source), "{text:?}");
    true
}

#[test]
fn supports_the_yaml_of_most_manifests() {
    for text in [
        "a: b\n",
        "a: b",
        "# x\n---\n\na: # y\n  b: 1 # z\n\n  # w\n  c:\nd:\n",
        "--- # x\n- a\n-\n- b: c\n  d: e\n-   f: g\n    h:\n- - i\n  - j\n# end",
        "a:\n- b: c\n- d\ne: f\n",
        "a:\n  - b\n  # x\n  - c\nd:\n-\n-\n",
        "a: one\n  two \"three\n\n\n    four\nb: - \n",
        "a: 'b'\n'c d': \"e # f: g\"\n\"h\": 'it''s'\ni: \"\\\"\\\\ \\n\"\n",
        "a: |\n  b\n    c # d\n\n  e\n\nf: |- # g\n\n    h\ni:\n- |\n  j: {\n- k\n",
        "a: []\nb: {}\nc: [ \"d\", e f, 'g', -1, a:b, [h, {i: j}] ] # k\nl: {m: n, \"o\": p, q: {r: []}}\n",
        "a: b#c\nd: e:f\ng: --h\ni: http://j/k?l=m&n\no: \"\"\np: <none>\nq: ~\n",
        "  a: b\n  c:\n   d: e\n",
        "é: ü\n# ß\nñ: |\n  ö\n  \nx: [ä, 'å']\n",
        "a: 'b \n  c\n\n\n   d '\ne: \"f\n  \n  \"\n",
        "a: :b\nc: [:d]\n",
        "a b: c d\n? x\n",
    ] {
        let expected = !text.contains("- \n") && !text.contains("? ");
        assert_eq!(is_supported(text, &[]), expected, "{text:?}");
    }
}

#[test]
fn leaves_the_rest_to_the_event_parser() {
    for text in [
        "",
        "# x\n",
        "---\n",
        "a: b\r\n",
        "a:\tb\n",
        "a: &b c\n",
        "a: *b\n",
        "a: !b c\n",
        "? a\n: b\n",
        "a: >\n  b\n",
        "a: |2\n   b\n",
        "a: |+\n  b\n\n",
        "a: |\n  b",
        "a: [b,\n  c]\n",
        "a: {b}\n",
        "a: [b,]\n",
        "a: [b: c]\n",
        "a: \"b\nc\"\n",
        "a: \"\\x41\"\n",
        "a: b: c\n",
        "a: b\n c: d\n",
        "a:\n  b: c\n d: e\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a: 'b' c\n",
        "a: b\n---\nc: d\n",
        "a: b\n...\n",
        "%YAML 1.2\n---\na: b\n",
        "just words\n",
        "a:\n  b\n",
        "a: b\0\n",
        "\u{feff}a: b\n",
        "a: @b\n",
        "a: `b`\n",
        "a: %b\n",
        "a: # b\n   c\n",
        "a: b # c\n  d\n",
        "a : b\n",
        "a: |\n  b\n # c\n  d\n",
        "a: |\n    \n  b\n",
        "a: - b\n",
        "a: \"b\"c\n",
        "[a]: b\n",
        "a:\n  - b\n c:\n",
        "a: {b: }\n",
        "a: [{]}\n",
    ] {
        assert!(!is_supported(text, &[]), "{text:?}");
    }
}

#[test]
fn overlays_match_the_event_parser() {
    let text = "{{ if .x }}\na: {{ .b }}\n{{ end }}\nc: d {{- e }}\nf: \"{{ g }}\"\nh: |\n  i\n{{ j }}\n  k\n";
    let masks = ["{{ .b }}", "{{ g }}"].map(|piece| Overlay::Mask {
        range: piece_of(text, piece),
    });
    let hidden = ["{{ if .x }}", "{{ end }}", "{{- e }}", "{{ j }}"]
        .map(|piece| Overlay::hide(piece_of(text, piece)));
    let mut patches: Vec<Overlay> = masks.into_iter().chain(hidden).collect();
    patches.sort_by_key(|patch| patch.range().start);
    assert!(is_supported(text, &patches));
    assert!(!is_supported("a: b\n", &[Overlay::insert(4, "'")]));
    assert!(!is_supported(
        "a: b\n c: d\n",
        &[Overlay::Mask { range: 5..6 }]
    ));
}

fn piece_of(text: &str, piece: &str) -> std::ops::Range<usize> {
    let start = text.find(piece).unwrap();
    start..start + piece.len()
}

/// Random texts of YAML tokens.
#[test]
fn random_texts_match_the_event_parser() {
    const PIECES: [&str; 47] = [
        "\n", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n ", " ", "  ", "a", "b: ", "c:", "- ", "-",
        "- - ", "key: ", "word", "'", "\"", "'x'", "\"y\"", "\\", "\\n", "|", ": |\n", "|-\n",
        ": |-", ">", "[", "]", "{", "}", ", ", ",", ": ", ":", "#", " # ", "---\n", "...\n", "é",
        "\t", "&a ", "*a", "! ", "{{", " {",
    ];
    let rounds = 50_000 * repetitions();
    let (mut dice, mut read) = (Dice(20), 0);
    for _ in 0..rounds {
        let text: String = (0..1 + dice.roll(14))
            .map(|_| PIECES[dice.roll(PIECES.len())])
            .collect();
        read += usize::from(is_supported(&text, &[]));
        let mut patches = Vec::new();
        let mut at = 0;
        for line in text.split('\n') {
            patches.extend(patch(line, &mut dice).map(|patch| moved(patch, at)));
            at += line.len() + 1;
        }
        is_supported(&text, &patches);
    }
    assert!(read > rounds / 50, "{read} of {rounds} texts are read");
}

/// Overlays as templates have them: a hidden end of a line, or a masked expression.
fn patch(line: &str, dice: &mut Dice) -> Option<Overlay> {
    if dice.roll(4) == 0 {
        return Some(Overlay::hide(0..line.len()));
    }
    let start = line.find('{')?;
    let before = &line[..start];
    if dice.roll(2) == 0 && before.ends_with(' ') && !before.trim().is_empty() {
        return Some(Overlay::hide(start..line.len()));
    }
    let ends = (start + 1..=line.len()).filter(|end| {
        line.get(start..*end)
            .is_some_and(|action| !action.ends_with([' ', '\t']))
    });
    let ends: Vec<usize> = ends.collect();
    Some(Overlay::Mask {
        range: start..ends[dice.roll(ends.len())],
    })
}

fn moved(patch: Overlay, by: usize) -> Overlay {
    let range = patch.range().start + by..patch.range().end + by;
    match patch {
        Overlay::Replace { with, .. } => Overlay::Replace { range, with },
        Overlay::Mask { .. } => Overlay::Mask { range },
    }
}

/// Manifests, as they are and with random changes.
#[test]
fn changed_manifests_match_the_event_parser() {
    const PIECES: [&str; 18] = [
        "\n", " ", "  ", "- ", ": ", "#", " # ", "'", "\"", "|", "\n\n", "\n  ", "[", "}", ", ",
        "x", "\\", "---\n",
    ];
    let (mut dice, mut bytes, mut plain) = (Dice(3), 0, 0);
    for path in manifests() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for document in crate::chunks::documents(&text) {
            let text = &text[document];
            bytes += text.len();
            plain += if is_supported(text, &[]) {
                text.len()
            } else {
                0
            };
            if text.len() > 16 << 10 {
                continue;
            }
            for _ in 0..6 * repetitions() {
                let mut text = text.to_owned();
                for _ in 0..1 + dice.roll(2) {
                    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                    let Some(&at) = places.get(dice.roll(places.len().max(1))) else {
                        continue;
                    };
                    let end = places[places
                        .len()
                        .min(places.partition_point(|place| *place <= at + dice.roll(9)))
                        .saturating_sub(1)]
                    .max(at);
                    text.replace_range(
                        at..end,
                        ["", PIECES[dice.roll(PIECES.len())]][dice.roll(2)],
                    );
                }
                is_supported(&text, &[]);
            }
        }
    }
    assert!(plain * 2 > bytes, "{plain} of {bytes} bytes are supported");
}

/// The fixtures, and the shared corpus if it exists.
fn manifests() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        env::var_os("KUBEHARDEN_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let (mut folders, mut files) = (
        vec![root.join("fixtures"), shared.join("corpus")],
        Vec::new(),
    );
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_yaml = path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml");
            if path.is_dir() {
                folders.push(path);
            } else if is_yaml {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn repetitions() -> usize {
    env::var("KUBEHARDEN_PATIENCE")
        .ok()
        .and_then(|times| times.parse().ok())
        .unwrap_or(1)
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}
