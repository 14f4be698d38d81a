//! `check`: reads all inputs, then prints the findings in the requested format.
//!
//! The findings of a file depend on that file and on the other inputs, but not on the order in which files are read.

use crate::args::{Check, Format};
use crate::commands::rendered;
use crate::console::{Console, ExitStatus};
use crate::inputs::configured::{Configured, is_readable};
use crate::inputs::files::{self, FileError};
use crate::inputs::{panics, read};
use crate::output::report::{self, CheckedFile, Results, Summary};
use crate::output::statistics::Statistics;
use crate::output::{concise, full, json};
use linter::analysis;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::io;

pub(crate) fn run(arguments: &Check, console: &mut Console) -> io::Result<ExitStatus> {
    if !is_readable(&arguments.choices, console) {
        return Ok(ExitStatus::Error);
    }
    let is_rendered = arguments.helm.is_some() || arguments.kustomize.is_some();
    let results = if is_rendered {
        rendered::check(arguments, console)
    } else {
        Some(check_files(arguments, console))
    };
    let Some(results) = results else {
        return Ok(ExitStatus::Error);
    };
    match arguments.output_format {
        Format::Full | Format::Concise if arguments.statistics => {
            results.statistics.write(console)?;
        }
        Format::Full => full::write(&results, console)?,
        Format::Concise => concise::write(&results, console)?,
        Format::Json => json::write(&results, arguments.statistics, console)?,
    }
    let fails = results
        .findings()
        .any(|(file, finding)| finding.severity >= arguments.fail_on.unwrap_or(file.fail_on));
    Ok(if fails && !arguments.exit_zero {
        ExitStatus::Findings
    } else {
        ExitStatus::Success
    })
}

fn check_files(arguments: &Check, console: &mut Console) -> Results {
    let (sources, errors) = files::gather(&arguments.inputs);
    errors.iter().for_each(|error| console.error(error));
    let sources = Configured::all(sources, &arguments.choices, console);
    let (mut results, unread) = check(read::read_all(sources), prints_fixes(arguments));
    results.summary.unread = errors.len() + unread.len();
    unread.iter().for_each(|error| console.error(error));
    for file in &results.files {
        panics::report_rule_panics(&file.rule_panics, &file.path, console);
    }
    results
}

/// Whether the output contains the fixes of findings.
fn prints_fixes(arguments: &Check) -> bool {
    match arguments.output_format {
        Format::Full => !arguments.statistics,
        Format::Concise => false,
        Format::Json => true,
    }
}

fn check(
    sources: Vec<Result<(Configured, String), FileError>>,
    with_fixes: bool,
) -> (Results, Vec<FileError>) {
    let size = |read: &Result<(Configured, String), FileError>| {
        read.as_ref().map_or(0, |(_, text)| text.len())
    };
    let checked = largest_first(sources, size, |read| {
        read.and_then(|source| check_source(source, with_fixes))
    });
    let mut results = Results::default();
    let mut errors = Vec::new();
    for file in checked {
        match file {
            Ok((file, summary, statistics)) => {
                results.statistics.absorb(&statistics);
                results.push(file, &summary);
            }
            Err(error) => errors.push(error),
        }
    }
    (results, errors)
}

/// Does the work for each item in parallel, and returns the results in the order of the items. The largest items start first:
/// if one started last, a single processor would be busy with it while the others wait.
fn largest_first<T: Send, R: Send>(
    items: Vec<T>,
    size: impl Fn(&T) -> usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut items: Vec<(usize, T)> = items.into_iter().enumerate().collect();
    items.sort_by_cached_key(|(_, item)| Reverse(size(item)));
    let mut done: Vec<(usize, R)> = items
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, item)| (index, work(item)))
        .collect();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn check_source(
    (configured, text): (Configured, String),
    with_fixes: bool,
) -> Result<(CheckedFile, Summary, Statistics), FileError> {
    let Configured { source, inputs, .. } = configured;
    let (findings, summary, statistics, rule_panics) = panics::catch(&source, || {
        let report = analysis::analyze(&text, &inputs);
        let findings = report::findings(&text, &report, with_fixes);
        let summary = Summary::of_file(&report, &findings);
        let rule_panics = report.failures().into_iter().cloned().collect();
        (findings, summary, Statistics::of(&report), rule_panics)
    })?;
    let file = CheckedFile {
        path: source.path,
        text,
        findings,
        fail_on: inputs.config.fail_on,
        rule_panics,
    };
    Ok((file, summary, statistics))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn largest_items_start_first() {
        let (sizes, started) = (vec![2, 9, 1, 9, 4], Mutex::new(Vec::new()));
        let work = |size: usize| {
            started.lock().unwrap().push(size);
            size * 10
        };
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(
            one_thread.install(|| largest_first(sizes, |size| *size, work)),
            [20, 90, 10, 90, 40]
        );
        assert_eq!(*started.lock().unwrap(), [9, 9, 4, 2, 1]);
    }
}
