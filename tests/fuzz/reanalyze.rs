//! Repeated edits of a text: the incremental report equals a report from scratch.

use super::{below, boundary, halves, one_of};
use arbitrary::Unstructured;
use linter::analysis::{Analysis, Report, analyze, analyze_chunk};
use linter::config::Config;
use std::fmt::Debug;
use std::ops::Range;
use text::Text;
use yaml::chunks::Outline;

/// Several short series find bugs sooner than a long one.
const MOST_EDITS: usize = 24;

pub fn run(data: &[u8]) {
    let (text, mut input) = halves(data);
    let config = Config::default();
    let mut plain = text.into_owned();
    let mut text = Text::from(&*plain);
    let mut outline = Outline::new(&plain);
    let mut report = analyze(&plain, &config);
    for _ in 0..MOST_EDITS {
        if input.is_empty() {
            break;
        }
        let (replaced, with) = edit(&plain, &mut input);
        plain.replace_range(replaced.clone(), &with);
        text.replace(replaced.clone(), &with);
        outline.edit(replaced.clone(), with.len(), |range| text.slice(range));
        assert_eq!(
            outline,
            Outline::new(&plain),
            "the parts after {with:?} at {replaced:?} in {plain:?}"
        );
        report.edit(replaced.clone(), with.len(), |range| text.slice(range));
        // A burst of edits is applied one by one and analyzed once.
        if below(&mut input, 4) > 0 || input.is_empty() {
            report.analyze(
                |range| text.slice(range),
                |text, role, context| analyze_chunk(text, role, context, (&config).into()),
            );
            compare(
                &report,
                &analyze(&plain, &config),
                &format!("after {with:?} at {replaced:?} in {plain:?}"),
            );
        }
    }
}

/// An edit as a person or a tool makes it.
fn edit(text: &str, input: &mut Unstructured<'_>) -> (Range<usize>, String) {
    const PIECES: [&str; 40] = [
        "",
        "a",
        "\n",
        "\r\n",
        "\r",
        "---\n",
        "...\n",
        "--- ",
        "\n---\n",
        "  ",
        "    ",
        " ",
        "\t",
        ": ",
        ":",
        "- ",
        "\n- ",
        "\n  - a: b\n",
        "\"",
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        "#",
        " # c",
        "items:\n",
        "items: ",
        "kind: List\n",
        "kind: Pod\n",
        "apiVersion: v1\n",
        "&a ",
        "*a",
        "<<: *a\n",
        "{{ x }}",
        "|\n",
        "> ",
        "\u{feff}",
        "𝄞",
    ];
    let start = boundary(text, below(input, text.len() + 1));
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    match below(input, 8) {
        // Deletes lines.
        0 => {
            let lines: usize = text[line..]
                .split_inclusive('\n')
                .take(below(input, 6) + 1)
                .map(str::len)
                .sum();
            (line..line + lines, String::new())
        }
        // Copies lines to another place.
        1 => {
            let lines: String = text[line..]
                .split_inclusive('\n')
                .take(below(input, 8) + 1)
                .collect();
            let at = boundary(text, below(input, text.len() + 1));
            let at = text[..at].rfind('\n').map_or(0, |at| at + 1);
            (at..at, lines)
        }
        // Indents or dedents a line.
        2 => {
            let spaces = text[line..].len() - text[line..].trim_start_matches(' ').len();
            (
                line..line + below(input, spaces + 1),
                " ".repeat(below(input, 4)),
            )
        }
        // Types at the start of a line.
        3 => (line..line, one_of(input, &PIECES).to_owned()),
        4 => {
            let end = boundary(text, start + below(input, 40)).max(start);
            (start..end, String::new())
        }
        _ => {
            let end = boundary(text, start + below(input, 8)).max(start);
            let with = (0..=below(input, 3))
                .map(|_| one_of(input, &PIECES))
                .collect();
            (start..end, with)
        }
    }
}

fn compare(followed: &Report, fresh: &Report, after: &str) {
    let (mut followed, mut fresh) = (followed.chunks(), fresh.chunks());
    loop {
        let (one, other) = (followed.next(), fresh.next());
        let (Some(one), Some(other)) = (one, other) else {
            assert!(
                one.is_none() && other.is_none(),
                "more parts than there are, or fewer, {after}"
            );
            return;
        };
        same(
            "the place",
            &(one.start, one.document),
            &(other.start, other.document),
            after,
        );
        analyses(one.analysis, other.analysis, after);
    }
}

fn analyses(one: &Analysis, other: &Analysis, after: &str) {
    same("the text", one.text(), other.text(), after);
    same("the objects", &one.objects, &other.objects, after);
    same(
        "the errors",
        one.yaml().errors(),
        other.yaml().errors(),
        after,
    );
    same(
        "the number of findings",
        &one.findings.len(),
        &other.findings.len(),
        after,
    );
    for (one, other) in one.findings.iter().zip(&other.findings) {
        same(
            "a finding",
            &(one.rule.id, one.severity, one.range, &one.message),
            &(other.rule.id, other.severity, other.range, &other.message),
            after,
        );
        same(
            "what a finding is about",
            &(&one.target, &one.related),
            &(&other.target, &other.related),
            after,
        );
        same(
            "a fix",
            &(&one.fix, &one.alternatives),
            &(&other.fix, &other.alternatives),
            after,
        );
    }
}

fn same<T: PartialEq + Debug + ?Sized>(what: &str, followed: &T, fresh: &T, after: &str) {
    assert!(
        followed == fresh,
        "{what}: {followed:?}, from scratch {fresh:?}, {after}"
    );
}
