//! `check --helm` and `check --kustomize`: checks rendered text, and reports each finding at the source that produced it.
//!
//! A program runs only on request. If the source line is uncertain, the finding names only the file, and its message says so.

use crate::args::{Check, Choices};
use crate::console::Console;
use crate::inputs::configured::Configurations;
use crate::inputs::files::plain;
use crate::inputs::{panics, read};
use crate::output::lines::Lines;
use crate::output::report::{self, CheckedFile, Results, Summary};
use crate::output::statistics::Statistics;
use linter::OwnedInputs;
use linter::analysis::{self, Chunk, Report};
use linter::config::Config;
use linter::rules::Finding;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use workspace::bounded_fs;
use workspace::project::Project;
use workspace::provenance::{Origin, helm, kustomize};

/// Renders and checks. Returns `None` after reporting an error if rendering failed.
pub(crate) fn check(arguments: &Check, console: &mut Console) -> Option<Results> {
    let outcome = match (&arguments.helm, &arguments.kustomize) {
        (Some(chart), _) => check_chart(chart, &arguments.values, &arguments.choices, console),
        (None, Some(folder)) => check_kustomization(folder, &arguments.choices, console),
        (None, None) => return None,
    };
    outcome.map_err(|reason| console.error(reason)).ok()
}

fn check_chart(
    chart: &Path,
    values: &[PathBuf],
    choices: &Choices,
    console: &mut Console,
) -> Result<Results, String> {
    let mut command = Command::new("helm");
    command.arg("template");
    values
        .iter()
        .for_each(|file| _ = command.arg("--values").arg(file));
    command.arg("--").arg(chart);
    let text = output(
        &mut command,
        "install helm, or check the templates as they are, without --helm",
    )?;
    let inputs = read::of_rendered(&text, configuration(chart, choices, console));
    let report = analysis::analyze(&text, &inputs);
    let mut results = Rendered::new(&inputs.config, &text, &report);
    let mut templates = BTreeMap::new();
    for document in documents(&text, &report) {
        let rendered = &text[document.range.clone()];
        let Some(source) = helm::template_name(rendered) else {
            continue;
        };
        let file = plain(&helm::template_file(chart, source));
        // The templates of an archived chart cannot be read, and a link may lead out of the chart.
        let is_inside = || workspace::paths::real(&file).starts_with(workspace::paths::real(chart));
        let text = templates
            .entry(file.clone())
            .or_insert_with(|| {
                let text = is_inside().then(|| bounded_fs::text(&file, bounded_fs::MAX_FILE_BYTES));
                text.flatten().unwrap_or_default()
            })
            .clone();
        let template = helm::Template::new(file, &text, rendered);
        for (chunk, finding, range) in document.findings() {
            results.add(chunk, finding, template.origin(range));
        }
    }
    panics::report_rule_panics(
        &report.failures().into_iter().cloned().collect::<Vec<_>>(),
        chart,
        console,
    );
    Ok(results.finish(console))
}

fn check_kustomization(
    path: &Path,
    choices: &Choices,
    console: &mut Console,
) -> Result<Results, String> {
    let folder = &kustomization_folder(path)?;
    let error =
        |error: io::Error| format!("cannot create a temporary folder for kustomize: {error}");
    let temporary = tempfile::tempdir().map_err(error)?;
    let (from, to) = (
        workspace::paths::real(temporary.path()),
        workspace::paths::real(folder),
    );
    let relative = relative_path(&from, &to).ok_or_else(|| {
        format!(
            "{}: is on a different drive than the temporary folder",
            folder.display()
        )
    })?;
    fs::write(
        from.join("kustomization.yaml"),
        kustomize::wrapper_kustomization(&relative),
    )
    .map_err(error)?;
    let text = build(&from).map_err(|reason| without_temporary_paths(&reason, &from, folder))?;
    let inputs = read::of_rendered(&text, configuration(folder, choices, console));
    let report = analysis::analyze(&text, &inputs);
    let mut results = Rendered::new(&inputs.config, &text, &report);
    let mut sources = kustomize::Sources::new(from, source_root(&to));
    for document in documents(&text, &report) {
        let built = kustomize::BuiltDocument::new(&text[document.range.clone()]);
        for (chunk, finding, range) in document.findings() {
            let elsewhere = || Origin {
                file: to.join("kustomization.yaml"),
                range: None,
            };
            let origin = sources
                .origin(&built, range, finding.target.absent)
                .unwrap_or_else(elsewhere);
            results.add(
                chunk,
                finding,
                Origin {
                    file: from_here(&origin.file),
                    ..origin
                },
            );
        }
    }
    panics::report_rule_panics(
        &report.failures().into_iter().cloned().collect::<Vec<_>>(),
        folder,
        console,
    );
    Ok(results.finish(console))
}

/// A document of the rendered text.
struct Document<'r> {
    /// In bytes from the start of the rendered text.
    range: Range<usize>,
    chunks: Vec<Chunk<'r>>,
}

fn documents<'r>(text: &str, report: &'r Report) -> Vec<Document<'r>> {
    let mut documents: Vec<Document<'r>> = Vec::new();
    for chunk in report.chunks() {
        match documents.last_mut() {
            Some(last)
                if last
                    .chunks
                    .iter()
                    .any(|other| other.document == chunk.document) =>
            {
                last.chunks.push(chunk);
            }
            last => {
                // The frame of a document comes before its items, and starts where the document starts.
                last.into_iter()
                    .for_each(|last| last.range.end = chunk.start);
                documents.push(Document {
                    range: chunk.start..text.len(),
                    chunks: vec![chunk],
                });
            }
        }
    }
    documents
}

impl<'r> Document<'r> {
    /// Returns the findings with their ranges in the document, in bytes.
    fn findings(&self) -> impl Iterator<Item = (Chunk<'r>, &'r Finding, Range<usize>)> {
        let start = self.range.start;
        self.chunks.iter().flat_map(move |&chunk| {
            chunk.analysis.findings.iter().map(move |finding| {
                let range = chunk.place(finding.range);
                (chunk, finding, range.start - start..range.end - start)
            })
        })
    }
}

/// Returns the folder of a kustomization, given by its folder or its file.
fn kustomization_folder(path: &Path) -> Result<PathBuf, String> {
    const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    let is_kustomization = |name: &OsStr| NAMES.iter().any(|known| name == *known);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if path.is_file() && path.file_name().is_some_and(is_kustomization) {
        return Ok(workspace::paths::folder_of(path).to_owned());
    }
    Err(format!(
        "{}: no such kustomization; give its kustomization.yaml, or the folder of it",
        path.display()
    ))
}

/// Returns the folder that contains all sources of a kustomization: the root of its repository, or else the current
/// folder or the parent folder, so that a base next to it is found.
fn source_root(folder: &Path) -> PathBuf {
    let repository = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    let here = workspace::paths::real(Path::new("."));
    match repository {
        Some(root) => root.to_owned(),
        None if folder.starts_with(&here) && folder != here => here,
        None => folder.parent().unwrap_or(folder).to_owned(),
    }
}

/// Returns a message of kustomize that names the user's folder instead of our temporary one.
fn without_temporary_paths(message: &str, temporary: &Path, folder: &Path) -> String {
    let temporary = temporary.to_string_lossy();
    let message = message.replace(&*temporary, &folder.to_string_lossy());
    let name = temporary.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() {
        message
    } else {
        message.replace(name, &folder.to_string_lossy())
    }
}

fn build(folder: &Path) -> Result<String, String> {
    const HELP: &str =
        "install kustomize or kubectl, or check the files as they are, without --kustomize";
    let build = ["build", "--"];
    match output(Command::new("kustomize").args(build).arg(folder), HELP) {
        Err(reason) if reason.ends_with(HELP) => {
            let build = ["kustomize", "--"];
            output(Command::new("kubectl").args(build).arg(folder), HELP)
        }
        outcome => outcome,
    }
}

/// Runs a program, and returns what it prints to stdout.
fn output(command: &mut Command, help: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    // A remote base that needs a password fails instead of waiting for one.
    let command = command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env(
            "GIT_SSH_COMMAND",
            "ssh -o BatchMode=yes -o ConnectTimeout=5",
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{name} is not installed: {help}"),
        _ => format!("{name} cannot be run: {error}"),
    })?;
    let [out, err] = [
        read_in_thread(child.stdout.take()),
        read_in_thread(child.stderr.take()),
    ];
    // A program that ends closes its output.
    let Ok(out) = out.recv_timeout(LONGEST) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "{name} did not end within {} seconds; if it fetches a remote base or chart, fetch that first",
            LONGEST.as_secs()
        ));
    };
    let status = child
        .wait()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    let err = err.recv_timeout(LONGEST).unwrap_or_default();
    if status.success() {
        String::from_utf8(out).map_err(|_| format!("the output of {name} is not UTF-8"))
    } else {
        Err(format!(
            "{name} failed: {}",
            String::from_utf8_lossy(&err).trim()
        ))
    }
}

/// How long a program may take. A program that waits for a network never ends.
const LONGEST: Duration = Duration::from_secs(19);

/// Reads a pipe to its end, so that the program never waits for its reader. Two pipes are read at the same time.
fn read_in_thread(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still useful.
            let _ = pipe.read_to_end(&mut bytes);
        }
        // The receiver is gone if the program took too long.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Returns the configuration without exceptions that have a path: rendered text has none.
fn configuration(folder: &Path, choices: &Choices, console: &mut Console) -> Arc<Config> {
    let config = Configurations::new(choices).of(folder, console).config;
    config.for_file(None).map_or(config, Arc::new)
}

/// Returns the relative path from one folder to another, separated by `/`. Both must be absolute, without links and dots.
fn relative_path(from: &Path, to: &Path) -> Option<String> {
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

/// Returns the path relative to the current folder, if the file is below it.
fn from_here(file: &Path) -> PathBuf {
    let here = workspace::paths::real(Path::new("."));
    let below = file.strip_prefix(&here).map(Path::to_owned);
    below
        .ok()
        .filter(|path| path.as_os_str() != OsStr::new(""))
        .unwrap_or_else(|| file.to_owned())
}

/// The findings of rendered text, by source file.
struct Rendered<'r> {
    config: &'r Config,
    report: &'r Report,
    /// The lines of the rendered text.
    lines: Lines<'r>,
    files: BTreeMap<PathBuf, SourceFile>,
    project: Project,
    traced: usize,
    untraced: usize,
    suppressed: usize,
}

/// A file that findings are traced to.
struct SourceFile {
    checked: CheckedFile,
    /// The rules that comments in the file suppress, each with a range in the file, in bytes: of the value, or of the
    /// container or pod that lacks one.
    suppressed: Vec<(&'static str, Range<usize>)>,
}

impl SourceFile {
    fn read(path: PathBuf, config: &Config, project: &mut Project) -> SourceFile {
        let text = bounded_fs::text(&path, bounded_fs::MAX_FILE_BYTES).unwrap_or_default();
        let inputs = OwnedInputs {
            config: Arc::new(config.clone()),
            context: project.file_context(&path),
        };
        let report = analysis::analyze(&text, &inputs);
        let suppressed = report.chunks().flat_map(|chunk| {
            let findings = chunk.analysis.suppressed.iter();
            findings.map(move |finding| {
                let range = if finding.target.absent {
                    finding.target.range
                } else {
                    finding.range
                };
                (finding.rule.id, chunk.place(range))
            })
        });
        SourceFile {
            suppressed: suppressed.collect(),
            checked: CheckedFile {
                text,
                path,
                findings: Vec::new(),
                fail_on: config.fail_on,
                rule_panics: Vec::new(),
            },
        }
    }

    /// Whether a comment in the file suppresses a finding of the same rule at a place.
    fn suppresses(&self, finding: &Finding, range: &Range<usize>) -> bool {
        self.suppressed.iter().any(|(rule, place)| {
            let is_here = place.start <= range.end && range.start <= place.end;
            *rule == finding.rule.id && is_here
        })
    }
}

impl<'r> Rendered<'r> {
    fn new(config: &'r Config, text: &'r str, report: &'r Report) -> Self {
        Rendered {
            config,
            report,
            lines: Lines::new(text),
            files: BTreeMap::new(),
            project: Project::default(),
            traced: 0,
            untraced: 0,
            suppressed: 0,
        }
    }

    fn add(&mut self, chunk: Chunk<'_>, finding: &Finding, origin: Origin) {
        let (config, project) = (self.config, &mut self.project);
        let source = self
            .files
            .entry(origin.file.clone())
            .or_insert_with(|| SourceFile::read(origin.file, config, project));
        if origin
            .range
            .as_ref()
            .is_some_and(|range| source.suppresses(finding, range))
        {
            self.suppressed += 1;
            return;
        }
        let file = &mut source.checked;
        let range = origin
            .range
            .clone()
            .filter(|range| file.text.get(range.clone()).is_some());
        let lines = Lines::new(&file.text);
        let span = lines.span(range.clone().unwrap_or_default());
        let mut finding = report::rendered_finding(chunk, finding, &self.lines, span);
        if range.is_none() {
            finding.message += " (the line that produced it is unknown)";
        }
        // A template that is rendered more than once repeats its findings.
        if file.findings.iter().any(|known| {
            (known.span, known.rule, &known.message)
                == (finding.span, finding.rule, &finding.message)
        }) {
            return;
        }
        self.traced += usize::from(range.is_some());
        self.untraced += usize::from(range.is_none());
        file.findings.push(finding);
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
        let of_report = Summary::of_file(self.report, &[]);
        results.summary = Summary {
            suppressed: self.suppressed,
            files: 0,
            ..of_report
        };
        for (
            _,
            SourceFile {
                checked: mut file, ..
            },
        ) in self.files
        {
            // A file whose findings are all suppressed is not shown.
            if file.findings.is_empty() {
                continue;
            }
            file.findings
                .sort_by_key(|finding| (finding.span, finding.rule));
            let summary = Summary {
                files: 1,
                ..Summary::of_findings(&file.findings)
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
    fn relative_path_goes_up_and_down() {
        let relative = |from: &str, to: &str| relative_path(Path::new(from), Path::new(to));
        assert_eq!(
            relative("/tmp/a", "/home/x").as_deref(),
            Some("../../home/x")
        );
        assert_eq!(relative("/tmp/a", "/tmp/a").as_deref(), Some("."));
        assert_eq!(relative("/a", "/a/b").as_deref(), Some("b"));
    }
}
