//! Finds the rule id that is being typed in an ignore comment or annotation.
//!
//! Only the text of the line is used, because the rest of the document may be incomplete.

use super::annotation::KEY;
use super::comment::{IGNORE, IGNORE_FILE, OURS};
use std::ops::Range;

/// A rule id that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialRuleId {
    /// In bytes from the start of the line.
    pub range: Range<usize>,
    /// The other names of the same list.
    pub others: Vec<String>,
}

/// Returns the rule id at an offset in a line, in bytes. The id may still be empty.
pub fn partial_rule_id_at(line: &str, at: usize) -> Option<PartialRuleId> {
    let before = line.get(..at)?.to_ascii_lowercase();
    let list = in_comment(&before).or_else(|| in_annotation(&before))?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let start = at
        - before[list..]
            .chars()
            .rev()
            .take_while(|c| is_name(*c))
            .count();
    let end = at + line[at..].find(|c| !is_name(c)).unwrap_or(line.len() - at);
    let is_first = line[list..start].trim().is_empty()
        || line[list..start].trim_end().ends_with([',', '"', '\'']);
    let behind = line[end..]
        .split([']', ';', ':'])
        .next()
        .unwrap_or_default();
    let others = line[list..start].split(',').chain(behind.split(','));
    let others = others
        .map(|name| name.trim_matches([' ', '"', '\'']).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    is_first.then_some(PartialRuleId {
        range: start..end,
        others,
    })
}

/// Returns where the list after `# kubeharden: ignore[` starts, if the text ends in it.
fn in_comment(before: &str) -> Option<usize> {
    let open = before
        .rfind('[')
        .filter(|&open| !before[open..].contains(']'))?;
    let word = before[..open].trim_end();
    let rest = word
        .strip_suffix(IGNORE_FILE)
        .or(word.strip_suffix(IGNORE))?;
    let rest = rest
        .trim_end()
        .strip_suffix(':')?
        .trim_end()
        .strip_suffix(OURS)?;
    rest.trim_end().ends_with('#').then_some(open + 1)
}

/// Returns where the names after `kubeharden.dev/ignore:` or a semicolon start, if the text ends in them and not in a
/// reason.
fn in_annotation(before: &str) -> Option<usize> {
    let key = before.find(KEY)? + KEY.len();
    let behind = before[key..].trim_start_matches(['"', '\'']);
    let value = before.len() - behind.trim_start().strip_prefix(':')?.len();
    let part = before[value..]
        .rfind(';')
        .map_or(value, |at| value + at + 1);
    (!before[part..].contains(':')).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is typed at the `|`, and the rest of the list.
    fn typed(marked: &str) -> Option<String> {
        let at = marked.find('|')?;
        let line = marked.replacen('|', "", 1);
        let word = partial_rule_id_at(&line, at)?;
        Some(format!("{:?} {}", &line[word.range], word.others.join("+")))
    }

    #[test]
    fn a_name_in_an_ignore_is_found() {
        for (line, expected) in [
            ("  - name: é # kubeharden: ignore[pri|", "\"pri\" "),
            ("# KubeHarden: Ignore-File[ |]", "\"\" "),
            (
                "# kubeharden: ignore[host-pid, ho|st, x] why",
                "\"host\" host-pid+x",
            ),
            ("    kubeharden.dev/ignore: |", "\"\" "),
            (
                "    kubeharden.dev/ignore: \"host-pid: why; pri|v\"",
                "\"priv\" ",
            ),
            (
                "    kubeharden.dev/ignore: 'host-pid, p|'",
                "\"p\" host-pid",
            ),
        ] {
            assert_eq!(typed(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn elsewhere_there_is_none() {
        for line in [
            "|",
            "  name: we|b",
            "  args: [ignore[|",
            "# kubeharden: ignore|",
            "# kubeharden: ignore[a] |",
            "# ignore[|",
            "# kubeharden: ignore[two wor|ds]",
            "  kubeharden.dev/ignore|: x",
            "  kubeharden.dev/ignore: \"host-pid: wh|y\"",
            "  example.com/ignore: |",
        ] {
            assert_eq!(typed(line), None, "{line}");
        }
    }
}
