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

/// Returns the sources for the paths, sorted, and the paths that cannot be read.
pub(crate) fn gather(inputs: &Inputs) -> (Vec<Source>, Vec<FileError>) {
    let mut sources = BTreeMap::new();
    let mut errors = Vec::new();
    let mut project = Project::default();
    for path in &inputs.paths {
        if path.as_os_str() == "-" {
            let name = inputs
                .stdin_filename
                .clone()
                .unwrap_or_else(|| "<stdin>".into());
            sources.insert(name, Origin::Stdin);
            continue;
        }
        match fs::metadata(path) {
            Err(error) => errors.push(FileError {
                path: path.clone(),
                reason: unreadable(&error),
            }),
            Ok(metadata) if metadata.is_dir() => {
                walk(path, &mut project, &mut sources, &mut errors);
            }
            Ok(_) => {
                sources.insert(plain(path), Origin::File);
            }
        }
    }
    (
        sources
            .into_iter()
            .map(|(path, origin)| Source { path, origin })
            .collect(),
        errors,
    )
}

/// Adds the YAML files below a folder, and the JSON files with Kubernetes objects or patches. Skips hidden and ignored files.
fn walk(
    folder: &Path,
    project: &mut Project,
    sources: &mut BTreeMap<PathBuf, Origin>,
    errors: &mut Vec<FileError>,
) {
    for file in walk::manifest_files(folder, usize::MAX) {
        match file {
            // A JSON file that is not named on the command line is read only if it is a manifest or a patch.
            Ok(file) if !walk::is_json(&file) || is_manifest_or_patch(&file, project) => {
                sources.insert(plain(&file), Origin::File);
            }
            Ok(_) => {}
            Err(reason) => errors.push(FileError {
                path: folder.to_owned(),
                reason,
            }),
        }
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
    decode(bytes.map_err(|cause| error(unreadable(&cause)))?).map_err(error)
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
