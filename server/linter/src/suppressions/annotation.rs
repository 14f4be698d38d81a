//! Annotations that suppress findings: ours, and those of other tools.
//!
//! Every rule name has a range in the text; if its own position is uncertain, it is the range of the annotation's key.

use super::comment::listed;
use crate::rules::Tool;
use yaml::{Entry, NodeKind, Offset, Range, ScalarStyle};

/// The key of our annotation.
pub(super) const KEY: &str = "kubeharden.dev/ignore";

/// The prefix of all our keys.
pub(super) const DOMAIN: &str = "kubeharden.dev/";

/// One rule of the value `rule: reason; rule, rule: reason`.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) text: String,
    pub(super) range: Range,
    /// The index of the part between semicolons.
    part: usize,
    pub(super) has_reason: bool,
}

/// Returns the rule names in the value of our annotation.
pub(super) fn names(entry: Entry<'_>) -> Vec<Named> {
    let value = entry.value.as_str().unwrap_or_default();
    let mut search = Search::of(entry);
    let mut names = Vec::new();
    for (index, part) in parts(value).enumerate() {
        let (list, reason) = part.split_once(':').unwrap_or((part, ""));
        let has_reason = reason.chars().any(char::is_alphanumeric);
        names.extend(listed(list, 0).into_iter().map(|name| {
            let text = list[name].to_owned();
            Named {
                range: search.range(&text),
                text,
                part: index,
                has_reason,
            }
        }));
    }
    names
}

/// Returns the value without some of its names, given by index; `None` if no name is left.
pub(super) fn without(value: &str, names: &[Named], gone: &[usize]) -> Option<String> {
    let kept: Vec<&Named> = names
        .iter()
        .enumerate()
        .filter(|(index, _)| !gone.contains(index))
        .map(|(_, name)| name)
        .collect();
    let part = |(index, part): (usize, &str)| {
        let names: Vec<&str> = kept
            .iter()
            .filter(|name| name.part == index)
            .map(|name| name.text.as_str())
            .collect();
        let reason = part.split_once(':').map_or(String::new(), |(_, reason)| {
            format!(":{}", reason.trim_end())
        });
        (!names.is_empty()).then(|| names.join(", ") + &reason)
    };
    let left: Vec<String> = parts(value).enumerate().filter_map(part).collect();
    (!left.is_empty()).then(|| left.join("; "))
}

fn parts(value: &str) -> impl Iterator<Item = &str> {
    value
        .split([';', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Returns the checks that an annotation of another tool names.
pub(super) fn foreign(entry: Entry<'_>) -> Vec<(Tool, String)> {
    let (Some(key), value) = (entry.key.as_str(), entry.value.as_str().unwrap_or_default()) else {
        return Vec::new();
    };
    if let Some(check) = key.strip_prefix("ignore-check.kube-linter.io/") {
        return vec![(Tool::KubeLinter, check.to_owned())];
    }
    if key == "kube-score/ignore" {
        return listed(value, 0)
            .into_iter()
            .map(|name| (Tool::KubeScore, value[name].to_owned()))
            .collect();
    }
    if let Some(check) = key
        .strip_prefix("polaris.fairwinds.com/")
        .and_then(|key| key.strip_suffix("-exempt"))
    {
        let exempts = value.eq_ignore_ascii_case("true");
        return exempts
            .then(|| (Tool::Polaris, check.to_owned()))
            .into_iter()
            .collect();
    }
    // Checkov accepts any key with this prefix: skip1, skip2.
    if ["checkov.io/skip", "bridgecrew.io/skip", "cortex.io/skip"]
        .iter()
        .any(|prefix| key.starts_with(prefix))
    {
        let check = value.split('=').next().unwrap_or_default().trim();
        return vec![(Tool::Checkov, check.to_owned())];
    }
    Vec::new()
}

/// Finds the names of a value in the text, one after the other.
struct Search<'y> {
    entry: Entry<'y>,
    at: usize,
}

impl<'y> Search<'y> {
    fn of(entry: Entry<'y>) -> Self {
        Search { entry, at: 0 }
    }

    fn range(&mut self, name: &str) -> Range {
        let (key, value) = (self.entry.key.range(), self.entry.value);
        let is_written_out = matches!(
            value.kind(),
            NodeKind::Scalar(
                ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
            )
        );
        let found = value
            .source()
            .get(self.at..)
            .and_then(|rest| rest.find(name))
            .filter(|_| is_written_out);
        let Some(found) = found else { return key };
        let start = self.at + found;
        self.at = start + name.len();
        let length = Offset::of(name);
        Offset::try_from(start).map_or(key, |start| {
            Range::at(value.range().start() + start, length)
        })
    }
}
