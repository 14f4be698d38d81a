//! What is kept between keystrokes changes nothing but the time that they take.

use kubeharden::config::Config;
use kubeharden::engine::{Report, analyze, reanalyze};
use std::fmt::Write;
use std::sync::Arc;

const PODS: &str = "\
# a comment
apiVersion: v1
kind: Pod
metadata:
  name: é𝄞
spec:
  containers:
    - name: web
      image: web:1.4
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - { name: shop, image: shop }
--- # the same twice
apiVersion: v1
kind: Pod
spec: { containers: [{ name: twin, image: twin, securityContext: { privileged: true } }] }
--- # the same twice
apiVersion: v1
kind: Pod
spec: { containers: [{ name: twin, image: twin, securityContext: { privileged: true } }] }
";

/// All that a report says, as text.
fn told(report: &Report) -> String {
    let mut told = String::new();
    for document in &report.documents {
        let analysis = &document.analysis;
        writeln!(told, "{} {:?} {:?}", document.start, analysis.text(), analysis.objects).expect("text takes all");
        for finding in &analysis.findings {
            let place = document.place(finding.range);
            writeln!(told, "{place:?} {} {} {:?}", finding.rule.id, finding.message, finding.fix).expect("text takes all");
        }
        writeln!(told, "{:?}", analysis.yaml.errors()).expect("text takes all");
    }
    told
}

/// xorshift: random enough, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("less than a usize")
    }

    fn boundary(&mut self, text: &str) -> usize {
        let wanted = self.below(text.len() + 1);
        (0..=wanted).rev().find(|&at| text.is_char_boundary(at)).expect("0 is one")
    }
}

#[test]
fn it_equals_an_analysis_from_scratch_over_random_edits() {
    const PIECES: [&str; 12] = ["a", "\n", "---\n", "...\n", "  ", ": ", "- ", "\"", "{", "#", "𝄞", "\r\n"];
    let config = Config::default();
    for seed in 1..=8 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
        let (mut text, mut report) = (PODS.to_owned(), Report::default());
        for _ in 0..40 {
            report = reanalyze(&text, &config, &report);
            assert_eq!(told(&report), told(&analyze(&text, &config)), "{text:?}");
            let start = random.boundary(&text);
            let end = (start..).nth(random.below(12)).map_or(start, |end| end.min(text.len()));
            let end = (start..=end).rev().find(|&at| text.is_char_boundary(at)).expect("start is one");
            let insert: String = (0..random.below(3)).map(|_| PIECES[random.below(PIECES.len())]).collect();
            text.replace_range(start..end, &insert);
        }
    }
}

#[test]
fn documents_that_did_not_change_are_taken_over_wherever_they_stand_now() {
    let config = Config::default();
    let before = analyze(PODS, &config);
    let after = reanalyze(&PODS.replacen("web:1.4", "web:1.4.2", 1), &config, &before);
    assert_eq!(after.documents.len(), 4);
    assert!(!Arc::ptr_eq(&before.documents[0].analysis, &after.documents[0].analysis));
    assert!(Arc::ptr_eq(&before.documents[1].analysis, &after.documents[1].analysis));
    assert_eq!(before.documents[1].start + 2, after.documents[1].start);
    // Twins share what is known of either.
    assert!(Arc::ptr_eq(&after.documents[2].analysis, &after.documents[3].analysis));
}
