//! `kubeharden/harden`: applies all fixes that are safe or unsafe, but no placeholders, to a document.
//!
//! An extension of the protocol. The result is the one of `kubeharden fix --unsafe-fixes` for the current text, as one edit.

use super::edit::workspace_edit;
use super::fixes;
use crate::protocol::capabilities::Capabilities;
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::workers::Panicked;
use linter::rules::Applicability;
use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{self as lsp, Uri};

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
    let hardened = analyzer.run(move || Hardened::of(&url, &analyzed, &client));
    hardened.await.map(Some)
}

impl Hardened {
    fn of(url: &Uri, analyzed: &Analyzed, client: &Capabilities) -> Self {
        let (mut edits, mut fixed, mut withheld) = (Vec::new(), 0, Vec::new());
        for (chunk, outcome) in fixes::apply(analyzed, Applicability::Unsafe) {
            if !outcome.edits.is_empty() {
                edits.push((chunk, outcome.edits));
            }
            fixed += outcome.applied;
            for (finding, error) in outcome.withheld {
                let reason = format!("{}: {error}", finding.rule.id);
                if !withheld.contains(&reason) {
                    withheld.push(reason);
                }
            }
        }
        let edit = (!edits.is_empty()).then(|| workspace_edit(url, analyzed, client, edits));
        Hardened {
            edit,
            fixed,
            withheld,
        }
    }
}
