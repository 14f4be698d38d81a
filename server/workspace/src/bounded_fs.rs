//! Bytes from the disk.
//!
//! Knows which files are ordinary ones. Must not know what they say. Promise: what lies in a folder keeps nobody waiting and takes no more
//! memory than its reader allows, be it a pipe that nobody writes to, a link to a device without an end, or very long.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// In bytes. What is longer was written by a program: nobody configures or patches anything with it.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// So much of what is read tells whether it is binary, in bytes.
const HEAD_BYTES: u64 = 64 << 10;

/// What an ordinary file of no more than so many bytes has in it.
///
/// # Errors
/// Why it cannot be read, as for [`fs::read`]; that it is no ordinary file; or that it is too long.
pub fn read(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_known(file, &fs::metadata(file)?, most)
}

fn read_known(file: &Path, metadata: &Metadata, most: u64) -> io::Result<Vec<u8>> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    if metadata.len() > most {
        return Err(too_long(most));
    }
    drain_about(File::open(file)?, metadata.len(), most)
}

/// What a file that somebody named has in it. Who names a pipe or a device means it: shells make pipes of what other programs print.
///
/// # Errors
/// Why it cannot be read, or that it is too long.
pub fn read_named(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(file)?;
    match metadata.is_file() {
        true => read_known(file, &metadata, most),
        false => read_all(File::open(file)?, most),
    }
}

/// The text of an ordinary file; nothing where there is none.
pub fn text(file: &Path, most: u64) -> Option<String> {
    String::from_utf8(read(file, most).ok()?).ok()
}

/// All that comes, if that is no more than so many bytes; of what is binary the beginning, which shows that it is.
///
/// # Errors
/// Why it cannot be read, or that it is too long.
pub fn read_all(input: impl Read, most: u64) -> io::Result<Vec<u8>> {
    drain_about(input, 0, most)
}

/// As [`drain`], of what is probably so many bytes: there is room for them and for the end, so that a short file is read at once.
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

/// Whether reading all of a file is a matter of moments. One that is not there has nothing to read.
pub fn is_cheap_to_read(file: &Path) -> bool {
    fs::metadata(file).map_or(true, |metadata| {
        metadata.is_dir() || metadata.is_file() && metadata.len() <= MAX_FILE_BYTES
    })
}

/// The standard library reads into what is left of a buffer, if that is not too little to be worth it.
fn room(length: u64) -> usize {
    const WORTH: usize = 32;
    usize::try_from(length)
        .unwrap_or(usize::MAX)
        .saturating_add(WORTH)
}

fn too_long(most: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it is longer than {} MiB", most.div_ceil(1 << 20)),
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
    fn a_file_is_read_as_far_as_it_may_be() {
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
    fn what_has_no_end_is_read_to_where_that_shows() {
        assert_eq!(
            read_all(io::repeat(0), u64::MAX).unwrap().len(),
            HEAD_BYTES as usize
        );
        assert_eq!(
            read_all(io::repeat(b'x'), 4 << 20).unwrap_err().to_string(),
            "it is longer than 4 MiB"
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
    fn what_is_no_ordinary_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read(folder.path(), 100).unwrap_err().to_string(),
            "it is no ordinary file"
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
    fn a_pipe_keeps_nobody_waiting() {
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
            "it is no ordinary file"
        );
        assert_eq!(text(&pipe, 100), None);
        assert!(!is_cheap_to_read(&pipe));
    }
}
