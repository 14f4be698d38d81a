//! A long day: many files opened, edited, closed and asked about in any order, while the settings change. What the server says in the end
//! is what a reading from scratch of the same texts says, and it needs no more memory than after the first hour.
//!
//! `KUBEHARDEN_SOAK` names how many events there are; without it there are few. `KUBEHARDEN_BIN` names another build of the program.

#[path = "../bench/client.rs"]
#[allow(dead_code, reason = "the benchmarks use more of it")]
mod client;
#[path = "../bench/generate.rs"]
#[allow(dead_code, reason = "the benchmarks use more of it")]
mod generate;

use client::Client;
use linter::analysis;
use linter::config::{Config, Profile};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::Command;
use text::{Encoding, Position, Text};

const MOST_FILES: usize = 200;
const EVENTS: usize = 300;

#[test]
fn long_session_equals_fresh_check() {
    let events = std::env::var("KUBEHARDEN_SOAK")
        .ok()
        .and_then(|events| events.parse().ok())
        .unwrap_or(EVENTS);
    let mut day = Day::begin((events / 20).min(MOST_FILES));
    let mut after_warm_up = 0;
    for event in 0..events {
        day.event();
        if events >= 10_000 && event % (events / 10) == 0 {
            println!("{event} events, {} MB", day.client.memory_now() >> 20);
        }
        if event == events / 4 {
            day.settle();
            after_warm_up = day.client.memory_now();
        }
    }
    let compared = day.settle();
    let in_the_end = day.client.memory_now();
    println!("{events} events, {:?}", day.tally);
    println!(
        "{compared} open files compared; {} MB after a quarter, {} MB in the end",
        after_warm_up >> 20,
        in_the_end >> 20
    );
    // What the allocator holds back varies; what leaks grows with the events, of which there were three times as many since.
    assert!(
        in_the_end < after_warm_up + after_warm_up / 4 + (16 << 20),
        "{after_warm_up} bytes became {in_the_end}"
    );
    day.client.leave();
}

struct Day {
    files: usize,
    client: Client,
    dice: Dice,
    open: BTreeMap<String, Document>,
    config: Config,
    tally: BTreeMap<&'static str, usize>,
}

/// A document as the client has it.
struct Document {
    version: i64,
    text: String,
}

impl Day {
    fn begin(files: usize) -> Day {
        let program = std::env::var_os("KUBEHARDEN_BIN")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_kubeharden").into());
        let (client, _, _) = Client::start(
            Command::new(program).arg("server"),
            settings(Profile::default()),
        );
        Day {
            files,
            client,
            dice: Dice(0x9E37_79B9_7F4A_7C15),
            open: BTreeMap::new(),
            config: Config::default(),
            tally: BTreeMap::new(),
        }
    }

    fn event(&mut self) {
        let file = self.dice.below(self.files);
        let uri = format!("file:///soak/{file}.yaml");
        let what = match self.dice.below(100) {
            0..70 if self.open.contains_key(&uri) => self.edit(&uri),
            0..70 => self.open(&uri, file),
            70..82 => self.close(&uri),
            82..90 => self.code_action(&uri),
            90..96 => self.hover(&uri),
            96..99 => self.save(&uri),
            _ => self.configure(),
        };
        *self.tally.entry(what).or_default() += 1;
    }

    fn open(&mut self, uri: &str, file: usize) -> &'static str {
        let text = original(file);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.client
            .notify("textDocument/didOpen", json!({"textDocument": document}));
        self.open
            .insert(uri.to_owned(), Document { version: 1, text });
        "opened"
    }

    fn close(&mut self, uri: &str) -> &'static str {
        // The client may well close what is not open.
        self.client.notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": uri}}),
        );
        self.open.remove(uri);
        "closed"
    }

    fn edit(&mut self, uri: &str) -> &'static str {
        let Some(document) = self.open.get_mut(uri) else {
            return "nothing";
        };
        let mut changes = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let (replaced, with) = edit(&document.text, &mut self.dice);
            changes.push(json!({"range": range(&document.text, replaced.clone()), "text": with}));
            document.text.replace_range(replaced, &with);
        }
        if document.text.len() > 12_000 || self.dice.below(50) == 0 {
            document.text = original(self.dice.below(self.files));
            changes.push(json!({"text": document.text}));
        }
        document.version += 1;
        self.client.change(uri, document.version, changes);
        "edited"
    }

    /// Requests code actions, and applies the first one.
    fn code_action(&mut self, uri: &str) -> &'static str {
        let text = self.open.get(uri).map_or("", |document| &*document.text);
        let place = range(text, 0..boundary(text, self.dice.below(text.len() + 1)));
        let only = if self.dice.below(2) == 0 {
            json!(["quickfix"])
        } else {
            json!(["source.fixAll"])
        };
        let params = json!({"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": [], "only": only}});
        let (_, answer) = self.client.request("textDocument/codeAction", params);
        let edits = answer["result"].as_array().and_then(|actions| {
            actions.iter().find_map(|action| {
                action["edit"]["changes"][uri]
                    .as_array()
                    .filter(|edits| !edits.is_empty())
            })
        });
        let (Some(edits), Some(document)) = (edits, self.open.get_mut(uri)) else {
            return "asked in vain";
        };
        let mut text = Text::from(&*document.text);
        // From the last to the first, so that no edit moves the next one.
        let mut changes = Vec::new();
        for edit in edits.iter().rev() {
            let replaced = text.range(
                position(&edit["range"]["start"])..position(&edit["range"]["end"]),
                Encoding::Utf16,
            );
            text.replace(
                replaced,
                edit["newText"].as_str().expect("an edit has a text"),
            );
            changes.push(json!({"range": edit["range"], "text": edit["newText"]}));
        }
        document.text = text.to_string();
        document.version += 1;
        self.client.change(uri, document.version, changes);
        "mended"
    }

    fn hover(&mut self, uri: &str) -> &'static str {
        let position = json!({"line": self.dice.below(80), "character": self.dice.below(30)});
        for method in ["textDocument/hover", "textDocument/definition"] {
            self.client.request(
                method,
                json!({"textDocument": {"uri": uri}, "position": position}),
            );
        }
        "hovered"
    }

    fn save(&mut self, uri: &str) -> &'static str {
        self.client.notify(
            "textDocument/didSave",
            json!({"textDocument": {"uri": uri}}),
        );
        "saved"
    }

    fn configure(&mut self) -> &'static str {
        let profile = Profile::ALL[self.dice.below(Profile::ALL.len())];
        self.config.profile = profile;
        self.client.set(settings(profile));
        "configured"
    }

    /// Has everything analysed once more and compares what is published with a reading from scratch. How many files were compared.
    fn settle(&mut self) -> usize {
        self.client.answer_for_settings();
        // Who asked takes the answer up in a task of its own: it has done so before the server has answered others twice.
        for _ in 0..2 {
            self.hover("file:///soak/0.yaml");
        }
        for (uri, document) in &mut self.open {
            document.version += 1;
            let changes = vec![json!({"range": range("", 0..0), "text": ""})];
            self.client.change(uri, document.version, changes);
        }
        for (uri, document) in &self.open {
            let last = self.client.last_of(uri, document.version);
            assert_eq!(
                told(last),
                expected(&document.text, &self.config),
                "{uri}, version {}:\n{}",
                document.version,
                document.text
            );
        }
        for file in 0..self.files {
            let uri = format!("file:///soak/{file}.yaml");
            if let (false, Some(last)) = (self.open.contains_key(&uri), self.client.last(&uri)) {
                assert_eq!(last["diagnostics"], json!([]), "{uri} is closed");
            }
        }
        self.open.len()
    }
}

fn original(file: usize) -> String {
    match file % 4 {
        0 => generate::documents(1 + file % 3),
        1 => generate::list(1 + file % 4),
        2 => generate::documents(1).replace('\n', "\r\n"),
        _ => format!(
            "# é𝄞 {file}\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - {{name: web, image: web}}\n"
        ),
    }
}

/// Diagnostics as their places, rules and messages, sorted.
type Told = Vec<(u32, u32, u32, u32, String, String)>;

fn told(published: &Value) -> Told {
    let diagnostics = published["diagnostics"].as_array().expect("a list");
    let mut told: Told = diagnostics
        .iter()
        .map(|it| {
            let (start, end) = (
                position(&it["range"]["start"]),
                position(&it["range"]["end"]),
            );
            let word = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
            (
                start.line,
                start.column,
                end.line,
                end.column,
                word("code"),
                word("message"),
            )
        })
        .collect();
    told.sort();
    told
}

fn expected(text: &str, config: &Config) -> Told {
    let rope = Text::from(text);
    let report = analysis::analyze(text, config);
    let mut told: Told = report
        .findings()
        .map(|(part, finding)| {
            let place = part.place(finding.range);
            let [start, end] =
                [place.start, place.end].map(|at| rope.position(at, Encoding::Utf16));
            (
                start.line,
                start.column,
                end.line,
                end.column,
                finding.rule.id.to_owned(),
                finding.message.to_string(),
            )
        })
        .collect();
    told.sort();
    told
}

fn position(value: &Value) -> Position {
    let number = |name: &str| {
        value[name]
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .expect("a place")
    };
    Position {
        line: number("line"),
        column: number("character"),
    }
}

fn range(text: &str, bytes: Range<usize>) -> Value {
    let rope = Text::from(text);
    let at = |offset: usize| {
        let Position { line, column } = rope.position(offset, Encoding::Utf16);
        json!({"line": line, "character": column})
    };
    json!({"start": at(bytes.start), "end": at(bytes.end)})
}

fn edit(text: &str, dice: &mut Dice) -> (Range<usize>, String) {
    const PIECES: [&str; 22] = [
        "x",
        " ",
        "  ",
        "\n",
        ": ",
        "- ",
        "#",
        "\"",
        "'",
        "{",
        "}",
        "[",
        "---\n",
        "...\n",
        "items:\n",
        "kind: List\n",
        "é",
        "𝄞",
        "&a ",
        "*a",
        "{{ x }}",
        "privileged: true",
    ];
    let start = boundary(text, dice.below(text.len() + 1));
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    match dice.below(6) {
        // Lines are copied, or deleted.
        0 => {
            let lines: String = text[line..]
                .split_inclusive('\n')
                .take(dice.below(5))
                .collect();
            let at = boundary(text, dice.below(text.len() + 1));
            let at = text[..at].rfind('\n').map_or(0, |at| at + 1);
            (at..at, lines)
        }
        1 => {
            let lines: usize = text[line..]
                .split_inclusive('\n')
                .take(dice.below(4))
                .map(str::len)
                .sum();
            (line..line + lines, String::new())
        }
        2 => (line..line, PIECES[dice.below(PIECES.len())].to_owned()),
        3 => {
            let end = boundary(text, start + dice.below(6)).max(start);
            (start..end, String::new())
        }
        _ => (start..start, PIECES[dice.below(PIECES.len())].to_owned()),
    }
}

/// A place where positions can point: no character is cut, nor the two halves of a line break.
fn boundary(text: &str, at: usize) -> usize {
    let is_place = |at: &usize| {
        text.is_char_boundary(*at)
            && !(text[..*at].ends_with('\r') && text[*at..].starts_with('\n'))
    };
    (0..=at.min(text.len())).rev().find(is_place).unwrap_or(0)
}

/// xorshift: random enough, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Findings are not grouped, so that they can be compared.
fn settings(profile: Profile) -> Value {
    json!({"kubeharden": {"profile": profile.name(), "grouping": "rule"}})
}
