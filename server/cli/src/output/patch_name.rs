//! The name of a file in a patch, as `git apply` reads it.

use crate::output::text::is_active;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Returns the name of a file in the header of a unified diff: `a/` or `b/`, and the path in its repository. Outside of
/// a repository, the path is as given.
pub(crate) fn in_patch(prefix: &str, path: &Path) -> String {
    let path = in_repository(path).unwrap_or_else(|| path.to_owned());
    let path = path
        .to_string_lossy()
        .replace('\\', if cfg!(windows) { "/" } else { "\\" });
    let name = format!("{prefix}{}", path.trim_start_matches('/'));
    // CI systems act on `##vso[` and the like wherever it is in a line.
    let is_command = name.contains("##");
    let is_quoted = |c: char| is_active(c) || matches!(c, '"' | '\\') || (is_command && c == '[');
    if name.contains(is_quoted) {
        return quoted(&name, is_quoted);
    }
    // Without a tab, the name would end at its first blank.
    let end = if name.contains(' ') { "\t" } else { "" };
    name + end
}

/// Quotes a name as git does: active bytes as octal numbers.
fn quoted(name: &str, is_quoted: impl Fn(char) -> bool) -> String {
    let mut text = String::from('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if is_quoted(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(text, "\\{byte:03o}");
                }
            }
            c => text.push(c),
        }
    }
    text + "\""
}

fn in_repository(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let root = real
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists())?;
    // The file itself may be a link to another place.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    let named = folder.join(path.file_name()?);
    named.strip_prefix(root).ok().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_git() {
        for (path, name) in [
            ("deploy/web.yaml", "a/deploy/web.yaml"),
            ("my web.yaml", "a/my web.yaml\t"),
            ("/srv/web.yaml", "a/srv/web.yaml"),
            ("a\nb \".yaml", "\"a/a\\012b \\\".yaml\""),
            ("##vso[task.x]y", "\"a/##vso\\133task.x]y\""),
            ("\u{9b}.yaml", "\"a/\\302\\233.yaml\""),
        ] {
            assert_eq!(in_patch("a/", Path::new(path)), name);
        }
    }
}
