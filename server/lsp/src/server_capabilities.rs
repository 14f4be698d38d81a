//! What the server offers to a client.

use crate::features::{code_action, commands, completion};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto;
use crate::session::settings::SECTION;
use serde_json::json;
use tower_lsp::ls_types as lsp;

/// Returns the capabilities for a client.
pub(crate) fn offered(client: &Capabilities) -> lsp::ServerCapabilities {
    let sync = lsp::TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(lsp::TextDocumentSyncKind::INCREMENTAL),
        save: Some(
            lsp::SaveOptions {
                include_text: Some(false),
            }
            .into(),
        ),
        ..Default::default()
    };
    let completions = lsp::CompletionOptions {
        trigger_characters: Some(completion::TRIGGERS.map(str::to_owned).to_vec()),
        resolve_provider: Some(true),
        ..Default::default()
    };
    let actions = lsp::CodeActionOptions {
        code_action_kinds: Some(code_action::KINDS.to_vec()),
        resolve_provider: client.resolved_edits.then_some(true),
        ..Default::default()
    };
    let commands = commands::offered(client);
    let commands = lsp::ExecuteCommandOptions {
        commands,
        ..Default::default()
    };
    let folders = lsp::WorkspaceServerCapabilities {
        workspace_folders: Some(lsp::WorkspaceFoldersServerCapabilities {
            supported: Some(true),
            change_notifications: Some(lsp::OneOf::Left(true)),
        }),
        file_operations: None,
    };
    // If a change in one document affects another one, the server asks the client to refresh.
    let diagnostics = lsp::DiagnosticOptions {
        identifier: Some(SECTION.to_owned()),
        inter_file_dependencies: false,
        workspace_diagnostics: client.pull_all,
        ..Default::default()
    };
    lsp::ServerCapabilities {
        workspace: client.folders.then_some(folders),
        diagnostic_provider: client
            .pull
            .then_some(lsp::DiagnosticServerCapabilities::Options(diagnostics)),
        position_encoding: Some(to_proto::encoding(client.encoding)),
        text_document_sync: Some(sync.into()),
        hover_provider: Some(true.into()),
        definition_provider: Some(lsp::OneOf::Left(true)),
        completion_provider: Some(completions),
        execute_command_provider: (!commands.commands.is_empty()).then_some(commands),
        code_action_provider: client.action_literals.then(|| actions.into()),
        experimental: Some(json!({ SECTION: { "harden": true } })),
        ..Default::default()
    }
}
