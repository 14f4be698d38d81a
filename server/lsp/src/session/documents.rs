//! The open documents, and what is known about each.
//!
//! Waits for nothing: no lock outlives the function that takes it. A [`Snapshot`] does not change when its document does.

use crate::protocol::from_proto::Change;
use crate::protocol::uri::{folder_of, is_configuration_file};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use linter::OwnedInputs;
use linter::analysis::Report;
use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use text::{Encoding, Text};
use tokio::sync::{Mutex, watch};
use tower_lsp::ls_types::Uri;

/// The open documents.
#[derive(Default)]
pub(crate) struct Documents {
    documents: DashMap<Uri, Document>,
    revisions: AtomicU64,
}

/// A document, from `didOpen` until its task has removed it.
struct Document {
    /// The text that the client has; `None` once it is closed. The document's task waits at the other end.
    latest: watch::Sender<Option<Snapshot>>,
    analyzed: Option<Arc<Analyzed>>,
    turn: Arc<Mutex<()>>,
}

/// A document's text at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub text: Text,
    /// The client's number for it.
    pub version: i32,
    /// The server's own number for it, never used twice.
    pub revision: u64,
    /// The end of the last edit since the text was opened or saved, in bytes.
    pub last_edit: Option<usize>,
    /// The edits from an earlier text to this one.
    history: History,
}

/// The edits of a document's text since one of its revisions.
#[derive(Debug, Clone, Default)]
struct History {
    since: u64,
    edits: Vec<Edited>,
}

/// An edit that was made: `inserted` bytes replaced a range, in bytes, of the text before it.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    pub replaced: Range<usize>,
    pub inserted: usize,
    /// The text after it.
    pub text: Text,
    /// The revision that it belongs to.
    revision: u64,
}

/// The analysis of a snapshot.
#[derive(Debug)]
pub(crate) struct Analyzed {
    pub snapshot: Snapshot,
    pub inputs: Arc<OwnedInputs>,
    pub report: Report,
    /// The generation of the workspace index that it used.
    pub generation: AtomicU64,
}

impl Documents {
    /// Wakes the tasks of all documents, so that they are analyzed again.
    pub(crate) fn wake_all(&self) {
        self.documents.iter().for_each(|document| document.wake());
    }

    /// Opens a document. Returns the receiver of its texts, unless a task has it already.
    pub(crate) fn open(
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
            last_edit: None,
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
                    analyzed: None,
                    turn: Arc::default(),
                });
                Some(watched)
            }
        }
    }

    /// Applies changes in their order. Drops those for an older version; keeps those for the same one, since some clients do not count.
    pub(crate) fn change(&self, url: &Uri, version: i32, changes: Vec<Change>, encoding: Encoding) {
        let revision = self.next_revision();
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
            snapshot.history.drop_until(
                document
                    .analyzed
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

    /// Notes that a document was saved, and wakes its task. A saved text is complete, so that it counts as a new one.
    /// Returns whether it was edited since it was opened or saved.
    pub(crate) fn saved(&self, url: &Uri) -> bool {
        let revision = self.next_revision();
        let Some(document) = self.documents.get(url) else {
            return false;
        };
        let mut was_edited = false;
        document.latest.send_modify(|latest| {
            let edited = latest
                .as_mut()
                .filter(|snapshot| snapshot.last_edit.is_some());
            if let Some(snapshot) = edited {
                (snapshot.last_edit, snapshot.revision) = (None, revision);
                was_edited = true;
            }
        });
        was_edited
    }

    /// Wakes the task of a document, so that it is analyzed again.
    pub(crate) fn wake(&self, url: &Uri) {
        if let Some(document) = self.documents.get(url) {
            document.wake();
        }
    }

    /// Wakes the documents whose cross-references changed.
    pub(crate) fn wake_outdated(&self) {
        let is_outdated = |document: &Document| {
            document
                .analyzed
                .as_ref()
                .is_some_and(|known| known.is_outdated())
        };
        self.documents
            .iter()
            .filter(|document| is_outdated(document))
            .for_each(|document| document.wake());
    }

    /// Returns the open documents.
    pub(crate) fn urls(&self) -> Vec<Uri> {
        self.documents
            .iter()
            .map(|document| document.key().clone())
            .collect()
    }

    /// Returns the folders of the open documents, except those of configuration files.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let documents = self
            .documents
            .iter()
            .filter(|document| !is_configuration_file(document.key()));
        let folders: HashSet<_> = documents
            .filter_map(|document| folder_of(document.key()))
            .collect();
        folders.into_iter().collect()
    }

    /// Wakes the documents in some folders.
    pub(crate) fn wake_in(&self, folders: &HashSet<PathBuf>) {
        let is_there = |url: &Uri| folder_of(url).is_some_and(|folder| folders.contains(&folder));
        // Configuration files are reported by their reader.
        let documents = self
            .documents
            .iter()
            .filter(|document| !is_configuration_file(document.key()));
        documents
            .filter(|document| is_there(document.key()))
            .for_each(|document| document.wake());
    }

    /// Closes a document. Its task removes it.
    pub(crate) fn close(&self, url: &Uri) {
        if let Some(mut document) = self.documents.get_mut(url) {
            document.analyzed = None;
            document.latest.send_replace(None);
        }
    }

    /// Removes a document if it is still closed. Returns whether it was.
    pub(crate) fn forget(&self, url: &Uri) -> bool {
        self.documents
            .remove_if(url, |_, document| document.latest.borrow().is_none())
            .is_some()
    }

    /// Returns the text that the client has now.
    pub(crate) fn snapshot(&self, url: &Uri) -> Option<Snapshot> {
        self.documents.get(url)?.latest.borrow().clone()
    }

    /// Returns the last analysis of a document, perhaps of an earlier text.
    pub(crate) fn analyzed(&self, url: &Uri) -> Option<Arc<Analyzed>> {
        self.documents.get(url)?.analyzed.clone()
    }

    /// Removes the last analysis of a document, to update it.
    pub(crate) fn take_analyzed(&self, url: &Uri) -> Option<Arc<Analyzed>> {
        self.documents.get_mut(url)?.analyzed.take()
    }

    /// Stores an analysis, unless the document is closed or has a newer one.
    pub(crate) fn remember(&self, url: &Uri, analyzed: &Arc<Analyzed>) {
        let Some(mut document) = self.documents.get_mut(url) else {
            return;
        };
        let is_newer = document
            .analyzed
            .as_ref()
            .is_none_or(|known| known.snapshot.revision <= analyzed.snapshot.revision);
        if is_newer && document.latest.borrow().is_some() {
            document.analyzed = Some(Arc::clone(analyzed));
        }
    }

    /// Returns the lock to hold during an analysis, so that no text is analyzed twice at once.
    pub(crate) fn turn(&self, url: &Uri) -> Arc<Mutex<()>> {
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

impl Analyzed {
    /// Whether the analysis of a later snapshot with the same inputs can start from this one.
    pub(crate) fn leads_to(&self, snapshot: &Snapshot, inputs: &Arc<OwnedInputs>) -> bool {
        self.snapshot.revision <= snapshot.revision && Arc::ptr_eq(&self.inputs, inputs)
    }

    /// Whether its cross-references changed.
    pub(crate) fn is_outdated(&self) -> bool {
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

    /// Whether it is the analysis of exactly this snapshot with exactly these inputs.
    pub(crate) fn is_of(&self, snapshot: &Snapshot, inputs: &Arc<OwnedInputs>) -> bool {
        self.snapshot.revision == snapshot.revision && Arc::ptr_eq(&self.inputs, inputs)
    }
}

impl Snapshot {
    /// Returns a snapshot of a text that no client edits.
    pub(crate) fn of(text: &str) -> Self {
        Snapshot {
            text: text.into(),
            version: 0,
            revision: 0,
            last_edit: None,
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
        self.last_edit = Some(replaced.start + inserted);
        self.history.edits.push(Edited {
            replaced,
            inserted,
            text: self.text.clone(),
            revision,
        });
    }

    /// Returns the edits from an earlier snapshot of the same document to this one.
    pub(crate) fn edits_since(&self, earlier: &Snapshot) -> Vec<Edited> {
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
    /// Drops the edits up to an analyzed revision, and all after too many of them: then comparing the texts is cheaper.
    fn drop_until(&mut self, known: Option<u64>) {
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
