//! Between files and the URIs that name them.

use linter::config::discovery;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tower_lsp::jsonrpc::Request;
use tower_lsp::ls_types::Uri;

/// Encodes the characters of a request's URIs that RFC 3986 does not allow.
///
/// Some clients send spaces, brackets, or letters of other scripts as they are in the file's name. Without this, their
/// messages could not be deserialized.
pub(crate) fn encode_uris(request: Request) -> Request {
    if !request.params().is_some_and(has_invalid_uri) {
        return request;
    }
    let (method, id, params) = request.into_parts();
    let mut encoded = Request::build(method);
    if let Some(id) = id {
        encoded = encoded.id(id);
    }
    if let Some(mut params) = params {
        encode_in(&mut params);
        encoded = encoded.params(params);
    }
    encoded.finish()
}

fn has_invalid_uri(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| match value.as_str() {
            Some(text) => is_uri_field(name) && encoded(text).is_some(),
            None => has_invalid_uri(value),
        }),
        Value::Array(items) => items.iter().any(has_invalid_uri),
        _ => false,
    }
}

fn encode_in(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if is_uri_field(name) => {
                        if let Some(uri) = encoded(text) {
                            *value = uri.into();
                        }
                    }
                    _ => encode_in(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(encode_in),
        _ => {}
    }
}

/// Whether a field holds a URI: `uri`, `rootUri`, `scopeUri`, and the like in every message of the protocol.
fn is_uri_field(name: &str) -> bool {
    name == "uri" || name.ends_with("Uri")
}

/// Returns a URI with its invalid characters encoded; `None` if it is valid.
fn encoded(uri: &str) -> Option<String> {
    if uri.parse::<Uri>().is_ok() {
        return None;
    }
    let bytes = uri.as_bytes();
    let is_escape = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let is_valid =
        |at, byte| is_path_byte(byte) || b"?#".contains(&byte) || (byte == b'%' && is_escape(at));
    Some(percent_encoded(bytes, is_valid))
}

/// Whether RFC 3986 allows a byte in a path.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte)
}

/// Encodes the bytes that are not valid at their offset.
fn percent_encoded(bytes: &[u8], is_valid: impl Fn(usize, u8) -> bool) -> String {
    let mut encoded = String::with_capacity(bytes.len() + 16);
    for (at, &byte) in bytes.iter().enumerate() {
        if is_valid(at, byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

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
    use std::os::unix::ffi::OsStrExt;
    if !file.is_absolute() {
        return None;
    }
    let path = percent_encoded(file.as_os_str().as_bytes(), |_, byte| is_path_byte(byte));
    format!("file://{path}").parse().ok()
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
    let name = uri.path().as_str().rsplit('/').next();
    name.is_some_and(|name| discovery::FILE_NAMES.contains(&name))
}

#[cfg(test)]
mod encoding_tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn invalid_uris_are_encoded() {
        for (sent, expected) in [
            ("file:///a b/é.yaml", "file:///a%20b/%C3%A9.yaml"),
            ("file:///a[1]%20.yaml", "file:///a%5B1%5D%20.yaml"),
            ("file:///100%.yaml", "file:///100%25.yaml"),
            ("file:///x^y`z|{}.yaml", "file:///x%5Ey%60z%7C%7B%7D.yaml"),
            ("file:///c%3A/a.yaml", "file:///c%3A/a.yaml"),
            ("untitled:Untitled-1", "untitled:Untitled-1"),
        ] {
            let params = json!({"textDocument": {"uri": sent}, "text": "a [b"});
            let request = Request::build("textDocument/didOpen")
                .params(params)
                .finish();
            let params = json!({"textDocument": {"uri": expected}, "text": "a [b"});
            assert_eq!(encode_uris(request).params(), Some(&params));
            assert!(expected.parse::<Uri>().is_ok(), "{expected}");
        }
    }
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
