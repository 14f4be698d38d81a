//! Finds the configuration file of a manifest. The command line and editors find the same file.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use workspace::bounded_fs;
use workspace::paths::{folder_of, real};

/// The name of a configuration file.
pub const FILE_NAME: &str = ".kubeharden.yaml";

/// All names of configuration files. In a folder with several, the first one counts.
pub const FILE_NAMES: [&str; 2] = [FILE_NAME, ".kubeharden.yml"];

/// Returns the configuration file for a folder: the nearest one in the folder or its parents, up to the root of the
/// repository.
pub fn nearest(folder: &Path) -> Option<PathBuf> {
    Nearest::default().of(folder)
}

/// Finds the configuration files of many folders, and caches the results for parent folders.
#[derive(Debug, Default)]
pub struct Nearest {
    /// By folder, with symbolic links resolved.
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl Nearest {
    /// See [`nearest`].
    pub fn of(&mut self, folder: &Path) -> Option<PathBuf> {
        self.above(&real(folder))
    }

    fn above(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(known) = self.known.get(folder) {
            return known.clone();
        }
        let mut files = FILE_NAMES.iter().map(|name| folder.join(name));
        let file = files.find(|file| file.is_file());
        // `.git` is a folder in a clone, and a file in a worktree or a submodule.
        let is_repository = || folder.join(".git").exists();
        let found = match folder.parent() {
            _ if file.is_some() => file,
            Some(parent) if !is_repository() => self.above(parent),
            _ => None,
        };
        self.known.insert(folder.to_owned(), found.clone());
        found
    }
}

/// Returns the path of a file relative to the folder of its configuration file; `None` if it is not below that folder.
pub fn relative_path(configuration: &Path, file: &Path) -> Option<PathBuf> {
    let file = real(folder_of(file)).join(file.file_name()?);
    file.strip_prefix(real(folder_of(configuration)))
        .ok()
        .map(Path::to_owned)
}

/// Reads a configuration file.
///
/// # Errors
/// If the file cannot be read or is not UTF-8. The message has a hint for the user.
pub fn text(file: &Path) -> Result<String, String> {
    let bytes = bounded_fs::read_named(file, bounded_fs::MAX_FILE_BYTES).map_err(|error| {
        match error.kind() {
            io::ErrorKind::NotFound => "no such file; check the path".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied; allow reading it".to_owned(),
            _ => format!("cannot be read: {error}"),
        }
    })?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8; save it as UTF-8".to_owned())
}
