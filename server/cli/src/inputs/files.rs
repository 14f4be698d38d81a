//! The input files of a command, and their texts.
//!
//! Each path occurs once, in order, as given. A file that cannot be read does not stop the others.

use crate::args::Inputs;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use workspace::FileRole;
use workspace::bounded_fs;
use workspace::exclude::Exclude;
use workspace::project::Project;
use workspace::walk;

/// Offsets in a text are 32-bit numbers.
const LONGEST: u64 = u32::MAX as u64;

/// A text to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The name that messages use.
    pub path: PathBuf,
    pub origin: Origin,
    /// Whether patterns can exclude it: it was found in a folder, or named with `--force-exclude`.
    pub is_excludable: bool,
    /// Whether `--exclude` covers it.
    pub is_excluded: bool,
    pub may_be_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    Stdin,
}

/// Why a file could not be read or written, with a hint for the user.
#[derive(Debug)]
pub(crate) struct FileError {
    pub path: PathBuf,
    pub reason: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Returns the sources for the paths, sorted, and errors for the paths that cannot be read or have nothing to read.
pub(crate) fn gather(inputs: &Inputs) -> (Vec<Source>, Vec<FileError>) {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if inputs.stdin_filename.is_some() && !inputs.paths.iter().any(is_stdin) {
        let error = FileError {
            path: "--stdin-filename".into(),
            reason: "needs `-` as the path, for stdin".to_owned(),
        };
        return (Vec::new(), vec![error]);
    }
    let mut found = Found::default();
    let mut project = Project::default();
    for path in &inputs.paths {
        if is_stdin(path) {
            let name = inputs.stdin_filename.clone();
            found.add(
                name.unwrap_or_else(|| "<stdin>".into()),
                Origin::Stdin,
                inputs,
            );
            continue;
        }
        match fs::metadata(path) {
            Err(error) => found.errors.push(FileError {
                path: path.clone(),
                reason: unreadable(&error),
            }),
            Ok(metadata) if metadata.is_dir() => found.search(path, &mut project, inputs),
            Ok(_) => found.add(plain(path), Origin::File, inputs),
        }
    }
    let Found {
        mut sources,
        errors,
    } = found;
    exclude(&mut sources, &inputs.exclude);
    (sources.into_values().collect(), errors)
}

/// The sources by path, and the errors.
#[derive(Default)]
struct Found {
    sources: BTreeMap<PathBuf, Source>,
    errors: Vec<FileError>,
}

impl Found {
    /// Adds a source that was named.
    fn add(&mut self, path: PathBuf, origin: Origin, inputs: &Inputs) {
        let source = Source {
            path: path.clone(),
            origin,
            is_excludable: inputs.force_exclude,
            is_excluded: false,
            may_be_empty: inputs.allow_empty || origin == Origin::File,
        };
        self.sources.insert(path, source);
    }

    /// Adds the YAML files below a folder, and the JSON files with Kubernetes objects or patches. Skips hidden and
    /// ignored files.
    fn search(&mut self, folder: &Path, project: &mut Project, inputs: &Inputs) {
        let mut has_any = false;
        for file in walk::manifest_files(folder, usize::MAX) {
            match file {
                // A JSON file that is not named on the command line is read only if it is a manifest or a patch.
                Ok(file) if !walk::is_json(&file) || is_manifest_or_patch(&file, project) => {
                    has_any = true;
                    let path = plain(&file);
                    self.sources.entry(path.clone()).or_insert(Source {
                        path,
                        origin: Origin::File,
                        is_excludable: true,
                        is_excluded: false,
                        may_be_empty: true,
                    });
                }
                Ok(_) => {}
                Err(reason) => self.errors.push(FileError {
                    path: folder.to_owned(),
                    reason,
                }),
            }
        }
        if !has_any && !inputs.allow_empty {
            self.errors.push(FileError {
                path: folder.to_owned(),
                reason: "contains no YAML files; check the path, or pass --allow-empty".to_owned(),
            });
        }
    }
}

/// Marks the files that match patterns, relative to the current folder.
fn exclude(sources: &mut BTreeMap<PathBuf, Source>, patterns: &[String]) {
    // The arguments were checked.
    let Some(exclude) = Exclude::new(patterns).ok().filter(|_| !patterns.is_empty()) else {
        return;
    };
    let here = workspace::paths::real(Path::new("."));
    let relative = |path: &Path| path.strip_prefix(&here).unwrap_or(path).to_owned();
    for (path, source) in sources {
        source.is_excluded = source.is_excludable && exclude.covers(&relative(path));
    }
}

/// Whether a JSON file looks like a Kubernetes object, or is a patch of a kustomization. Most JSON files are neither. A file that cannot
/// be read is kept, so that the error is reported later.
fn is_manifest_or_patch(path: &Path, project: &mut Project) -> bool {
    bounded_fs::read(path, LONGEST).map_or(true, |bytes| {
        let contains = |word: &str| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        let mut is_patch = || project.file_context(path).role == FileRole::Patch;
        (contains("\"apiVersion\"") && contains("\"kind\""))
            || (contains("\"op\"") && contains("\"path\"") && is_patch())
    })
}

/// Returns the path without `.` components, so that each file has one name.
pub(crate) fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .collect()
}

/// Reads the text.
///
/// # Errors
/// If the file cannot be read or is not UTF-8.
pub(crate) fn read(source: &Source) -> Result<String, FileError> {
    let error = |reason| FileError {
        path: source.path.clone(),
        reason,
    };
    let bytes = match source.origin {
        Origin::File => bounded_fs::read_named(&source.path, LONGEST),
        Origin::Stdin => bounded_fs::read_all(io::stdin().lock(), LONGEST),
    };
    let text = decode(bytes.map_err(|cause| error(unreadable(&cause)))?).map_err(error)?;
    if text.is_empty() && !source.may_be_empty {
        return Err(error(
            "is empty; pass --allow-empty if that is right".to_owned(),
        ));
    }
    Ok(text)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; allow reading it, or leave it out".to_owned()
        }
        io::ErrorKind::FileTooLarge => {
            format!("is longer than {} GiB; split it", LONGEST.div_ceil(1 << 30))
        }
        _ => format!("cannot be read: {error}"),
    }
}

fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("is written in UTF-16; save it as UTF-8".to_owned());
    }
    if bytes.contains(&0) {
        return Err(
            "is binary, not text; leave it out, for example with a line in .gitignore".to_owned(),
        );
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("is not UTF-8 in line {line} (byte {at}); save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_removes_current_folder() {
        assert_eq!(plain(Path::new("./a/./b.yaml")), Path::new("a/b.yaml"));
        assert_eq!(plain(Path::new("../a.yaml")), Path::new("../a.yaml"));
        assert_eq!(plain(Path::new("/a.yaml")), Path::new("/a.yaml"));
    }

    #[test]
    fn decode_rejects_other_encodings() {
        assert_eq!(
            decode(b"a: 1\nb: \xe4\n".to_vec()).unwrap_err(),
            "is not UTF-8 in line 2 (byte 8); save it as UTF-8"
        );
        assert!(
            decode(b"\xff\xfea\0".to_vec())
                .unwrap_err()
                .contains("UTF-16")
        );
        assert!(
            decode(b"\x7fELF\0".to_vec())
                .unwrap_err()
                .contains("binary")
        );
        assert_eq!(decode("ä".into()).unwrap(), "ä");
    }
}
