//! Decides what a comment covers, by lines and indentation.
//!
//! A comment that looks as if it belongs to one container never applies to another one.

use crate::rules::Finding;
use kubernetes::{Container, Object};
use yaml::{Node, NodeKind, Range, Yaml};

/// The lines of a document.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// The place of a comment, in lines from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// The line that it shares with other text, or that is below it.
    pub(super) line: Option<usize>,
    /// For a comment below the text it belongs to, with the same indentation: the last line of that text, and the
    /// comment's own column.
    below: Option<(usize, usize)>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let is_end = |at: &usize| {
            bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        };
        let starts = std::iter::once(0)
            .chain((0..bytes.len()).filter(is_end).map(|at| at + 1))
            .collect();
        Lines { text, starts }
    }

    pub(super) fn line_of(&self, offset: impl Into<usize>) -> usize {
        let offset = offset.into();
        self.starts
            .partition_point(|&start| start <= offset)
            .saturating_sub(1)
    }

    fn line(&self, line: usize) -> &'t str {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self
            .starts
            .get(line + 1)
            .copied()
            .unwrap_or(self.text.len());
        self.text[start..end]
            .trim_start_matches('\u{feff}')
            .trim_end()
    }

    fn has(&self, line: usize) -> bool {
        line < self.starts.len()
    }

    fn is_comment(&self, line: usize) -> bool {
        self.line(line).trim_start().starts_with('#')
    }

    fn indentation(&self, line: usize) -> usize {
        let line = self.line(line);
        line.len() - line.trim_start().len()
    }

    /// Returns the column of the first key or value of a line, after its dashes.
    fn content_column(&self, line: usize) -> usize {
        let line = self.line(line);
        let mut rest = line.trim_start();
        while let Some(behind) = rest.strip_prefix("- ") {
            rest = behind.trim_start();
        }
        line.len() - rest.len()
    }

    /// Returns the lines of a range.
    fn span(&self, range: Range) -> std::ops::RangeInclusive<usize> {
        self.line_of(range.start())..=self.line_of(range.end())
    }

    /// Returns the place of a comment.
    pub(super) fn spot(&self, comment: Range) -> Spot {
        let here = self.line_of(comment.start());
        if !self.is_comment(here) {
            return Spot {
                line: Some(here),
                below: None,
            };
        }
        let column = self.indentation(here);
        let next = (here + 1..)
            .take_while(|&line| self.has(line))
            .find(|&line| !self.is_comment(line));
        let next = next.filter(|&line| !self.line(line).is_empty());
        let before = (0..here)
            .rev()
            .find(|&line| !self.is_comment(line) && !self.line(line).is_empty());
        let next_column = next.map_or(0, |line| self.indentation(line));
        match before.filter(|&line| column > next_column && self.content_column(line) > next_column)
        {
            Some(before) => Spot {
                line: None,
                below: Some((before, column)),
            },
            None => Spot {
                line: next,
                below: None,
            },
        }
    }

    /// Whether a comment at a place covers a finding.
    pub(super) fn covers(&self, spot: Spot, finding: &Finding, objects: &[Object<'_>]) -> bool {
        let is_at = |lines: std::ops::RangeInclusive<usize>| {
            spot.line.is_some_and(|line| lines.contains(&line))
        };
        if is_at(self.span(finding.range)) {
            return true;
        }
        let line_of_container = |container: &Container<'_>| {
            let range = container.range();
            range.contains_range(finding.range) && is_at(self.heading(container))
        };
        let mut containers = objects
            .iter()
            .filter_map(|object| object.pod.as_ref())
            .flat_map(|pod| &pod.containers);
        if containers.any(line_of_container) {
            return true;
        }
        let subject = &finding.target;
        match (subject.absent, &subject.container) {
            (false, _) => false,
            (true, Some(_)) => {
                let lines = self.span(subject.range);
                let dash = self.indentation(*lines.start());
                is_at(lines.clone())
                    || spot
                        .below
                        .is_some_and(|(line, column)| lines.contains(&line) && column > dash)
            }
            (true, None) => {
                let object = subject.object.and_then(|index| objects.get(index));
                object
                    .zip(spot.line)
                    .is_some_and(|(object, line)| self.is_own_line(object, line))
            }
        }
    }

    /// Returns the lines on which a container starts: the one of its dash, and the one of its first key.
    fn heading(&self, container: &Container<'_>) -> std::ops::RangeInclusive<usize> {
        let first = self.line_of(container.range().start());
        let has_only_dash = |line: &usize| self.line(*line).trim() == "-";
        let dash = first.checked_sub(1).filter(has_only_dash);
        dash.unwrap_or(first)..=first
    }

    /// Whether a node that starts on the line of a place contains a finding.
    pub(super) fn starts_around(&self, spot: Spot, finding: &Finding, yaml: &Yaml) -> bool {
        let Some(line) = spot.line else { return false };
        let innermost = yaml.covering(finding.range.start());
        let mut around = std::iter::successors(innermost, |node| node.parent());
        around.any(|node| {
            let start = node
                .own_entry()
                .map_or(node, |entry| entry.key)
                .range()
                .start();
            self.line_of(start) == line && node.parent().is_some()
        })
    }

    /// Whether a line has a key of the object, of its metadata, of its pod, or on the path to the pod.
    fn is_own_line(&self, object: &Object<'_>, line: usize) -> bool {
        let on_line = |node: Node<'_>| self.line_of(node.range().start()) == line;
        let has_key_there = |mapping: Node<'_>| {
            mapping.kind() == NodeKind::Mapping && mapping.entries().any(|entry| on_line(entry.key))
        };
        let pod = object.pod.as_ref().map(|pod| pod.node);
        let way = std::iter::successors(pod, |node| node.parent().filter(|_| *node != object.node));
        let is_on_way = |node: Node<'_>| node.own_entry().is_some_and(|entry| on_line(entry.key));
        has_key_there(object.node)
            || object.node.get_own("metadata").is_some_and(has_key_there)
            || pod.is_some_and(has_key_there)
            || way.take_while(|node| *node != object.node).any(is_on_way)
    }
}
