//! Comments that are to change, to go, or to come.
//!
//! Knows where comments stand on lines. Must not know what they say. Promise: what comes and what goes are each other's
//! opposite, byte for byte; that a place can bear a comment is for the proof to find out.

use super::super::Offset;
use super::layout::Layout;
use super::{Change, EditError};
use std::collections::HashSet;
use std::ops::Range;

/// A change of one comment.
pub(super) enum CommentEdit {
    /// The one that is there says something else, or goes.
    Changed {
        comment: Range<usize>,
        text: Option<String>,
    },
    /// One that is not there yet, and the place before which all others stand that come before it.
    New {
        at: usize,
        text: String,
        above: bool,
    },
}

/// The comments that changes name, each once.
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
    /// What to put in the place of what.
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

/// A comment with the blanks before it; its whole line where it has one to itself.
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
