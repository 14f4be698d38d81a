//! What the client supports, read once from the nested optional fields of `initialize`.

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
        let text = client.text_document.clone().unwrap_or_default();
        let workspace = client.workspace.clone().unwrap_or_default();
        let actions = text.code_action.unwrap_or_default();
        let completion = text.completion.unwrap_or_default();
        let items = completion.completion_item.unwrap_or_default();
        let hover = text.hover.unwrap_or_default();
        let published = text.publish_diagnostics.unwrap_or_default();
        let symbols = text.document_symbol.unwrap_or_default();
        let edits = workspace.workspace_edit.unwrap_or_default();
        let tags = published.tag_support.map(|tags| tags.value_set);
        let insert_modes = items.insert_text_mode_support.map(|modes| modes.value_set);
        let resolved = actions.resolve_support.map(|resolve| resolve.properties);
        let refreshes_diagnostics = workspace.diagnostics.and_then(|it| it.refresh_support);
        let show_document = client
            .window
            .as_ref()
            .and_then(|it| it.show_document.as_ref());
        Capabilities {
            encoding: agreed(encodings(client)),
            diagnostic_version: yes(published.version_support),
            diagnostic_data: yes(published.data_support),
            unnecessary_tags: has(&tags, &lsp::DiagnosticTag::UNNECESSARY),
            deprecated_tags: has(&tags, &lsp::DiagnosticTag::DEPRECATED),
            code_description: yes(published.code_description_support),
            related_information: yes(published.related_information),
            document_changes: yes(edits.document_changes),
            action_literals: actions.code_action_literal_support.is_some(),
            preferred_actions: yes(actions.is_preferred_support),
            disabled_actions: yes(actions.disabled_support),
            resolved_edits: yes(actions.data_support) && has(&resolved, &"edit".to_owned()),
            show_document: show_document.is_some_and(|it| it.support),
            markdown_hover: has(&hover.content_format, &lsp::MarkupKind::Markdown),
            definition_links: yes(text.definition.and_then(|it| it.link_support)),
            markdown_completion: has(&items.documentation_format, &lsp::MarkupKind::Markdown),
            inserts_as_is: has(&insert_modes, &lsp::InsertTextMode::AS_IS),
            create_files: has(
                &edits.resource_operations,
                &lsp::ResourceOperationKind::Create,
            ),
            configuration: yes(workspace.configuration),
            configuration_registration: registers(workspace.did_change_configuration),
            watch_registration: yes(workspace
                .did_change_watched_files
                .and_then(|it| it.dynamic_registration)),
            lens_registration: registers(text.code_lens),
            lens_refresh: yes(workspace.code_lens.and_then(|it| it.refresh_support)),
            hint_registration: yes(text.inlay_hint.and_then(|it| it.dynamic_registration)),
            hint_refresh: yes(workspace.inlay_hint.and_then(|it| it.refresh_support)),
            symbol_registration: yes(symbols.dynamic_registration),
            nested_symbols: yes(symbols.hierarchical_document_symbol_support),
            runs_commands: workspace.execute_command.is_some(),
            apply_edit: yes(workspace.apply_edit),
            pull: text.diagnostic.is_some() && yes(refreshes_diagnostics),
            pull_all: false,
            folders: yes(workspace.workspace_folders),
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

/// Whether a list of supported values contains this one.
fn has<T: PartialEq>(supported: &Option<Vec<T>>, value: &T) -> bool {
    supported
        .as_ref()
        .is_some_and(|values| values.contains(value))
}

fn registers(feature: Option<lsp::DynamicRegistrationClientCapabilities>) -> bool {
    yes(feature.and_then(|feature| feature.dynamic_registration))
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
