//! Reads the files in the client's folders for the workspace index.
//!
//! One scan runs at a time, on the blocking pool, and reads only the files that changed. For open files the client's text counts.

use super::documents::Documents;
use super::file_contexts::FileContexts;
use super::run_again::RunAgain;
use super::workers::{run_here, run_in_background};
use super::workspace::{self as folders, MOST_FILES, Workspace, source};
use crate::protocol::client::ClientHandle;
use linter::OwnedInputs;
use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use workspace::bounded_fs;
use workspace::cross_references::Fact;
use workspace::kustomize::Kustomizations;
use workspace::project::{self, Project};
use workspace::walk;

/// Keeps the workspace index up to date.
pub(crate) struct WorkspaceScan {
    pub client: ClientHandle,
    pub documents: Arc<Documents>,
    pub workspace: Arc<Workspace>,
    pub contexts: Arc<FileContexts>,
    /// Held during a scan, with the stamps of the files that were read.
    pub scans: RunAgain<HashMap<PathBuf, Stamp>>,
}

/// Identifies the text of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    /// In bytes.
    length: u64,
}

/// What a scan found.
struct Found {
    stamps: HashMap<PathBuf, Stamp>,
    /// The facts of the files that changed.
    facts: Vec<(PathBuf, Vec<Fact>)>,
    /// `None` if no file with kustomizations changed.
    kustomizations: Option<Kustomizations>,
}

impl WorkspaceScan {
    /// Scans the files of all folders again, and wakes the documents whose cross-references changed.
    pub(crate) async fn rescan(&self) {
        let Some(mut stamps) = self.scans.request().await else {
            return;
        };
        let (folders, before) = (self.workspace.folders(), std::mem::take(&mut *stamps));
        tracing::info!(?folders, "scanning the workspace");
        let (documents, client) = (Arc::clone(&self.documents), self.client.clone());
        let scan = move || scan(&folders, &before, &open_files(&documents), &client);
        // It may take long, and no request waits for it.
        match run_in_background(scan).await {
            Ok(found) => *stamps = self.take(found).await,
            Err(panicked) => self.client.report_error(format!(
                "kubeharden crashed while scanning the workspace: {panicked}"
            )),
        }
        drop(stamps);
        self.documents.wake_outdated();
    }

    async fn take(&self, found: Found) -> HashMap<PathBuf, Stamp> {
        let Found {
            mut stamps,
            mut facts,
            kustomizations,
        } = found;
        if kustomizations.is_some_and(|found| self.workspace.set_kustomizations(found)) {
            let contexts = Arc::clone(&self.contexts);
            tokio::spawn(async move { contexts.reload().await });
        }
        let sources = self.workspace.index.sources().into_iter();
        let removed = sources.filter(|source| !stamps.contains_key(source));
        facts.extend(removed.map(|source| (source, Vec::new())));
        let open = || open_files(&self.documents);
        let open = self.contexts.index(facts, open).await;
        // An open file is read again once it is closed.
        stamps.retain(|source, _| !open.contains(source));
        stamps
    }
}

fn open_files(documents: &Documents) -> HashSet<PathBuf> {
    documents.urls().iter().map(source).collect()
}

fn scan(
    folders: &[PathBuf],
    before: &HashMap<PathBuf, Stamp>,
    open: &HashSet<PathBuf>,
    client: &ClientHandle,
) -> Found {
    let mut stamps = HashMap::new();
    for folder in folders {
        for file in walk::manifest_files(&workspace::paths::real(folder), MOST_FILES)
            .flatten()
            .filter(|file| !open.contains(file))
        {
            let metadata = fs::metadata(&file)
                .ok()
                .filter(|metadata| metadata.len() <= bounded_fs::MAX_FILE_BYTES);
            metadata.map(|metadata| stamps.insert(file, Stamp::of(&metadata)));
        }
    }
    // A changed kustomization may affect the facts of every file.
    let is_same = |file: &&PathBuf| before.get(*file) == stamps.get(*file);
    let all_changed = stamps
        .keys()
        .chain(before.keys())
        .filter(|file| !is_same(file))
        .any(|file| project::affects_other_files(file));
    let changed = stamps.keys().filter(|file| all_changed || !is_same(file));
    let mut project = Project::default();
    let facts = changed
        .map(|file| (file.clone(), facts(file, &mut project, client)))
        .collect();
    let kustomizations =
        all_changed.then(|| Kustomizations::from_files(stamps.keys().map(PathBuf::as_path)));
    Found {
        stamps,
        facts,
        kustomizations,
    }
}

/// Returns the facts of a file; none if it cannot be read. Reports a panic and goes on with the other files.
fn facts(file: &Path, project: &mut Project, client: &ClientHandle) -> Vec<Fact> {
    let Some(text) = folders::text(file) else {
        return Vec::new();
    };
    let inputs = OwnedInputs {
        context: project.file_context(file),
        ..OwnedInputs::default()
    };
    let facts = run_here(|| {
        let report = linter::analysis::analyze(&text, inputs.borrow());
        report.facts().cloned().collect()
    });
    facts.unwrap_or_else(|panicked| {
        client.report_error(format!(
            "kubeharden crashed while reading {}: {panicked}",
            file.display()
        ));
        Vec::new()
    })
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        }
    }
}
