//! What the server remembers: its client, what it told, the open documents.
//!
//! Knows texts and what is known of them. Must not wait for anything. Promise: no lock outlives the function that takes it;
//! what leaves this module is a snapshot that later changes do not touch.

use super::Setup;
use super::backend::Pulling;
use super::capabilities::Capabilities;
use super::configuration::{self, Configuration, Source};
use super::extras::Offered;
use super::neighbours::Neighbours;
use super::output::Output;
use super::published::Published;
use super::pull::Refresh;
use super::settings::Settings;
use super::workspace_index::Workspace;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use linter::OwnedInputs;
use linter::analysis::Report;
use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use text::{Encoding, Position, Text};
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tower_lsp::Client;
use tower_lsp::ls_types::Uri;

/// So many things wait at most for the client to listen.
pub(super) const MOST_ASIDES: usize = 100;

pub(super) struct State {
    /// Who is asked. What is only told goes to the output.
    pub client: Client,
    pub output: Output,
    pub setup: Setup,
    /// Notified when the server is to end.
    pub leave: Notify,
    /// As many permits as analyses may run at once.
    pub workers: Semaphore,
    pub configuration: Configuration,
    pub neighbours: Neighbours,
    pub extras: Offered,
    pub workspace: Workspace,
    pub refresh: Refresh,
    /// As many permits as things may wait to be told that nobody asked for.
    pub asides: Arc<Semaphore>,
    pub pulling: Pulling,
    capabilities: OnceLock<Capabilities>,
    documents: DashMap<Uri, Document>,
    revisions: AtomicU64,
    shut_down: AtomicBool,
}

/// A document from its opening until its task has cleared it away.
struct Document {
    /// The text as the client has it; `None` once it is closed. The document's task waits at the other end.
    latest: watch::Sender<Option<Snapshot>>,
    analysed: Option<Arc<Analysed>>,
    turn: Arc<Mutex<()>>,
}

/// A document's text at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub text: Text,
    /// The client's number for it.
    pub version: i32,
    /// The server's own: never given twice, whatever clients do with versions.
    pub revision: u64,
    /// What led from an earlier text to this one.
    history: History,
}

/// The edits of a document's text since one of its revisions.
#[derive(Debug, Clone, Default)]
struct History {
    since: u64,
    edits: Vec<Edited>,
}

/// An edit that was made: `inserted` bytes in the place of a range of the text before it.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    pub replaced: Range<usize>,
    pub inserted: usize,
    /// The text behind it.
    pub text: Text,
    /// The revision that it is part of.
    revision: u64,
}

/// What is known of a snapshot.
#[derive(Debug)]
pub(super) struct Analysed {
    pub snapshot: Snapshot,
    pub inputs: Arc<OwnedInputs>,
    pub report: Report,
    /// What was made of it for the client, and of the texts before it.
    pub published: Arc<std::sync::Mutex<Published>>,
    /// The state of the index that its answers are those of.
    pub generation: AtomicU64,
}

/// A change as a client tells it: what to put where; the whole text where no place is named.
#[derive(Debug)]
pub(super) struct Change {
    pub range: Option<Range<Position>>,
    pub text: String,
}

impl State {
    pub(super) fn new(client: Client, output: Output, setup: Setup) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        State {
            client,
            output,
            setup,
            leave: Notify::new(),
            workers: Semaphore::new(workers),
            configuration: Configuration::default(),
            neighbours: Neighbours::default(),
            extras: Offered::default(),
            workspace: Workspace::default(),
            refresh: Refresh::default(),
            asides: Arc::new(Semaphore::new(MOST_ASIDES)),
            pulling: Pulling::default(),
            capabilities: OnceLock::new(),
            documents: DashMap::new(),
            revisions: AtomicU64::new(0),
            shut_down: AtomicBool::new(false),
        }
    }

    /// What the client can do; nothing until it has said so.
    pub(super) fn capabilities(&self) -> Capabilities {
        self.capabilities.get().copied().unwrap_or_default()
    }

    /// Takes what the client says it can do; only the first word counts.
    pub(super) fn set_capabilities(&self, capabilities: Capabilities) {
        self.capabilities.get_or_init(|| capabilities);
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.capabilities().encoding
    }

    pub(super) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }

    /// Takes settings, has all open documents analysed again where that makes a difference, and gives back those complaints that
    /// were not the last ones already.
    pub(super) fn configure(
        &self,
        source: Source,
        settings: Settings,
        complaints: Vec<String>,
    ) -> Vec<String> {
        let (changed, news) = self.configuration.set(source, settings, complaints);
        if changed {
            self.documents.iter().for_each(|document| document.wake());
        }
        news
    }

    /// Takes a text that a client begins to edit. Where no task watches over it yet, its latest text comes back for one.
    pub(super) fn open(
        &self,
        url: Uri,
        text: &str,
        version: i32,
    ) -> Option<watch::Receiver<Option<Snapshot>>> {
        let revision = self.next_revision();
        let history = History {
            since: revision,
            edits: Vec::new(),
        };
        let snapshot = Snapshot {
            text: text.into(),
            version,
            revision,
            history,
        };
        match self.documents.entry(url) {
            Entry::Occupied(document) => {
                document.get().latest.send_replace(Some(snapshot));
                None
            }
            Entry::Vacant(place) => {
                let (latest, mut watched) = watch::channel(Some(snapshot));
                watched.mark_changed();
                place.insert(Document {
                    latest,
                    analysed: None,
                    turn: Arc::default(),
                });
                Some(watched)
            }
        }
    }

    /// Makes the changes in their order. Those for an older version than the one that is held are dropped; those for the same
    /// one are not, since some clients do not count.
    pub(super) fn change(&self, url: &Uri, version: i32, changes: Vec<Change>) {
        let (encoding, revision) = (self.encoding(), self.next_revision());
        let Some(document) = self.documents.get(url) else {
            return;
        };
        document.latest.send_if_modified(|latest| {
            let Some(snapshot) = latest
                .as_mut()
                .filter(|snapshot| snapshot.version <= version)
            else {
                return false;
            };
            snapshot.history.forget_until(
                document
                    .analysed
                    .as_ref()
                    .map(|known| known.snapshot.revision),
            );
            for change in changes {
                snapshot.apply(change, encoding, revision);
            }
            (snapshot.version, snapshot.revision) = (version, revision);
            true
        });
    }

    /// Has a document analysed again.
    pub(super) fn wake(&self, url: &Uri) {
        if let Some(document) = self.documents.get(url) {
            document.wake();
        }
    }

    /// Has the documents analysed again that are answered something else of other objects than they were.
    pub(super) fn wake_outdated(&self) {
        let is_outdated = |document: &Document| {
            document
                .analysed
                .as_ref()
                .is_some_and(|known| known.is_outdated())
        };
        self.documents
            .iter()
            .filter(|document| is_outdated(document))
            .for_each(|document| document.wake());
    }

    /// The open documents.
    pub(super) fn urls(&self) -> Vec<Uri> {
        self.documents
            .iter()
            .map(|document| document.key().clone())
            .collect()
    }

    /// The folders of the open documents that a configuration is for.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let documents = self
            .documents
            .iter()
            .filter(|document| !configuration::is_file(document.key()));
        let folders: HashSet<_> = documents
            .filter_map(|document| configuration::folder_of(document.key()))
            .collect();
        folders.into_iter().collect()
    }

    /// Has the documents in some folders analysed again.
    pub(super) fn wake_in(&self, folders: &HashSet<PathBuf>) {
        let is_there = |url: &Uri| {
            configuration::folder_of(url).is_some_and(|folder| folders.contains(&folder))
        };
        // A configuration file is told of by who reads it.
        let documents = self
            .documents
            .iter()
            .filter(|document| !configuration::is_file(document.key()));
        documents
            .filter(|document| is_there(document.key()))
            .for_each(|document| document.wake());
    }

    /// Takes that the client no longer edits a document. Its task clears it away.
    pub(super) fn close(&self, url: &Uri) {
        if let Some(mut document) = self.documents.get_mut(url) {
            document.analysed = None;
            document.latest.send_replace(None);
        }
    }

    /// Forgets a document if it is still closed; tells whether it was.
    pub(super) fn forget(&self, url: &Uri) -> bool {
        self.documents
            .remove_if(url, |_, document| document.latest.borrow().is_none())
            .is_some()
    }

    /// The text as the client has it now.
    pub(super) fn snapshot(&self, url: &Uri) -> Option<Snapshot> {
        self.documents.get(url)?.latest.borrow().clone()
    }

    /// What is known of a document, of whichever of its texts.
    pub(super) fn analysed(&self, url: &Uri) -> Option<Arc<Analysed>> {
        self.documents.get(url)?.analysed.clone()
    }

    /// Takes away what is known of a document, for who makes something newer of it.
    pub(super) fn take_analysed(&self, url: &Uri) -> Option<Arc<Analysed>> {
        self.documents.get_mut(url)?.analysed.take()
    }

    /// Remembers what is known of a text, unless it was closed or something newer is known.
    pub(super) fn remember(&self, url: &Uri, analysed: &Arc<Analysed>) {
        let Some(mut document) = self.documents.get_mut(url) else {
            return;
        };
        let is_newer = document
            .analysed
            .as_ref()
            .is_none_or(|known| known.snapshot.revision <= analysed.snapshot.revision);
        if is_newer && document.latest.borrow().is_some() {
            document.analysed = Some(Arc::clone(analysed));
        }
    }

    /// What only one may hold who analyses a document, so that no text is analysed twice at once.
    pub(super) fn turn(&self, url: &Uri) -> Arc<Mutex<()>> {
        self.documents
            .get(url)
            .map(|document| Arc::clone(&document.turn))
            .unwrap_or_default()
    }

    fn next_revision(&self) -> u64 {
        self.revisions.fetch_add(1, Ordering::Relaxed)
    }
}

impl Document {
    fn wake(&self) {
        self.latest.send_modify(|_| {});
    }
}

impl Analysed {
    /// Whether what is known of a later snapshot under a configuration can be made of it.
    pub(super) fn leads_to(&self, snapshot: &Snapshot, inputs: &Arc<OwnedInputs>) -> bool {
        self.snapshot.revision <= snapshot.revision && Arc::ptr_eq(&self.inputs, inputs)
    }

    /// Whether other objects say something else by now.
    pub(super) fn is_outdated(&self) -> bool {
        let Some(others) = &self.inputs.context.workspace else {
            return false;
        };
        let generation = others.index.generation();
        if self.generation.load(Ordering::SeqCst) == generation {
            return false;
        }
        let is_outdated = self.report.is_outdated(others);
        if !is_outdated {
            self.generation.store(generation, Ordering::SeqCst);
        }
        is_outdated
    }

    /// Whether it is what is known of that very snapshot under that very configuration.
    pub(super) fn is_of(&self, snapshot: &Snapshot, inputs: &Arc<OwnedInputs>) -> bool {
        self.snapshot.revision == snapshot.revision && Arc::ptr_eq(&self.inputs, inputs)
    }
}

impl Snapshot {
    /// A text that no client edits.
    pub(super) fn of(text: &str) -> Self {
        Snapshot {
            text: text.into(),
            version: 0,
            revision: 0,
            history: History::default(),
        }
    }

    fn apply(&mut self, change: Change, encoding: Encoding, revision: u64) {
        let (replaced, inserted) = match change.range {
            None => {
                let text = Text::from(change.text.as_str());
                let difference = self.text.difference(&text);
                self.text = text;
                difference
            }
            Some(range) => {
                let range = self.text.range(range, encoding);
                self.text.replace(range.clone(), &change.text);
                (range, change.text.len())
            }
        };
        self.history.edits.push(Edited {
            replaced,
            inserted,
            text: self.text.clone(),
            revision,
        });
    }

    /// The edits that made this text of the one of an earlier snapshot of the same document.
    pub(super) fn edits_since(&self, earlier: &Snapshot) -> Vec<Edited> {
        if earlier.revision < self.history.since {
            let (replaced, inserted) = earlier.text.difference(&self.text);
            return vec![Edited {
                replaced,
                inserted,
                text: self.text.clone(),
                revision: self.revision,
            }];
        }
        self.history
            .edits
            .iter()
            .filter(|edit| edit.revision > earlier.revision)
            .cloned()
            .collect()
    }
}

impl History {
    /// Nobody will ask for what led to a revision of which all is known; and after so many edits a comparison is cheaper.
    fn forget_until(&mut self, known: Option<u64>) {
        const MOST: usize = 1000;
        if let Some(known) = known.filter(|known| *known > self.since) {
            self.edits.retain(|edit| edit.revision > known);
            self.since = known;
        }
        if self.edits.len() > MOST
            && let Some(last) = self.edits.pop()
        {
            self.edits.clear();
            self.since = last.revision;
        }
    }
}
