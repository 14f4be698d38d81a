//! Where the configuration of a file stands.
//!
//! Knows folders and repositories. Must not know what a configuration says. Promise: a terminal and an editor find the same
//! file for the same manifest.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use workspace::bounded_fs;
use workspace::paths::{folder_of, real};

/// What a configuration file is called.
pub const FILE_NAME: &str = ".kubeharden.yaml";

/// The configuration file that counts for what stands in a folder: the nearest one upwards, not beyond the repository that the
/// folder is in.
pub fn nearest(folder: &Path) -> Option<PathBuf> {
    Nearest::default().of(folder)
}

/// The configuration files that count in many folders. Those above are the same for most of them, and are looked for once.
#[derive(Debug, Default)]
pub struct Nearest {
    /// By a folder without links in its name.
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl Nearest {
    /// As [`nearest`].
    pub fn of(&mut self, folder: &Path) -> Option<PathBuf> {
        self.above(&real(folder))
    }

    fn above(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(known) = self.known.get(folder) {
            return known.clone();
        }
        let file = folder.join(FILE_NAME);
        // A folder in an ordinary clone; a file in a worktree or a submodule.
        let is_repository = || folder.join(".git").exists();
        let found = match folder.parent() {
            _ if file.is_file() => Some(file),
            Some(parent) if !is_repository() => self.above(parent),
            _ => None,
        };
        self.known.insert(folder.to_owned(), found.clone());
        found
    }
}

/// The way to a file from the folder of its configuration file; `None` where it is not below that.
pub fn relative_path(configuration: &Path, file: &Path) -> Option<PathBuf> {
    let file = real(folder_of(file)).join(file.file_name()?);
    file.strip_prefix(real(folder_of(configuration)))
        .ok()
        .map(Path::to_owned)
}

/// The text of a configuration file.
///
/// # Errors
/// Why there is none, with what would help.
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
