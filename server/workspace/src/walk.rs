//! Walking a folder for the files that may be manifests.

use crate::{bounded_fs, paths};
use ignore::{DirEntry, WalkBuilder};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// The YAML and JSON files below a folder, hidden and ignored ones left out; why some of it cannot be seen. Of everything that lies there
/// no more than so many files and folders are looked at.
pub fn manifest_files(folder: &Path, most: usize) -> impl Iterator<Item = Result<PathBuf, String>> {
    let (left_out, told) = mpsc::channel();
    let is_walkable = move |folder: &Path| match IGNORE_FILES
        .iter()
        .map(|name| folder.join(name))
        .find(|file| !bounded_fs::is_cheap_to_read(file))
    {
        Some(file) => {
            // Nobody is told where nobody asks for more.
            let _ = left_out.send(Err(format!(
                "{} is no ordinary file; its folder is left out",
                file.display()
            )));
            false
        }
        None => true,
    };
    // The walk reads what stands above its folder as well.
    let walk = paths::real(folder).ancestors().all(&is_walkable).then(|| {
        let is_walkable = move |entry: &DirEntry| {
            !entry.file_type().is_some_and(|kind| kind.is_dir()) || is_walkable(entry.path())
        };
        WalkBuilder::new(folder)
            .require_git(false)
            .filter_entry(is_walkable)
            .build()
    });
    let found = walk
        .into_iter()
        .flatten()
        .take(most)
        .filter_map(|entry| match entry {
            Ok(entry)
                if entry.file_type().is_some_and(|kind| kind.is_file())
                    && may_be_manifest(entry.path()) =>
            {
                Some(Ok(entry.into_path()))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error.to_string())),
        });
    found.chain(iter::from_fn(move || told.try_recv().ok()))
}

/// The files that the walk reads on its way. A repository can make a link to anything of them.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// Whether a file is called what manifests are called.
pub fn may_be_manifest(path: &Path) -> bool {
    ["yaml", "yml", "json"].iter().any(|name| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    })
}

/// Whether a file is called what other things than manifests are mostly called.
pub fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case("json"))
}
