//! From a snapshot to its report.
//!
//! Reuses the report of the previous text. Long analyses run on the blocking pool; a panic becomes an error.

use super::configurations::Configurations;
use super::documents::{Analyzed, Documents, Edited, Snapshot};
use super::file_contexts::FileContexts;
use super::workers::{Panicked, Workers, run_here};
use super::workspace;
use super::workspace_scan::WorkspaceScan;
use crate::setup::{ActionLimits, Analyze};
use linter::OwnedInputs;
use linter::analysis::Report;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tower_lsp::ls_types::Uri;

/// Analyzes documents with their configuration and file context. Clones share everything.
#[derive(Clone)]
pub(crate) struct Analyzer {
    pub documents: Arc<Documents>,
    pub configurations: Arc<Configurations>,
    pub contexts: Arc<FileContexts>,
    pub scan: Arc<WorkspaceScan>,
    pub workers: Arc<Workers>,
    pub analyze: Arc<Analyze>,
    /// The most bytes that are analyzed in the main loop: about as long as it takes to wake another thread.
    pub most_inline_bytes: usize,
    pub action_limits: ActionLimits,
}

impl Analyzer {
    /// Runs work once a processor is free for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        self.workers.run(work).await
    }

    /// Returns the analysis of a document's current text; `None` if it is not open or its analysis panics, which the document's task
    /// reports.
    pub(crate) async fn latest(&self, url: &Uri) -> Option<Arc<Analyzed>> {
        self.analyzed(url, self.documents.snapshot(url)?).await.ok()
    }

    /// Returns the configuration and the file context of a document.
    async fn inputs(&self, url: &Uri) -> Result<Arc<OwnedInputs>, Panicked> {
        let config = self.configurations.of(url).await?;
        self.contexts.inputs(url, config).await
    }

    /// Returns the analysis of a snapshot: the stored one if it is still right.
    pub(crate) async fn analyzed(
        &self,
        url: &Uri,
        snapshot: Snapshot,
    ) -> Result<Arc<Analyzed>, Panicked> {
        let turn = self.documents.turn(url);
        let _turn = turn.lock().await;
        let inputs = self.inputs(url).await?;
        let known = self.documents.analyzed(url);
        if let Some(known) =
            known.filter(|known| known.is_of(&snapshot, &inputs) && !known.is_outdated())
        {
            return Ok(known);
        }
        let known = self
            .documents
            .take_analyzed(url)
            .filter(|known| known.leads_to(&snapshot, &inputs));
        let start = known
            .map(|known| run_here(|| follow(known, &snapshot)))
            .transpose()?;
        let is_quick = start
            .as_ref()
            .is_some_and(|start| start.report.unanalyzed_bytes() <= self.most_inline_bytes);
        let (analyze, uri) = (Arc::clone(&self.analyze), url.clone());
        let work = move || analyze_from(start, snapshot, inputs, &uri, &*analyze);
        let (analyzed, facts_changed) = if is_quick {
            run_here(work)?
        } else {
            self.workers.run(work).await?
        };
        self.documents.remember(url, &analyzed);
        if facts_changed || analyzed.is_outdated() {
            let (analyzer, url) = (self.clone(), url.clone());
            tokio::spawn(async move { analyzer.reanalyze_dependents(&url).await });
        }
        Ok(analyzed)
    }

    /// Returns the analysis of a text that the client does not edit. Stores nothing.
    pub(crate) async fn unopened(&self, url: &Uri, text: &str) -> Result<Analyzed, Panicked> {
        let inputs = self.inputs(url).await?;
        let (snapshot, analyze) = (Snapshot::of(text), Arc::clone(&self.analyze));
        let work = move || {
            let mut report = Report::of(&snapshot.text.to_string());
            report.analyze(
                |range| snapshot.text.slice(range),
                |text, role, context| analyze(text, role, context, inputs.borrow()),
            );
            Analyzed {
                snapshot,
                inputs,
                report,
                generation: 0.into(),
            }
        };
        self.workers.run(work).await
    }

    /// Reanalyzes the documents whose cross-references changed.
    async fn reanalyze_dependents(&self, url: &Uri) {
        self.documents.wake_outdated();
        // If the document was closed meanwhile, the file on the disk counts again.
        if self.documents.snapshot(url).is_none() {
            self.scan.rescan().await;
        }
    }
}

/// Where an analysis starts: the report of an earlier text, after the edits that lead to the new one.
struct Start {
    report: Report,
    /// The generation of the workspace index that the report used.
    generation: u64,
}

/// Analyzes what is new in a snapshot and updates the workspace index. Also returns whether the index changed.
fn analyze_from(
    start: Option<Start>,
    snapshot: Snapshot,
    inputs: Arc<OwnedInputs>,
    url: &Uri,
    analyze: &Analyze,
) -> (Arc<Analyzed>, bool) {
    let others = inputs.context.workspace.as_ref();
    let current = || others.map_or(0, |others| others.index.generation());
    let Start {
        mut report,
        generation: used,
    } = start.unwrap_or_else(|| Start {
        report: Report::of(&snapshot.text.to_string()),
        generation: current(),
    });
    let update = |report: &mut Report| {
        report.analyze(
            |range| snapshot.text.slice(range),
            |text, role, context| analyze(text, role, context, inputs.borrow()),
        );
    };
    update(&mut report);
    let (mut facts_changed, mut generation) = (false, used);
    if let Some(others) = others {
        facts_changed = others.index.update(
            &workspace::source_in(url, &others.folder),
            report.facts(),
            &inputs.context.namespaces,
        );
        generation = current();
        // With an unchanged index the chunks would get the same answers.
        if generation != used && report.forget_outdated(others) {
            update(&mut report);
        }
    }
    let analyzed = Analyzed {
        snapshot,
        inputs: Arc::clone(&inputs),
        report,
        generation: generation.into(),
    };
    (Arc::new(analyzed), facts_changed)
}

/// Applies the edits since an analysis to its report. Changes the report in place, unless a request still uses it.
fn follow(known: Arc<Analyzed>, snapshot: &Snapshot) -> Start {
    let edits = snapshot.edits_since(&known.snapshot);
    let generation = known.generation.load(Ordering::SeqCst);
    let mut report =
        Arc::try_unwrap(known).map_or_else(|shared| shared.report.clone(), |known| known.report);
    for Edited {
        replaced,
        inserted,
        text,
        ..
    } in edits
    {
        report.edit(replaced, inserted, |range| text.slice(range));
    }
    Start { report, generation }
}
