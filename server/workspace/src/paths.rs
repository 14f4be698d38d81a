//! Paths of files and their folders.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the folder of a file; `.` for a bare file name.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Returns a folder without links and dots in its name, so that its parents are those of the file system.
pub fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder)
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.to_owned())
}
