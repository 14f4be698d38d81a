//! The files: which ones a command is about, and their texts.
//!
//! Knows folders, `.gitignore` and encodings. Must not know YAML. Promise: every path is given once and in order, as it was
//! named; what cannot be read is told with its remedy and stops nothing else.

use super::args::Inputs;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use workspace::FileRole;
use workspace::bounded_fs;
use workspace::project::Project;
use workspace::walk;

/// Places in a text are counted in 32 bits.
const LONGEST: u64 = u32::MAX as u64;

/// A text to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What messages call it.
    pub path: PathBuf,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    File,
    Stdin,
}

/// Why a text was not read or written: where, and what is wrong and would help.
#[derive(Debug)]
pub(super) struct Trouble {
    pub path: PathBuf,
    pub reason: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// The texts that paths name, sorted, and the paths that name none.
pub(super) fn gather(inputs: &Inputs) -> (Vec<Source>, Vec<Trouble>) {
    let mut sources = BTreeMap::new();
    let mut troubles = Vec::new();
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
            Err(error) => troubles.push(Trouble {
                path: path.clone(),
                reason: unreadable(&error),
            }),
            Ok(metadata) if metadata.is_dir() => {
                walk(path, &mut project, &mut sources, &mut troubles)
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
        troubles,
    )
}

/// The YAML files below a folder, and the JSON files that hold objects or patches of them, hidden and ignored ones left out.
fn walk(
    folder: &Path,
    project: &mut Project,
    sources: &mut BTreeMap<PathBuf, Origin>,
    troubles: &mut Vec<Trouble>,
) {
    for file in walk::manifest_files(folder, usize::MAX) {
        match file {
            // Of the JSON that nobody named, only what is a manifest is read.
            Ok(file) if !walk::is_json(&file) || is_of_concern(&file, project) => {
                sources.insert(plain(&file), Origin::File);
            }
            Ok(_) => {}
            Err(reason) => troubles.push(Trouble {
                path: folder.to_owned(),
                reason,
            }),
        }
    }
}

/// Whether a JSON file says what an object says of itself, or is a patch that a kustomization names: most say other things, and lie about
/// in great numbers. One that cannot be read is left to who reads it in earnest.
fn is_of_concern(path: &Path, project: &mut Project) -> bool {
    bounded_fs::read(path, LONGEST).map_or(true, |bytes| {
        let holds = |word: &str| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        let mut is_patch = || project.file_context(path).role == FileRole::Patch;
        (holds("\"apiVersion\"") && holds("\"kind\""))
            || (holds("\"op\"") && holds("\"path\"") && is_patch())
    })
}

/// The path without a `./` before it, so that one file has one name.
pub(super) fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .collect()
}

/// The text.
///
/// # Errors
/// Why there is none.
pub(super) fn read(source: &Source) -> Result<String, Trouble> {
    let trouble = |reason| Trouble {
        path: source.path.clone(),
        reason,
    };
    let bytes = match source.origin {
        Origin::File => bounded_fs::read_named(&source.path, LONGEST),
        Origin::Stdin => bounded_fs::read_all(io::stdin().lock(), LONGEST),
    };
    decode(bytes.map_err(|error| trouble(unreadable(&error)))?).map_err(trouble)
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
    fn a_path_is_named_once_and_plainly() {
        assert_eq!(plain(Path::new("./a/./b.yaml")), Path::new("a/b.yaml"));
        assert_eq!(plain(Path::new("../a.yaml")), Path::new("../a.yaml"));
        assert_eq!(plain(Path::new("/a.yaml")), Path::new("/a.yaml"));
    }

    #[test]
    fn what_is_no_text_is_told_with_its_remedy() {
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
