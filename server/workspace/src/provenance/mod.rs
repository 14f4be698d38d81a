//! Maps rendered output back to the source files. An origin is only returned if it certainly
//! produced the value.

pub mod helm;
pub mod kustomize;

use std::ops::Range;
use std::path::PathBuf;
use text::LineIndex;

/// Where a rendered value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub file: PathBuf,
    /// In bytes from the start of the file; `None` if only the file is known.
    pub range: Option<Range<usize>>,
}

/// Returns the lines of a text without their line breaks, each with its first byte.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let index = LineIndex::new(text);
    let line = |line| {
        let start = index.start(line);
        (
            start,
            text[start..index.range(line).end].trim_end_matches(['\n', '\r']),
        )
    };
    let mut lines: Vec<_> = (0..index.line_count()).map(line).collect();
    // A final line break does not start another line here.
    lines.pop_if(|(_, text)| text.is_empty());
    lines
}

/// Returns the range of a line without the white space around it.
fn written((start, line): (usize, &str)) -> Range<usize> {
    let indent = line.len() - line.trim_start().len();
    start + indent..start + line.trim_end().len().max(indent)
}
