//! The part of a text that the user is typing: a container without a name or an image, or a workload without containers.
//!
//! Nothing counts as missing in it until the user saves the file or types elsewhere.

use linter::analysis::{Chunk, Offset, Range};
use linter::rules::Finding;

/// Returns the unfinished part of a chunk around the last edit, which is a byte offset in the whole text.
pub(crate) fn unfinished_part(chunk: Chunk<'_>, last_edit: Option<usize>) -> Option<Range> {
    let at = chunk.within(last_edit?)?;
    let is_in = |part: &Range| {
        part.start() <= at && (at <= part.end() || is_continued(chunk.analysis.text(), *part, at))
    };
    let objects = &chunk.analysis.objects;
    let containers = objects.iter().flat_map(|object| &object.containers);
    let mut unfinished = containers
        .filter(|container| !container.is_complete)
        .map(|container| container.range)
        .chain(
            objects
                .iter()
                .filter(|object| object.lacks_containers)
                .map(|object| object.range),
        );
    unfinished.find(is_in)
}

/// Whether the lines from the end of a part to an offset belong to it: a half-typed key or a comment, indented like its
/// keys.
fn is_continued(text: &str, part: Range, at: Offset) -> bool {
    let [start, end, at] = [part.start(), part.end(), at].map(usize::from);
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let column = start - line_start;
    let mut lines = text[end..at].split('\n').skip(1);
    lines.all(|line| {
        let indentation = line.len() - line.trim_start().len();
        indentation >= column || line.trim().is_empty()
    })
}

/// Whether a finding is about something that is missing in an unfinished part.
pub(crate) fn is_too_early(finding: &Finding, part: Option<Range>) -> bool {
    finding.target.absent && part.is_some_and(|part| part.contains_range(finding.range))
}
