//! `check`: reads everything, then prints it in the format that was asked for.
//!
//! Knows the order of things. Must not know how a format looks. Promise: the findings of a file depend on it and on what objects in the
//! other files that were asked for say of its own, not on the order of files on the machine.

use super::args::{Check, Format};
use super::configured::Configured;
use super::console::{Console, Verdict};
use super::files::{self, Source, Trouble};
use super::problem::{self, Problem};
use super::statistics::Statistics;
use super::{concise, full, json, read, rendered};
use linter::analysis::{self, Analysis, DocumentKind, Report, RulePanic};
use linter::rules::Severity;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Sorted by path.
    pub files: Vec<CheckedFile>,
    pub summary: Summary,
    pub statistics: Statistics,
}

/// A file that was read, and what was found in it.
#[derive(Debug)]
pub(super) struct CheckedFile {
    pub path: PathBuf,
    pub text: String,
    pub problems: Vec<Problem>,
    /// The least severity that the file fails at.
    pub fail_on: Severity,
    /// The rules that failed at it: what they would have found is missing.
    pub failures: Vec<RulePanic>,
}

/// How much was read and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Files that were read.
    pub files: usize,
    /// Files that were not, and paths that name none.
    pub unread: usize,
    /// YAML documents in them that are not empty.
    pub documents: usize,
    /// Documents that hold at least one Kubernetes object, or a patch of one.
    pub manifests: usize,
    /// Documents with template syntax where YAML has meaning.
    pub templates: usize,
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
    pub hints: usize,
    /// Findings that somebody said are to be ignored; they are among none of the others.
    pub ignored: usize,
}

pub(super) fn run(arguments: &Check, console: &mut Console) -> io::Result<Verdict> {
    let is_rendered = arguments.helm.is_some() || arguments.kustomize.is_some();
    let results = if is_rendered {
        rendered::check(arguments, console)
    } else {
        Some(check_files(arguments, console))
    };
    let Some(results) = results else {
        return Ok(Verdict::Trouble);
    };
    match arguments.output_format {
        Format::Full | Format::Concise if arguments.statistics => {
            results.statistics.write(console)?
        }
        Format::Full => full::write(&results, console)?,
        Format::Concise => concise::write(&results, console)?,
        Format::Json => json::write(&results, arguments.statistics, console)?,
    }
    let fails = results
        .problems()
        .any(|(file, problem)| problem.severity >= arguments.fail_on.unwrap_or(file.fail_on));
    Ok(if fails && !arguments.exit_zero {
        Verdict::Found
    } else {
        Verdict::Clean
    })
}

fn check_files(arguments: &Check, console: &mut Console) -> Results {
    let (sources, troubles) = files::gather(&arguments.inputs);
    troubles
        .iter()
        .for_each(|trouble| console.complain(trouble));
    let sources = Configured::all(sources, &arguments.choices, console);
    let (mut results, unread) = check(read::read_all(sources), tells_fixes(arguments));
    results.summary.unread = troubles.len() + unread.len();
    unread.iter().for_each(|trouble| console.complain(trouble));
    results
        .files
        .iter()
        .for_each(|file| complain_of(&file.failures, &file.path, console));
    results
}

/// Whether what would mend a problem is printed.
fn tells_fixes(arguments: &Check) -> bool {
    match arguments.output_format {
        Format::Full => !arguments.statistics,
        Format::Concise => false,
        Format::Json => true,
    }
}

fn check(
    sources: Vec<Result<(Configured, String), Trouble>>,
    with_fixes: bool,
) -> (Results, Vec<Trouble>) {
    let size = |read: &Result<(Configured, String), Trouble>| {
        read.as_ref().map_or(0, |(_, text)| text.len())
    };
    let checked = largest_first(sources, size, |read| {
        read.and_then(|source| check_source(source, with_fixes))
    });
    let mut results = Results::default();
    let mut troubles = Vec::new();
    for file in checked {
        match file {
            Ok((file, summary, statistics)) => {
                results.statistics.absorb(&statistics);
                results.push(file, &summary);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    (results, troubles)
}

/// What comes of each of many things, in their order. The largest are begun first: one that is begun last would keep a single processor
/// busy while the others wait.
fn largest_first<T: Send, R: Send>(
    all: Vec<T>,
    size: impl Fn(&T) -> usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut all: Vec<(usize, T)> = all.into_iter().enumerate().collect();
    all.sort_by_cached_key(|(_, one)| Reverse(size(one)));
    let mut done: Vec<(usize, R)> = all
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, one)| (index, work(one)))
        .collect();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn check_source(
    (configured, text): (Configured, String),
    with_fixes: bool,
) -> Result<(CheckedFile, Summary, Statistics), Trouble> {
    let Configured { source, inputs, .. } = configured;
    let (problems, summary, statistics, failures) = guarded(&source, || {
        let report = analysis::analyze(&text, &inputs);
        let problems = problem::problems(&text, &report, with_fixes);
        let summary = summarize(&report, &problems);
        let failures = report.failures().into_iter().cloned().collect();
        (problems, summary, Statistics::of(&report), failures)
    })?;
    let file = CheckedFile {
        path: source.path,
        text,
        problems,
        fail_on: inputs.config.fail_on,
        failures,
    };
    Ok((file, summary, statistics))
}

/// Keeps a mistake of ours in one file from taking the results of all others with it.
pub(super) fn guarded<T>(source: &Source, work: impl FnOnce() -> T) -> Result<T, Trouble> {
    // Nothing of what the work saw is looked at again.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Trouble {
        path: source.path.clone(),
        reason: bug(&analysis::panic_message(&*panic)),
    })
}

/// What is said of a mistake of ours.
pub(super) fn bug(what: &str) -> String {
    format!(
        "a bug in kubeharden ({}); please report it with the file at {}",
        problem::one_line(what),
        analysis::ISSUES
    )
}

/// Tells of the rules that failed at a file.
pub(super) fn complain_of(failures: &[RulePanic], path: &Path, console: &mut Console) {
    for RulePanic { rule, message } in failures {
        console.complain(format_args!(
            "{}: rule {rule} panicked; other rules are unaffected: {}",
            path.display(),
            bug(message)
        ));
    }
}

pub(super) fn summarize(report: &Report, problems: &[Problem]) -> Summary {
    let documents = |is: fn(&Analysis) -> bool| {
        let mut indices: Vec<_> = report
            .chunks()
            .filter(|part| is(part.analysis))
            .map(|part| part.document)
            .collect();
        indices.dedup();
        indices.len()
    };
    Summary {
        files: 1,
        documents: documents(|analysis| !analysis.is_blank()),
        manifests: documents(|analysis| {
            analysis.is_manifest() || analysis.kind == DocumentKind::Patch
        }),
        templates: documents(|analysis| analysis.kind == DocumentKind::Template),
        ignored: report
            .chunks()
            .map(|part| part.analysis.suppressed.len())
            .sum(),
        ..Summary::of_problems(problems)
    }
}

impl Results {
    pub(super) fn push(&mut self, file: CheckedFile, summary: &Summary) {
        let total = &mut self.summary;
        total.files += summary.files;
        total.documents += summary.documents;
        total.manifests += summary.manifests;
        total.templates += summary.templates;
        total.errors += summary.errors;
        total.warnings += summary.warnings;
        total.infos += summary.infos;
        total.hints += summary.hints;
        total.ignored += summary.ignored;
        self.files.push(file);
    }

    /// Every problem with its file, by path, then place, then rule.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&CheckedFile, &Problem)> {
        self.files
            .iter()
            .flat_map(|file| file.problems.iter().map(move |problem| (file, problem)))
    }
}

impl Summary {
    /// How many problems there are of each severity.
    pub(super) fn of_problems(problems: &[Problem]) -> Self {
        let count = |severity: Severity| {
            problems
                .iter()
                .filter(|problem| problem.severity == severity)
                .count()
        };
        Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            hints: count(Severity::Hint),
            ..Summary::default()
        }
    }

    /// Documents without a Kubernetes object.
    pub(super) fn skipped(&self) -> usize {
        self.documents.saturating_sub(self.manifests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_mistake_of_ours_costs_one_file_and_is_told_with_it() {
        let source = Source {
            path: "a.yaml".into(),
            origin: files::Origin::File,
        };
        assert_eq!(guarded(&source, || 1).unwrap(), 1);
        let trouble = guarded::<()>(&source, || panic!("no\nsuch key"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            trouble,
            format!(
                "a.yaml: a bug in kubeharden (no such key); please report it with the file at {}",
                analysis::ISSUES
            )
        );
    }

    #[test]
    fn the_largest_are_begun_first_and_all_keep_their_places() {
        let (sizes, begun) = (vec![2, 9, 1, 9, 4], Mutex::new(Vec::new()));
        let work = |size: usize| {
            begun.lock().unwrap().push(size);
            size * 10
        };
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(
            alone.install(|| largest_first(sizes, |size| *size, work)),
            [20, 90, 10, 90, 40]
        );
        assert_eq!(*begun.lock().unwrap(), [9, 9, 4, 2, 1]);
    }
}
