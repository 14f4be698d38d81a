//! `fix`: mends files in place, or shows what that would change.
//!
//! Knows how to put a text in the place of another one without a moment in which neither is there. Must not know what an edit
//! is. Promise: a file whose text would not change is not touched.

use super::args::Fix;
use super::check::{complain_of, guarded};
use super::configured::Configured;
use super::console::{ADDED, Console, REMOVED, STRONG, Verdict};
use super::files::{self, Origin, Source, Trouble};
use super::full::count;
use super::lines::Lines;
use super::problem::one_line;
use super::read::read_all;
use linter::analysis::{self, FixedText, RejectedFix};
use linter::rules::Applicability;
use rayon::prelude::*;
use similar::TextDiff;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A text, and what became of it.
struct Mended {
    source: Source,
    before: String,
    after: FixedText,
}

pub(super) fn run(arguments: &Fix, console: &mut Console) -> io::Result<Verdict> {
    let allowed = allowed(arguments);
    let (sources, troubles) = files::gather(&arguments.inputs);
    troubles
        .iter()
        .for_each(|trouble| console.complain(trouble));
    let sources = Configured::all(sources, &arguments.choices, console);
    let results: Vec<_> = read_all(sources)
        .into_par_iter()
        .map(|read| read.and_then(|source| mend(source, &allowed)))
        .collect();
    let mut tally = Tally::default();
    for result in results {
        match result {
            Err(trouble) => console.complain(trouble),
            Ok(mended) => {
                complain_of(&mended.after.failures, &mended.source.path, console);
                hand_over(&mended, arguments, &mut tally, console)?;
            }
        }
    }
    if let Some(sentence) = tally.sentence(arguments.diff) {
        console.note(sentence);
    }
    Ok(if arguments.diff && tally.changed > 0 {
        Verdict::Found
    } else {
        Verdict::Clean
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
                .map(|(_, safety)| safety),
        )
        .collect()
}

/// Mends a text. Where its configuration has mistakes, nobody knows what was to be written.
fn mend(
    (configured, before): (Configured, String),
    allowed: &[Applicability],
) -> Result<Mended, Trouble> {
    let Configured {
        source,
        inputs,
        mistaken,
        ..
    } = configured;
    if mistaken {
        return Err(Trouble {
            path: source.path,
            reason: "not fixed: its configuration file has errors".to_owned(),
        });
    }
    let after = guarded(&source, || analysis::fix_all(&before, &inputs, allowed))?;
    Ok(Mended {
        source,
        before,
        after,
    })
}

/// Puts the new text where it belongs, and says what is not mended.
fn hand_over(
    mended: &Mended,
    arguments: &Fix,
    tally: &mut Tally,
    console: &mut Console,
) -> io::Result<()> {
    let changed = mended.before != mended.after.text;
    tally.files += 1;
    match (arguments.diff, mended.source.origin) {
        (true, _) if changed => write_diff(mended, console)?,
        (true, _) => {}
        (false, Origin::Stdin) => console.write_all(mended.after.text.as_bytes())?,
        (false, Origin::File) if changed => {
            if let Err(error) = replace(&mended.source.path, &mended.after.text) {
                console.complain(format_args!(
                    "{}: cannot be written: {error}",
                    mended.source.path.display()
                ));
                tally.unwritten += 1;
                return Ok(());
            }
        }
        (false, Origin::File) => {}
    }
    tally.changed += usize::from(changed);
    tally.applied += mended.after.applied;
    explain_withheld(mended, console);
    if arguments.unsafe_fixes {
        explain_unfixable(mended, console);
    }
    Ok(())
}

/// Says what is not mended: once for each cause in a document, at the first finding that it stands in the way of.
fn explain_withheld(mended: &Mended, console: &Console) {
    let lines = Lines::new(&mended.after.text);
    let mut causes: Vec<(String, Vec<&RejectedFix>)> = Vec::new();
    for withheld in &mended.after.withheld {
        let above = lines.place(withheld.document).line - 1;
        let reason = withheld.reason.clone().with_line_offset(above).to_string();
        let same = |(known, of): &&mut (String, Vec<&RejectedFix>)| {
            *known == reason && of.iter().all(|other| other.document == withheld.document)
        };
        match causes.iter_mut().find(same) {
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
        let (path, place) = (mended.source.path.display(), lines.place(first));
        let reason = one_line(&reason);
        console.note(format_args!(
            "{path}:{}:{}: {rules} {verb} not fixed: {reason}",
            place.line, place.column
        ));
    }
}

/// Says what stands between the pods and the Pod Security Standards once every fix is taken: once for each rule in a document.
fn explain_unfixable(mended: &Mended, console: &Console) {
    let lines = Lines::new(&mended.after.text);
    let mut told = HashSet::new();
    for left in &mended.after.unfixable {
        let (path, place, rule) = (
            mended.source.path.display(),
            lines.place(left.offset),
            left.rule.id,
        );
        if told.insert((left.document, rule)) {
            console.note(format_args!(
                "{path}:{}:{}: {rule} is not fixed: no automatic fix available",
                place.line, place.column
            ));
        }
    }
}

fn write_diff(mended: &Mended, console: &mut Console) -> io::Result<()> {
    let path = one_line(&mended.source.path.to_string_lossy());
    let diff = TextDiff::from_lines(&mended.before, &mended.after.text);
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

/// Puts a text in the place of a file's, whole or not at all. Mode and owner stay, and where the path is a link, it is what
/// the link leads to that changes.
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

/// In a container, root often mends the files of somebody else. Where the owner cannot be kept, the text matters more.
#[cfg(unix)]
fn keep_owner(file: &fs::File, metadata: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &fs::Metadata) {}

/// What was done in all.
#[derive(Default)]
struct Tally {
    files: usize,
    changed: usize,
    unwritten: usize,
    applied: usize,
}

impl Tally {
    /// Nothing where errors have said it all.
    fn sentence(&self, diff: bool) -> Option<String> {
        let (problems, changed) = (count(self.applied, "finding"), count(self.changed, "file"));
        match (self.changed, diff) {
            (0, _) if self.unwritten > 0 => None,
            (0, _) => Some(format!("Nothing to fix in {}.", count(self.files, "file"))),
            (_, true) => Some(format!("Would fix {problems} in {changed}.")),
            (_, false) => Some(format!("Fixed {problems} in {changed}.")),
        }
    }
}
