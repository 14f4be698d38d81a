//! The invariants of every tree that `yaml::parse` returns.

use yaml::{self, Node, NodeKind, Range, ScalarStyle, Yaml};

/// Checks all invariants.
pub(crate) fn check(yaml: &Yaml) -> Result<(), String> {
    check_structure(yaml)?;
    for node in yaml
        .nodes()
        .filter(|node| !touches(yaml.repaired(), node.range()))
    {
        if let Some(value) = reread(node).filter(|value| Some(&**value) != node.as_str()) {
            return Err(format!(
                "a scalar that says {:?}, {value:?} alone: {:?}",
                node.as_str(),
                node.source()
            ));
        }
    }
    if yaml.errors().len() <= yaml.repaired().len() {
        uncovered(yaml)
    } else {
        Ok(())
    }
}

/// Checks the invariants that hold for every text, repaired or not.
pub(crate) fn check_structure(yaml: &Yaml) -> Result<(), String> {
    let fault = |what: &str, range: Range| {
        Err(format!(
            "{what} at {range:?}: {:?}",
            yaml.text().get(std::ops::Range::from(range))
        ))
    };
    let mut last = None;
    for node in yaml.nodes() {
        if yaml
            .text()
            .get(std::ops::Range::from(node.range()))
            .is_none()
        {
            return fault(
                "a node outside the text or inside a character",
                node.range(),
            );
        }
        if node
            .parent()
            .is_some_and(|parent| !parent.range().contains_range(node.range()))
        {
            return fault("a node outside its parent", node.range());
        }
        if node.children().any(|child| child.parent() != Some(node)) {
            return fault("a child of another", node.range());
        }
        if last.is_some_and(|last| node.range().start() < last) {
            return fault("a node before the one before it", node.range());
        }
        let children: Vec<_> = node.children().collect();
        if children
            .windows(2)
            .any(|pair| pair[0].range().end() > pair[1].range().start())
        {
            return fault("children that overlap", node.range());
        }
        last = Some(node.range().start());
    }
    for pair in yaml.comments().windows(2) {
        if pair[0].end() > pair[1].start() {
            return fault("a comment that is not behind the one before", pair[1]);
        }
    }
    if let Some(&comment) = yaml
        .comments()
        .iter()
        .find(|&&comment| !yaml.text()[comment].starts_with('#'))
    {
        return fault("a comment without its #", comment);
    }
    for error in yaml.errors() {
        let source = yaml.text().get(std::ops::Range::from(error.range));
        if source.is_none_or(|source| source.contains(['\n', '\r'])) {
            return fault("an error with a line break", error.range);
        }
    }
    if yaml.errors().len() < yaml.repaired().len() {
        return Err("a repaired line without an error".into());
    }
    Ok(())
}

/// Parses a scalar's text on its own. A block scalar with an indentation indicator needs its
/// parent.
fn reread(node: Node<'_>) -> Option<String> {
    let NodeKind::Scalar(style) = node.kind() else {
        return None;
    };
    let source = node.source();
    let header = source.lines().next().unwrap_or_default();
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded
            if header.contains(|c: char| c.is_ascii_digit()) =>
        {
            None
        }
        ScalarStyle::Literal | ScalarStyle::Folded
            if usize::from(node.range().end()) == node.yaml().text().len() =>
        {
            value(source)
        }
        ScalarStyle::Literal | ScalarStyle::Folded => value(&format!(
            "{source}{}",
            if source.ends_with('\r') { "\r" } else { "\n" }
        )),
        // `a::` is a key that ends with a colon, and `-:` one that is a dash.
        ScalarStyle::Plain if source.ends_with(':') || source == "-" || source == "?" => None,
        // At the start of a line, `---` and a byte order mark have a meaning.
        _ => value(&format!(" {source}")),
    }
}

fn value(source: &str) -> Option<String> {
    let alone = yaml::parse(source);
    Some(
        alone
            .root()
            .and_then(|root| root.as_str())
            .unwrap_or("(not a scalar)")
            .into(),
    )
}

fn touches(ranges: &[Range], range: Range) -> bool {
    ranges.iter().any(|other| other.intersect(range).is_some())
}

/// Nodes, comments, and properties cover everything but punctuation, blanks, directives, and
/// repaired lines.
fn uncovered(yaml: &Yaml) -> Result<(), String> {
    let text = yaml.text();
    let mut covered = vec![false; text.len()];
    let leaves = yaml
        .nodes()
        .filter(|node| matches!(node.kind(), NodeKind::Scalar(_) | NodeKind::Alias))
        .map(|node| node.range());
    let properties = yaml.nodes().filter_map(|node| node.properties_range());
    for range in leaves
        .chain(properties)
        .chain(yaml.comments().iter().copied())
        .chain(yaml.repaired().iter().copied())
    {
        covered[std::ops::Range::from(range)].fill(true);
    }
    for (start, line) in text.split_inclusive(['\n', '\r']).scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    }) {
        for (at, c) in line.char_indices() {
            let plain = !covered[start + at] && !" \t\r\n-?:,[]{}\u{feff}".contains(c);
            let marker = line.trim_start_matches('\u{feff}').starts_with(['%', '.']);
            if plain && !marker {
                return Err(format!(
                    "{c:?} at {} belongs to nothing in {line:?}",
                    start + at
                ));
            }
        }
    }
    Ok(())
}
