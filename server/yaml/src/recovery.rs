//! Reading a document that is not YAML just now: the lines at fault are read otherwise than they are written.
//!
//! Knows how much work a document is worth. Must not know what may be wrong with a line: that is `remedy`'s. Promise: a text
//! that YAML allows is read as it stands; of any other text every line that is not reported as repaired is read as it stands,
//! where it stands.

use super::event_parser::{self, Cause, Failure, Reading, range};
use super::fast_parser;
use super::recovery_strategies::{self, Candidate};
use super::source::{Overlay, Source};
use super::{Range, SyntaxError, Yaml};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// How often a document is repaired; one that needs more is not YAML but something else.
const MAX_REPAIRS: usize = 64;

/// How many bytes the parser may read to find repairs: some for every document, and a long one a few times over.
fn parse_budget(length: usize) -> usize {
    const ALWAYS: usize = 2 << 20;
    const MOST: usize = 24 << 20;
    ALWAYS + length.saturating_mul(8).min(MOST)
}

/// The longest document that is read, in bytes: many times what an API server takes, which is 3 MiB as JSON or YAML (`MaxRequestBodyBytes`
/// in `k8s.io/apiserver/pkg/server/config.go`). It bounds what one document can cost, in time and in memory.
pub const MAX_BYTES: usize = 16 << 20;

/// Reads one document. Never fails: of one that is longer than [`MAX_BYTES`] it says just that.
pub fn parse(text: &str) -> Yaml {
    let plain = || fast_parse(text, &[]).map(|reading| into_yaml(text, reading, Vec::new()));
    check_length(text)
        .or_else(plain)
        .unwrap_or_else(|| parse_with_recovery(text, Source::new(text), Vec::new()))
}

/// What can be read without the parser. Where the program is tested, the parser is asked nevertheless.
fn fast_parse(text: &str, patches: &[Overlay]) -> Option<Reading> {
    let reading = fast_parser::parse(text, patches)?;
    if cfg!(any(debug_assertions, fuzzing)) {
        let mut source = Source::new(text);
        source.set_overlays(patches.to_vec());
        assert_eq!(
            reading,
            event_parser::parse(&source),
            "what is read plainly is what the parser reads, of {text:?}"
        );
    }
    Some(reading)
}

/// The tree of a text that was read as it stands, but for some lines.
fn into_yaml(text: &str, reading: Reading, repaired: Vec<Range>) -> Yaml {
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
        lines: OnceLock::new(),
    }
}

fn check_length(text: &str) -> Option<Yaml> {
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
        ..Yaml::unparsed(text)
    })
}

/// Reads one document of which some bytes are not to be read, or to be read as words without a meaning. The lines with such bytes
/// count as repaired; that they are there is no error.
pub(super) fn parse_with_overlays(
    text: &str,
    patches: impl FnOnce(&Source<'_>) -> Vec<Overlay>,
) -> Yaml {
    if let Some(unread) = check_length(text) {
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
        .overlays()
        .iter()
        .filter(|mark| !patches.iter().any(|patch| patch.conflicts_with(mark)))
        .cloned();
    source.set_overlays(mark.chain(patches.iter().cloned()).collect());
    match fast_parse(text, source.overlays()) {
        Some(reading) => into_yaml(
            text,
            reading,
            lines
                .into_iter()
                .map(|line| line_range(&source, line))
                .collect(),
        ),
        None => parse_with_recovery(text, source, lines),
    }
}

/// Reads a text; some lines of it count as repaired from the start.
fn parse_with_recovery(text: &str, source: Source<'_>, patched: Vec<usize>) -> Yaml {
    let mut repair = Recovery {
        source,
        faults: BTreeMap::new(),
        budget: parse_budget(text.len()),
    };
    let mut reading = event_parser::parse(&repair.source);
    for _ in 0..MAX_REPAIRS {
        match reading
            .failure
            .clone()
            .and_then(|failure| repair.repair_once(&failure, reading.balanced_until))
        {
            Some(better) => reading = better,
            None => break,
        }
    }
    repair.finish(reading, &patched)
}

struct Recovery<'t> {
    source: Source<'t>,
    /// By line, what was wrong with it.
    faults: BTreeMap<usize, SyntaxError>,
    /// How many bytes may still be read.
    budget: usize,
}

impl Recovery<'_> {
    /// The reading with the remedy that gets furthest; of several that get as far, the one that keeps most.
    fn repair_once(&mut self, failure: &Failure, whole_until: usize) -> Option<Reading> {
        if failure.cause == Cause::TooDeep {
            return None;
        }
        let before = self.source.overlays().to_vec();
        let mut best: Option<(Progress, Reading, Candidate, Vec<Overlay>)> = None;
        for remedy in recovery_strategies::candidates(&self.source, failure, whole_until) {
            let patches = overlaid(&before, &remedy);
            self.source.set_overlays(patches.clone());
            let Some(reading) = self.read() else { break };
            let reach = Progress::of(&reading);
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
            self.source.set_overlays(before);
            return None;
        };
        self.source.set_overlays(patches);
        for (line, error) in remedy.faults {
            self.faults.entry(line).or_insert(error);
        }
        Some(reading)
    }

    fn read(&mut self) -> Option<Reading> {
        if self.budget == 0 {
            return None;
        }
        let reading = event_parser::parse(&self.source);
        let cost = reading
            .failure
            .as_ref()
            .map_or(self.source.text().len(), |failure| failure.at);
        self.budget = self.budget.saturating_sub(cost.max(1));
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
            ..into_yaml(text, reading, repaired)
        }
    }
}

fn line_range(source: &Source<'_>, line: usize) -> Range {
    let line = source.line(line);
    range(line.start, line.end)
}

/// How good a reading is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Progress {
    at: usize,
    nodes: usize,
}

impl Progress {
    fn of(reading: &Reading) -> Progress {
        Progress {
            at: reading
                .failure
                .as_ref()
                .map_or(usize::MAX, |failure| failure.at),
            nodes: reading.nodes.len(),
        }
    }
}

/// The patches that were there and those of a remedy, which take the place of what they meet.
fn overlaid(before: &[Overlay], remedy: &Candidate) -> Vec<Overlay> {
    let kept = before
        .iter()
        .filter(|old| !remedy.overlays.iter().any(|new| new.conflicts_with(old)));
    kept.chain(&remedy.overlays).cloned().collect()
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
