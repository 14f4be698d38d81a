//! Texts from outside the package to read, where they are there.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder beside the package: real manifests, the YAML community's tests. `KUBEHARDEN_SHARED` names another place for it.
/// Says so and gives `None` where there is none.
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

/// Every text file under a folder, in order.
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

/// The texts under `../shared/corpus` and `fixtures` that are named as YAML.
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
