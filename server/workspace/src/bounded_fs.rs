//! Bounded reading from disk. Pipes and devices in a folder never block a read, and no file uses
//! more memory than the caller allows.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, in bytes. A longer one was generated: people do not write configuration
/// or patches of this size by hand.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// How many bytes decide whether a file is binary.
const HEAD_BYTES: u64 = 64 << 10;

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
///
/// Returns the error of [`fs::read`], or that the path is not a regular file or is too long.
pub fn read(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_known(file, &fs::metadata(file)?, most)
}

fn read_known(file: &Path, metadata: &Metadata, most: u64) -> io::Result<Vec<u8>> {
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > most {
        return Err(too_long(most));
    }
    drain_about(File::open(file)?, metadata.len(), most)
}

/// Reads a file that the user named. Pipes and devices are allowed: shells create pipes for process
/// substitution.
///
/// # Errors
///
/// Returns the error of [`fs::read`], or that the file is too long.
pub fn read_named(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(file)?;
    if metadata.is_file() {
        read_known(file, &metadata, most)
    } else {
        read_all(File::open(file)?, most)
    }
}

/// Returns the text of a regular file; `None` if it cannot be read or is not UTF-8.
pub fn text(file: &Path, most: u64) -> Option<String> {
    String::from_utf8(read(file, most).ok()?).ok()
}

/// Reads everything if it is at most `most` bytes. Stops after the first bytes of binary input,
/// which are enough to recognize it.
///
/// # Errors
///
/// Returns the error of the reader, or that the input is too long.
pub fn read_all(input: impl Read, most: u64) -> io::Result<Vec<u8>> {
    drain_about(input, 0, most)
}

/// Like [`read_all`] with the expected length, so that a short file needs a single read.
fn drain_about(mut input: impl Read, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let beginning = HEAD_BYTES.min(most);
    let mut bytes = Vec::with_capacity(room(length.min(beginning)));
    input.by_ref().take(beginning).read_to_end(&mut bytes)?;
    let is_all = (bytes.len() as u64) < beginning;
    if is_all || bytes.contains(&0) {
        return Ok(bytes);
    }
    bytes.reserve_exact(room(length).saturating_sub(bytes.len()));
    input
        .take((most + 1).saturating_sub(bytes.len() as u64))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        Err(too_long(most))
    } else {
        Ok(bytes)
    }
}

/// Whether reading the whole file takes only moments. True for a file that does not exist.
pub fn is_cheap_to_read(file: &Path) -> bool {
    fs::metadata(file).map_or(true, |metadata| {
        metadata.is_dir() || metadata.is_file() && metadata.len() <= MAX_FILE_BYTES
    })
}

/// Returns a buffer size with room to detect the end: the standard library fills the rest of a
/// buffer if it is large enough.
fn room(length: u64) -> usize {
    const WORTH: usize = 32;
    usize::try_from(length)
        .unwrap_or(usize::MAX)
        .saturating_add(WORTH)
}

fn too_long(most: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("longer than {} MiB", most.div_ceil(1 << 20)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    #[test]
    fn reads_up_to_the_limit() {
        let short = file(b"a: b\n");
        assert_eq!(read(short.path(), 5).unwrap(), b"a: b\n");
        assert_eq!(
            read(short.path(), 4).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert_eq!(text(short.path(), 5).unwrap(), "a: b\n");
        assert_eq!(text(file(b"\xff").path(), 5), None);
        let long = vec![b'x'; 3 * HEAD_BYTES as usize];
        assert_eq!(read(file(&long).path(), MAX_FILE_BYTES).unwrap(), long);
    }

    #[test]
    fn stops_reading_endless_input() {
        assert_eq!(
            read_all(io::repeat(0), u64::MAX).unwrap().len(),
            HEAD_BYTES as usize
        );
        assert_eq!(
            read_all(io::repeat(b'x'), 4 << 20).unwrap_err().to_string(),
            "longer than 4 MiB"
        );
        assert_eq!(
            read_all(io::repeat(b'x').take(100), 100).unwrap().len(),
            100
        );
        assert_eq!(
            read_all(io::repeat(b'x').take(101), 100)
                .unwrap_err()
                .kind(),
            io::ErrorKind::FileTooLarge
        );
    }

    #[test]
    fn rejects_what_is_not_a_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read(folder.path(), 100).unwrap_err().to_string(),
            "not a regular file"
        );
        assert!(
            is_cheap_to_read(folder.path())
                && is_cheap_to_read(&folder.path().join("nothing"))
                && is_cheap_to_read(file(b"x").path())
        );
        let sparse = file(b"");
        sparse.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(!is_cheap_to_read(sparse.path()));
    }

    #[test]
    #[cfg(unix)]
    fn does_not_wait_for_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(
            read(&pipe, 100).unwrap_err().to_string(),
            "not a regular file"
        );
        assert_eq!(text(&pipe, 100), None);
        assert!(!is_cheap_to_read(&pipe));
    }
}
