//! What is remembered of an earlier text makes no difference: `reanalyze` says what `analyze` says, over random edits.

use kubeharden::config::Config;
use kubeharden::engine::{self, Report};
use std::fs;
use std::path::Path;

const EDITS: usize = 80;

/// What people type, and what moves the borders between documents.
const PIECES: &[&str] = &[
    "a", " ", "  ", "\n", "\r\n", ":", ": true", "- ", "---\n", "\n---\n", "...\n", "# é\n", "\"", "{", "}", "\t", "&a ", "*a",
    "{{ x }}",
];

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("less than a usize")
    }

    fn place(&mut self, text: &str) -> usize {
        boundary(text, self.below(text.len() + 1))
    }
}

/// The nearest place at or before this one that is not inside a character.
fn boundary(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).expect("0 is one")
}

fn outline(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for document in &report.documents {
        let analysis = &document.analysis;
        lines.push(format!("document at {}: {:?} {:?}", document.start, analysis.objects, analysis.yaml.errors()));
        for finding in &analysis.findings {
            lines.push(format!("  {} {:?} {} {:?}", finding.rule.id, finding.range, finding.message, finding.fix));
        }
    }
    lines
}

#[test]
fn an_analysis_from_an_earlier_one_equals_one_from_scratch() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad");
    let read = |name| fs::read_to_string(fixtures.join(name)).expect("the fixture is readable text");
    let original = ["deployment.yaml", "pod.yaml", "cronjob.yaml"].map(read).join("\n---\n");
    let config = Config::default();
    let mut random = Random(0x5eed);
    let mut text = original.clone();
    let mut report = engine::analyze(&text, &config);
    let remembered = report.documents.iter().filter(|document| !document.analysis.findings.is_empty()).count();
    assert_eq!(remembered, 3, "documents with findings");
    for edit in 0..EDITS {
        let start = random.place(&text);
        let end = boundary(&text, start + random.below(2) * random.below(12));
        let piece = PIECES[random.below(PIECES.len())];
        text.replace_range(start..end, piece);
        report = engine::reanalyze(&text, &config, &report);
        assert_eq!(
            outline(&report),
            outline(&engine::analyze(&text, &config)),
            "after edit {edit}, {piece:?} at {start}..{end} of:\n{text}"
        );
        // Now and then from the start: after many edits nothing is left that could be a manifest.
        if edit % 20 == 19 {
            text.clone_from(&original);
        }
    }
}
