//! Parses a document, and recovers if it is not valid YAML: lines at fault are read differently.
//! Valid YAML is read as written. In other texts, every line that is not in [`Yaml::repaired`] is
//! read as written.

use super::event_parser::{self, Cause, Failure, Reading, range};
use super::fast_parser;
use super::go_yaml;
use super::parser_messages;
use super::recovery_strategies::{self, Candidate};
use super::source::{Overlay, Source};
use super::{Range, SyntaxError, Yaml};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// How many repairs a document gets. One that needs more is not YAML.
const MAX_REPAIRS: usize = 64;

/// How many bytes the parser may read to find repairs: a constant, and more for longer documents.
fn parse_budget(length: usize) -> usize {
    const ALWAYS: usize = 2 << 20;
    const MOST: usize = 24 << 20;
    ALWAYS + length.saturating_mul(8).min(MOST)
}

/// The longest document that is parsed, in bytes. It bounds time and memory. The API server accepts
/// 3 MiB of JSON or YAML (`MaxRequestBodyBytes` in `k8s.io/apiserver/pkg/server/config.go`).
pub const MAX_BYTES: usize = 16 << 20;

/// Parses one document. Never fails: a document longer than [`MAX_BYTES`] becomes a single syntax
/// error.
pub fn parse(text: &str) -> Yaml {
    let plain = || {
        let reading = fast_parse(text, &[])?;
        let yaml = into_yaml(text, reading, Vec::new());
        Some(Yaml {
            errors: go_yaml::marker_error(text).into_iter().collect(),
            ..yaml
        })
    };
    check_length(text)
        .or_else(plain)
        .unwrap_or_else(|| parse_with_recovery(text, Source::new(text), Vec::new()))
}

/// Uses the fast parser. In tests, its result is compared with the event parser's.
fn fast_parse(text: &str, overlays: &[Overlay]) -> Option<Reading> {
    let reading = fast_parser::parse(text, overlays)?;
    if cfg!(any(debug_assertions, fuzzing)) {
        let mut source = Source::new(text);
        source.set_overlays(overlays.to_vec());
        assert_eq!(
            reading,
            event_parser::parse(&source),
            "the parsers disagree about {text:?}"
        );
    }
    Some(reading)
}

/// Builds the tree of a text with some repaired lines.
fn into_yaml(text: &str, reading: Reading, repaired: Vec<Range>) -> Yaml {
    let Reading {
        mut nodes,
        root,
        properties,
        comments,
        ..
    } = reading;
    // The tree lives as long as its text is open, and its capacity was doubled.
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
        "not read: the document has {length} MiB, and a cluster accepts objects of up to 3 MiB"
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

/// Parses one document with overlays. Their lines count as repaired, without an error.
pub(super) fn parse_with_overlays(
    text: &str,
    overlays: impl FnOnce(&Source<'_>) -> Vec<Overlay>,
) -> Yaml {
    if let Some(unread) = check_length(text) {
        return unread;
    }
    let mut source = Source::new(text);
    let overlays = overlays(&source);
    let mut lines: Vec<usize> = overlays
        .iter()
        .map(|overlay| source.line_of(overlay.range().start))
        .collect();
    lines.dedup();
    let mark = source
        .overlays()
        .iter()
        .filter(|mark| !overlays.iter().any(|overlay| overlay.conflicts_with(mark)))
        .cloned();
    source.set_overlays(mark.chain(overlays.iter().cloned()).collect());
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

/// Parses a text with recovery; some lines count as repaired from the start.
fn parse_with_recovery(text: &str, source: Source<'_>, patched: Vec<usize>) -> Yaml {
    let mut repair = Recovery {
        source,
        faults: BTreeMap::new(),
        budget: parse_budget(text.len()),
    };
    let mut reading = repair.read_like_go_yaml();
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
    /// The error of each line at fault.
    faults: BTreeMap<usize, SyntaxError>,
    /// How many bytes may still be parsed.
    budget: usize,
}

impl Recovery<'_> {
    /// Tries the candidates for a failure. Returns the reading that gets furthest; of several, the
    /// one with the most nodes.
    fn repair_once(&mut self, failure: &Failure, balanced_until: usize) -> Option<Reading> {
        if failure.cause == Cause::TooDeep {
            return None;
        }
        let before = self.source.overlays().to_vec();
        let mut best: Option<(Progress, Reading, Candidate, Vec<Overlay>)> = None;
        for candidate in recovery_strategies::candidates(&self.source, failure, balanced_until) {
            let overlays = overlaid(&before, &candidate);
            self.source.set_overlays(overlays.clone());
            let Some(reading) = self.read() else { break };
            let reach = Progress::of(&reading);
            let done = reading.failure.is_none() && candidate.keeps_all;
            if best.as_ref().is_none_or(|(furthest, ..)| reach > *furthest) {
                best = Some((reach, reading, candidate, overlays));
            }
            if done {
                break;
            }
        }
        let best = best.filter(|(reach, ..)| reach.at >= failure.at);
        let Some((_, reading, candidate, overlays)) = best else {
            self.source.set_overlays(before);
            return None;
        };
        self.source.set_overlays(overlays);
        for (line, error) in candidate.faults {
            self.faults.entry(line).or_insert(error);
        }
        Some(reading)
    }

    /// Reads the text with overlays for what only yaml-rust2 rejects. Their lines are not at fault.
    fn read_like_go_yaml(&mut self) -> Reading {
        let mut reading = event_parser::parse(&self.source);
        for _ in 0..MAX_REPAIRS {
            let new = go_yaml::overlays_for(&self.source, &reading);
            let known = self.source.overlays();
            let is_known = |overlay: &Overlay| known.iter().any(|old| overlay.conflicts_with(old));
            if new.is_empty() || new.iter().any(is_known) {
                break;
            }
            let overlays = known.iter().cloned().chain(new).collect();
            self.source.set_overlays(overlays);
            match self.read() {
                Some(better) => reading = better,
                None => break,
            }
        }
        reading
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
                message: parser_messages::TAB.into(),
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
        errors.extend(go_yaml::errors(text, &reading));
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

/// How far a reading got.
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

/// Adds the overlays of a candidate, and drops those that they conflict with.
fn overlaid(before: &[Overlay], candidate: &Candidate) -> Vec<Overlay> {
    let kept = before
        .iter()
        .filter(|old| !candidate.overlays.iter().any(|new| new.conflicts_with(old)));
    kept.chain(&candidate.overlays).cloned().collect()
}

/// Finds the first character that YAML forbids.
fn control_character(text: &str) -> Option<SyntaxError> {
    let is_one =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}');
    let at = text.find(is_one)?;
    Some(SyntaxError {
        range: range(at, at + 1),
        message: "control characters are not allowed".into(),
    })
}
