//! The cost of the linter: parsing, a keystroke, opening a file, fixing it. Prints tables for docs/performance.md.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

mod generate;
mod measure;

use allocation_counter::measure as count_allocations;
use linter::analysis::{self, Report, analyze, analyze_chunk};
use linter::config::Config;
use linter::rules::Applicability;
use measure::{Runner, in_turns, micros, millis, ratio, speed};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use text::Text;
use yaml::{self, chunks};
use yaml_rust2::parser::{Event, Parser};

const TABLES: [(&str, fn()); 4] = [
    ("reading", reading),
    ("not-manifests", not_manifests),
    ("keystrokes", keystrokes),
    ("whole-files", whole_files),
];

/// Prints the tables that are named, or all of them.
fn main() {
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let is_any_named = TABLES.iter().any(|(name, _)| named(name));
    TABLES
        .iter()
        .filter(|(name, _)| !is_any_named || named(name))
        .for_each(|(_, print)| print());
}

/// Parsing YAML, compared with only the events of yaml-rust2.
fn reading() {
    let mut texts = largest_files();
    texts.push((
        "1,000 generated Deployments, as documents".to_owned(),
        generate::documents(1000),
    ));
    texts.push((
        "1,000 generated Deployments, as one `List`".to_owned(),
        generate::list(1000),
    ));
    println!(
        "\n| read | KB | events only, MB/s | full tree, MB/s | time ratio |\n| --- | --- | --- | --- | --- |"
    );
    for (name, text) in &texts {
        let rounds = (20_000_000 / text.len()).clamp(5, 200);
        let mut runners: [Runner<'_>; 2] = [Box::new(|| events(text)), Box::new(|| trees(text))];
        let [events, tree] = in_turns(rounds, &mut runners)[..] else {
            unreachable!("two runners")
        };
        let (kilobytes, events_speed, tree_speed) = (
            text.len() / 1000,
            speed(text.len(), events),
            speed(text.len(), tree),
        );
        println!(
            "| {name} | {kilobytes} | {events_speed:.0} | {tree_speed:.0} | {:.2} |",
            ratio(tree, events)
        );
    }
}

/// The cost of deciding that a text is not a manifest, compared with a walk over its bytes and with parsing it.
fn not_manifests() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("fixtures/foreign");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    println!(
        "\n| not a manifest | KB | µs | relative to summing its bytes | relative to parser events |\n| --- | --- | --- | --- | --- |"
    );
    for name in [
        "compose.yaml",
        "openapi.yaml",
        "openapi-of-a-cluster.yaml",
        "values.yaml",
        "values-of-many-charts.yaml",
    ] {
        let path = paths
            .iter()
            .find(|path| path.file_name().is_some_and(|found| found == name));
        let Some(text) = path.and_then(|path| fs::read_to_string(path).ok()) else {
            continue;
        };
        for text in [text.clone(), text.repeat(1 + 200_000 / text.len())] {
            let rounds = (20_000_000 / text.len()).clamp(20, 2000);
            let walk = || _ = black_box(text.bytes().map(u32::from).sum::<u32>());
            let config = Config::default();
            let look = || drop(black_box(analyze(black_box(&text), &config)));
            let mut runners: [Runner<'_>; 3] =
                [Box::new(walk), Box::new(look), Box::new(|| events(&text))];
            let [walk, look, events] = in_turns(rounds, &mut runners)[..] else {
                unreachable!("three runners")
            };
            let (to_walk, of_events) = (ratio(look, walk), ratio(look, events));
            println!(
                "| `{name}` | {} | {:.1} | {to_walk:.1} | {of_events:.3} |",
                text.len() / 1000,
                micros(look)
            );
        }
    }
}

/// Reads the events of a text up to the first syntax error.
fn events(text: &str) {
    let mut parser = Parser::new_from_str(text);
    while let Ok((event, _)) = parser.next_token() {
        if black_box(event) == Event::StreamEnd {
            break;
        }
    }
}

fn trees(text: &str) {
    for range in chunks::documents(text) {
        black_box(yaml::parse(&text[range]));
    }
}

/// Returns the largest real manifests, if there are any.
fn largest_files() -> Vec<(String, String)> {
    let corpus = generate::shared("corpus");
    let (mut folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = (vec![corpus.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
        {
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("yaml" | "yml") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort_by_key(|path| {
        (
            std::cmp::Reverse(path.metadata().map_or(0, |data| data.len())),
            path.clone(),
        )
    });
    let name = |path: &Path| {
        path.strip_prefix(&corpus)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    files
        .iter()
        .take(3)
        .filter_map(|path| Some((format!("`{}`", name(path)), fs::read_to_string(path).ok()?)))
        .collect()
}

const SIZES: [usize; 5] = [1, 10, 100, 1000, 10_000];
const KEYSTROKES: usize = 400;

/// Makes a text with a number of Deployments.
type Generate = fn(usize) -> String;

/// Typing one character in the middle of a file of Deployments, including the update of the report.
fn keystrokes() {
    let kinds: [(&str, Generate); 2] = [
        ("documents", generate::documents),
        ("one `List`", generate::list),
    ];
    println!(
        "\n| one keystroke among | layout | µs | relative to 10 Deployments | relative to a full analysis | allocations | KB allocated |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    for (kind, generate) in kinds {
        let mut files: Vec<Typed> = SIZES.map(|size| Typed::new(&generate(size))).into();
        let counts: Vec<_> = files.iter_mut().map(Typed::allocations).collect();
        let full: Vec<_> = SIZES
            .iter()
            .map(|&size| {
                let text = generate(size);
                in_turns(
                    (2000 / size).clamp(3, 100),
                    &mut [Box::new(|| drop(black_box(open(&text))))],
                )[0]
            })
            .collect();
        let mut runners: Vec<Runner<'_>> = Vec::new();
        for file in &mut files {
            runners.push(Box::new(|| file.keystroke()));
        }
        let times = in_turns(KEYSTROKES, &mut runners);
        for (index, size) in SIZES.iter().enumerate() {
            let (time, (allocations, bytes)) = (times[index], counts[index]);
            println!(
                "| {size} | {kind} | {:.0} | {:.2} | 1 : {:.0} | {allocations} | {} |",
                micros(time),
                ratio(time, times[1]),
                ratio(full[index], time),
                bytes / 1000
            );
        }
    }
}

/// An open file in which a user types and deletes one character repeatedly.
struct Typed {
    text: Text,
    report: Report,
    /// After the image of the container in the middle.
    place: usize,
    is_typed: bool,
    config: Config,
}

impl Typed {
    fn new(text: &str) -> Typed {
        // The one in the middle has the number 0.
        let from = text.find("-0\n").expect("the Deployment in the middle");
        let from = from + text[from..].find("image: ").expect("a container");
        let place = from + text[from..].find('\n').expect("the end of a line");
        Typed {
            text: Text::from(text),
            report: open(text),
            place,
            is_typed: false,
            config: Config::default(),
        }
    }

    fn keystroke(&mut self) {
        let (replaced, with) = match self.is_typed {
            true => (self.place..self.place + 1, ""),
            false => (self.place..self.place, "x"),
        };
        self.is_typed = !self.is_typed;
        self.text.replace(replaced.clone(), with);
        let (text, config) = (&self.text, &self.config);
        self.report
            .edit(replaced, with.len(), |range| text.slice(range));
        self.report.analyze(
            |range| text.slice(range),
            |text, role, context| analyze_chunk(text, role, context, config.into()),
        );
    }

    /// Returns the allocations and the allocated bytes of one keystroke.
    fn allocations(&mut self) -> (u64, u64) {
        self.keystroke();
        let counted = count_allocations(|| self.keystroke());
        (counted.count_total, counted.bytes_total)
    }
}

fn open(text: &str) -> Report {
    analyze(text, &Config::default())
}

/// Opening a file, and fixing it.
fn whole_files() {
    println!(
        "\n| whole file | KB | open, ms | MB/s | fix everything, ms | relative to opening |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (size, rounds) in [(1, 200), (100, 20), (1000, 5)] {
        let text = generate::documents(size);
        let config = Config::default();
        let all = [
            Applicability::Safe,
            Applicability::Unsafe,
            Applicability::Placeholder,
        ];
        let mut runners: [Runner<'_>; 2] = [
            Box::new(|| drop(black_box(open(&text)))),
            Box::new(|| drop(black_box(analysis::fix_all(&text, &config, &all)))),
        ];
        let [opened, fixed] = in_turns(rounds, &mut runners)[..] else {
            unreachable!("two runners")
        };
        println!(
            "| {size} Deployments | {} | {:.2} | {:.0} | {:.1} | {:.1} |",
            text.len() / 1000,
            millis(opened),
            speed(text.len(), opened),
            millis(fixed),
            ratio(fixed, opened)
        );
    }
}
