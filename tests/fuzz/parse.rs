//! Any text can be parsed, to trees that keep the invariants and have bounded size.

use super::{halves, promises};
use yaml::{self, chunks};

pub fn run(data: &[u8]) {
    let (text, _) = halves(data);
    let mut end = 0;
    for range in chunks::documents(&text) {
        assert_eq!(range.start, end, "a gap between documents");
        end = range.end;
        let yaml = yaml::parse(&text[range]);
        promises::check_structure(&yaml)
            .unwrap_or_else(|fault| panic!("{fault}\nin {:?}", yaml.text()));
        // `:` alone is a mapping, a key, and a value.
        assert!(
            yaml.nodes().len() <= 3 * yaml.text().len() + 1,
            "{} nodes of {:?}",
            yaml.nodes().len(),
            yaml.text()
        );
        let is_manifest = yaml.nodes().all(|node| {
            node.resolve()
                .is_none_or(|node| node.as_str().is_none() || node.resolved().is_some())
        });
        assert!(
            is_manifest,
            "a scalar that the API server reads as nothing, in {:?}",
            yaml.text()
        );
        for node in yaml.nodes() {
            let _ = node.path().to_string();
        }
    }
    assert_eq!(end, text.len(), "the documents end before their text");
}
