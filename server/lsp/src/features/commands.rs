//! The commands of the server. Opens only pages of this project's documentation, whatever the arguments are.

use super::lens;
use crate::protocol::capabilities::Capabilities;
use linter::rules::Page;
use tower_lsp::ls_types::{self as lsp, Uri};

/// Shows a page of the documentation. Its argument is the page's id.
pub(crate) const SHOW_PAGE: &str = "kubeharden.showDocumentation";

/// Returns the commands that a client can run.
pub(crate) fn offered(client: &Capabilities) -> Vec<String> {
    let names = [
        (SHOW_PAGE, client.show_document),
        (lens::SHOW_POD_SECURITY, client.runs_commands),
        (lens::HARDEN, client.runs_commands && client.apply_edit),
    ];
    names
        .into_iter()
        .filter(|(_, can)| *can)
        .map(|(name, _)| name.to_owned())
        .collect()
}

pub(crate) fn show_page(page: &Page, title: String) -> lsp::Command {
    lsp::Command {
        title,
        command: SHOW_PAGE.to_owned(),
        arguments: Some(vec![page.id.into()]),
    }
}

/// Returns the page that a command should show.
pub(crate) fn page(params: &lsp::ExecuteCommandParams) -> Option<Uri> {
    let name = params
        .arguments
        .first()
        .filter(|_| params.command == SHOW_PAGE)?;
    Page::named(name.as_str()?)?.url().parse().ok()
}
