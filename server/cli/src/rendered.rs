//! `check --helm` and `check --kustomize`: what another program renders is checked, and told where its sources made it.
//!
//! Knows how those programs are run. Must not know how a place is traced back: that is [`workspace::trace`]'s. Promise: nothing is run that
//! nobody asked for; where a line is not known, the file is told and the message says so.

use super::args::{Check, Choices};
use super::check::{CheckedFile, Results, Summary, complain_of, summarize};
use super::configured::Configurations;
use super::console::Console;
use super::files::plain;
use super::lines::Lines;
use super::problem::{self, Problem};
use super::read;
use super::statistics::Statistics;
use linter::analysis::{self, Chunk, Report};
use linter::config::Config;
use linter::rules::Finding;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use workspace::provenance::{Origin, helm, kustomize};

/// Checks what was asked to be rendered. `None` where nothing was, or where it could not be; the person was told then.
pub(super) fn check(arguments: &Check, console: &mut Console) -> Option<Results> {
    let outcome = match (&arguments.helm, &arguments.kustomize) {
        (Some(chart), _) => check_chart(chart, &arguments.values, &arguments.choices, console),
        (None, Some(folder)) => check_kustomization(folder, &arguments.choices, console),
        (None, None) => return None,
    };
    outcome.map_err(|reason| console.complain(reason)).ok()
}

fn check_chart(
    chart: &Path,
    values: &[PathBuf],
    choices: &Choices,
    console: &mut Console,
) -> Result<Results, String> {
    let mut command = Command::new("helm");
    command.arg("template").arg(chart);
    values
        .iter()
        .for_each(|file| _ = command.arg("--values").arg(file));
    let text = output(
        &mut command,
        "install helm, or check the templates as they are, without --helm",
    )?;
    let inputs = read::alone(&text, configuration(chart, choices, console));
    let report = analysis::analyze(&text, &inputs);
    let mut results = Rendered::new(&inputs.config, &text, &report);
    let mut templates = BTreeMap::new();
    for document in documents(&text, &report) {
        let rendered = &text[document.range.clone()];
        let Some(source) = helm::template_name(rendered) else {
            continue;
        };
        let file = plain(&helm::template_file(chart, source));
        // A chart in an archive has no files to show.
        let text = templates
            .entry(file.clone())
            .or_insert_with(|| fs::read_to_string(&file).unwrap_or_default())
            .clone();
        let template = helm::Template::new(file, &text, rendered);
        for (part, finding, place) in document.findings() {
            results.add(part, finding, template.origin(place));
        }
    }
    complain_of(
        &report.failures().into_iter().cloned().collect::<Vec<_>>(),
        chart,
        console,
    );
    Ok(results.finish(console))
}

fn check_kustomization(
    folder: &Path,
    choices: &Choices,
    console: &mut Console,
) -> Result<Results, String> {
    if !folder.is_dir() {
        return Err(format!(
            "{}: no such folder; give the folder of the kustomization.yaml",
            folder.display()
        ));
    }
    let trouble =
        |error: io::Error| format!("cannot create a temporary folder for kustomize: {error}");
    let asking = tempfile::tempdir().map_err(trouble)?;
    let (from, to) = (
        workspace::paths::real(asking.path()),
        workspace::paths::real(folder),
    );
    let way = way(&from, &to).ok_or_else(|| {
        format!(
            "{}: is on a different drive than the temporary folder",
            folder.display()
        )
    })?;
    fs::write(
        from.join("kustomization.yaml"),
        kustomize::wrapper_kustomization(&way),
    )
    .map_err(trouble)?;
    let text = build(&from)?;
    let inputs = read::alone(&text, configuration(folder, choices, console));
    let report = analysis::analyze(&text, &inputs);
    let mut results = Rendered::new(&inputs.config, &text, &report);
    let mut sources = kustomize::Sources::new(from);
    for document in documents(&text, &report) {
        let built = kustomize::BuiltDocument::new(&text[document.range.clone()]);
        for (part, finding, place) in document.findings() {
            let elsewhere = || Origin {
                file: to.join("kustomization.yaml"),
                range: None,
            };
            let origin = sources
                .origin(&built, place, finding.target.absent)
                .unwrap_or_else(elsewhere);
            results.add(
                part,
                finding,
                Origin {
                    file: from_here(&origin.file),
                    ..origin
                },
            );
        }
    }
    complain_of(
        &report.failures().into_iter().cloned().collect::<Vec<_>>(),
        folder,
        console,
    );
    Ok(results.finish(console))
}

/// A document of what was rendered.
struct Document<'r> {
    /// In bytes from the start of what was rendered.
    range: Range<usize>,
    parts: Vec<Chunk<'r>>,
}

fn documents<'r>(text: &str, report: &'r Report) -> Vec<Document<'r>> {
    let mut documents: Vec<Document<'r>> = Vec::new();
    for part in report.chunks() {
        match documents.last_mut() {
            Some(last)
                if last
                    .parts
                    .iter()
                    .any(|other| other.document == part.document) =>
            {
                last.parts.push(part)
            }
            last => {
                // What a document has besides its parts comes first, and starts where it does.
                last.into_iter()
                    .for_each(|last| last.range.end = part.start);
                documents.push(Document {
                    range: part.start..text.len(),
                    parts: vec![part],
                });
            }
        }
    }
    documents
}

impl<'r> Document<'r> {
    /// What was found, and where it stands in the document, in bytes.
    fn findings(&self) -> impl Iterator<Item = (Chunk<'r>, &'r Finding, Range<usize>)> {
        let start = self.range.start;
        self.parts.iter().flat_map(move |&part| {
            part.analysis.findings.iter().map(move |finding| {
                let place = part.place(finding.range);
                (part, finding, place.start - start..place.end - start)
            })
        })
    }
}

fn build(folder: &Path) -> Result<String, String> {
    const HELP: &str =
        "install kustomize or kubectl, or check the files as they are, without --kustomize";
    match output(Command::new("kustomize").arg("build").arg(folder), HELP) {
        Err(reason) if reason.ends_with(HELP) => {
            output(Command::new("kubectl").arg("kustomize").arg(folder), HELP)
        }
        outcome => outcome,
    }
}

/// What a program prints.
fn output(command: &mut Command, help: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{name} is not installed: {help}"),
        _ => format!("{name} cannot be run: {error}"),
    })?;
    match output.status.success() {
        true => String::from_utf8(output.stdout)
            .map_err(|_| format!("the output of {name} is not UTF-8")),
        false => Err(format!(
            "{name} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// What was rendered is no file, so that no exception with a path is about it.
fn configuration(folder: &Path, choices: &Choices, console: &mut Console) -> Arc<Config> {
    let config = Configurations::new(choices).of(folder, console).config;
    config.for_file(None).map_or(config, Arc::new)
}

/// The way from one folder to another one, both free of links and dots, with `/` in it.
fn way(from: &Path, to: &Path) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from
        .iter()
        .zip(&to)
        .take_while(|(one, other)| one == other)
        .count();
    let names = |parts: &[Component<'_>]| {
        parts
            .iter()
            .map(|part| part.as_os_str().to_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
    };
    let has_drive = to[common..]
        .iter()
        .any(|part| !matches!(part, Component::Normal(_)));
    let up = vec!["..".to_owned(); from.len() - common];
    let whole: Vec<String> = up.into_iter().chain(names(&to[common..])?).collect();
    (!has_drive).then(|| {
        if whole.is_empty() {
            ".".to_owned()
        } else {
            whole.join("/")
        }
    })
}

/// A path as people name it: from the current folder, where it lies below.
fn from_here(file: &Path) -> PathBuf {
    let here = workspace::paths::real(Path::new("."));
    let below = file.strip_prefix(&here).map(Path::to_owned);
    below
        .ok()
        .filter(|path| path.as_os_str() != OsStr::new(""))
        .unwrap_or_else(|| file.to_owned())
}

/// The findings of what was rendered, by the files that they come from.
struct Rendered<'r> {
    config: &'r Config,
    report: &'r Report,
    /// The lines of what was rendered.
    lines: Lines<'r>,
    files: BTreeMap<PathBuf, CheckedFile>,
    traced: usize,
    untraced: usize,
}

impl<'r> Rendered<'r> {
    fn new(config: &'r Config, text: &'r str, report: &'r Report) -> Self {
        Rendered {
            config,
            report,
            lines: Lines::new(text),
            files: BTreeMap::new(),
            traced: 0,
            untraced: 0,
        }
    }

    fn add(&mut self, part: Chunk<'_>, finding: &Finding, origin: Origin) {
        let fail_on = self.config.fail_on;
        let file = self
            .files
            .entry(origin.file.clone())
            .or_insert_with(|| CheckedFile {
                text: fs::read_to_string(&origin.file).unwrap_or_default(),
                path: origin.file,
                problems: Vec::new(),
                fail_on,
                failures: Vec::new(),
            });
        let range = origin
            .range
            .clone()
            .filter(|range| file.text.get(range.clone()).is_some());
        // Where a template is rendered more than once, its findings are, too.
        let lines = Lines::new(&file.text);
        let span = lines.span(range.clone().unwrap_or_default());
        let mut problem: Problem = problem::rendered(part, finding, &self.lines, span);
        if range.is_none() {
            problem.message += " (the line that produced it is unknown)";
        }
        if file.problems.iter().any(|known| {
            (known.span, known.rule, &known.message)
                == (problem.span, problem.rule, &problem.message)
        }) {
            return;
        }
        self.traced += usize::from(range.is_some());
        self.untraced += usize::from(range.is_none());
        file.problems.push(problem);
    }

    fn finish(self, console: &Console) -> Results {
        if self.untraced > 0 {
            let all = self.traced + self.untraced;
            console.note(format_args!(
                "{} of {all} findings could be traced to a file but not to a line.",
                self.untraced
            ));
        }
        let mut results = Results {
            statistics: Statistics::of(self.report),
            ..Results::default()
        };
        let of_report = summarize(self.report, &[]);
        results.summary = Summary {
            files: 0,
            ..of_report
        };
        for (_, mut file) in self.files {
            file.problems
                .sort_by_key(|problem| (problem.span, problem.rule));
            let summary = Summary {
                files: 1,
                ..Summary::of_problems(&file.problems)
            };
            results.push(file, &summary);
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_up_and_down_again() {
        let way = |from: &str, to: &str| way(Path::new(from), Path::new(to));
        assert_eq!(way("/tmp/a", "/home/x").as_deref(), Some("../../home/x"));
        assert_eq!(way("/tmp/a", "/tmp/a").as_deref(), Some("."));
        assert_eq!(way("/a", "/a/b").as_deref(), Some("b"));
    }
}
