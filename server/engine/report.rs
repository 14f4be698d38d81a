//! What is known of a text, part by part, and kept while it is edited.
//!
//! Knows which parts of a text stand by themselves and what they need to know of one another. Must not know what is found in them.
//! Promise: after any edits a report is what a report from scratch would be, and following them costs what the parts around them
//! cost, however long the text is.

use super::{Analysis, Range};
use crate::k8s::{self, ListOf, Object};
use crate::rules::Finding;
use crate::yaml::Yaml;
use crate::yaml::split::{self, Outline, Recut, Role};
use std::borrow::Cow;
use std::iter;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

/// What is known of a text.
#[derive(Debug, Clone, Default)]
pub struct Report {
    outline: Outline,
    /// Of the parts; `None` of those that are to be analysed.
    analyses: Vec<Option<Arc<Analysis>>>,
    documents: Vec<Document>,
}

/// A document of a text, or an item of one that is a list: where it starts, and what is known of it wherever it stands.
#[derive(Debug, Clone, Copy)]
pub struct Part<'r> {
    /// In bytes from the start of the text.
    pub start: usize,
    /// The index of the document that it is or is part of.
    pub document: usize,
    pub analysis: &'r Arc<Analysis>,
}

/// What a part has to know of the document that it is part of. The default is that of a part that is a document by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// What the items are, where the document is a list.
    list: Option<ListOf>,
}

/// A document: how many parts it has, and what ties them together.
#[derive(Debug, Clone, Default)]
struct Document {
    parts: usize,
    context: Arc<Context>,
    ties: Ties,
    /// What is known of the document as a whole, where its parts cannot be read by themselves.
    whole: Option<Arc<Analysis>>,
    /// Whether something in it is to be analysed.
    is_stale: bool,
    /// Whether that, or what is no more, is anything but an item, so that the context may be another one.
    is_reframed: bool,
}

/// How many parts have what only a reading of the whole document can make sense of.
#[derive(Debug, Clone, Copy, Default)]
struct Ties {
    anchors: usize,
    aliases: usize,
    templates: usize,
}

impl Report {
    /// The parts of a text, nothing known of them yet.
    pub fn of(text: &str) -> Report {
        let outline = Outline::of(text);
        let analyses = vec![None; outline.parts().len()];
        let documents = documents(outline.parts());
        Report { outline, analyses, documents }
    }

    /// Follows an edit that put `inserted` bytes in the place of a range of the text before it; `read` gives a range of the text
    /// behind it. What the edit touched is known again after [`Report::analyze`].
    pub fn edit<'t>(&mut self, replaced: Bytes, inserted: usize, read: impl Fn(Bytes) -> Cow<'t, str>) {
        let recut = self.outline.edit(replaced, inserted, read);
        let lost: Vec<_> = self.analyses.splice(recut.old.clone(), iter::repeat_n(None, recut.new)).collect();
        self.regroup(&recut, &lost);
    }

    /// Follows in the documents what became of the parts.
    fn regroup(&mut self, recut: &Recut, lost: &[Option<Arc<Analysis>>]) {
        let (index, first) = self.document_of(recut.old.start);
        let new = &self.outline.parts()[recut.old.start..recut.old.start + recut.new];
        let mut begun = new.iter().skip(usize::from(recut.old.start == first));
        let document = &mut self.documents[index];
        if recut.old.end > first + document.parts || begun.any(|part| part.role == Role::Document) {
            self.regroup_from(index, first, recut);
            return;
        }
        document.parts = document.parts - recut.old.len() + recut.new;
        document.is_stale = true;
        // What is no more was known, unless it became stale in the meantime; then the frame was looked at or will be.
        document.is_reframed |= new.iter().any(|part| !part.is_item()) || lost.iter().flatten().any(|lost| !lost.is_item());
        lost.iter().flatten().for_each(|lost| document.ties -= Ties::of(lost));
    }

    /// Groups the parts into documents again, from a document on to the last that lost a part.
    fn regroup_from(&mut self, index: usize, first: usize, recut: &Recut) {
        let (mut end, mut before) = (index, 0);
        while first + before < recut.old.end {
            before += self.documents[end].parts;
            end += 1;
        }
        let after = first..first + before - recut.old.len() + recut.new;
        let mut documents = documents(&self.outline.parts()[after.clone()]);
        let mut analyses = self.analyses[after].iter();
        for document in &mut documents {
            for known in analyses.by_ref().take(document.parts).flatten() {
                // It may go on with what was known of most of its parts.
                document.context = Arc::clone(&known.context);
                document.ties += Ties::of(known);
            }
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

    /// Analyses the parts of which nothing is known. `read` gives a range of the text that the report is about.
    pub fn analyze<'t>(&mut self, read: impl Fn(Bytes) -> Cow<'t, str>, analyze: impl Fn(&str, Role, &Arc<Context>) -> Analysis) {
        let (mut first, mut start) = (0, 0);
        for document in &mut self.documents {
            let end = first + document.parts;
            let parts = &self.outline.parts()[first..end];
            if document.is_stale {
                document.analyze(start, parts, &mut self.analyses[first..end], &read, &analyze);
            }
            start += parts.iter().map(|part| part.length).sum::<usize>();
            first = end;
        }
    }

    /// What is known, in the order of the text; nothing of what was not analysed since it was edited.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = self.outline.parts().iter().zip(&self.analyses);
        let mut start = 0;
        self.documents.iter().enumerate().flat_map(move |(index, document)| {
            let whole = document.whole.iter().map(move |analysis| Part { start, document: index, analysis });
            let mut parts = Vec::new();
            for (part, analysis) in rest.by_ref().take(document.parts) {
                parts.extend(analysis.as_ref().map(|analysis| Part { start, document: index, analysis }));
                start += part.length;
            }
            if document.whole.is_some() {
                parts.clear();
            }
            whole.chain(parts)
        })
    }

    /// Every finding with the part that it is in, in the order of the text.
    pub fn findings(&self) -> impl Iterator<Item = (Part<'_>, &Finding)> {
        self.parts().flat_map(|part| part.analysis.findings.iter().map(move |finding| (part, finding)))
    }
}

impl Document {
    fn analyze<'t>(
        &mut self,
        start: usize,
        parts: &[split::Part],
        analyses: &mut [Option<Arc<Analysis>>],
        read: &impl Fn(Bytes) -> Cow<'t, str>,
        analyze: &impl Fn(&str, Role, &Arc<Context>) -> Analysis,
    ) {
        if self.is_reframed {
            self.fill(start, parts, analyses, split::Part::is_frame, read, analyze);
            let frames = analyses.iter().flatten().filter(|known| known.is_frame());
            let list = if parts.len() > 1 { ListOf::of(frames.map(|frame| &frame.yaml)) } else { None };
            if self.context.list != list {
                self.context = Arc::new(Context { list });
            }
            // Parts may have come from another document.
            for place in analyses.iter_mut() {
                if let Some(lost) = place.take_if(|known| known.context != self.context) {
                    self.ties -= Ties::of(&lost);
                }
            }
        }
        self.fill(start, parts, analyses, |_| true, read, analyze);
        let length = || parts.iter().map(|part| part.length).sum::<usize>();
        let whole = || analyze(&read(start..start + length()), Role::Document, &Arc::default());
        self.whole = self.ties.bind().then(|| Arc::new(whole()));
        (self.is_stale, self.is_reframed) = (false, false);
    }

    /// Analyses some of the parts of which nothing is known.
    fn fill<'t>(
        &mut self,
        mut start: usize,
        parts: &[split::Part],
        analyses: &mut [Option<Arc<Analysis>>],
        which: impl Fn(&split::Part) -> bool,
        read: &impl Fn(Bytes) -> Cow<'t, str>,
        analyze: &impl Fn(&str, Role, &Arc<Context>) -> Analysis,
    ) {
        for (part, place) in parts.iter().zip(analyses) {
            if place.is_none() && which(part) {
                let analysis = analyze(&read(start..start + part.length), part.role, &self.context);
                self.ties += Ties::of(&analysis);
                *place = Some(Arc::new(analysis));
            }
            start += part.length;
        }
    }
}

/// Groups parts into documents of which nothing is known.
fn documents(parts: &[split::Part]) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for part in parts {
        match documents.last_mut() {
            Some(document) if part.role != Role::Document => document.parts += 1,
            _ => documents.push(Document { parts: 1, is_stale: true, is_reframed: true, ..Document::default() }),
        }
    }
    documents
}

impl Part<'_> {
    /// Where a range of the part stands in the whole text, in bytes.
    pub fn place(&self, range: Range) -> Bytes {
        self.start + usize::from(range.start())..self.start + usize::from(range.end())
    }
}

impl Context {
    /// Whether the document is a list of Kubernetes objects, whatever the part is.
    pub fn is_list(&self) -> bool {
        self.list.is_some()
    }

    /// The Kubernetes objects of a part.
    pub fn objects<'y>(&'y self, yaml: &'y Yaml, role: Role) -> Vec<Object<'y>> {
        match (role, &self.list) {
            (Role::Item { .. }, Some(list)) => k8s::items(yaml, list),
            (Role::Document, None) => k8s::objects(yaml),
            _ => Vec::new(),
        }
    }
}

impl Ties {
    fn of(analysis: &Analysis) -> Ties {
        let yaml = &analysis.yaml;
        Ties {
            anchors: usize::from(yaml.has_anchors()),
            aliases: usize::from(yaml.has_aliases_to_nothing()),
            templates: usize::from(analysis.template),
        }
    }

    /// Whether the parts have to be read together: an alias in one may mean an anchor in another one, and what a template writes
    /// into one may change them all.
    fn bind(self) -> bool {
        self.templates > 0 || (self.aliases > 0 && self.anchors > 0)
    }
}

impl AddAssign for Ties {
    fn add_assign(&mut self, other: Ties) {
        self.anchors += other.anchors;
        self.aliases += other.aliases;
        self.templates += other.templates;
    }
}

impl SubAssign for Ties {
    fn sub_assign(&mut self, other: Ties) {
        self.anchors -= other.anchors;
        self.aliases -= other.aliases;
        self.templates -= other.templates;
    }
}

/// A range of a text, in bytes.
type Bytes = std::ops::Range<usize>;
