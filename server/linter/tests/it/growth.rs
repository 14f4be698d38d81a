//! The cost of a text grows no faster than its length, no matter how many findings one object has.
//!
//! The tests count allocations, in number and in bytes, while a text is analyzed, offered its fixes, and fixed: once for a
//! text of some size, and once for a text four times as long.

use allocation_counter::measure;
use linter::analysis;
use linter::config::Config;
use linter::rules::Applicability;

/// A text of so many pieces.
type Shape = fn(usize) -> String;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n";

fn with(head: &str, count: usize, piece: impl Fn(usize) -> String) -> String {
    head.to_owned() + &(0..count).map(piece).collect::<String>()
}

const CONTAINER: &str = "  - name: c\n    image: b\n";

/// A container with a list or a mapping of many entries.
fn within(head: &str, count: usize, piece: impl Fn(usize) -> String) -> String {
    with(&format!("{POD}{CONTAINER}{head}"), count, piece)
}

/// Pods of many containers, or of one that has much of something, each with findings of its own and with fixes for them; how many make a
/// short text.
const SHAPES: [(&str, usize, Shape); 10] = [
    ("containers", 20, |count| {
        with(POD, count, |at| format!("  - name: c{at}\n    image: b\n"))
    }),
    ("containers of one name", 20, |count| {
        with(POD, count, |_| "  - name: c\n    image: b\n".to_owned())
    }),
    ("containers on one line", 20, |count| {
        with(
            &POD.replace("containers:\n", "containers: ["),
            count,
            |at| format!("{{name: c{at}, image: b}}, "),
        ) + "]\n"
    }),
    ("privileged containers", 20, |count| {
        with(POD, count, |at| {
            format!("  - name: c{at}\n    image: b\n    securityContext: {{privileged: true}}\n")
        })
    }),
    ("variables", 100, |count| {
        within("    env:\n", count, |at| {
            format!("    - {{name: V{at}, value: a}}\n")
        })
    }),
    ("variables with secrets", 100, |count| {
        within("    env:\n", count, |at| {
            format!("    - {{name: PASSWORD_{at}, value: x{at}Y7}}\n")
        })
    }),
    ("added capabilities", 100, |count| {
        within(
            "    securityContext:\n      capabilities:\n        add:\n",
            count,
            |at| format!("        - CAP_A{at}\n"),
        )
    }),
    ("ports", 100, |count| {
        within("    ports:\n", count, |at| {
            format!(
                "    - {{containerPort: {}, hostPort: {}}}\n",
                at + 1,
                at + 1
            )
        })
    }),
    ("unknown fields", 100, |count| {
        within("", count, |at| format!("    unknown{at}: a\n"))
    }),
    ("volumes", 100, |count| {
        let head = format!("{POD}{CONTAINER}  volumes:\n");
        with(&head, count, |at| {
            format!("  - {{name: v{at}, hostPath: {{path: /a{at}}}}}\n")
        })
    }),
];

/// Times and bytes.
fn cost(text: &str) -> [u64; 2] {
    let config = Config::default();
    let info = measure(|| {
        let report = analysis::analyze(text, &config);
        report
            .chunks()
            .for_each(|part| drop(part.analysis.has_fix()));
        analysis::fix_all(
            text,
            &config,
            &[
                Applicability::Safe,
                Applicability::Unsafe,
                Applicability::Placeholder,
            ],
        );
    });
    [info.count_total, info.bytes_total]
}

#[test]
fn a_text_four_times_as_long_costs_little_more_than_four_times_as_much() {
    let mut steep = Vec::new();
    for (name, count, shape) in SHAPES {
        let [few, many] = [count, 4 * count].map(|count| cost(&shape(count)));
        let ratio = |index: usize| many[index] as f64 / few[index] as f64;
        println!(
            "{name}: {:.1} times as many allocations, {:.1} times as many bytes",
            ratio(0),
            ratio(1)
        );
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
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{at}, namespace: a}}\ndata: {{DB_PASSWORD: hunter2}}\n---\n"
        )
    };
    let report = analysis::analyze(&with("", 2_000, map), &Config::default());
    assert!(
        report.findings().count() >= 2_000
            && report.findings().all(|(_, finding)| finding.fix.is_none())
    );
    for part in report.chunks() {
        let info = measure(|| drop(part.analysis.has_fix()));
        assert!(info.count_total <= 1, "{info:?}");
    }
}
