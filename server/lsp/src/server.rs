//! Routes every message to the function that handles it.
//!
//! A notification changes the state before its handler waits for anything, because messages are ordered only up to there. No handler
//! waits for the client.

use crate::diagnostics::cache::DiagnosticsCache;
use crate::diagnostics::pull::Pull;
use crate::diagnostics::push::DocumentTask;
use crate::diagnostics::refresh::Refresh;
use crate::features::deferred::Unresolved;
use crate::features::definition::Definitions;
use crate::features::{
    code_action, commands, completion, fields, harden, hints, hover, lens, symbols,
};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::client::ClientHandle;
use crate::protocol::lifecycle::Lifecycle;
use crate::protocol::uri::is_configuration_file;
use crate::protocol::{from_proto, parent};
use crate::session::analysis::Analyzer;
use crate::session::configurations::Configurations;
use crate::session::documents::Documents;
use crate::session::dynamic_features::{self, DynamicFeatures};
use crate::session::file_contexts::{FileContexts, affects_other_files};
use crate::session::run_again::RunAgain;
use crate::session::settings::SECTION;
use crate::session::settings_store::{SettingsStore, Source};
use crate::session::workers::{Panicked, Workers};
use crate::session::workspace::Workspace;
use crate::session::workspace_scan::WorkspaceScan;
use crate::setup::Setup;
use crate::{logging, server_capabilities};
use linter::config::discovery;
use serde_json::Value;
use std::sync::Arc;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types as lsp;
use tower_lsp::ls_types::notification::{
    DidChangeConfiguration, DidChangeWatchedFiles, Notification, ShowMessage,
};
use tower_lsp::ls_types::request::{RegisterCapability, ShowDocument, WorkspaceConfiguration};
use workspace::project;

pub(crate) struct Server {
    client: ClientHandle,
    lifecycle: Arc<Lifecycle>,
    settings: Arc<SettingsStore>,
    configurations: Arc<Configurations>,
    documents: Arc<Documents>,
    contexts: Arc<FileContexts>,
    workspace: Arc<Workspace>,
    scan: Arc<WorkspaceScan>,
    features: Arc<DynamicFeatures>,
    analyzer: Analyzer,
    definitions: Definitions,
    refresh: Refresh,
    /// Held from a request for settings to its answer, so that the last answer counts.
    settings_requests: Arc<RunAgain>,
}

impl Server {
    pub(crate) fn new(client: ClientHandle, lifecycle: Arc<Lifecycle>, setup: Setup) -> Self {
        let settings = Arc::<SettingsStore>::default();
        let documents = Arc::<Documents>::default();
        let workspace = Arc::<Workspace>::default();
        let workers = Arc::<Workers>::default();
        let features = Arc::new(DynamicFeatures::new(client.clone(), Arc::clone(&settings)));
        let configurations = Arc::new(Configurations::new(
            client.clone(),
            Arc::clone(&settings),
            Arc::clone(&documents),
            Arc::clone(&features),
            Arc::clone(&workers),
        ));
        let contexts = Arc::new(FileContexts::new(
            client.clone(),
            Arc::clone(&documents),
            Arc::clone(&workspace),
            Arc::clone(&workers),
        ));
        let scan = Arc::new(WorkspaceScan {
            client: client.clone(),
            documents: Arc::clone(&documents),
            workspace: Arc::clone(&workspace),
            contexts: Arc::clone(&contexts),
            scans: RunAgain::default(),
        });
        let analyzer = Analyzer {
            documents: Arc::clone(&documents),
            configurations: Arc::clone(&configurations),
            contexts: Arc::clone(&contexts),
            scan: Arc::clone(&scan),
            workers,
            analyze: setup.analyze,
            most_inline_bytes: setup.most_inline_bytes,
            action_limits: setup.action_limits,
        };
        let definitions = Definitions {
            client: client.clone(),
            analyzer: analyzer.clone(),
            workspace: Arc::clone(&workspace),
        };
        Server {
            refresh: Refresh::new(client.clone()),
            client,
            lifecycle,
            settings,
            configurations,
            documents,
            contexts,
            workspace,
            scan,
            features,
            analyzer,
            definitions,
            settings_requests: Arc::default(),
        }
    }

    fn supported(&self) -> Capabilities {
        self.client.capabilities()
    }

    fn pull(&self) -> Pull {
        Pull {
            client: self.client.clone(),
            settings: Arc::clone(&self.settings),
            analyzer: self.analyzer.clone(),
            workspace: Arc::clone(&self.workspace),
        }
    }

    /// Reads the configuration files and the files around documents again. Opening or saving a document triggers it too, since many
    /// clients watch no files.
    fn reload(&self) {
        let configurations = Arc::clone(&self.configurations);
        tokio::spawn(async move { configurations.reload().await });
        self.reload_contexts();
        if !self.supported().watch_registration {
            self.rescan();
        }
    }

    fn reload_contexts(&self) {
        let contexts = Arc::clone(&self.contexts);
        tokio::spawn(async move { contexts.reload().await });
    }

    fn rescan(&self) {
        let scan = Arc::clone(&self.scan);
        tokio::spawn(async move { scan.rescan().await });
    }

    /// Requests the settings of the client.
    fn request_settings(&self) {
        let (requests, client) = (Arc::clone(&self.settings_requests), self.client.clone());
        let (settings, configurations) =
            (Arc::clone(&self.settings), Arc::clone(&self.configurations));
        tokio::spawn(async move {
            let Some(_turn) = requests.request().await else {
                return;
            };
            let item = lsp::ConfigurationItem {
                scope_uri: None,
                section: Some(SECTION.to_owned()),
            };
            let params = lsp::ConfigurationParams { items: vec![item] };
            let answer = client.request::<WorkspaceConfiguration>(params).await;
            if let Some(value) = answer.and_then(|values| values.into_iter().next()) {
                configure(
                    &client,
                    &settings,
                    &configurations,
                    Source::Requested,
                    value,
                );
            }
        });
    }

    /// Registers for notifications that some clients send only on request.
    fn register<N: Notification>(&self, options: Value) {
        let client = self.client.clone();
        let registration = lsp::Registration {
            id: N::METHOD.to_owned(),
            method: N::METHOD.to_owned(),
            register_options: Some(options),
        };
        let registrations = vec![registration];
        tokio::spawn(async move {
            let params = lsp::RegistrationParams { registrations };
            client.request::<RegisterCapability>(params).await
        });
    }

    fn configure(&self, source: Source, value: Value) {
        configure(
            &self.client,
            &self.settings,
            &self.configurations,
            source,
            value,
        );
    }

    /// `kubeharden/harden`, an extension of the protocol.
    pub(crate) async fn harden(&self, params: harden::Params) -> Result<Option<harden::Hardened>> {
        harden::harden(&self.analyzer, self.supported(), params)
            .await
            .map_err(failed)
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: lsp::InitializeParams) -> Result<lsp::InitializeResult> {
        let mut client = Capabilities::of(&params.capabilities);
        let options = params.initialization_options.unwrap_or_default();
        let wants = |name, value: Value| {
            let section = options.get(SECTION).unwrap_or(&options);
            section.get(name) == Some(&value)
        };
        client.pull &= !wants("diagnostics", "push".into());
        client.pull_all = client.pull && wants("workspaceDiagnostics", true.into());
        self.client.set_capabilities(client);
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
        self.workspace
            .change(root.chain(folders), std::iter::empty());
        self.configure(Source::Initial, options);
        if let Some(parent) = params.process_id {
            parent::watch(&self.lifecycle, parent);
        }
        let mut capabilities = server_capabilities::offered(&client);
        dynamic_features::offered(&client, self.settings.get(), &mut capabilities);
        Ok(lsp::InitializeResult {
            capabilities,
            server_info: Some(lsp::ServerInfo {
                name: "kubeharden".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: lsp::InitializedParams) {
        let client = self.supported();
        let features = Arc::clone(&self.features);
        tokio::spawn(async move { features.update().await });
        if client.configuration {
            self.request_settings();
        }
        if client.configuration_registration {
            self.register::<DidChangeConfiguration>(serde_json::json!({ "section": SECTION }));
        }
        if client.watch_registration {
            let names = (discovery::FILE_NAMES.into_iter())
                .chain(project::watched_file_names())
                .chain(["*.yaml", "*.yml", "*.json"]);
            let watchers: Vec<Value> = names
                .map(|name| serde_json::json!({ "globPattern": format!("**/{name}") }))
                .collect();
            self.register::<DidChangeWatchedFiles>(serde_json::json!({ "watchers": watchers }));
        }
        self.rescan();
    }

    async fn did_change_workspace_folders(&self, params: lsp::DidChangeWorkspaceFoldersParams) {
        let [added, removed] = [&params.event.added, &params.event.removed]
            .map(|folders| folders.iter().map(|folder| &folder.uri));
        self.workspace.change(added, removed);
        self.rescan();
    }

    async fn shutdown(&self) -> Result<()> {
        self.lifecycle.shut_down();
        Ok(())
    }

    async fn did_open(&self, params: lsp::DidOpenTextDocumentParams) {
        let lsp::TextDocumentItem {
            uri, version, text, ..
        } = params.text_document;
        if let Some(latest) = self.documents.open(uri.clone(), &text, version) {
            let task = DocumentTask {
                url: uri,
                client: self.client.clone(),
                settings: Arc::clone(&self.settings),
                analyzer: self.analyzer.clone(),
                refresh: self.refresh.clone(),
                latest,
                cache: DiagnosticsCache::default(),
            };
            tokio::spawn(task.run());
        }
        self.reload();
    }

    async fn did_change(&self, params: lsp::DidChangeTextDocumentParams) {
        let lsp::VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        let changes = params
            .content_changes
            .into_iter()
            .map(from_proto::change)
            .collect();
        self.documents
            .change(&uri, version, changes, self.client.encoding());
        if affects_other_files(&uri) {
            self.reload_contexts();
        }
    }

    /// Publishes again: a saved text is complete. Earlier diagnostics may also be lost, or an analysis failed.
    async fn did_save(&self, params: lsp::DidSaveTextDocumentParams) {
        if self.documents.saved(&params.text_document.uri) {
            self.refresh.request();
        }
        self.reload();
    }

    async fn did_change_watched_files(&self, params: lsp::DidChangeWatchedFilesParams) {
        let is_manifest = |change: &lsp::FileEvent| {
            !is_configuration_file(&change.uri) && !affects_other_files(&change.uri)
        };
        if params.changes.is_empty() || !params.changes.iter().all(is_manifest) {
            self.reload();
        }
        self.rescan();
    }

    async fn did_close(&self, params: lsp::DidCloseTextDocumentParams) {
        self.documents.close(&params.text_document.uri);
        self.rescan();
    }

    async fn did_change_configuration(&self, params: lsp::DidChangeConfigurationParams) {
        self.configure(Source::Notified, params.settings);
        if self.supported().configuration {
            self.request_settings();
        }
    }

    async fn diagnostic(
        &self,
        params: lsp::DocumentDiagnosticParams,
    ) -> Result<lsp::DocumentDiagnosticReportResult> {
        self.pull().document(params).await.map_err(failed)
    }

    async fn workspace_diagnostic(
        &self,
        params: lsp::WorkspaceDiagnosticParams,
    ) -> Result<lsp::WorkspaceDiagnosticReportResult> {
        self.pull().workspace(params).await.map_err(failed)
    }

    async fn hover(&self, params: lsp::HoverParams) -> Result<Option<lsp::Hover>> {
        Ok(hover::hover(&self.definitions, self.settings.get(), params).await)
    }

    async fn goto_definition(
        &self,
        params: lsp::GotoDefinitionParams,
    ) -> Result<Option<lsp::GotoDefinitionResponse>> {
        Ok(self.definitions.definition(params).await)
    }

    async fn completion(
        &self,
        params: lsp::CompletionParams,
    ) -> Result<Option<lsp::CompletionResponse>> {
        let lsp::TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position;
        let (url, client) = (&text_document.uri, self.supported());
        let rules = completion::completion(&self.documents, &client, url, position);
        if rules.is_some() || !self.settings.get().field_help {
            return Ok(rules);
        }
        Ok(fields::completion(&self.analyzer, client, url, position).await)
    }

    async fn completion_resolve(&self, item: lsp::CompletionItem) -> Result<lsp::CompletionItem> {
        Ok(completion::resolve(&self.supported(), item))
    }

    async fn code_action(
        &self,
        params: lsp::CodeActionParams,
    ) -> Result<Option<lsp::CodeActionResponse>> {
        let grouping = self.settings.get().grouping;
        code_action::code_action(&self.analyzer, self.supported(), grouping, params)
            .await
            .map_err(failed)
    }

    async fn code_action_resolve(&self, action: lsp::CodeAction) -> Result<lsp::CodeAction> {
        code_action::resolve(&self.analyzer, self.supported(), action)
            .await
            .map_err(unresolved)
    }

    async fn code_lens(&self, params: lsp::CodeLensParams) -> Result<Option<Vec<lsp::CodeLens>>> {
        if !self.settings.get().code_lens {
            return Ok(None);
        }
        Ok(lens::lenses(&self.analyzer, &self.client, &params.text_document.uri).await)
    }

    async fn code_lens_resolve(&self, lens: lsp::CodeLens) -> Result<lsp::CodeLens> {
        lens::resolve(&self.analyzer, &self.client, lens)
            .await
            .map_err(unresolved)
    }

    async fn document_symbol(
        &self,
        params: lsp::DocumentSymbolParams,
    ) -> Result<Option<lsp::DocumentSymbolResponse>> {
        if !self.settings.get().document_symbols {
            return Ok(None);
        }
        let url = &params.text_document.uri;
        Ok(symbols::symbols(&self.analyzer, &self.supported(), url).await)
    }

    async fn inlay_hint(
        &self,
        params: lsp::InlayHintParams,
    ) -> Result<Option<Vec<lsp::InlayHint>>> {
        if !self.settings.get().inlay_hints {
            return Ok(None);
        }
        let (url, encoding) = (&params.text_document.uri, self.client.encoding());
        Ok(hints::hints(&self.analyzer, encoding, url, params.range).await)
    }

    async fn execute_command(&self, params: lsp::ExecuteCommandParams) -> Result<Option<Value>> {
        let workload = || params.arguments.first().cloned().unwrap_or_default();
        match params.command.as_str() {
            lens::HARDEN => lens::harden(&self.analyzer, &self.client, workload())
                .await
                .map_err(unresolved)?,
            lens::SHOW_POD_SECURITY => {
                lens::show_pod_security(&self.analyzer, &self.client, workload())
                    .await
                    .map_err(unresolved)?;
            }
            name => {
                let unknown = || Error::invalid_params(format!("unknown command: {name}"));
                self.show(commands::page(&params).ok_or_else(unknown)?);
            }
        }
        Ok(None)
    }
}

impl Server {
    /// Shows a web page.
    fn show(&self, page: lsp::Uri) {
        let client = self.client.clone();
        let params = lsp::ShowDocumentParams {
            uri: page,
            external: Some(true),
            take_focus: None,
            selection: None,
        };
        tokio::spawn(async move { client.request::<ShowDocument>(params).await });
    }
}

/// Applies settings, and shows the mistakes in them to the user.
fn configure(
    client: &ClientHandle,
    settings: &SettingsStore,
    configurations: &Configurations,
    source: Source,
    value: Value,
) {
    for message in configurations.set_settings(source, value) {
        client.notify_later::<ShowMessage>(lsp::ShowMessageParams {
            typ: lsp::MessageType::WARNING,
            message,
        });
    }
    logging::set_level(settings.get().log_level);
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
            message: "the document has changed; request the code actions again".into(),
            ..Error::new(ErrorCode::ContentModified)
        },
        Unresolved::Failed(panicked) => failed(panicked),
    }
}
