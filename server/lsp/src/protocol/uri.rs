//! Between files and the URIs that name them.

use linter::config::discovery;
use std::path::{Path, PathBuf};
use tower_lsp::ls_types::Uri;

/// Returns the file that a URI names; `None` for any other scheme and for the files of another host.
#[cfg(unix)]
pub(crate) fn file_of(uri: &Uri) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let host = uri.authority().map_or("", |authority| authority.host());
    if !is_file_scheme(uri) || !(host.is_empty() || host == "localhost") {
        return None;
    }
    let path = uri.path().decode().to_bytes().into_owned();
    path.starts_with(b"/")
        .then(|| OsString::from_vec(path).into())
}

/// Returns the file that a URI names; `None` for any other scheme.
#[cfg(not(unix))]
pub(crate) fn file_of(uri: &Uri) -> Option<PathBuf> {
    let path = is_file_scheme(uri).then(|| uri.to_file_path())??;
    Some(path.into_owned())
}

fn is_file_scheme(uri: &Uri) -> bool {
    uri.scheme().as_str().eq_ignore_ascii_case("file")
}

/// Returns the URI of a file; `None` for a relative path.
///
/// Encodes only the bytes that RFC 3986 does not allow in a path, because some clients compare URIs byte by byte.
#[cfg(unix)]
pub(crate) fn of_file(file: &Path) -> Option<Uri> {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    if !file.is_absolute() {
        return None;
    }
    let mut uri = "file://".to_owned();
    for &byte in file.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            uri.push(byte.into());
        } else {
            // Writing to a string never fails.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.parse().ok()
}

/// Returns the URI of a file; `None` for a relative path.
#[cfg(not(unix))]
pub(crate) fn of_file(file: &Path) -> Option<Uri> {
    file.is_absolute().then(|| Uri::from_file_path(file))?
}

/// Returns the folder of a document; `None` if it is not a local file.
pub(crate) fn folder_of(uri: &Uri) -> Option<PathBuf> {
    file_of(uri)?.parent().map(Path::to_owned)
}

/// Whether a document is a configuration file of kubeharden.
pub(crate) fn is_configuration_file(uri: &Uri) -> bool {
    uri.path().as_str().rsplit('/').next() == Some(discovery::FILE_NAME)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_the_round_trip() {
        for path in ["/a/b.yaml", "/a b/é.yaml", "/[c]/d%20e+f@g.yaml", "/#?"] {
            let uri = of_file(Path::new(path)).expect("it is absolute");
            assert_eq!(file_of(&uri), Some(PathBuf::from(path)), "{uri:?}");
        }
        assert_eq!(
            of_file(Path::new("/a b/c+d@[e].yaml")).map(|uri| uri.as_str().to_owned()),
            Some("file:///a%20b/c+d@%5Be%5D.yaml".to_owned())
        );
    }

    #[test]
    fn only_local_files_have_a_path() {
        let file = |uri: &str| file_of(&uri.parse().expect("a URI"));
        assert_eq!(file("file://localhost/a"), Some("/a".into()));
        for other in ["file://host/a", "untitled:a", "https:///a"] {
            assert_eq!(file(other), None, "{other}");
        }
    }
}
