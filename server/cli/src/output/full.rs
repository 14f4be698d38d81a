//! The format `full`: findings with their source lines, as compilers print them, and a summary.
//!
//! The work for a finding depends on the lines that it shows, not on the size of the file.

use crate::console::Console;
use crate::output::lines::{Lines, Span};
use crate::output::report::{CheckedFile, Finding, Fix, Related, Results, Summary};
use crate::output::text::{count, one_line, shown_path, snippet_line};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use linter::rules::{Applicability, Severity};
use rayon::prelude::*;
use std::io::{self, Write};

pub(crate) fn write(results: &Results, console: &mut Console) -> io::Result<()> {
    let renderer = if console.colored {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    write_findings(results, &renderer, console)?;
    if console.is_quiet() {
        Ok(())
    } else {
        write!(console, "{}", summary(results))
    }
}

/// Returns the findings of a single file without colors.
pub(crate) fn plain(file: CheckedFile) -> String {
    let results = Results {
        files: vec![file],
        ..Results::default()
    };
    let mut drawn = Vec::new();
    // Writing to a vector cannot fail.
    let _ = write_findings(&results, &Renderer::plain(), &mut drawn);
    String::from_utf8_lossy(&drawn).into_owned()
}

fn write_findings(results: &Results, renderer: &Renderer, out: &mut impl Write) -> io::Result<()> {
    let drawn: Vec<String> = results
        .files
        .par_iter()
        .map(|file| drawn(file, renderer))
        .collect();
    drawn
        .iter()
        .try_for_each(|drawn| out.write_all(drawn.as_bytes()))
}

fn drawn(file: &CheckedFile, renderer: &Renderer) -> String {
    let lines = Lines::new(&file.text);
    let draw = |finding| renderer.render(&[drawing(file, &lines, finding)]) + "\n\n";
    file.findings.iter().map(draw).collect()
}

fn drawing<'a>(file: &'a CheckedFile, lines: &Lines<'a>, finding: &'a Finding) -> Group<'a> {
    let (near, far): (Vec<_>, Vec<_>) = finding
        .related
        .iter()
        .partition(|related| is_near(related.span, finding.span));
    let title = level(finding.severity)
        .primary_title(one_line(&finding.message))
        .id(finding.rule);
    title
        .element(snippet(file, lines, Some(finding.span), &near))
        .elements(
            far.into_iter()
                .map(|related| snippet(file, lines, None, &[related])),
        )
        .elements(
            finding
                .fix
                .as_ref()
                .map(|fix| Level::HELP.message(help(fix))),
        )
}

/// How many lines may be between two places in one snippet. The lines between them are folded, but have to be read.
const NEAR: usize = 200;

fn is_near(one: Span, other: Span) -> bool {
    one.start.line.abs_diff(other.start.line) <= NEAR
}

/// Returns a snippet from the first to the last annotated line. Its annotations are relative to the snippet.
fn snippet<'a>(
    file: &CheckedFile,
    lines: &Lines<'_>,
    primary: Option<Span>,
    related: &[&'a Related],
) -> Snippet<'a, Annotation<'a>> {
    let spans = || {
        primary
            .into_iter()
            .chain(related.iter().map(|related| related.span))
    };
    let first = spans().map(|span| span.start.line).min().unwrap_or(1);
    let last = spans().map(|span| span.end.line).max().unwrap_or(first);
    let cut = Cut::new(lines, first, last);
    Snippet::source(cut.text.clone())
        .path(shown_path(&file.path))
        .line_start(first)
        .annotations(primary.map(|span| AnnotationKind::Primary.span(cut.range(span))))
        .annotations(related.iter().map(|related| {
            AnnotationKind::Context
                .span(cut.range(related.span))
                .label(one_line(&related.message))
        }))
}

/// Lines of a file, with `\n` as the line break.
struct Cut {
    text: String,
    first: usize,
    /// For each line, its start in the file and in `text`.
    starts: Vec<(usize, usize)>,
}

impl Cut {
    fn new(lines: &Lines<'_>, first: usize, last: usize) -> Self {
        let mut cut = Cut {
            text: String::new(),
            first,
            starts: Vec::new(),
        };
        for (start, line) in (first..=last).map(|line| lines.line(line)) {
            cut.starts.push((start, cut.text.len()));
            cut.text.push_str(&snippet_line(line));
            cut.text.push('\n');
        }
        cut
    }

    fn range(&self, span: Span) -> std::ops::Range<usize> {
        self.offset(span.start.line, span.start.byte)..self.offset(span.end.line, span.end.byte)
    }

    fn offset(&self, line: usize, byte: usize) -> usize {
        let index = line - self.first;
        let (in_file, in_text) = self.starts[index];
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |(_, next)| *next)
            - 1;
        let wanted = (in_text + byte.saturating_sub(in_file)).min(end);
        // An annotation cannot start inside a character.
        (0..=wanted)
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or_default()
    }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
        Severity::Hint => Level::HELP.with_name("hint"),
    }
}

fn help(fix: &Fix) -> String {
    let risk = match fix.applicability {
        Applicability::Safe => "",
        Applicability::Unsafe => " [--unsafe-fixes]",
        Applicability::Placeholder => " [--placeholder-fixes]",
    };
    one_line(&fix.title) + risk
}

/// Returns the totals, or the reason why there are no findings.
fn summary(results: &Results) -> String {
    let total = &results.summary;
    let found = results.findings().count();
    if found > 0 {
        let affected = results
            .files
            .iter()
            .filter(|file| !file.findings.is_empty())
            .count();
        let severities = severities(total);
        let files = count(total.files, "file");
        let found = count(found, "finding");
        format!(
            "Found {found} ({severities}) in {affected} of {files}.\n{}{}{}",
            fixes(results),
            suppressed(total),
            unjudged(total)
        )
    } else if total.files == 0 && total.unread > 0 {
        // An error was printed for each of them.
        String::new()
    } else if total.files == 0 {
        "No YAML files found.\n".to_owned()
    } else if total.manifests == 0 {
        format!(
            "No Kubernetes manifests found in {}.\n{}",
            count(total.files, "YAML file"),
            templates(total)
        )
    } else {
        let manifests = count(total.manifests, "manifest");
        format!(
            "No findings in {manifests}.\n{}{}{}",
            suppressed(total),
            templates(total),
            unjudged(total)
        )
    }
}

/// Returns how many findings are suppressed.
fn suppressed(total: &Summary) -> String {
    match total.suppressed {
        0 => String::new(),
        n => format!(
            "{n} more {} suppressed; `--no-ignores` shows them.\n",
            if n == 1 { "is" } else { "are" }
        ),
    }
}

/// Returns how many documents were checked only in part.
fn templates(total: &Summary) -> String {
    match total.templates {
        0 => String::new(),
        n => format!(
            "{} template syntax; only literal values were checked.\n",
            if n == 1 {
                "1 document contains".to_owned()
            } else {
                format!("{n} documents contain")
            }
        ),
    }
}

/// Returns which objects were not judged, although they lead to workloads.
fn unjudged(total: &Summary) -> String {
    if total.unjudged.is_empty() {
        return String::new();
    }
    let kinds = total.unjudged.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, number)| format!("{number} {}", one_line(kind)))
        .collect();
    let kinds = kinds.join(", ");
    format!("Not judged: {kinds}, whose workloads come from a chart or repository.\n")
}

fn severities(total: &Summary) -> String {
    let plural =
        [(total.errors, "error"), (total.warnings, "warning")].map(|(n, word)| (n, count(n, word)));
    let rest = [
        (total.infos, format!("{} info", total.infos)),
        (total.hints, count(total.hints, "hint")),
    ];
    let named: Vec<_> = plural
        .into_iter()
        .chain(rest)
        .filter(|(n, _)| *n > 0)
        .map(|(_, text)| text)
        .collect();
    named.join(", ")
}

/// Returns how many findings `fix` can resolve, and with which options.
fn fixes(results: &Results) -> String {
    let applicabilities = || {
        results
            .findings()
            .filter_map(|(_, finding)| Some(finding.fix.as_ref()?.applicability))
    };
    let options = [
        (Applicability::Safe, ""),
        (Applicability::Unsafe, " --unsafe-fixes"),
        (Applicability::Placeholder, " --placeholder-fixes"),
    ];
    let counted = options.map(|(applicability, flag)| {
        (
            applicabilities().filter(|it| *it == applicability).count(),
            flag,
        )
    });
    let mut parts = counted.into_iter().filter(|(n, _)| *n > 0);
    let Some((n, flag)) = parts.next() else {
        return String::new();
    };
    let more: String = parts
        .map(|(n, flag)| format!(", {n} more with `{}`", flag.trim_start()))
        .collect();
    format!("{n} can be fixed with `kubeharden fix{flag}`{more}.\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use expect_test::expect;

    fn drawn(results: &Results) -> String {
        let mut out = Vec::new();
        write_findings(results, &Renderer::plain(), &mut out).unwrap();
        String::from_utf8(out).unwrap() + &summary(results)
    }

    #[test]
    fn finding_shows_source_and_fix() {
        expect![[r#"
            hint[odd-name]: container "wéb" has an odd name
             --> deploy/shop.yaml:8:13
              |
            8 |     - name: wéb
              |             ^^^
              |
              = help: name it otherwise [--placeholder-fixes]

            info[image-without-digest]: image nginx:1.27\u{1b}[31m has no digest
             --> deploy/shop.yaml:9:14
              |
            9 |       image: nginx:1.27
              |              ^^^^^^^^^^

            error[privileged-container]: privileged is true: full access to the node
              --> deploy/shop.yaml:11:21
               |
            11 |         privileged: true
               |                     ^^^^
               |
               = help: set privileged: false [--unsafe-fixes]

            warning[weakened-override]: container "wéb" overrides the pod's runAsNonRoot
              --> deploy/shop.yaml:12:23
               |
             6 |     runAsNonRoot: true
               |                   ---- the pod sets it here
            ...
            12 |         runAsNonRoot: false
               |                       ^^^^^
               |
               = help: remove runAsNonRoot

            Found 4 findings (1 error, 1 warning, 1 info, 1 hint) in 1 of 3 files.
            1 can be fixed with `kubeharden fix`, 1 more with `--unsafe-fixes`, 1 more with `--placeholder-fixes`.
            2 more are suppressed; `--no-ignores` shows them.
            Not judged: 1 HelmRelease, whose workloads come from a chart or repository.
        "#]]
        .assert_eq(&drawn(&sample::results()));
    }

    #[test]
    fn line_breaks_do_not_change_output() {
        let shown = |text: &str| drawn(&sample::with_text(text, &[("ä: 1", "b")]));
        let expected = shown("x:\n  ä: 1 # 🙂\nb: 2\n");
        assert_eq!(shown("x:\r\n  ä: 1 # 🙂\r\nb: 2\r\n"), expected);
        assert_eq!(shown("x:\r  ä: 1 # 🙂\rb: 2"), expected);
        assert_eq!(shown("\u{feff}x:\n  ä: 1 # 🙂\nb: 2"), expected);
        expect![[r#"
            warning[a-rule]: a message
             --> deploy/shop.yaml:2:3
              |
            2 |   ä: 1 # 🙂
              |   ^^^^
            3 | b: 2
              | - and this

            Found 1 finding (1 warning) in 1 of 1 file.
        "#]]
        .assert_eq(&expected);
    }

    #[test]
    fn every_range_can_be_drawn() {
        for text in [
            "",
            "\n",
            "\r\n\r\n",
            "a",
            "ä\n\tö: |\r  x\r\n",
            "\u{feff}",
            "\u{feff}\u{feff}\n\0\u{1b}[31m",
        ] {
            for start in 0..=text.len() {
                for end in start..=text.len() {
                    drawn(&sample::at(text, start..end));
                }
            }
        }
    }

    #[test]
    fn summary_explains_no_findings() {
        let summary_of = |files, documents, manifests| {
            summary(&Results {
                summary: Summary {
                    files,
                    documents,
                    manifests,
                    ..Summary::default()
                },
                ..Results::default()
            })
        };
        assert_eq!(summary_of(0, 0, 0), "No YAML files found.\n");
        let unread = Summary {
            unread: 1,
            ..Summary::default()
        };
        assert_eq!(
            summary(&Results {
                summary: unread,
                ..Results::default()
            }),
            ""
        );
        assert_eq!(
            summary_of(12, 20, 0),
            "No Kubernetes manifests found in 12 YAML files.\n"
        );
        assert_eq!(summary_of(1, 1, 1), "No findings in 1 manifest.\n");
        assert_eq!(
            summary(&Results {
                summary: Summary {
                    files: 1,
                    templates: 2,
                    ..Summary::default()
                },
                ..Results::default()
            }),
            "No Kubernetes manifests found in 1 YAML file.\n\
             2 documents contain template syntax; only literal values were checked.\n"
        );
    }
}
