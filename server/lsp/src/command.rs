//! What a client asks the server to do by name.
//!
//! Promise: nothing but pages of this project's documentation is ever opened, whatever the arguments say.

use super::capabilities::Capabilities;
use super::lens;
use linter::rules::Page;
use tower_lsp::ls_types::{self as lsp, Uri};

/// Shows a page of the documentation; its argument is the page's name.
pub(super) const SHOW_PAGE: &str = "kubeharden.showDocumentation";

/// The names that such a client can run.
pub(super) fn offered(client: &Capabilities) -> Vec<String> {
    let names = [
        (SHOW_PAGE, client.show_document),
        (lens::SHOW_STANDING, client.runs_commands),
        (lens::HARDEN, client.runs_commands && client.apply_edit),
    ];
    names
        .into_iter()
        .filter(|(_, can)| *can)
        .map(|(name, _)| name.to_owned())
        .collect()
}

pub(super) fn show_page(page: &Page, title: String) -> lsp::Command {
    lsp::Command {
        title,
        command: SHOW_PAGE.to_owned(),
        arguments: Some(vec![page.id.into()]),
    }
}

/// The page that a command asks for.
pub(super) fn page(params: &lsp::ExecuteCommandParams) -> Option<Uri> {
    let name = params
        .arguments
        .first()
        .filter(|_| params.command == SHOW_PAGE)?;
    Page::named(name.as_str()?)?.url().parse().ok()
}
