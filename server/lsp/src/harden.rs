//! All that can be mended in a file at once, with the fixes that want a look.
//!
//! Knows a request that is beyond the protocol, for a command that a person runs by hand. Promise: what comes of it is what
//! `kubeharden fix --unsafe-fixes` makes of the text as it is now, as one edit; what a person has to choose stays as it is.

use super::analysis::{self, Panicked};
use super::state::{Analysed, State};
use super::to_proto;
use linter::rules::{Applicability, Finding};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use text::Encoding;
use tower_lsp::ls_types as lsp;

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
pub(super) async fn harden(
    state: &Arc<State>,
    params: Params,
) -> Result<Option<Hardened>, Panicked> {
    let url = params.text_document.uri;
    let Some(snapshot) = state.snapshot(&url) else {
        return Ok(None);
    };
    let analysed = analysis::analysed(state, &url, snapshot).await?;
    let client = state.capabilities();
    let hardened = analysis::off_thread(state, move || {
        let Mended {
            edits,
            applied,
            withheld,
        } = mend(&analysed, client.encoding);
        let version = analysed.snapshot.version;
        let edit =
            (!edits.is_empty()).then(|| to_proto::workspace_edit(&url, version, edits, &client));
        Hardened {
            edit,
            mended: applied,
            withheld,
        }
    });
    hardened.await.map(Some)
}

#[derive(Default)]
struct Mended {
    edits: Vec<lsp::TextEdit>,
    applied: usize,
    withheld: Vec<String>,
}

fn mend(analysed: &Analysed, encoding: Encoding) -> Mended {
    let is_wanted = |finding: &Finding| {
        finding
            .fix
            .as_ref()
            .is_some_and(|fix| fix.applicability <= Applicability::Unsafe)
    };
    let (text, mut mended) = (&analysed.snapshot.text, Mended::default());
    for part in analysed.report.chunks() {
        let of_part = part
            .analysis
            .apply_fixes(analysed.inputs.borrow(), is_wanted);
        mended
            .edits
            .extend(to_proto::text_edits(part, &of_part.edits, text, encoding));
        mended.applied += of_part.applied;
        for (finding, reason) in of_part.withheld {
            let reason = format!("{}: {reason}", finding.rule.id);
            if !mended.withheld.contains(&reason) {
                mended.withheld.push(reason);
            }
        }
    }
    mended
}
