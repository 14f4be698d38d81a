//! Reasons why a document cannot be edited at all.

use super::super::Offset;
use super::super::{Node, NodeKind, ScalarStyle, Yaml};
use super::error::EditError;
use super::layout::Layout;

pub(super) fn check(yaml: &Yaml) -> Result<(), EditError> {
    let layout = Layout::of(yaml);
    // A template is rarely valid YAML, and the more precise reason comes first.
    template(layout)?;
    syntax(layout)?;
    tabs(layout)
}

fn syntax(layout: Layout<'_>) -> Result<(), EditError> {
    let errors = layout.yaml.errors().iter().map(|error| error.range.start());
    let repaired = layout.yaml.repaired().iter().map(|range| range.start());
    match errors.chain(repaired).min() {
        None => Ok(()),
        Some(first) => Err(EditError::InvalidYaml {
            line: layout.line_number(first.into()),
        }),
    }
}

/// Template syntax in quotes, block scalars, and comments is ordinary text. Elsewhere a template
/// engine rewrites the document, so the result of an edit cannot be verified.
fn template(layout: Layout<'_>) -> Result<(), EditError> {
    let outside = layout
        .text
        .match_indices("{{")
        .find(|&(at, _)| !is_text(layout, at));
    match outside {
        None => Ok(()),
        Some((at, _)) => Err(EditError::TemplateSyntax {
            line: layout.line_number(at),
        }),
    }
}

/// In a flow collection, as in JSON, indentation has no meaning.
fn tabs(layout: Layout<'_>) -> Result<(), EditError> {
    if layout.yaml.root().is_some_and(Node::is_flow) {
        return Ok(());
    }
    let indented = layout.text.match_indices('\t').find(|&(at, _)| {
        layout.begins_line(at) && {
            let content = at + layout.text[at..].len()
                - layout.text[at..].trim_start_matches([' ', '\t']).len();
            let blank = content == layout.line_end(at);
            !blank && !is_text(layout, at) && !is_text(layout, content)
        }
    });
    match indented {
        None => Ok(()),
        Some((at, _)) => Err(EditError::TabIndentation {
            line: layout.line_number(at),
        }),
    }
}

/// Whether an offset is in a comment, a quoted scalar, or a block scalar.
fn is_text(layout: Layout<'_>, at: usize) -> bool {
    let Ok(offset) = Offset::try_from(at) else {
        return false;
    };
    let comments = layout.yaml.comments();
    let before = comments.partition_point(|comment| comment.start() <= offset);
    if before
        .checked_sub(1)
        .and_then(|last| comments.get(last))
        .is_some_and(|comment| comment.contains(offset))
    {
        return true;
    }
    let node = layout.yaml.covering(offset);
    matches!(node.map(|node| node.kind()), Some(NodeKind::Scalar(style)) if style != ScalarStyle::Plain)
}
