//! Reading a document that is not YAML just now: the line at fault is read otherwise than it is written, the rest as it is.
//!
//! Knows what people leave unfinished while they type. Must not know what a manifest is. Promise: a text that YAML allows is
//! read untouched; of any other text every line that is not reported as repaired is read as it stands, where it stands.

use super::source::{Patch, Source};
use super::walk::{self, Cause, Reading, range};
use super::{SyntaxError, Yaml};

/// How many repairs a document gets; one that needs more is not YAML but something else.
const MAX_REPAIRS: usize = 8;

/// Reads one document. Never fails.
pub fn parse(text: &str) -> Yaml {
    if u32::try_from(text.len()).is_err() {
        let error = SyntaxError { range: range(0, 0), message: "a document of more than 4 GiB is not read".into() };
        return Yaml { errors: vec![error], ..Yaml::default() };
    }
    let mut source = Source::new(text);
    let mut reading = walk::read(&source);
    let (mut errors, mut repaired) = (Vec::new(), Vec::new());
    while let Some(failure) = reading.failure.take() {
        let line = line_at_fault(&source, failure.at);
        let written = written_part(&source, line);
        let Cause::Parser(info) = failure.cause else {
            errors.push(SyntaxError { range: written, message: format!("nested deeper than {} levels", walk::MAX_DEPTH) });
            break;
        };
        errors.push(SyntaxError { range: written, message: info });
        if repaired.len() >= MAX_REPAIRS {
            break;
        }
        let Some((line, patches, next)) = best_repair(&mut source, line, &reading, failure.at) else { break };
        source.set_patches(patches);
        let whole = source.line(line);
        repaired.push(range(whole.start, whole.end));
        reading = next;
    }
    errors.sort_by_key(|error| error.range.start());
    repaired.sort_by_key(|line| line.start());
    let Reading { nodes, root, properties, comments, failure: _ } = reading;
    Yaml { text: text.into(), nodes, root, properties, comments, errors, repaired }
}

/// The reading that gets furthest with one line patched: the line at fault or the written one before it.
fn best_repair(source: &mut Source<'_>, line: usize, _reading: &Reading, _at: usize) -> Option<(usize, Vec<Patch>, Reading)> {
    let before = source.patches().to_vec();
    let previous = (0..line).rev().find(|&line| is_written(source, line));
    let mut best: Option<(usize, usize, usize, Vec<Patch>, Reading)> = None;
    let lines: Vec<usize> = [Some(line), previous].into_iter().flatten().filter(|&line| is_written(source, line)).collect();
    for line in lines {
        for patch in patches(source, line) {
            source.patch(patch);
            let reading = walk::read(source);
            let reach = reading.failure.as_ref().map_or(usize::MAX, |failure| failure.at);
            let nodes = reading.nodes.len();
            if best.as_ref().is_none_or(|best| (reach, nodes) > (best.0, best.1)) {
                best = Some((reach, nodes, line, source.patches().to_vec(), reading));
            }
            source.set_patches(before.clone());
        }
    }
    best.map(|(_, _, line, patches, reading)| (line, patches, reading))
}

fn patches(source: &Source<'_>, line: usize) -> Vec<Patch> {
    let start = source.line(line).start;
    let end = source.line_end(line);
    let insert = |text: &str| Patch::Insert { at: end, text: text.into() };
    let mut patches = vec![];
    if !source.text()[start..end].contains(':') {
        patches.push(insert(":"));
    }
    patches.extend(["\"", "'", "]", "}"].map(insert));
    patches.push(Patch::Hide { range: start..end, comment: true });
    patches
}

fn is_written(source: &Source<'_>, line: usize) -> bool {
    let text = source.text()[source.line(line)].trim();
    let start = source.line(line).start;
    !text.is_empty() && !text.starts_with('#') && source.past_hidden(start) == start
}

fn line_at_fault(source: &Source<'_>, at: usize) -> usize {
    source.line_of(at)
}

fn written_part(source: &Source<'_>, line: usize) -> super::Range {
    let start = source.line(line).start;
    let text = &source.text()[start..source.line_end(line)];
    let indent = text.len() - text.trim_start().len();
    range(start + indent, start + text.trim_end().len())
}
