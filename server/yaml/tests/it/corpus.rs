//! Invariants of every document, tested on real files.

use super::data;
use super::promises::check;
use yaml::chunks::{ChunkKind, Outline};
use yaml::{self, NodeKind, Yaml};

#[test]
fn corpus_has_exact_ranges() {
    let (mut files, mut documents, mut nodes, mut with_errors) = (0, 0, 0, 0);
    for (path, text) in data::manifests() {
        files += 1;
        for yaml in read(&text) {
            documents += 1;
            nodes += yaml.nodes().count();
            with_errors += usize::from(!yaml.errors().is_empty());
            if let Err(fault) = check(&yaml) {
                panic!("{}: {fault}", path.display());
            }
        }
    }
    println!(
        "{files} files, {documents} documents ({with_errors} with syntax errors), {nodes} nodes"
    );
}

#[test]
fn line_breaks_do_not_change_the_tree() {
    for line_break in ["\r\n", "\r"] {
        for (path, text) in data::manifests()
            .iter()
            .filter(|(_, text)| !text.contains('\r'))
            .step_by(3)
        {
            let (written, other) = (read(text), read(&text.replace('\n', line_break)));
            assert_eq!(written.len(), other.len(), "{}", path.display());
            for (written, other) in written.iter().zip(&other) {
                assert_eq!(
                    tree(written),
                    tree(other),
                    "{} with {line_break:?}",
                    path.display()
                );
                check(other).unwrap();
            }
        }
    }
}

/// The documents of a text, which cover it.
fn read(text: &str) -> Vec<Yaml> {
    let ranges = yaml::chunks::documents(text);
    let mut end = 0;
    for range in &ranges {
        assert_eq!(range.start, end);
        end = range.end;
    }
    assert_eq!(end, text.len());
    let starts: Vec<usize> = ranges.iter().map(|range| range.start).collect();
    assert_eq!(starts, starts_of_documents(text));
    ranges
        .into_iter()
        .map(|range| yaml::parse(&text[range]))
        .collect()
}

/// Where the documents start, by the chunks of the text.
fn starts_of_documents(text: &str) -> Vec<usize> {
    let outline = Outline::new(text);
    let starts = outline.chunks().iter().scan(0, |end, chunk| {
        let start = *end;
        *end += chunk.length;
        Some((chunk.kind, start))
    });
    starts
        .filter(|(kind, _)| *kind == ChunkKind::Document)
        .map(|(_, start)| start)
        .collect()
}

/// The content of a tree without its ranges.
fn tree(yaml: &Yaml) -> Vec<(NodeKind, bool, Option<String>, Option<String>)> {
    yaml.nodes()
        .map(|node| {
            let value = if node.kind() == NodeKind::Alias {
                Some(node.source())
            } else {
                node.as_str()
            };
            (
                node.kind(),
                node.is_flow(),
                value.map(str::to_owned),
                node.anchor().or(node.tag()).map(str::to_owned),
            )
        })
        .collect()
}
