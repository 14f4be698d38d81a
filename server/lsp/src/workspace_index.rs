//! The folders that the client has open, and what the objects in their files say of others.
//!
//! Knows when to look, and which files count. Must not know what is said: that is [`workspace::index`]'s. Promise: files are read off the
//! threads that talk, by one reader at a time, and again only when they changed; of an open file the client's text counts; a document
//! is analysed again only where something else is answered to it.

use super::analysis::{self, Panicked};
use super::neighbours::{self, path, real};
use super::state::State;
use linter::OwnedInputs;
use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tower_lsp::ls_types::Uri;
use workspace::bounded_fs;
use workspace::cross_references::{Fact, ReferencedKind, WorkspaceIndex};
use workspace::kustomize::Kustomizations;
use workspace::project::{self, Project};
use workspace::walk;

#[derive(Default)]
pub(super) struct Workspace {
    pub index: Arc<WorkspaceIndex>,
    folders: Mutex<Vec<PathBuf>>,
    /// Those in the folders that are not open.
    kustomizations: Mutex<Arc<Kustomizations>>,
    /// Held by who reads files, with what they were like when they were read.
    seen: tokio::sync::Mutex<HashMap<PathBuf, Stamp>>,
    /// Whether somebody waits for the turn: who asks then is answered by that look.
    is_awaited: AtomicBool,
}

/// What tells one text of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    /// In bytes.
    length: u64,
}

/// What a look at the folders brought.
struct Seen {
    stamps: HashMap<PathBuf, Stamp>,
    /// Of the files that changed.
    facts: Vec<(PathBuf, Vec<Fact>)>,
    /// If any file with one changed.
    kustomizations: Option<Kustomizations>,
}

/// How many files and folders are looked at: somebody may have opened their home.
const MOST: usize = 200_000;

impl Workspace {
    fn folders(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folders as they are named to people.
    pub(super) fn all_folders(&self) -> Vec<PathBuf> {
        self.folders().clone()
    }

    pub(super) fn kustomizations(&self) -> Arc<Kustomizations> {
        Arc::clone(
            &self
                .kustomizations
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Takes which kustomizations there are. Tells whether that is something else.
    fn take_kustomizations(&self, found: Kustomizations) -> bool {
        let mut known = self
            .kustomizations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_new = **known != found;
        if is_new {
            *known = Arc::new(found);
        }
        is_new
    }

    /// Takes that the client opened some folders, and closed others.
    pub(super) fn change<'u>(
        &self,
        added: impl Iterator<Item = &'u Uri>,
        removed: impl Iterator<Item = &'u Uri>,
    ) {
        let removed: Vec<PathBuf> = removed.filter_map(path).collect();
        let mut folders = self.folders();
        folders.retain(|folder| !removed.contains(folder));
        for folder in added.filter_map(path) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
}

/// What a document in a folder, which has no links in its name, is called in the index. No disk is asked: it is so with each keystroke.
pub(super) fn source_in(url: &Uri, folder: &Path) -> PathBuf {
    let name = path(url).and_then(|file| file.file_name().map(|name| folder.join(name)));
    name.unwrap_or_else(|| PathBuf::from(url.as_str()))
}

/// What a document is called in the index: the same as the file that it is.
pub(super) fn source(url: &Uri) -> PathBuf {
    path(url)
        .and_then(|file| real(&file))
        .unwrap_or_else(|| PathBuf::from(url.as_str()))
}

/// Looks at all files of the folders, and has those documents analysed again that are answered something else now.
pub(super) async fn look_again(state: Arc<State>) {
    let workspace = &state.workspace;
    if workspace.is_awaited.swap(true, Ordering::SeqCst) {
        return;
    }
    let mut turn = workspace.seen.lock().await;
    // What changes from here on is for the next look.
    workspace.is_awaited.store(false, Ordering::SeqCst);
    let (folders, seen) = (workspace.all_folders(), std::mem::take(&mut *turn));
    let looker = Arc::clone(&state);
    // It takes none of the turns of those who analyse: it may take long, and nobody waits for it.
    let Ok(seen) = tokio::task::spawn_blocking(move || see(&folders, &seen, &open(&looker))).await
    else {
        return;
    };
    *turn = take(&state, seen).await;
    drop(turn);
    state.wake_outdated();
}

/// The open files.
fn open(state: &State) -> HashSet<PathBuf> {
    state.urls().iter().map(source).collect()
}

async fn take(state: &Arc<State>, seen: Seen) -> HashMap<PathBuf, Stamp> {
    let Seen {
        mut stamps,
        mut facts,
        kustomizations,
    } = seen;
    if kustomizations.is_some_and(|found| state.workspace.take_kustomizations(found)) {
        tokio::spawn(neighbours::look_again(Arc::clone(state)));
    }
    let gone = state
        .workspace
        .index
        .sources()
        .into_iter()
        .filter(|source| !stamps.contains_key(source));
    facts.extend(gone.map(|source| (source, Vec::new())));
    let open = neighbours::put(state, facts, || open(state)).await;
    // What is on the disk counts once it is closed.
    stamps.retain(|source, _| !open.contains(source));
    stamps
}

/// The files that are looked at, sorted and named as the client names their folders, but for JSON, most of which is none of our business.
pub(super) async fn files(state: &Arc<State>) -> Result<Vec<PathBuf>, Panicked> {
    let folders = state.workspace.all_folders();
    analysis::off_thread(state, move || {
        let files = folders
            .iter()
            .flat_map(|folder| walk::manifest_files(folder, MOST).flatten());
        let mut files: Vec<PathBuf> = files.filter(|file| !walk::is_json(file)).collect();
        files.sort();
        files.dedup();
        files
    })
    .await
}

/// The text of a file, if it is one that is read here.
pub(super) fn text(file: &Path) -> Option<String> {
    bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES)
}

fn see(folders: &[PathBuf], before: &HashMap<PathBuf, Stamp>, open: &HashSet<PathBuf>) -> Seen {
    let mut stamps = HashMap::new();
    for folder in folders {
        for file in walk::manifest_files(&workspace::paths::real(folder), MOST)
            .flatten()
            .filter(|file| !open.contains(file))
        {
            let metadata = fs::metadata(&file)
                .ok()
                .filter(|metadata| metadata.len() <= bounded_fs::MAX_FILE_BYTES);
            metadata.map(|metadata| stamps.insert(file, Stamp::of(&metadata)));
        }
    }
    // What a kustomization says of other files may be something else now.
    let is_same = |file: &&PathBuf| before.get(*file) == stamps.get(*file);
    let all_over = stamps
        .keys()
        .chain(before.keys())
        .filter(|file| !is_same(file))
        .any(|file| project::affects_other_files(file));
    let changed = stamps.keys().filter(|file| all_over || !is_same(file));
    let mut project = Project::default();
    let facts = changed
        .map(|file| (file.clone(), facts(file, &mut project)))
        .collect();
    let kustomizations =
        all_over.then(|| Kustomizations::from_files(stamps.keys().map(PathBuf::as_path)));
    Seen {
        stamps,
        facts,
        kustomizations,
    }
}

/// What the objects in a file say of others; nothing where it cannot be read.
fn facts(file: &Path, project: &mut Project) -> Vec<Fact> {
    let Some(text) = text(file).filter(|text| Fact::may_be_declared_in(text, ReferencedKind::ALL))
    else {
        return Vec::new();
    };
    let inputs = OwnedInputs {
        context: project.file_context(file),
        ..OwnedInputs::default()
    };
    // A slip of ours in one file is no reason to know nothing of the others.
    std::panic::catch_unwind(|| {
        linter::analysis::facts(&text, inputs.borrow(), ReferencedKind::ALL)
    })
    .unwrap_or_default()
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        }
    }
}
