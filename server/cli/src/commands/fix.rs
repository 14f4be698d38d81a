//! `fix`: fixes files in place, or prints the changes as a diff.
//!
//! A file is replaced atomically, and is not touched if its text does not change.

use crate::args::Fix;
use crate::console::{ADDED, Console, ExitStatus, REMOVED, STRONG};
use crate::inputs::configured::Configured;
use crate::inputs::files::{self, FileError, Origin, Source};
use crate::inputs::panics;
use crate::inputs::read::read_all;
use crate::output::lines::Lines;
use crate::output::text::{count, one_line};
use linter::analysis::{self, FixedText, RejectedFix};
use linter::rules::Applicability;
use rayon::prelude::*;
use similar::TextDiff;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A text before and after its fixes.
struct Fixed {
    source: Source,
    before: String,
    after: FixedText,
}

pub(crate) fn run(arguments: &Fix, console: &mut Console) -> io::Result<ExitStatus> {
    let allowed = allowed(arguments);
    let (sources, errors) = files::gather(&arguments.inputs);
    errors.iter().for_each(|trouble| console.error(trouble));
    let sources = Configured::all(sources, &arguments.choices, console);
    let results: Vec<_> = read_all(sources)
        .into_par_iter()
        .map(|read| read.and_then(|source| fix(source, &allowed)))
        .collect();
    let mut tally = Tally::default();
    for result in results {
        match result {
            Err(trouble) => console.error(trouble),
            Ok(fixed) => {
                panics::report_rule_panics(&fixed.after.failures, &fixed.source.path, console);
                write_fixed(&fixed, arguments, &mut tally, console)?;
            }
        }
    }
    if let Some(sentence) = tally.sentence(arguments.diff) {
        console.note(sentence);
    }
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
    })
}

/// Writes the new text, and reports what is not fixed.
fn write_fixed(
    fixed: &Fixed,
    arguments: &Fix,
    tally: &mut Tally,
    console: &mut Console,
) -> io::Result<()> {
    let changed = fixed.before != fixed.after.text;
    tally.files += 1;
    match (arguments.diff, fixed.source.origin) {
        (true, _) if changed => write_diff(fixed, console)?,
        (true, _) => {}
        (false, Origin::Stdin) => console.write_all(fixed.after.text.as_bytes())?,
        (false, Origin::File) if changed => {
            if let Err(error) = replace(&fixed.source.path, &fixed.after.text) {
                console.error(format_args!(
                    "{}: cannot be written: {error}",
                    fixed.source.path.display()
                ));
                tally.unwritten += 1;
                return Ok(());
            }
        }
        (false, Origin::File) => {}
    }
    tally.changed += usize::from(changed);
    tally.applied += fixed.after.applied;
    report_withheld(fixed, console);
    if arguments.unsafe_fixes {
        report_unfixable(fixed, console);
    }
    Ok(())
}

/// Reports the fixes that cannot be applied: once per cause and document, at the first finding.
fn report_withheld(fixed: &Fixed, console: &Console) {
    let lines = Lines::new(&fixed.after.text);
    let mut causes: Vec<(String, Vec<&RejectedFix>)> = Vec::new();
    for withheld in &fixed.after.withheld {
        let above = lines.place(withheld.document).line - 1;
        let reason = withheld.reason.clone().with_line_offset(above).to_string();
        let is_same_cause = |(known, of): &&mut (String, Vec<&RejectedFix>)| {
            *known == reason && of.iter().all(|other| other.document == withheld.document)
        };
        match causes.iter_mut().find(is_same_cause) {
            Some((_, of)) => of.push(withheld),
            None => causes.push((reason, vec![withheld])),
        }
    }
    for (reason, of) in causes {
        let mut rules: Vec<&str> = of.iter().map(|withheld| withheld.finding.rule.id).collect();
        rules.sort_unstable();
        rules.dedup();
        let (rules, verb) = (
            rules.join(", "),
            if rules.len() == 1 { "is" } else { "are" },
        );
        let first = of
            .iter()
            .map(|withheld| withheld.offset)
            .min()
            .unwrap_or_default();
        let (path, place) = (fixed.source.path.display(), lines.place(first));
        let reason = one_line(&reason);
        console.note(format_args!(
            "{path}:{}:{}: {rules} {verb} not fixed: {reason}",
            place.line, place.column
        ));
    }
}

/// Reports the remaining violations of the Pod Security Standards that have no fix: once per rule and document.
fn report_unfixable(fixed: &Fixed, console: &Console) {
    let lines = Lines::new(&fixed.after.text);
    let mut reported = HashSet::new();
    for left in &fixed.after.unfixable {
        let (path, place, rule) = (
            fixed.source.path.display(),
            lines.place(left.offset),
            left.rule.id,
        );
        if reported.insert((left.document, rule)) {
            console.note(format_args!(
                "{path}:{}:{}: {rule} is not fixed: no automatic fix available",
                place.line, place.column
            ));
        }
    }
}

fn write_diff(fixed: &Fixed, console: &mut Console) -> io::Result<()> {
    let path = one_line(&fixed.source.path.to_string_lossy());
    let diff = TextDiff::from_lines(&fixed.before, &fixed.after.text);
    let diff = diff.unified_diff().header(&path, &path).to_string();
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

/// Replaces the text of a file atomically. Mode and owner stay; if the path is a link, its target is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let metadata = fs::metadata(&target)?;
    if !metadata.is_file() {
        return Err(io::Error::other(
            "not a regular file; use `-` to write to stdout",
        ));
    }
    if metadata.permissions().readonly() {
        return Err(io::Error::other("the file is read-only; allow writing it"));
    }
    let folder = target
        .parent()
        .ok_or_else(|| io::Error::other("the file has no parent folder"))?;
    let mut new = tempfile::Builder::new()
        .prefix(".kubeharden-")
        .tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    keep_owner(new.as_file(), &metadata);
    new.as_file().set_permissions(metadata.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Keeps the owner: in a container, root often fixes files of another user. If the owner cannot be kept, the file is written anyway.
#[cfg(unix)]
fn keep_owner(file: &fs::File, metadata: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &fs::Metadata) {}

/// The totals of a run.
#[derive(Default)]
struct Tally {
    files: usize,
    changed: usize,
    unwritten: usize,
    applied: usize,
}

impl Tally {
    /// Returns the summary; `None` if only errors occurred, because they were printed.
    fn sentence(&self, diff: bool) -> Option<String> {
        let (findings, changed) = (count(self.applied, "finding"), count(self.changed, "file"));
        match (self.changed, diff) {
            (0, _) if self.unwritten > 0 => None,
            (0, _) => Some(format!("Nothing to fix in {}.", count(self.files, "file"))),
            (_, true) => Some(format!("Would fix {findings} in {changed}.")),
            (_, false) => Some(format!("Fixed {findings} in {changed}.")),
        }
    }
}
