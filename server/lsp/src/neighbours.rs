//! What the files around each open document say of it, kept up to date while those files change; and where kustomizations put the objects
//! of those that are not open and say something of others.
//!
//! Knows when to look. Must not know what is looked for: that is [`workspace::project`]'s. Promise: files are read off the threads that
//! talk, by one reader at a time; the texts of open files are the client's; a document is analysed again only where something else is
//! known of it.

use super::analysis::{self, Panicked};
use super::state::State;
use linter::OwnedInputs;
use linter::config::Config;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tower_lsp::ls_types::Uri;
use workspace::cross_references::{Fact, TargetNamespaces};
use workspace::kustomize::Kustomizations;
use workspace::project::{self, Project};
use workspace::{FileContext, WorkspaceView};

#[derive(Default)]
pub(super) struct Neighbours {
    known: Mutex<HashMap<Uri, Neighbourhood>>,
    /// Held by who reads files or says where objects are put, with what that was made of.
    turn: tokio::sync::Mutex<Placed>,
    /// Whether somebody waits for the turn to look at everything: who asks then is answered by that look.
    is_awaited: AtomicBool,
}

/// The kustomizations by which it is known where the objects of texts that say something are put.
#[derive(Default, PartialEq)]
struct Placed {
    on_disk: Arc<Kustomizations>,
    open: Kustomizations,
}

/// The files by which the neighbours of others are found.
#[derive(Clone, PartialEq)]
struct Known {
    on_disk: Arc<Kustomizations>,
    /// Of open ones.
    texts: HashMap<PathBuf, String>,
}

/// What is known of a document, and what it is held to for that. The same configuration is given out as long as nothing changes,
/// so that what was found under it stays known.
struct Neighbourhood {
    context: FileContext,
    inputs: Option<Arc<OwnedInputs>>,
}

/// What a document is held to among its neighbours, where a configuration counts for it.
pub(super) async fn over(
    state: &Arc<State>,
    url: &Uri,
    config: Arc<Config>,
) -> Result<Arc<OwnedInputs>, Panicked> {
    if !state.neighbours.knows(url) {
        let _turn = state.neighbours.turn.lock().await;
        if !state.neighbours.knows(url) {
            let (found, _) = look(state, vec![url.clone()]).await?;
            state.neighbours.take(found);
        }
    }
    Ok(state.neighbours.over(url, config))
}

/// Looks at the neighbours of all open documents, and has those analysed again of which something else is known now. A look that fails
/// changes nothing.
pub(super) async fn look_again(state: Arc<State>) {
    if state.neighbours.is_awaited.swap(true, Ordering::SeqCst) {
        return;
    }
    let placed = state.neighbours.turn.lock().await;
    // What changes from here on is for the next look.
    state.neighbours.is_awaited.store(false, Ordering::SeqCst);
    let open = state.urls();
    state.neighbours.read().retain(|url, _| open.contains(url));
    let Ok((found, latest)) = look(&state, open).await else {
        return;
    };
    let changed = state.neighbours.take(found);
    changed.iter().for_each(|url| state.wake(url));
    let is_same = *placed == latest;
    drop(placed);
    if !is_same {
        place_again(&state).await;
    }
}

/// Takes where kustomizations put the objects of all texts that say something of others.
async fn place_again(state: &Arc<State>) {
    let (mut placed, by, places) = places(state, state.workspace.index.sources()).await;
    *placed = by;
    let moved = places
        .into_iter()
        .filter(|(source, places)| state.workspace.index.set_target_namespaces(source, places))
        .count();
    if moved > 0 {
        state.wake_outdated();
    }
}

/// Takes what the objects in files say, where kustomizations put them. Gives back which files are open: of those nothing is taken.
pub(super) async fn put(
    state: &Arc<State>,
    facts: Vec<(PathBuf, Vec<Fact>)>,
    open: impl Fn() -> HashSet<PathBuf>,
) -> HashSet<PathBuf> {
    let sources = facts
        .iter()
        .filter(|(_, facts)| !facts.is_empty())
        .map(|(source, _)| source.clone())
        .collect();
    let (_turn, _, places) = places(state, sources).await;
    let places: HashMap<PathBuf, TargetNamespaces> = places.into_iter().collect();
    let open = open();
    for (source, facts) in facts
        .into_iter()
        .filter(|(source, _)| !open.contains(source))
    {
        state.workspace.index.update(
            &source,
            facts.iter(),
            places.get(&source).unwrap_or(&TargetNamespaces::default()),
        );
    }
    open
}

/// Where kustomizations put the objects of files, and the turn of who says so. The files are read before it comes, since those who
/// open documents wait for it, too; and once more if something else is known by then.
async fn places(
    state: &Arc<State>,
    sources: Vec<PathBuf>,
) -> (
    tokio::sync::MutexGuard<'_, Placed>,
    Placed,
    Vec<(PathBuf, TargetNamespaces)>,
) {
    let known = Known::latest(state);
    let (by, found) = places_by(known.clone(), sources.clone()).await;
    let turn = state.neighbours.turn.lock().await;
    let latest = Known::latest(state);
    if latest == known {
        return (turn, by, found);
    }
    let (by, found) = places_by(latest, sources).await;
    (turn, by, found)
}

async fn places_by(
    known: Known,
    sources: Vec<PathBuf>,
) -> (Placed, Vec<(PathBuf, TargetNamespaces)>) {
    let work = move || {
        let (placed, mut project) = known.project();
        (
            placed,
            sources
                .into_iter()
                .map(|source| (source.clone(), project.namespaces_of(&source)))
                .collect(),
        )
    };
    // It takes none of the turns of those who analyse: there may be many files. Where it fails, nothing puts anything anywhere.
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

/// Whether other documents may be something else because of what this one says.
pub(super) fn concerns_others(url: &Uri) -> bool {
    project::affects_other_files(Path::new(url.path().as_str()))
}

async fn look(
    state: &Arc<State>,
    urls: Vec<Uri>,
) -> Result<(Vec<(Uri, FileContext)>, Placed), Panicked> {
    let index = Arc::clone(&state.workspace.index);
    let known = Known::latest(state);
    analysis::off_thread(state, move || {
        let (placed, mut project) = known.project();
        let of = |url: &Uri| {
            let file = path(url);
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
        let found: Vec<FileContext> = urls.iter().map(of).collect();
        (urls.into_iter().zip(found).collect(), placed)
    })
    .await
}

impl Known {
    /// What is known now.
    fn latest(state: &State) -> Self {
        let urls = state.urls().into_iter().filter(concerns_others);
        let named = |url: Uri| Some((real(&path(&url)?)?, state.snapshot(&url)?.text.to_string()));
        Known {
            on_disk: state.workspace.kustomizations(),
            texts: urls.filter_map(named).collect(),
        }
    }

    /// Who looks by it, and what that will be made of.
    fn project(self) -> (Placed, Project) {
        let open = Kustomizations::from_texts(
            self.texts
                .iter()
                .map(|(file, text)| (file.as_path(), text.as_str())),
        );
        (
            Placed {
                on_disk: Arc::clone(&self.on_disk),
                open,
            },
            Project::new(self.texts, self.on_disk),
        )
    }
}

/// The file that a document is, where it is on a disk.
pub(super) fn path(url: &Uri) -> Option<PathBuf> {
    super::uri::file_of(url)
}

/// The file without links in the names of its folders.
pub(super) fn real(file: &Path) -> Option<PathBuf> {
    Some(workspace::paths::real(workspace::paths::folder_of(file)).join(file.file_name()?))
}

impl Neighbours {
    fn read(&self) -> MutexGuard<'_, HashMap<Uri, Neighbourhood>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, url: &Uri) -> bool {
        self.read().contains_key(url)
    }

    /// Takes what was found, and gives back the documents of which something else was known. Of a document that nothing was known
    /// of nobody has made anything yet.
    fn take(&self, found: Vec<(Uri, FileContext)>) -> Vec<Uri> {
        let mut known = self.read();
        let mut changed = Vec::new();
        for (url, context) in found {
            match known.get_mut(&url) {
                Some(known) if known.context == context => {}
                Some(known) => {
                    *known = Neighbourhood {
                        context,
                        inputs: None,
                    };
                    changed.push(url);
                }
                None => {
                    _ = known.insert(
                        url,
                        Neighbourhood {
                            context,
                            inputs: None,
                        },
                    )
                }
            }
        }
        changed
    }

    /// Returns the same inputs as long as neither the configuration nor the context changes.
    fn over(&self, url: &Uri, config: Arc<Config>) -> Arc<OwnedInputs> {
        let mut known = self.read();
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
