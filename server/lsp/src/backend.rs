//! Every message and the function that takes it.
//!
//! Promise: a notification changes the state before its handler waits for anything, since messages keep their order only that
//! far; no handler waits for the client.

use super::analysis::Panicked;
use super::capabilities::{self, Capabilities};
use super::code_action::Unresolved;
use super::configuration::{self, Source};
use super::output::Output;
use super::settings::{SECTION, Settings};
use super::state::State;
use super::{
    Setup, code_action, command, completion, definition, extras, fields, from_proto, guard, harden,
    hints, hover, lens, neighbours, parent, pull, symbols, watch, workspace_index,
};
use linter::config::discovery;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::notification::{
    DidChangeConfiguration, DidChangeWatchedFiles, Notification, ShowMessage,
};
use tower_lsp::{Client, LanguageServer, ls_types as lsp};
use workspace::project;

pub(super) struct Backend {
    state: Arc<State>,
}

impl Backend {
    pub(super) fn new(client: Client, output: Output, setup: Setup) -> Self {
        Backend {
            state: Arc::new(State::new(client, output, setup)),
        }
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Has configuration files read again, and what the files around the open ones say of them. Many clients watch no files, so
    /// that whoever opens or saves one asks for it too.
    fn look_again(&self) {
        tokio::spawn(configuration::look_again(self.state()));
        tokio::spawn(neighbours::look_again(self.state()));
        if !self.state.capabilities().watch_registration {
            tokio::spawn(workspace_index::look_again(self.state()));
        }
    }

    /// Beyond the protocol.
    pub(super) async fn harden(&self, params: harden::Params) -> Result<Option<harden::Hardened>> {
        harden::harden(&self.state, params).await.map_err(failed)
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: lsp::InitializeParams) -> Result<lsp::InitializeResult> {
        let mut client = Capabilities::of(&params.capabilities);
        let wants =
            |name: &str, value: Value| wants(params.initialization_options.as_ref(), name, &value);
        client.pull &= !wants("diagnostics", "push".into());
        client.pull_all = client.pull && wants("workspaceDiagnostics", true.into());
        self.state.set_capabilities(client);
        #[expect(deprecated, reason = "some clients send nothing newer")]
        let root = params
            .root_uri
            .iter()
            .filter(|_| params.workspace_folders.is_none());
        let folders = params
            .workspace_folders
            .iter()
            .flatten()
            .map(|folder| &folder.uri);
        self.state
            .workspace
            .change(root.chain(folders), std::iter::empty());
        configure(
            &self.state,
            Source::Initial,
            &params.initialization_options.unwrap_or_default(),
        );
        if let Some(parent) = params.process_id {
            parent::watch(&self.state, parent);
        }
        Ok(lsp::InitializeResult {
            capabilities: {
                let mut offered = capabilities::offered(&client);
                extras::offered(&client, self.state.configuration.settings(), &mut offered);
                offered
            },
            server_info: Some(lsp::ServerInfo {
                name: "kubeharden".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: lsp::InitializedParams) {
        let client = self.state.capabilities();
        tokio::spawn(extras::settle(self.state()));
        if client.configuration {
            tokio::spawn(pull_configuration(self.state()));
        }
        if client.configuration_registration {
            let options = serde_json::json!({ "section": SECTION });
            tokio::spawn(register(
                self.state(),
                DidChangeConfiguration::METHOD,
                options,
            ));
        }
        if client.watch_registration {
            let names = std::iter::once(discovery::FILE_NAME)
                .chain(project::watched_file_names())
                .chain(["*.yaml", "*.yml", "*.json"]);
            let watchers: Vec<Value> = names
                .map(|name| serde_json::json!({ "globPattern": format!("**/{name}") }))
                .collect();
            let options = serde_json::json!({ "watchers": watchers });
            tokio::spawn(register(
                self.state(),
                DidChangeWatchedFiles::METHOD,
                options,
            ));
        }
        tokio::spawn(workspace_index::look_again(self.state()));
    }

    async fn did_change_workspace_folders(&self, params: lsp::DidChangeWorkspaceFoldersParams) {
        let [added, removed] = [&params.event.added, &params.event.removed]
            .map(|folders| folders.iter().map(|folder| &folder.uri));
        self.state.workspace.change(added, removed);
        tokio::spawn(workspace_index::look_again(self.state()));
    }

    async fn shutdown(&self) -> Result<()> {
        self.state.shut_down();
        Ok(())
    }

    async fn did_open(&self, params: lsp::DidOpenTextDocumentParams) {
        let lsp::TextDocumentItem {
            uri, version, text, ..
        } = params.text_document;
        if let Some(latest) = self.state.open(uri.clone(), &text, version) {
            tokio::spawn(watch::watch(self.state(), uri, latest));
        }
        self.look_again();
    }

    async fn did_change(&self, params: lsp::DidChangeTextDocumentParams) {
        let lsp::VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        let changes = params
            .content_changes
            .into_iter()
            .map(from_proto::change)
            .collect();
        self.state.change(&uri, version, changes);
        if neighbours::concerns_others(&uri) {
            tokio::spawn(neighbours::look_again(self.state()));
        }
    }

    /// Who saves wants to know where the file stands, even if the last diagnostics got lost or an analysis failed.
    async fn did_save(&self, params: lsp::DidSaveTextDocumentParams) {
        self.state.wake(&params.text_document.uri);
        self.look_again();
    }

    async fn did_change_watched_files(&self, params: lsp::DidChangeWatchedFilesParams) {
        let is_manifest = |change: &lsp::FileEvent| {
            !configuration::is_file(&change.uri) && !neighbours::concerns_others(&change.uri)
        };
        if params.changes.is_empty() || !params.changes.iter().all(is_manifest) {
            self.look_again();
        }
        tokio::spawn(workspace_index::look_again(self.state()));
    }

    async fn did_close(&self, params: lsp::DidCloseTextDocumentParams) {
        self.state.close(&params.text_document.uri);
        tokio::spawn(workspace_index::look_again(self.state()));
    }

    async fn did_change_configuration(&self, params: lsp::DidChangeConfigurationParams) {
        configure(&self.state, Source::Told, &params.settings);
        if self.state.capabilities().configuration {
            tokio::spawn(pull_configuration(self.state()));
        }
    }

    async fn diagnostic(
        &self,
        params: lsp::DocumentDiagnosticParams,
    ) -> Result<lsp::DocumentDiagnosticReportResult> {
        pull::document(&self.state, params).await.map_err(failed)
    }

    async fn workspace_diagnostic(
        &self,
        params: lsp::WorkspaceDiagnosticParams,
    ) -> Result<lsp::WorkspaceDiagnosticReportResult> {
        pull::workspace(&self.state, params).await.map_err(failed)
    }

    async fn hover(&self, params: lsp::HoverParams) -> Result<Option<lsp::Hover>> {
        Ok(hover::hover(&self.state, params).await)
    }

    async fn goto_definition(
        &self,
        params: lsp::GotoDefinitionParams,
    ) -> Result<Option<lsp::GotoDefinitionResponse>> {
        Ok(definition::definition(&self.state, params).await)
    }

    async fn completion(
        &self,
        params: lsp::CompletionParams,
    ) -> Result<Option<lsp::CompletionResponse>> {
        let lsp::TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position;
        match completion::completion(&self.state, &text_document.uri, position) {
            Some(names) => Ok(Some(names)),
            None => Ok(fields::completion(&self.state, &text_document.uri, position).await),
        }
    }

    async fn completion_resolve(&self, item: lsp::CompletionItem) -> Result<lsp::CompletionItem> {
        Ok(completion::resolve(&self.state, item))
    }

    async fn code_action(
        &self,
        params: lsp::CodeActionParams,
    ) -> Result<Option<lsp::CodeActionResponse>> {
        code_action::code_action(&self.state, params)
            .await
            .map_err(failed)
    }

    async fn code_action_resolve(&self, action: lsp::CodeAction) -> Result<lsp::CodeAction> {
        code_action::resolve(&self.state, action)
            .await
            .map_err(unresolved)
    }

    async fn code_lens(&self, params: lsp::CodeLensParams) -> Result<Option<Vec<lsp::CodeLens>>> {
        Ok(lens::lenses(&self.state, &params.text_document.uri).await)
    }

    async fn code_lens_resolve(&self, lens: lsp::CodeLens) -> Result<lsp::CodeLens> {
        lens::resolve(&self.state, lens).await.map_err(unresolved)
    }

    async fn document_symbol(
        &self,
        params: lsp::DocumentSymbolParams,
    ) -> Result<Option<lsp::DocumentSymbolResponse>> {
        Ok(symbols::symbols(&self.state, &params.text_document.uri).await)
    }

    async fn inlay_hint(
        &self,
        params: lsp::InlayHintParams,
    ) -> Result<Option<Vec<lsp::InlayHint>>> {
        Ok(hints::hints(&self.state, &params.text_document.uri, params.range).await)
    }

    async fn execute_command(&self, params: lsp::ExecuteCommandParams) -> Result<Option<Value>> {
        let of_lens = || params.arguments.first().cloned().unwrap_or_default();
        match (params.command.as_str(), command::page(&params)) {
            (lens::HARDEN, _) => lens::harden(&self.state, of_lens())
                .await
                .map_err(unresolved)?,
            (lens::SHOW_STANDING, _) => lens::show_standing(&self.state, of_lens())
                .await
                .map_err(unresolved)?,
            (_, Some(page)) => {
                let state = self.state();
                tokio::spawn(async move { show(&state, page).await });
            }
            (name, None) => {
                return Err(Error::invalid_params(format!(
                    "there is no such command: {name}"
                )));
            }
        }
        Ok(None)
    }
}

/// Whether the client's part for this server says something with the greeting: how diagnostics get to it is decided there, once.
fn wants(options: Option<&Value>, name: &str, value: &Value) -> bool {
    options.is_some_and(|options| options.get(SECTION).unwrap_or(options).get(name) == Some(value))
}

fn failed(Panicked(message): Panicked) -> Error {
    Error {
        message: message.into(),
        ..Error::internal_error()
    }
}

fn unresolved(unresolved: Unresolved) -> Error {
    match unresolved {
        Unresolved::Outdated => Error {
            message: OUTDATED.into(),
            ..Error::new(ErrorCode::ContentModified)
        },
        Unresolved::Failed(panicked) => failed(panicked),
    }
}

const OUTDATED: &str = "the document has changed since this was offered";

/// Has the client show a page of the web.
async fn show(state: &State, page: lsp::Uri) {
    let client = state.client.clone();
    let params = lsp::ShowDocumentParams {
        uri: page,
        external: Some(true),
        take_focus: None,
        selection: None,
    };
    answer(state, async move { client.show_document(params).await }).await;
}

/// Takes settings, and tells the person at the client what is wrong in them.
fn configure(state: &Arc<State>, source: Source, value: &Value) {
    let (settings, complaints) = Settings::read(value);
    for complaint in state.configure(source, settings, complaints) {
        guard::tell::<ShowMessage>(
            state,
            lsp::ShowMessageParams {
                typ: lsp::MessageType::WARNING,
                message: complaint,
            },
        );
    }
    // Before the greeting is over nothing may be asked of a client.
    if source != Source::Initial {
        tokio::spawn(extras::settle(Arc::clone(state)));
    }
}

/// Who asks the client for its settings.
#[derive(Default)]
pub(super) struct Pulling {
    /// Held from a question to its answer, so that what the client answered last counts last.
    turn: Mutex<()>,
    /// Whether somebody waits for the turn: what changes until then is in the answer to that question.
    is_awaited: AtomicBool,
}

/// Asks the client for its settings.
async fn pull_configuration(state: Arc<State>) {
    if state.pulling.is_awaited.swap(true, Ordering::SeqCst) {
        return;
    }
    let _turn = state.pulling.turn.lock().await;
    // What changes from here on is for the next question.
    state.pulling.is_awaited.store(false, Ordering::SeqCst);
    let client = state.client.clone();
    let item = lsp::ConfigurationItem {
        scope_uri: None,
        section: Some(SECTION.to_owned()),
    };
    let answer = answer(
        &state,
        async move { client.configuration(vec![item]).await },
    )
    .await;
    if let Some(value) = answer.and_then(|values| values.into_iter().next()) {
        configure(&state, Source::Pulled, &value);
    }
}

/// Asks the client to tell when its settings or configuration files change; some tell only those who ask.
async fn register(state: Arc<State>, method: &'static str, options: Value) {
    let client = state.client.clone();
    let (id, method) = (method.to_owned(), method.to_owned());
    let registration = lsp::Registration {
        id,
        method,
        register_options: Some(options),
    };
    answer(&state, async move {
        client.register_capability(vec![registration]).await
    })
    .await;
}

/// What a client answers to a request, if it does so in time.
pub(super) async fn answer<T>(
    state: &State,
    request: impl Future<Output = Result<T>>,
) -> Option<T> {
    timeout(state.setup.patience, request).await.ok()?.ok()
}
