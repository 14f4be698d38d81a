//! Patches that are written as strings inside a kustomization.
//!
//! A finding is reported where its text is in the kustomization; if that place is uncertain, it is dropped.

use super::{Analysis, RulePanic, analyze_document};
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

pub(super) fn look(yaml: &Yaml, inputs: Inputs<'_>) -> Inside {
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
        look_into(node, inputs, &mut inside);
    }
    inside
}

fn look_into(node: Node<'_>, inputs: Inputs<'_>, inside: &mut Inside) {
    let Some(text) = node.as_str() else { return };
    let placed = |finding: Finding| {
        let range = place(node, text, finding.range)?;
        let mut subject = finding.target;
        subject.range = place(node, text, subject.range).unwrap_or(range);
        // The document has no objects of its own.
        subject.object = None;
        Some(Finding {
            range,
            target: subject,
            related: Vec::new(),
            ..finding
        })
    };
    let Analysis {
        findings,
        suppressed,
        failures,
        ..
    } = analyze_document(text, inputs);
    inside
        .findings
        .extend(findings.into_iter().filter_map(placed));
    inside
        .suppressed
        .extend(suppressed.into_iter().filter_map(placed));
    inside.failures.extend(failures);
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
