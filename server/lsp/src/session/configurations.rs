//! The configuration of each document: the client's settings over the configuration file of its folder.
//!
//! Files are read on the blocking pool, one read at a time, so that the last diagnostics that the client gets for a file are right. A
//! mistake in a file leaves its previous configuration in force.

use super::documents::{Documents, Snapshot};
use super::dynamic_features::DynamicFeatures;
use super::run_again::RunAgain;
use super::settings::Settings;
use super::settings_store::{SettingsStore, Source};
use super::workers::{Panicked, Workers};
use crate::protocol::client::ClientHandle;
use crate::protocol::to_proto;
use crate::protocol::uri::{self, folder_of};
use linter::config::{self, Config, ConfigError, Reading, discovery};
use linter::rules::{Rule, Severity};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use text::Text;
use tokio::sync::MutexGuard;
use tower_lsp::ls_types::notification::PublishDiagnostics;
use tower_lsp::ls_types::{self as lsp, Uri};

/// The configuration of every document.
pub(crate) struct Configurations {
    client: ClientHandle,
    settings: Arc<SettingsStore>,
    documents: Arc<Documents>,
    features: Arc<DynamicFeatures>,
    workers: Arc<Workers>,
    known: RwLock<Known>,
    /// Held while files are read and their mistakes are published.
    reads: RunAgain,
}

#[derive(Default)]
struct Known {
    settings: Settings,
    /// The configuration file of each folder with documents.
    folders: HashMap<PathBuf, Option<PathBuf>>,
    files: HashMap<PathBuf, File>,
    /// The configuration without a file.
    without: Arc<Config>,
    /// The files that the client edits, with the client's names for them.
    edited: HashMap<PathBuf, Uri>,
    /// For each document that exceptions by path concern: the configuration of its folder, and its own.
    narrowed: HashMap<Uri, (Arc<Config>, Arc<Config>)>,
}

/// A configuration file and its configuration.
#[derive(Default)]
struct File {
    content: Option<Content>,
    /// Its last configuration without mistakes; before that, whatever is valid in it.
    own: Config,
    was_valid: bool,
    /// The same with the client's settings.
    config: Arc<Config>,
}

/// A text of a configuration file and its contents.
#[derive(Debug, Clone, PartialEq)]
struct Content {
    text: String,
    reading: Reading,
}

/// What is on the disk.
#[derive(Default)]
struct Found {
    folders: Vec<(PathBuf, Option<PathBuf>)>,
    files: Vec<(PathBuf, Content)>,
}

/// What changed.
#[derive(Default)]
struct Changes {
    /// Folders with another configuration.
    folders: HashSet<PathBuf>,
    /// Files whose mistakes must be published, with their texts.
    mistakes: Vec<(PathBuf, String, Vec<ConfigError>)>,
}

impl Configurations {
    pub(crate) fn new(
        client: ClientHandle,
        settings: Arc<SettingsStore>,
        documents: Arc<Documents>,
        features: Arc<DynamicFeatures>,
        workers: Arc<Workers>,
    ) -> Self {
        Configurations {
            client,
            settings,
            documents,
            features,
            workers,
            known: RwLock::default(),
            reads: RunAgain::default(),
        }
    }

    /// Returns the configuration of a document.
    pub(crate) async fn of(&self, url: &Uri) -> Result<Arc<Config>, Panicked> {
        let Some(folder) = folder_of(url) else {
            return Ok(self.without_file());
        };
        if let Some(known) = self.of_folder(&folder) {
            return Ok(self.narrowed(url, &folder, known));
        }
        let turn = self.reads.turn().await;
        self.read_files(vec![folder.clone()], &turn, Known::add)
            .await?;
        let known = self
            .of_folder(&folder)
            .unwrap_or_else(|| self.without_file());
        Ok(self.narrowed(url, &folder, known))
    }

    /// Returns the configuration file of a document, and the client's name for it if it edits it.
    pub(crate) fn file_of(&self, url: &Uri) -> Option<(PathBuf, Option<Uri>)> {
        let known = self.read();
        let file = known.folders.get(&folder_of(url)?)?.clone()?;
        let edited = known.edited.get(&file).cloned();
        Some((file, edited))
    }

    /// Reads the configuration files of all open documents again. A failure changes nothing.
    pub(crate) async fn reload(&self) {
        if let Some(turn) = self.reads.request().await {
            self.reload_now(&turn).await;
        }
    }

    async fn reload_now(&self, turn: &MutexGuard<'_, ()>) {
        let folders = self.documents.folders();
        if let Err(panicked) = self.read_files(folders, turn, Known::replace).await {
            self.client.report_error(format!(
                "kubeharden crashed while reading configuration files: {panicked}"
            ));
        }
    }

    async fn read_files(
        &self,
        folders: Vec<PathBuf>,
        _turn: &MutexGuard<'_, ()>,
        take: fn(&mut Known, Found) -> Changes,
    ) -> Result<(), Panicked> {
        let edited = self.read().edited.clone();
        let texts = edited
            .into_iter()
            .filter_map(|(file, url)| Some((file, self.documents.snapshot(&url)?.text.to_string())))
            .collect();
        let found = self.workers.run(move || find(folders, texts)).await?;
        let changes = take(&mut self.write(), found);
        self.documents.wake_in(&changes.folders);
        if !changes.folders.is_empty() {
            self.update_features();
        }
        for (file, text, problems) in changes.mistakes {
            self.publish(&file, &text, &problems).await;
        }
        Ok(())
    }

    fn update_features(&self) {
        let features = Arc::clone(&self.features);
        tokio::spawn(async move { features.update().await });
    }

    /// Replaces the text of a configuration file that the client edits. Returns its diagnostics, and the turn to hold until they
    /// are sent.
    pub(crate) async fn edit(
        &self,
        url: &Uri,
        snapshot: &Snapshot,
    ) -> Result<(Vec<lsp::Diagnostic>, MutexGuard<'_, ()>), Panicked> {
        let turn = self.reads.turn().await;
        let (file, text) = (uri::file_of(url), snapshot.text.to_string());
        let read = move || {
            let real = |file: PathBuf| {
                let folder = workspace::paths::real(file.parent()?);
                Some(folder.join(file.file_name()?))
            };
            (file.and_then(real), Content::of(text))
        };
        let (file, content) = self.workers.run(read).await?;
        let diagnostics = to_proto::config_diagnostics(
            &content.reading.problems,
            &snapshot.text,
            &self.client.capabilities(),
        );
        if let Some(file) = file {
            let changed = self.write().edit(file, url, content);
            self.documents.wake_in(&changed);
        }
        Ok((diagnostics, turn))
    }

    /// Forgets the client's text of a configuration file: the file on the disk counts again.
    pub(crate) async fn close(&self, url: &Uri) {
        let turn = self.reads.turn().await;
        let nothing = lsp::PublishDiagnosticsParams::new(url.clone(), Vec::new(), None);
        self.client.notify::<PublishDiagnostics>(nothing).await;
        self.write().close(url);
        self.reload_now(&turn).await;
    }

    async fn publish(&self, file: &Path, text: &str, problems: &[ConfigError]) {
        let Some(url) = uri::of_file(file) else {
            return;
        };
        let text = Text::from(text);
        let diagnostics =
            to_proto::config_diagnostics(problems, &text, &self.client.capabilities());
        let params = lsp::PublishDiagnosticsParams::new(url, diagnostics, None);
        self.client.notify::<PublishDiagnostics>(params).await;
    }

    /// Replaces the settings of one source, and wakes all documents if that makes a difference. Returns new mistakes in them.
    pub(crate) fn set_settings(&self, source: Source, value: Value) -> Vec<String> {
        let mistakes = self.settings.set(source, value);
        if self.write().set(self.settings.get()) {
            self.documents.wake_all();
        }
        // Before `initialize` is answered nothing may be sent to the client.
        if source != Source::Initial {
            self.update_features();
        }
        mistakes
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn without_file(&self) -> Arc<Config> {
        Arc::clone(&self.read().without)
    }

    fn of_folder(&self, folder: &Path) -> Option<Arc<Config>> {
        self.read().of(folder)
    }

    /// Returns the configuration of a folder without the exceptions for other files than this one.
    fn narrowed(&self, url: &Uri, folder: &Path, known: Arc<Config>) -> Arc<Config> {
        let file = self.read().folders.get(folder).cloned().flatten();
        let path = || discovery::relative_path(&file?, &uri::file_of(url)?);
        let Some(config) = known.for_file(path().as_deref()) else {
            return known;
        };
        self.write().narrow(url, known, config)
    }
}

/// Finds and reads the files of some folders. Files that the client edits have its texts.
fn find(folders: Vec<PathBuf>, texts: HashMap<PathBuf, String>) -> Found {
    let mut found = Found::default();
    let mut files = HashSet::new();
    for folder in folders {
        let file = discovery::nearest(&folder);
        files.extend(file.clone());
        found.folders.push((folder, file));
    }
    for file in files {
        let content = match texts.get(&file) {
            Some(text) => Content::of(text.clone()),
            None => Content::on_disk(&file),
        };
        found.files.push((file, content));
    }
    found
}

impl Known {
    fn of(&self, folder: &Path) -> Option<Arc<Config>> {
        match self.folders.get(folder)? {
            None => Some(Arc::clone(&self.without)),
            Some(file) => self.files.get(file).map(|file| Arc::clone(&file.config)),
        }
    }

    /// Returns the same configuration for a document while that of its folder is the same, so that its analysis stays valid.
    fn narrow(&mut self, url: &Uri, known: Arc<Config>, config: Config) -> Arc<Config> {
        let place = self
            .narrowed
            .entry(url.clone())
            .or_insert_with(|| (Arc::clone(&known), Arc::default()));
        place.0 = known;
        replace(&mut place.1, config);
        Arc::clone(&place.1)
    }

    /// Applies settings. Returns whether that makes a difference for documents.
    fn set(&mut self, settings: Settings) -> bool {
        let mut changed = settings.grouping != self.settings.grouping;
        self.settings = settings;
        changed |= replace(&mut self.without, effective(settings, Config::default()));
        for file in self.files.values_mut() {
            changed |= replace(&mut file.config, effective(settings, file.own.clone()));
        }
        changed
    }

    /// Adds the configurations of some folders.
    fn add(&mut self, found: Found) -> Changes {
        let before: Vec<_> = self
            .folders
            .keys()
            .map(|folder| (folder.clone(), self.of(folder)))
            .collect();
        self.folders.extend(found.folders);
        let settings = self.settings;
        let mut changes = Changes::default();
        for (path, content) in found.files {
            let is_edited = self.edited.contains_key(&path);
            let file = self.files.entry(path.clone()).or_default();
            let mistakes = content.reading.problems.clone();
            let text = content.text.clone();
            if file.take(content, settings) && !is_edited {
                changes.mistakes.push((path, text, mistakes));
            }
        }
        let is_same = |one: &Option<Arc<Config>>, other: &Option<Arc<Config>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let changed = before
            .into_iter()
            .filter(|(folder, config)| !is_same(config, &self.of(folder)));
        changes.folders = changed.map(|(folder, _)| folder).collect();
        changes
    }

    /// Replaces the configurations of all folders. The mistakes of files that are no longer used are cleared.
    fn replace(&mut self, found: Found) -> Changes {
        let folders: HashSet<_> = found
            .folders
            .iter()
            .map(|(folder, _)| folder.clone())
            .collect();
        let files: HashSet<_> = found.files.iter().map(|(file, _)| file.clone()).collect();
        let mut changes = self.add(found);
        self.folders.retain(|folder, _| folders.contains(folder));
        let is_used = |config: &Arc<Config>| {
            self.files
                .values()
                .any(|file| Arc::ptr_eq(&file.config, config))
        };
        self.narrowed.retain(|_, (known, _)| is_used(known));
        let edited = &self.edited;
        self.files.retain(|path, file| {
            let stays = files.contains(path);
            if !stays && file.has_mistakes() && !edited.contains_key(path) {
                changes
                    .mistakes
                    .push((path.clone(), String::new(), Vec::new()));
            }
            stays
        });
        changes
    }

    /// Replaces the client's text of a file. Returns the folders whose configuration changed.
    fn edit(&mut self, path: PathBuf, url: &Uri, content: Content) -> HashSet<PathBuf> {
        self.edited.insert(path.clone(), url.clone());
        // A file that no folder uses, such as one that was never saved, is read once one does.
        if !self.files.contains_key(&path) {
            return HashSet::new();
        }
        self.add(Found {
            folders: Vec::new(),
            files: vec![(path, content)],
        })
        .folders
    }

    fn close(&mut self, url: &Uri) {
        let Some(path) = self
            .edited
            .iter()
            .find(|(_, edited)| *edited == url)
            .map(|(path, _)| path.clone())
        else {
            return;
        };
        self.edited.remove(&path);
        if let Some(file) = self.files.get_mut(&path) {
            // The client shows no diagnostics for it now, so all of them must be published.
            file.content = None;
        }
    }
}

impl File {
    fn has_mistakes(&self) -> bool {
        self.content
            .as_ref()
            .is_some_and(|content| !content.reading.problems.is_empty())
    }

    /// Takes a text. Returns whether the diagnostics of the file must be published.
    fn take(&mut self, content: Content, settings: Settings) -> bool {
        if self.content.as_ref() == Some(&content) {
            return false;
        }
        let is_valid = content.reading.is_valid();
        if is_valid || !self.was_valid {
            self.own = content.reading.config.clone();
            self.was_valid = is_valid;
        }
        replace(&mut self.config, effective(settings, self.own.clone()));
        let had_mistakes = self.has_mistakes();
        self.content = Some(content);
        had_mistakes || self.has_mistakes()
    }
}

/// Returns a configuration with the client's settings, and with the day for suppressions that expire.
fn effective(settings: Settings, config: Config) -> Config {
    Config {
        today: Some(config::Date::today()),
        ..settings.override_config(config)
    }
}

impl Content {
    fn of(text: String) -> Self {
        let reading = config::read(&text, &Rule::names(), config::Date::today());
        Content { text, reading }
    }

    fn on_disk(file: &Path) -> Self {
        discovery::text(file).map_or_else(
            |message| {
                let problems = vec![ConfigError {
                    range: 0..0,
                    severity: Severity::Error,
                    message,
                }];
                Content {
                    text: String::new(),
                    reading: Reading {
                        config: Config::default(),
                        problems,
                    },
                }
            },
            Content::of,
        )
    }
}

/// Replaces a configuration unless the new one is equal, so that analyses stay valid. Returns whether it did.
fn replace(place: &mut Arc<Config>, config: Config) -> bool {
    let changed = **place != config;
    if changed {
        *place = Arc::new(config);
    }
    changed
}
