//! Patches that are written as strings inside a kustomization.
//!
//! A finding is reported where its text is in the kustomization; if that place is uncertain, it is dropped.

use super::failure::RulePanic;
use super::model::Analysis;
use crate::Inputs;
use crate::rules::Finding;
use workspace::kustomize;
use workspace::{FileContext, FileRole};
use yaml::{Node, NodeKind, Offset, Range, ScalarStyle, Yaml};

/// The findings in the patches of a document, and the suppressed ones.
#[derive(Default)]
pub(super) struct Inside {
    pub findings: Vec<Finding>,
    pub suppressed: Vec<Finding>,
    pub failures: Vec<RulePanic>,
}

/// Analyzes the patches with `analyze_document`, which is passed in because it calls this function.
pub(super) fn analyze(
    yaml: &Yaml,
    inputs: Inputs<'_>,
    analyze_document: fn(&str, Inputs<'_>) -> Analysis,
) -> Inside {
    let mut inside = Inside::default();
    for (node, target) in kustomize::inline_patches(yaml) {
        let context = FileContext {
            role: FileRole::Patch,
            target,
            ..inputs.context.clone()
        };
        let inputs = Inputs {
            context: &context,
            ..inputs
        };
        if let Some(text) = node.as_str() {
            inside.add(analyze_document(text, inputs), node, text);
        }
    }
    inside
}

impl Inside {
    /// Adds the findings of a patch, at their places in the document.
    fn add(&mut self, analysis: Analysis, node: Node<'_>, text: &str) {
        let placed = |finding: Finding| {
            let range = place(node, text, finding.range)?;
            let mut target = finding.target;
            target.range = place(node, text, target.range).unwrap_or(range);
            // The document has no objects of its own.
            target.object = None;
            Some(Finding {
                range,
                target,
                related: Vec::new(),
                ..finding
            })
        };
        let findings = analysis.findings.into_iter().filter_map(placed);
        self.findings.extend(findings);
        let suppressed = analysis.suppressed.into_iter().filter_map(placed);
        self.suppressed.extend(suppressed);
        self.failures.extend(analysis.failures);
    }
}

/// Maps a range of a patch's text to the document. If the string is written with escapes or folded line breaks, this is
/// the whole string.
fn place(patch: Node<'_>, text: &str, range: Range) -> Option<Range> {
    let source = patch.source();
    let quotes = match patch.kind() {
        NodeKind::Scalar(ScalarStyle::Literal) => return place_in_block(patch, text, range),
        NodeKind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) => 1,
        _ => 0,
    };
    let is_as_it_reads = source.get(quotes..source.len().saturating_sub(quotes)) == Some(text);
    let start = patch.range().start() + Offset::try_from(quotes).ok()?;
    Some(if is_as_it_reads {
        range + start
    } else {
        patch.range()
    })
}

/// Maps a range of a block scalar's text to the document.
fn place_in_block(block: Node<'_>, text: &str, range: Range) -> Option<Range> {
    let [start, end] =
        [range.start(), range.end()].map(|offset| place_of(block, text, offset.into()));
    let (start, end) = (start?, end?);
    let first = |text: &str| text.lines().next().map(str::to_owned);
    let is_same = first(block.yaml().text().get(start..end)?) == first(&text[range]);
    is_same.then_some(Range::new(
        Offset::try_from(start).ok()?,
        Offset::try_from(end).ok()?,
    ))
}

/// Maps an offset in a block scalar's text to the document. Each line of the text is a line of the block, after its
/// indentation.
fn place_of(block: Node<'_>, text: &str, at: usize) -> Option<usize> {
    let document = block.yaml().text();
    let header = usize::from(block.range().start());
    let lines = || document[header..].split_inclusive('\n').skip(1);
    let before = &text[..at];
    let (line, column) = (
        before.matches('\n').count(),
        at - before.rfind('\n').map_or(0, |brk| brk + 1),
    );
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    // The first line that is not blank gives both indentations.
    let is_written = |line: &&str| !line.trim().is_empty();
    let indent =
        spaces(lines().find(is_written)?).checked_sub(spaces(text.lines().find(is_written)?))?;
    let first = document[header..].find('\n')? + 1 + header;
    let start = first + lines().take(line).map(str::len).sum::<usize>();
    Some(start + indent + column).filter(|&place| document.is_char_boundary(place))
}
