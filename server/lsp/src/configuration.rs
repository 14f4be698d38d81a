//! What each document is held to: the client's settings over the configuration file that counts for its folder.
//!
//! Knows which file counts where, and what each said when it last was right. Must not know what a configuration means. Promise:
//! files are read off the threads that talk; one reader at a time speaks of them, so that what the client hears last of a file
//! is true; a mistake in a file leaves what the file said before in force.

use super::analysis::{self, Panicked};
use super::groups::Grouping;
use super::settings::Settings;
use super::state::{Snapshot, State};
use super::{extras, to_proto, uri};
use linter::config::{self, Config, ConfigError, Reading, discovery};
use linter::rules::{Rule, Severity};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use text::Text;
use tokio::sync::{Mutex, MutexGuard};
use tower_lsp::ls_types::notification::PublishDiagnostics;
use tower_lsp::ls_types::{self as lsp, Uri};

#[derive(Default)]
pub(super) struct Configuration {
    known: RwLock<Known>,
    /// Held by who reads files or tells of the mistakes in them.
    turn: Mutex<()>,
    /// Whether somebody waits for the turn to look at everything: who asks then is answered by that look.
    is_awaited: AtomicBool,
}

#[derive(Default)]
struct Known {
    told: Told,
    /// By a folder with documents in it, the file that counts there.
    folders: HashMap<PathBuf, Option<PathBuf>>,
    files: HashMap<PathBuf, File>,
    /// What counts where no file does.
    without: Arc<Config>,
    /// The files that the client edits: their text is the client's, and so is their name.
    edited: HashMap<PathBuf, Uri>,
    /// By a document for which exceptions by path make a difference, what counts in its folder, and what that comes to.
    narrowed: HashMap<Uri, (Arc<Config>, Arc<Config>)>,
}

/// Settings as they came.
#[derive(Default)]
struct Told {
    initial: Settings,
    told: Settings,
    pulled: Settings,
    /// What was wrong in them, so that a client that sends them in two ways is not told twice.
    complaints: Vec<String>,
}

/// How settings reached the server. Clients mix the ways, and leave any of them empty; a later one here counts before the
/// earlier ones, setting by setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// With `initialize`.
    Initial,
    /// With `workspace/didChangeConfiguration`.
    Told,
    /// As an answer to `workspace/configuration`.
    Pulled,
}

/// A configuration file, and what came of it.
#[derive(Default)]
struct File {
    content: Option<Content>,
    /// What it said when it had no mistake; until then, what was right in it.
    said: Config,
    was_right: bool,
    config: Arc<Config>,
}

/// A text of a configuration file, and what it says.
#[derive(Debug, Clone, PartialEq)]
struct Content {
    text: String,
    reading: Reading,
}

/// What a look at the disk brought.
#[derive(Default)]
struct Seen {
    folders: Vec<(PathBuf, Option<PathBuf>)>,
    files: Vec<(PathBuf, Content)>,
}

/// What is different after a look.
#[derive(Default)]
struct News {
    /// Folders with another configuration.
    folders: HashSet<PathBuf>,
    /// Files of whose mistakes the client is to be told, with their texts.
    mistakes: Vec<(PathBuf, String, Vec<ConfigError>)>,
}

/// Whether a document is a configuration file.
pub(super) fn is_file(url: &Uri) -> bool {
    uri::last_segment(url) == discovery::FILE_NAME
}

/// The folder that a document stands in, where it stands on a disk.
pub(super) fn folder_of(url: &Uri) -> Option<PathBuf> {
    uri::file_of(url)?.parent().map(Path::to_owned)
}

/// What a document is held to.
pub(super) async fn of(state: &Arc<State>, url: &Uri) -> Result<Arc<Config>, Panicked> {
    let Some(folder) = folder_of(url) else {
        return Ok(state.configuration.without());
    };
    if let Some(known) = state.configuration.of(&folder) {
        return Ok(state.configuration.narrowed(url, &folder, known));
    }
    let turn = state.configuration.turn().await;
    look(state, vec![folder.clone()], &turn, Known::add).await?;
    let known = state
        .configuration
        .of(&folder)
        .unwrap_or_else(|| state.configuration.without());
    Ok(state.configuration.narrowed(url, &folder, known))
}

/// The configuration file that counts for a document, where there is one, and what the client calls it if it edits it.
pub(super) fn file_of(state: &State, url: &Uri) -> Option<(PathBuf, Option<Uri>)> {
    let known = state.configuration.read();
    let file = known.folders.get(&folder_of(url)?)?.clone()?;
    let known_as = known.edited.get(&file).cloned();
    Some((file, known_as))
}

/// Reads again all that counts for the open documents. A look that fails changes nothing.
pub(super) async fn look_again(state: Arc<State>) {
    if state.configuration.is_awaited.swap(true, Ordering::SeqCst) {
        return;
    }
    let turn = state.configuration.turn().await;
    // What changes from here on is for the next look.
    state
        .configuration
        .is_awaited
        .store(false, Ordering::SeqCst);
    let _ = look(&state, state.folders(), &turn, Known::replace).await;
}

async fn look(
    state: &Arc<State>,
    folders: Vec<PathBuf>,
    _turn: &MutexGuard<'_, ()>,
    take: fn(&mut Known, Seen) -> News,
) -> Result<(), Panicked> {
    let edited = state.configuration.edited();
    let texts = edited
        .into_iter()
        .filter_map(|(file, url)| Some((file, state.snapshot(&url)?.text.to_string())))
        .collect();
    let seen = analysis::off_thread(state, move || see(folders, texts)).await?;
    let news = take(&mut state.configuration.write(), seen);
    state.wake_in(&news.folders);
    if !news.folders.is_empty() {
        tokio::spawn(extras::settle(Arc::clone(state)));
    }
    for (file, text, problems) in news.mistakes {
        publish(state, &file, &text, &problems).await;
    }
    Ok(())
}

/// Takes the text that the client has of a configuration file, and gives back what is to be shown in it. The turn comes with
/// it, to be kept until that is sent.
pub(super) async fn edit<'s>(
    state: &'s Arc<State>,
    url: &Uri,
    snapshot: &Snapshot,
) -> Result<(Vec<lsp::Diagnostic>, MutexGuard<'s, ()>), Panicked> {
    let turn = state.configuration.turn().await;
    let (folder, text) = (folder_of(url), snapshot.text.to_string());
    let (file, content) = analysis::off_thread(state, move || {
        let file = folder.map(|folder| workspace::paths::real(&folder).join(discovery::FILE_NAME));
        (file, Content::of(text))
    })
    .await?;
    let diagnostics = to_proto::mistakes(
        &content.reading.problems,
        &snapshot.text,
        &state.capabilities(),
    );
    if let Some(file) = file {
        let changed = state.configuration.write().edit(file, url, content);
        state.wake_in(&changed);
    }
    Ok((diagnostics, turn))
}

/// Takes that the client no longer edits a configuration file: what is on the disk counts again.
pub(super) async fn close(state: &Arc<State>, url: &Uri) {
    let turn = state.configuration.turn().await;
    let nothing = lsp::PublishDiagnosticsParams {
        uri: url.clone(),
        diagnostics: Vec::new(),
        version: None,
    };
    state.output.notify::<PublishDiagnostics>(nothing).await;
    state.configuration.write().close(url);
    let _ = look(state, state.folders(), &turn, Known::replace).await;
}

async fn publish(state: &State, file: &Path, text: &str, problems: &[ConfigError]) {
    let Some(url) = uri::of_file(file) else {
        return;
    };
    let diagnostics = to_proto::mistakes(problems, &Text::from(text), &state.capabilities());
    state
        .output
        .notify::<PublishDiagnostics>(lsp::PublishDiagnosticsParams {
            uri: url,
            diagnostics,
            version: None,
        })
        .await;
}

/// Finds the files for some folders and reads them; those that the client edits have the texts that it has.
fn see(folders: Vec<PathBuf>, texts: HashMap<PathBuf, String>) -> Seen {
    let mut seen = Seen::default();
    let mut files = HashSet::new();
    for folder in folders {
        let file = discovery::nearest(&folder);
        files.extend(file.clone());
        seen.folders.push((folder, file));
    }
    for file in files {
        let content = match texts.get(&file) {
            Some(text) => Content::of(text.clone()),
            None => Content::on_disk(&file),
        };
        seen.files.push((file, content));
    }
    seen
}

impl Configuration {
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn without(&self) -> Arc<Config> {
        Arc::clone(&self.read().without)
    }

    fn of(&self, folder: &Path) -> Option<Arc<Config>> {
        self.read().of(folder)
    }

    /// What counts in a folder, without the exceptions that are for other files than this one.
    fn narrowed(&self, url: &Uri, folder: &Path, known: Arc<Config>) -> Arc<Config> {
        let file = self.read().folders.get(folder).cloned().flatten();
        let way = || discovery::relative_path(&file?, &uri::file_of(url)?);
        let Some(config) = known.for_file(way().as_deref()) else {
            return known;
        };
        self.write().narrow(url, known, config)
    }

    fn edited(&self) -> HashMap<PathBuf, Uri> {
        self.read().edited.clone()
    }

    /// What the client set.
    pub(super) fn settings(&self) -> Settings {
        self.read().told.settings()
    }

    /// How findings are shown.
    pub(super) fn grouping(&self) -> Grouping {
        self.settings().grouping()
    }

    /// Takes settings. Tells whether they make a difference, and gives back those complaints that were not the last ones already.
    pub(super) fn set(
        &self,
        source: Source,
        settings: Settings,
        complaints: Vec<String>,
    ) -> (bool, Vec<String>) {
        self.write().set(source, settings, complaints)
    }
}

impl Known {
    fn of(&self, folder: &Path) -> Option<Arc<Config>> {
        match self.folders.get(folder)? {
            None => Some(Arc::clone(&self.without)),
            Some(file) => self.files.get(file).map(|file| Arc::clone(&file.config)),
        }
    }

    /// The same configuration for a document as long as the same counts in its folder: what is known under it stays known.
    fn narrow(&mut self, url: &Uri, known: Arc<Config>, config: Config) -> Arc<Config> {
        let place = self
            .narrowed
            .entry(url.clone())
            .or_insert_with(|| (Arc::clone(&known), Arc::default()));
        place.0 = known;
        put(&mut place.1, config);
        Arc::clone(&place.1)
    }

    fn set(
        &mut self,
        source: Source,
        settings: Settings,
        complaints: Vec<String>,
    ) -> (bool, Vec<String>) {
        let grouping = self.told.settings().grouping();
        match source {
            Source::Initial => self.told.initial = settings,
            Source::Told => self.told.told = settings,
            Source::Pulled => self.told.pulled = settings,
        }
        let settings = self.told.settings();
        let mut changed = settings.grouping() != grouping;
        changed |= put(&mut self.without, settings.over(Config::default()));
        for file in self.files.values_mut() {
            changed |= put(&mut file.config, settings.over(file.said.clone()));
        }
        let news = complaints
            .iter()
            .filter(|complaint| !self.told.complaints.contains(complaint))
            .cloned()
            .collect();
        self.told.complaints = complaints;
        (changed, news)
    }

    /// Takes what counts in some more folders.
    fn add(&mut self, seen: Seen) -> News {
        let before: Vec<_> = self
            .folders
            .keys()
            .map(|folder| (folder.clone(), self.of(folder)))
            .collect();
        self.folders.extend(seen.folders);
        let settings = self.told.settings();
        let mut news = News::default();
        for (path, content) in seen.files {
            let is_edited = self.edited.contains_key(&path);
            let file = self.files.entry(path.clone()).or_default();
            let mistakes = content.reading.problems.clone();
            let text = content.text.clone();
            if file.take(content, settings) && !is_edited {
                news.mistakes.push((path, text, mistakes));
            }
        }
        let is_same = |one: &Option<Arc<Config>>, other: &Option<Arc<Config>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let changed = before
            .into_iter()
            .filter(|(folder, config)| !is_same(config, &self.of(folder)));
        news.folders = changed.map(|(folder, _)| folder).collect();
        news
    }

    /// Takes what counts in all folders. A file that counts nowhere any more has nothing wrong in it.
    fn replace(&mut self, seen: Seen) -> News {
        let folders: HashSet<_> = seen
            .folders
            .iter()
            .map(|(folder, _)| folder.clone())
            .collect();
        let files: HashSet<_> = seen.files.iter().map(|(file, _)| file.clone()).collect();
        let mut news = self.add(seen);
        self.folders.retain(|folder, _| folders.contains(folder));
        let counts = |config: &Arc<Config>| {
            self.files
                .values()
                .any(|file| Arc::ptr_eq(&file.config, config))
        };
        self.narrowed.retain(|_, (known, _)| counts(known));
        let edited = &self.edited;
        self.files.retain(|path, file| {
            let stays = files.contains(path);
            if !stays && file.has_mistakes() && !edited.contains_key(path) {
                news.mistakes
                    .push((path.clone(), String::new(), Vec::new()));
            }
            stays
        });
        news
    }

    /// Takes the client's text of a file. Gives back the folders in which that makes a difference.
    fn edit(&mut self, path: PathBuf, url: &Uri, content: Content) -> HashSet<PathBuf> {
        self.edited.insert(path.clone(), url.clone());
        // A file that counts nowhere, as one that was never saved, is looked at once it does.
        if !self.files.contains_key(&path) {
            return HashSet::new();
        }
        self.add(Seen {
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
            // The client shows nothing in it now, so that all there is to say of it is news.
            file.content = None;
        }
    }
}

impl Told {
    fn settings(&self) -> Settings {
        self.pulled.or(self.told).or(self.initial)
    }
}

impl File {
    fn has_mistakes(&self) -> bool {
        self.content
            .as_ref()
            .is_some_and(|content| !content.reading.problems.is_empty())
    }

    /// Takes a text. Tells whether that changes what is to be shown in the file.
    fn take(&mut self, content: Content, settings: Settings) -> bool {
        if self.content.as_ref() == Some(&content) {
            return false;
        }
        let is_right = content.reading.is_valid();
        if is_right || !self.was_right {
            self.said = content.reading.config.clone();
            self.was_right = is_right;
        }
        put(&mut self.config, settings.over(self.said.clone()));
        let had_mistakes = self.has_mistakes();
        self.content = Some(content);
        had_mistakes || self.has_mistakes()
    }
}

impl Content {
    fn of(text: String) -> Self {
        let reading = config::read(&text, &Rule::ids(), config::Date::today());
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

/// Puts a configuration in the place of another one, unless they say the same: what was found under it stays known then. Tells
/// whether it did.
fn put(place: &mut Arc<Config>, config: Config) -> bool {
    let changed = **place != config;
    if changed {
        *place = Arc::new(config);
    }
    changed
}
