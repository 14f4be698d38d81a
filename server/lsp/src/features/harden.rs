//! `kubeharden/harden`: applies all fixes that are safe or unsafe, but no placeholders, to a document.
//!
//! An extension of the protocol. The result is the one of `kubeharden fix --unsafe-fixes` for the current text, as one edit.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto;
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::workers::Panicked;
use linter::rules::{Applicability, Finding};
use serde::{Deserialize, Serialize};
use text::Encoding;
use tower_lsp::ls_types as lsp;

pub(crate) const METHOD: &str = "kubeharden/harden";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    text_document: lsp::TextDocumentIdentifier,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hardened {
    /// `None` if no fix applies.
    edit: Option<lsp::WorkspaceEdit>,
    /// How many findings it fixes.
    #[serde(rename = "mended")]
    fixed: usize,
    /// The fixes that do not apply, and why, without duplicates.
    withheld: Vec<String>,
}

/// Hardens an open document; `None` if it is not open.
pub(crate) async fn harden(
    analyzer: &Analyzer,
    client: Capabilities,
    params: Params,
) -> Result<Option<Hardened>, Panicked> {
    let url = params.text_document.uri;
    let Some(snapshot) = analyzer.documents.snapshot(&url) else {
        return Ok(None);
    };
    let analyzed = analyzer.analyzed(&url, snapshot).await?;
    let hardened = analyzer.run(move || {
        let AppliedFixes {
            edits,
            applied,
            withheld,
        } = apply_fixes(&analyzed, client.encoding);
        let version = analyzed.snapshot.version;
        let edit =
            (!edits.is_empty()).then(|| to_proto::workspace_edit(&url, version, edits, &client));
        Hardened {
            edit,
            fixed: applied,
            withheld,
        }
    });
    hardened.await.map(Some)
}

#[derive(Default)]
struct AppliedFixes {
    edits: Vec<lsp::TextEdit>,
    applied: usize,
    withheld: Vec<String>,
}

fn apply_fixes(analyzed: &Analyzed, encoding: Encoding) -> AppliedFixes {
    let is_wanted = |finding: &Finding| {
        finding
            .fix
            .as_ref()
            .is_some_and(|fix| fix.applicability <= Applicability::Unsafe)
    };
    let (text, mut all) = (&analyzed.snapshot.text, AppliedFixes::default());
    for chunk in analyzed.report.chunks() {
        let of_chunk = chunk
            .analysis
            .apply_fixes(analyzed.inputs.borrow(), is_wanted);
        all.edits
            .extend(to_proto::text_edits(chunk, &of_chunk.edits, text, encoding));
        all.applied += of_chunk.applied;
        for (finding, reason) in of_chunk.withheld {
            let reason = format!("{}: {reason}", finding.rule.id);
            if !all.withheld.contains(&reason) {
                all.withheld.push(reason);
            }
        }
    }
    all
}
