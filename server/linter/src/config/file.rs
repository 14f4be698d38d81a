//! Reads a configuration file.
//!
//! Every error is reported with its range. An invalid value is dropped; all others apply.

use super::keys::{GREATEST_ID, KEYS, Key, Kind, OFF, ORDERED, value_key};
use super::{Config, Date, Profile, Severity, nearest};
use kubernetes::{Version, parse_quantity};
use std::collections::BTreeMap;
use std::ops::Range;
use yaml::{self, Entry, Node, Resolved, Yaml, chunks};

/// The result of reading a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub config: Config,
    /// Sorted by position.
    pub problems: Vec<ConfigError>,
}

impl Reading {
    /// Whether the file has no errors; warnings are allowed.
    pub fn is_valid(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.severity < Severity::Error)
    }
}

/// An error or warning in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In bytes from the start of the text.
    pub range: Range<usize>,
    pub severity: Severity,
    pub message: String,
}

/// The words that name rules.
#[derive(Debug, Clone)]
pub struct RuleNames {
    pub ids: Vec<&'static str>,
    /// Returns the ids of the rules that a word means: an id, or a name in another tool.
    pub meaning: fn(&str) -> Vec<&'static str>,
}

/// Reads a configuration file. Exceptions that ended before `today` are expired.
pub fn read(text: &str, rules: &RuleNames, today: Date) -> Reading {
    let mut reader = Reader {
        rules,
        today,
        start: 0,
        config: Config::default(),
        problems: Vec::new(),
        without_reason: Vec::new(),
        written: BTreeMap::new(),
    };
    reader.text(text);
    reader.reset_contradictions();
    let Reader {
        config,
        mut problems,
        ..
    } = reader;
    problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
    Reading { config, problems }
}

pub(super) struct Reader<'r> {
    rules: &'r RuleNames,
    pub(super) today: Date,
    /// The start of the document in the text, in bytes.
    start: usize,
    pub(super) config: Config,
    problems: Vec<ConfigError>,
    /// Exceptions without a reason.
    pub(super) without_reason: Vec<yaml::Range>,
    /// The ranges of the values that are valid on their own.
    written: BTreeMap<&'static str, yaml::Range>,
}

impl Reader<'_> {
    fn text(&mut self, text: &str) {
        if text.trim().is_empty() {
            self.error_at(
                0..text.len(),
                "the file is empty; write a setting such as `profile: hardened`, or remove the file",
            );
            return;
        }
        let mut is_first = true;
        for range in chunks::documents(text) {
            let (start, yaml) = (range.start, yaml::parse(&text[range]));
            self.start = start;
            let Some(root) = yaml.root() else {
                self.syntax(&yaml);
                continue;
            };
            if std::mem::replace(&mut is_first, false) {
                self.document(&yaml, root);
            } else {
                self.error(
                    root.range(),
                    "only the first document is read; move everything into it",
                );
            }
        }
    }

    fn document(&mut self, yaml: &Yaml, root: Node<'_>) {
        if yaml.template_syntax().is_some() {
            let at = self.start + yaml.text().find("{{").unwrap_or_default();
            self.error_at(
                at..at + 2,
                "template syntax is not supported in this file; write the values",
            );
            return;
        }
        self.syntax(yaml);
        if root.is_null() {
            self.error(
                root.range(),
                "the document is empty; write a setting such as `profile: hardened`",
            );
        } else {
            self.mapping(root, KEYS, None);
        }
        if self.config.require_reason {
            for place in std::mem::take(&mut self.without_reason) {
                self.error(
                    place,
                    "this exception has no `reason` (required by `requireReason`)",
                );
            }
        }
    }

    fn syntax(&mut self, yaml: &Yaml) {
        for error in yaml.errors() {
            self.error(error.range, error.message.clone());
        }
    }

    fn mapping(&mut self, node: Node<'_>, keys: &'static [Key], of: Option<&str>) {
        let Some(entries) = self.entries(node, of.unwrap_or("a configuration file")) else {
            return;
        };
        for (name, entry) in entries {
            match keys.iter().find(|key| key.name == name) {
                Some(key) => self.value(key, entry.value),
                None => self.unknown_key(name, entry, keys, of),
            }
        }
    }

    /// Returns the entries of a mapping by key. Of duplicate keys the last one is used, as in other YAML readers.
    pub(super) fn entries<'y>(
        &mut self,
        node: Node<'y>,
        what: &str,
    ) -> Option<Vec<(&'y str, Entry<'y>)>> {
        let place = node.range();
        let node = node
            .resolve()
            .filter(|node| node.kind() == yaml::NodeKind::Mapping);
        let Some(node) = node else {
            self.error(place, format!("{what} must consist of `key: value` lines"));
            return None;
        };
        let mut seen: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
        for entry in node.entries() {
            let Some(name) = entry.key.as_str() else {
                self.error(entry.key.range(), "a key must be a string");
                continue;
            };
            if seen.insert(name, entry).is_some() {
                self.error(
                    entry.key.range(),
                    format!("duplicate key `{name}`; this one is used, remove the other"),
                );
            }
        }
        Some(seen.into_iter().collect())
    }

    fn unknown_key(&mut self, name: &str, entry: Entry<'_>, keys: &[Key], of: Option<&str>) {
        let elsewhere = |key: &&Key| match key.kind {
            Kind::Group(inner) => of.is_none() && inner.iter().any(|key| key.name == name),
            _ => false,
        };
        let message = if let Some(group) = KEYS.iter().find(elsewhere) {
            format!("`{name}` belongs below `{}`", group.name)
        } else if of.is_some() && KEYS.iter().any(|key| key.name == name) {
            format!("`{name}` belongs at the top of the file")
        } else if let Some(near) = nearest(name, keys.iter().map(|key| key.name)) {
            format!("unknown key `{name}`; did you mean `{near}`?")
        } else {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!(
                "unknown key `{name}`; the keys are {}",
                listed(&names, "and")
            )
        };
        self.error(entry.key.range(), message);
    }

    fn value(&mut self, key: &'static Key, node: Node<'_>) {
        // A mapping or list may be empty because all its entries are commented out.
        let holds_others = matches!(
            key.kind,
            Kind::Group(_)
                | Kind::Severities(_)
                | Kind::Rules(_)
                | Kind::Names(..)
                | Kind::Exceptions(_)
        );
        if node.is_null() {
            if !holds_others {
                self.error(
                    node.range(),
                    format!("`{}` has no value; write one or remove the key", key.name),
                );
            }
            return;
        }
        match key.kind {
            Kind::Group(keys) => self.mapping(node, keys, Some(key.name)),
            Kind::Severities(place) => self.severities(key, node, place),
            Kind::Rules(place) => self.rule_list(key, node, place),
            Kind::Names(place, check) => self.name_list(key, node, place, check),
            Kind::Id(place, least) => self.id(key, node, place, least),
            Kind::Profile(place) => {
                let profile = self.word(key, node, "profile", &Profile::ALL.map(Profile::name));
                self.config.profile_is_chosen |= profile.is_some();
                set(
                    place(&mut self.config),
                    profile.and_then(|at| Profile::ALL.get(at).copied()),
                );
            }
            Kind::Severity(place) => {
                let severity = self.word(key, node, "severity", &Severity::ALL.map(Severity::name));
                set(
                    place(&mut self.config),
                    severity.and_then(|at| Severity::ALL.get(at).copied()),
                );
            }
            Kind::Version(place) => {
                let version = self
                    .scalar(key.name, node)
                    .and_then(|text| self.ok_or_report(node, text.parse::<Version>()));
                set(place(&mut self.config), version);
            }
            Kind::Quantity(place) => self.quantity(key, node, place),
            Kind::Flag(place) => match node.resolved() {
                Some(Resolved::Bool(flag)) => *place(&mut self.config) = flag,
                _ => self.error(
                    node.range(),
                    format!("`{}` must be `true` or `false`", key.name),
                ),
            },
            Kind::Exceptions(place) => self.exceptions(key.name, node, place),
        }
    }

    fn severities(
        &mut self,
        key: &Key,
        node: Node<'_>,
        place: fn(&mut Config) -> &mut BTreeMap<String, Option<Severity>>,
    ) {
        let words: Vec<&str> = Severity::ALL
            .iter()
            .map(|severity| severity.name())
            .chain([OFF])
            .collect();
        for (id, entry) in self
            .entries(node, &format!("`{}`", key.name))
            .unwrap_or_default()
        {
            let ids = self.rules_named(id, entry.key);
            if let Some(at) = self.word(key, entry.value, "severity", &words) {
                let severity = Severity::ALL.get(at).copied();
                let severities = ids.into_iter().map(|id| (id.to_owned(), severity));
                place(&mut self.config).extend(severities);
            }
        }
    }

    fn rule_list(&mut self, key: &Key, node: Node<'_>, place: fn(&mut Config) -> &mut Vec<String>) {
        for (id, node) in self.items(key, node) {
            let ids = self.rules_named(id, node).into_iter().map(str::to_owned);
            place(&mut self.config).extend(ids);
        }
    }

    fn name_list(
        &mut self,
        key: &Key,
        node: Node<'_>,
        place: fn(&mut Config) -> &mut Vec<String>,
        check: fn(&str) -> Result<(), String>,
    ) {
        let items = self.items(key, node);
        let right: Vec<String> = items
            .into_iter()
            .filter(|(name, node)| self.ok_or_report(*node, check(name)).is_some())
            .map(|(name, _)| name.to_owned())
            .collect();
        // A list without a valid item is dropped; an empty list is a value.
        if !right.is_empty()
            || node.resolve().is_some_and(|list| {
                list.kind() == yaml::NodeKind::Sequence && list.items().len() == 0
            })
        {
            *place(&mut self.config) = right;
        }
    }

    fn id(
        &mut self,
        key: &'static Key,
        node: Node<'_>,
        place: fn(&mut Config) -> &mut i64,
        least: i64,
    ) {
        match node.resolved() {
            Some(Resolved::Int(id)) if (least..=GREATEST_ID).contains(&id) => {
                *place(&mut self.config) = id;
                self.written.insert(key.name, node.range());
            }
            _ => self.error(
                node.range(),
                format!(
                    "`{}` must be a whole number from {least} to {GREATEST_ID}",
                    key.name
                ),
            ),
        }
    }

    fn quantity(
        &mut self,
        key: &'static Key,
        node: Node<'_>,
        place: fn(&mut Config) -> &mut String,
    ) {
        let Some(text) = self.scalar(key.name, node) else {
            return;
        };
        match parse_quantity(text).filter(|&amount| amount > 0) {
            Some(_) => {
                *place(&mut self.config) = text.to_owned();
                self.written.insert(key.name, node.range());
            }
            None => {
                let example = place(&mut Config::default()).clone();
                self.error(
                    node.range(),
                    format!("`{text}` is not a positive quantity, such as `{example}`"),
                );
            }
        }
    }

    /// Resets pairs of values that contradict each other.
    fn reset_contradictions(&mut self) {
        self.start = 0;
        for (low, high) in ORDERED {
            let (Some(low), Some(high)) = (value_key(low), value_key(high)) else {
                continue;
            };
            let (below, above) = (self.amount_of(low), self.amount_of(high));
            let Some(place) = self
                .written
                .get(low.name)
                .or(self.written.get(high.name))
                .copied()
            else {
                continue;
            };
            if below.0 > above.0 {
                self.error(
                    place,
                    format!(
                        "`{}` {} is above `{}` {}",
                        low.name, below.1, high.name, above.1
                    ),
                );
                low.reset(&mut self.config);
                high.reset(&mut self.config);
            }
        }
    }

    /// Returns the amount of a value, and its text for messages.
    fn amount_of(&mut self, key: &Key) -> (i128, String) {
        let suffix = if self.written.contains_key(key.name) {
            ""
        } else {
            " (the default)"
        };
        let (much, text) = match key.kind {
            Kind::Id(place, _) => (
                i128::from(*place(&mut self.config)),
                place(&mut self.config).to_string(),
            ),
            Kind::Quantity(place) => {
                let text = place(&mut self.config).clone();
                (parse_quantity(&text).unwrap_or_default(), text)
            }
            _ => (0, String::new()),
        };
        (much, text + suffix)
    }

    /// Returns the items of a list of strings.
    fn items<'y>(&mut self, key: &Key, node: Node<'y>) -> Vec<(&'y str, Node<'y>)> {
        let list = node
            .resolve()
            .filter(|node| node.kind() == yaml::NodeKind::Sequence);
        let Some(list) = list else {
            self.error(
                node.range(),
                format!(
                    "`{}` must be a list: start each item with `- `, or write all in `[ ]`",
                    key.name
                ),
            );
            return Vec::new();
        };
        list.items()
            .filter_map(|item| Some((self.scalar(key.name, item)?, item)))
            .collect()
    }

    /// Returns the text of a scalar.
    pub(super) fn scalar<'y>(&mut self, name: &str, node: Node<'y>) -> Option<&'y str> {
        let text = node.as_str().filter(|_| !node.is_null());
        if text.is_none() {
            self.error(node.range(), format!("`{name}` takes a single value here"));
        }
        text
    }

    /// Returns the index of the word that is written.
    fn word(&mut self, key: &Key, node: Node<'_>, what: &str, words: &[&str]) -> Option<usize> {
        let text = self.scalar(key.name, node)?;
        let at = words.iter().position(|word| *word == text);
        if at.is_none() {
            let near = nearest(text, words.iter().copied());
            let advice = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected {}", listed(words, "or")),
            };
            self.error(node.range(), format!("unknown {what} `{text}`; {advice}"));
        }
        at
    }

    /// Looks up a word among the rule ids and the names of other tools, and returns the ids of its
    /// rules. Reports an unknown word.
    pub(super) fn rules_named(&mut self, id: &str, node: Node<'_>) -> Vec<&'static str> {
        let ids = (self.rules.meaning)(id);
        if ids.is_empty() {
            let advice = match nearest(id, self.rules.ids.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`kubeharden rules` lists all rules".to_owned(),
            };
            self.error(node.range(), format!("unknown rule `{id}`; {advice}"));
        }
        ids
    }

    /// Returns the value, or reports the error at the node.
    pub(super) fn ok_or_report<T>(
        &mut self,
        node: Node<'_>,
        outcome: Result<T, String>,
    ) -> Option<T> {
        outcome
            .map_err(|message| self.error(node.range(), message))
            .ok()
    }

    pub(super) fn error(&mut self, range: yaml::Range, message: impl Into<String>) {
        self.error_at(
            self.start + usize::from(range.start())..self.start + usize::from(range.end()),
            message,
        );
    }

    /// Reports a warning.
    pub(super) fn warning(&mut self, range: yaml::Range, message: String) {
        let range = self.start + usize::from(range.start())..self.start + usize::from(range.end());
        self.report(range, Severity::Warning, message);
    }

    fn error_at(&mut self, range: Range<usize>, message: impl Into<String>) {
        self.report(range, Severity::Error, message.into());
    }

    /// A quoted value may have several lines, but a message is one line.
    fn report(&mut self, range: Range<usize>, severity: Severity, message: String) {
        let message = message
            .split(char::is_control)
            .filter(|piece| !piece.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        self.problems.push(ConfigError {
            range,
            severity,
            message,
        });
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Lists words: `a`, `b` or `c`.
fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [all @ .., end] if !all.is_empty() => format!("{} {last} {end}", all.join(", ")),
        _ => quoted.join(", "),
    }
}
