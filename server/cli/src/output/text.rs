//! Text in the output: names from files as safe single lines, and numbers with their nouns.

/// Returns a message as one line without control characters: a name from a file may contain terminal escapes.
pub(crate) fn one_line(message: &str) -> String {
    annotate_snippets::normalize_untrusted_str(message).replace(['\n', '\r'], " ")
}

/// Returns a number with its noun: `1 file`, `2 files`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
