//! What containers have from their pods, shown where they could say otherwise.
//!
//! Knows the stretch that a client shows. Promise: only parts of the text that meet it are looked at.

use super::extras::Extra;
use super::state::{Analysed, State};
use super::{analysis, from_proto, to_proto};
use linter::analysis::{Chunk, Inherited, Range};
use std::ops::Range as Bytes;
use std::sync::Arc;
use text::{Encoding, Position};
use tower_lsp::ls_types::{self as lsp, Uri};

/// The hints in a stretch of a document; none where nobody turned them on.
pub(super) async fn hints(
    state: &Arc<State>,
    url: &Uri,
    shown: lsp::Range,
) -> Option<Vec<lsp::InlayHint>> {
    if !Extra::InlayHints.is_on(state.configuration.settings()) {
        return None;
    }
    let analysed = analysis::latest(state, url).await?;
    let encoding = state.encoding();
    analysis::off_thread(state, move || {
        let shown = analysed
            .snapshot
            .text
            .range(from_proto::range(shown), encoding);
        let parts = analysed
            .report
            .chunks()
            .filter(|part| meets(&part.place(extent(*part)), &shown));
        let hints = parts.flat_map(|part| {
            part.analysis
                .inherited(analysed.inputs.borrow())
                .into_iter()
                .map(move |it| (part, it))
        });
        let hints = hints
            .map(|(part, inherited)| (part.place(Range::empty(inherited.at)).start, inherited));
        hints
            .filter(|(at, _)| shown.start <= *at && *at <= shown.end)
            .map(|(at, it)| hint(&analysed, at, &it, encoding))
            .collect()
    })
    .await
    .ok()
}

/// All of a part.
fn extent(part: Chunk<'_>) -> Range {
    Range::up_to(part.analysis.text().len().try_into().unwrap_or_default())
}

fn meets(one: &Bytes<usize>, other: &Bytes<usize>) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// At the end of its line, where it moves nothing that a person reads.
fn hint(
    analysed: &Analysed,
    at: usize,
    Inherited { values, .. }: &Inherited,
    encoding: Encoding,
) -> lsp::InlayHint {
    let text = &analysed.snapshot.text;
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
            "What the pod's securityContext says and this container does not say otherwise."
                .to_owned()
                .into(),
        ),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    }
}
