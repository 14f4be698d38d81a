//! The style of a document: its indentation, the column of its dashes, and its quotes. Documents
//! without examples get defaults.

use super::super::{Node, NodeKind, Resolved, ScalarStyle};
use super::layout::Layout;
use super::quote::Quotes;
use std::collections::{BTreeMap, HashMap};

const DEFAULT_STEP: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Style {
    /// How often keys are indented by how many spaces below a key.
    steps: BTreeMap<usize, usize>,
    /// The same for dashes below a key.
    dashes: BTreeMap<usize, usize>,
    single_quoted: usize,
    double_quoted: usize,
    /// Counts of lists of scalars: in total, and below each key.
    lists: ListCounts,
    lists_of: HashMap<Box<str>, ListCounts>,
}

/// How lists of scalars are written.
#[derive(Debug, Default, Clone, Copy)]
struct ListCounts {
    flow: usize,
    block: usize,
    single_quoted: usize,
    double_quoted: usize,
    plain: usize,
}

/// The form of a new list of scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListForm {
    /// Dashes, indented by this many spaces below the key.
    Block(usize),
    Flow,
}

impl Style {
    pub(super) fn of(layout: Layout<'_>) -> Style {
        let mut manner = Style::default();
        for node in layout.yaml.nodes() {
            match node.kind() {
                NodeKind::Mapping if !node.is_flow() => manner.mapping(layout, node),
                NodeKind::Scalar(ScalarStyle::SingleQuoted) => manner.single_quoted += 1,
                NodeKind::Scalar(ScalarStyle::DoubleQuoted) => manner.double_quoted += 1,
                _ => {}
            }
        }
        manner
    }

    fn mapping(&mut self, layout: Layout<'_>, node: Node<'_>) {
        let Some(column) = layout.column_of(node) else {
            return;
        };
        for entry in node.entries() {
            let value = entry.value;
            if value.kind() == NodeKind::Sequence
                && let Some(key) = entry.key.as_str()
            {
                self.list(key, value);
            }
            let deeper = || {
                layout
                    .column_of(value)
                    .and_then(|below| below.checked_sub(column))
            };
            let counts = match value.kind() {
                NodeKind::Mapping if !value.is_flow() => &mut self.steps,
                NodeKind::Sequence if !value.is_flow() => &mut self.dashes,
                _ => continue,
            };
            if let Some(deeper) = deeper() {
                *counts.entry(deeper).or_default() += 1;
            }
        }
    }

    fn list(&mut self, key: &str, list: Node<'_>) {
        let mut items = list.items().peekable();
        if items.peek().is_none() || !items.all(|item| matches!(item.kind(), NodeKind::Scalar(_))) {
            return;
        }
        let mut counts = ListCounts::default();
        if list.is_flow() {
            counts.flow = 1;
        } else {
            counts.block = 1;
        }
        for item in list.items() {
            match item.kind() {
                NodeKind::Scalar(ScalarStyle::SingleQuoted) => counts.single_quoted += 1,
                NodeKind::Scalar(ScalarStyle::DoubleQuoted) => counts.double_quoted += 1,
                NodeKind::Scalar(ScalarStyle::Plain)
                    if matches!(item.resolved(), Some(Resolved::Str(_))) =>
                {
                    counts.plain += 1;
                }
                _ => {}
            }
        }
        self.lists.add(counts);
        self.lists_of.entry(key.into()).or_default().add(counts);
    }

    /// Returns the indentation of a new mapping below a key.
    pub(super) fn step(&self) -> usize {
        most_frequent(&self.steps)
            .filter(|&step| step > 0)
            .unwrap_or(DEFAULT_STEP)
    }

    /// Returns the indentation of dashes below a key; 0 if the document does not indent them.
    pub(super) fn dash_step(&self) -> usize {
        most_frequent(&self.dashes).unwrap_or_else(|| self.step())
    }

    /// Returns the indentation inside a mapping: that of its own entries, else of the document.
    pub(super) fn step_in(&self, layout: Layout<'_>, mapping: Node<'_>) -> usize {
        let column = layout.column_of(mapping);
        let own = mapping.entries().rev().find_map(|entry| {
            let is_block = entry.value.kind() == NodeKind::Mapping && !entry.value.is_flow();
            let below = is_block.then(|| layout.column_of(entry.value)).flatten()?;
            below.checked_sub(column?)
        });
        own.filter(|&step| step > 0).unwrap_or_else(|| self.step())
    }

    /// Returns the form of a new list of scalars: that of lists below the same key, else that of
    /// most lists.
    pub(super) fn list_form(&self, key: Option<&str>) -> ListForm {
        let lists = self.counts_for(key);
        if lists.flow > lists.block {
            ListForm::Flow
        } else {
            ListForm::Block(self.dash_step())
        }
    }

    fn counts_for(&self, key: Option<&str>) -> ListCounts {
        key.and_then(|key| self.lists_of.get(key))
            .copied()
            .unwrap_or(self.lists)
    }

    /// Returns the quotes outside lists.
    pub(super) fn quotes(&self) -> Quotes {
        let single = self.single_quoted > self.double_quoted;
        Quotes {
            always: None,
            needed: if single {
                ScalarStyle::SingleQuoted
            } else {
                ScalarStyle::DoubleQuoted
            },
        }
    }

    /// Returns the quotes in a new list below a key.
    pub(super) fn quotes_in_list(&self, key: Option<&str>) -> Quotes {
        let lists = self.counts_for(key);
        self.quotes()
            .for_counts(lists.plain, lists.single_quoted, lists.double_quoted)
    }

    /// Returns the quotes for a new item next to others.
    pub(super) fn quotes_among(&self, items: impl Iterator<Item = NodeKind>) -> Quotes {
        let (mut plain, mut single, mut double) = (0, 0, 0);
        for kind in items {
            match kind {
                NodeKind::Scalar(ScalarStyle::Plain) => plain += 1,
                NodeKind::Scalar(ScalarStyle::SingleQuoted) => single += 1,
                NodeKind::Scalar(ScalarStyle::DoubleQuoted) => double += 1,
                _ => {}
            }
        }
        self.quotes().for_counts(plain, single, double)
    }
}

impl Quotes {
    fn for_counts(self, plain: usize, single: usize, double: usize) -> Quotes {
        if single + double <= plain {
            return self;
        }
        let style = if single > double {
            ScalarStyle::SingleQuoted
        } else {
            ScalarStyle::DoubleQuoted
        };
        Quotes {
            always: Some(style),
            needed: style,
        }
    }
}

impl ListCounts {
    fn add(&mut self, other: ListCounts) {
        self.flow += other.flow;
        self.block += other.block;
        self.single_quoted += other.single_quoted;
        self.double_quoted += other.double_quoted;
        self.plain += other.plain;
    }
}

/// Returns the most frequent width; of several, the smallest.
fn most_frequent(counts: &BTreeMap<usize, usize>) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (&width, &count) in counts {
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((width, count));
        }
    }
    best.map(|(width, _)| width)
}
