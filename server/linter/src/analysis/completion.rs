//! What may be written at a place of a security context, and what is written there.
//!
//! Knows how to ask Kubernetes' types about a place that is half typed: a name that no type has is put there, the part is read again,
//! and the reading tells of which type the name is unknown. Must not know protocols. Promise: of a place that is not in a security
//! context nothing is said; a choice replaces the word at the place and touches no other byte.

use super::{Analysis, DocumentKind, Offset, Range};
use crate::Inputs;
use crate::rules::{Field, FieldValue, OF_CONTAINER, OF_POD, Word, field_of, fields_of};
use kubernetes::{Container, JsonPatch, Object, Pod, Reading};
use std::collections::HashSet;
use std::ops::Range as Bytes;
use yaml::{self, Entry, Node, NodeKind, ScalarStyle, Step, Yaml};

/// What can be taken at a place.
#[derive(Debug)]
pub struct Completion {
    /// The word at the place, in the part's text.
    pub replaced: Range,
    /// The best first.
    pub choices: Vec<CompletionItem>,
}

/// Something that can be written in the place of the word.
#[derive(Debug)]
pub struct CompletionItem {
    /// What a person calls it: the name of a field, a word.
    pub label: &'static str,
    /// All that is written.
    pub insert: String,
    /// The field that it is, or is written in.
    pub field: &'static Field,
    /// Where it is a value.
    pub word: Option<Word>,
}

/// A field that is written somewhere.
#[derive(Debug)]
pub struct FieldInfo {
    /// What of it is at the place: its name, or its value.
    pub range: Range,
    pub field: &'static Field,
    /// Its way from the pod or the container: `securityContext.seccompProfile.type`.
    pub way: String,
    pub counts: Effect,
}

/// For whom a field that is written counts.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// For all containers of its pod but some, which are named with what they say.
    Pod { others: Vec<(String, String)> },
    /// For its container, in the place of what the pod says, if that says anything.
    Container {
        own: Option<String>,
        pods: Option<String>,
    },
    /// It is one of several of its kind.
    Item,
}

/// What a container has from its pod.
#[derive(Debug)]
pub struct Inherited {
    /// Where that can be told: behind `securityContext:` of the container, else behind its name.
    pub at: Offset,
    /// The names of fields with their values.
    pub values: Vec<(&'static str, String)>,
}

/// The name of a field that no type has.
const PROBE: &str = "kubehardenProbe";

/// How far a value is from its key, where nothing else tells.
const STEP: usize = 2;

impl Analysis {
    /// What may be written at a place in a security context, however much of it is typed; `None` anywhere else, and in templates.
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

    /// Names of fields, so many blanks behind the place.
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
            // In the pointer of a patch, nothing is a key.
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

    /// Values of a field.
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

    /// Looks at what would be read if something else stood in the place of a word. A line that is broken all the same, by a quote or a
    /// bracket that nobody closed yet, is read as far as it can be.
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

    /// Looks at what is read of a document: its objects, and the tree that they stand in, which of a JSON patch is what its operations write.
    fn seen<T>(
        &self,
        yaml: &Yaml,
        inputs: Inputs<'_>,
        look: impl FnOnce(&Yaml, &[Object<'_>]) -> Option<T>,
    ) -> Option<T> {
        let patch = super::patch(yaml, self.role, inputs);
        let objects = super::objects(yaml, patch.as_ref(), self.role, &self.context, inputs);
        look(patch.as_ref().map_or(yaml, JsonPatch::tree), &objects)
    }

    /// The field of a security context whose name or value is at a place; `None` in templates, whose values are not known.
    pub fn field_at(&self, at: Offset, inputs: Inputs<'_>) -> Option<FieldInfo> {
        if self.kind == DocumentKind::Template || !self.text().contains("securityContext") {
            return None;
        }
        self.seen(self.yaml(), inputs, |tree, objects| {
            written_at(tree, objects, at)
        })
    }

    /// What containers have from their pods, in the order of the text.
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

/// The field whose name or value is at a place of a tree.
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

/// What stands at a place of a text.
struct Typed<'t> {
    text: &'t str,
    /// Where its line is, without the line break.
    line: Bytes<usize>,
    /// The word there, which may be empty.
    word: Bytes<usize>,
    /// The line behind the word.
    after: &'t str,
}

impl<'t> Typed<'t> {
    /// `None` where a tab makes it no YAML.
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

    /// A line break as the text has it, and a column to begin in.
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

    /// How many blanks an empty line lacks to be below the key above it that has no value yet.
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

/// The field that an entry is, by the type that its mapping was read as.
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

/// The column of a key in bytes: of the first one in its mapping, where that stands on a line of its own.
fn column_of(mapping: Node<'_>, key: Node<'_>) -> usize {
    let key = mapping.entries().next().map_or(key, |entry| entry.key);
    let before = &key.yaml().text()[..start_of(key)];
    before.len() - before.rfind(['\n', '\r']).map_or(0, |at| at + 1)
}

/// How much further in a mapping stands than what it is the value of.
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

/// What a pod says at a way from a container, where it says it for its containers.
fn from_pod(pod: &Pod<'_>, keys: &[&str]) -> Option<String> {
    is_shared(keys)
        .then(|| pod.lookup(&keys.join(".")))?
        .filter(|node| !node.is_null())
        .map(shown)
}

/// Whether a container inherits what a pod says at a way.
fn is_shared(keys: &[&str]) -> bool {
    let [_, name, ..] = keys else { return false };
    field_of(OF_POD, name).is_some() && field_of(OF_CONTAINER, name).is_some()
}

/// The containers that say something else than their pod at a way, with what they say.
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

/// What a container has from its pod; `None` where that is nothing, or where nobody can tell.
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
    // What `<<` brings in stands somewhere else.
    let is_here = container.range().contains_inclusive(at);
    (is_readable && is_here && !values.is_empty()).then_some(Inherited { at, values })
}

/// A value in a few words: as it is written, or of what type it is.
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
