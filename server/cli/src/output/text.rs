//! Text in the output: names from files as safe single lines, and numbers with their nouns.
//!
//! Everything that comes from files goes through this module before it reaches a terminal or a log.

use std::borrow::Cow;
use std::path::Path;

/// Whether a terminal or a log viewer may act on a character: controls of both sets, line breaks, and marks that
/// reorder text.
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// Returns a message as one line, with escapes for active characters: a name from a file may contain a line break or a
/// terminal's escape sequence.
pub(crate) fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in inert(message).chars() {
        match c {
            '\t' => line.push(' '),
            c if is_active(c) => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

/// Returns a path as one line that no CI system takes for a command: `./::error` instead of `::error`.
pub(crate) fn shown_path(path: &Path) -> String {
    let line = one_line(&path.to_string_lossy());
    if line.trim_start().starts_with([':', '#']) {
        format!("./{line}")
    } else {
        line
    }
}

/// Returns a line of a file for a snippet, with as many bytes: active characters and the brackets of CI commands are
/// replaced. `annotate_snippets` replaces the controls of the first set itself.
pub(crate) fn snippet_line(line: &str) -> Cow<'_, str> {
    let is_replaced = |c: char| is_active(c) && !c.is_ascii();
    if !line.contains(is_replaced) && !line.contains(COMMAND_BRACKETS) {
        return Cow::Borrowed(line);
    }
    let line = inert(line);
    let replaced = line.chars().map(|c| match c.len_utf8() {
        2 if is_replaced(c) => '\u{bf}',
        3 if is_replaced(c) => '\u{fffd}',
        _ => c,
    });
    Cow::Owned(replaced.collect())
}

/// How the commands of GitHub Actions, Azure Pipelines and TeamCity begin. They count anywhere in a line.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// What all of [`COMMANDS`] begin with.
const COMMAND_BRACKETS: &str = "##";

/// Returns a text in which no command of a CI system begins.
fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(COMMAND_BRACKETS) {
        return Cow::Borrowed(text);
    }
    let inert = |text: String, command: &str| {
        let (name, _) = command.split_at(command.len() - 1);
        text.replace(command, &format!("{name}("))
    };
    Cow::Owned(COMMANDS.into_iter().fold(text.to_owned(), inert))
}

/// Returns a number with its noun: `1 file`, `2 files`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_characters_are_escaped() {
        let hostile = "a\x1b[31m\nb\u{9b}c\u{2028}d\u{202e}e\tf ##vso[task.x]y";
        assert_eq!(
            one_line(hostile),
            "a\\u{1b}[31m\\nb\\u{9b}c\\u{2028}d\\u{202e}e f ##vso(task.x]y"
        );
        let line = snippet_line(hostile);
        assert_eq!(line.len(), hostile.len());
        assert!(
            !line.contains(|c: char| is_active(c) && !c.is_ascii()) && !line.contains("##vso[")
        );
    }

    #[test]
    fn path_is_no_command() {
        for (path, shown) in [
            ("a/b.yaml", "a/b.yaml"),
            ("::error file=x::y", "./::error file=x::y"),
            (" ::error::", "./ ::error::"),
            ("##[error]a", "./##(error]a"),
        ] {
            assert_eq!(shown_path(Path::new(path)), shown);
        }
    }
}
