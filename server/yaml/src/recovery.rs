//! Reading a document that is not YAML just now: the lines at fault are read otherwise than they are written.
//!
//! Knows how much work a document is worth. Must not know what may be wrong with a line: that is `remedy`'s. Promise: a text
//! that YAML allows is read as it stands; of any other text every line that is not reported as repaired is read as it stands,
//! where it stands.

use super::event_parser::{self, Cause, Failure, Reading, range};
use super::fast_parser;
use super::recovery_strategies::{self, Remedy};
use super::source::{Patch, Source};
use super::{Range, SyntaxError, Yaml};
use std::collections::{BTreeMap, BTreeSet};

/// How often a document is repaired; one that needs more is not YAML but something else.
const MAX_REPAIRS: usize = 64;

/// How many bytes the parser may read to find repairs: some for every document, and a long one a few times over.
fn affordable(length: usize) -> usize {
    const ALWAYS: usize = 2 << 20;
    const MOST: usize = 24 << 20;
    ALWAYS + length.saturating_mul(8).min(MOST)
}

/// The longest document that is read, in bytes: many times what an API server takes, which is 3 MiB as JSON or YAML (`MaxRequestBodyBytes`
/// in `k8s.io/apiserver/pkg/server/config.go`). It bounds what one document can cost, in time and in memory.
pub const MAX_BYTES: usize = 16 << 20;

/// Reads one document. Never fails: of one that is longer than [`MAX_BYTES`] it says just that.
pub fn parse(text: &str) -> Yaml {
    let plain = || plain(text, &[]).map(|reading| whole(text, reading, Vec::new()));
    too_long(text)
        .or_else(plain)
        .unwrap_or_else(|| read(text, Source::new(text), Vec::new()))
}

/// What can be read without the parser. Where the program is tested, the parser is asked nevertheless.
fn plain(text: &str, patches: &[Patch]) -> Option<Reading> {
    let reading = fast_parser::read(text, patches)?;
    if cfg!(any(debug_assertions, fuzzing)) {
        let mut source = Source::new(text);
        source.set_patches(patches.to_vec());
        assert_eq!(
            reading,
            event_parser::read(&source),
            "what is read plainly is what the parser reads, of {text:?}"
        );
    }
    Some(reading)
}

/// The tree of a text that was read as it stands, but for some lines.
fn whole(text: &str, reading: Reading, repaired: Vec<Range>) -> Yaml {
    let Reading {
        mut nodes,
        root,
        properties,
        comments,
        ..
    } = reading;
    // A tree is kept as long as its text is open, and has grown by doubling.
    nodes.shrink_to_fit();
    Yaml {
        text: text.into(),
        nodes,
        root,
        properties,
        comments,
        errors: Vec::new(),
        repaired,
    }
}

fn too_long(text: &str) -> Option<Yaml> {
    let length = (text.len() > MAX_BYTES).then_some(text.len() >> 20)?;
    let message = format!(
        "not read, since it is a document of {length} MiB: a cluster takes objects of up to 3 MiB"
    );
    let first = text.find(['\r', '\n']).unwrap_or(0).min(MAX_BYTES);
    Some(Yaml {
        errors: vec![SyntaxError {
            range: range(0, first),
            message,
        }],
        ..Yaml::unread(text)
    })
}

/// Reads one document of which some bytes are not to be read, or to be read as words without a meaning. The lines with such bytes
/// count as repaired; that they are there is no error.
pub(super) fn parse_patched(text: &str, patches: impl FnOnce(&Source<'_>) -> Vec<Patch>) -> Yaml {
    if let Some(unread) = too_long(text) {
        return unread;
    }
    let mut source = Source::new(text);
    let patches = patches(&source);
    let mut lines: Vec<usize> = patches
        .iter()
        .map(|patch| source.line_of(patch.range().start))
        .collect();
    lines.dedup();
    let mark = source
        .patches()
        .iter()
        .filter(|mark| !patches.iter().any(|patch| patch.meets(mark)))
        .cloned();
    source.set_patches(mark.chain(patches.iter().cloned()).collect());
    match plain(text, source.patches()) {
        Some(reading) => whole(
            text,
            reading,
            lines
                .into_iter()
                .map(|line| line_range(&source, line))
                .collect(),
        ),
        None => read(text, source, lines),
    }
}

/// Reads a text; some lines of it count as repaired from the start.
fn read(text: &str, source: Source<'_>, patched: Vec<usize>) -> Yaml {
    let mut repair = Repair {
        source,
        faults: BTreeMap::new(),
        left: affordable(text.len()),
    };
    let mut reading = event_parser::read(&repair.source);
    for _ in 0..MAX_REPAIRS {
        match reading
            .failure
            .clone()
            .and_then(|failure| repair.next(&failure, reading.whole_until))
        {
            Some(better) => reading = better,
            None => break,
        }
    }
    repair.finish(reading, &patched)
}

struct Repair<'t> {
    source: Source<'t>,
    /// By line, what was wrong with it.
    faults: BTreeMap<usize, SyntaxError>,
    /// How many bytes may still be read.
    left: usize,
}

impl Repair<'_> {
    /// The reading with the remedy that gets furthest; of several that get as far, the one that keeps most.
    fn next(&mut self, failure: &Failure, whole_until: usize) -> Option<Reading> {
        if failure.cause == Cause::TooDeep {
            return None;
        }
        let before = self.source.patches().to_vec();
        let mut best: Option<(Reach, Reading, Remedy, Vec<Patch>)> = None;
        for remedy in recovery_strategies::remedies(&self.source, failure, whole_until) {
            let patches = with(&before, &remedy);
            self.source.set_patches(patches.clone());
            let Some(reading) = self.read() else { break };
            let reach = Reach::of(&reading);
            let done = reading.failure.is_none() && remedy.keeps_all;
            if best.as_ref().is_none_or(|(furthest, ..)| reach > *furthest) {
                best = Some((reach, reading, remedy, patches));
            }
            if done {
                break;
            }
        }
        let best = best.filter(|(reach, ..)| reach.at >= failure.at);
        let Some((_, reading, remedy, patches)) = best else {
            self.source.set_patches(before);
            return None;
        };
        self.source.set_patches(patches);
        for (line, error) in remedy.faults {
            self.faults.entry(line).or_insert(error);
        }
        Some(reading)
    }

    fn read(&mut self) -> Option<Reading> {
        if self.left == 0 {
            return None;
        }
        let reading = event_parser::read(&self.source);
        let cost = reading
            .failure
            .as_ref()
            .map_or(self.source.text().len(), |failure| failure.at);
        self.left = self.left.saturating_sub(cost.max(1));
        Some(reading)
    }

    fn finish(self, reading: Reading, patched: &[usize]) -> Yaml {
        let text = self.source.text();
        let lines: BTreeSet<usize> = self.faults.keys().chain(patched).copied().collect();
        let repaired = lines
            .into_iter()
            .map(|line| line_range(&self.source, line))
            .collect();
        let tabs = reading.tabs.iter().filter(|tab| {
            !self
                .faults
                .contains_key(&self.source.line_of(tab.start().into()))
        });
        let mut errors: Vec<SyntaxError> = tabs
            .map(|&range| SyntaxError {
                range,
                message: recovery_strategies::TAB.into(),
            })
            .collect();
        errors.extend(self.faults.into_values());
        errors.extend(
            reading
                .failure
                .as_ref()
                .map(|failure| recovery_strategies::error(&self.source, failure)),
        );
        errors.extend(control_character(text));
        errors.sort_by_key(|error| error.range.start());
        Yaml {
            errors,
            ..whole(text, reading, repaired)
        }
    }
}

fn line_range(source: &Source<'_>, line: usize) -> Range {
    let line = source.line(line);
    range(line.start, line.end)
}

/// How good a reading is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    at: usize,
    nodes: usize,
}

impl Reach {
    fn of(reading: &Reading) -> Reach {
        Reach {
            at: reading
                .failure
                .as_ref()
                .map_or(usize::MAX, |failure| failure.at),
            nodes: reading.nodes.len(),
        }
    }
}

/// The patches that were there and those of a remedy, which take the place of what they meet.
fn with(before: &[Patch], remedy: &Remedy) -> Vec<Patch> {
    let kept = before
        .iter()
        .filter(|old| !remedy.patches.iter().any(|new| new.meets(old)));
    kept.chain(&remedy.patches).cloned().collect()
}

/// The first character that YAML has no place for.
fn control_character(text: &str) -> Option<SyntaxError> {
    let is_one =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}');
    let at = text.find(is_one)?;
    Some(SyntaxError {
        range: range(at, at + 1),
        message: "control characters are not allowed".into(),
    })
}
