//! Paths of files and folders.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Returns the folder of a file; `.` for a bare file name.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Returns a folder without symbolic links and dots, so that its parents are those of the file
/// system.
pub fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder)
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.to_owned())
}

/// Joins a relative path to a folder and resolves its dots, without access to the file system.
pub fn join_normalized(folder: &Path, path: &str) -> PathBuf {
    let mut whole = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => _ = whole.pop(),
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_resolves_dots() {
        assert_eq!(
            join_normalized(Path::new("/a/b"), "../c/./d.yaml"),
            Path::new("/a/c/d.yaml")
        );
    }
}
