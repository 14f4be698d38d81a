//! Parses comments that suppress findings: ours, and those of other tools.
//!
//! Case and whitespace are ignored. A comment that looks like an ignore comment but is not valid is reported as a
//! mistake.

use crate::config::{Date, nearest};
use crate::rules::Tool;
use std::ops::Range;

/// The first word of our comments, after the `#`.
pub(super) const OURS: &str = "kubeharden";

/// The words that may follow.
pub(super) const IGNORE: &str = "ignore";
pub(super) const IGNORE_FILE: &str = "ignore-file";

/// What a comment covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Place,
    Document,
}

/// A directive in a comment. All ranges are in bytes from the comment's `#`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Ignore(Ignore),
    /// Checks of another tool.
    Foreign {
        tool: Tool,
        names: Vec<Range<usize>>,
        /// The last day on which it counts.
        last_day: Option<Date>,
    },
    Mistake(Mistake),
}

/// An invalid ignore comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) place: Range<usize>,
    pub(super) message: String,
    /// From its own `#` to the end of the comment.
    pub(super) whole: Range<usize>,
    /// The likely intention.
    pub(super) instead: Option<Suggestion>,
}

/// A replacement for a range, and the title of its fix.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suggestion {
    pub(super) place: Range<usize>,
    pub(super) written: String,
    pub(super) title: String,
}

impl Suggestion {
    fn word(place: Range<usize>, word: &str) -> Self {
        Suggestion {
            place,
            written: word.to_owned(),
            title: format!("write {word}"),
        }
    }
}

/// `# kubeharden: ignore[rule, ...] reason`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ignore {
    pub(super) reach: Reach,
    /// The range of `ignore` or `ignore-file`.
    word: Range<usize>,
    /// From its own `#` to the end of the comment.
    pub(super) whole: Range<usize>,
    /// Between the brackets.
    pub(super) list: Range<usize>,
    /// Without the whitespace around each name.
    pub(super) names: Vec<Range<usize>>,
    pub(super) has_reason: bool,
}

/// Parses a comment. Words before a `#` in the middle of it are not ours.
pub(super) fn read(comment: &str) -> Vec<Directive> {
    // Every directive contains a colon.
    if !comment.contains(':') {
        return Vec::new();
    }
    let lower = comment.to_ascii_lowercase();
    let hashes: Vec<usize> = lower
        .match_indices('#')
        .map(|(at, _)| at)
        .filter(|&at| words(&lower, at).is_some())
        .collect();
    let ends = hashes.iter().skip(1).copied().chain([comment.len()]);
    let ours = hashes
        .iter()
        .zip(ends)
        .filter_map(|(&start, end)| directive(&lower, start..end));
    ours.chain(foreign(&lower)).collect()
}

/// Returns where the words after `# kubeharden:` start.
fn words(lower: &str, hash: usize) -> Option<usize> {
    let behind = lower.get(hash + 1..)?;
    let rest = behind
        .trim_start()
        .strip_prefix(OURS)?
        .trim_start()
        .strip_prefix(':')?;
    Some(lower.len() - rest.len())
}

fn directive(lower: &str, whole: Range<usize>) -> Option<Directive> {
    let text = &lower[..whole.end];
    let start = skip_blanks(text, words(text, whole.start)?);
    let word_end = start
        + text[start..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
            .unwrap_or(text.len() - start);
    let (word, place) = (&text[start..word_end], start..word_end);
    let open = skip_blanks(text, word_end);
    let reach = match word {
        IGNORE => Reach::Place,
        IGNORE_FILE => Reach::Document,
        _ => {
            let near = nearest(word, [IGNORE, IGNORE_FILE]);
            let meant = near.or(text[open..].starts_with('[').then_some(IGNORE))?;
            let message = format!("unknown comment \"{OURS}: {word}\"; did you mean {meant}?");
            let instead = Some(Suggestion::word(place.clone(), meant));
            return Some(Directive::Mistake(Mistake {
                place,
                message,
                whole,
                instead,
            }));
        }
    };
    let mistake = |message: String, instead| {
        Some(Directive::Mistake(Mistake {
            place: place.clone(),
            message,
            whole: whole.clone(),
            instead,
        }))
    };
    if !text[open..].starts_with('[') {
        return mistake(
            format!("an ignore comment must name its rules: {word}[rule]"),
            None,
        );
    }
    let Some(length) = text[open..].find(']') else {
        let end = end_of_list(text, open + 1);
        let closed = end.map(|end| Suggestion {
            place: end..end,
            written: "]".to_owned(),
            title: "add the missing ]".to_owned(),
        });
        return mistake("missing ] after the list of rules".to_owned(), closed);
    };
    let list = open + 1..open + length;
    let names = listed(&text[list.clone()], list.start);
    if names.is_empty() {
        return mistake(
            format!("an ignore comment must name its rules: {word}[rule]"),
            None,
        );
    }
    let has_reason = text[list.end + 1..].chars().any(char::is_alphanumeric);
    Some(Directive::Ignore(Ignore {
        reach,
        word: place,
        whole,
        list,
        names,
        has_reason,
    }))
}

/// Returns the end of a comma-separated list of words that starts at an offset.
fn end_of_list(text: &str, start: usize) -> Option<usize> {
    let (mut at, mut end) = (start, None);
    loop {
        let word = skip_blanks(text, at);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let length = text[word..]
            .find(|c| !is_name(c))
            .unwrap_or(text.len() - word);
        if length == 0 {
            return end;
        }
        end = Some(word + length);
        at = skip_blanks(text, word + length);
        if !text[at..].starts_with(',') {
            return end;
        }
        at += 1;
    }
}

/// Returns a comment without a range of it; `None` if nothing is left.
pub(super) fn without(comment: &str, part: &Range<usize>) -> Option<String> {
    let before = comment[..part.start].trim_end();
    let after = &comment[part.end..];
    match (before, after) {
        ("", "") => None,
        ("", after) => Some(after.to_owned()),
        (before, "") => Some(before.to_owned()),
        (before, after) => Some(format!("{before} {after}")),
    }
}

/// Returns the ranges of the words in a comma-separated list, without whitespace.
pub(super) fn listed(list: &str, start: usize) -> Vec<Range<usize>> {
    let mut at = start;
    let mut names = Vec::new();
    for part in list.split(',') {
        let begin = at + part.len() - part.trim_start().len();
        let name = part.trim();
        if !name.is_empty() {
            names.push(begin..begin + name.len());
        }
        at += part.len() + 1;
    }
    names
}

fn skip_blanks(text: &str, at: usize) -> usize {
    at + text[at..].len() - text[at..].trim_start().len()
}

/// Finds `checkov:skip=CKV_K8S_16,CKV_K8S_17:reason` and `trivy:ignore:KSV-0017:exp:2026-01-31`.
fn foreign(lower: &str) -> impl Iterator<Item = Directive> {
    const MARKS: [(&str, Tool); 4] = [
        ("checkov:skip=", Tool::Checkov),
        ("bridgecrew:skip=", Tool::Checkov),
        ("cortex:skip=", Tool::Checkov),
        ("trivy:ignore:", Tool::Trivy),
    ];
    MARKS.into_iter().flat_map(move |(mark, tool)| {
        lower.match_indices(mark).filter_map(move |(at, _)| {
            let start = at + mark.len();
            let rest = &lower[start..];
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let end = match tool {
                Tool::Checkov => end_of_list(lower, start)?,
                _ => start + rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            };
            let names = listed(&lower[start..end], start);
            (!names.is_empty()).then(|| Directive::Foreign {
                tool,
                names,
                last_day: last_day(&lower[end..]),
            })
        })
    })
}

/// Reads `:exp:2026-01-31`, which may follow other parameters.
fn last_day(parameters: &str) -> Option<Date> {
    let words = parameters.split_whitespace().next()?;
    let mut parts = words.split(':').skip_while(|part| *part != "exp");
    parts.nth(1)?.parse().ok()
}

impl Ignore {
    /// Returns the mistake of an `ignore-file` comment that is not in the first comments of its document.
    pub(super) fn misplaced(&self) -> Mistake {
        Mistake {
            place: self.whole.clone(),
            message: format!("{IGNORE_FILE} must be in the first comments of a document"),
            whole: self.whole.clone(),
            instead: Some(Suggestion::word(self.word.clone(), IGNORE)),
        }
    }

    /// Returns the comment without some of its names, given by index; `None` if nothing is left.
    pub(super) fn without(&self, comment: &str, gone: &[usize]) -> Option<String> {
        let kept = || {
            self.names
                .iter()
                .enumerate()
                .filter(|(index, _)| !gone.contains(index))
                .map(|(_, name)| name)
        };
        if kept().next().is_none() {
            return without(comment, &self.whole);
        }
        let names: Vec<&str> = kept().map(|name| &comment[name.clone()]).collect();
        let (first, last) = (self.names.first()?, self.names.last()?);
        Some(format!(
            "{}{}{}",
            &comment[..first.start],
            names.join(", "),
            &comment[last.end..]
        ))
    }

    /// Returns the comment with more names at the end of its list.
    pub(super) fn with(&self, comment: &str, names: &str) -> String {
        let end = self.names.last().map_or(self.list.start, |last| last.end);
        format!("{}, {names}{}", &comment[..end], &comment[end..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes the directives of a comment.
    fn describe(comment: &str) -> Vec<String> {
        let said = read(comment);
        let text = |said: &Directive| match said {
            Directive::Ignore(ignore) => {
                let names: Vec<&str> = ignore
                    .names
                    .iter()
                    .map(|name| &comment[name.clone()])
                    .collect();
                format!(
                    "{:?} {} {}",
                    ignore.reach,
                    names.join("+"),
                    if ignore.has_reason { "reason" } else { "-" }
                )
            }
            Directive::Foreign {
                tool,
                names,
                last_day,
            } => {
                let names: Vec<&str> = names.iter().map(|name| &comment[name.clone()]).collect();
                let until = last_day.map_or(String::new(), |day| format!(" until {day}"));
                format!("{} {}{until}", tool.name(), names.join("+"))
            }
            Directive::Mistake(Mistake { place, message, .. }) => {
                format!("{:?} {message}", &comment[place.clone()])
            }
        };
        said.iter().map(text).collect()
    }

    #[test]
    fn case_and_blanks_are_of_no_account() {
        for comment in [
            "# kubeharden: ignore[host-pid]",
            "#kubeharden:ignore[host-pid]",
            "#  KubeHarden :  IGNORE  [ host-pid , ]",
            "# the agent # kubeharden: ignore[host-pid]",
        ] {
            assert_eq!(describe(comment), ["Place host-pid -"], "{comment}");
        }
        assert_eq!(
            describe("# kubeharden: ignore-file[a,b] -- see #12"),
            ["Document a+b reason"]
        );
        assert_eq!(
            describe("# kubeharden: ignore[a] one # kubeharden: ignore[b]"),
            ["Place a reason", "Place b -"]
        );
    }

    #[test]
    fn invalid_comments_are_mistakes() {
        assert_eq!(
            describe("# kubeharden: ignore"),
            ["\"ignore\" an ignore comment must name its rules: ignore[rule]"]
        );
        assert_eq!(
            describe("# kubeharden: ignore[ , ]"),
            ["\"ignore\" an ignore comment must name its rules: ignore[rule]"]
        );
        assert_eq!(
            describe("# kubeharden: ignore[a"),
            ["\"ignore\" missing ] after the list of rules"]
        );
        assert_eq!(
            describe("# kubeharden: ignroe[a]"),
            ["\"ignroe\" unknown comment \"kubeharden: ignroe\"; did you mean ignore?"]
        );
        assert_eq!(
            describe("# kubeharden: noqa[a]"),
            ["\"noqa\" unknown comment \"kubeharden: noqa\"; did you mean ignore?"]
        );
        for comment in [
            "# kubeharden: see docs/hardening.md",
            "# kubeharden ignores this",
            "# ignore[a]",
            "#",
            "# \u{e9}#",
        ] {
            assert_eq!(describe(comment), [""; 0], "{comment}");
        }
    }

    #[test]
    fn comments_of_other_tools_are_read() {
        assert_eq!(
            describe("#trivy:ignore:AVD-KSV-0017 trivy:ignore:KSV-0009"),
            ["Trivy AVD-KSV-0017", "Trivy KSV-0009"]
        );
        assert_eq!(
            describe("# checkov:skip=CKV_K8S_16:needs it"),
            ["Checkov CKV_K8S_16"]
        );
        assert_eq!(
            describe("# checkov:skip=CKV_K8S_16, CKV_K8S_17:both"),
            ["Checkov CKV_K8S_16+CKV_K8S_17"]
        );
        assert_eq!(
            describe("# trivy:ignore:KSV-0017:ws:prod:exp:2026-01-31 why"),
            ["Trivy KSV-0017 until 2026-01-31"]
        );
    }

    #[test]
    fn a_list_loses_and_gains_names() {
        let comment = "# keep # kubeharden: ignore[ a,b , c] why";
        let said = read(comment);
        let [Directive::Ignore(ignore)] = said.as_slice() else {
            panic!("{said:?}")
        };
        assert_eq!(
            ignore.without(comment, &[1]).as_deref(),
            Some("# keep # kubeharden: ignore[ a, c] why")
        );
        assert_eq!(
            ignore.without(comment, &[0, 1]).as_deref(),
            Some("# keep # kubeharden: ignore[ c] why")
        );
        assert_eq!(
            ignore.without(comment, &[0, 1, 2]).as_deref(),
            Some("# keep")
        );
        assert_eq!(
            ignore.with(comment, "d"),
            "# keep # kubeharden: ignore[ a,b , c, d] why"
        );
    }
}
