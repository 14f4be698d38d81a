//! What a text costs grows with its length and no faster, however much is found in one object: nobody waits minutes for a megabyte.
//!
//! Counted is what is allocated, in times and in bytes, while a text is analysed, offered its fixes and mended: once for a text of some size and once
//! for one four times as long.

#![allow(clippy::print_stdout, reason = "it prints its figures")]

use allocation_counter::measure;
use kubeharden::config::Config;
use kubeharden::engine;
use kubeharden::rules::Safety;

/// A text of so many pieces.
type Shape = fn(usize) -> String;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n";

fn with(head: &str, count: usize, piece: impl Fn(usize) -> String) -> String {
    head.to_owned() + &(0..count).map(piece).collect::<String>()
}

/// Pods of many containers, each with findings of its own and with fixes for them.
const SHAPES: [(&str, Shape); 4] = [
    ("containers", |count| with(POD, count, |at| format!("  - name: c{at}\n    image: b\n"))),
    ("containers of one name", |count| with(POD, count, |_| "  - name: c\n    image: b\n".to_owned())),
    ("containers on one line", |count| {
        with(&POD.replace("containers:\n", "containers: ["), count, |at| format!("{{name: c{at}, image: b}}, ")) + "]\n"
    }),
    ("privileged containers", |count| {
        with(POD, count, |at| format!("  - name: c{at}\n    image: b\n    securityContext: {{privileged: true}}\n"))
    }),
];

/// Times and bytes.
fn cost(text: &str) -> [u64; 2] {
    let config = Config::default();
    let info = measure(|| {
        let report = engine::analyze(text, &config);
        report.parts().for_each(|part| drop(part.analysis.offered()));
        engine::fix_all(text, &config, &[Safety::Safe, Safety::Review, Safety::Ask]);
    });
    [info.count_total, info.bytes_total]
}

#[test]
fn a_text_four_times_as_long_costs_little_more_than_four_times_as_much() {
    let mut steep = Vec::new();
    for (name, shape) in SHAPES {
        let [few, many] = [20, 80].map(|count| cost(&shape(count)));
        let ratio = |index: usize| many[index] as f64 / few[index] as f64;
        println!("{name}: {:.1} times as many allocations, {:.1} times as many bytes", ratio(0), ratio(1));
        if ratio(0).max(ratio(1)) > 6.0 {
            steep.push(name);
        }
    }
    assert!(steep.is_empty(), "{steep:?}");
}

#[test]
fn what_has_nothing_to_mend_is_not_read_again() {
    // So long that no trees are kept. A secret in a ConfigMap is for a person to take elsewhere.
    let map = |at: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{at}, namespace: a}}\ndata: {{DB_PASSWORD: hunter2}}\n---\n")
    };
    let report = engine::analyze(&with("", 2_000, map), &Config::default());
    assert!(report.findings().count() >= 2_000 && report.findings().all(|(_, finding)| finding.fix.is_none()));
    for part in report.parts() {
        let info = measure(|| drop(part.analysis.offered()));
        assert!(info.count_total <= 1, "{info:?}");
    }
}
