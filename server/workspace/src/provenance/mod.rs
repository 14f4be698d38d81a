//! From what a program rendered back to the files that it was made of.
//!
//! Knows how Helm and kustomize name the sources of what they print. Must not know how they are run, nor output formats. Promise: a place
//! that is given is one that made the finding, as far as the texts tell; where they do not tell, none is given.

pub mod helm;
pub mod kustomize;

use std::ops::Range;
use std::path::PathBuf;

/// Where something that was rendered comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub file: PathBuf,
    /// In bytes from the start of the file; `None` where only the file is known.
    pub range: Option<Range<usize>>,
}

/// The lines of a text, each with where it starts, without its line break.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        lines.push((at, whole.trim_end_matches(['\n', '\r'])));
        at += whole.len();
    }
    lines
}

/// What is written on a line.
fn written((start, line): (usize, &str)) -> Range<usize> {
    let indent = line.len() - line.trim_start().len();
    start + indent..start + line.trim_end().len().max(indent)
}
