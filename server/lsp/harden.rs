//! All that can be mended in a file at once, with the fixes that want a look.
//!
//! Knows a request that is beyond the protocol, for a command that a person runs by hand. Promise: what comes of it is what
//! `kubeharden fix --unsafe-fixes` makes of the text as it is now, as one edit; what a person has to choose stays as it is.

use super::analysis::{self, Panicked};
use super::state::{Snapshot, State};
use super::{configuration, to_proto};
use crate::config::Config;
use crate::engine;
use crate::rules::Safety;
use crate::text::Encoding;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::lsp_types as lsp;

pub(super) const METHOD: &str = "kubeharden/harden";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    text_document: lsp::TextDocumentIdentifier,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hardened {
    /// None where nothing can be mended.
    edit: Option<lsp::WorkspaceEdit>,
    /// How many findings it mends.
    mended: usize,
    /// Which fixes were not given and why, each once.
    withheld: Vec<String>,
}

/// Nothing of a document that is not open.
pub(super) async fn harden(state: &Arc<State>, params: Params) -> Result<Option<Hardened>, Panicked> {
    let url = params.text_document.uri;
    let Some(snapshot) = state.snapshot(&url) else { return Ok(None) };
    let (config, client) = (configuration::of(state, &url).await?, state.capabilities());
    let hardened = analysis::off_thread(state, move || {
        let (edits, mended, withheld) = mend(&snapshot, &config, client.encoding);
        let edit = (!edits.is_empty()).then(|| to_proto::workspace_edit(&url, snapshot.version, edits, &client));
        Hardened { edit, mended, withheld }
    });
    hardened.await.map(Some)
}

fn mend(snapshot: &Snapshot, config: &Config, encoding: Encoding) -> (Vec<lsp::TextEdit>, usize, Vec<String>) {
    let text = snapshot.text.to_string();
    let fixed = engine::fix_all(&text, config, &[Safety::Safe, Safety::Review]);
    let mut withheld: Vec<String> = Vec::new();
    for one in &fixed.withheld {
        let reason = format!("{}: {}", one.finding.rule.id, one.reason);
        if !withheld.contains(&reason) {
            withheld.push(reason);
        }
    }
    let edit = |(range, insert)| lsp::TextEdit { range: to_proto::range(range, &snapshot.text, encoding), new_text: insert };
    (changes(&text, &fixed.text).map(edit).collect(), fixed.applied, withheld)
}

/// From one text to another, line by line: the bytes that go, and what comes in their place. One fix makes room for another, so
/// that the edits of each are no edits of the text that the client has.
fn changes<'t>(before: &'t str, after: &'t str) -> impl Iterator<Item = (Range<usize>, String)> + use<'t> {
    let [old, new]: [Vec<&str>; 2] = [before, after].map(|text| text.split_inclusive('\n').collect());
    let starts: Vec<usize> = std::iter::once(0)
        .chain(old.iter().scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        }))
        .collect();
    let differing =
        capture_diff_slices(Algorithm::Myers, &old, &new).into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    differing.map(move |op| {
        let (gone, come) = (op.old_range(), op.new_range());
        (starts[gone.start]..starts[gone.end], new[come].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn changes_lead_from_one_text_to_the_other() {
        for (before, after) in
            [("", "a\n"), ("a\nb\nc", "a\nc"), ("a\r\nb\r\n", "a\r\nx\r\ny\r\nb\r\n"), ("a\nb", "b\nb\n"), ("a", "a")]
        {
            let mut text = before.to_owned();
            for (range, insert) in changes(before, after).collect::<Vec<_>>().into_iter().rev() {
                text.replace_range(range, &insert);
            }
            assert_eq!(text, after);
        }
    }
}
