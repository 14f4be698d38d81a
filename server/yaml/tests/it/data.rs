//! Test data outside the package, if it exists.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder next to the repository: real manifests, and the YAML test suite. `KUBEHARDEN_SHARED`
/// replaces it. Prints a message and returns `None` if it does not exist.
pub(super) fn shared(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    let path = std::env::var_os("KUBEHARDEN_SHARED")
        .map_or_else(beside, PathBuf::from)
        .join(name);
    if !path.is_dir() {
        println!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

/// All text files below a folder, in order.
pub(super) fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The YAML files below `../shared/corpus` and `fixtures`.
pub(super) fn manifests() -> Vec<(PathBuf, String)> {
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("fixtures");
    let mut found = texts(&fixtures);
    if let Some(corpus) = shared("corpus") {
        found.extend(texts(&corpus));
    }
    found.retain(|(path, _)| {
        path.extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
    });
    found
}
