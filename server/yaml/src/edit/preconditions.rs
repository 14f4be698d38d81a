//! Reasons why a document cannot be edited at all.

use super::super::Offset;
use super::super::{Node, Yaml};
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

/// A template engine rewrites the document, so the result of an edit cannot be verified.
fn template(layout: Layout<'_>) -> Result<(), EditError> {
    match layout.yaml.template_syntax() {
        None => Ok(()),
        Some(offset) => Err(EditError::TemplateSyntax {
            line: layout.line_number(offset.into()),
        }),
    }
}

/// In a flow collection, as in JSON, indentation has no meaning.
fn tabs(layout: Layout<'_>) -> Result<(), EditError> {
    if layout.yaml.root().is_some_and(Node::is_flow) {
        return Ok(());
    }
    let is_opaque = |at: usize| {
        let offset = Offset::try_from(at);
        offset.is_ok_and(|offset| layout.yaml.is_opaque(offset))
    };
    let indented = layout.text.match_indices('\t').find(|&(at, _)| {
        layout.begins_line(at) && {
            let content = at + layout.text[at..].len()
                - layout.text[at..].trim_start_matches([' ', '\t']).len();
            let blank = content == layout.line_end(at);
            !blank && !is_opaque(at) && !is_opaque(content)
        }
    });
    match indented {
        None => Ok(()),
        Some((at, _)) => Err(EditError::TabIndentation {
            line: layout.line_number(at),
        }),
    }
}
