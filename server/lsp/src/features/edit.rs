//! From the edits of chunks to one edit of a document.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto;
use crate::session::documents::Analyzed;
use linter::analysis::{Chunk, Edits};
use tower_lsp::ls_types::{self as lsp, Uri};

/// Returns the edits of some chunks as one edit of their document.
pub(super) fn workspace_edit<'d>(
    url: &Uri,
    analyzed: &Analyzed,
    client: &Capabilities,
    edits: impl IntoIterator<Item = (Chunk<'d>, Edits)>,
) -> lsp::WorkspaceEdit {
    let snapshot = &analyzed.snapshot;
    let of = |(chunk, edits): (Chunk<'_>, Edits)| {
        to_proto::text_edits(chunk, &edits, &snapshot.text, client.encoding)
    };
    let edits = edits.into_iter().flat_map(of).collect();
    to_proto::workspace_edit(url, Some(snapshot.version), edits, client)
}
