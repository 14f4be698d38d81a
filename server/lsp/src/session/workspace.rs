//! The folders that the client has open, and the index of the objects in their files.

use crate::protocol::uri;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tower_lsp::ls_types::Uri;
use workspace::bounded_fs;
use workspace::cross_references::WorkspaceIndex;
use workspace::kustomize::Kustomizations;
use workspace::walk;

#[derive(Default)]
pub(crate) struct Workspace {
    pub index: Arc<WorkspaceIndex>,
    folders: Mutex<Vec<PathBuf>>,
    /// The kustomizations in the folders, except open ones.
    kustomizations: Mutex<Arc<Kustomizations>>,
}

/// The most files and folders that are visited: the client may have a home directory open.
pub(crate) const MOST_FILES: usize = 200_000;

impl Workspace {
    fn lock_folders(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the folders, named as the client names them.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.lock_folders().clone()
    }

    /// Adds and removes folders.
    pub(crate) fn change<'u>(
        &self,
        added: impl Iterator<Item = &'u Uri>,
        removed: impl Iterator<Item = &'u Uri>,
    ) {
        let removed: Vec<PathBuf> = removed.filter_map(uri::file_of).collect();
        let mut folders = self.lock_folders();
        folders.retain(|folder| !removed.contains(folder));
        for folder in added.filter_map(uri::file_of) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }

    fn lock_kustomizations(&self) -> MutexGuard<'_, Arc<Kustomizations>> {
        self.kustomizations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn kustomizations(&self) -> Arc<Kustomizations> {
        Arc::clone(&self.lock_kustomizations())
    }

    /// Replaces the kustomizations. Returns whether they are different.
    pub(crate) fn set_kustomizations(&self, found: Kustomizations) -> bool {
        let mut known = self.lock_kustomizations();
        let is_different = **known != found;
        if is_different {
            *known = Arc::new(found);
        }
        is_different
    }
}

/// Returns the files of folders, sorted and named as the client names the folders. Leaves out JSON, most of which is not Kubernetes'.
pub(crate) fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let files = folders
        .iter()
        .flat_map(|folder| walk::manifest_files(folder, MOST_FILES).flatten());
    let mut files: Vec<PathBuf> = files.filter(|file| !walk::is_json(file)).collect();
    files.sort();
    files.dedup();
    files
}

/// Returns the text of a file; `None` if it is too large or cannot be read.
pub(crate) fn text(file: &Path) -> Option<String> {
    bounded_fs::text(file, bounded_fs::MAX_FILE_BYTES)
}

/// Returns the file without symbolic links in the names of its folders.
pub(crate) fn real(file: &Path) -> Option<PathBuf> {
    Some(workspace::paths::real(workspace::paths::folder_of(file)).join(file.file_name()?))
}

/// Returns the name of a document in the index, given its folder without symbolic links. Reads no disk: every keystroke needs it.
pub(crate) fn source_in(document: &Uri, folder: &Path) -> PathBuf {
    let name =
        uri::file_of(document).and_then(|file| file.file_name().map(|name| folder.join(name)));
    name.unwrap_or_else(|| PathBuf::from(document.as_str()))
}

/// Returns the name of a document in the index.
pub(crate) fn source(document: &Uri) -> PathBuf {
    uri::file_of(document)
        .and_then(|file| real(&file))
        .unwrap_or_else(|| PathBuf::from(document.as_str()))
}
