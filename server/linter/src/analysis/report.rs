//! The analysis of a text, chunk by chunk, kept up to date while the text is edited.
//!
//! After any edits a report equals one made from scratch. The cost of an edit depends on the chunks around it, not on
//! the length of the text.

use super::chunk_context::ChunkContext;
use super::document_kind::DocumentKind;
use super::failure::RulePanic;
use super::model::Analysis;
use crate::rules::Finding;
use crate::suppressions::FileSuppressions;
use kubernetes::ListKind;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::{iter, slice};
use workspace::WorkspaceView;
use workspace::cross_references::Fact;
use yaml::chunks::{self, ChunkKind, Outline, Resplit};
use yaml::{Offset, Range};

/// The analysis of a text.
#[derive(Debug, Clone, Default)]
pub struct Report {
    outline: Outline,
    /// The analyses of the independent chunks; `None` if a chunk is not independent or must be analyzed.
    analyses: Vec<Option<Arc<Analysis>>>,
    documents: Vec<Document>,
}

/// A chunk: a document, an item of a list, or the rest of a document without its items.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'r> {
    /// In bytes from the start of the text.
    pub start: usize,
    /// Its first line, from 0.
    pub line: u32,
    /// The index of its document.
    pub document: usize,
    pub analysis: &'r Arc<Analysis>,
    /// Where other chunks interrupt it.
    gaps: &'r [Gap],
}

/// A stretch of a document that is not part of the chunk.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// How many bytes of the chunk are before it.
    at: usize,
    length: usize,
}

/// The state of a document, in addition to the analyses of its independent chunks.
#[derive(Debug, Clone, Default)]
struct Document {
    parts: usize,
    /// The analysis of the chunks that are not independent, or of the whole document if it cannot be split.
    frame: Option<Arc<Analysis>>,
    /// Where the other chunks interrupt it.
    gaps: Vec<Gap>,
    is_whole: bool,
    /// Whether its objects state facts about others.
    has_facts: bool,
    /// Whether a rule panicked on it.
    has_failures: bool,
    context: Arc<ChunkContext>,
    ties: Ties,
    /// Whether something in it must be analyzed.
    is_stale: bool,
    /// Whether a chunk that is not independent must be analyzed, so that the context may change.
    is_reframed: bool,
}

/// Counts the chunks with properties that may need an analysis of the whole document.
#[derive(Debug, Clone, Copy, Default)]
struct Ties {
    anchors: usize,
    aliases: usize,
    /// Chunks that are partial.
    partial: usize,
    /// Chunks whose objects state facts about others.
    facts: usize,
    /// Chunks on which a rule panicked.
    failures: usize,
}

/// The syntax trees of a text longer than this, in bytes, are dropped.
const LONG: usize = 1 << 17;

impl Report {
    /// Splits a text into chunks, without analyzing them.
    pub fn of(text: &str) -> Report {
        let outline = Outline::new(text);
        let analyses = vec![None; outline.chunks().len()];
        let documents = documents(outline.chunks());
        Report {
            outline,
            analyses,
            documents,
        }
    }

    /// Applies an edit that replaced a range of the old text with `inserted` bytes; `read` returns a range of the new
    /// text. Call [`Report::analyze`] to analyze what the edit touched.
    pub fn edit<'t>(
        &mut self,
        replaced: Bytes,
        inserted: usize,
        read: impl Fn(Bytes) -> Cow<'t, str>,
    ) {
        let recut = self.outline.edit(replaced, inserted, read);
        let old = recut.first..recut.first + recut.old.len();
        let lost: Vec<_> = self
            .analyses
            .splice(old, iter::repeat_n(None, recut.new))
            .flatten()
            .collect();
        self.regroup(&recut, &lost);
    }

    /// Updates the documents after the chunks changed.
    fn regroup(&mut self, recut: &Resplit, lost: &[Arc<Analysis>]) {
        let (index, first) = self.document_of(recut.first);
        let new = &self.outline.chunks()[recut.first..recut.first + recut.new];
        let begins = |part: &chunks::ChunkSpan| part.kind == ChunkKind::Document;
        let document = &mut self.documents[index];
        let is_within = recut.first + recut.old.len() <= first + document.parts;
        if !is_within
            || new
                .iter()
                .skip(usize::from(recut.first == first))
                .any(begins)
        {
            self.regroup_from(index, first, recut);
            return;
        }
        document.parts = document.parts - recut.old.len() + recut.new;
        document.is_stale = true;
        document.is_reframed |= new
            .iter()
            .chain(&recut.old)
            .any(|part| !part.kind.is_independent());
        lost.iter().for_each(|lost| document.ties -= Ties::of(lost));
    }

    /// Groups the chunks into documents again, from one document to the last one that lost a chunk.
    fn regroup_from(&mut self, index: usize, first: usize, recut: &Resplit) {
        let (mut end, mut before) = (index, 0);
        while first + before < recut.first + recut.old.len() {
            before += self.documents[end].parts;
            end += 1;
        }
        let after = first..first + before - recut.old.len() + recut.new;
        let mut documents = documents(&self.outline.chunks()[after.clone()]);
        // The analyses before and after the edit are kept if they are still valid.
        let contexts = [index, end - 1].map(|index| Arc::clone(&self.documents[index].context));
        if contexts[0] != contexts[1] {
            self.analyses[after.clone()].fill(None);
        }
        documents
            .iter_mut()
            .for_each(|document| document.context = Arc::clone(&contexts[0]));
        let mut analyses = self.analyses[after].iter();
        for document in &mut documents {
            analyses
                .by_ref()
                .take(document.parts)
                .flatten()
                .for_each(|known| document.ties += Ties::of(known));
        }
        self.documents.splice(index..end, documents);
    }

    /// Returns the document of a chunk, and the index of the document's first chunk.
    fn document_of(&self, part: usize) -> (usize, usize) {
        let mut first = 0;
        for (index, document) in self.documents.iter().enumerate() {
            if part < first + document.parts {
                return (index, first);
            }
            first += document.parts;
        }
        unreachable!("every part is one of a document")
    }

    /// Returns the facts that the objects of the text state about others.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> + Clone {
        let says = |part: &Chunk<'_>| self.documents[part.document].has_facts;
        self.chunks()
            .filter(says)
            .flat_map(|part| part.analysis.facts.iter())
    }

    /// Returns the panics of rules, each once.
    pub fn failures(&self) -> Vec<&RulePanic> {
        let mut failures: Vec<&RulePanic> = Vec::new();
        let failed = |part: &Chunk<'_>| self.documents[part.document].has_failures;
        for failure in self
            .chunks()
            .filter(failed)
            .flat_map(|part| &part.analysis.failures)
        {
            if !failures.iter().any(|known| known.rule == failure.rule) {
                failures.push(failure);
            }
        }
        failures
    }

    /// Drops the analyses of the chunks that depend on changed facts, and returns whether there are any. Call
    /// [`Report::analyze`] to analyze them again.
    pub fn forget_outdated(&mut self, others: &WorkspaceView) -> bool {
        let (mut first, mut forgot) = (0, false);
        for document in &mut self.documents {
            let parts = first..first + document.parts;
            first = parts.end;
            if document
                .frame
                .as_ref()
                .is_some_and(|frame| frame.is_outdated(others))
            {
                (document.is_stale, document.is_reframed) = (true, true);
            }
            for known in &mut self.analyses[parts] {
                if let Some(outdated) = known.take_if(|known| known.is_outdated(others)) {
                    document.ties -= Ties::of(&outdated);
                    document.is_stale = true;
                }
            }
            forgot |= document.is_stale;
        }
        forgot
    }

    /// Whether the chunks depend on facts that changed.
    pub fn is_outdated(&self, others: &WorkspaceView) -> bool {
        self.chunks().any(|part| part.analysis.is_outdated(others))
    }

    /// Analyzes the chunks without an analysis. `read` returns a range of the text.
    pub fn analyze<'t>(
        &mut self,
        read: impl Fn(Bytes) -> Cow<'t, str> + Sync,
        analyze: impl Fn(&str, ChunkKind, &Arc<ChunkContext>) -> Analysis + Sync,
    ) {
        let is_long = length(self.outline.chunks()) > LONG;
        let analyze = |text: &str, role: ChunkKind, context: &Arc<ChunkContext>| {
            let mut analysis = analyze(text, role, context);
            if is_long {
                analysis.give_tree_away();
            }
            analysis
        };
        let (mut start, mut parts, mut analyses) =
            (0, self.outline.chunks(), &mut self.analyses[..]);
        let mut stale = Vec::new();
        for document in &mut self.documents {
            let (own_parts, other_parts) = parts.split_at(document.parts);
            let (own_analyses, other_analyses) = analyses.split_at_mut(document.parts);
            (parts, analyses) = (other_parts, other_analyses);
            let length = length(own_parts);
            if document.is_stale {
                stale.push((
                    length,
                    (
                        document,
                        PartsOf {
                            start,
                            parts: own_parts,
                            read: &read,
                        },
                        own_analyses,
                    ),
                ));
            }
            start += length;
        }
        each(stale, |(document, text, analyses)| {
            document.analyze(&text, analyses, &analyze);
        });
    }

    /// Returns how many bytes are left to analyze. This is a maximum: one chunk's analysis may make others necessary.
    pub fn unanalyzed_bytes(&self) -> usize {
        let (mut parts, mut analyses) = (self.outline.chunks(), &self.analyses[..]);
        let mut unknown = 0;
        for document in &self.documents {
            let (own_parts, other_parts) = parts.split_at(document.parts);
            let (own_analyses, other_analyses) = analyses.split_at(document.parts);
            (parts, analyses) = (other_parts, other_analyses);
            if document.is_stale {
                let is_all = document.is_reframed || document.is_whole;
                let rows = own_parts
                    .iter()
                    .zip(own_analyses)
                    .filter(|(_, analysis)| is_all || analysis.is_none());
                unknown += rows.map(|(part, _)| part.length).sum::<usize>();
            }
        }
        unknown
    }

    /// Returns the analyzed chunks in the order of the text. Chunks edited since the last analysis are left out.
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks {
            start: 0,
            line: 0,
            document: 0,
            current: None,
            documents: self.documents.iter(),
            rest: self.rows(),
        }
    }

    fn rows(&self) -> Rows<'_> {
        self.outline.chunks().iter().zip(&self.analyses)
    }

    /// Returns every finding with its chunk, in the order of the text, except that the findings of a document's rest
    /// come before those of its items.
    pub fn findings(&self) -> impl Iterator<Item = (Chunk<'_>, &Finding)> {
        self.chunks().flat_map(|part| {
            part.analysis
                .findings
                .iter()
                .map(move |finding| (part, finding))
        })
    }
}

type Rows<'r> =
    iter::Zip<slice::Iter<'r, chunks::ChunkSpan>, slice::Iter<'r, Option<Arc<Analysis>>>>;

/// The analyzed chunks of a report, in the order of the text.
#[derive(Debug, Clone)]
pub struct Chunks<'r> {
    start: usize,
    line: u32,
    /// The index of the next document.
    document: usize,
    /// The current document, and how many of its chunks are left.
    current: Option<(&'r Document, usize)>,
    documents: slice::Iter<'r, Document>,
    rest: Rows<'r>,
}

impl<'r> Iterator for Chunks<'r> {
    type Item = Chunk<'r>;

    fn next(&mut self) -> Option<Chunk<'r>> {
        loop {
            let (start, line) = (self.start, self.line);
            let Some((document, left)) = self.current.filter(|(_, left)| *left > 0) else {
                let document = self.documents.next()?;
                self.current = Some((document, document.parts));
                self.document += 1;
                if let Some(analysis) = &document.frame {
                    return Some(Chunk {
                        start,
                        line,
                        document: self.document - 1,
                        analysis,
                        gaps: &document.gaps,
                    });
                }
                continue;
            };
            let (part, analysis) = self.rest.next()?;
            self.current = Some((document, left - 1));
            self.start += part.length;
            self.line += part.lines;
            if let Some(analysis) = analysis.as_ref().filter(|_| !document.is_whole) {
                return Some(Chunk {
                    start,
                    line,
                    document: self.document - 1,
                    analysis,
                    gaps: &[],
                });
            }
        }
    }
}

/// Does the work for each piece of a text, given with its length in bytes. Large work runs in parallel.
fn each<T: Send, R: Send>(pieces: Vec<(usize, T)>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    /// Less work than this is done before another thread starts.
    const MUCH: usize = 1 << 17;
    let is_much = pieces.len() > 1 && pieces.iter().map(|(length, _)| length).sum::<usize>() > MUCH;
    if is_much {
        pieces
            .into_par_iter()
            .map(|(_, piece)| work(piece))
            .collect()
    } else {
        pieces.into_iter().map(|(_, piece)| work(piece)).collect()
    }
}

/// The chunks of a document with their text.
struct PartsOf<'a, R> {
    /// In bytes from the start of the text.
    start: usize,
    parts: &'a [chunks::ChunkSpan],
    read: &'a R,
}

impl<'t, R: Fn(Bytes) -> Cow<'t, str>> PartsOf<'_, R> {
    fn text(&self) -> Cow<'t, str> {
        (self.read)(self.start..self.start + length(self.parts))
    }

    /// Returns the text of the chunks that are not independent.
    fn frame(&self) -> Cow<'t, str> {
        if self.parts.len() == 1 {
            return self.text();
        }
        let frame = self
            .places()
            .filter(|(part, _)| !part.kind.is_independent());
        Cow::Owned(frame.map(|(_, place)| (self.read)(place)).collect())
    }

    /// Returns the chunks with their ranges.
    fn places(&self) -> impl Iterator<Item = (&chunks::ChunkSpan, Bytes)> {
        self.parts.iter().scan(self.start, |end, part| {
            let start = *end;
            *end += part.length;
            Some((part, start..*end))
        })
    }

    fn gaps(&self) -> Vec<Gap> {
        let (mut gaps, mut at) = (Vec::<Gap>::new(), 0);
        for &chunks::ChunkSpan {
            kind: role, length, ..
        } in self.parts
        {
            match gaps.last_mut().filter(|gap| gap.at == at) {
                _ if !role.is_independent() => at += length,
                Some(gap) => gap.length += length,
                None => gaps.push(Gap { at, length }),
            }
        }
        gaps
    }
}

fn length(parts: &[chunks::ChunkSpan]) -> usize {
    parts.iter().map(|part| part.length).sum()
}

impl Document {
    fn analyze<'t>(
        &mut self,
        text: &PartsOf<'_, impl Fn(Bytes) -> Cow<'t, str> + Sync>,
        analyses: &mut [Option<Arc<Analysis>>],
        analyze: &(impl Fn(&str, ChunkKind, &Arc<ChunkContext>) -> Analysis + Sync),
    ) {
        if self.is_reframed || self.is_whole {
            self.reframe(text.parts.len() == 1, &text.frame(), analyses, analyze);
        }
        let unknown = text
            .places()
            .zip(analyses)
            .filter(|((part, _), analysis)| part.kind.is_independent() && analysis.is_none());
        let unknown = unknown
            .map(|((part, place), analysis)| (part.length, (part.kind, place, analysis)))
            .collect();
        let context = &self.context;
        let ties = each(unknown, |(role, place, analysis)| {
            let fresh = analyze(&(text.read)(place), role, context);
            let ties = Ties::of(&fresh);
            *analysis = Some(Arc::new(fresh));
            ties
        });
        ties.into_iter().for_each(|ties| self.ties += ties);
        let mut ties = self.ties;
        ties += self.frame.as_deref().map(Ties::of).unwrap_or_default();
        self.is_whole = text.parts.len() > 1 && ties.bind();
        (self.has_facts, self.has_failures) = (ties.facts > 0, ties.failures > 0);
        if self.is_whole {
            let whole = analyze(&text.text(), ChunkKind::Document, &Arc::default());
            (self.has_facts, self.has_failures) =
                (!whole.facts.is_empty(), !whole.failures.is_empty());
            self.frame = Some(Arc::new(whole));
        }
        self.gaps = if self.is_whole {
            Vec::new()
        } else {
            text.gaps()
        };
        (self.is_stale, self.is_reframed) = (false, false);
    }

    /// Analyzes the chunks that are not independent, and updates the context of the others.
    fn reframe(
        &mut self,
        is_alone: bool,
        text: &str,
        analyses: &mut [Option<Arc<Analysis>>],
        analyze: &impl Fn(&str, ChunkKind, &Arc<ChunkContext>) -> Analysis,
    ) {
        let mut frame = analyze(text, ChunkKind::Document, &Arc::default());
        let mut context = ChunkContext::default();
        if !is_alone {
            context.list = ListKind::of_envelope(frame.yaml());
            context.is_manifest = context.list.is_some() || frame.is_manifest();
            context.head = Some(FileSuppressions::of(frame.yaml()));
        }
        if *self.context != context {
            self.context = Arc::new(context);
            self.ties = Ties::default();
            analyses.fill(None);
        }
        if !is_alone {
            if self.context.list.is_some() || self.context.head != Some(FileSuppressions::default())
            {
                frame = analyze(text, ChunkKind::Document, &self.context);
            }
            // An edit next to a gap could belong to either side of it.
            frame.withhold_fixes();
        }
        self.frame = Some(Arc::new(frame));
    }
}

/// Groups chunks into documents without analyses.
fn documents(parts: &[chunks::ChunkSpan]) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for part in parts {
        match documents.last_mut() {
            Some(document) if part.kind != ChunkKind::Document => document.parts += 1,
            _ => documents.push(Document {
                parts: 1,
                is_stale: true,
                is_reframed: true,
                ..Document::default()
            }),
        }
    }
    documents
}

impl Chunk<'_> {
    /// Whether the chunk has no gaps.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Maps an offset of the whole text to the chunk, in bytes; `None` if it is outside. An offset between two chunks
    /// is in both.
    pub fn within(&self, at: usize) -> Option<Offset> {
        let mut at = at.checked_sub(self.start)?;
        for gap in self.gaps.iter().filter(|gap| gap.length > 0) {
            match at.checked_sub(gap.at) {
                None | Some(0) => break,
                Some(behind) => at = gap.at + behind.checked_sub(gap.length)?,
            }
        }
        (at <= self.analysis.text().len()).then(|| u32::try_from(at).ok().map(Offset::new))?
    }

    /// Maps a range of the chunk to the whole text, in bytes.
    pub fn place(&self, range: Range) -> Bytes {
        let [start, end] = [range.start(), range.end()].map(usize::from);
        let before = |is_before: &dyn Fn(usize) -> bool| -> usize {
            self.gaps
                .iter()
                .filter(|gap| is_before(gap.at))
                .map(|gap| gap.length)
                .sum()
        };
        let first = self.start + start + before(&|gap| gap <= start);
        first..if start == end {
            first
        } else {
            self.start + end + before(&|gap| gap < end)
        }
    }
}

impl Ties {
    fn of(analysis: &Analysis) -> Ties {
        Ties {
            anchors: usize::from(analysis.is_anchored),
            aliases: usize::from(analysis.is_aliasing),
            partial: usize::from(analysis.kind != DocumentKind::Complete),
            facts: usize::from(!analysis.facts.is_empty()),
            failures: usize::from(!analysis.failures.is_empty()),
        }
    }

    /// Whether the chunks must be analyzed together: an alias may refer to an anchor in another chunk, a template may
    /// change all of them, and SOPS metadata in one applies to all.
    fn bind(self) -> bool {
        self.partial > 0 || (self.aliases > 0 && self.anchors > 0)
    }
}

impl AddAssign for Ties {
    fn add_assign(&mut self, other: Ties) {
        self.anchors += other.anchors;
        self.aliases += other.aliases;
        self.partial += other.partial;
        self.facts += other.facts;
        self.failures += other.failures;
    }
}

impl SubAssign for Ties {
    fn sub_assign(&mut self, other: Ties) {
        self.anchors -= other.anchors;
        self.aliases -= other.aliases;
        self.partial -= other.partial;
        self.facts -= other.facts;
        self.failures -= other.failures;
    }
}

/// A range of a text, in bytes.
type Bytes = std::ops::Range<usize>;
