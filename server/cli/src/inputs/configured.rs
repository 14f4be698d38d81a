//! The configuration of each file: its configuration file with the command-line options applied.
//!
//! Each configuration file is read once, and its errors are reported once. Settings without errors apply.

use crate::args::Choices;
use crate::console::Console;
use crate::inputs::files::Source;
use crate::output::full;
use crate::output::lines::Lines;
use crate::output::report::{CheckedFile, Finding};
use linter::OwnedInputs;
use linter::config::discovery::{self, Nearest};
use linter::config::{self, Config};
use linter::rules::{Rule, Severity};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use workspace::exclude::Exclude;
use workspace::kustomize::Kustomizations;
use workspace::project::Project;

/// A text to read, with its configuration.
#[derive(Debug)]
pub(crate) struct Configured {
    pub source: Source,
    /// Its path with symbolic links resolved.
    pub real: PathBuf,
    pub inputs: OwnedInputs,
    /// Whether its configuration file has errors, so that the effective settings may not be the intended ones.
    pub has_config_errors: bool,
}

/// The configurations by folder.
pub(crate) struct Configurations<'a> {
    choices: &'a Choices,
    folders: HashMap<PathBuf, Option<PathBuf>>,
    /// Caches the search in parent folders.
    nearest: Nearest,
    read: HashMap<Option<PathBuf>, Effective>,
}

/// A configuration file with the command-line options applied.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    pub config: Arc<Config>,
    pub has_errors: bool,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
}

impl Configured {
    /// Finds the configuration of each source, and reports configuration errors.
    pub(crate) fn all(
        sources: Vec<Source>,
        choices: &Choices,
        console: &mut Console,
    ) -> Vec<Configured> {
        let mut configurations = Configurations::new(choices);
        let mut excluded = HashMap::new();
        let sources: Vec<Source> = sources
            .into_iter()
            .filter(|source| {
                let folder = workspace::paths::folder_of(&source.path);
                let effective = configurations.of(folder, console);
                !source.is_excluded && !is_excluded(source, &effective, &mut excluded)
            })
            .collect();
        let mut project = Project::default();
        let files: Vec<PathBuf> = sources
            .iter()
            .map(|source| project.real(&source.path))
            .collect();
        project.set_kustomizations(Kustomizations::from_files(
            files.iter().map(PathBuf::as_path),
        ));
        let mut configured = |(source, real): (Source, PathBuf)| {
            let Effective {
                config,
                has_errors,
                file,
            } = configurations.of(workspace::paths::folder_of(&source.path), console);
            let relative_path = || {
                file.as_deref()
                    .and_then(|file| discovery::relative_path(file, &source.path))
            };
            let config = config
                .for_file(relative_path().as_deref())
                .map_or(config, Arc::new);
            let context = project.file_context(&source.path);
            Configured {
                source,
                real,
                inputs: OwnedInputs { config, context },
                has_config_errors: has_errors,
            }
        };
        sources
            .into_iter()
            .zip(files)
            .map(&mut configured)
            .collect()
    }
}

/// Whether the configuration of a file excludes it. `excluded` has the patterns by configuration file.
fn is_excluded(
    source: &Source,
    effective: &Effective,
    excluded: &mut HashMap<PathBuf, Option<Exclude>>,
) -> bool {
    let Some(file) = effective
        .file
        .as_deref()
        .filter(|_| source.is_excludable && !effective.config.exclude.is_empty())
    else {
        return false;
    };
    // Reading the configuration checked the patterns.
    let patterns = || Exclude::new(&effective.config.exclude).ok();
    let exclude = excluded.entry(file.to_owned()).or_insert_with(patterns);
    let path = discovery::relative_path(file, &source.path);
    exclude
        .as_ref()
        .zip(path)
        .is_some_and(|(exclude, path)| exclude.covers(&path))
}

/// Whether the configuration file that the user named can be read. If not, nothing is checked: the settings would not
/// be the intended ones.
pub(crate) fn is_readable(choices: &Choices, console: &mut Console) -> bool {
    let Some(file) = choices.config.as_deref().filter(|_| !choices.no_config) else {
        return true;
    };
    // A pipe can be read only once.
    let metadata = std::fs::metadata(file);
    let is_pipe = metadata.is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    let read = (!is_pipe).then(|| discovery::text(file)).transpose();
    if let Err(reason) = &read {
        console.error(format_args!("{}: {reason}", file.display()));
    }
    read.is_ok()
}

impl<'a> Configurations<'a> {
    pub(crate) fn new(choices: &'a Choices) -> Self {
        Configurations {
            choices,
            folders: HashMap::new(),
            nearest: Nearest::default(),
            read: HashMap::new(),
        }
    }

    /// Returns the configuration for the files of a folder.
    pub(crate) fn of(&mut self, folder: &Path, console: &mut Console) -> Effective {
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

fn read(file: Option<PathBuf>, choices: &Choices, console: &mut Console) -> Effective {
    let (mut config, has_errors) = file
        .as_deref()
        .map_or_else(Default::default, |file| read_file(file, console));
    config.today = Some(config::Date::today());
    Effective {
        config: Arc::new(choices.apply_to(config)),
        has_errors,
        file,
    }
}

/// Reads a configuration file. The flag is set if the file has errors.
fn read_file(file: &Path, console: &mut Console) -> (Config, bool) {
    let text = match discovery::text(file) {
        Ok(text) => text,
        Err(reason) => {
            console.error(format_args!("{}: {reason}", file.display()));
            return (Config::default(), true);
        }
    };
    let reading = config::read(&text, &Rule::names(), config::Date::today());
    let has_errors = !reading.is_valid();
    if !reading.problems.is_empty() {
        let drawn = full::plain(as_findings(file, text, reading.problems));
        if has_errors {
            console.error_text(drawn.trim_end());
        } else {
            console.note_text(drawn.trim_end());
        }
    }
    (reading.config, has_errors)
}

/// Turns the errors of a configuration file into findings, so that they can be printed like findings.
fn as_findings(file: &Path, text: String, errors: Vec<config::ConfigError>) -> CheckedFile {
    let lines = Lines::new(&text);
    let finding = |error: config::ConfigError| Finding {
        rule: "configuration",
        profile: "always",
        severity: error.severity,
        message: error.message,
        span: lines.span(error.range),
        related: Vec::new(),
        document: 0,
        object: None,
        container: None,
        fix: None,
    };
    let findings = errors.into_iter().map(finding).collect();
    CheckedFile {
        path: file.to_owned(),
        text,
        findings,
        fail_on: Severity::Error,
        rule_panics: Vec::new(),
    }
}

/// Returns the path relative to the current folder, if the file is below it.
fn from_here(file: &Path) -> PathBuf {
    file.strip_prefix(workspace::paths::real(Path::new(".")))
        .unwrap_or(file)
        .to_owned()
}
