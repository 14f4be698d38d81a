//! Parses the YAML of most manifests without yaml-rust2: block mappings and sequences, plain and
//! quoted scalars, literal blocks, flow collections on one line, comments. The result equals that
//! of the event parser; for everything else, and in any doubt, it returns `None`.

use super::event_parser::{MAX_DEPTH, Reading, range};
use super::go_yaml;
use super::source::Overlay;
use super::tree::{NodeId, Record, Shape, Value};
use super::{Range, ScalarStyle};
use std::borrow::Cow;
use std::collections::BTreeMap;
use text::BYTE_ORDER_MARK;

/// Parses a document; `None` if only the event parser can. Overlays may hide the end of a line, or
/// mask.
pub(super) fn parse(text: &str, patches: &[Overlay]) -> Option<Reading> {
    if !is_supported(text) {
        return None;
    }
    let bytes = masked_bytes(text, patches)?;
    /// The approximate bytes of a manifest per node.
    const NODE: usize = 12;
    let nodes = Vec::with_capacity(text.len() / NODE);
    let mut plain = FastParser {
        text,
        bytes: &bytes,
        has_overlays: !patches.is_empty(),
        nodes,
        ..FastParser::default()
    };
    plain.document()?;
    let FastParser {
        nodes, comments, ..
    } = plain;
    let root = nodes.first().map(|_| NodeId(0));
    Some(Reading {
        nodes,
        root,
        properties: BTreeMap::new(),
        comments,
        tabs: Vec::new(),
        failure: None,
        balanced_until: text.len(),
    })
}

/// Whether a text has no control characters, no byte order mark, and no tabs on blank lines.
fn is_supported(text: &str) -> bool {
    let is_odd = |byte: u8| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte == 0x7f;
    let (odd, high) = text.bytes().fold((false, false), |(odd, high), byte| {
        (odd | is_odd(byte), high | (byte >= 0x80))
    });
    let has_mark = high && text.contains(BYTE_ORDER_MARK);
    !(odd || has_mark || go_yaml::has_tab_on_blank_line(text))
}

/// Marks a hidden byte. Supported texts do not contain it.
const HIDDEN: u8 = 1;

/// Returns the bytes to parse: hidden bytes are [`HIDDEN`], and masked ones letters.
fn masked_bytes<'t>(text: &'t str, patches: &[Overlay]) -> Option<Cow<'t, [u8]>> {
    let mut bytes = Cow::Borrowed(text.as_bytes());
    for patch in patches {
        let place = patch.range().clone();
        match patch {
            Overlay::Replace { with, .. } if with.is_empty() => bytes.to_mut()[place].fill(HIDDEN),
            Overlay::Replace { .. } => return None,
            // The event parser may read a mask differently if it does not look like a word at both
            // ends.
            Overlay::Mask { .. }
                if !text[place.clone()].starts_with('{') || text[place.clone()].ends_with(' ') =>
            {
                return None;
            }
            Overlay::Mask { .. } => bytes.to_mut()[place]
                .iter_mut()
                .filter(|byte| byte.is_ascii())
                .for_each(|byte| *byte = b'x'),
        }
    }
    Some(bytes)
}

#[derive(Default)]
struct FastParser<'t> {
    text: &'t str,
    /// As long as the text.
    bytes: &'t [u8],
    has_overlays: bool,
    at: usize,
    /// Whether the `---` before the document was read.
    has_marker: bool,
    nodes: Vec<Record>,
    comments: Vec<Range>,
    /// The open block collections, the innermost last.
    open: Vec<OpenBlock>,
    /// The children of all open collections: items, or alternating keys and values.
    children: Vec<NodeId>,
}

/// An open block collection.
struct OpenBlock {
    id: NodeId,
    is_mapping: bool,
    /// The column of its dashes or keys, in bytes.
    column: usize,
    /// The index of its first child in `children`.
    first: usize,
    /// Behind the last `:` or `-`, if its value was not read yet.
    pending: Option<usize>,
}

/// A scalar.
struct Scalar {
    style: ScalarStyle,
    start: usize,
    end: usize,
    /// The value, if it differs from the text.
    decoded: Option<Box<str>>,
}

impl Scalar {
    fn shape(self) -> Shape {
        Shape::Scalar {
            style: self.style,
            value: self.decoded.map_or(Value::AsWritten, Value::Decoded),
        }
    }
}

impl FastParser<'_> {
    fn document(&mut self) -> Option<()> {
        while self.at < self.bytes.len() {
            let line = self.at;
            match self.past_blanks() {
                b'\n' => self.at += 1,
                b'#' => self.comment()?,
                END => {}
                _ if self.at == line && self.is_marker() => self.marker()?,
                _ => self.content(line)?,
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
        (!self.nodes.is_empty()).then_some(())
    }

    // --- between nodes ---

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(END)
    }

    /// Skips blanks. Returns the next byte.
    fn past_blanks(&mut self) -> u8 {
        while matches!(self.byte(self.at), b' ' | HIDDEN) {
            self.at += 1;
        }
        self.byte(self.at)
    }

    /// Reads a comment to the end of its line.
    fn comment(&mut self) -> Option<()> {
        let start = self.at;
        self.at = self.line_end(start);
        self.comments.push(range(start, self.at));
        Some(())
    }

    fn line_end(&self, at: usize) -> usize {
        self.bytes[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.bytes.len(), |length| at + length)
    }

    /// Skips what may follow a value on its line.
    fn end_of_line(&mut self) -> Option<()> {
        let before = self.at;
        match self.past_blanks() {
            b'\n' => Some(()),
            b'#' if self.at > before => self.comment(),
            END => Some(()),
            _ => None,
        }
    }

    fn is_marker(&self) -> bool {
        matches!(self.bytes.get(self.at..self.at + 3), Some(b"---" | b"..."))
            && is_break(self.byte(self.at + 3))
    }

    /// Skips the `---` before the document.
    fn marker(&mut self) -> Option<()> {
        let is_first = self.byte(self.at) == b'-' && self.nodes.is_empty() && !self.has_marker;
        (self.has_marker, self.at) = (true, self.at + 3);
        is_first.then(|| self.end_of_line())?
    }

    // --- collections ---

    /// Reads a line that starts with a dash or a key.
    fn content(&mut self, line: usize) -> Option<()> {
        let column = self.at - line;
        let is_item = self.is_dash();
        self.open_for_column(column, is_item)?;
        if is_item {
            return self.item(line);
        }
        let key = self.scalar()?;
        self.entry(key)
    }

    fn is_dash(&self) -> bool {
        self.byte(self.at) == b'-' && is_break(self.byte(self.at + 1))
    }

    /// Closes the collections that end before a dash or key in this column, and opens one if it
    /// starts here.
    fn open_for_column(&mut self, column: usize, is_item: bool) -> Option<()> {
        while let Some(open) = self.open.last() {
            if open.column < column {
                return open.pending.and_then(|_| self.enter(column, !is_item));
            }
            if open.column == column {
                match (open.is_mapping, is_item) {
                    // The dashes of a mapping's value may be in the column of its keys.
                    (true, true) => return open.pending.and_then(|_| self.enter(column, false)),
                    (false, false) => {}
                    _ => {
                        self.push_missing_value();
                        return Some(());
                    }
                }
            }
            self.close();
        }
        self.nodes
            .is_empty()
            .then(|| self.enter(column, !is_item))?
    }

    fn enter(&mut self, column: usize, is_mapping: bool) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        let shape = if is_mapping {
            mapping(false, &[])
        } else {
            sequence(false, &[])
        };
        let id = self.push(shape, range(self.at, self.at));
        self.open.push(OpenBlock {
            id,
            is_mapping,
            column,
            first: self.children.len(),
            pending: None,
        });
        Some(())
    }

    /// Adds a node to the innermost block collection.
    fn push(&mut self, shape: Shape, range: Range) -> NodeId {
        let Some(open) = self.open.last_mut() else {
            return self.push_record(shape, range, None);
        };
        open.pending = None;
        let parent = Some(open.id);
        let id = self.push_record(shape, range, parent);
        self.children.push(id);
        id
    }

    fn push_record(&mut self, shape: Shape, range: Range, parent: Option<NodeId>) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Record {
            range,
            parent,
            shape,
        });
        id
    }

    /// Adds an empty node if a value is missing.
    fn push_missing_value(&mut self) {
        if let Some(place) = self.open.last().and_then(|open| open.pending) {
            self.push(Shape::Empty, range(place, place));
        }
    }

    /// Closes the innermost collection.
    fn close(&mut self) {
        self.push_missing_value();
        let Some(open) = self.open.pop() else { return };
        let children = &self.children[open.first..];
        let end = children.last().map_or(0, |last| {
            usize::from(self.nodes[last.0 as usize].range.end())
        });
        let shape = if open.is_mapping {
            mapping(false, children)
        } else {
            sequence(false, children)
        };
        self.children.truncate(open.first);
        self.finish(open.id, shape, end);
    }

    fn finish(&mut self, id: NodeId, shape: Shape, end: usize) {
        let record = &mut self.nodes[id.0 as usize];
        record.range = range(record.range.start().into(), end);
        record.shape = shape;
    }

    /// Reads a `-` and the rest of its line.
    fn item(&mut self, line: usize) -> Option<()> {
        self.at += 1;
        self.await_value();
        match self.past_blanks() {
            b'\n' => return Some(()),
            b'#' => return self.comment(),
            byte if !starts_scalar(byte) => return self.value(),
            _ => {}
        }
        let column = self.at - line;
        if self.is_dash() {
            self.enter(column, false)?;
            return self.item(line);
        }
        let start = self.at;
        let scalar = self.scalar()?;
        if self.byte(self.at) != b':' {
            return self.scalar_value(scalar);
        }
        let end = std::mem::replace(&mut self.at, start);
        self.enter(column, true)?;
        self.at = end;
        self.entry(scalar)
    }

    fn await_value(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.pending = Some(self.at);
        }
    }

    /// Reads the `:` of a key and the rest of its line.
    fn entry(&mut self, key: Scalar) -> Option<()> {
        /// The event parser accepts keys of up to 1024 characters.
        const LONGEST: usize = 500;
        let is_key = self.byte(self.at) == b':' && is_break(self.byte(self.at + 1));
        if !is_key || key.end - key.start > LONGEST || self.has_breaks(&key) {
            return None;
        }
        self.push_scalar(key);
        self.at += 1;
        self.await_value();
        match self.past_blanks() {
            b'\n' => Some(()),
            b'#' => self.comment(),
            byte if starts_scalar(byte) => {
                let scalar = self.scalar()?;
                self.scalar_value(scalar)
            }
            _ => self.value(),
        }
    }

    /// Reads a value that is neither a plain nor a quoted scalar.
    fn value(&mut self) -> Option<()> {
        match self.byte(self.at) {
            b'|' => self.literal(),
            b'[' | b'{' => {
                let id = self.push(Shape::Empty, range(self.at, self.at));
                self.flow(id, self.open.len())?;
                self.end_of_line()
            }
            END => Some(()),
            _ => None,
        }
    }

    // --- scalars ---

    fn has_breaks(&self, scalar: &Scalar) -> bool {
        scalar.style != ScalarStyle::Plain && self.bytes[scalar.start..scalar.end].contains(&b'\n')
    }

    fn push_scalar(&mut self, scalar: Scalar) {
        let place = range(scalar.start, scalar.end);
        self.push(scalar.shape(), place);
    }

    /// Reads the rest of a scalar value: a plain one may continue on the next lines.
    fn scalar_value(&mut self, mut scalar: Scalar) -> Option<()> {
        if scalar.style == ScalarStyle::Plain && self.byte(self.at) == b'\n' {
            self.continue_plain(&mut scalar)?;
        }
        self.push_scalar(scalar);
        self.end_of_line()
    }

    /// Reads a scalar, up to the `:` or the blanks behind it.
    fn scalar(&mut self) -> Option<Scalar> {
        let scalar = match self.byte(self.at) {
            b'"' | b'\'' => self.quoted()?,
            byte if starts_plain_scalar(byte, self.byte(self.at + 1)) => self.plain_scalar()?,
            _ => return None,
        };
        // A closing quote must be followed by a separator.
        let is_ended = matches!(self.byte(self.at), b' ' | b'\n' | b':' | HIDDEN | END);
        is_ended.then_some(scalar)
    }

    /// Reads the first line of a plain scalar, up to its `:`, comment, or line break.
    fn plain_scalar(&mut self) -> Option<Scalar> {
        let start = self.at;
        let mut end = start;
        loop {
            match self.byte(self.at) {
                b'\n' => break,
                b':' if is_break(self.byte(self.at + 1)) => {
                    // A blank before the colon is rare.
                    if end < self.at {
                        return None;
                    }
                    break;
                }
                b'#' if end < self.at => {
                    // The caller checks the blank before a comment.
                    self.at = end;
                    break;
                }
                b' ' | HIDDEN => self.at += 1,
                b'\t' => return None,
                END => break,
                _ => {
                    self.at += 1;
                    end = self.at;
                }
            }
        }
        Some(Scalar {
            style: ScalarStyle::Plain,
            start,
            end,
            decoded: None,
        })
    }

    /// Reads the lines that continue a plain scalar: all that are deeper than the collection around
    /// it.
    fn continue_plain(&mut self, scalar: &mut Scalar) -> Option<()> {
        let column = self.open.last()?.column;
        let mut value = String::new();
        loop {
            let mut breaks = 0;
            let mut line = self.at;
            let mut at = line;
            loop {
                match self.byte(at) {
                    b' ' | HIDDEN => at += 1,
                    b'\n' => {
                        breaks += 1;
                        at += 1;
                        line = at;
                    }
                    _ => break,
                }
            }
            if at == self.bytes.len() || at - line <= column || self.byte(at) == b'#' {
                break;
            }
            // What looks like an item or an entry is left to the event parser.
            if matches!(self.byte(at), b'-' | b'?' | b':' | b'\t') {
                return None;
            }
            if value.is_empty() {
                value.push_str(&self.text[scalar.start..scalar.end]);
            }
            self.at = at;
            let words = self.plain_scalar()?;
            if !matches!(self.byte(self.at), b'\n' | END) {
                return None;
            }
            fold(&mut value, breaks);
            value.push_str(&self.text[at..words.end]);
            scalar.end = words.end;
        }
        scalar.decoded = (!value.is_empty()).then(|| value.into());
        Some(())
    }

    fn quoted(&mut self) -> Option<Scalar> {
        let (start, quote) = (self.at, self.byte(self.at));
        let (mut has_escapes, mut has_breaks) = (false, false);
        self.at += 1;
        loop {
            match self.byte(self.at) {
                byte if byte == quote => {
                    if quote == b'"' || self.byte(self.at + 1) != quote {
                        break;
                    }
                    has_escapes = true;
                    self.at += 2;
                }
                b'\\' if quote == b'"' => {
                    has_escapes = true;
                    self.at += 2;
                }
                b'\n' => {
                    has_breaks = true;
                    self.next_line_of_quoted()?;
                }
                b'\t' | HIDDEN | END => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        if self.has_overlays && (has_escapes || has_breaks) {
            return None;
        }
        let written = &self.text[start + 1..self.at - 1];
        let written = if has_breaks {
            Cow::Owned(folded(written))
        } else {
            Cow::Borrowed(written)
        };
        let (style, value) = match quote {
            b'"' if has_escapes => (ScalarStyle::DoubleQuoted, unescaped(&written)?),
            b'"' => (ScalarStyle::DoubleQuoted, written.into()),
            _ if has_escapes => (ScalarStyle::SingleQuoted, written.replace("''", "'").into()),
            _ => (ScalarStyle::SingleQuoted, written.into()),
        };
        Some(Scalar {
            style,
            start,
            end: self.at,
            decoded: Some(value),
        })
    }

    /// Skips a line break between quotes up to the next text, which must be deeper than the
    /// collection around it.
    fn next_line_of_quoted(&mut self) -> Option<()> {
        let column = self.open.last()?.column;
        self.at += 1;
        let line = self.at;
        let is_blank = self.past_spaces() == b'\n';
        (is_blank || self.at - line > column).then_some(())
    }

    /// Reads a literal block (`|`).
    fn literal(&mut self) -> Option<()> {
        let start = self.at;
        let column = self.open.last()?.column;
        self.at += 1;
        let is_stripped = self.byte(self.at) == b'-';
        self.at += usize::from(is_stripped);
        self.end_of_line()?;
        self.at += 1;
        let (mut value, mut end, mut indent, mut breaks) = (String::new(), start, None, 0);
        let mut deepest_blank = 0;
        loop {
            let line = self.at;
            let spaces = self
                .bytes
                .get(line..)?
                .iter()
                .take_while(|byte| **byte == b' ')
                .count();
            let line_end = self.line_end(line);
            if line_end == self.bytes.len() {
                // The parser and the API server disagree about a block at the end of the text.
                if line < line_end
                    && indent.is_none_or(|indent| spaces >= indent || line + spaces == line_end)
                {
                    return None;
                }
                break;
            }
            if line + spaces == line_end
                || self.bytes[line..line_end]
                    .iter()
                    .all(|byte| *byte == HIDDEN)
            {
                deepest_blank = deepest_blank.max(spaces);
                breaks += 1;
                self.at = line_end + 1;
                continue;
            }
            if indent.is_none() && spaces <= column {
                return None;
            }
            let indent = *indent.get_or_insert(spaces);
            if spaces < indent {
                break;
            }
            if deepest_blank > indent
                || (self.has_overlays && self.bytes[line..line_end].contains(&HIDDEN))
            {
                return None;
            }
            value.extend((0..breaks).map(|_| '\n'));
            breaks = 0;
            value.push_str(&self.text[line + indent..=line_end]);
            end = line_end;
            self.at = line_end + 1;
        }
        if deepest_blank > indent? {
            return None;
        }
        // A comment that is deeper than the key may belong to the block.
        let next = self.bytes[self.at..]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
        if self.byte(self.at + next) == b'#' && next > column {
            return None;
        }
        if is_stripped {
            value.pop();
        }
        self.push_scalar(Scalar {
            style: ScalarStyle::Literal,
            start,
            end,
            decoded: Some(value.into()),
        });
        Some(())
    }

    // --- brackets ---

    /// Reads a flow collection on one line.
    fn flow(&mut self, id: NodeId, depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let is_mapping = self.byte(self.at) == b'{';
        let closing = if is_mapping { b'}' } else { b']' };
        let mut children = Vec::new();
        self.at += 1;
        while self.past_spaces() != closing || !children.is_empty() {
            if is_mapping {
                children.push(self.flow_scalar(id)?);
                if self.byte(self.at) != b':' || self.byte(self.at + 1) != b' ' {
                    return None;
                }
                self.at += 1;
            }
            children.push(self.flow_node(id, depth)?);
            match self.past_spaces() {
                b',' => self.at += 1,
                byte if byte == closing => break,
                _ => return None,
            }
        }
        self.at += 1;
        let shape = if is_mapping {
            mapping(true, &children)
        } else {
            sequence(true, &children)
        };
        self.finish(id, shape, self.at);
        Some(())
    }

    fn flow_node(&mut self, parent: NodeId, depth: usize) -> Option<NodeId> {
        if !matches!(self.past_spaces(), b'[' | b'{') {
            return self.flow_scalar(parent);
        }
        let id = self.push_record(Shape::Empty, range(self.at, self.at), Some(parent));
        self.flow(id, depth + 1)?;
        Some(id)
    }

    fn flow_scalar(&mut self, parent: NodeId) -> Option<NodeId> {
        let scalar = match self.byte(self.at) {
            b'"' | b'\'' => self.quoted()?,
            byte if starts_plain_scalar(byte, self.byte(self.at + 1)) => {
                self.flow_plain_scalar()?
            }
            _ => return None,
        };
        if self.has_breaks(&scalar) {
            return None;
        }
        let place = range(scalar.start, scalar.end);
        Some(self.push_record(scalar.shape(), place, Some(parent)))
    }

    fn past_spaces(&mut self) -> u8 {
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        self.byte(self.at)
    }

    /// Reads a plain scalar in a flow collection, of characters without a meaning there.
    fn flow_plain_scalar(&mut self) -> Option<Scalar> {
        let start = self.at;
        let mut end = start;
        loop {
            let byte = self.byte(self.at);
            match byte {
                b' ' => self.at += 1,
                b':' if !is_word(self.byte(self.at + 1)) => break,
                b':' => {
                    self.at += 1;
                    end = self.at;
                }
                _ if is_word(byte) => {
                    self.at += 1;
                    end = self.at;
                }
                b',' | b']' | b'}' => break,
                _ => return None,
            }
        }
        // A blank before the colon is rare.
        if self.byte(self.at) == b':' && end < self.at {
            return None;
        }
        Some(Scalar {
            style: ScalarStyle::Plain,
            start,
            end,
            decoded: None,
        })
    }
}

/// The byte past the end of the text.
const END: u8 = 0;

fn is_break(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | END)
}

fn starts_scalar(byte: u8) -> bool {
    !matches!(byte, b'|' | b'[' | b'{' | END)
}

/// Whether a plain scalar may start with these bytes, in the subset that is read here.
fn starts_plain_scalar(byte: u8, next: u8) -> bool {
    match byte {
        b'-' | b':' => next.is_ascii_alphanumeric() || matches!(next, b'-' | b'_'),
        b'(' | b'/' | b'.' | b'_' | b'$' | b'~' | b'<' | b'=' | b'+' | b'^' | b'\\' | b';'
        | b')' => true,
        byte => byte.is_ascii_alphanumeric() || byte >= 0x80,
    }
}

/// Whether a byte is always part of a plain scalar in a flow collection.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(
            byte,
            b'_' | b'.'
                | b'/'
                | b'-'
                | b'+'
                | b'='
                | b'$'
                | b'('
                | b')'
                | b'~'
                | b'@'
                | b'%'
                | b'*'
                | b'<'
                | b'>'
                | b';'
                | b'^'
        )
}

fn mapping(flow: bool, children: &[NodeId]) -> Shape {
    Shape::Mapping {
        flow,
        entries: children
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect(),
    }
}

fn sequence(flow: bool, items: &[NodeId]) -> Shape {
    Shape::Sequence {
        flow,
        items: items.to_vec(),
    }
}

/// Folds the lines of a quoted scalar.
fn folded(written: &str) -> String {
    let mut lines = written.split('\n');
    let mut value = String::with_capacity(written.len());
    value.push_str(lines.next().unwrap_or_default().trim_end_matches(' '));
    let (mut breaks, mut last) = (0, "");
    for line in lines {
        (breaks, last) = (breaks + 1, line.trim_start_matches(' '));
        let line = last.trim_end_matches(' ');
        if !line.is_empty() {
            fold(&mut value, breaks);
            value.push_str(line);
            breaks = 0;
        }
    }
    // Blanks before the closing quote are not at the end of a line.
    match breaks {
        0 => value.push_str(&last[last.trim_end_matches(' ').len()..]),
        _ => fold(&mut value, breaks),
    }
    value
}

/// Adds folded line breaks: one becomes a space, of several all but one remain.
fn fold(value: &mut String, breaks: usize) {
    match breaks {
        1 => value.push(' '),
        _ => value.extend((1..breaks).map(|_| '\n')),
    }
}

/// Decodes the common escapes of a double-quoted scalar; `None` for others.
fn unescaped(written: &str) -> Option<Box<str>> {
    let mut value = String::with_capacity(written.len());
    let mut chars = written.chars();
    while let Some(char) = chars.next() {
        value.push(match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            },
            char => char,
        });
    }
    Some(value.into())
}

#[cfg(test)]
mod tests;
