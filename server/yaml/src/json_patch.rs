//! JSON patches (RFC 6902): a list of operations, each of which puts a value at a place of a document that stands elsewhere.
//!
//! Knows operations and pointers. Must not know what the documents are. Promise: what an operation writes reads like the document that
//! it is written into, as far as that is known; in it every value stands where it is written, and the keys above it where the pointer
//! names them.

use super::tree::{Record, Shape, Value};
use super::{Node, NodeId, NodeKind, Offset, Range, ScalarStyle, Yaml};

/// An operation that writes a value which stands in the patch.
pub struct Operation<'y> {
    /// The item of the list.
    node: Node<'y>,
    steps: Vec<PointerStep<'y>>,
    pub value: Node<'y>,
}

/// A step of a pointer, and where it is written.
struct PointerStep<'y> {
    raw: &'y str,
    range: Range,
}

/// The operations of a patch that write something: what is removed, moved, copied or tested has no value of its own. `None` where a document
/// is no patch.
pub fn operations(yaml: &Yaml) -> Option<Vec<Operation<'_>>> {
    let list = yaml
        .root()
        .filter(|root| root.kind() == NodeKind::Sequence)?;
    Some(list.items().filter_map(Operation::of).collect())
}

impl<'y> Operation<'y> {
    fn of(item: Node<'y>) -> Option<Self> {
        let text = |key| item.get(key).and_then(Node::as_str);
        text("op").filter(|op| matches!(*op, "add" | "replace"))?;
        let pointer = item
            .get_own("path")
            .filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))?;
        let steps = steps(pointer);
        (!steps.is_empty()).then_some(Operation {
            node: item,
            steps,
            value: item.get_own("value")?,
        })
    }

    /// The keys and the numbers of items on the way to the value.
    pub fn steps(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(PointerStep::text)
    }
}

/// None where a pointer does not begin as one.
fn steps(pointer: Node<'_>) -> Vec<PointerStep<'_>> {
    let text = pointer.as_str().unwrap_or_default();
    let Some(rest) = text.strip_prefix('/') else {
        return Vec::new();
    };
    let quotes = usize::from(!matches!(
        pointer.kind(),
        NodeKind::Scalar(ScalarStyle::Plain)
    ));
    let source = pointer.source();
    let is_as_it_reads = source.get(quotes..source.len().saturating_sub(quotes)) == Some(text);
    let mut at = quotes + 1;
    let mut step = |raw| {
        let start = at;
        at += str::len(raw) + 1;
        let place = || {
            Some(Range::at(
                pointer.range().start() + Offset::try_from(start).ok()?,
                Offset::of(raw),
            ))
        };
        // A pointer with escapes of YAML stands for each of its steps.
        PointerStep {
            raw,
            range: place()
                .filter(|_| is_as_it_reads)
                .unwrap_or(pointer.range()),
        }
    };
    rest.split('/').map(&mut step).collect()
}

impl PointerStep<'_> {
    fn text(&self) -> String {
        self.raw.replace("~1", "/").replace("~0", "~")
    }

    /// Whether it names an item of a list, as far as can be told from it: `0`, `-` behind the last one, `-1` from there on.
    fn is_item(&self) -> bool {
        let digits = self.raw.strip_prefix('-').unwrap_or(self.raw);
        !self.raw.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// What a patch writes: a list with one item for each of the operations. A list on the way to a value has the one item that the pointer
/// names. `beside` names a way of keys from the document on that is there in any case, with nothing below it that is not written.
///
/// The text, and with it every place, is that of the patch, and what stands in it has the same [`NodeId`] here.
pub fn to_tree<'y>(
    yaml: &Yaml,
    operations: &[Operation<'y>],
    beside: impl Fn(&Operation<'y>) -> Vec<String>,
) -> Yaml {
    let mut builder = Builder { yaml: yaml.clone() };
    let items = operations
        .iter()
        .map(|operation| builder.document(operation, &beside(operation)))
        .collect();
    let whole = yaml.root().map_or_else(Range::default, Node::range);
    let root = builder.push(whole, Shape::Sequence { flow: true, items });
    Yaml {
        root: Some(root),
        ..builder.yaml
    }
}

/// Puts nodes behind those that there are.
struct Builder {
    yaml: Yaml,
}

impl Builder {
    fn push(&mut self, range: Range, shape: Shape) -> NodeId {
        let id = NodeId(u32::try_from(self.yaml.nodes.len()).unwrap_or(u32::MAX));
        let children: Vec<NodeId> = match &shape {
            Shape::Sequence { items, .. } => items.clone(),
            Shape::Mapping { entries, .. } => entries
                .iter()
                .flat_map(|(key, value)| [*key, *value])
                .collect(),
            _ => Vec::new(),
        };
        for child in children {
            self.yaml.nodes[child.0 as usize].parent = Some(id);
        }
        self.yaml.nodes.push(Record {
            range,
            parent: None,
            shape,
        });
        id
    }

    fn range(&self, id: NodeId) -> Range {
        self.yaml.node(id).range()
    }

    fn key(&mut self, text: String, range: Range) -> NodeId {
        // In quotes, so that no key is `<<`.
        self.push(
            range,
            Shape::Scalar {
                style: ScalarStyle::DoubleQuoted,
                value: Value::Decoded(text.into()),
            },
        )
    }

    /// What an operation writes, from the document on.
    fn document(&mut self, operation: &Operation<'_>, beside: &[String]) -> NodeId {
        let texts: Vec<String> = operation.steps().collect();
        let common = texts
            .iter()
            .zip(beside)
            .take_while(|(step, key)| step == key)
            .count();
        let mut node = operation.value.id();
        for (depth, (step, text)) in operation.steps.iter().zip(&texts).enumerate().rev() {
            let range = self.range(node).cover(step.range);
            // From the first character on that is the operation's.
            let range = if depth == 0 {
                range.cover(operation.node.range())
            } else {
                range
            };
            node = match step.is_item() {
                true => self.push(
                    self.range(node),
                    Shape::Sequence {
                        flow: true,
                        items: vec![node],
                    },
                ),
                false => {
                    let mut entries = vec![(self.key(text.clone(), step.range), node)];
                    if depth == common && !beside[common..].is_empty() {
                        entries.insert(
                            0,
                            self.empty(&beside[common..], Range::empty(range.start())),
                        );
                    }
                    self.push(
                        range,
                        Shape::Mapping {
                            flow: true,
                            entries,
                        },
                    )
                }
            };
        }
        node
    }

    /// A key with mappings below it in which nothing is written but the keys of a way.
    fn empty(&mut self, way: &[String], range: Range) -> (NodeId, NodeId) {
        let mut entries = Vec::new();
        for key in way.iter().skip(1).rev() {
            let value = self.push(
                range,
                Shape::Mapping {
                    flow: true,
                    entries,
                },
            );
            entries = vec![(self.key(key.clone(), range), value)];
        }
        let value = self.push(
            range,
            Shape::Mapping {
                flow: true,
                entries,
            },
        );
        (self.key(way[0].clone(), range), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    /// The document of the only operation, written out, and where its keys and values stand.
    fn of(text: &str, beside: &[&str]) -> (String, Vec<String>) {
        let yaml = parse(text);
        let operations = operations(&yaml).expect("a patch");
        let written = to_tree(&yaml, &operations, |_| {
            beside.iter().map(|&key| key.to_owned()).collect()
        });
        let root = written
            .root()
            .and_then(|root| root.items().next())
            .expect("an item");
        let mut places = Vec::new();
        (shown(root, &mut places), places)
    }

    fn shown(node: Node<'_>, places: &mut Vec<String>) -> String {
        let is_inside = |child: Node<'_>| {
            assert!(node.range().contains_range(child.range()) && child.parent() == Some(node))
        };
        node.children().for_each(is_inside);
        match node.kind() {
            NodeKind::Mapping => {
                let entry = |entry: crate::Entry<'_>| {
                    places.push(entry.key.source().to_owned());
                    format!(
                        "{}: {}",
                        entry.key.as_str().unwrap_or_default(),
                        shown(entry.value, places)
                    )
                };
                format!(
                    "{{{}}}",
                    node.entries().map(entry).collect::<Vec<_>>().join(", ")
                )
            }
            NodeKind::Sequence => format!(
                "[{}]",
                node.items()
                    .map(|item| shown(item, places))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            _ => {
                places.push(node.source().to_owned());
                node.as_str().unwrap_or_default().to_owned()
            }
        }
    }

    #[test]
    fn what_an_operation_writes_stands_where_the_pointer_leads() {
        let (tree, places) = of(
            "- op: add\n  path: /spec/list/-/a~1b~0c\n  value: {d: [1]}\n",
            &[],
        );
        assert_eq!(tree, "{spec: {list: [{a/b~c: {d: [1]}}]}}");
        assert_eq!(places, ["spec", "list", "a~1b~0c", "d", "1"]);
    }

    #[test]
    fn a_place_is_told_in_quotes_and_in_any_order() {
        let (tree, places) = of(
            r#"[{"value": true, "op": "replace", "path": "/spec/hostPID"}]"#,
            &[],
        );
        assert_eq!(
            (tree.as_str(), places),
            (
                "{spec: {hostPID: true}}",
                ["spec", "hostPID", "true"].map(str::to_owned).into()
            )
        );
        let (tree, places) = of(
            r#"[{"op": "add", "path": "\/spec/\u0061", "value": 1}]"#,
            &[],
        );
        assert_eq!(
            (tree.as_str(), places[0].as_str()),
            ("{spec: {a: 1}}", r#""\/spec/\u0061""#)
        );
    }

    #[test]
    fn a_way_is_there_beside_what_is_written() {
        let way = ["spec", "template", "spec"];
        assert_eq!(
            of(
                "[{op: add, path: /spec/template/metadata/a, value: 1}]",
                &way
            )
            .0,
            "{spec: {template: {spec: {}, metadata: {a: 1}}}}"
        );
        assert_eq!(
            of("[{op: add, path: /metadata/a, value: 1}]", &way).0,
            "{spec: {template: {spec: {}}}, metadata: {a: 1}}"
        );
        for inside in ["/spec/template/spec/a", "/spec/template"] {
            assert!(
                !of(&format!("[{{op: add, path: {inside}, value: 1}}]"), &way)
                    .0
                    .contains("{}"),
                "{inside}"
            );
        }
    }

    #[test]
    fn an_alias_stands_for_what_it_stood_for() {
        let yaml =
            parse("- {op: test, path: /a, value: &x {b: 1}}\n- {op: add, path: /c, value: *x}\n");
        let operations = operations(&yaml).expect("a patch");
        assert_eq!(operations.len(), 1);
        let written = to_tree(&yaml, &operations, |_| Vec::new());
        let value = written
            .root()
            .and_then(|root| root.items().next()?.get("c")?.get("b"))
            .and_then(Node::as_str);
        assert_eq!(value, Some("1"));
    }

    #[test]
    fn what_writes_nothing_is_left_out() {
        let text = "\
- {op: remove, path: /a}
- {op: move, from: /a, path: /b}
- {op: copy, from: /a, path: /b}
- {op: test, path: /a, value: 1}
- {op: add, path: a, value: 1}
- {op: add, path: '', value: 1}
- {op: add, path: /a}
- op
-
";
        assert_eq!(operations(&parse(text)).expect("a patch").len(), 0);
        assert!(operations(&parse("op: add")).is_none() && operations(&parse("")).is_none());
    }
}
