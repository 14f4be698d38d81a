//! A model of changes: what they do to a tree, independently of how edits are planned, written, and proved.
//!
//! A text that passes [`differs`] has the tree that the changes ask for, all comments except those of removed entries, and
//! every other line unchanged.

use linter::analysis::Analysis;
use std::ops::Range;
use yaml::edit::{Change, Value};
use yaml::{Node, NodeKind, Path, Resolved, Step};

/// A place of the tree, and what is to be there. What goes keeps its place, since paths count as the document was.
struct Slot<'y> {
    key: Key<'y>,
    /// What the key was, for paths.
    name: Option<String>,
    shape: Shape<'y>,
    gone: bool,
}

enum Key<'y> {
    None,
    Kept(Node<'y>),
    Named(String),
}

enum Shape<'y> {
    /// What is there, word for word.
    Kept(Node<'y>),
    /// A collection that is there, with something different in it.
    Open(Node<'y>, Vec<Slot<'y>>),
    Mapping(Vec<Slot<'y>>),
    Sequence(Vec<Slot<'y>>),
    Scalar(Value),
}

/// Why a text is not what the changes make of a document; none where it is.
pub(crate) fn differs(before: &Analysis, changes: &[Change], after: &Analysis) -> Option<String> {
    let root = before.yaml().root().expect("a document to change");
    let mut wanted = Slot {
        key: Key::None,
        name: None,
        shape: Shape::Kept(root),
        gone: false,
    };
    for (place, change) in changes.iter().enumerate() {
        if !changes[..place].contains(change) {
            wanted.make(change, root);
        }
    }
    wanted.prune();
    let Some(new) = after.yaml().root() else {
        return Some("nothing is left".to_owned());
    };
    let places = places(before, changes, &wanted);
    wanted
        .missed(new, &Path::default())
        .or_else(|| comments(before, changes, &places, after))
        .or_else(|| lines(before, &places, after))
}

// --- the tree ---

impl<'y> Slot<'y> {
    fn make(&mut self, change: &Change, root: Node<'y>) {
        match change {
            Change::Set { path, value } => {
                if !reached(root, path).is_some_and(|node| says(node, value)) {
                    self.at(path).shape = Shape::of(value);
                }
            }
            Change::Append { path, value } => {
                let slot = self.at(path);
                slot.open(false);
                slot.slots().push(Slot {
                    key: Key::None,
                    name: None,
                    shape: Shape::of(value),
                    gone: false,
                });
            }
            Change::Remove { path } => {
                if written(root, path).is_some() {
                    self.at(path).gone = true;
                }
            }
            Change::Rename { path, key } => self.at(path).key = Key::Named(key.to_string()),
            Change::Move { from, to } => {
                let value = written(root, from).expect("something to move");
                self.at(from).gone = true;
                self.at(to).shape = Shape::Kept(value);
            }
            Change::Comment { .. } | Change::NewComment { .. } => {}
        }
    }

    /// The slot at a path; what is missing on the way is a mapping.
    fn at(&mut self, path: &Path) -> &mut Slot<'y> {
        path.steps().fold(self, |slot, step| {
            slot.open(true);
            match step {
                Step::Index(index) => &mut slot.slots()[index],
                Step::Key(key) => {
                    let slots = slot.slots();
                    let place = slots
                        .iter()
                        .position(|slot| slot.name.as_deref() == Some(key))
                        .unwrap_or_else(|| {
                            let shape = Shape::Mapping(Vec::new());
                            slots.push(Slot {
                                key: Key::Named(key.to_string()),
                                name: Some(key.to_string()),
                                shape,
                                gone: false,
                            });
                            slots.len() - 1
                        });
                    &mut slots[place]
                }
            }
        })
    }

    fn open(&mut self, as_mapping: bool) {
        let fresh = |as_mapping| {
            if as_mapping {
                Shape::Mapping(Vec::new())
            } else {
                Shape::Sequence(Vec::new())
            }
        };
        let Shape::Kept(node) = self.shape else {
            // A place that was made on the way is a list where something is added to it.
            if let (Shape::Mapping(slots), false) = (&self.shape, as_mapping)
                && slots.is_empty()
            {
                self.shape = fresh(false);
            }
            return;
        };
        let empty = node.entries().len() + node.items().len() == 0;
        self.shape = match node.kind() {
            NodeKind::Mapping | NodeKind::Sequence if !empty => Shape::Open(node, slots_of(node)),
            _ => fresh(as_mapping),
        };
    }

    fn slots(&mut self) -> &mut Vec<Slot<'y>> {
        match &mut self.shape {
            Shape::Open(_, slots) | Shape::Mapping(slots) | Shape::Sequence(slots) => slots,
            Shape::Kept(_) | Shape::Scalar(_) => panic!("a collection"),
        }
    }

    /// A collection that lost all that it had goes too.
    fn prune(&mut self) {
        let Shape::Open(_, slots) = &mut self.shape else {
            return;
        };
        slots.iter_mut().for_each(Slot::prune);
        self.gone |= slots.iter().all(|slot| slot.gone);
    }

    /// The first place at which a node is not what is wanted.
    fn missed(&self, new: Node<'_>, path: &Path) -> Option<String> {
        let is_plain = new.anchor().is_none() && new.tag().is_none();
        let fine = match &self.shape {
            Shape::Kept(old) => {
                return (!kept(*old, new)).then(|| format!("{path} is not as it was"));
            }
            Shape::Open(old, slots) => {
                let same = (old.kind(), old.is_flow(), old.anchor(), old.tag())
                    == (new.kind(), new.is_flow(), new.anchor(), new.tag());
                return if same {
                    all_missed(slots, new, path)
                } else {
                    Some(format!("{path} is laid out otherwise"))
                };
            }
            Shape::Mapping(slots) if new.kind() == NodeKind::Mapping && is_plain => {
                return all_missed(slots, new, path);
            }
            Shape::Sequence(slots) if new.kind() == NodeKind::Sequence && is_plain => {
                return all_missed(slots, new, path);
            }
            Shape::Mapping(_) | Shape::Sequence(_) => false,
            Shape::Scalar(value) => is_plain && says(new, value),
        };
        (!fine).then(|| format!("{path} is not what was wanted"))
    }
}

impl Shape<'_> {
    fn of(value: &Value) -> Self {
        let slot = |key: Key<'static>, name: Option<&String>, value| Slot {
            key,
            name: name.cloned(),
            shape: Shape::of(value),
            gone: false,
        };
        match value {
            Value::Mapping(entries) => Shape::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| slot(Key::Named(key.clone()), Some(key), value))
                    .collect(),
            ),
            Value::Sequence(items) => Shape::Sequence(
                items
                    .iter()
                    .map(|value| slot(Key::None, None, value))
                    .collect(),
            ),
            scalar => Shape::Scalar(scalar.clone()),
        }
    }
}

fn slots_of(node: Node<'_>) -> Vec<Slot<'_>> {
    let entries = node.entries().map(|entry| Slot {
        key: Key::Kept(entry.key),
        name: entry.key.as_str().map(str::to_owned),
        shape: Shape::Kept(entry.value),
        gone: false,
    });
    let items = node.items().map(|item| Slot {
        key: Key::None,
        name: None,
        shape: Shape::Kept(item),
        gone: false,
    });
    entries.chain(items).collect()
}

/// What is there stays in its order; new entries may stand anywhere among it, new items at the end.
fn all_missed(slots: &[Slot<'_>], new: Node<'_>, path: &Path) -> Option<String> {
    let staying = || slots.iter().filter(|slot| !slot.gone);
    if new.kind() == NodeKind::Sequence {
        if staying().count() != new.items().len() {
            return Some(format!("{path} has {} items", new.items().len()));
        }
        return staying()
            .zip(new.items())
            .enumerate()
            .find_map(|(index, (slot, item))| slot.missed(item, &path.index(index)));
    }
    if staying().count() != new.entries().len() {
        return Some(format!("{path} has {} entries", new.entries().len()));
    }
    let mut old = staying().filter(|slot| slot.was_there()).peekable();
    let mut fresh: Vec<&Slot<'_>> = staying().filter(|slot| !slot.was_there()).collect();
    for entry in new.entries() {
        let below = path.key(entry.key.as_str().unwrap_or_default());
        let slot = match old.next_if(|slot| slot.has_key(entry.key)) {
            Some(slot) => slot,
            None => match fresh.iter().position(|slot| slot.has_key(entry.key)) {
                Some(place) => fresh.remove(place),
                None => return Some(format!("{below} was not wanted here")),
            },
        };
        if let Some(missed) = slot.missed(entry.value, &below) {
            return Some(missed);
        }
    }
    None
}

impl Slot<'_> {
    /// Whether the entry is at its old place, even if its key was renamed.
    fn was_there(&self) -> bool {
        match (&self.key, &self.name) {
            (Key::Kept(_), _) => true,
            (Key::Named(now), Some(was)) => now != was,
            _ => false,
        }
    }

    fn has_key(&self, key: Node<'_>) -> bool {
        match &self.key {
            Key::None => false,
            Key::Kept(old) => kept(*old, key),
            Key::Named(name) => key.as_str() == Some(name),
        }
    }
}

/// Whether two nodes are written alike, at any place.
fn kept(old: Node<'_>, new: Node<'_>) -> bool {
    let outside = |node: Node<'_>| {
        let text = matches!(node.kind(), NodeKind::Scalar(_))
            .then(|| node.as_str().map(str::to_owned))
            .flatten();
        let alias = (node.kind() == NodeKind::Alias).then(|| node.source().to_owned());
        (
            node.kind(),
            node.is_flow(),
            node.anchor().map(str::to_owned),
            node.tag().map(str::to_owned),
            text,
            alias,
        )
    };
    let (olds, news): (Vec<_>, Vec<_>) = (old.children().collect(), new.children().collect());
    outside(old) == outside(new)
        && olds.len() == news.len()
        && olds.into_iter().zip(news).all(|(old, new)| kept(old, new))
}

fn says(node: Node<'_>, value: &Value) -> bool {
    let Some(node) = node.resolve() else {
        return false;
    };
    match value {
        Value::Bool(wanted) => node.resolved() == Some(Resolved::Bool(*wanted)),
        Value::Integer(wanted) => node.resolved() == Some(Resolved::Int(*wanted)),
        Value::Text(wanted) => node.resolved() == Some(Resolved::Str(wanted)),
        Value::Sequence(wanted) => {
            node.kind() == NodeKind::Sequence
                && node.items().len() == wanted.len()
                && node
                    .items()
                    .zip(wanted)
                    .all(|(item, wanted)| says(item, wanted))
        }
        Value::Mapping(wanted) => {
            node.kind() == NodeKind::Mapping
                && node.entries().len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(key, wanted)| node.get_own(key).is_some_and(|value| says(value, wanted)))
        }
    }
}

/// What a reader meets at a path, whichever way it comes there.
fn reached<'y>(root: Node<'y>, path: &Path) -> Option<Node<'y>> {
    path.steps().try_fold(root, |node, step| {
        let node = node.resolve()?;
        match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().nth(index),
        }
    })
}

/// What is written at a path itself.
fn written<'y>(root: Node<'y>, path: &Path) -> Option<Node<'y>> {
    path.steps().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get_own(key),
        Step::Index(index) => node.items().nth(index),
    })
}

// --- the text ---

/// The lines, from 0, that may be different, and those whose comments may have gone.
struct Places {
    touched: Vec<Range<usize>>,
    left: Vec<Range<usize>>,
}

fn places(before: &Analysis, changes: &[Change], wanted: &Slot<'_>) -> Places {
    let text = before.text();
    let root = before.yaml().root().expect("a document to change");
    let line = |at: usize| text[..at].matches('\n').count();
    let mut places = Places {
        touched: Vec::new(),
        left: Vec::new(),
    };
    for change in changes {
        let paths: Vec<&Path> = match change {
            Change::Set { path, .. }
            | Change::Append { path, .. }
            | Change::Remove { path }
            | Change::Rename { path, .. } => {
                vec![path]
            }
            Change::Move { from, to } => vec![from, to],
            Change::Comment { range, .. } => {
                places
                    .touched
                    .push(line(range.start().into())..line(range.end().into()) + 1);
                continue;
            }
            Change::NewComment { .. } => panic!("no fix writes a comment of its own"),
        };
        for path in paths {
            places
                .touched
                .extend(touched(root, path).map(|node| lines_of(text, node)));
        }
    }
    wanted.gone(&mut |node| {
        let mut lines = lines_of(text, node);
        let column = node
            .own_entry()
            .map_or(node.range(), |entry| entry.key.range())
            .start();
        let column = usize::from(column)
            - text[..usize::from(column)]
                .rfind('\n')
                .map_or(0, |at| at + 1);
        // Comments below that are indented deeper belong to what goes.
        let deeper = |text: &&str| {
            let rest = text.trim_start_matches(' ');
            rest.trim().is_empty() || (rest.starts_with('#') && text.len() - rest.len() > column)
        };
        lines.end += text.lines().skip(lines.end).take_while(deeper).count();
        let mut around = lines.clone();
        // The comments above it may move along, and the next entry may move to the dash.
        let above: Vec<&str> = text.lines().take(lines.start).collect();
        around.start -= above
            .iter()
            .rev()
            .take_while(|line| line.trim_start().starts_with('#'))
            .count();
        around.end += usize::from(
            text.lines()
                .nth(lines.start)
                .is_some_and(|line| line.trim_start().starts_with("- ")),
        );
        places.touched.push(around);
        // What moves takes its comments along.
        let is_moved = |change: &Change| match change {
            Change::Move { from, .. } => {
                written(root, from).is_some_and(|moved| node.range().contains_range(moved.range()))
            }
            _ => false,
        };
        if !changes.iter().any(is_moved) {
            places.left.push(lines);
        }
    });
    places
}

/// What is rewritten where something comes to be at a path, or becomes different: nothing where an entry is put among others.
fn touched<'y>(root: Node<'y>, path: &Path) -> Option<Node<'y>> {
    let mut node = root;
    for step in path.steps() {
        let next = match step {
            Step::Key(key) => node.get_own(key),
            Step::Index(index) => node.items().nth(index),
        };
        match next {
            Some(_) if node.is_flow() => return Some(node),
            Some(next) => node = next,
            None => break,
        }
    }
    let is_there = written(root, path).is_some();
    let is_block = matches!(node.kind(), NodeKind::Mapping | NodeKind::Sequence) && !node.is_flow();
    let changes_it = is_there && !matches!(node.kind(), NodeKind::Sequence if is_block);
    (changes_it || !is_block).then_some(node)
}

/// The lines, from 0, that a node and its key are on.
fn lines_of(text: &str, node: Node<'_>) -> Range<usize> {
    let line = |at: usize| text[..at].matches('\n').count();
    let start = node
        .own_entry()
        .map_or(node.range(), |entry| entry.key.range())
        .start();
    let end = text[..usize::from(node.range().end())]
        .trim_end()
        .len()
        .max(usize::from(start));
    line(start.into())..line(end) + 1
}

impl<'y> Slot<'y> {
    /// What is written and goes, the outermost of it.
    fn gone(&self, tell: &mut impl FnMut(Node<'y>)) {
        match &self.shape {
            Shape::Kept(node) | Shape::Open(node, _) if self.gone => tell(*node),
            Shape::Open(_, slots) | Shape::Mapping(slots) => {
                slots.iter().for_each(|slot| slot.gone(tell));
            }
            _ => {}
        }
    }
}

fn comments(
    before: &Analysis,
    changes: &[Change],
    places: &Places,
    after: &Analysis,
) -> Option<String> {
    let said = |analysis: &Analysis| -> Vec<String> {
        analysis
            .yaml()
            .comments()
            .iter()
            .map(|&range| analysis.text()[range].to_owned())
            .collect()
    };
    let is_moved = changes
        .iter()
        .any(|change| matches!(change, Change::Move { .. }));
    let mut left = said(after);
    if is_moved {
        left.sort();
    }
    let mut wanted: Vec<(String, bool)> = Vec::new();
    for &range in before.yaml().comments() {
        let changed = changes.iter().find_map(|change| match change {
            Change::Comment { range: it, text } if *it == range => Some(text.clone()),
            _ => None,
        });
        let line = before.text()[..usize::from(range.start())]
            .matches('\n')
            .count();
        let may_go = places.left.iter().any(|lines| lines.contains(&line));
        if let Some(text) = changed.unwrap_or_else(|| Some(before.text()[range].to_owned())) {
            wanted.push((text, may_go));
        }
    }
    if is_moved {
        wanted.sort();
    }
    let mut left = left.into_iter().peekable();
    for (comment, may_go) in wanted {
        if left.next_if(|other| *other == comment).is_none() && !may_go {
            return Some(format!("the comment {comment:?} is not where it was"));
        }
    }
    left.next()
        .map(|comment| format!("the comment {comment:?} was made up"))
}

/// Whether the lines that nothing was to change on are there, in their order.
fn lines(before: &Analysis, places: &Places, after: &Analysis) -> Option<String> {
    let split = |text: &'_ str| -> Vec<String> {
        text.split('\n')
            .map(|line| line.trim_end_matches('\r').to_owned())
            .collect()
    };
    let after = split(after.text());
    let mut left = after.iter();
    let untouched =
        |(line, _): &(usize, String)| !places.touched.iter().any(|lines| lines.contains(line));
    let all = split(before.text())
        .into_iter()
        .enumerate()
        .filter(untouched);
    let lost = all
        .into_iter()
        .find(|(_, text)| !left.any(|other| other == text));
    lost.map(|(line, text)| format!("line {} is not as it was: {text:?}", line + 1))
}
