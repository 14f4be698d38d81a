//! The tree of one document: an arena of nodes with byte ranges, accessed through small copyable
//! handles. Children are inside their parents, in order. The range of a scalar includes its quotes
//! or `|` header; a missing value has an empty range just behind its `:` or `-`.

use super::scalar::{self, Resolved, ScalarStyle};
use super::{Offset, Range};
use memchr::memmem;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use text::LineIndex;

/// A parsed document. Created by [`super::parse`], and immutable.
#[derive(Debug, Clone, Default)]
pub struct Yaml {
    pub(super) text: Box<str>,
    pub(super) nodes: Vec<Record>,
    pub(super) root: Option<NodeId>,
    pub(super) properties: BTreeMap<NodeId, Properties>,
    pub(super) comments: Vec<Range>,
    pub(super) errors: Vec<SyntaxError>,
    pub(super) repaired: Vec<Range>,
    pub(super) lines: OnceLock<LineIndex>,
}

/// The id of a node inside its [`Yaml`]; meaningless in any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) range: Range,
    pub(super) parent: Option<NodeId>,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Empty,
    Scalar {
        style: ScalarStyle,
        value: Value,
    },
    Alias {
        target: Option<NodeId>,
    },
    Sequence {
        flow: bool,
        items: Vec<NodeId>,
    },
    Mapping {
        flow: bool,
        entries: Vec<(NodeId, NodeId)>,
    },
}

/// The value of a scalar. Most equal their text, so nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    AsWritten,
    Decoded(Box<str>),
}

/// The `&anchor` and `!tag` of a node, and the range of both together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) anchor: Option<Box<str>>,
    pub(super) tag: Option<Box<str>>,
    pub(super) range: Range,
}

/// A syntax error with a message for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub range: Range,
    pub message: String,
}

impl Yaml {
    /// Creates a document with a text and no tree.
    pub fn unparsed(text: &str) -> Self {
        Yaml {
            text: text.into(),
            ..Yaml::default()
        }
    }

    /// The document's text, to which all ranges refer.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The document's lines. The index is built when it is first needed.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }

    /// Returns the text and drops the tree.
    pub fn into_text(self) -> Box<str> {
        self.text
    }

    /// The root node; `None` if the document has only comments, directives, and markers.
    pub fn root(&self) -> Option<Node<'_>> {
        self.root.map(|id| self.node(id))
    }

    /// Returns the node with an id.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { yaml: self, id }
    }

    /// All nodes in the order of the text, parents before children.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        (0..self.nodes.len() as u32).map(|id| self.node(NodeId(id)))
    }

    /// Comments in the order of the text, each from its `#` to the end of its line, without the
    /// line break.
    pub fn comments(&self) -> &[Range] {
        &self.comments
    }

    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// The lines that were read differently so that the rest could be parsed, with their line
    /// breaks.
    pub fn repaired(&self) -> &[Range] {
        &self.repaired
    }

    /// Whether any node has an anchor.
    pub fn has_anchors(&self) -> bool {
        self.properties
            .values()
            .any(|properties| properties.anchor.is_some())
    }

    /// Whether any alias refers to an anchor that does not exist in this text.
    pub fn has_unresolved_aliases(&self) -> bool {
        self.nodes
            .iter()
            .any(|node| matches!(node.shape, Shape::Alias { target: None }))
    }

    /// Returns the offset of the first `{{` that makes the text a template. In comments, quotes, and
    /// block scalars `{{` is ordinary text. In a text without errors it is ordinary text inside of
    /// plain scalars too (`--format={{.ID}}`), as for the API server.
    pub fn template_syntax(&self) -> Option<Offset> {
        let is_valid = self.errors.is_empty() && self.repaired.is_empty();
        let mut offsets =
            memmem::find_iter(self.text.as_bytes(), "{{").map(|at| Offset::new(at as u32));
        offsets.find(|offset| {
            let is_inside = || is_valid && self.is_inside_plain_scalar(*offset);
            !self.is_opaque(*offset) && !is_inside()
        })
    }

    /// Whether an offset is in a plain scalar, and not where one of its lines begins: a template's
    /// lines may look like the rest of the scalar above.
    fn is_inside_plain_scalar(&self, offset: Offset) -> bool {
        let is_plain = |node: Node<'_>| node.kind() == NodeKind::Scalar(ScalarStyle::Plain);
        let lines = self.lines();
        let line = lines.content(lines.line(offset.into()), &self.text);
        let before = &self.text[line.start..offset.into()];
        !before.trim().is_empty() && self.covering(offset).is_some_and(is_plain)
    }

    /// Whether an offset is in a comment or in a scalar that may contain any text: in quotes, or a
    /// block scalar.
    pub(crate) fn is_opaque(&self, offset: Offset) -> bool {
        let comment = self
            .comments
            .partition_point(|comment| comment.end() <= offset);
        let in_comment = self
            .comments
            .get(comment)
            .is_some_and(|comment| comment.contains(offset));
        let opaque = |node: Node<'_>| matches!(node.kind(), NodeKind::Scalar(style) if style != ScalarStyle::Plain);
        in_comment || self.covering(offset).is_some_and(opaque)
    }

    /// Returns the node at a path from the root. Does not follow aliases.
    pub fn at(&self, path: &Path) -> Option<Node<'_>> {
        let mut node = self.root()?;
        for step in path.steps() {
            node = match step {
                Step::Key(key) => node.get_own(key)?,
                Step::Index(index) => node.items().nth(index)?,
            };
        }
        Some(node)
    }

    /// Returns the smallest node whose range contains the offset, its end included.
    pub fn covering(&self, offset: Offset) -> Option<Node<'_>> {
        let mut node = self
            .root()
            .filter(|root| root.range().contains_inclusive(offset))?;
        while let Some(child) = node
            .children()
            .find(|child| child.range().contains_inclusive(offset))
        {
            node = child;
        }
        Some(node)
    }
}

/// A node of a document: a copyable handle.
#[derive(Clone, Copy)]
pub struct Node<'y> {
    yaml: &'y Yaml,
    id: NodeId,
}

/// The kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Nothing is written: `key:` without a value, `-` without an item.
    Empty,
    Scalar(ScalarStyle),
    Alias,
    Sequence,
    Mapping,
}

/// A key and its value in a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'y> {
    pub key: Node<'y>,
    pub value: Node<'y>,
}

impl<'y> Node<'y> {
    fn record(self) -> &'y Record {
        &self.yaml.nodes[self.id.0 as usize]
    }

    pub fn id(self) -> NodeId {
        self.id
    }

    pub fn yaml(self) -> &'y Yaml {
        self.yaml
    }

    /// The range of the node, without its anchor and tag, and without a trailing comment.
    pub fn range(self) -> Range {
        self.record().range
    }

    /// The text of the node.
    pub fn source(self) -> &'y str {
        &self.yaml.text[self.range()]
    }

    pub fn kind(self) -> NodeKind {
        match self.record().shape {
            Shape::Empty => NodeKind::Empty,
            Shape::Scalar { style, .. } => NodeKind::Scalar(style),
            Shape::Alias { .. } => NodeKind::Alias,
            Shape::Sequence { .. } => NodeKind::Sequence,
            Shape::Mapping { .. } => NodeKind::Mapping,
        }
    }

    /// Whether a collection is written in `[ ]` or `{ }`.
    pub fn is_flow(self) -> bool {
        matches!(
            self.record().shape,
            Shape::Sequence { flow: true, .. } | Shape::Mapping { flow: true, .. }
        )
    }

    pub fn parent(self) -> Option<Node<'y>> {
        self.record().parent.map(|id| self.yaml.node(id))
    }

    /// The `name` of the `&name` before the node.
    pub fn anchor(self) -> Option<&'y str> {
        self.yaml.properties.get(&self.id)?.anchor.as_deref()
    }

    /// The tag before the node as written, with its `!`.
    pub fn tag(self) -> Option<&'y str> {
        self.yaml.properties.get(&self.id)?.tag.as_deref()
    }

    /// The range of the node's anchor and tag.
    pub fn properties_range(self) -> Option<Range> {
        Some(self.yaml.properties.get(&self.id)?.range)
    }

    /// Returns the target of an alias, or the node itself; `None` for an alias without an anchor.
    pub fn resolve(self) -> Option<Node<'y>> {
        match self.record().shape {
            Shape::Alias { target } => target.map(|id| self.yaml.node(id)),
            _ => Some(self),
        }
    }

    /// Returns a scalar's text, unquoted and unfolded, whatever its type; `None` for other nodes.
    /// Follows aliases.
    pub fn as_str(self) -> Option<&'y str> {
        let node = self.resolve()?;
        match &node.record().shape {
            Shape::Scalar {
                value: Value::AsWritten,
                ..
            } => Some(node.source()),
            Shape::Scalar {
                value: Value::Decoded(value),
                ..
            } => Some(value),
            _ => None,
        }
    }

    /// Whether a scalar has this text. Most comparisons end at the length.
    #[inline]
    fn has_text(self, text: &str) -> bool {
        let Record { range, shape, .. } = self.record();
        match shape {
            Shape::Scalar {
                value: Value::AsWritten,
                ..
            } => usize::from(range.len()) == text.len() && self.source() == text,
            Shape::Scalar {
                value: Value::Decoded(value),
                ..
            } => **value == *text,
            Shape::Alias { .. } => self.as_str() == Some(text),
            _ => false,
        }
    }

    /// Returns a scalar as the API server reads it; `None` for a collection. Follows aliases.
    pub fn resolved(self) -> Option<Resolved<'y>> {
        let node = self.resolve()?;
        match node.kind() {
            NodeKind::Empty => Some(scalar::resolve("", ScalarStyle::Plain, node.tag())),
            NodeKind::Scalar(style) => Some(scalar::resolve(node.as_str()?, style, node.tag())),
            _ => None,
        }
    }

    /// Whether the API server reads null here: nothing, `~`, `null`.
    pub fn is_null(self) -> bool {
        matches!(self.resolved(), Some(Resolved::Null))
    }

    /// The entries of a mapping in the order of the text, with a `<<` as an entry; empty for other
    /// nodes. Does not follow aliases.
    pub fn entries(self) -> impl DoubleEndedIterator<Item = Entry<'y>> + ExactSizeIterator + Clone {
        let entries: &'y [(NodeId, NodeId)] = match &self.record().shape {
            Shape::Mapping { entries, .. } => entries,
            _ => &[],
        };
        entries.iter().map(move |&(key, value)| Entry {
            key: self.yaml.node(key),
            value: self.yaml.node(value),
        })
    }

    /// The items of a sequence in order; empty for other nodes. Does not follow aliases.
    pub fn items(self) -> impl DoubleEndedIterator<Item = Node<'y>> + ExactSizeIterator + Clone {
        let items: &'y [NodeId] = match &self.record().shape {
            Shape::Sequence { items, .. } => items,
            _ => &[],
        };
        items.iter().map(move |&id| self.yaml.node(id))
    }

    /// Keys, values, and items in the order of the text.
    pub fn children(self) -> impl Iterator<Item = Node<'y>> {
        self.entries()
            .flat_map(|entry| [entry.key, entry.value])
            .chain(self.items())
    }

    /// All nodes below this one in the order of the text. Does not follow aliases.
    pub fn descendants(self) -> impl Iterator<Item = Node<'y>> {
        let (yaml, end) = (self.yaml, self.range().end());
        let below = (self.id.0 + 1..yaml.nodes.len() as u32).map(move |id| yaml.node(NodeId(id)));
        below.take_while(move |node| node.range().end() <= end)
    }

    /// Returns the effective value of a key: of equal keys the last, else what `<<` adds. Follows
    /// aliases, both of the mapping and of the value.
    pub fn get(self, key: &str) -> Option<Node<'y>> {
        self.entry(key)?.value.resolve()
    }

    /// Like [`Node::get`], with the key, and without following an alias in the value.
    pub fn entry(self, key: &str) -> Option<Entry<'y>> {
        let node = self.resolve()?;
        let has_key = |entry: &Entry<'y>| entry.key.has_text(key);
        node.entries()
            .rev()
            .find(has_key)
            .or_else(|| node.merged_entries().find(has_key))
    }

    /// The entries that `<<` adds to a mapping, the nearest first, including those that the mapping
    /// overrides.
    pub fn merged_entries(self) -> impl Iterator<Item = Entry<'y>> {
        let mut entries = Vec::new();
        let mut sources = 0;
        self.collect_merged(MERGE_DEPTH, &mut sources, &mut entries);
        entries.into_iter()
    }

    fn collect_merged(self, depth: u8, sources: &mut u8, entries: &mut Vec<Entry<'y>>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for merge in self.entries().filter(|entry| entry.is_merge()) {
            let Some(value) = merge.value.resolve() else {
                continue;
            };
            let single = (value.kind() != NodeKind::Sequence).then_some(value);
            for source in single
                .into_iter()
                .chain(value.items())
                .filter_map(Node::resolve)
            {
                *sources = sources.saturating_add(1);
                if *sources > MOST_MERGES {
                    return;
                }
                entries.extend(source.entries().filter(|entry| !entry.is_merge()));
                source.collect_merged(depth, sources, entries);
            }
        }
    }

    /// Returns the value of a key written in this mapping itself (of equal keys the last). Does not
    /// follow aliases.
    pub fn get_own(self, key: &str) -> Option<Node<'y>> {
        self.entries()
            .rev()
            .find(|entry| entry.key.has_text(key))
            .map(|entry| entry.value)
    }

    /// Returns the entry of the parent mapping whose value is this node.
    pub fn own_entry(self) -> Option<Entry<'y>> {
        self.parent()?
            .entries()
            .find(|entry| entry.value.id == self.id)
    }

    /// Returns the path from the root to this node. A key has the path of its value.
    pub fn path(self) -> Path {
        self.steps().into_iter().collect()
    }

    /// Returns the path from the root to a dotted path below this node, written or not.
    pub fn path_below(self, dotted: &str) -> Path {
        let mut steps = self.steps();
        steps.extend(dotted.split('.').map(Step::Key));
        steps.into_iter().collect()
    }

    fn steps(self) -> Vec<Step<'y>> {
        let mut steps = Vec::with_capacity(16);
        let mut node = self;
        while let Some(parent) = node.parent() {
            let step = match parent.kind() {
                NodeKind::Sequence => parent
                    .items()
                    .position(|item| item.id == node.id)
                    .map(Step::Index),
                _ => parent
                    .entries()
                    .find(|entry| entry.value.id == node.id || entry.key.id == node.id)
                    .map(|entry| Step::Key(entry.key.as_str().unwrap_or_default())),
            };
            steps.extend(step);
            node = parent;
        }
        steps.reverse();
        steps
    }
}

/// How many `<<` may be nested. More only occur in malicious texts.
const MERGE_DEPTH: u8 = 16;
/// How many mappings `<<` may merge into one, for the same reason.
const MOST_MERGES: u8 = 64;

impl Entry<'_> {
    /// Whether the key is `<<`, which merges another mapping.
    pub fn is_merge(self) -> bool {
        self.key.kind() == NodeKind::Scalar(ScalarStyle::Plain) && self.key.has_text("<<")
    }

    /// The range from the start of the key to the end of the value.
    pub fn range(self) -> Range {
        self.key.range().cover(self.value.range())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.yaml, other.yaml) && self.id == other.id
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.kind(), self.range())?;
        match self.kind() {
            NodeKind::Scalar(_) => write!(f, " {:?}", self.as_str().unwrap_or_default()),
            NodeKind::Sequence => f.debug_list().entries(self.items()).finish(),
            NodeKind::Mapping => f
                .debug_map()
                .entries(self.entries().map(|entry| (entry.key, entry.value)))
                .finish(),
            NodeKind::Empty | NodeKind::Alias => Ok(()),
        }
    }
}

/// A path from the root of a document to a node.
///
/// Stored as one string, since every fix has paths: `6:labels` for a key, `#0:` for an item.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Path(Box<str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'p> {
    /// The value of a key in a mapping.
    Key(&'p str),
    /// The item of a sequence, from 0.
    Index(usize),
}

impl Path {
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> + Clone {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (head, behind) = rest.split_once(':')?;
            if let Some(index) = head.strip_prefix('#') {
                rest = behind;
                return index.parse().ok().map(Step::Index);
            }
            let key;
            (key, rest) = behind.split_at_checked(head.parse().ok()?)?;
            Some(Step::Key(key))
        })
    }

    /// Whether this is the path of the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns this path extended by a key.
    pub fn key(&self, key: &str) -> Path {
        self.join([Step::Key(key)])
    }

    /// Returns this path extended by an index.
    pub fn index(&self, index: usize) -> Path {
        self.join([Step::Index(index)])
    }

    /// Returns this path extended by dotted keys: `securityContext.capabilities.drop`.
    pub fn keys(&self, dotted: &str) -> Path {
        self.join(dotted.split('.').map(Step::Key))
    }

    pub fn join<'s>(&self, steps: impl IntoIterator<Item = Step<'s>>) -> Path {
        Path::written(&self.0, steps)
    }

    pub fn starts_with(&self, prefix: &Path) -> bool {
        self.0.starts_with(&*prefix.0)
    }

    fn written<'s>(before: &str, steps: impl IntoIterator<Item = Step<'s>>) -> Path {
        const USUAL: usize = 128;
        let mut text = String::with_capacity(before.len() + USUAL);
        text.push_str(before);
        let mut number = itoa::Buffer::new();
        for step in steps {
            match step {
                Step::Key(key) => {
                    text.push_str(number.format(key.len()));
                    text.push(':');
                    text.push_str(key);
                }
                Step::Index(index) => {
                    text.push('#');
                    text.push_str(number.format(index));
                    text.push(':');
                }
            }
        }
        Path(text.into_boxed_str())
    }
}

impl<'s> FromIterator<Step<'s>> for Path {
    fn from_iter<I: IntoIterator<Item = Step<'s>>>(steps: I) -> Self {
        Path::written("", steps)
    }
}

/// Writes `spec.containers[0].image`, with keys in brackets and quotes if they contain dots,
/// brackets, quotes, or spaces.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if key.contains(['.', '[', '"', ' ']) || key.is_empty() => {
                    write!(f, "[{key:?}]")?;
                }
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
