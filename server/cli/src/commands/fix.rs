//! `fix`: fixes files in place, or prints the changes as a diff. Each file is replaced right after it was fixed.

use crate::args::Fix;
use crate::commands::replace;
use crate::console::{ADDED, Console, ExitStatus, REMOVED, STRONG};
use crate::inputs::configured::{Configured, is_readable};
use crate::inputs::files::{self, FileError, Origin, Source};
use crate::inputs::panics;
use crate::inputs::read::read_all;
use crate::output::lines::{Lines, Place};
use crate::output::patch_name::in_patch;
use crate::output::text::{count, one_line};
use linter::analysis::{self, FixedText, Remaining, UnfixedFinding};
use linter::rules::{Applicability, Enablement};
use rayon::prelude::*;
use similar::TextDiff;
use std::io::{self, Write};

/// A text before and after its fixes.
struct Fixed {
    source: Source,
    before: String,
    after: FixedText,
    /// Why the new text could not be written.
    unwritten: Option<io::Error>,
}

impl Fixed {
    fn is_changed(&self) -> bool {
        self.before != self.after.text
    }
}

pub(crate) fn run(arguments: &Fix, console: &mut Console) -> io::Result<ExitStatus> {
    if !is_readable(&arguments.choices, console) {
        return Ok(ExitStatus::Error);
    }
    let allowed = allowed(arguments);
    let (sources, errors) = files::gather(&arguments.inputs);
    errors.iter().for_each(|trouble| console.error(trouble));
    let has_stdin = |source: &Source| source.origin == Origin::Stdin;
    let was_given = sources.iter().any(has_stdin);
    let sources = Configured::all(sources, &arguments.choices, console);
    let is_excluded = was_given
        && !sources
            .iter()
            .any(|configured| has_stdin(&configured.source));
    if is_excluded && !arguments.diff {
        // A formatter replaces its text by the output.
        io::copy(&mut io::stdin().lock(), console)?;
    }
    replace::finish_before_interruption();
    let results: Vec<_> = read_all(sources)
        .into_par_iter()
        .map(|read| {
            let fixed = fix(read?, &allowed)?;
            Ok(if arguments.diff {
                fixed
            } else {
                written(fixed)
            })
        })
        .collect();
    let mut tally = Tally::default();
    for result in results {
        match result {
            Err::<Fixed, FileError>(trouble) => console.error(trouble),
            Ok(fixed) => {
                panics::report_rule_panics(&fixed.after.failures, &fixed.source.path, console);
                report(&fixed, arguments, &mut tally, console)?;
            }
        }
    }
    tally
        .sentences(arguments)
        .into_iter()
        .for_each(|sentence| console.note(sentence));
    Ok(if arguments.diff && tally.changed > 0 {
        ExitStatus::Findings
    } else {
        ExitStatus::Success
    })
}

fn allowed(arguments: &Fix) -> Vec<Applicability> {
    let more = [
        (arguments.unsafe_fixes, Applicability::Unsafe),
        (arguments.placeholder_fixes, Applicability::Placeholder),
    ];
    [Applicability::Safe]
        .into_iter()
        .chain(
            more.into_iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, applicability)| applicability),
        )
        .collect()
}

/// Fixes a text. Refuses if its configuration has errors, because the intended values are unknown.
fn fix(
    (configured, before): (Configured, String),
    allowed: &[Applicability],
) -> Result<Fixed, FileError> {
    let Configured {
        source,
        inputs,
        has_config_errors,
        ..
    } = configured;
    if has_config_errors {
        return Err(FileError {
            path: source.path,
            reason: "not fixed: its configuration file has errors".to_owned(),
        });
    }
    let after = panics::catch(&source, || analysis::fix_all(&before, &inputs, allowed))?;
    Ok(Fixed {
        source,
        before,
        after,
        unwritten: None,
    })
}

/// Replaces the file right after its text was fixed, so that other programs have little time to change it.
fn written(mut fixed: Fixed) -> Fixed {
    if fixed.source.origin == Origin::File && fixed.is_changed() {
        let Fixed {
            source,
            before,
            after,
            ..
        } = &fixed;
        fixed.unwritten = replace::replace(&source.path, before, &after.text).err();
    }
    fixed
}

/// Prints the new text of stdin or the diff, and reports what is not fixed.
fn report(
    fixed: &Fixed,
    arguments: &Fix,
    tally: &mut Tally,
    console: &mut Console,
) -> io::Result<()> {
    tally.files += 1;
    if let Some(error) = &fixed.unwritten {
        console.error(format_args!(
            "{}: cannot be written: {error}",
            fixed.source.path.display()
        ));
        tally.unwritten += 1;
        return Ok(());
    }
    match (arguments.diff, fixed.source.origin) {
        (true, _) if fixed.is_changed() => write_diff(fixed, console)?,
        (true, _) | (false, Origin::File) => {}
        (false, Origin::Stdin) => console.write_all(fixed.after.text.as_bytes())?,
    }
    tally.changed += usize::from(fixed.is_changed());
    tally.applied += fixed.after.applied;
    tally.remaining += fixed.after.remaining;
    let places = Places::new(fixed, arguments.diff);
    report_not_fixed(fixed, &places, arguments.unsafe_fixes, console);
    Ok(())
}

/// Lines and columns in the file as it is now: with `--diff`, in the text before the fixes.
struct Places<'f> {
    lines: Lines<'f>,
    /// For each line of the new text, from 0, the line before the fixes; empty if the new text was written.
    before: Vec<usize>,
}

impl<'f> Places<'f> {
    fn new(fixed: &'f Fixed, is_diff: bool) -> Self {
        let is_needed = !fixed.after.withheld.is_empty() || !fixed.after.unfixable.is_empty();
        let before = if is_diff && is_needed && fixed.is_changed() {
            lines_before(&fixed.before, &fixed.after.text)
        } else {
            Vec::new()
        };
        Places {
            lines: Lines::new(&fixed.after.text),
            before,
        }
    }

    /// Returns the place of a byte offset in the new text.
    fn place(&self, offset: usize) -> Place {
        let place = self.lines.place(offset);
        Place {
            line: self.line(place.line),
            ..place
        }
    }

    /// Returns the line, from 1, for a line of the new text.
    fn line(&self, line: usize) -> usize {
        self.before.get(line - 1).map_or(line, |before| before + 1)
    }
}

/// Returns for each line of the new text, from 0, the same line in the old text, or the line before which it was
/// inserted.
fn lines_before(old: &str, new: &str) -> Vec<usize> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    let mut next = 0;
    for change in diff.iter_all_changes() {
        match (change.old_index(), change.new_index()) {
            (Some(old), Some(_)) => {
                lines.push(old);
                next = old + 1;
            }
            (None, Some(_)) => lines.push(next),
            (Some(old), None) => next = old,
            (None, None) => {}
        }
    }
    lines
}

/// A finding that is not fixed.
struct NotFixed<'f> {
    /// The start of its document in the fixed text, in bytes.
    document: usize,
    /// The start of the finding in the fixed text, in bytes.
    offset: usize,
    rule: &'f str,
    reason: String,
}

/// Returns the fixes that cannot be applied, and the findings without a fix. A violation of a standard without a fix only
/// matters if the user wants everything fixed.
fn not_fixed<'f>(fixed: &'f Fixed, lines: &Lines<'_>, wants_all: bool) -> Vec<NotFixed<'f>> {
    let withheld = fixed.after.withheld.iter().map(|withheld| {
        let above = lines.place(withheld.document).line - 1;
        NotFixed {
            document: withheld.document,
            offset: withheld.offset,
            rule: withheld.finding.rule.id,
            reason: withheld.reason.clone().with_line_offset(above).to_string(),
        }
    });
    let is_wanted = |left: &&UnfixedFinding| {
        wants_all || left.rule.enablement == Enablement::Always && left.reason.is_some()
    };
    let unfixable = fixed.after.unfixable.iter().filter(is_wanted);
    let unfixable = unfixable.map(|left| NotFixed {
        document: left.document,
        offset: left.offset,
        rule: left.rule.id,
        reason: match &left.reason {
            Some(reason) => reason.to_string(),
            None => "no automatic fix available".to_owned(),
        },
    });
    withheld.chain(unfixable).collect()
}

/// Reports what is not fixed: once per cause and document, at the first finding.
fn report_not_fixed(fixed: &Fixed, lines: &Places<'_>, wants_all: bool, console: &Console) {
    let mut causes: Vec<Vec<NotFixed<'_>>> = Vec::new();
    for one in not_fixed(fixed, &lines.lines, wants_all) {
        let is_same_cause = |of: &&mut Vec<NotFixed<'_>>| {
            of.iter()
                .all(|other| (other.document, &other.reason) == (one.document, &one.reason))
        };
        match causes.iter_mut().find(is_same_cause) {
            Some(of) => of.push(one),
            None => causes.push(vec![one]),
        }
    }
    for of in causes {
        let mut rules: Vec<&str> = of.iter().map(|one| one.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let verb = if rules.len() == 1 { "is" } else { "are" };
        let rules = rules.join(", ");
        let first = of.iter().map(|one| one.offset).min().unwrap_or_default();
        let (path, place) = (fixed.source.path.display(), lines.place(first));
        let reason = one_line(&of[0].reason);
        console.note(format_args!(
            "{path}:{}:{}: {rules} {verb} not fixed: {reason}",
            place.line, place.column
        ));
    }
}

fn write_diff(fixed: &Fixed, console: &mut Console) -> io::Result<()> {
    let [old, new] = ["a/", "b/"].map(|prefix| in_patch(prefix, &fixed.source.path));
    let diff = TextDiff::from_lines(&fixed.before, &fixed.after.text);
    let diff = diff.unified_diff().header(&old, &new).to_string();
    for line in diff.split_inclusive('\n') {
        let style = console.style(match line.as_bytes().first() {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with("@@") => {
                STRONG
            }
            Some(b'+') => ADDED,
            Some(b'-') => REMOVED,
            _ => anstyle::Style::new(),
        });
        let text = line.trim_end_matches('\n');
        write!(console, "{style}{text}{style:#}{}", &line[text.len()..])?;
    }
    Ok(())
}

/// The totals of a run.
#[derive(Default)]
struct Tally {
    files: usize,
    changed: usize,
    unwritten: usize,
    applied: usize,
    remaining: Remaining,
}

impl Tally {
    /// Returns the summary; empty if only errors occurred, because they were printed.
    fn sentences(&self, arguments: &Fix) -> Vec<String> {
        let (findings, changed) = (count(self.applied, "finding"), count(self.changed, "file"));
        let done = match (self.changed, arguments.diff) {
            (0, _) if self.unwritten > 0 => return Vec::new(),
            (0, _) => format!("Nothing to fix in {}.", count(self.files, "file")),
            (_, true) => format!("Would fix {findings} in {changed}."),
            (_, false) => format!("Fixed {findings} in {changed}."),
        };
        std::iter::once(done).chain(self.left(arguments)).collect()
    }

    /// Returns what remains, and which other options fix it.
    fn left(&self, arguments: &Fix) -> Option<String> {
        let Remaining {
            findings,
            unsafe_fixes,
            placeholder_fixes,
        } = self.remaining;
        if findings == 0 {
            return None;
        }
        let fixable = [
            (arguments.unsafe_fixes, unsafe_fixes, "--unsafe-fixes"),
            (
                arguments.placeholder_fixes,
                placeholder_fixes,
                "--placeholder-fixes",
            ),
        ];
        let fixable: Vec<String> = fixable
            .into_iter()
            .filter(|(is_given, fixes, _)| !is_given && *fixes > 0)
            .map(|(_, fixes, option)| format!("{fixes} with {option}"))
            .collect();
        let remain = if findings == 1 { "remains" } else { "remain" };
        let how = if fixable.is_empty() {
            "see `kubeharden check`".to_owned()
        } else {
            format!("fix {}", fixable.join(", "))
        };
        Some(format!("{} {remain}: {how}.", count(findings, "finding")))
    }
}
