//! The file context of each open document, and the namespaces that kustomizations give to the objects in the workspace index.
//!
//! Files are read on the blocking pool, one read at a time. For open files the client's text counts. A document is analyzed again only if
//! its context changed.

use super::documents::Documents;
use super::run_again::RunAgain;
use super::workers::{Panicked, Workers, run_in_background};
use super::workspace::{Workspace, real};
use crate::protocol::client::ClientHandle;
use crate::protocol::uri;
use linter::OwnedInputs;
use linter::config::Config;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tower_lsp::ls_types::Uri;
use workspace::cross_references::{Fact, TargetNamespaces};
use workspace::kustomize::Kustomizations;
use workspace::project::{self, Project};
use workspace::{FileContext, WorkspaceView};

/// The file contexts of the open documents.
pub(crate) struct FileContexts {
    client: ClientHandle,
    documents: Arc<Documents>,
    workspace: Arc<Workspace>,
    workers: Arc<Workers>,
    known: Mutex<HashMap<Uri, Known>>,
    /// Held while files are read or namespaces are assigned, with the kustomizations that were used last.
    reads: RunAgain<UsedKustomizations>,
}

/// The kustomizations that decide the namespaces of objects.
#[derive(Default, PartialEq)]
struct UsedKustomizations {
    on_disk: Arc<Kustomizations>,
    open: Kustomizations,
}

/// The kustomizations on the disk, and the open files that belong to the context of others.
#[derive(Clone, PartialEq)]
struct Sources {
    on_disk: Arc<Kustomizations>,
    /// The texts of open files.
    texts: HashMap<PathBuf, String>,
}

/// The context of a document, and the last inputs with it: the same ones as long as nothing changes, so that analyses stay valid.
struct Known {
    context: FileContext,
    inputs: Option<Arc<OwnedInputs>>,
}

/// Whether a document belongs to the context of others.
pub(crate) fn affects_other_files(url: &Uri) -> bool {
    project::affects_other_files(Path::new(url.path().as_str()))
}

impl Sources {
    /// Returns the kustomizations, and the project to find contexts in.
    fn project(self) -> (UsedKustomizations, Project) {
        let open = Kustomizations::from_texts(
            self.texts
                .iter()
                .map(|(file, text)| (file.as_path(), text.as_str())),
        );
        (
            UsedKustomizations {
                on_disk: Arc::clone(&self.on_disk),
                open,
            },
            Project::new(self.texts, self.on_disk),
        )
    }
}

impl FileContexts {
    pub(crate) fn new(
        client: ClientHandle,
        documents: Arc<Documents>,
        workspace: Arc<Workspace>,
        workers: Arc<Workers>,
    ) -> Self {
        FileContexts {
            client,
            documents,
            workspace,
            workers,
            known: Mutex::default(),
            reads: RunAgain::default(),
        }
    }

    /// Returns the inputs for the analysis of a document with a configuration.
    pub(crate) async fn inputs(
        &self,
        url: &Uri,
        config: Arc<Config>,
    ) -> Result<Arc<OwnedInputs>, Panicked> {
        if !self.knows(url) {
            let _turn = self.reads.turn().await;
            if !self.knows(url) {
                let (found, _) = self.find(vec![url.clone()]).await?;
                self.replace(found);
            }
        }
        Ok(self.known_inputs(url, config))
    }

    /// Finds the contexts of all open documents again, and wakes those whose context changed. A failure changes nothing.
    pub(crate) async fn reload(&self) {
        let Some(used) = self.reads.request().await else {
            return;
        };
        let open = self.documents.urls();
        self.lock().retain(|url, _| open.contains(url));
        let (found, latest) = match self.find(open).await {
            Ok(found) => found,
            Err(panicked) => {
                self.client.report_error(format!(
                    "kubeharden crashed while reading the files around documents: {panicked}"
                ));
                return;
            }
        };
        let changed = self.replace(found);
        changed.iter().for_each(|url| self.documents.wake(url));
        let is_same = *used == latest;
        drop(used);
        if !is_same {
            self.assign_namespaces().await;
        }
    }

    /// Updates the namespaces of all objects in the index.
    async fn assign_namespaces(&self) {
        let index = &self.workspace.index;
        let (mut used, latest, namespaces) = self.namespaces(index.sources()).await;
        *used = latest;
        let moved = namespaces
            .into_iter()
            .filter(|(source, namespaces)| index.set_target_namespaces(source, namespaces))
            .count();
        if moved > 0 {
            self.documents.wake_outdated();
        }
    }

    /// Puts the facts of files into the index, except those of open files. Returns which files are open.
    pub(crate) async fn index(
        &self,
        facts: Vec<(PathBuf, Vec<Fact>)>,
        open: impl Fn() -> HashSet<PathBuf>,
    ) -> HashSet<PathBuf> {
        let sources = facts
            .iter()
            .filter(|(_, facts)| !facts.is_empty())
            .map(|(source, _)| source.clone())
            .collect();
        let (_turn, _, namespaces) = self.namespaces(sources).await;
        let namespaces: HashMap<PathBuf, TargetNamespaces> = namespaces.into_iter().collect();
        let open = open();
        for (source, facts) in facts
            .into_iter()
            .filter(|(source, _)| !open.contains(source))
        {
            let default = TargetNamespaces::default();
            let namespaces = namespaces.get(&source).unwrap_or(&default);
            self.workspace
                .index
                .update(&source, facts.iter(), namespaces);
        }
        open
    }

    /// Returns the namespaces that kustomizations give to the objects of files, with the turn to use them. Reads the files before it
    /// takes the turn, because opening a document waits for it too, and again if something changed meanwhile.
    async fn namespaces(
        &self,
        files: Vec<PathBuf>,
    ) -> (
        tokio::sync::MutexGuard<'_, UsedKustomizations>,
        UsedKustomizations,
        Vec<(PathBuf, TargetNamespaces)>,
    ) {
        let sources = self.sources();
        let (used, found) = self.namespaces_by(sources.clone(), files.clone()).await;
        let turn = self.reads.turn().await;
        let latest = self.sources();
        if latest == sources {
            return (turn, used, found);
        }
        let (used, found) = self.namespaces_by(latest, files).await;
        (turn, used, found)
    }

    /// Reports a failure; then no kustomization changes a namespace.
    async fn namespaces_by(
        &self,
        sources: Sources,
        files: Vec<PathBuf>,
    ) -> (UsedKustomizations, Vec<(PathBuf, TargetNamespaces)>) {
        let work = move || {
            let (used, mut project) = sources.project();
            let found = files
                .into_iter()
                .map(|file| (file.clone(), project.namespaces_of(&file)))
                .collect();
            (used, found)
        };
        // There may be many files, and no request waits for them.
        run_in_background(work).await.unwrap_or_else(|panicked| {
            self.client.report_error(format!(
                "kubeharden crashed while reading kustomizations: {panicked}"
            ));
            Default::default()
        })
    }

    async fn find(
        &self,
        urls: Vec<Uri>,
    ) -> Result<(Vec<(Uri, FileContext)>, UsedKustomizations), Panicked> {
        let index = Arc::clone(&self.workspace.index);
        let sources = self.sources();
        let work = move || {
            let (used, mut project) = sources.project();
            let context_of = |url: &Uri| {
                let file = uri::file_of(url);
                let context = file
                    .as_deref()
                    .map(|file| project.file_context(file))
                    .unwrap_or_default();
                let folder = file
                    .map(|file| workspace::paths::real(workspace::paths::folder_of(&file)))
                    .unwrap_or_default();
                let others = WorkspaceView {
                    index: Arc::clone(&index),
                    folder: folder.into(),
                };
                FileContext {
                    workspace: Some(others),
                    ..context
                }
            };
            let found: Vec<FileContext> = urls.iter().map(context_of).collect();
            (urls.into_iter().zip(found).collect(), used)
        };
        self.workers.run(work).await
    }

    fn sources(&self) -> Sources {
        let urls = self.documents.urls().into_iter();
        let named = |url: Uri| {
            let text = self.documents.snapshot(&url)?.text.to_string();
            Some((real(&uri::file_of(&url)?)?, text))
        };
        Sources {
            on_disk: self.workspace.kustomizations(),
            texts: urls.filter(affects_other_files).filter_map(named).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uri, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, url: &Uri) -> bool {
        self.lock().contains_key(url)
    }

    /// Replaces contexts. Returns the documents that had another one before.
    fn replace(&self, found: Vec<(Uri, FileContext)>) -> Vec<Uri> {
        let mut known = self.lock();
        let mut changed = Vec::new();
        for (url, context) in found {
            let before = known.get(&url).map(|known| &known.context);
            if before == Some(&context) {
                continue;
            }
            if before.is_some() {
                changed.push(url.clone());
            }
            let inputs = None;
            known.insert(url, Known { context, inputs });
        }
        changed
    }

    /// Returns the same inputs as long as neither the configuration nor the context changes.
    fn known_inputs(&self, url: &Uri, config: Arc<Config>) -> Arc<OwnedInputs> {
        let mut known = self.lock();
        let Some(known) = known.get_mut(url) else {
            let context = FileContext::default();
            return Arc::new(OwnedInputs { config, context });
        };
        let kept = known.inputs.as_ref();
        if let Some(inputs) = kept.filter(|inputs| Arc::ptr_eq(&inputs.config, &config)) {
            return Arc::clone(inputs);
        }
        let context = known.context.clone();
        let inputs = Arc::new(OwnedInputs { config, context });
        known.inputs = Some(Arc::clone(&inputs));
        inputs
    }
}
