//! Files that a search leaves out: by patterns as in `.gitignore`, by the names of folders with the
//! code of others, and by the marks in `.gitattributes`.

use crate::{bounded_fs, paths};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::HashMap;
use std::iter;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The folders that hold code of others, by convention.
const OF_OTHERS: [&str; 3] = ["node_modules", "third_party", "vendor"];

/// Whether a folder of this name holds the code of others.
pub fn is_of_others(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| OF_OTHERS.contains(&name))
}

/// Patterns as in `.gitignore`, relative to a folder.
#[derive(Debug, Clone)]
pub struct Exclude(Gitignore);

impl Exclude {
    /// Reads patterns.
    ///
    /// # Errors
    /// If a pattern is not valid. The message names it.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Exclude, String> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            check_pattern(pattern.as_ref())?;
            // Checked above.
            let _ = builder.add_line(None, pattern.as_ref());
        }
        builder
            .build()
            .map(Exclude)
            .map_err(|error| error.to_string())
    }

    /// Whether the patterns exclude a file, given by its path relative to their folder.
    pub fn covers(&self, relative: &Path) -> bool {
        let is_below = relative
            .components()
            .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
        is_below
            && !self.0.is_empty()
            && self
                .0
                .matched_path_or_any_parents(relative, false)
                .is_ignore()
    }
}

/// How many braces a pattern may have. Deeply nested ones overflow the stack of `globset`.
pub const MAX_BRACES: usize = 32;

/// Checks a pattern.
///
/// # Errors
/// If it is empty or not a valid glob.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let shown: String = pattern.chars().take(40).collect();
    let invalid = || format!("`{shown}` is not a valid pattern, such as `vendor/**`");
    if pattern.trim().is_empty() || pattern.matches('{').count() > MAX_BRACES {
        return Err(invalid());
    }
    let mut builder = GitignoreBuilder::new("");
    let added = builder.add_line(None, pattern).map(|_| ());
    added
        .and_then(|()| builder.build().map(|_| ()))
        .map_err(|_| invalid())
}

/// What `.gitattributes` files say about generated and vendored files. Looks at each folder once.
#[derive(Debug, Default)]
pub struct Attributes {
    by_path: Mutex<HashMap<PathBuf, Arc<Folder>>>,
}

/// A folder, and the one above in the same repository.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    marks: Option<Marks>,
    above: Option<Arc<Folder>>,
}

/// The patterns of one `.gitattributes` file, for each attribute. An unset attribute is a negated pattern.
#[derive(Debug)]
struct Marks([Gitignore; 2]);

const ATTRIBUTES: [&str; 2] = ["linguist-generated", "linguist-vendored"];

impl Attributes {
    /// Whether a file is marked as generated or vendored. The nearest `.gitattributes` that knows the
    /// file decides, up to the root of the repository.
    pub fn is_marked(&self, file: &Path) -> bool {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return false;
        };
        let nearest = self.folder(folder);
        let file = nearest.path.join(name);
        let mut undecided = [true; ATTRIBUTES.len()];
        let folders = iter::successors(Some(&nearest), |folder| folder.above.as_ref());
        for marks in folders.filter_map(|folder| folder.marks.as_ref()) {
            for (patterns, is_open) in marks.0.iter().zip(&mut undecided) {
                let found = patterns.matched(&file, false);
                if *is_open && found.is_ignore() {
                    return true;
                }
                *is_open &= found.is_none();
            }
        }
        false
    }

    fn folder(&self, path: &Path) -> Arc<Folder> {
        self.known(path, || self.real_folder(&paths::real(path)))
    }

    /// Returns a folder by its path without symbolic links.
    fn real_folder(&self, path: &Path) -> Arc<Folder> {
        self.known(path, || {
            let is_repository = path.join(".git").exists();
            let parent = path.parent().filter(|_| !is_repository);
            Arc::new(Folder {
                path: path.to_owned(),
                marks: Marks::read(path),
                above: parent.map(|parent| self.real_folder(parent)),
            })
        })
    }

    fn known(&self, path: &Path, read: impl FnOnce() -> Arc<Folder>) -> Arc<Folder> {
        let by_path = || self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = by_path().get(path) {
            return Arc::clone(folder);
        }
        let folder = read();
        by_path().insert(path.to_owned(), Arc::clone(&folder));
        folder
    }
}

impl Marks {
    fn read(folder: &Path) -> Option<Marks> {
        let file = folder.join(".gitattributes");
        let text = bounded_fs::text(&file, bounded_fs::MAX_FILE_BYTES)?;
        Some(Marks::of(folder, &text))
    }

    fn of(folder: &Path, text: &str) -> Marks {
        Marks(ATTRIBUTES.map(|attribute| {
            let mut builder = GitignoreBuilder::new(folder);
            for line in text.lines() {
                let mut words = line.split_whitespace();
                let Some(pattern) = words.next().filter(|word| !word.starts_with('#')) else {
                    continue;
                };
                let is_set = words.filter_map(|word| state(word, attribute)).next_back();
                let line = match is_set {
                    Some(true) => pattern.to_owned(),
                    Some(false) => format!("!{pattern}"),
                    None => continue,
                };
                // git ignores an invalid pattern, too.
                let _ = builder.add_line(None, &line);
            }
            builder.build().unwrap_or_else(|_| Gitignore::empty())
        }))
    }
}

/// Returns whether a word sets or unsets an attribute; `None` if it is about another one.
fn state(word: &str, attribute: &str) -> Option<bool> {
    let (name, value) = word.split_once('=').unwrap_or((word, "true"));
    match name.strip_prefix(['-', '!']) {
        Some(name) => (name == attribute).then_some(false),
        None => (name == attribute).then_some(value != "false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns_are_those_of_gitignore() {
        let exclude =
            Exclude::new(["vendor/", "*.gen.yaml", "/top.yaml", "!keep.gen.yaml"]).unwrap();
        for path in [
            "vendor/a.yaml",
            "a/vendor/b/c.yaml",
            "a/x.gen.yaml",
            "top.yaml",
        ] {
            assert!(exclude.covers(Path::new(path)), "{path}");
        }
        for path in [
            "a/top.yaml",
            "keep.gen.yaml",
            "vendors/a.yaml",
            "../vendor/a.yaml",
            "/vendor/a.yaml",
        ] {
            assert!(!exclude.covers(Path::new(path)), "{path}");
        }
        let deep = "{a,".repeat(10_000);
        for pattern in ["", " ", "{a", deep.as_str()] {
            assert!(check_pattern(pattern).is_err(), "{pattern:.20}");
        }
    }

    #[test]
    fn nearest_attributes_decide() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        fs::create_dir(root.path().join(".git")).unwrap();
        write(
            ".gitattributes",
            "# made by tools\n*.gen.yaml linguist-generated\ncharts/** linguist-vendored=true text\nx.yaml -linguist-generated\n",
        );
        write(
            "own/.gitattributes",
            "*.gen.yaml linguist-generated=false\n",
        );
        for (file, is_marked) in [
            ("a.gen.yaml", true),
            ("deep/a.gen.yaml", true),
            ("charts/one/b.yaml", true),
            ("own/a.gen.yaml", false),
            ("x.yaml", false),
            ("a.yaml", false),
        ] {
            write(file, "");
            let attributes = Attributes::default();
            assert_eq!(
                attributes.is_marked(&root.path().join(file)),
                is_marked,
                "{file}"
            );
        }
    }
}
