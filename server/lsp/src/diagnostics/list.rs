//! All diagnostics of a document: the most severe first, then in the order of the text, and at most [`MOST_DIAGNOSTICS`].

use super::convert;
use super::grouping;
use super::typing::unfinished_part;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto::{MOST_DIAGNOSTICS, SOURCE};
use crate::session::documents::Analyzed;
use crate::session::settings::Grouping;
use std::cmp::Reverse;
use tower_lsp::ls_types::{self as lsp, Uri};

pub(crate) fn diagnostics(
    analyzed: &Analyzed,
    url: &Uri,
    grouping: Grouping,
    client: &Capabilities,
) -> Vec<lsp::Diagnostic> {
    let of_chunk = |chunk| {
        let unfinished = unfinished_part(chunk, analyzed.snapshot.last_edit);
        grouping::marks_except(chunk, grouping, unfinished)
    };
    let mut marks: Vec<_> = analyzed.report.chunks().flat_map(of_chunk).collect();
    marks.sort_by_key(|mark| Reverse(mark.severity()));
    let shown = shown(marks.len());
    let convert = |mark| convert::diagnostic(mark, &analyzed.snapshot, url, client);
    let mut diagnostics: Vec<lsp::Diagnostic> = marks[..shown].iter().map(convert).collect();
    diagnostics.extend((shown < marks.len()).then(|| more(marks.len() - shown)));
    diagnostics
}

/// Returns how many of the diagnostics are shown. If not all are, the last one is [`more`].
pub(super) fn shown(count: usize) -> usize {
    if count > MOST_DIAGNOSTICS {
        MOST_DIAGNOSTICS - 1
    } else {
        count
    }
}

/// Returns the diagnostic for those that are not shown, at the start of the file, where it is seen.
pub(super) fn more(count: usize) -> lsp::Diagnostic {
    lsp::Diagnostic {
        severity: Some(lsp::DiagnosticSeverity::INFORMATION),
        source: Some(SOURCE.to_owned()),
        message: format!("… and {count} more findings"),
        ..Default::default()
    }
}
