//! Inlay hints: what containers inherit from their pods. Only the chunks that the client shows are visited.

use crate::protocol::{from_proto, to_proto};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use linter::analysis::{Chunk, Inherited, Range};
use std::ops::Range as Bytes;
use text::{Encoding, Position};
use tower_lsp::ls_types::{self as lsp, Uri};

/// Returns the hints in a range of a document.
pub(crate) async fn hints(
    analyzer: &Analyzer,
    encoding: Encoding,
    url: &Uri,
    shown: lsp::Range,
) -> Option<Vec<lsp::InlayHint>> {
    let analyzed = analyzer.latest(url).await?;
    let work = move || {
        let shown = analyzed
            .snapshot
            .text
            .range(from_proto::range(shown), encoding);
        let chunks = analyzed
            .report
            .chunks()
            .filter(|chunk| meets(&chunk.place(extent(*chunk)), &shown));
        let hints = chunks.flat_map(|chunk| {
            chunk
                .analysis
                .inherited(analyzed.inputs.borrow())
                .into_iter()
                .map(move |it| (chunk, it))
        });
        let hints = hints
            .map(|(chunk, inherited)| (chunk.place(Range::empty(inherited.at)).start, inherited));
        hints
            .filter(|(at, _)| shown.start <= *at && *at <= shown.end)
            .map(|(at, it)| hint(&analyzed, at, &it, encoding))
            .collect()
    };
    analyzer.run(work).await.ok()
}

/// Returns the range of a whole chunk.
fn extent(chunk: Chunk<'_>) -> Range {
    Range::up_to(chunk.analysis.text().len().try_into().unwrap_or_default())
}

fn meets(one: &Bytes<usize>, other: &Bytes<usize>) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// Places a hint at the end of its line, where it moves no text.
fn hint(
    analyzed: &Analyzed,
    at: usize,
    Inherited { values, .. }: &Inherited,
    encoding: Encoding,
) -> lsp::InlayHint {
    let text = &analyzed.snapshot.text;
    let line = text.position(at, encoding).line;
    let end = text.offset(
        Position {
            line,
            column: u32::MAX,
        },
        encoding,
    );
    let values: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lsp::InlayHint {
        position: to_proto::position(text.position(end, encoding)),
        label: format!("from the pod: {}", values.join(", ")).into(),
        kind: None,
        text_edits: None,
        tooltip: Some(
            "Inherited from the pod's securityContext."
                .to_owned()
                .into(),
        ),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    }
}
