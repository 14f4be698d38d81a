//! Splits a text into chunks that are parsed on their own: documents, the items of `items:` lists,
//! and parts of long schemas in custom resource definitions. Chunks cover the text without gaps, in
//! order, and there is at least one. Where a chunk starts depends only on the text before it and on
//! its own first lines, so an edit only affects the chunks around it.
//!
//! Only lines are scanned: `---`, `...`, and directives at the start of a line, a `- ` in the
//! column of the first item, and keys deeper than the schema's. In valid YAML, every line of a
//! quoted or flow value is deeper than its key (YAML 1.2.2, section 7.3), so a `- ` in the items'
//! column always starts an item.

use memchr::memchr_iter;
use std::borrow::Cow;
use std::ops::Range;
use text::{count_line_breaks, line_ends};

/// Returns the byte ranges of the documents of a text, in order. A document starts at its `---`
/// line, or at the directives, comments, and blank lines before it; a `...` line ends its document.
pub fn documents(text: &str) -> Vec<Range<usize>> {
    let documents = Chunker {
        splits_documents: false,
        ..Chunker::new(ChunkKind::Document)
    };
    let mut end = 0;
    let ranges = split(text, documents).into_iter().map(|document| {
        let start = end;
        end += document.length;
        start..end
    });
    ranges.collect()
}

/// The kind of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkKind {
    /// A document, or the part of it before the first chunk of another kind.
    Document,
    /// One item of a list with dashes in this column, and the comments directly above it.
    Item { column: usize },
    /// The part of a document after a list of items with dashes in this column.
    Tail { column: usize },
    /// Entries of a long schema. Its key is in the column `schema`; the first entry is in the
    /// column `first`, and no entry is further left.
    Schema { schema: usize, first: usize },
    /// The part of a document after such a schema.
    Rest,
}

impl ChunkKind {
    /// Whether a chunk of this kind is parsed on its own. The other chunks of a document are parsed
    /// together.
    pub fn is_independent(self) -> bool {
        matches!(self, ChunkKind::Item { .. } | ChunkKind::Schema { .. })
    }
}

/// A chunk of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSpan {
    pub kind: ChunkKind,
    /// In bytes.
    pub length: usize,
    /// The number of line breaks.
    pub lines: u32,
    /// The bytes from its start that decide that a chunk starts here: up to the end of the first
    /// line that is neither blank nor a comment.
    opening: usize,
}

/// The chunks of a text, kept up to date through edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    chunks: Vec<ChunkSpan>,
}

/// The chunks that an edit replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resplit {
    /// The index of the first one.
    pub first: usize,
    /// The previous chunks.
    pub old: Vec<ChunkSpan>,
    /// How many replace them.
    pub new: usize,
}

impl Default for Outline {
    /// The outline of an empty text.
    fn default() -> Self {
        Outline::new("")
    }
}

impl Outline {
    pub fn new(text: &str) -> Outline {
        Outline {
            chunks: split(text, Chunker::new(ChunkKind::Document)),
        }
    }

    /// The chunks in the order of the text.
    pub fn chunks(&self) -> &[ChunkSpan] {
        &self.chunks
    }

    /// Applies an edit that replaced the bytes `replaced` of the old text by `inserted` bytes.
    /// `read` returns a range of the new text. The cost depends on the chunks around the edit, not
    /// on the text.
    pub fn edit<'t>(
        &mut self,
        replaced: Range<usize>,
        inserted: usize,
        read: impl Fn(Range<usize>) -> Cow<'t, str>,
    ) -> Resplit {
        let (mut first, mut start) = self.find(replaced.start);
        // The opening of a chunk may have decided where it starts.
        while first > 0 && replaced.start <= start + self.chunks[first].opening {
            first -= 1;
            start -= self.chunks[first].length;
        }
        let (mut last, mut end) = (first, start + self.chunks[first].length);
        while end < replaced.end {
            last += 1;
            end += self.chunks[last].length;
        }
        let mut step = 1;
        loop {
            let length = end - start - replaced.len() + inserted;
            let next = self.chunks.get(last + 1).copied();
            let opening = next.map_or(0, |next| next.opening);
            let cut = split(
                &read(start..start + length + opening),
                Chunker::new(self.chunks[first].kind),
            );
            if let Some(new) = resync_index(&cut, length, next) {
                let old = self
                    .chunks
                    .splice(first..=last, cut.into_iter().take(new))
                    .collect();
                return Resplit { first, old, new };
            }
            // The chunks after the edit changed too: extend the range until the old chunks fit
            // again.
            for _ in 0..step {
                if last + 1 < self.chunks.len() {
                    last += 1;
                    end += self.chunks[last].length;
                }
            }
            step *= 2;
        }
    }

    /// Returns the chunk that contains an offset, and its start; the last chunk for the end of the
    /// text.
    fn find(&self, offset: usize) -> (usize, usize) {
        let mut start = 0;
        for (index, part) in self.chunks.iter().enumerate() {
            if offset < start + part.length {
                return (index, start);
            }
            start += part.length;
        }
        let last = self.chunks.len() - 1;
        (last, start - self.chunks[last].length)
    }
}

/// Returns how many chunks end at an offset, if the old next chunk starts there.
fn resync_index(cut: &[ChunkSpan], offset: usize, next: Option<ChunkSpan>) -> Option<usize> {
    let Some(next) = next else {
        return Some(cut.len());
    };
    let mut at = 0;
    for (index, part) in cut.iter().enumerate() {
        if at == offset {
            return (index > 0 && part.kind == next.kind && part.opening == next.opening)
                .then_some(index);
        }
        at += part.length;
    }
    None
}

/// A byte order mark in UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

fn split(text: &str, mut chunker: Chunker) -> Vec<ChunkSpan> {
    let bytes = text.as_bytes();
    let role = chunker.role;
    let mut at = 0;
    for end in line_ends(bytes) {
        // A byte order mark only counts at the start of a document: before a `---` where files were
        // joined.
        let line = &bytes[at..end];
        let unmarked = line.strip_prefix(MARK).unwrap_or(line);
        let is_first = at == chunker.start && chunker.role == ChunkKind::Document;
        let line = if is_first || is_marker(unmarked, b"---") {
            unmarked
        } else {
            line
        };
        chunker.line(Line::of(line), at, end);
        at = end;
    }
    if chunker.start < text.len() || chunker.chunks.is_empty() {
        chunker.begin(text.len(), role);
    }
    let mut start = 0;
    for part in &mut chunker.chunks {
        let end = start + part.length;
        part.lines = u32::try_from(count_line_breaks(&bytes[start..end])).unwrap_or(u32::MAX);
        start = end;
    }
    chunker.chunks
}

/// Scans the lines of a text from the start of a chunk.
struct Chunker {
    chunks: Vec<ChunkSpan>,
    start: usize,
    role: ChunkKind,
    /// Whether a document may consist of several chunks.
    splits_documents: bool,
    /// The end of the first line that is neither blank nor a comment, if there was one.
    opening: Option<usize>,
    /// In a document after `items:`: where the first item may start.
    items: Option<usize>,
    /// In a list: the start of comments that may belong to the next item.
    comments: Option<usize>,
    /// In a tail: whether a dash in the items' column belongs to another list.
    own_list: bool,
    /// In a document: whether it defines a custom resource.
    has_schemas: bool,
    /// In such a document: the column of the last schema key, and where the schema starts.
    schema: Option<(usize, usize)>,
    /// In a schema: the column of the last key whose value starts on its line. Deeper lines
    /// continue that value.
    value: Option<usize>,
}

/// How many bytes of a schema stay in its document, where they are checked against Kubernetes'
/// types. Few schemas are longer.
const MIN_SCHEMA_BYTES: usize = 16 << 10;

impl Chunker {
    fn new(role: ChunkKind) -> Chunker {
        Chunker {
            chunks: Vec::new(),
            start: 0,
            role,
            splits_documents: true,
            opening: None,
            items: None,
            comments: None,
            own_list: false,
            has_schemas: role == ChunkKind::Rest,
            schema: None,
            value: None,
        }
    }

    /// Ends the chunk and starts the next one.
    fn begin(&mut self, at: usize, role: ChunkKind) {
        let opening = self.opening.map_or(at, |end| end.min(at)) - self.start;
        self.chunks.push(ChunkSpan {
            kind: self.role,
            length: at - self.start,
            lines: 0,
            opening,
        });
        let parts = std::mem::take(&mut self.chunks);
        *self = Chunker {
            chunks: parts,
            start: at,
            splits_documents: self.splits_documents,
            ..Chunker::new(role)
        };
    }

    fn line(&mut self, line: Line<'_>, at: usize, end: usize) {
        let is_fresh = self.role == ChunkKind::Document && self.opening.is_none();
        if is_marker(line.text, b"---") {
            if !is_fresh {
                self.begin(at, ChunkKind::Document);
            }
            self.opening = Some(end);
        } else if is_marker(line.text, b"...") {
            self.opening.get_or_insert(end);
            self.begin(end, ChunkKind::Document);
        } else if is_blank_or_comment(line.written()) {
            self.comment(line, at);
        } else if !(is_fresh && line.text.starts_with(b"%")) {
            if self.splits_documents {
                self.content(line, at, end);
            }
            self.opening.get_or_insert(end);
            self.comments = None;
        }
    }

    /// Comments that are not deeper than the dashes belong to the item below.
    fn comment(&mut self, line: Line<'_>, at: usize) {
        let (ChunkKind::Item { column } | ChunkKind::Tail { column }) = self.role else {
            return;
        };
        if trim_start(line.written()).is_empty() {
            return;
        }
        self.comments = if line.indent <= column {
            self.comments.or(Some(at))
        } else {
            None
        };
    }

    fn content(&mut self, line: Line<'_>, at: usize, end: usize) {
        let begin = self.comments.unwrap_or(at);
        match self.role {
            ChunkKind::Document => match self.items.take() {
                Some(begin) if line.has_dash() => self.begin(
                    begin,
                    ChunkKind::Item {
                        column: line.indent,
                    },
                ),
                _ if is_items(line.text) => self.items = Some(end),
                _ => self.envelope(line, at, end),
            },
            ChunkKind::Rest => self.envelope(line, at, end),
            ChunkKind::Schema { schema, first } => self.schema(line, at, end, schema, first),
            // The first line of a chunk was handled when the chunk started.
            _ if self.opening.is_none() => self.own_list = opens_block(line.text),
            ChunkKind::Item { column } if line.indent == column && line.has_dash() => {
                self.begin(begin, self.role);
            }
            ChunkKind::Item { column } if line.indent == 0 && is_entry(line.text) => {
                self.begin(begin, ChunkKind::Tail { column });
                self.own_list = opens_block(line.text);
            }
            ChunkKind::Tail { column } if line.indent == column && line.has_dash() => {
                if !self.own_list {
                    self.begin(begin, ChunkKind::Item { column });
                }
            }
            ChunkKind::Tail { column } if line.indent <= column => {
                self.own_list = opens_block(line.text);
            }
            ChunkKind::Item { .. } | ChunkKind::Tail { .. } => {}
        }
    }

    /// Handles a line of a document outside long schemas.
    fn envelope(&mut self, line: Line<'_>, at: usize, end: usize) {
        self.has_schemas |= line
            .text
            .strip_prefix(b"kind: CustomResourceDefinition")
            .is_some_and(is_blank_or_comment);
        match self.schema {
            Some((schema, _)) if line.indent <= schema => self.schema = None,
            Some((schema, begin)) => {
                if at - begin > MIN_SCHEMA_BYTES && self.starts_stretch(line) {
                    self.begin(
                        at,
                        ChunkKind::Schema {
                            schema,
                            first: line.indent,
                        },
                    );
                }
                self.track_value(line);
                return;
            }
            None => {}
        }
        if self.has_schemas
            && trim_start(line.text).starts_with(b"openAPIV3Schema:")
            && opens_block(line.text)
        {
            (self.schema, self.value) = (Some((line.indent, end)), None);
        }
    }

    /// Handles a line of a long schema, or the first line after it.
    fn schema(&mut self, line: Line<'_>, at: usize, end: usize, schema: usize, first: usize) {
        let is_first = self.opening.is_none();
        if !is_first && line.indent <= schema {
            self.begin(at, ChunkKind::Rest);
            self.envelope(line, at, end);
            return;
        }
        // A chunk that starts with an item ends with its sequence: a key in the items' column
        // belongs to the parent.
        let has_dash = line.has_dash();
        let ends = line.indent < first || (line.indent == first && self.own_list && !has_dash);
        let ends = ends && (has_dash || is_entry(trim_start(line.text)));
        if !is_first && (ends || self.starts_stretch(line)) {
            self.begin(
                at,
                ChunkKind::Schema {
                    schema,
                    first: line.indent,
                },
            );
        }
        if self.opening.is_none() {
            self.own_list = has_dash;
        }
        self.track_value(line);
    }

    /// Whether a line of a schema is an entry that starts a chunk.
    fn starts_stretch(&self, line: Line<'_>) -> bool {
        let is_continued = self.value.is_some_and(|column| line.indent > column);
        // Few lines are chosen.
        !is_continued && is_chosen(line.text) && !line.has_dash() && is_entry(trim_start(line.text))
    }

    /// Remembers whether deeper lines below this one continue its value.
    fn track_value(&mut self, line: Line<'_>) {
        if self.value.is_none_or(|value| line.indent <= value) {
            self.value = (!opens_block(line.text))
                .then(|| count(line.text, |byte| matches!(byte, b' ' | b'-')));
        }
    }
}

/// A line with its line break, and its indentation in spaces.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t [u8],
    indent: usize,
}

impl<'t> Line<'t> {
    fn of(text: &'t [u8]) -> Self {
        Line {
            text,
            indent: count(text, |byte| byte == b' '),
        }
    }

    /// The line without its indentation.
    fn written(self) -> &'t [u8] {
        &self.text[self.indent..]
    }

    /// Whether the line starts an item of a sequence.
    fn has_dash(self) -> bool {
        is_marker(self.written(), b"-")
    }
}

/// The number of leading bytes that match.
fn count(text: &[u8], is_one: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| !is_one(*byte))
        .unwrap_or(text.len())
}

/// About one entry in this many starts a chunk. A hash of the line decides, so an edit does not
/// move other chunks.
const ENTRIES_PER_CHUNK: u64 = 32;

/// Whether a line is chosen, by a hash of its bytes without trailing white space, eight bytes at a
/// time.
fn is_chosen(line: &[u8]) -> bool {
    let eight = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |eight, byte| eight << 8 | u64::from(*byte))
    };
    let mix =
        |hash: u64, bytes: u64| (hash.rotate_left(26) ^ bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (chunks, rest) = trim_end(line).as_chunks();
    let hash = chunks
        .iter()
        .fold(0, |hash, chunk| mix(hash, u64::from_le_bytes(*chunk)));
    // The highest bits depend on all bytes.
    mix(hash, eight(rest)) <= u64::MAX / ENTRIES_PER_CHUNK
}

/// Whether a line is `items:` without a value.
fn is_items(line: &[u8]) -> bool {
    line.strip_prefix(b"items:")
        .is_some_and(is_blank_or_comment)
}

/// Whether a line in the first column has a key and its colon. One without is incomplete.
fn is_entry(line: &[u8]) -> bool {
    let has_colon = || memchr_iter(b':', line).any(|at| line.get(at + 1).is_none_or(is_blank));
    !matches!(line.first(), Some(b'{' | b'[' | b'}' | b']' | b',')) && has_colon()
}

/// Whether a line ends with the colon of a key, so that its value may be a sequence in the same
/// column.
fn opens_block(line: &[u8]) -> bool {
    let comment = memchr_iter(b'#', line).find(|at| *at > 0 && line[at - 1] == b' ');
    trim_end(&line[..comment.unwrap_or(line.len())]).ends_with(b":")
}

/// Other line breaks and blanks only exist in YAML 1.1.
fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn trim_start(line: &[u8]) -> &[u8] {
    &line[line
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(line.len())..]
}

fn trim_end(line: &[u8]) -> &[u8] {
    &line[..line
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(0, |last| last + 1)]
}

fn is_blank_or_comment(line: &[u8]) -> bool {
    matches!(trim_start(line).first(), None | Some(b'#'))
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.first().is_none_or(is_blank))
}
