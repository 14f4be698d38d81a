//! Completion and hover inside security contexts.
//!
//! To find the type at a half-typed place, a key with an unknown name is inserted and the chunk is parsed again: the
//! unknown-field error names the type. A completion item replaces only the word at the place.

use super::chunk_context;
use super::document_kind::DocumentKind;
use super::model::Analysis;
use crate::Inputs;
use crate::rules::{Field, FieldValue, OF_CONTAINER, OF_POD, Word, field_of, fields_of};
use kubernetes::{Container, JsonPatch, Object, Pod, Reading};
use std::collections::HashSet;
use std::ops::Range as Bytes;
use yaml::{self, Entry, Node, NodeKind, ScalarStyle, Step, Yaml};
use yaml::{Offset, Range};

/// The completion items at a place.
#[derive(Debug)]
pub struct Completion {
    /// The range of the word at the place, in the chunk's text.
    pub replaced: Range,
    /// The best first.
    pub choices: Vec<CompletionItem>,
}

/// A text that can replace the word.
#[derive(Debug)]
pub struct CompletionItem {
    /// The label: the name of a field, or a value.
    pub label: &'static str,
    /// The text to insert.
    pub insert: String,
    /// The field that the item is, or is a value of.
    pub field: &'static Field,
    /// Whether the item is a value.
    pub word: Option<Word>,
}

/// A field at a place.
#[derive(Debug)]
pub struct FieldInfo {
    /// The range of its name or value at the place.
    pub range: Range,
    pub field: &'static Field,
    /// Its path from the pod or the container: `securityContext.seccompProfile.type`.
    pub way: String,
    pub counts: Effect,
}

/// Where a field takes effect.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// For all containers of the pod, except those that override it, which are listed with their values.
    Pod { others: Vec<(String, String)> },
    /// For its container, instead of the pod's value if there is one.
    Container {
        own: Option<String>,
        pods: Option<String>,
    },
    /// Whether it is one of several of its kind.
    Item,
}

/// The values that a container inherits from its pod.
#[derive(Debug)]
pub struct Inherited {
    /// Where to show them: after `securityContext:` of the container, else after its name.
    pub at: Offset,
    /// The names of fields with their values.
    pub values: Vec<(&'static str, String)>,
}

/// A field name that no type has.
const PROBE: &str = "kubehardenProbe";

/// The default indentation of a nested value.
const STEP: usize = 2;

impl Analysis {
    /// Returns the completion items at an offset inside a security context, even a half-typed one; `None` anywhere
    /// else, and in templates.
    pub fn completion(&self, at: Offset, inputs: Inputs<'_>) -> Option<Completion> {
        if self.kind == DocumentKind::Template || !self.text().contains("securityContext") {
            return None;
        }
        let typed = Typed::at(self.text(), at.into())?;
        let keys = |pad| self.keys(&typed, pad, inputs);
        keys(0)
            .or_else(|| self.values(&typed, inputs))
            .or_else(|| keys(typed.missing_indentation()?))
    }

    /// Completes names of fields, indented by some columns.
    fn keys(&self, typed: &Typed<'_>, pad: usize, inputs: Inputs<'_>) -> Option<Completion> {
        let has_colon = typed.after.trim_start().starts_with(':');
        let start = typed.word.start + pad;
        let probe = format!(
            "{}{PROBE}{}",
            " ".repeat(pad),
            if has_colon { "" } else { ": " }
        );
        self.probe(typed, &probe, inputs, |yaml, _, objects| {
            let mut unknown = objects.iter().flat_map(|object| &object.reading.unknown);
            let unknown = unknown.find(|unknown| {
                start_of(unknown.key) == start && unknown.key.as_str() == Some(PROBE)
            })?;
            // The pointer of a JSON patch contains no keys.
            let is_written = yaml.nodes().any(|node| node.id() == unknown.key.id());
            if !is_written || (!has_colon && unknown.value.kind() != NodeKind::Empty) {
                return None;
            }
            let mapping = unknown.key.parent()?;
            let entries = mapping.entries().chain(mapping.merged_entries());
            let known: HashSet<&str> = entries.filter_map(|entry| entry.key.as_str()).collect();
            let fields = fields_of(unknown.type_name);
            let fields = fields.filter(|field| {
                field.is_in(inputs.config.kubernetes_version) && !known.contains(field.name)
            });
            let below = (!mapping.is_flow())
                .then(|| typed.line_break(column_of(mapping, unknown.key) + step_at(mapping)));
            let choice = |field: &'static Field| {
                let tail = match (has_colon, field.value, &below) {
                    (true, ..) => String::new(),
                    (false, FieldValue::Mapping, Some(below)) => format!(":{below}"),
                    (false, FieldValue::ListOf(_) | FieldValue::List, Some(below)) => {
                        format!(":{below}- ")
                    }
                    (false, ..) => ": ".to_owned(),
                };
                CompletionItem {
                    label: field.name,
                    insert: format!("{}{}{tail}", " ".repeat(pad), field.name),
                    field,
                    word: None,
                }
            };
            let choices: Vec<CompletionItem> = fields.map(choice).collect();
            (!choices.is_empty()).then(|| Completion {
                replaced: typed.replaced(),
                choices,
            })
        })
    }

    /// Completes values of a field.
    fn values(&self, typed: &Typed<'_>, inputs: Inputs<'_>) -> Option<Completion> {
        self.probe(typed, PROBE, inputs, |yaml, tree, objects| {
            let written = yaml
                .covering(offset(typed.word.start))
                .filter(|node| node.as_str() == Some(PROBE))?;
            let node = tree.node(written.id());
            let NodeKind::Scalar(style) = node.kind() else {
                return None;
            };
            let holder = node.parent()?;
            let is_item = holder.kind() == NodeKind::Sequence;
            let entry = if is_item {
                holder.own_entry()
            } else {
                node.own_entry()
            }?;
            let field = field_at(objects, entry)?;
            let others: HashSet<&str> = if is_item {
                holder.items().filter_map(Node::as_str).collect()
            } else {
                HashSet::new()
            };
            let key = written.own_entry().map_or(written, |entry| entry.key);
            let is_beside =
                !yaml.text()[key.range().start().into()..typed.word.start].contains(['\n', '\r']);
            let insert = |word: Word| match field.value {
                FieldValue::ListOf(_) if is_item => Some(word.word.to_owned()),
                _ if is_item => None,
                FieldValue::ListOf(_) if style != ScalarStyle::Plain => None,
                FieldValue::ListOf(_) if is_beside => Some(format!("[{}]", word.word)),
                FieldValue::ListOf(_) => Some(format!("- {}", word.word)),
                FieldValue::Flag(_) if style != ScalarStyle::Plain => None,
                _ => is_beside.then(|| word.word.to_owned()),
            };
            let words = field
                .value
                .words(inputs.config.kubernetes_version)
                .into_iter();
            let words = words.filter(|word| !others.contains(word.word));
            let choice = |word: Word| {
                Some(CompletionItem {
                    label: word.word,
                    insert: insert(word)?,
                    field,
                    word: Some(word),
                })
            };
            let choices: Vec<CompletionItem> = words.filter_map(choice).collect();
            (!choices.is_empty()).then(|| Completion {
                replaced: typed.replaced(),
                choices,
            })
        })
    }

    /// Parses the text with a word replaced. If the line is still broken, by an open quote or bracket, the rest is read
    /// as far as possible.
    fn probe<T>(
        &self,
        typed: &Typed<'_>,
        probe: &str,
        inputs: Inputs<'_>,
        look: impl FnOnce(&Yaml, &Yaml, &[Object<'_>]) -> Option<T>,
    ) -> Option<T> {
        let text = [
            &typed.text[..typed.word.start],
            probe,
            &typed.text[typed.word.end..],
        ]
        .concat();
        let yaml = yaml::parse(&text);
        self.seen(&yaml, inputs, |tree, objects| look(&yaml, tree, objects))
    }

    /// Passes the objects of a chunk and their tree; for a JSON patch, the tree is what its operations write.
    fn seen<T>(
        &self,
        yaml: &Yaml,
        inputs: Inputs<'_>,
        look: impl FnOnce(&Yaml, &[Object<'_>]) -> Option<T>,
    ) -> Option<T> {
        let patch = chunk_context::patch(yaml, self.role, inputs);
        let objects =
            chunk_context::objects(yaml, patch.as_ref(), self.role, &self.context, inputs);
        look(patch.as_ref().map_or(yaml, JsonPatch::tree), &objects)
    }

    /// Returns the field of a security context whose name or value is at an offset; `None` in templates, whose values
    /// are unknown.
    pub fn field_at(&self, at: Offset, inputs: Inputs<'_>) -> Option<FieldInfo> {
        if self.kind == DocumentKind::Template || !self.text().contains("securityContext") {
            return None;
        }
        self.seen(self.yaml(), inputs, |tree, objects| {
            written_at(tree, objects, at)
        })
    }

    /// Returns what containers inherit from their pods, in the order of the text.
    pub fn inherited(&self, inputs: Inputs<'_>) -> Vec<Inherited> {
        if self.kind != DocumentKind::Complete || !self.text().contains("securityContext") {
            return Vec::new();
        }
        let objects = self.context.objects(self.yaml(), self.role, inputs);
        let pods = objects.iter().filter_map(|object| object.pod.as_ref());
        let all = pods.flat_map(|pod| {
            pod.containers
                .iter()
                .filter_map(|container| inherited(pod, container))
        });
        let mut all: Vec<Inherited> = all.collect();
        all.sort_by_key(|inherited| inherited.at);
        all
    }
}

/// Returns the field whose name or value is at an offset of a tree.
fn written_at(tree: &Yaml, objects: &[Object<'_>], at: Offset) -> Option<FieldInfo> {
    let node = tree
        .covering(at)
        .filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))?;
    let parent = node.parent()?;
    let entry = match parent.kind() {
        NodeKind::Sequence => parent.own_entry()?,
        _ => parent
            .entries()
            .find(|entry| entry.key == node || entry.value == node)?,
    };
    let field = field_at(objects, entry)?;
    let pod = objects
        .iter()
        .filter_map(|object| object.pod.as_ref())
        .find(|pod| holds(pod.node, entry.key))?;
    let container = pod
        .containers
        .iter()
        .find(|container| holds(container.node, entry.key));
    let above = container
        .map_or(pod.node, |container| container.node)
        .path();
    let way = entry.key.path();
    let keys = way
        .steps()
        .skip(above.steps().count())
        .map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        });
    let keys: Option<Vec<&str>> = keys.collect();
    let counts = match (&keys, container) {
        (None, _) => Effect::Item,
        (Some(keys), Some(container)) => {
            let own = container
                .lookup(&keys.join("."))
                .filter(|node| !node.is_null())
                .map(shown);
            Effect::Container {
                own,
                pods: from_pod(pod, keys),
            }
        }
        (Some(keys), None) => Effect::Pod {
            others: said_otherwise(pod, keys),
        },
    };
    let way = keys.map_or_else(|| field.name.to_owned(), |keys| keys.join("."));
    Some(FieldInfo {
        range: node.range(),
        field,
        way,
        counts,
    })
}

/// The text around an offset.
struct Typed<'t> {
    text: &'t str,
    /// The range of its line, without the line break.
    line: Bytes<usize>,
    /// The range of the word, which may be empty.
    word: Bytes<usize>,
    /// The rest of the line after the word.
    after: &'t str,
}

impl<'t> Typed<'t> {
    /// Returns `None` if a tab makes the line invalid YAML.
    fn at(text: &'t str, at: usize) -> Option<Self> {
        let (before, behind) = (text.get(..at)?, text.get(at..)?);
        let is_break = |c: char| matches!(c, '\n' | '\r');
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let line = before.rfind(is_break).map_or(0, |at| at + 1)
            ..at + behind.find(is_break).unwrap_or(behind.len());
        let start = before.trim_end_matches(is_word).len().max(line.start);
        let end = at + behind.find(|c| !is_word(c)).unwrap_or(behind.len());
        let after = text.get(end..line.end)?;
        let has_tab = text[line.start..start].contains('\t');
        (!has_tab).then_some(Typed {
            text,
            line,
            word: start..end,
            after,
        })
    }

    fn replaced(&self) -> Range {
        Range::new(offset(self.word.start), offset(self.word.end))
    }

    /// Returns a line break as in the text, and the indentation of a column.
    fn line_break(&self, column: usize) -> String {
        let rest = &self.text[self.line.end..];
        let breaks = if rest.is_empty() {
            self.text.trim_start_matches(|c| !matches!(c, '\n' | '\r'))
        } else {
            rest
        };
        let line_break = ["\r\n", "\r"]
            .into_iter()
            .find(|brk| breaks.starts_with(brk))
            .unwrap_or("\n");
        format!("{line_break}{}", " ".repeat(column))
    }

    /// Returns how many spaces an empty line lacks to be nested below the key above it that has no value yet.
    fn missing_indentation(&self) -> Option<usize> {
        if !self.word.is_empty() || !self.text[self.line.clone()].trim().is_empty() {
            return None;
        }
        let is_said = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let above = self.text[..self.line.start]
            .split(['\n', '\r'])
            .rev()
            .find(is_said)?;
        let key = above.trim_start_matches([' ', '-']);
        let column = above.len() - key.len();
        let value = key.split_once(':')?.1.trim_start();
        let below = self.text[self.line.end..]
            .split(['\n', '\r'])
            .find(is_said)
            .unwrap_or_default();
        let below = below.len() - below.trim_start_matches(' ').len();
        let wanted = if below > column { below } else { column + STEP };
        let here = self.word.start - self.line.start;
        (here <= column && (value.is_empty() || value.starts_with('#'))).then(|| wanted - here)
    }
}

fn offset(at: usize) -> Offset {
    Offset::new(u32::try_from(at).unwrap_or(u32::MAX))
}

fn start_of(node: Node<'_>) -> usize {
    node.range().start().into()
}

/// Returns the field of an entry, by the type that its mapping was read as.
fn field_at(objects: &[Object<'_>], entry: Entry<'_>) -> Option<&'static Field> {
    let mapping = entry.key.parent()?;
    let types = objects
        .iter()
        .flat_map(|object| type_of(&object.reading, mapping));
    types
        .last()
        .and_then(|type_name| field_of(type_name, entry.key.as_str()?))
}

pub(super) fn type_of<'r>(
    reading: &'r Reading<'_>,
    mapping: Node<'_>,
) -> impl Iterator<Item = &'static str> + 'r {
    let id = mapping.id();
    reading
        .types
        .iter()
        .filter(move |(node, _)| node.id() == id)
        .map(|(_, type_name)| *type_name)
}

/// Returns the column of a key in bytes: of the first key of its mapping that starts a line.
fn column_of(mapping: Node<'_>, key: Node<'_>) -> usize {
    let key = mapping.entries().next().map_or(key, |entry| entry.key);
    let before = &key.yaml().text()[..start_of(key)];
    before.len() - before.rfind(['\n', '\r']).map_or(0, |at| at + 1)
}

/// Returns how much further a mapping is indented than its parent.
fn step_at(mapping: Node<'_>) -> usize {
    let around = mapping
        .own_entry()
        .map(|entry| entry.key)
        .and_then(|key| Some((key.parent()?, key)));
    let own = mapping
        .entries()
        .next()
        .map_or(0, |entry| column_of(mapping, entry.key));
    let step = around.map_or(0, |(around, key)| {
        own.saturating_sub(column_of(around, key))
    });
    if step == 0 { STEP } else { step }
}

fn holds(node: Node<'_>, inner: Node<'_>) -> bool {
    node.range().contains_range(inner.range())
}

/// Returns what a pod sets at a container's path, if that applies to its containers.
fn from_pod(pod: &Pod<'_>, keys: &[&str]) -> Option<String> {
    is_shared(keys)
        .then(|| pod.lookup(&keys.join(".")))?
        .filter(|node| !node.is_null())
        .map(shown)
}

/// Whether a container inherits the pod's value at a path.
fn is_shared(keys: &[&str]) -> bool {
    let [_, name, ..] = keys else { return false };
    field_of(OF_POD, name).is_some() && field_of(OF_CONTAINER, name).is_some()
}

/// Returns the containers that override their pod at a path, with their values.
fn said_otherwise(pod: &Pod<'_>, keys: &[&str]) -> Vec<(String, String)> {
    if !is_shared(keys) {
        return Vec::new();
    }
    let way = keys.join(".");
    let own = |container: &Container<'_>| {
        let node = container.lookup(&way).filter(|node| !node.is_null())?;
        Some((container.to_string(), shown(node)))
    };
    pod.containers.iter().filter_map(own).collect()
}

/// Returns what a container inherits from its pod; `None` if that is nothing, or if it is unknown.
fn inherited(pod: &Pod<'_>, container: &Container<'_>) -> Option<Inherited> {
    let values = fields_of(OF_POD).filter_map(|field| {
        let way = ["securityContext", field.name];
        let has_own = || {
            container
                .lookup(&way.join("."))
                .is_some_and(|node| !node.is_null())
        };
        let value = from_pod(pod, &way).filter(|_| !has_own())?;
        Some((field.name, value))
    });
    let values: Vec<_> = values.collect();
    let context = container.node.entry("securityContext");
    let is_readable = context
        .is_none_or(|entry| entry.value.kind() == NodeKind::Mapping || entry.value.is_null());
    let at = match context {
        Some(entry) => {
            let key = usize::from(entry.key.range().end());
            let text = container.node.yaml().text();
            offset(key + text.get(key..)?.find(':')? + 1)
        }
        None => container.node.get("name")?.range().end(),
    };
    // Keys merged with `<<` are written elsewhere.
    let is_here = container.range().contains_inclusive(at);
    (is_readable && is_here && !values.is_empty()).then_some(Inherited { at, values })
}

/// Returns a short form of a value: its text, or its type.
fn shown(node: Node<'_>) -> String {
    const MOST: usize = 40;
    let node = node.resolve().unwrap_or(node);
    let short = |text: &str| match text.lines().next() {
        Some(line) if line == text && text.chars().count() <= MOST => text.to_owned(),
        _ => "…".to_owned(),
    };
    match node.kind() {
        NodeKind::Mapping => node
            .get("type")
            .filter(|node| node.kind() != NodeKind::Mapping)
            .map_or_else(|| "{…}".to_owned(), shown),
        NodeKind::Sequence => {
            let items: Vec<String> = node
                .items()
                .map(|item| item.as_str().map_or_else(|| "…".to_owned(), short))
                .collect();
            short(&format!("[{}]", items.join(", ")))
        }
        _ => short(node.source()),
    }
}
