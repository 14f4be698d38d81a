//! Random and malicious texts: parsing ends soon, and the invariants hold.

use super::{data, promises};
use std::fmt::Write;
use yaml::{self, NodeKind};

/// The number of texts; `KUBEHARDEN_GARBAGE` sets another one.
const TEXTS: usize = 3000;

#[test]
fn random_texts_keep_the_invariants() {
    let wanted = std::env::var("KUBEHARDEN_GARBAGE")
        .ok()
        .and_then(|texts| texts.parse().ok())
        .unwrap_or(TEXTS);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let seeds: Vec<String> = data::manifests()
        .into_iter()
        .map(|(_, text)| text)
        .filter(|text| text.len() < 3000)
        .step_by(7)
        .collect();
    let mut with_errors = 0;
    for number in 0..wanted {
        let text = match number % 3 {
            0 => characters(&mut dice),
            1 if !seeds.is_empty() => mutated(&seeds[dice.below(seeds.len())], &mut dice),
            _ => tokens(&mut dice),
        };
        for range in yaml::chunks::documents(&text) {
            let yaml = yaml::parse(&text[range]);
            with_errors += usize::from(!yaml.errors().is_empty());
            promises::check_structure(&yaml)
                .unwrap_or_else(|fault| panic!("{fault}\nin {:?}", yaml.text()));
        }
    }
    println!("{wanted} texts, {with_errors} documents with syntax errors");
}

#[test]
fn nesting_is_bounded() {
    let deep = 100_000;
    let block: String = (0..2000).fold(String::new(), |mut text, depth| {
        writeln!(text, "{}a:", " ".repeat(depth)).unwrap();
        text
    });
    let texts = [
        "[".repeat(deep),
        "{a: ".repeat(deep),
        "- ".repeat(deep),
        "? ".repeat(deep),
        block,
    ];
    for text in texts {
        let yaml = yaml::parse(&text);
        assert!(!yaml.errors().is_empty(), "{:?}", &text[..10]);
        let spent = work(&text) / text.len() as u64;
        assert!(
            spent < 2000,
            "{spent} bytes allocated for each of {:?}",
            &text[..10]
        );
        let depth = yaml
            .nodes()
            .map(|node| std::iter::successors(Some(node), |node| node.parent()).count())
            .max();
        assert!(depth <= Some(129), "{depth:?} for {:?}", &text[..10]);
    }
    let allowed = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(yaml::parse(&allowed).errors(), []);
    let error = &yaml::parse(&format!("[{allowed}]")).errors()[0]
        .message
        .clone();
    assert_eq!(error, "nested deeper than 128 levels");
}

#[test]
fn aliases_are_not_expanded() {
    let mut text = "a: &a [lol, lol]\n".to_owned();
    for name in b'b'..=b'z' {
        let (name, last) = (char::from(name), char::from(name - 1));
        writeln!(text, "{name}: &{name} [*{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}]").unwrap();
    }
    let yaml = yaml::parse(&text);
    assert_eq!(yaml.errors(), []);
    assert!(yaml.nodes().count() < 300);
}

#[test]
fn alias_inside_its_anchor_is_unresolved() {
    let yaml = yaml::parse("a: &a\n  b: *a\n  <<: *a\n");
    assert_eq!(yaml.errors(), []);
    let aliases: Vec<_> = yaml
        .nodes()
        .filter(|node| node.kind() == NodeKind::Alias)
        .collect();
    assert_eq!(aliases.len(), 2);
    assert!(aliases.iter().all(|alias| alias.resolve().is_none()));
    assert!(yaml.root().unwrap().get("a").unwrap().get("c").is_none());
}

#[test]
fn cost_is_linear() {
    type Text = fn(usize) -> String;
    let texts: [(&str, Text); 8] = [
        ("a plain scalar", |size| "x".repeat(size)),
        ("an unclosed quote", |size| {
            format!("a: \"{}", "x ".repeat(size / 2))
        }),
        ("a flow sequence", |size| {
            format!("a: [{}]", "é, ".repeat(size / 4))
        }),
        ("an unclosed flow sequence", |size| {
            format!("a: [{}", "é: b, ".repeat(size / 7))
        }),
        ("many entries", |size| "key: value\n".repeat(size / 11)),
        ("many entries and a fault", |size| {
            [
                "key: value\n".repeat(size / 22),
                "key: value\n".repeat(size / 22),
            ]
            .join("word\n")
        }),
        ("many faults", |size| {
            "key: value: value\n".repeat(size / 18)
        }),
        ("many blank lines", |size| {
            format!("a: |+\n{}b: c\n", "\n".repeat(size))
        }),
    ];
    for (what, text) in texts {
        let [half, whole] = [1, 2].map(|megabytes| work(&text(megabytes << 20)));
        println!(
            "{what}: {:.2} times as much for twice the text",
            whole as f64 / half as f64
        );
        assert!(
            whole < half * 3,
            "{what}: {half} and {whole} bytes allocated"
        );
    }
}

/// The bytes that are allocated while a text is parsed.
fn work(text: &str) -> u64 {
    allocation_counter::measure(|| drop(yaml::parse(text))).bytes_total
}

/// xorshift: the same numbers in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

const TOKENS: &[&str] = &[
    "a",
    "key",
    ": ",
    ":",
    "- ",
    "-",
    "? ",
    "\n",
    "\n  ",
    "\n    ",
    "\n\t",
    " ",
    "\r\n",
    "\r",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    "#",
    " # c",
    "\"",
    "'",
    "\\",
    "&x ",
    "*x",
    "!!str ",
    "!t ",
    "!<u> ",
    "|",
    ">",
    "|-\n",
    ">+\n  ",
    "|2\n",
    "---",
    "...",
    "\n---\n",
    "\n...\n",
    "%YAML 1.2\n",
    "<<",
    "é",
    "🙂",
    "\u{feff}",
    "\0",
    "\u{85}",
    "{{ x }}",
    "\n<<<<<<< a\n",
    "\n=======\n",
    "@",
    "`",
    "%",
    "~",
    "0",
    "\u{e041}",
];

fn tokens(dice: &mut Dice) -> String {
    (0..dice.below(40))
        .map(|_| TOKENS[dice.below(TOKENS.len())])
        .collect()
}

fn characters(dice: &mut Dice) -> String {
    let bytes: Vec<u8> =
        (0..dice.below(60)).map(|_| if dice.below(4) == 0 { dice.below(256) } else { dice.below(96) + 32 } as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text with a few tokens inserted and a few ranges removed.
pub(super) fn mutated(seed: &str, dice: &mut Dice) -> String {
    let mut text = seed.to_owned();
    for _ in 0..=dice.below(3) {
        let from = boundary(&text, dice.below(text.len() + 1));
        let to = boundary(&text, (from + dice.below(12)).min(text.len())).max(from);
        let token = if dice.below(3) == 0 {
            ""
        } else {
            TOKENS[dice.below(TOKENS.len())]
        };
        text.replace_range(from..to, token);
    }
    text
}

/// The start of the character that contains an offset.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}
