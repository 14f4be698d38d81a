//! What the client supports, read once from dozens of optional fields of `initialize`.

use super::from_proto;
use text::Encoding;
use tower_lsp::ls_types as lsp;

/// What the client supports; nothing that it does not announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Capabilities {
    /// The unit of columns.
    pub encoding: Encoding,
    pub diagnostic_version: bool,
    pub diagnostic_data: bool,
    /// Diagnostics tagged as unnecessary.
    pub unnecessary_tags: bool,
    /// Diagnostics tagged as deprecated.
    pub deprecated_tags: bool,
    pub code_description: bool,
    pub related_information: bool,
    /// Edits that name the version of their text.
    pub document_changes: bool,
    /// Code actions that carry their edits.
    pub action_literals: bool,
    pub preferred_actions: bool,
    pub disabled_actions: bool,
    /// Requesting the edits of an action when the user chooses it.
    pub resolved_edits: bool,
    /// Showing a web page at the server's request.
    pub show_document: bool,
    pub markdown_hover: bool,
    /// Definitions as links, with the range of the name and of the whole object.
    pub definition_links: bool,
    pub markdown_completion: bool,
    /// Completions that are inserted without indenting them.
    pub inserts_as_is: bool,
    /// Edits that create files.
    pub create_files: bool,
    /// Answering requests for its settings.
    pub configuration: bool,
    /// Registering for changes of its settings.
    pub configuration_registration: bool,
    /// Registering file watchers.
    pub watch_registration: bool,
    /// Registering code lenses at any time.
    pub lens_registration: bool,
    /// Refreshing its code lenses.
    pub lens_refresh: bool,
    /// Registering inlay hints at any time.
    pub hint_registration: bool,
    /// Refreshing its inlay hints.
    pub hint_refresh: bool,
    /// Registering document symbols at any time.
    pub symbol_registration: bool,
    /// Nested symbols.
    pub nested_symbols: bool,
    /// Running the server's commands.
    pub runs_commands: bool,
    /// Applying edits at the server's request.
    pub apply_edit: bool,
    /// Pulling diagnostics, and refreshing them: then they are not published.
    pub pull: bool,
    /// Pulling the diagnostics of all files. Offered only on request, since some clients then pull all the time.
    pub pull_all: bool,
    /// Notifying about workspace folders.
    pub folders: bool,
    /// Receiving `kubeharden/status`, an extension of the protocol.
    pub status: bool,
}

impl Capabilities {
    pub(crate) fn of(client: &lsp::ClientCapabilities) -> Self {
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
                .is_some_and(|experimental| experimental["kubeharden"]["status"] == true),
        }
    }
}

fn yes(flag: Option<bool>) -> bool {
    flag == Some(true)
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

/// Prefers UTF-8, since its positions cost nothing to convert. Falls back to UTF-16.
fn agreed(offered: &[lsp::PositionEncodingKind]) -> Encoding {
    let offered: Vec<_> = offered.iter().filter_map(from_proto::encoding).collect();
    [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32]
        .into_iter()
        .find(|wanted| offered.contains(wanted))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(client: serde_json::Value) -> Capabilities {
        Capabilities::of(&serde_json::from_value(client).unwrap())
    }

    #[test]
    fn empty_capabilities_mean_no_support() {
        assert_eq!(of(json!({})), Capabilities::default());
    }

    #[test]
    fn utf_8_is_preferred() {
        let agreed =
            |offered: &[&str]| of(json!({"general": {"positionEncodings": offered}})).encoding;
        assert_eq!(agreed(&["utf-32", "utf-8", "utf-16"]), Encoding::Utf8);
        assert_eq!(agreed(&["utf-32", "utf-16"]), Encoding::Utf16);
        assert_eq!(agreed(&["utf-32"]), Encoding::Utf32);
        assert_eq!(agreed(&["utf-7"]), Encoding::Utf16);
        assert_eq!(agreed(&[]), Encoding::Utf16);
    }
}
