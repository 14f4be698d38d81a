//! What is known of a text, part by part, and kept while it is edited.
//!
//! Knows which parts of a text stand by themselves and what they need to know of one another. Must not know what is found in them.
//! Promise: after any edits a report is what a report from scratch would be, and following them costs what the parts around them
//! cost, however long the text is.

use super::{Analysis, DocumentKind, Offset, Range, RulePanic};
use crate::Inputs;
use crate::rules::Finding;
use crate::suppressions::{ChunkRole, FileSuppressions};
use kubernetes::{self, ListKind, Object};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::{iter, slice};
use workspace::WorkspaceView;
use workspace::cross_references::Fact;
use yaml::Yaml;
use yaml::chunks::{self, ChunkKind, Outline, Resplit};

/// What is known of a text.
#[derive(Debug, Clone, Default)]
pub struct Report {
    outline: Outline,
    /// Of the parts that are read by themselves; `None` of those that are to be analysed, and of the others.
    analyses: Vec<Option<Arc<Analysis>>>,
    documents: Vec<Document>,
}

/// What is read by itself: a document, an item of one that is a list, what a document has besides such parts.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'r> {
    /// In bytes from the start of the text.
    pub start: usize,
    /// The line that it begins with, counted from 0.
    pub line: u32,
    /// The index of the document that it is or is part of.
    pub document: usize,
    pub analysis: &'r Arc<Analysis>,
    /// Where other parts stand in the middle of it.
    gaps: &'r [Gap],
}

/// A stretch of a document that is not part of what is read as one.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// How many bytes that are read stand before it.
    at: usize,
    length: usize,
}

/// What a part has to know of the document that it is part of. The default is that of a part that is a document by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkContext {
    /// What the items are, where the document is a list.
    list: Option<ListKind>,
    /// Whether the document is a manifest, whatever stands in the part itself.
    is_manifest: bool,
    /// What the document's first comments say about all of it; `None` in a part that is a document by itself.
    head: Option<FileSuppressions>,
}

/// A document: how many parts it has, and what is known of it besides what is known of those that are read by themselves.
#[derive(Debug, Clone, Default)]
struct Document {
    parts: usize,
    /// What is known of the parts that are not read by themselves; of the whole document where no part can be.
    frame: Option<Arc<Analysis>>,
    /// Where the other parts stand in it.
    gaps: Vec<Gap>,
    is_whole: bool,
    /// Whether its objects say something of others.
    has_facts: bool,
    /// Whether a rule failed at it.
    has_failures: bool,
    context: Arc<ChunkContext>,
    ties: Ties,
    /// Whether something in it is to be analysed.
    is_stale: bool,
    /// Whether that is anything but a part that is read by itself, so that the context may be another one.
    is_reframed: bool,
}

/// How many parts have what only a reading of the whole document can make sense of.
#[derive(Debug, Clone, Copy, Default)]
struct Ties {
    anchors: usize,
    aliases: usize,
    /// Parts of which not all can be seen.
    partial: usize,
    /// Parts whose objects say something of others.
    facts: usize,
    /// Parts at which a rule failed.
    failures: usize,
}

/// The trees of a text that is longer than this, in bytes, are not kept.
const LONG: usize = 1 << 17;

impl Report {
    /// The parts of a text, nothing known of them yet.
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

    /// Follows an edit that put `inserted` bytes in the place of a range of the text before it; `read` gives a range of the text
    /// behind it. What the edit touched is known again after [`Report::analyze`].
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

    /// Follows in the documents what became of the parts.
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

    /// Groups the parts into documents again, from a document on to the last that lost a part.
    fn regroup_from(&mut self, index: usize, first: usize, recut: &Resplit) {
        let (mut end, mut before) = (index, 0);
        while first + before < recut.first + recut.old.len() {
            before += self.documents[end].parts;
            end += 1;
        }
        let after = first..first + before - recut.old.len() + recut.new;
        let mut documents = documents(&self.outline.chunks()[after.clone()]);
        // They go on with what is known of the parts before and behind the edit, if that is still true.
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

    /// The document that has a part, and the index of its first part.
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

    /// What the objects of the text say of others.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> + Clone {
        let says = |part: &Chunk<'_>| self.documents[part.document].has_facts;
        self.chunks()
            .filter(says)
            .flat_map(|part| part.analysis.facts.iter())
    }

    /// The rules that failed, each once.
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

    /// Forgets what is known of the parts that were told something else of other objects than they would be now. Tells whether there
    /// are any: they are known again after [`Report::analyze`].
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

    /// Whether what the parts were told of other objects is not what they would be told now.
    pub fn is_outdated(&self, others: &WorkspaceView) -> bool {
        self.chunks().any(|part| part.analysis.is_outdated(others))
    }

    /// Analyses the parts of which nothing is known. `read` gives a range of the text that the report is about.
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
            document.analyze(&text, analyses, &analyze)
        });
    }

    /// How much of the text there is to analyse, in bytes: at most, since what is said of one part may make others what they were not.
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

    /// What is known, in the order of the text; nothing of what was not analysed since it was edited.
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

    /// Every finding with the part that it is in, in the order of the text but for those about what a document has besides parts that are
    /// read by themselves, which come first.
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

/// The parts of a report of which something is known, in the order of the text.
#[derive(Debug, Clone)]
pub struct Chunks<'r> {
    start: usize,
    line: u32,
    /// The index of the next document.
    document: usize,
    /// The document that is gone through, and how many of its parts are still to come.
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

/// Does something with each of many pieces of a text, whose lengths in bytes come with them: on all processors where there is much to do.
fn each<T: Send, R: Send>(pieces: Vec<(usize, T)>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    /// Less than this is done before another thread has woken up.
    const MUCH: usize = 1 << 17;
    let is_much = pieces.len() > 1 && pieces.iter().map(|(length, _)| length).sum::<usize>() > MUCH;
    match is_much {
        true => pieces
            .into_par_iter()
            .map(|(_, piece)| work(piece))
            .collect(),
        false => pieces.into_iter().map(|(_, piece)| work(piece)).collect(),
    }
}

/// The parts of a document with their text.
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

    /// The text of what is not read by itself.
    fn frame(&self) -> Cow<'t, str> {
        if self.parts.len() == 1 {
            return self.text();
        }
        let frame = self
            .places()
            .filter(|(part, _)| !part.kind.is_independent());
        Cow::Owned(frame.map(|(_, place)| (self.read)(place)).collect())
    }

    /// The parts and where they are.
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

    /// Reads what is not read by itself, and what the parts that are have to know of it.
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
            // An edit beside a gap might be meant for either side of it.
            frame.withhold_fixes();
        }
        self.frame = Some(Arc::new(frame));
    }
}

/// Groups parts into documents of which nothing is known.
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
    /// Whether all of it stands together.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }

    /// The place in the part of a place in the whole text, in bytes; `None` where that is not in the part. A place between two
    /// parts is in both.
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

    /// Where a range of the part stands in the whole text, in bytes.
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

impl ChunkContext {
    /// Whether what is read is a document by itself.
    pub fn is_alone(&self) -> bool {
        *self == ChunkContext::default()
    }

    /// Whether the document is known to be a manifest, whatever stands in the part.
    pub fn is_manifest(&self) -> bool {
        self.is_manifest
    }

    /// What there is of the document to ignore findings in.
    pub fn standing(&self, role: ChunkKind) -> ChunkRole<'_> {
        match &self.head {
            None => ChunkRole::Document,
            Some(head) if role.is_independent() => ChunkRole::Item(head),
            Some(_) => ChunkRole::Frame,
        }
    }

    /// The Kubernetes objects of a part.
    pub fn objects<'y>(
        &'y self,
        yaml: &'y Yaml,
        role: ChunkKind,
        inputs: Inputs<'_>,
    ) -> Vec<Object<'y>> {
        match (role, &self.list) {
            (ChunkKind::Item { .. }, Some(list)) => {
                kubernetes::list_items(yaml, list, inputs.config.detect_pod_templates)
            }
            (ChunkKind::Document, None) => {
                kubernetes::objects_with(yaml, inputs.config.detect_pod_templates)
            }
            _ => Vec::new(),
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

    /// Whether the parts have to be read together: an alias in one may mean an anchor in another one, what a template writes
    /// into one may change them all, and what says that a file is encrypted stands in one and counts for all.
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
