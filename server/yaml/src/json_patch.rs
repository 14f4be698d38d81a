//! JSON patches (RFC 6902). The values that a patch writes are built into a tree like the patched
//! document. Values keep their ranges in the patch, and the keys above them have the ranges of the
//! pointer's steps.

use super::tree::{Record, Shape, Value};
use super::{Node, NodeId, NodeKind, Offset, Range, ScalarStyle, Yaml};

/// An operation with a value in the patch.
pub struct Operation<'y> {
    /// The item of the patch.
    node: Node<'y>,
    steps: Vec<PointerStep<'y>>,
    pub value: Node<'y>,
}

/// A step of a pointer with its range.
struct PointerStep<'y> {
    raw: &'y str,
    range: Range,
}

/// Returns the operations that write a value: `add` and `replace`. `None` if the document is not a
/// patch.
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

    /// The keys and indices on the path to the value.
    pub fn steps(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(PointerStep::text)
    }
}

/// Returns the steps of a pointer; none if it does not start with `/`.
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
        // In a pointer with YAML escapes, every step has the range of the pointer.
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

    /// Whether a step looks like an index: `0`, `-` behind the last item, `-1` from the end.
    fn is_item(&self) -> bool {
        let digits = self.raw.strip_prefix('-').unwrap_or(self.raw);
        !self.raw.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// Builds the values that a patch writes into a tree: a list with one item per operation. A list on
/// the path to a value has one item. `context` returns a path of keys that exists in any case, with
/// empty mappings.
///
/// The text and all ranges are those of the patch, and nodes of the patch keep their [`NodeId`].
pub fn to_tree<'y>(
    yaml: &Yaml,
    operations: &[Operation<'y>],
    context: impl Fn(&Operation<'y>) -> Vec<String>,
) -> Yaml {
    let mut builder = Builder { yaml: yaml.clone() };
    let items = operations
        .iter()
        .map(|operation| builder.document(operation, &context(operation)))
        .collect();
    let whole = yaml.root().map_or_else(Range::default, Node::range);
    let root = builder.push(whole, Shape::Sequence { flow: true, items });
    Yaml {
        root: Some(root),
        ..builder.yaml
    }
}

/// Adds nodes behind the existing ones.
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
        // Quoted, so that no key is `<<`.
        self.push(
            range,
            Shape::Scalar {
                style: ScalarStyle::DoubleQuoted,
                value: Value::Decoded(text.into()),
            },
        )
    }

    /// Builds the document that an operation writes to.
    fn document(&mut self, operation: &Operation<'_>, context: &[String]) -> NodeId {
        let texts: Vec<String> = operation.steps().collect();
        let common = texts
            .iter()
            .zip(context)
            .take_while(|(step, key)| step == key)
            .count();
        let mut node = operation.value.id();
        for (depth, (step, text)) in operation.steps.iter().zip(&texts).enumerate().rev() {
            let range = self.range(node).cover(step.range);
            // The root spans the whole operation.
            let range = if depth == 0 {
                range.cover(operation.node.range())
            } else {
                range
            };
            node = if step.is_item() {
                self.push(
                    self.range(node),
                    Shape::Sequence {
                        flow: true,
                        items: vec![node],
                    },
                )
            } else {
                let mut entries = vec![(self.key(text.clone(), step.range), node)];
                if depth == common && !context[common..].is_empty() {
                    entries.insert(
                        0,
                        self.empty(&context[common..], Range::empty(range.start())),
                    );
                }
                self.push(
                    range,
                    Shape::Mapping {
                        flow: true,
                        entries,
                    },
                )
            };
        }
        node
    }

    /// Builds a key with nested mappings for the keys of a path.
    fn empty(&mut self, keys: &[String], range: Range) -> (NodeId, NodeId) {
        let mut entries = Vec::new();
        for key in keys.iter().skip(1).rev() {
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
        (self.key(keys[0].clone(), range), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    /// Returns the document of the only operation, and the text of its keys and values.
    fn of(text: &str, context: &[&str]) -> (String, Vec<String>) {
        let yaml = parse(text);
        let operations = operations(&yaml).expect("a patch");
        let written = to_tree(&yaml, &operations, |_| {
            context.iter().map(|&key| key.to_owned()).collect()
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
            assert!(node.range().contains_range(child.range()) && child.parent() == Some(node));
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
    fn values_are_at_their_pointer() {
        let (tree, places) = of(
            "- op: add\n  path: /spec/list/-/a~1b~0c\n  value: {d: [1]}\n",
            &[],
        );
        assert_eq!(tree, "{spec: {list: [{a/b~c: {d: [1]}}]}}");
        assert_eq!(places, ["spec", "list", "a~1b~0c", "d", "1"]);
    }

    #[test]
    fn accepts_quotes_and_any_key_order() {
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
    fn context_path_always_exists() {
        let keys = ["spec", "template", "spec"];
        assert_eq!(
            of(
                "[{op: add, path: /spec/template/metadata/a, value: 1}]",
                &keys
            )
            .0,
            "{spec: {template: {spec: {}, metadata: {a: 1}}}}"
        );
        assert_eq!(
            of("[{op: add, path: /metadata/a, value: 1}]", &keys).0,
            "{spec: {template: {spec: {}}}, metadata: {a: 1}}"
        );
        for inside in ["/spec/template/spec/a", "/spec/template"] {
            assert!(
                !of(&format!("[{{op: add, path: {inside}, value: 1}}]"), &keys)
                    .0
                    .contains("{}"),
                "{inside}"
            );
        }
    }

    #[test]
    fn aliases_still_resolve() {
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
    fn skips_operations_without_a_value() {
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
