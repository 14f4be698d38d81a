//! One task for each open document: analyzes its latest text and publishes the diagnostics.
//!
//! Since only this task publishes for the document, the last diagnostics that the client gets are those of the latest text, or none
//! once it is closed.

use super::cache::DiagnosticsCache;
use super::refresh::Refresh;
use super::status;
use crate::protocol::client::ClientHandle;
use crate::protocol::uri::is_configuration_file;
use crate::session::analysis::Analyzer;
use crate::session::documents::{Analyzed, Snapshot};
use crate::session::settings_store::SettingsStore;
use crate::session::workers::Panicked;
use linter::analysis::{ISSUES, RulePanic};
use std::sync::Arc;
use tokio::sync::watch;
use tower_lsp::ls_types::notification::{LogMessage, PublishDiagnostics};
use tower_lsp::ls_types::{LogMessageParams, MessageType, PublishDiagnosticsParams, Uri};

/// The task of an open document.
pub(crate) struct DocumentTask {
    pub url: Uri,
    pub client: ClientHandle,
    pub settings: Arc<SettingsStore>,
    pub analyzer: Analyzer,
    pub refresh: Refresh,
    /// The texts of the document; `None` once it is closed.
    pub latest: watch::Receiver<Option<Snapshot>>,
    pub cache: DiagnosticsCache,
}

impl DocumentTask {
    /// Analyzes each text and publishes its diagnostics until the document is closed.
    pub(crate) async fn run(mut self) {
        let (mut was_reported, mut revision) = (false, None);
        while self.latest.changed().await.is_ok() {
            let snapshot = self.latest.borrow_and_update().clone();
            let Some(snapshot) = snapshot else {
                self.clear().await;
                (was_reported, revision) = (false, None);
                // The client may have opened it again meanwhile; then this task continues with it.
                if self.analyzer.documents.forget(&self.url) {
                    return;
                }
                continue;
            };
            let version = snapshot.version;
            let before = revision.replace(snapshot.revision);
            let published = if is_configuration_file(&self.url) {
                self.publish_mistakes(snapshot, before.is_none()).await
            } else {
                self.publish(snapshot).await
            };
            if let Err(panicked) = &published {
                status::send_failure(&self.client, &self.url, version, panicked).await;
            }
            let failure = match published {
                Ok(failure) => failure.map(|failure| self.failed_rule(&failure)),
                Err(panicked) => Some(self.failed_analysis(&panicked)),
            };
            if let Some(message) = failure.filter(|_| !was_reported) {
                was_reported = true;
                tracing::error!("{message}");
                let typ = MessageType::ERROR;
                let params = LogMessageParams { typ, message };
                self.client.notify::<LogMessage>(params).await;
            }
            // A client pulls after it changes a text. Other changes it learns from a refresh.
            if before == revision {
                self.refresh.request();
            }
        }
    }

    async fn clear(&self) {
        if is_configuration_file(&self.url) {
            self.analyzer.configurations.close(&self.url).await;
        } else if !self.client.capabilities().pull {
            let nothing = PublishDiagnosticsParams::new(self.url.clone(), Vec::new(), None);
            self.client.notify::<PublishDiagnostics>(nothing).await;
        }
    }

    /// Analyzes a text and publishes its diagnostics. Returns the first rule that panicked. If the analysis itself panics, the
    /// diagnostics of an earlier text stay: they are closer to the truth than none.
    async fn publish(&mut self, snapshot: Snapshot) -> Result<Option<RulePanic>, Panicked> {
        let analyzed = self.analyzer.analyzed(&self.url, snapshot).await?;
        if !self.client.capabilities().pull {
            self.publish_analyzed(&analyzed).await;
        }
        let configurations = &self.analyzer.configurations;
        status::send(&self.client, configurations, &self.url, &analyzed).await;
        Ok(analyzed.report.failures().first().copied().cloned())
    }

    async fn publish_analyzed(&mut self, analyzed: &Analyzed) {
        let client = self.client.clone();
        let turn = client.turn().await;
        if let Some(version) = self.version(analyzed.snapshot.version) {
            let (grouping, supported) = (self.settings.get().grouping, client.capabilities());
            let (cache, url) = (&mut self.cache, &self.url);
            let write = |json: &mut Vec<u8>| {
                cache.write_params(analyzed, url, version, grouping, &supported, json);
            };
            turn.notify::<PublishDiagnostics>(write).await;
        }
    }

    /// Publishes the mistakes in a configuration file.
    async fn publish_mistakes(
        &self,
        snapshot: Snapshot,
        is_first: bool,
    ) -> Result<Option<RulePanic>, Panicked> {
        let configurations = &self.analyzer.configurations;
        let (mut diagnostics, _turn) = configurations.edit(&self.url, &snapshot).await?;
        if self.client.capabilities().pull {
            if !is_first {
                return Ok(None);
            }
            // From here on the client pulls. Clear what was published while the file was closed.
            diagnostics.clear();
        }
        if let Some(version) = self.version(snapshot.version) {
            let params = PublishDiagnosticsParams::new(self.url.clone(), diagnostics, version);
            self.client.notify::<PublishDiagnostics>(params).await;
        }
        Ok(None)
    }

    /// Returns the version to publish, if the client supports versions; `None` if the diagnostics are too old to publish: a client without
    /// versions would show them in the wrong places.
    fn version(&self, version: i32) -> Option<Option<i32>> {
        let has_versions = self.client.capabilities().diagnostic_version;
        let is_latest = !self.latest.has_changed().unwrap_or(true);
        let is_open = self.latest.borrow().is_some();
        (is_latest || (is_open && has_versions)).then_some(has_versions.then_some(version))
    }

    fn failed_analysis(&self, panicked: &Panicked) -> String {
        let url = self.url.as_str();
        format!("kubeharden failed to analyze {url} and retries after the next change: {panicked}")
    }

    fn failed_rule(&self, RulePanic { rule, message }: &RulePanic) -> String {
        let url = self.url.as_str();
        format!(
            "rule {rule} crashed on {url}; other rules are not affected: {message}. This is a bug in kubeharden; please report it at {ISSUES}"
        )
    }
}
