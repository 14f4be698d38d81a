//! Diagnostics for clients that pull them.
//!
//! A client gets the diagnostics that would be pushed otherwise. A canceled request does not affect the next one.

use super::list;
use crate::protocol::client::ClientHandle;
use crate::protocol::uri::{self, is_configuration_file};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::settings_store::SettingsStore;
use crate::session::workers::Panicked;
use crate::session::workspace::{self, Workspace};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tower_lsp::ls_types::{self as lsp, Diagnostic, Uri};

/// Answers the requests of a client that pulls.
#[derive(Clone)]
pub(crate) struct Pull {
    pub client: ClientHandle,
    pub settings: Arc<SettingsStore>,
    pub analyzer: Analyzer,
    pub workspace: Arc<Workspace>,
}

/// The number of files in a partial result.
const BATCH: usize = 32;

impl Pull {
    /// Returns the diagnostics of an open document; none if it is not open.
    pub(crate) async fn document(
        &self,
        params: lsp::DocumentDiagnosticParams,
    ) -> Result<lsp::DocumentDiagnosticReportResult, Panicked> {
        let items = self.of_document(&params.text_document.uri).await?;
        let report = match unless_known(items, params.previous_result_id.as_ref()) {
            Ok(full_document_diagnostic_report) => {
                lsp::DocumentDiagnosticReport::Full(lsp::RelatedFullDocumentDiagnosticReport {
                    related_documents: None,
                    full_document_diagnostic_report,
                })
            }
            Err(unchanged_document_diagnostic_report) => lsp::DocumentDiagnosticReport::Unchanged(
                lsp::RelatedUnchangedDocumentDiagnosticReport {
                    related_documents: None,
                    unchanged_document_diagnostic_report,
                },
            ),
        };
        Ok(report.into())
    }

    async fn of_document(&self, url: &Uri) -> Result<Vec<Diagnostic>, Panicked> {
        let Some(snapshot) = self.analyzer.documents.snapshot(url) else {
            return Ok(Vec::new());
        };
        let (pull, url) = (self.clone(), url.clone());
        // Clients cancel their request with each keystroke. The analysis continues for the next request.
        let task = tokio::spawn(async move {
            if is_configuration_file(&url) {
                let edited = pull.analyzer.configurations.edit(&url, &snapshot).await;
                return edited.map(|(diagnostics, _turn)| diagnostics);
            }
            let analyzed = pull.analyzer.analyzed(&url, snapshot).await?;
            Ok(pull.list(&analyzed, &url))
        });
        task.await?
    }

    fn list(&self, analyzed: &Analyzed, url: &Uri) -> Vec<Diagnostic> {
        let grouping = self.settings.get().grouping;
        list::diagnostics(analyzed, url, grouping, &self.client.capabilities())
    }

    /// Returns the diagnostics of all files in the client's folders. Sends them in batches if the client takes partial results. Ends when the
    /// client cancels the request.
    pub(crate) async fn workspace(
        &self,
        params: lsp::WorkspaceDiagnosticParams,
    ) -> Result<lsp::WorkspaceDiagnosticReportResult, Panicked> {
        let previous: HashMap<Uri, String> = params
            .previous_result_ids
            .into_iter()
            .map(|it| (it.uri, it.value))
            .collect();
        let partial = params.partial_result_params.partial_result_token;
        let token = params.work_done_progress_params.work_done_token;
        let progress = Progress::begin(&self.client, token).await;
        let folders = self.workspace.folders();
        let files = self
            .analyzer
            .run(move || workspace::files(&folders))
            .await?;
        let mut items = Vec::new();
        for (done, file) in files.iter().enumerate() {
            let Some(url) = uri::of_file(file) else {
                continue;
            };
            match self.of_file(&url, file).await {
                Ok(Some((version, diagnostics))) => {
                    items.push(report_of(url, version, diagnostics, &previous));
                }
                Ok(None) => {}
                Err(panicked) => self.client.report_error(format!(
                    "kubeharden failed to analyze {}: {panicked}",
                    url.as_str()
                )),
            }
            if done % BATCH == BATCH - 1 {
                progress.report(done + 1, files.len()).await;
                if let Some(token) = &partial {
                    self.send_items(token, &mut items).await;
                }
            }
        }
        if let Some(token) = partial.filter(|_| !items.is_empty()) {
            self.send_items(&token, &mut items).await;
        }
        Ok(lsp::WorkspaceDiagnosticReport { items }.into())
    }

    async fn send_items(
        &self,
        token: &lsp::ProgressToken,
        items: &mut Vec<lsp::WorkspaceDocumentDiagnosticReport>,
    ) {
        let value = json!({ "items": std::mem::take(items) });
        send(&self.client, token, value).await;
    }

    /// Returns the version of a file's text, if it is open, and its diagnostics; `None` if it cannot be read.
    async fn of_file(
        &self,
        url: &Uri,
        file: &Path,
    ) -> Result<Option<(Option<i64>, Vec<Diagnostic>)>, Panicked> {
        if let Some(snapshot) = self.analyzer.documents.snapshot(url) {
            let diagnostics = self.of_document(url).await?;
            return Ok(Some((Some(i64::from(snapshot.version)), diagnostics)));
        }
        let file = file.to_owned();
        let Some(text) = self.analyzer.run(move || workspace::text(&file)).await? else {
            return Ok(None);
        };
        let analyzed = self.analyzer.unopened(url, &text).await?;
        Ok(Some((None, self.list(&analyzed, url))))
    }
}

fn report_of(
    uri: Uri,
    version: Option<i64>,
    items: Vec<Diagnostic>,
    previous: &HashMap<Uri, String>,
) -> lsp::WorkspaceDocumentDiagnosticReport {
    match unless_known(items, previous.get(&uri)) {
        Ok(full_document_diagnostic_report) => lsp::WorkspaceDocumentDiagnosticReport::Full(
            lsp::WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report,
            },
        ),
        Err(unchanged_document_diagnostic_report) => {
            lsp::WorkspaceDocumentDiagnosticReport::Unchanged(
                lsp::WorkspaceUnchangedDocumentDiagnosticReport {
                    uri,
                    version,
                    unchanged_document_diagnostic_report,
                },
            )
        }
    }
}

/// Returns a full report, or an unchanged one if the client has these diagnostics already.
fn unless_known(
    items: Vec<Diagnostic>,
    previous: Option<&String>,
) -> Result<lsp::FullDocumentDiagnosticReport, lsp::UnchangedDocumentDiagnosticReport> {
    let result_id = result_id(&items);
    if previous == Some(&result_id) {
        return Err(lsp::UnchangedDocumentDiagnosticReport { result_id });
    }
    Ok(lsp::FullDocumentDiagnosticReport {
        result_id: Some(result_id),
        items,
    })
}

/// The progress that the client shows, if it sent a token. Ends when it is dropped.
struct Progress {
    client: ClientHandle,
    token: Option<lsp::ProgressToken>,
}

impl Progress {
    async fn begin(client: &ClientHandle, token: Option<lsp::ProgressToken>) -> Self {
        let progress = Progress {
            client: client.clone(),
            token,
        };
        progress
            .send(json!({ "kind": "begin", "title": "Checking manifests", "cancellable": true, "percentage": 0 }))
            .await;
        progress
    }

    async fn report(&self, done: usize, all: usize) {
        self.send(json!({ "kind": "report", "message": format!("{done}/{all}"), "percentage": done * 100 / all }))
            .await;
    }

    async fn send(&self, value: Value) {
        if let Some(token) = &self.token {
            send(&self.client, token, value).await;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else {
            return;
        };
        let client = self.client.clone();
        tokio::spawn(async move { send(&client, &token, json!({ "kind": "end" })).await });
    }
}

/// `$/progress` with any value. The library has a type for one kind of value only.
enum ProgressNotification {}

impl lsp::notification::Notification for ProgressNotification {
    type Params = Value;
    const METHOD: &'static str = "$/progress";
}

async fn send(client: &ClientHandle, token: &lsp::ProgressToken, value: Value) {
    let params = json!({ "token": token, "value": value });
    client.notify::<ProgressNotification>(params).await;
}

/// Returns the same id for the same diagnostics.
fn result_id(items: &[Diagnostic]) -> String {
    let mut hash = Hash::default();
    // Cannot fail: diagnostics have only strings as keys, and hashing takes everything.
    let _ = serde_json::to_writer(&mut hash, items);
    format!("{:016x}", hash.0.finish())
}

/// Hashes what is written to it.
#[derive(Default)]
struct Hash(DefaultHasher);

impl io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
