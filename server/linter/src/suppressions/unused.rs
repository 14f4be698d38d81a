//! The rule `unused-ignore`: suppressions that hide nothing, name no rule, or lack a required reason.
//!
//! Whether a suppression is used does not depend on which rules run, so that all profiles agree.

use super::{ChunkRole, Covers, Mistake, Named, Note, Suppressions, Written};
use crate::config::nearest;
use crate::rules::{Applicability, Finding, Meaning, Reporter, Rule, Tag, meaning};
use yaml::edit::{Change, Value};

/// Returns the findings of one rule, as if only that rule were selected.
pub type Ask<'a> = &'a dyn Fn(&'static Rule) -> Vec<Finding>;

/// The id of this rule.
const ID: &str = "unused-ignore";

impl Suppressions<'_, '_> {
    /// Reports unused and invalid suppressions. `shown` are the findings of all rules that run; `ask` is `None` if
    /// parts of the objects cannot be seen.
    pub fn judge(&self, shown: &[Finding], ask: Option<Ask<'_>>, found: &mut Reporter<'_, '_>) {
        for Mistake {
            range,
            message,
            correction,
            removal,
        } in &self.mistakes
        {
            let mut finding = found.at(*range, message.clone());
            if let Some((title, change)) = correction {
                finding.fix(Applicability::Unsafe, title.clone(), [change.clone()]);
            }
            // The comment may hold the only explanation, so that removing it is never a safe fix.
            if let Some((title, change)) = removal {
                finding.alternative(Applicability::Unsafe, title.clone(), [change.clone()]);
            }
        }
        for note in self
            .notes
            .iter()
            .filter(|note| !matches!(note.written, Written::Foreign))
        {
            for (index, name) in note
                .names
                .iter()
                .enumerate()
                .filter(|(_, name)| name.rule.is_none())
            {
                report_unknown(note, index, name, found);
            }
            let unused = ask
                .filter(|_| self.can_judge(note))
                .map_or_else(Vec::new, |ask| self.unused(note, shown, ask));
            // The finding that the comment is meant for may be elsewhere in the object.
            let may_be_meant = |index: &usize| {
                let id = |name: &Named| name.rule.map(|rule| rule.id);
                let rule = note.names.get(*index).and_then(id);
                let mut earlier = note.names.iter().take(*index);
                !earlier.any(|name| id(name) == rule)
                    && shown.iter().any(|finding| Some(finding.rule.id) == rule)
            };
            let applicability = if unused.iter().any(may_be_meant) {
                Applicability::Unsafe
            } else {
                Applicability::Safe
            };
            report_unused(note, &unused, applicability, found);
            let without_reason = note
                .names
                .iter()
                .position(|name| !name.has_reason && name.rule.is_some());
            if self.config.require_reason
                && without_reason.is_some_and(|index| !unused.contains(&index))
            {
                let message = match note.written {
                    Written::Annotation { .. } => {
                        "annotation has no reason (required by requireReason)"
                    }
                    Written::Comment { .. } | Written::Foreign => {
                        "ignore comment has no reason (required by requireReason)"
                    }
                };
                found.at(note.range, message);
            }
        }
    }

    /// Whether the rules could see everything that a note covers: incomplete YAML may lack the very value that is
    /// suppressed.
    fn can_judge(&self, note: &Note) -> bool {
        let is_all_here = match note.covers {
            Covers::Document => self.standing == ChunkRole::Document,
            // Already reported as a mistake.
            Covers::Nothing => false,
            _ => true,
        };
        let mut containers = self
            .objects
            .iter()
            .filter_map(|object| object.pod.as_ref())
            .flat_map(|pod| &pod.containers);
        is_all_here
            && self.yaml.errors().is_empty()
            && self.yaml.repaired().is_empty()
            && !containers.any(|container| container.is_unfinished())
    }

    /// Returns the indices of the names that suppress nothing.
    fn unused(&self, note: &Note, shown: &[Finding], ask: Ask<'_>) -> Vec<usize> {
        let meets = |rule: &Rule, findings: &[Finding]| {
            findings
                .iter()
                .any(|finding| finding.rule.id == rule.id && self.covers(note, finding))
        };
        let is_unused = |name: &Named| {
            // An ignore comment for `unused-ignore` would be used by being unused.
            name.rule.is_some_and(|rule| {
                rule.id != ID && !meets(rule, shown) && !meets(rule, &ask(rule))
            })
        };
        let repeats = |index: usize, name: &Named| {
            note.names
                .iter()
                .take(index)
                .any(|earlier| earlier.rule.map(|rule| rule.id) == name.rule.map(|rule| rule.id))
        };
        let names = note
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| name.rule.is_some());
        names
            .filter(|(index, name)| repeats(*index, name) || is_unused(name))
            .map(|(index, _)| index)
            .collect()
    }
}

fn report_unused(
    note: &Note,
    unused: &[usize],
    applicability: Applicability,
    found: &mut Reporter<'_, '_>,
) {
    let named: Vec<&Named> = unused
        .iter()
        .filter_map(|&index| note.names.get(index))
        .collect();
    let (message, range) = match named.as_slice() {
        [] => return,
        [name] if note.names.len() > 1 => (nothing(name), name.range),
        [name] => (nothing(name), note.range),
        several => {
            let range = if several.len() == note.names.len() {
                note.range
            } else {
                several.first().map_or(note.range, |name| name.range)
            };
            (
                format!(
                    "unused suppression: {} of these rules report nothing here",
                    several.len()
                ),
                range,
            )
        }
    };
    let mut finding = found.at(range, message);
    finding.tagged(Tag::Unnecessary);
    if let Some(change) = removal(note, unused) {
        let title = if named.len() == note.names.len() {
            match note.written {
                Written::Annotation { .. } => "remove the annotation".to_owned(),
                Written::Comment { .. } | Written::Foreign => {
                    "remove the ignore comment".to_owned()
                }
            }
        } else {
            format!("remove {} from the list", all(&named))
        };
        finding.fix(applicability, title, [change]);
    }
}

fn nothing(name: &Named) -> String {
    format!("unused suppression: {} reports nothing here", name.text)
}

fn all(names: &[&Named]) -> String {
    names
        .iter()
        .map(|name| name.text.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Reports an unknown name. No fix is safe here: another name hides a finding, and the name may be half-typed or belong
/// to a newer version.
fn report_unknown(note: &Note, index: usize, name: &Named, found: &mut Reporter<'_, '_>) {
    let ids = Rule::ids();
    let lower = name.text.to_ascii_lowercase();
    let (near, message) = match meaning(&name.text) {
        Meaning::Related(related) => match related.as_slice() {
            [one] => (
                Some(one.id),
                format!("{} is not the same as {}", name.text, one.id),
            ),
            several => (
                None,
                format!("{} matches several rules: {}", name.text, listed(several)),
            ),
        },
        _ => match nearest(&lower, ids) {
            Some(near) => (
                Some(near),
                format!("unknown rule {}; did you mean {near}?", name.text),
            ),
            None => (
                None,
                format!(
                    "unknown rule {}; `kubeharden rules` lists all rules",
                    name.text
                ),
            ),
        },
    };
    let mut finding = found.at(name.range, message);
    let removal = removal(note, &[index]);
    match near.and_then(|near| Some((near, renaming(note, index, near)?))) {
        Some((near, renaming)) => {
            finding.fix(Applicability::Unsafe, format!("write {near}"), [renaming]);
            if let Some(removal) = removal {
                finding.alternative(
                    Applicability::Unsafe,
                    format!("remove {}", name.text),
                    [removal],
                );
            }
        }
        None => {
            if let Some(removal) = removal {
                finding.fix(
                    Applicability::Unsafe,
                    format!("remove {}", name.text),
                    [removal],
                );
            }
        }
    }
}

fn listed(rules: &[&'static Rule]) -> String {
    rules
        .iter()
        .map(|rule| rule.id)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the change that removes some names from a note, or the note with its last names.
fn removal(note: &Note, gone: &[usize]) -> Option<Change> {
    match &note.written {
        Written::Comment {
            comment,
            text,
            ignore,
        } => Some(Change::Comment {
            range: *comment,
            text: ignore.without(text, gone),
        }),
        Written::Annotation { path, value, names } => {
            let path = path.clone()?;
            Some(match super::annotation::without(value, names, gone) {
                Some(text) => Change::Set {
                    path,
                    value: Value::Text(text),
                },
                None => Change::Remove { path },
            })
        }
        Written::Foreign => None,
    }
}

/// Returns the change that replaces a name with another one.
fn renaming(note: &Note, index: usize, name: &str) -> Option<Change> {
    match &note.written {
        Written::Comment {
            comment,
            text,
            ignore,
        } => {
            let place = ignore.names.get(index)?;
            Some(Change::Comment {
                range: *comment,
                text: Some(format!(
                    "{}{name}{}",
                    &text[..place.start],
                    &text[place.end..]
                )),
            })
        }
        Written::Annotation { path, value, names } => {
            let text = &names.get(index)?.text;
            // The name must occur once, because it may be part of another word.
            let is_alone = value.matches(text.as_str()).count() == 1;
            let value = Value::Text(value.replacen(text.as_str(), name, 1));
            is_alone.then_some(Change::Set {
                path: path.clone()?,
                value,
            })
        }
        Written::Foreign => None,
    }
}
