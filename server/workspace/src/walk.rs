//! Walking a folder for the files that may be manifests.

use crate::exclude::{self, Attributes};
use crate::{bounded_fs, paths};
use ignore::{DirEntry, WalkBuilder};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// Returns the YAML and JSON files below a folder, and errors for what cannot be read. Leaves out
/// hidden and ignored files, folders with the code of others, and files that `.gitattributes` marks
/// as generated or vendored. Visits at most `most` files and folders.
pub fn manifest_files(folder: &Path, most: usize) -> impl Iterator<Item = Result<PathBuf, String>> {
    let (sender, skipped) = mpsc::channel();
    let is_walkable = move |folder: &Path| match IGNORE_FILES
        .iter()
        .map(|name| folder.join(name))
        .find(|file| !bounded_fs::is_cheap_to_read(file))
    {
        Some(file) => {
            // The receiver is gone if the caller stopped early.
            let _ = sender.send(Err(format!(
                "{} is not a regular file; its folder is skipped",
                file.display()
            )));
            false
        }
        None => true,
    };
    // The walk also reads the ignore files of the parent folders.
    let walk = paths::real(folder).ancestors().all(&is_walkable).then(|| {
        let is_walkable = move |entry: &DirEntry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            // The folder itself was named.
            let is_of_others = entry.depth() > 0 && exclude::is_of_others(entry.path());
            !is_folder || !is_of_others && is_walkable(entry.path())
        };
        WalkBuilder::new(folder)
            .require_git(false)
            .filter_entry(is_walkable)
            .build()
    });
    let attributes = Attributes::default();
    let found = walk
        .into_iter()
        .flatten()
        .take(most)
        .filter_map(move |entry| match entry {
            Ok(entry)
                if entry.file_type().is_some_and(|kind| kind.is_file())
                    && may_be_manifest(entry.path())
                    && !attributes.is_marked(entry.path()) =>
            {
                Some(Ok(entry.into_path()))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error.to_string())),
        });
    found.chain(iter::from_fn(move || skipped.try_recv().ok()))
}

/// The files that the walk reads. In a repository they can be links to anything.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// Whether a file has an extension of manifests.
pub fn may_be_manifest(path: &Path) -> bool {
    ["yaml", "yml", "json"].iter().any(|name| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    })
}

/// Whether a file is JSON, which is mostly used for other things than manifests.
pub fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case("json"))
}
