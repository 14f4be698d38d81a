//! Shows a document as text: one line per node, `kind [source]`, then comments, errors, and
//! repaired lines.

use std::fmt::Write;
use yaml::{self, Node, NodeKind, ScalarStyle, Yaml};

/// Shows a whole document.
pub(super) fn document(text: &str) -> String {
    let yaml = yaml::parse(text);
    let mut shown = String::new();
    if let Some(root) = yaml.root() {
        node(root, 0, "", &mut shown);
    }
    for &comment in yaml.comments() {
        line(&mut shown, format!("comment {}", source(&yaml, comment)));
    }
    for error in yaml.errors() {
        line(
            &mut shown,
            format!("error {} {}", source(&yaml, error.range), error.message),
        );
    }
    for &repaired in yaml.repaired() {
        line(&mut shown, format!("repaired {}", source(&yaml, repaired)));
    }
    shown
}

fn node(node: Node<'_>, depth: usize, role: &str, shown: &mut String) {
    let mut text = format!("{}{role}{}", "  ".repeat(depth), kind(node));
    if let Some(range) = node.properties_range() {
        write!(text, " with {}", source(node.yaml(), range)).unwrap();
    }
    write!(text, " {}", source(node.yaml(), node.range())).unwrap();
    match node.kind() {
        NodeKind::Scalar(_) if node.as_str() != Some(node.source()) => {
            write!(text, " says {:?}", node.as_str().unwrap()).unwrap();
        }
        NodeKind::Alias => match node.resolve() {
            Some(target) => write!(text, " is {}", source(node.yaml(), target.range())).unwrap(),
            None => text.push_str(" is nothing"),
        },
        _ => {}
    }
    line(shown, text);
    for entry in node.entries() {
        self::node(entry.key, depth + 1, "key ", shown);
        self::node(entry.value, depth + 1, "", shown);
    }
    for item in node.items() {
        self::node(item, depth + 1, "- ", shown);
    }
}

fn kind(node: Node<'_>) -> &'static str {
    match (node.kind(), node.is_flow()) {
        (NodeKind::Empty, _) => "empty",
        (NodeKind::Alias, _) => "alias",
        (NodeKind::Sequence, true) => "flow sequence",
        (NodeKind::Sequence, false) => "sequence",
        (NodeKind::Mapping, true) => "flow mapping",
        (NodeKind::Mapping, false) => "mapping",
        (NodeKind::Scalar(ScalarStyle::Plain), _) => "plain",
        (NodeKind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted), _) => "quoted",
        (NodeKind::Scalar(ScalarStyle::Literal), _) => "literal",
        (NodeKind::Scalar(ScalarStyle::Folded), _) => "folded",
    }
}

fn source(yaml: &Yaml, range: yaml::Range) -> String {
    format!(
        "[{}]",
        yaml.text()[range]
            .escape_debug()
            .to_string()
            .replace("\\'", "'")
            .replace("\\\"", "\"")
    )
}

fn line(shown: &mut String, line: String) {
    shown.push_str(&line);
    shown.push('\n');
}

/// `LOOK=path cargo test -p kubeharden-yaml look -- --nocapture` shows how a file is parsed.
#[test]
fn look() {
    if let Some(text) = std::env::var_os("LOOK").and_then(|path| std::fs::read_to_string(path).ok())
    {
        for range in yaml::chunks::documents(&text) {
            println!("{}", document(&text[range]));
        }
    }
}
