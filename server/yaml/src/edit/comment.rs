//! Edits of comments. Adding a comment and removing it again restores the text byte for byte.
//! Whether a comment is possible at a place is decided by the verification.

use super::super::Offset;
use super::change::Change;
use super::error::EditError;
use super::layout::Layout;
use std::collections::HashSet;
use std::ops::Range;

/// An edit of one comment.
pub(super) enum CommentEdit {
    /// Replaces or removes an existing comment.
    Changed {
        comment: Range<usize>,
        text: Option<String>,
    },
    /// Adds a comment at an offset.
    New {
        at: usize,
        text: String,
        above: bool,
    },
}

/// Returns the comment edits of some changes, each once.
pub(super) fn comment_edits(
    layout: Layout<'_>,
    changes: &[Change],
) -> Result<Vec<CommentEdit>, EditError> {
    let of_comments = changes
        .iter()
        .filter(|change| matches!(change, Change::Comment { .. } | Change::NewComment { .. }));
    let mut known = HashSet::new();
    of_comments
        .filter(|change| known.insert(*change))
        .filter_map(|change| comment_edit(layout, change))
        .collect()
}

fn comment_edit(layout: Layout<'_>, change: &Change) -> Option<Result<CommentEdit, EditError>> {
    match change {
        Change::Comment { range, text } => {
            let comment = usize::from(range.start())..usize::from(range.end());
            let is_there = layout.comments().any(|other| other == comment);
            let remark = CommentEdit::Changed {
                comment,
                text: text.clone(),
            };
            Some(is_there.then_some(remark).ok_or(EditError::CommentNotFound))
        }
        Change::NewComment { at, above, text } => Some(new_comment(layout, *at, *above, text)),
        _ => None,
    }
}

fn new_comment(
    layout: Layout<'_>,
    at: Offset,
    above: bool,
    text: &str,
) -> Result<CommentEdit, EditError> {
    let (start, end) = (layout.line_start(at.into()), layout.line_end(at.into()));
    if above {
        return Ok(CommentEdit::New {
            at: start,
            text: text.to_owned(),
            above,
        });
    }
    let line = layout.slice(start..end);
    let is_full =
        line.is_empty() || line.ends_with([' ', '\t']) || layout.comment_behind(start).is_some();
    if is_full {
        return Err(EditError::NoRoomForComment {
            line: layout.line_number(start),
        });
    }
    Ok(CommentEdit::New {
        at: end,
        text: text.to_owned(),
        above,
    })
}

impl CommentEdit {
    /// Returns the range to replace, and its replacement.
    pub(super) fn edit(&self, layout: Layout<'_>) -> (Range<usize>, String) {
        match self {
            CommentEdit::Changed {
                comment,
                text: Some(text),
            } => (comment.clone(), text.clone()),
            CommentEdit::Changed {
                comment,
                text: None,
            } => (removal_range(layout, comment), String::new()),
            CommentEdit::New {
                at,
                text,
                above: false,
            } => (*at..*at, format!(" {text}")),
            CommentEdit::New {
                at,
                text,
                above: true,
            } => {
                let line = layout.slice(*at..layout.line_end(*at));
                let indentation = &line[..line.len() - line.trim_start_matches(' ').len()];
                (
                    *at..*at,
                    format!("{indentation}{text}{}", layout.line_break()),
                )
            }
        }
    }
}

/// Returns a comment with the blanks before it; the whole line if there is nothing else on it.
fn removal_range(layout: Layout<'_>, comment: &Range<usize>) -> Range<usize> {
    let start = layout.line_start(comment.start);
    let before = layout.slice(start..comment.start);
    let written = before.trim_end_matches([' ', '\t']).len();
    if written > 0 {
        return start + written..comment.end;
    }
    let next = layout.next_line(comment.end);
    match layout.previous_line_end(start) {
        Some(previous) if next == comment.end => previous..comment.end,
        _ => start..next,
    }
}
