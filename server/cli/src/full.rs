//! The format `full`: findings with the lines that they are about, in the look that compilers made familiar, and a summary
//! that says why the tool is silent where it is.
//!
//! Knows how to cut lines out of a text. Must not know how they are drawn: annotate-snippets does. Promise: what is drawn for
//! a finding grows with the lines it names, not with the file.

use super::check::{CheckedFile, Results, Summary};
use super::console::Console;
use super::lines::{Lines, Span};
use super::problem::{Problem, Related, Remedy, one_line};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use linter::rules::{Applicability, Severity};
use rayon::prelude::*;
use std::io::{self, Write};

pub(super) fn write(results: &Results, console: &mut Console) -> io::Result<()> {
    let renderer = if console.colored {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    write_problems(results, &renderer, console)?;
    if console.is_quiet() {
        Ok(())
    } else {
        write!(console, "{}", summary(results))
    }
}

/// A single file's problems as they look without colours.
pub(super) fn plain(file: CheckedFile) -> String {
    let results = Results {
        files: vec![file],
        ..Results::default()
    };
    let mut drawn = Vec::new();
    // A vector takes all that is written to it.
    let _ = write_problems(&results, &Renderer::plain(), &mut drawn);
    String::from_utf8_lossy(&drawn).into_owned()
}

fn write_problems(results: &Results, renderer: &Renderer, out: &mut impl Write) -> io::Result<()> {
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
    let draw = |problem| renderer.render(&[drawing(file, &lines, problem)]) + "\n\n";
    file.problems.iter().map(draw).collect()
}

fn drawing<'a>(file: &'a CheckedFile, lines: &Lines<'a>, problem: &'a Problem) -> Group<'a> {
    let (near, far): (Vec<_>, Vec<_>) = problem
        .related
        .iter()
        .partition(|related| is_near(related.span, problem.span));
    let title = level(problem.severity)
        .primary_title(one_line(&problem.message))
        .id(problem.rule);
    title
        .element(snippet(file, lines, Some(problem.span), &near))
        .elements(
            far.into_iter()
                .map(|related| snippet(file, lines, None, &[related])),
        )
        .elements(
            problem
                .fix
                .as_ref()
                .map(|fix| Level::HELP.message(help(fix))),
        )
}

/// How many lines may lie between two places that one piece of text shows; they are folded, but have to be read.
const NEAR: usize = 200;

fn is_near(one: Span, other: Span) -> bool {
    one.start.line.abs_diff(other.start.line) <= NEAR
}

/// The lines from the first to the last that is pointed at. What carets mark is measured in this piece of text.
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
        .path(one_line(&file.path.to_string_lossy()))
        .line_start(first)
        .annotations(primary.map(|span| AnnotationKind::Primary.span(cut.range(span))))
        .annotations(related.iter().map(|related| {
            AnnotationKind::Context
                .span(cut.range(related.span))
                .label(one_line(&related.message))
        }))
}

/// Lines of a file with `\n` between them, whatever it was there.
struct Cut {
    text: String,
    first: usize,
    /// For each line, where it begins in the file, and here.
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
            cut.text.push_str(line);
            cut.text.push('\n');
        }
        cut
    }

    fn range(&self, span: Span) -> std::ops::Range<usize> {
        self.offset(span.start.line, span.start.byte)..self.offset(span.end.line, span.end.byte)
    }

    fn offset(&self, line: usize, byte: usize) -> usize {
        let index = line - self.first;
        let (in_file, here) = self.starts[index];
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |(_, next)| *next)
            - 1;
        let wanted = (here + byte.saturating_sub(in_file)).min(end);
        // Inside a character nothing can be pointed at.
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

fn help(fix: &Remedy) -> String {
    let risk = match fix.safety {
        Applicability::Safe => "",
        Applicability::Unsafe => " [--unsafe-fixes]",
        Applicability::Placeholder => " [--placeholder-fixes]",
    };
    one_line(&fix.title) + risk
}

/// What was found in all, or why nothing was.
fn summary(results: &Results) -> String {
    let total = &results.summary;
    let found = results.problems().count();
    if found > 0 {
        let concerned = results
            .files
            .iter()
            .filter(|file| !file.problems.is_empty())
            .count();
        let severities = severities(total);
        let files = count(total.files, "file");
        let found = count(found, "finding");
        format!(
            "Found {found} ({severities}) in {concerned} of {files}.\n{}{}",
            fixes(results),
            ignored(total)
        )
    } else if total.files == 0 && total.unread > 0 {
        // Each of them was told.
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
            "No findings in {manifests}.\n{}{}",
            ignored(total),
            templates(total)
        )
    }
}

/// How much is not shown because somebody said so.
fn ignored(total: &Summary) -> String {
    match total.ignored {
        0 => String::new(),
        n => format!(
            "{n} more {} suppressed; `--no-ignores` shows them.\n",
            if n == 1 { "is" } else { "are" }
        ),
    }
}

/// What was not looked at, and why.
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

fn severities(total: &Summary) -> String {
    let parts =
        [(total.errors, "error"), (total.warnings, "warning")].map(|(n, word)| (n, count(n, word)));
    let rest = [
        (total.infos, format!("{} info", total.infos)),
        (total.hints, count(total.hints, "hint")),
    ];
    let named: Vec<_> = parts
        .into_iter()
        .chain(rest)
        .filter(|(n, _)| *n > 0)
        .map(|(_, text)| text)
        .collect();
    named.join(", ")
}

/// How many of the problems `fix` can mend, and with which flags.
fn fixes(results: &Results) -> String {
    let safeties = || {
        results
            .problems()
            .filter_map(|(_, problem)| Some(problem.fix.as_ref()?.safety))
    };
    let ways = [
        (Applicability::Safe, ""),
        (Applicability::Unsafe, " --unsafe-fixes"),
        (Applicability::Placeholder, " --placeholder-fixes"),
    ];
    let counted = ways.map(|(safety, flag)| (safeties().filter(|it| *it == safety).count(), flag));
    let mut parts = counted.into_iter().filter(|(n, _)| *n > 0);
    let Some((n, flag)) = parts.next() else {
        return String::new();
    };
    let more: String = parts
        .map(|(n, flag)| format!(", {n} more with `{}`", flag.trim_start()))
        .collect();
    format!("{n} can be fixed with `kubeharden fix{flag}`{more}.\n")
}

/// `1 file`, `2 files`.
pub(super) fn count(n: usize, word: &str) -> String {
    if n == 1 {
        format!("1 {word}")
    } else {
        format!("{n} {word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use expect_test::expect;

    fn drawn(results: &Results) -> String {
        let mut out = Vec::new();
        write_problems(results, &Renderer::plain(), &mut out).unwrap();
        String::from_utf8(out).unwrap() + &summary(results)
    }

    #[test]
    fn a_finding_is_shown_with_its_line_its_companion_and_its_remedy() {
        expect![[r#"
            hint[odd-name]: container "wéb" has an odd name
             --> deploy/shop.yaml:8:13
              |
            8 |     - name: wéb
              |             ^^^
              |
              = help: name it otherwise [--placeholder-fixes]

            info[image-without-digest]: image nginx:1.27␛[31m has no digest
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
        "#]]
        .assert_eq(&drawn(&sample::results()));
    }

    #[test]
    fn any_line_break_and_a_byte_order_mark_are_shown_alike() {
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
    fn every_place_can_be_drawn() {
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
    fn silence_is_explained() {
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
