//! Reads the exceptions of a configuration file.
//!
//! An exception with an error anywhere except in a rule id is dropped, because without the wrong part it would match
//! more than intended.

use super::exception::{Date, Exception, Pattern};
use super::file::Reader;
use super::{Config, nearest};
use yaml::{self, Entry, Node};

/// A key of an exception.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: FieldKind,
}

#[derive(Clone, Copy)]
pub(super) enum FieldKind {
    Rules,
    Patterns(
        fn(&mut Exception) -> &mut Vec<Pattern>,
        fn(&str) -> Result<Pattern, String>,
    ),
    Reason,
    Until,
}

pub(super) static FIELDS: &[Field] = &[
    Field {
        name: "rules",
        about: "The rules to suppress.",
        kind: FieldKind::Rules,
    },
    Field {
        name: "path",
        about: "Files, relative to the folder of the configuration file: * matches anything except /, ** also matches /.",
        kind: FieldKind::Patterns(|it| &mut it.path, Pattern::of_paths),
    },
    Field {
        name: "kind",
        about: "Kinds of objects, such as DaemonSet.",
        kind: FieldKind::Patterns(|it| &mut it.kind, Pattern::of_words),
    },
    Field {
        name: "namespace",
        about: "Namespaces of objects, if the manifest sets them.",
        kind: FieldKind::Patterns(|it| &mut it.namespace, Pattern::of_words),
    },
    Field {
        name: "name",
        about: "Names of objects.",
        kind: FieldKind::Patterns(|it| &mut it.name, Pattern::of_words),
    },
    Field {
        name: "container",
        about: "Names of containers. Does not match findings on the pod or object itself.",
        kind: FieldKind::Patterns(|it| &mut it.container, Pattern::of_words),
    },
    Field {
        name: "image",
        about: "Images of containers, as written.",
        kind: FieldKind::Patterns(|it| &mut it.image, Pattern::of_words),
    },
    Field {
        name: "reason",
        about: "Why the findings are acceptable.",
        kind: FieldKind::Reason,
    },
    Field {
        name: "until",
        about: "The last day on which the exception applies, such as 2026-12-31.",
        kind: FieldKind::Until,
    },
];

impl Reader<'_> {
    pub(super) fn exceptions(
        &mut self,
        name: &str,
        node: Node<'_>,
        place: fn(&mut Config) -> &mut Vec<Exception>,
    ) {
        let list = node
            .resolve()
            .filter(|node| node.kind() == yaml::NodeKind::Sequence);
        let Some(list) = list else {
            self.error(
                node.range(),
                format!("`{name}` must be a list: start each exception with `- `"),
            );
            return;
        };
        for item in list.items() {
            let Some(exception) = self.exception(item) else {
                continue;
            };
            if exception.expired {
                let until = exception
                    .until
                    .map(|until| until.to_string())
                    .unwrap_or_default();
                self.warning(
                    first_line(item),
                    format!(
                        "this exception expired on {until} and no longer applies; renew or remove it"
                    ),
                );
            }
            if exception.reason.is_none() {
                self.without_reason.push(first_line(item));
            }
            place(&mut self.config).push(exception);
        }
    }

    fn exception(&mut self, item: Node<'_>) -> Option<Exception> {
        let entries = self.entries(item, "an exception")?;
        let mut exception = Exception::default();
        let mut is_right = true;
        for (name, entry) in &entries {
            is_right &= match FIELDS.iter().find(|field| field.name == *name) {
                Some(field) => self.field(field, *entry, &mut exception),
                None => self.unknown_field(name, *entry),
            };
        }
        if !entries.iter().any(|(name, _)| *name == "rules") {
            self.error(first_line(item), "an exception must list its `rules`");
        }
        (is_right && !exception.rules.is_empty()).then_some(exception)
    }

    /// Reads a field, and returns whether it is valid.
    fn field(&mut self, field: &Field, entry: Entry<'_>, exception: &mut Exception) -> bool {
        let value = entry.value;
        if value.is_null() {
            self.error(
                value.range(),
                format!("`{}` has no value; write one or remove the key", field.name),
            );
            return false;
        }
        match field.kind {
            FieldKind::Rules => {
                for (id, node) in self.words(field.name, value) {
                    let ids = self.rules_named(id, node);
                    exception.rules.extend(ids.into_iter().map(str::to_owned));
                }
                true
            }
            FieldKind::Patterns(place, pattern) => {
                let words = self.words(field.name, value);
                let count = words.len();
                let patterns: Vec<Pattern> = words
                    .into_iter()
                    .filter_map(|(word, node)| self.ok_or_report(node, pattern(word)))
                    .collect();
                let is_right = count > 0 && patterns.len() == count;
                *place(exception) = patterns;
                is_right
            }
            FieldKind::Reason => {
                exception.reason = self.scalar(field.name, value).map(str::to_owned);
                exception.reason.is_some()
            }
            FieldKind::Until => {
                let date = self
                    .scalar(field.name, value)
                    .and_then(|text| self.ok_or_report(value, text.parse::<Date>()));
                exception.until = date;
                exception.expired = date.is_some_and(|date| date < self.today);
                date.is_some()
            }
        }
    }

    /// Reads one string, or a list of them.
    fn words<'y>(&mut self, name: &str, node: Node<'y>) -> Vec<(&'y str, Node<'y>)> {
        let list = node
            .resolve()
            .filter(|node| node.kind() == yaml::NodeKind::Sequence);
        match list {
            Some(list) => list
                .items()
                .filter_map(|item| Some((self.scalar(name, item)?, item)))
                .collect(),
            None => self
                .scalar(name, node)
                .map(|word| (word, node))
                .into_iter()
                .collect(),
        }
    }

    fn unknown_field(&mut self, name: &str, entry: Entry<'_>) -> bool {
        let names = || FIELDS.iter().map(|field| field.name);
        let message = match nearest(name, names()) {
            Some(near) => {
                format!("unknown key `{name}` in an exception; did you mean `{near}`?")
            }
            None => format!(
                "unknown key `{name}` in an exception; the keys are {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        };
        self.error(entry.key.range(), message);
        false
    }
}

/// Returns the range that messages about an exception point to.
fn first_line(item: Node<'_>) -> yaml::Range {
    item.entries()
        .next()
        .map_or(item.range(), |entry| entry.key.range())
}
