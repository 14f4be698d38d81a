//! What the two sides can do.
//!
//! Knows how clients announce what they can do, which is in dozens of optional places. Promise: that is read once, and the rest of
//! the server asks for plain facts.

use super::settings::SECTION;
use super::{code_action, command, completion, from_proto, to_proto};
use serde_json::json;
use text::Encoding;
use tower_lsp::ls_types as lsp;

/// What the client can do. A client that says nothing can do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Capabilities {
    /// What the client's columns count, as agreed.
    pub encoding: Encoding,
    pub diagnostic_version: bool,
    pub diagnostic_data: bool,
    /// Marks of what does nothing and could go.
    pub unnecessary_tags: bool,
    /// Marks of what something else has come in the place of.
    pub deprecated_tags: bool,
    pub code_description: bool,
    pub related_information: bool,
    /// Edits that name the version of the text that they are for.
    pub document_changes: bool,
    /// Code actions that carry their edits.
    pub action_literals: bool,
    pub preferred_actions: bool,
    pub disabled_actions: bool,
    /// Asking for the edits of an action once a person chooses it, with what the server gave along.
    pub resolved_edits: bool,
    /// Being asked to show a page of the web.
    pub show_document: bool,
    pub markdown_hover: bool,
    /// Definitions with the name that leads to them and all that they are.
    pub definition_links: bool,
    pub markdown_completion: bool,
    /// Completions whose lines are indented as the server says.
    pub inserts_as_is: bool,
    /// Edits that make files.
    pub create_files: bool,
    /// Being asked for its configuration.
    pub configuration: bool,
    /// Being asked to tell when its configuration changes.
    pub configuration_registration: bool,
    /// Being asked to watch files.
    pub watch_registration: bool,
    /// Being told that there are code lenses, at any time.
    pub lens_registration: bool,
    /// Being asked to ask for its code lenses again.
    pub lens_refresh: bool,
    /// Being told that there are inlay hints, at any time.
    pub hint_registration: bool,
    /// Being asked to ask for its inlay hints again.
    pub hint_refresh: bool,
    /// Being told that there are symbols, at any time.
    pub symbol_registration: bool,
    /// Symbols below others.
    pub nested_symbols: bool,
    /// Running what the server can do by name.
    pub runs_commands: bool,
    /// Being asked to make edits.
    pub apply_edit: bool,
    /// Asking for diagnostics, and being asked to ask again: then they are not published.
    pub pull: bool,
    /// Asking for the diagnostics of all files, which some clients do all the time, and so only those that want it are told that they can.
    pub pull_all: bool,
    /// Telling which folders are opened and closed.
    pub folders: bool,
    /// Being told the status of documents, which is beyond the protocol.
    pub status: bool,
}

impl Capabilities {
    pub(super) fn of(client: &lsp::ClientCapabilities) -> Self {
        let text = client.text_document.as_ref();
        let workspace = client.workspace.as_ref();
        let diagnostics = text.and_then(|text| text.publish_diagnostics.as_ref());
        let tags = diagnostics.and_then(|diagnostics| diagnostics.tag_support.as_ref());
        let has_tag = |tag| tags.is_some_and(|tags| tags.value_set.contains(&tag));
        let actions = text.and_then(|text| text.code_action.as_ref());
        let hover_formats = text.and_then(|text| text.hover.as_ref()?.content_format.as_ref());
        let completions = text.and_then(|text| text.completion.as_ref()?.completion_item.as_ref());
        let item_formats = completions.and_then(|item| item.documentation_format.as_ref());
        let insert_modes = completions.and_then(|item| item.insert_text_mode_support.as_ref());
        let operations = workspace.and_then(|workspace| {
            workspace
                .workspace_edit
                .as_ref()?
                .resource_operations
                .as_ref()
        });
        let registration = workspace.and_then(|workspace| {
            workspace
                .did_change_configuration
                .as_ref()?
                .dynamic_registration
        });
        let watching = workspace.and_then(|workspace| {
            workspace
                .did_change_watched_files
                .as_ref()?
                .dynamic_registration
        });
        let lens = text.and_then(|text| text.code_lens.as_ref()?.dynamic_registration);
        let hints = text.and_then(|text| text.inlay_hint.as_ref()?.dynamic_registration);
        let refreshes_diagnostics =
            yes(workspace.and_then(|workspace| workspace.diagnostics.as_ref()?.refresh_support));
        let symbols = text.and_then(|text| text.document_symbol.as_ref());
        Capabilities {
            encoding: agreed(encodings(client)),
            diagnostic_version: yes(diagnostics.and_then(|diagnostics| diagnostics.version_support)),
            diagnostic_data: yes(diagnostics.and_then(|diagnostics| diagnostics.data_support)),
            unnecessary_tags: has_tag(lsp::DiagnosticTag::UNNECESSARY),
            deprecated_tags: has_tag(lsp::DiagnosticTag::DEPRECATED),
            code_description: yes(
                diagnostics.and_then(|diagnostics| diagnostics.code_description_support)
            ),
            related_information: yes(
                diagnostics.and_then(|diagnostics| diagnostics.related_information)
            ),
            document_changes: yes(
                workspace.and_then(|workspace| workspace.workspace_edit.as_ref()?.document_changes)
            ),
            action_literals: actions
                .is_some_and(|actions| actions.code_action_literal_support.is_some()),
            preferred_actions: yes(actions.and_then(|actions| actions.is_preferred_support)),
            resolved_edits: yes(actions.and_then(|actions| actions.data_support))
                && resolves_edits(actions),
            show_document: client
                .window
                .as_ref()
                .is_some_and(|window| window.show_document.as_ref().is_some_and(|it| it.support)),
            disabled_actions: yes(actions.and_then(|actions| actions.disabled_support)),
            definition_links: yes(text.and_then(|text| text.definition.as_ref()?.link_support)),
            markdown_hover: hover_formats
                .is_some_and(|formats| formats.contains(&lsp::MarkupKind::Markdown)),
            markdown_completion: item_formats
                .is_some_and(|formats| formats.contains(&lsp::MarkupKind::Markdown)),
            inserts_as_is: insert_modes
                .is_some_and(|modes| modes.value_set.contains(&lsp::InsertTextMode::AS_IS)),
            create_files: operations
                .is_some_and(|operations| operations.contains(&lsp::ResourceOperationKind::Create)),
            configuration: yes(workspace.and_then(|workspace| workspace.configuration)),
            configuration_registration: yes(registration),
            watch_registration: yes(watching),
            lens_registration: yes(lens),
            lens_refresh: yes(
                workspace.and_then(|workspace| workspace.code_lens.as_ref()?.refresh_support)
            ),
            hint_registration: yes(hints),
            hint_refresh: yes(
                workspace.and_then(|workspace| workspace.inlay_hint.as_ref()?.refresh_support)
            ),
            symbol_registration: yes(symbols.and_then(|symbols| symbols.dynamic_registration)),
            nested_symbols: yes(
                symbols.and_then(|symbols| symbols.hierarchical_document_symbol_support)
            ),
            runs_commands: workspace.is_some_and(|workspace| workspace.execute_command.is_some()),
            apply_edit: yes(workspace.and_then(|workspace| workspace.apply_edit)),
            pull: text.is_some_and(|text| text.diagnostic.is_some()) && refreshes_diagnostics,
            pull_all: false,
            folders: yes(workspace.and_then(|workspace| workspace.workspace_folders)),
            status: client
                .experimental
                .as_ref()
                .is_some_and(|beyond| beyond[SECTION]["status"] == true),
        }
    }
}

fn yes(said: Option<bool>) -> bool {
    said == Some(true)
}

fn resolves_edits(actions: Option<&lsp::CodeActionClientCapabilities>) -> bool {
    let resolved = actions.and_then(|actions| actions.resolve_support.as_ref());
    resolved.is_some_and(|resolved| {
        resolved
            .properties
            .iter()
            .any(|property| property == "edit")
    })
}

fn encodings(client: &lsp::ClientCapabilities) -> &[lsp::PositionEncodingKind] {
    client
        .general
        .as_ref()
        .and_then(|general| general.position_encodings.as_deref())
        .unwrap_or_default()
}

/// UTF-8 where it is offered, since positions then cost nothing to convert; UTF-16 where nothing known is offered.
fn agreed(offered: &[lsp::PositionEncodingKind]) -> Encoding {
    let offered: Vec<_> = offered.iter().filter_map(from_proto::encoding).collect();
    [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32]
        .into_iter()
        .find(|wanted| offered.contains(wanted))
        .unwrap_or_default()
}

/// What the server offers to such a client.
pub(super) fn offered(client: &Capabilities) -> lsp::ServerCapabilities {
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
    let commands = command::offered(client);
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
    // Where one document has to do with another one, it is the server that tells.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(client: serde_json::Value) -> Capabilities {
        Capabilities::of(&serde_json::from_value(client).unwrap())
    }

    #[test]
    fn a_client_that_says_nothing_can_do_nothing() {
        assert_eq!(of(json!({})), Capabilities::default());
    }

    #[test]
    fn bytes_are_preferred_and_utf_16_is_the_fallback() {
        let agreed =
            |offered: &[&str]| of(json!({"general": {"positionEncodings": offered}})).encoding;
        assert_eq!(agreed(&["utf-32", "utf-8", "utf-16"]), Encoding::Utf8);
        assert_eq!(agreed(&["utf-32", "utf-16"]), Encoding::Utf16);
        assert_eq!(agreed(&["utf-32"]), Encoding::Utf32);
        assert_eq!(agreed(&["utf-7"]), Encoding::Utf16);
        assert_eq!(agreed(&[]), Encoding::Utf16);
    }
}
