//! The configuration that counts for each text.
//!
//! Knows the command line's choices and the files that they win over. Must not know what a configuration means. Promise: each
//! file is looked for once a folder, read once, and its mistakes are told once; what it says rightly holds.

use super::args::Choices;
use super::check::CheckedFile;
use super::console::Console;
use super::files::Source;
use super::full;
use super::lines::Lines;
use super::problem::Problem;
use linter::OwnedInputs;
use linter::config::discovery::{self, Nearest};
use linter::config::{self, Config};
use linter::rules::{Rule, Severity};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use workspace::kustomize::Kustomizations;
use workspace::project::Project;

/// A text to read, and what to hold it to.
#[derive(Debug)]
pub(super) struct Configured {
    pub source: Source,
    /// Where it is, without links in the names of folders.
    pub real: PathBuf,
    pub inputs: OwnedInputs,
    /// Whether something in its configuration is wrong, so that the person may have meant something else.
    pub mistaken: bool,
}

/// The configurations of all folders that were asked for.
pub(super) struct Configurations<'a> {
    choices: &'a Choices,
    folders: HashMap<PathBuf, Option<PathBuf>>,
    /// What was found on the way up from those.
    nearest: Nearest,
    read: HashMap<Option<PathBuf>, Known>,
}

/// What a configuration file says, after the command line.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub config: Arc<Config>,
    pub mistaken: bool,
    /// The file that it is from, if it is from any.
    pub file: Option<PathBuf>,
}

impl Configured {
    /// Finds the configuration of each source, and tells of the mistakes in them.
    pub(super) fn all(
        sources: Vec<Source>,
        choices: &Choices,
        console: &mut Console,
    ) -> Vec<Configured> {
        let mut configurations = Configurations::new(choices);
        let mut project = Project::default();
        let files: Vec<PathBuf> = sources
            .iter()
            .map(|source| project.real(&source.path))
            .collect();
        project.set_kustomizations(Kustomizations::from_files(
            files.iter().map(PathBuf::as_path),
        ));
        let mut configured = |(source, real): (Source, PathBuf)| {
            let Known {
                config,
                mistaken,
                file,
            } = configurations.of(workspace::paths::folder_of(&source.path), console);
            let way = || {
                file.as_deref()
                    .and_then(|file| discovery::relative_path(file, &source.path))
            };
            let config = config.for_file(way().as_deref()).map_or(config, Arc::new);
            let context = project.file_context(&source.path);
            Configured {
                source,
                real,
                inputs: OwnedInputs { config, context },
                mistaken,
            }
        };
        sources
            .into_iter()
            .zip(files)
            .map(&mut configured)
            .collect()
    }
}

impl<'a> Configurations<'a> {
    pub(super) fn new(choices: &'a Choices) -> Self {
        Configurations {
            choices,
            folders: HashMap::new(),
            nearest: Nearest::default(),
            read: HashMap::new(),
        }
    }

    /// What counts in a folder.
    pub(super) fn of(&mut self, folder: &Path, console: &mut Console) -> Known {
        let file = match (&self.choices.config, self.choices.no_config) {
            (_, true) => None,
            (Some(file), false) => Some(file.clone()),
            (None, false) => self.found(folder),
        };
        let choices = self.choices;
        self.read
            .entry(file.clone())
            .or_insert_with(|| read(file, choices, console))
            .clone()
    }

    fn found(&mut self, folder: &Path) -> Option<PathBuf> {
        let find = || self.nearest.of(folder).map(|file| from_here(&file));
        self.folders
            .entry(folder.to_owned())
            .or_insert_with(find)
            .clone()
    }
}

fn read(file: Option<PathBuf>, choices: &Choices, console: &mut Console) -> Known {
    let (config, mistaken) = file
        .as_deref()
        .map_or_else(Default::default, |file| read_file(file, console));
    Known {
        config: Arc::new(choices.over(config)),
        mistaken,
        file,
    }
}

/// What a file says, and whether anything in it is wrong.
fn read_file(file: &Path, console: &mut Console) -> (Config, bool) {
    let text = match discovery::text(file) {
        Ok(text) => text,
        Err(reason) => {
            console.complain(format_args!("{}: {reason}", file.display()));
            return (Config::default(), true);
        }
    };
    let reading = config::read(&text, &Rule::ids(), config::Date::today());
    let mistaken = !reading.is_valid();
    if !reading.problems.is_empty() {
        let drawn = full::plain(mistakes(file, text, reading.problems));
        match mistaken {
            true => console.exhibit(drawn.trim_end()),
            false => console.note(drawn.trim_end()),
        }
    }
    (reading.config, mistaken)
}

/// What is to be told of a configuration file, in the look of findings.
fn mistakes(file: &Path, text: String, problems: Vec<config::ConfigError>) -> CheckedFile {
    let lines = Lines::new(&text);
    let problem = |problem: config::ConfigError| Problem {
        rule: "configuration",
        profile: "always",
        severity: problem.severity,
        message: problem.message,
        span: lines.span(problem.range),
        related: Vec::new(),
        document: 0,
        object: None,
        container: None,
        fix: None,
    };
    let problems = problems.into_iter().map(problem).collect();
    CheckedFile {
        path: file.to_owned(),
        text,
        problems,
        fail_on: Severity::Error,
        failures: Vec::new(),
    }
}

/// The way to a file from the current folder, where it lies below.
fn from_here(file: &Path) -> PathBuf {
    file.strip_prefix(workspace::paths::real(Path::new(".")))
        .unwrap_or(file)
        .to_owned()
}
