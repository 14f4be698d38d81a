//! Any changes of any document: the edit makes exactly these changes, or it is rejected.

use super::{below, halves, one_of};
use arbitrary::Unstructured;
use yaml::edit::{Change, Edits, Value, plan};
use yaml::{self, Node, NodeKind, Path, Step, Yaml};

const MOST_CHANGES: usize = 4;

pub fn run(data: &[u8]) {
    let (text, mut input) = halves(data);
    let yaml = yaml::parse(&text);
    let nodes: Vec<Node<'_>> = yaml.nodes().collect();
    if nodes.is_empty() {
        return;
    }
    let mut changes = Vec::new();
    while changes.len() < MOST_CHANGES && (changes.is_empty() || !input.is_empty()) {
        changes.push(change(&nodes, &mut input));
    }
    if let Ok(edits) = plan(&yaml, &changes) {
        check(&yaml, &changes, &edits);
    }
}

fn change(nodes: &[Node<'_>], input: &mut Unstructured<'_>) -> Change {
    let path = path(nodes, input);
    match below(input, 6) {
        0 | 1 => Change::Set {
            path,
            value: value(input, 2),
        },
        2 => Change::Append {
            path,
            value: value(input, 2),
        },
        3 => Change::Remove { path },
        4 => Change::Rename {
            path,
            key: one_of(input, &KEYS).into(),
        },
        _ => Change::Move {
            from: path,
            to: self::path(nodes, input),
        },
    }
}

const KEYS: [&str; 12] = [
    "new",
    "spec",
    "a",
    "securityContext",
    "<<",
    "yes",
    "1",
    "a: b",
    "",
    "é",
    "# no",
    "*a",
];

/// An existing path, or one below it.
fn path(nodes: &[Node<'_>], input: &mut Unstructured<'_>) -> Path {
    let path = nodes[below(input, nodes.len())].path();
    match below(input, 5) {
        0 => path.key(one_of(input, &KEYS)),
        1 => path.keys("new.and.deep"),
        2 => path.index(below(input, 3)),
        _ => path,
    }
}

fn value(input: &mut Unstructured<'_>, depth: usize) -> Value {
    const TEXTS: [&str; 18] = [
        "word",
        "",
        " blank ",
        "two\nlines",
        "end\n",
        "yes",
        "0644",
        "1e3",
        "null",
        "- a",
        "a: b",
        "# c",
        "\"",
        "'",
        "é𝄞",
        "\t",
        "{{ x }}",
        "---",
    ];
    match below(input, if depth == 0 { 3 } else { 5 }) {
        0 => Value::Text(one_of(input, &TEXTS).to_owned()),
        1 => Value::Bool(below(input, 2) == 0),
        2 => Value::Integer([0, 1, -1, 10001, i64::MAX, i64::MIN][below(input, 6)]),
        3 => Value::Sequence(
            (0..below(input, 3))
                .map(|_| value(input, depth - 1))
                .collect(),
        ),
        _ => {
            let keys = &KEYS[..below(input, 3)];
            Value::Mapping(
                keys.iter()
                    .map(|key| ((*key).to_owned(), value(input, depth - 1)))
                    .collect(),
            )
        }
    }
}

fn check(yaml: &Yaml, changes: &[Change], edits: &Edits) {
    let (before, after) = (yaml.text(), edits.apply(yaml.text()));
    let told = || format!("{changes:?} of\n{before}\nmakes\n{after}");
    let read = yaml::parse(&after);
    assert!(
        read.errors().is_empty() && read.repaired().is_empty(),
        "an error in {}",
        told()
    );
    assert!(
        edits.is_empty() == (before == after),
        "edits that change nothing: {}",
        told()
    );
    if before == after {
        return;
    }
    assert_eq!(
        before.ends_with(['\n', '\r']),
        after.ends_with(['\n', '\r']),
        "the last line break: {}",
        told()
    );
    let takes_away = changes
        .iter()
        .any(|change| matches!(change, Change::Remove { .. }));
    let (old, new) = (comments(yaml), comments(&read));
    assert!(
        takes_away || old == new,
        "comments {old:?} are {new:?} now: {}",
        told()
    );
    assert!(
        new.iter().all(|comment| old.contains(comment)),
        "comments {old:?} are {new:?} now: {}",
        told()
    );
    untouched(yaml, &read, changes, &told);
    again(&read, changes, &told);
}

fn comments(yaml: &Yaml) -> Vec<&str> {
    let mut comments: Vec<&str> = yaml
        .comments()
        .iter()
        .map(|&comment| &yaml.text()[comment])
        .collect();
    comments.sort_unstable();
    comments
}

/// Checks that everything else is unchanged, byte for byte.
fn untouched(old: &Yaml, new: &Yaml, changes: &[Change], told: &dyn Fn() -> String) {
    let named: Vec<&Path> = changes.iter().flat_map(paths).collect();
    // A removal shifts the indices of the items behind it, and a path means only one of equal keys.
    let shifts = |path: &Path| matches!(path.steps().last(), Some(Step::Index(_)));
    let goes = changes.iter().any(|change| match change {
        Change::Remove { path } | Change::Move { from: path, .. } => {
            path.steps().any(|step| matches!(step, Step::Index(_))) || shifts(path)
        }
        _ => false,
    });
    if goes {
        return;
    }
    for node in old
        .nodes()
        .filter(|node| matches!(node.kind(), NodeKind::Scalar(_) | NodeKind::Alias))
    {
        let path = node.path();
        if named
            .iter()
            .any(|named| named.starts_with(&path) || path.starts_with(named))
            || old.at(&path) != Some(node)
        {
            continue;
        }
        let there = new.at(&path).map(Node::source);
        assert_eq!(there, Some(node.source()), "{path} is another: {}", told());
    }
}

fn paths(change: &Change) -> Vec<&Path> {
    match change {
        Change::Set { path, .. }
        | Change::Append { path, .. }
        | Change::Remove { path }
        | Change::Rename { path, .. } => {
            vec![path]
        }
        Change::Move { from, to } => vec![from, to],
        Change::Comment { .. } | Change::NewComment { .. } => Vec::new(),
    }
}

/// Checks that planning the same changes again gives no edits.
fn again(read: &Yaml, changes: &[Change], told: &dyn Fn() -> String) {
    let has_index = |path: &Path| path.steps().any(|step| matches!(step, Step::Index(_)));
    let settles = |change: &Change| match change {
        Change::Set { .. } => true,
        Change::Remove { path } => !has_index(path),
        _ => false,
    };
    if changes.iter().all(settles)
        && let Ok(edits) = plan(read, changes)
    {
        assert!(edits.is_empty(), "made again, {edits:?}: {}", told());
    }
}
