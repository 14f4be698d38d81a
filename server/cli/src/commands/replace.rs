//! Replaces files: as a whole or not at all, and never over a change of another program.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// Held for reading while a temporary file exists, so that an interrupted run removes it first.
static REPLACING: RwLock<()> = RwLock::new(());

/// From now on, SIGINT and SIGTERM end the process after the files that are being replaced.
pub(crate) fn finish_before_interruption() {
    /// The exit code of shells for SIGINT.
    const INTERRUPTED: i32 = 130;
    // If there is a handler already, it stays.
    let _ = ctrlc::set_handler(|| {
        let _replaced = REPLACING.write().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(
            io::stderr().lock(),
            "interrupted; the files that were already fixed stay fixed"
        );
        #[expect(clippy::exit, reason = "a signal ends the process")]
        std::process::exit(INTERRUPTED);
    });
}

/// Replaces the text of a file atomically if it is still the expected one. Mode, owner and extended
/// attributes stay. If the path is a link, its target is replaced.
///
/// # Errors
/// If the file changed meanwhile, has other hard links, or cannot be written. Then it is untouched.
pub(crate) fn replace(path: &Path, expected: &str, text: &str) -> io::Result<()> {
    let _replacing = REPLACING.read().unwrap_or_else(PoisonError::into_inner);
    let target = fs::canonicalize(path)?;
    let old = File::open(&target)?;
    let metadata = old.metadata()?;
    check_replaceable(&metadata)?;
    let mut new = new_file_next_to(&target)?;
    new.write_all(text.as_bytes())?;
    keep_owner(new.as_file(), &metadata);
    keep_attributes(&old, new.as_file())?;
    new.as_file().set_permissions(metadata.permissions())?;
    new.as_file().sync_all()?;
    if fs::read(&target)? != expected.as_bytes() {
        return Err(io::Error::other(
            "it was changed by another program meanwhile; run `kubeharden fix` again",
        ));
    }
    new.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

fn check_replaceable(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other(
            "not a regular file; use `-` to write to stdout",
        ));
    }
    if metadata.permissions().readonly() {
        return Err(io::Error::other("the file is read-only; allow writing it"));
    }
    if hard_links(metadata) > 1 {
        return Err(io::Error::other(
            "the file has other hard links, which would keep the old text; use `-` to write to stdout",
        ));
    }
    Ok(())
}

fn new_file_next_to(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder: PathBuf = target
        .parent()
        .ok_or_else(|| io::Error::other("the file has no parent folder"))?
        .into();
    tempfile::Builder::new()
        .prefix(".kubeharden-")
        .tempfile_in(folder)
}

#[cfg(unix)]
fn hard_links(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink()
}

#[cfg(not(unix))]
fn hard_links(_: &Metadata) -> u64 {
    1
}

/// Keeps the owner: in a container, root often fixes files of another user. If the owner cannot be kept, the file is
/// written anyway.
#[cfg(unix)]
fn keep_owner(file: &File, metadata: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

/// Copies the extended attributes, for example access control lists. The system itself sets those of
/// `security`.
#[cfg(unix)]
fn keep_attributes(old: &File, new: &File) -> io::Result<()> {
    use xattr::FileExt;
    let Ok(names) = old.list_xattr() else {
        // The file system has no extended attributes.
        return Ok(());
    };
    for name in names {
        let Some(value) = old.get_xattr(&name)? else {
            continue;
        };
        let set = new.set_xattr(&name, &value);
        let is_of_system = name.to_string_lossy().starts_with("security.");
        if let Err(error) = set
            && !is_of_system
        {
            let name = name.display();
            return Err(io::Error::other(format!(
                "its extended attribute {name} cannot be kept: {error}"
            )));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_attributes(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn changed_file_is_not_overwritten() {
        let (folder, path) = file("theirs\n");
        let error = replace(&path, "old\n", "new\n").unwrap_err().to_string();
        assert!(error.contains("changed by another program"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&path, "theirs\n", "new\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
    }

    #[cfg(unix)]
    #[test]
    fn file_with_other_hard_links_is_not_replaced() {
        let (folder, path) = file("old\n");
        fs::hard_link(&path, folder.path().join("b.yaml")).unwrap();
        let error = replace(&path, "old\n", "new\n").unwrap_err().to_string();
        assert!(error.contains("hard links"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
    }

    #[cfg(unix)]
    #[test]
    fn extended_attributes_are_kept() {
        let (_folder, path) = file("old\n");
        if xattr::set(&path, "user.kubeharden", b"kept").is_err() {
            println!("SKIPPED: the file system has no extended attributes");
            return;
        }
        replace(&path, "old\n", "new\n").unwrap();
        let kept = xattr::get(&path, "user.kubeharden").unwrap();
        assert_eq!(kept.as_deref(), Some(&b"kept"[..]));
    }
}
