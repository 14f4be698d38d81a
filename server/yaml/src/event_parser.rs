//! Builds the tree from the events of yaml-rust2, and scans the text for the ranges that the events
//! lack: ends, comments, anchor names, and brackets. For any text the scan terminates, uses bounded
//! stack, and every range is exact.

use super::source::Source;
use super::tree::{NodeId, Properties, Record, Shape, Value};
use super::{Offset, Range, ScalarStyle};
use std::collections::{BTreeMap, HashMap};
use text::BYTE_ORDER_MARK;
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

/// How deep collections may be nested.
pub(super) const MAX_DEPTH: usize = 128;

/// What was read of a document, up to its end or to a failure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) nodes: Vec<Record>,
    pub(super) root: Option<NodeId>,
    pub(super) properties: BTreeMap<NodeId, Properties>,
    pub(super) comments: Vec<Range>,
    /// Tabs in indentation, which the parser accepts and the API server's parser does not.
    pub(super) tabs: Vec<Range>,
    pub(super) failure: Option<Failure>,
    /// Up to here no bracket and no quote is open: the end of the scan, or the first bracket that
    /// was not closed.
    pub(super) balanced_until: usize,
}

/// Why reading stopped, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// The message of yaml-rust2.
    Parser(String),
    TooDeep,
}

/// Parses the first document of a text, as far as possible.
pub(super) fn parse(source: &Source<'_>) -> Reading {
    let mut walk = EventParser {
        source,
        text: source.text(),
        at: 0,
        parser: Parser::new(source.chars()),
        reading: Reading::default(),
        after_indicator: false,
        open: Vec::new(),
        anchors: HashMap::new(),
    };
    walk.reading.failure = walk.document().err();
    walk.reading.balanced_until = walk.balanced_until();
    walk.close_all();
    walk.reading
}

struct EventParser<'s, 't, I: Iterator<Item = char>> {
    source: &'s Source<'t>,
    text: &'t str,
    /// The current offset: just behind the last token.
    at: usize,
    parser: Parser<I>,
    reading: Reading,
    /// Whether the last token was a `-` or `?`. Blanks behind it are indentation.
    after_indicator: bool,
    /// The open collections, the innermost last.
    open: Vec<OpenCollection>,
    /// Complete nodes with an anchor, by the parser's number for it. An alias inside its own anchor
    /// finds nothing, which keeps the tree free of cycles.
    anchors: HashMap<usize, NodeId>,
}

/// A collection whose end was not reached yet.
struct OpenCollection {
    id: NodeId,
    anchor: usize,
    mapping: bool,
    flow: bool,
    /// Items, or alternating keys and values.
    children: Vec<NodeId>,
}

impl OpenCollection {
    fn awaits_value(&self) -> bool {
        self.mapping && self.children.len() % 2 == 1
    }
}

/// What an event says about a node apart from its content.
struct NodeHeader {
    mark: Marker,
    anchor: usize,
    tagged: bool,
}

impl<I: Iterator<Item = char>> EventParser<'_, '_, I> {
    fn document(&mut self) -> Result<(), Failure> {
        loop {
            let (event, mark) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart => {}
                Event::DocumentStart => self.skip_prefix(),
                Event::DocumentEnd => break,
                Event::StreamEnd => {
                    self.skip_suffix();
                    return Ok(());
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Scalar(value, style, anchor, tag) => {
                    self.skip_indicator();
                    self.scalar(
                        value,
                        style,
                        NodeHeader {
                            mark,
                            anchor,
                            tagged: tag.is_some(),
                        },
                    );
                }
                Event::Alias(anchor) => {
                    self.skip_indicator();
                    self.alias(self.anchors.get(&anchor).copied());
                }
                Event::SequenceStart(anchor, tag) => {
                    self.skip_indicator();
                    self.sequence(NodeHeader {
                        mark,
                        anchor,
                        tagged: tag.is_some(),
                    })?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.skip_indicator();
                    self.mapping(NodeHeader {
                        mark,
                        anchor,
                        tagged: tag.is_some(),
                    })?;
                }
            }
        }
        self.skip_suffix();
        // An error behind the document may make it invalid.
        self.next().map(|_| ())
    }

    fn next(&mut self) -> Result<(Event, Marker), Failure> {
        self.parser
            .next_token()
            .map_err(|error| failure(self.source, &error))
    }

    fn balanced_until(&self) -> usize {
        let bracket = self.open.iter().find(|open| open.flow);
        bracket.map_or(self.at, |open| {
            usize::from(self.reading.nodes[open.id.0 as usize].range.start())
        })
    }

    // --- between nodes ---

    /// Skips what may precede a document: comments, directives, `---`.
    fn skip_prefix(&mut self) {
        loop {
            self.skip_blanks(false);
            let rest = &self.text[self.at..];
            let at_line_start =
                self.at == 0 || self.text[..self.at].ends_with(['\n', '\r', BYTE_ORDER_MARK]);
            if at_line_start && rest.starts_with('%') {
                let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
                self.at += line.find(" #").unwrap_or(line.len());
            } else if at_line_start && is_marker(rest, "...") {
                self.at += 3;
            } else {
                if at_line_start && is_marker(rest, "---") {
                    self.at += 3;
                }
                return;
            }
        }
    }

    /// Skips what may follow a document: comments, `...`.
    fn skip_suffix(&mut self) {
        self.skip_blanks(false);
        if is_marker(&self.text[self.at..], "...") {
            self.at += 3;
            self.skip_blanks(false);
        }
    }

    /// Moves to the next node of the innermost collection, past its `-`, `?` or `:`.
    fn skip_indicator(&mut self) {
        let Some(open) = self.open.last() else { return };
        if !open.mapping {
            let (flow, before) = (open.flow, self.at);
            self.skip_blanks(flow);
            if !flow
                && self.byte(self.at) == b'-'
                && !self.source.has_inserted_dash(before..self.at)
            {
                self.at += 1;
                self.after_indicator = true;
            }
        } else if open.awaits_value() {
            let colon = self.past_blanks(false);
            // A key without a value has no colon. What follows is another key, which may start with
            // one.
            if self.byte(colon) == b':'
                && (open.flow || self.in_flow() || is_blank_or_end(self.byte(colon + 1)))
            {
                self.skip_blanks(false);
                self.at += 1;
            }
        } else {
            let flow = open.flow;
            self.skip_blanks(flow);
            if self.byte(self.at) == b'?' && is_blank_or_end(self.byte(self.at + 1)) {
                self.at += 1;
                self.after_indicator = !self.in_flow();
            }
        }
    }

    fn in_flow(&self) -> bool {
        self.open.iter().rev().any(|open| open.flow)
    }

    /// Skips blanks, line breaks, comments, and hidden bytes, and commas if `commas` is set.
    fn skip_blanks(&mut self, commas: bool) {
        let mut indents = std::mem::take(&mut self.after_indicator) || self.at == 0;
        let around_plain = self.start_around_plain_scalar();
        let mut tab = None;
        loop {
            self.at = self.source.past_hidden(self.at);
            match self.byte(self.at) {
                b'\n' | b'\r' => {
                    self.tab_on_blank_line(tab, around_plain);
                    (indents, tab) = (true, None);
                    self.at += 1;
                }
                b'\t' => {
                    tab = tab.or(indents.then_some(self.at));
                    self.at += 1;
                }
                b' ' => self.at += 1,
                b',' if commas => self.at += 1,
                b'#' => {
                    self.tab_on_blank_line(tab, around_plain);
                    tab = None;
                    self.comment();
                }
                _ => break,
            }
        }
        if self.at >= self.text.len() {
            self.tab_on_blank_line(tab, around_plain);
        } else if let Some(tab) = tab.filter(|_| !self.in_flow()) {
            self.reading.tabs.push(range(tab, tab + 1));
        }
    }

    /// Records a tab that indents a blank line or a comment. Behind a plain scalar, go-yaml accepts it
    /// if it is indented more than the block around, which starts at an offset.
    fn tab_on_blank_line(&mut self, tab: Option<usize>, around_plain: Option<usize>) {
        let Some(tab) = tab.filter(|_| !self.in_flow()) else {
            return;
        };
        let column = |at: usize| at - self.text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        if around_plain.is_none_or(|start| column(tab) <= column(start)) {
            self.reading.tabs.push(range(tab, tab + 1));
        }
    }

    /// Returns the start of the collection around the plain scalar that ends at the current offset.
    fn start_around_plain_scalar(&self) -> Option<usize> {
        let node = self.reading.nodes.last()?;
        let is_plain = matches!(
            node.shape,
            Shape::Scalar {
                style: ScalarStyle::Plain,
                ..
            }
        );
        if !is_plain || usize::from(node.range.end()) != self.at {
            return None;
        }
        let parent = &self.reading.nodes[node.parent?.0 as usize];
        Some(parent.range.start().into())
    }

    /// Returns where [`EventParser::skip_blanks`] would end.
    fn past_blanks(&self, commas: bool) -> usize {
        let mut at = self.at;
        loop {
            at = self.source.past_hidden(at);
            match self.byte(at) {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b',' if commas => at += 1,
                b'#' => at = self.line_break(at),
                _ => return at,
            }
        }
    }

    /// Returns the byte at an offset; NUL past the end, which stops every search.
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn line_break(&self, at: usize) -> usize {
        self.text[at..]
            .find(['\n', '\r'])
            .map_or(self.text.len(), |length| at + length)
    }

    fn offset(&self, mark: Marker) -> usize {
        self.source.offset(mark.line(), mark.col())
    }

    // --- nodes ---

    /// Reads the anchor and the tag of a node, in either order.
    fn properties(&mut self, header: &NodeHeader) -> Option<Properties> {
        let (mut anchor, mut tag) = (None, None);
        let mut start = None;
        while (header.anchor != 0 && anchor.is_none()) || (header.tagged && tag.is_none()) {
            self.skip_blanks(false);
            let end = match self.byte(self.at) {
                b'&' if anchor.is_none() => {
                    let end = self.name_end(self.at + 1);
                    anchor = Some(self.text[self.at + 1..end].into());
                    end
                }
                b'!' if tag.is_none() => {
                    let end = self.tag_end();
                    tag = Some(self.text[self.at..end].into());
                    end
                }
                _ => break,
            };
            start = start.or(Some(self.at));
            self.at = end;
        }
        Some(Properties {
            anchor,
            tag,
            range: range(start?, self.at),
        })
    }

    fn name_end(&self, at: usize) -> usize {
        let ends = |c: char| {
            matches!(
                c,
                ' ' | '\t' | '\n' | '\r' | ',' | '[' | ']' | '{' | '}' | BYTE_ORDER_MARK
            )
        };
        self.text[at..]
            .find(ends)
            .map_or(self.text.len(), |length| at + length)
    }

    fn tag_end(&self) -> usize {
        let rest = &self.text[self.at..];
        match rest.strip_prefix("!<").and_then(|uri| uri.find('>')) {
            Some(length) => self.at + "!<".len() + length + ">".len(),
            None => self.name_end(self.at),
        }
    }

    /// Adds a node to the arena and to the innermost collection.
    fn push(&mut self, shape: Shape, range: Range, properties: Option<Properties>) -> NodeId {
        let id = NodeId(self.reading.nodes.len() as u32);
        let parent = self.open.last().map(|open| open.id);
        self.reading.nodes.push(Record {
            range,
            parent,
            shape,
        });
        match self.open.last_mut() {
            Some(open) => open.children.push(id),
            None => self.reading.root = self.reading.root.or(Some(id)),
        }
        if let Some(properties) = properties {
            self.reading.properties.insert(id, properties);
        }
        id
    }

    fn scalar(&mut self, value: String, style: TScalarStyle, header: NodeHeader) {
        let properties = self.properties(&header);
        let mut value = self.source.unmask(value);
        if style == TScalarStyle::Plain && value.is_empty() {
            if self.open.is_empty() && properties.is_none() {
                return;
            }
            let id = self.push(Shape::Empty, range(self.at, self.at), properties);
            self.complete(header.anchor, id);
            return;
        }
        self.skip_blanks(false);
        let (style, start, end) = match style {
            // An unresolved alias: its `*` is masked, so the parser reads a plain scalar.
            TScalarStyle::Plain
                if self.byte(self.at) == b'*' && self.source.is_masked_alone(self.at) =>
            {
                let end = self.plain_end(self.at, &value);
                self.alias(None);
                self.at = end.max(self.at);
                return;
            }
            TScalarStyle::Plain => {
                let start = self.offset(header.mark).max(self.at);
                (ScalarStyle::Plain, start, self.plain_end(start, &value))
            }
            TScalarStyle::SingleQuoted => {
                let start = self.offset(header.mark).max(self.at);
                (
                    ScalarStyle::SingleQuoted,
                    start,
                    self.quoted_end(start, b'\''),
                )
            }
            TScalarStyle::DoubleQuoted => {
                let start = self.offset(header.mark).max(self.at);
                (
                    ScalarStyle::DoubleQuoted,
                    start,
                    self.quoted_end(start, b'"'),
                )
            }
            TScalarStyle::Literal => (
                ScalarStyle::Literal,
                self.at,
                self.block_end(&mut value, header.mark),
            ),
            TScalarStyle::Folded => (
                ScalarStyle::Folded,
                self.at,
                self.block_end(&mut value, header.mark),
            ),
        };
        let as_written = style == ScalarStyle::Plain && self.text[start..end] == *value;
        let value = if as_written {
            Value::AsWritten
        } else {
            Value::Decoded(value.into())
        };
        let id = self.push(
            Shape::Scalar { style, value },
            range(start, end),
            properties,
        );
        self.complete(header.anchor, id);
        // A block scalar without content ends before the comment behind its `|`.
        self.at = end.max(self.at);
    }

    /// Returns the end of a plain scalar. Its value is its text, except for the blanks around line
    /// breaks.
    fn plain_end(&self, start: usize, value: &str) -> usize {
        let end = start + value.len();
        if self.text[start..].starts_with(value) && !self.source.is_replaced(start..end) {
            return end;
        }
        let mut left = value
            .bytes()
            .filter(|&byte| !is_blank(byte) && is_char_start(byte))
            .count();
        let (mut at, mut end) = (start, start);
        while left > 0 {
            at = self.source.past_hidden(at);
            let Some(c) = self.text[at..].chars().next() else {
                break;
            };
            at += c.len_utf8();
            if !matches!(c, ' ' | '\t' | '\n' | '\r') {
                left -= 1;
                end = at;
            }
        }
        end
    }

    /// Returns the end behind the closing quote, or where an overlay inserts it.
    fn quoted_end(&self, start: usize, quote: u8) -> usize {
        if self.byte(start) != quote {
            return start;
        }
        let closed_at = self
            .source
            .inserted_quote(start + 1, char::from(quote))
            .unwrap_or(self.text.len());
        let mut at = start + 1;
        while at < closed_at {
            at = self.source.past_masked(at);
            match self.byte(at) {
                b'\\' if quote == b'"' => at += 2,
                byte if byte != quote => at += 1,
                _ if quote == b'\'' && self.byte(at + 1) == quote => at += 2,
                _ => return at + 1,
            }
        }
        closed_at
    }

    /// Returns the end of a block scalar's last line. The current offset is at its `|` or `>`, and
    /// `mark` at its content.
    fn block_end(&mut self, value: &mut String, mark: Marker) -> usize {
        let header = self.at;
        let keep = self.block_header();
        let header_end = self.at;
        let mut end = header_end;
        self.skip_to_line_end();
        // Without content the mark does not show the indentation.
        let empty = value.bytes().all(|byte| byte == b'\n');
        let indent = if empty { usize::MAX } else { mark.col() };
        let mut cut_short = false;
        for line in self.source.line_of(header) + 1..self.source.line_count() {
            let (start, line_end) = (self.source.line(line).start, self.source.line_end(line));
            let hidden = self.source.past_hidden(start) > start;
            let text = if hidden {
                ""
            } else {
                &self.text[start..line_end]
            };
            let spaces = text.bytes().take_while(|&byte| byte == b' ').count();
            if spaces >= indent && text.len() > indent && !is_marker(text, "...") {
                end = line_end;
            } else if spaces < text.len() {
                break;
            } else if keep && start < self.text.len() {
                end = line_end;
            }
            cut_short = start < self.text.len()
                && line_end == self.text.len()
                && (spaces >= indent || end == line_end);
        }
        // At the end of the text the parser counts line breaks that do not exist; the API server's
        // parser does not.
        if end == header_end {
            value.clear();
        } else if cut_short && value.ends_with('\n') {
            value.pop();
        }
        end
    }

    /// Skips `|` or `>` with its indicators. Returns whether all final line breaks are kept.
    fn block_header(&mut self) -> bool {
        let mut keep = false;
        while matches!(self.byte(self.at), b'|' | b'>' | b'+' | b'-' | b'0'..=b'9') {
            keep |= self.byte(self.at) == b'+';
            self.at += 1;
        }
        keep
    }

    /// Skips the blanks and the comment at the end of a line.
    fn skip_to_line_end(&mut self) {
        while matches!(self.byte(self.at), b' ' | b'\t') {
            self.at += 1;
        }
        if self.byte(self.at) == b'#' {
            self.comment();
        }
    }

    fn comment(&mut self) {
        let end = self.line_break(self.at);
        self.reading.comments.push(range(self.at, end));
        self.at = end;
    }

    fn alias(&mut self, target: Option<NodeId>) {
        self.skip_blanks(false);
        let end = if self.byte(self.at) == b'*' {
            self.name_end(self.at + 1)
        } else {
            self.at
        };
        self.push(Shape::Alias { target }, range(self.at, end), None);
        self.at = end;
    }

    fn sequence(&mut self, header: NodeHeader) -> Result<(), Failure> {
        let properties = self.properties(&header);
        self.skip_blanks(false);
        let flow = self.byte(self.at) == b'[';
        self.enter(
            Shape::Sequence {
                flow,
                items: Vec::new(),
            },
            false,
            flow,
            properties,
            &header,
        )
    }

    fn mapping(&mut self, header: NodeHeader) -> Result<(), Failure> {
        let properties = self.properties(&header);
        self.skip_blanks(false);
        // A block mapping and a pair in a flow sequence may start with a key in braces. The parser
        // marks a flow mapping at its brace, and the others at their first colon or, like their
        // first key, at its brace.
        let mut flow = self.byte(self.at) == b'{' && self.offset(header.mark) == self.at;
        if flow
            && self
                .open
                .last()
                .is_some_and(|open| open.flow && !open.mapping)
        {
            let next = self.parser.peek().map(|&(_, mark)| mark);
            flow = next.map_err(|error| failure(self.source, &error))? != header.mark;
        }
        self.enter(
            Shape::Mapping {
                flow,
                entries: Vec::new(),
            },
            true,
            flow,
            properties,
            &header,
        )
    }

    fn enter(
        &mut self,
        shape: Shape,
        mapping: bool,
        flow: bool,
        properties: Option<Properties>,
        header: &NodeHeader,
    ) -> Result<(), Failure> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Failure {
                at: self.at,
                cause: Cause::TooDeep,
            });
        }
        let id = self.push(shape, range(self.at, self.at), properties);
        self.open.push(OpenCollection {
            id,
            anchor: header.anchor,
            mapping,
            flow,
            children: Vec::new(),
        });
        if flow {
            self.at += 1;
        }
        Ok(())
    }

    /// Closes the innermost collection.
    fn close(&mut self) {
        if self.open.last().is_some_and(|open| open.flow) {
            if matches!(self.byte(self.past_blanks(true)), b']' | b'}') {
                self.skip_blanks(true);
                self.at += 1;
            } else if let Some(comma) = self.text[self.at..]
                .find(|c| !matches!(c, ' ' | '\t'))
                .filter(|&at| self.byte(self.at + at) == b',')
            {
                // An overlay inserts the bracket, behind the last comma.
                self.at += comma + 1;
            }
        }
        if let Some(open) = self.open.pop() {
            self.finish(open);
        }
    }

    /// Closes all collections that have no end.
    fn close_all(&mut self) {
        while let Some(open) = self.open.last() {
            if open.awaits_value() {
                self.skip_indicator();
                self.push(Shape::Empty, range(self.at, self.at), None);
            }
            if let Some(open) = self.open.pop() {
                self.finish(open);
            }
        }
    }

    fn finish(&mut self, open: OpenCollection) {
        let last = open
            .children
            .last()
            .map(|id| self.reading.nodes[id.0 as usize].range.end());
        let record = &mut self.reading.nodes[open.id.0 as usize];
        let end = if open.flow {
            offset(self.at)
        } else {
            last.unwrap_or_default()
        };
        record.range = Range::new(record.range.start(), end.max(record.range.start()));
        match &mut record.shape {
            Shape::Sequence { items, .. } => *items = open.children,
            Shape::Mapping { entries, .. } => {
                *entries = open
                    .children
                    .chunks_exact(2)
                    .map(|pair| (pair[0], pair[1]))
                    .collect();
            }
            _ => {}
        }
        self.complete(open.anchor, open.id);
    }

    fn complete(&mut self, anchor: usize, id: NodeId) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
    }
}

fn failure(source: &Source<'_>, error: &ScanError) -> Failure {
    let mark = error.marker();
    Failure {
        at: source.offset(mark.line(), mark.col()),
        cause: Cause::Parser(error.info().to_owned()),
    }
}

/// Offsets fit: [`super::parse`] reads no text of more than `u32::MAX` bytes.
fn offset(at: usize) -> Offset {
    Offset::new(at as u32)
}

pub(super) fn range(start: usize, end: usize) -> Range {
    Range::new(offset(start), offset(end.max(start)))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_blank_or_end(byte: u8) -> bool {
    is_blank(byte) || byte == 0
}

fn is_char_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn is_marker(text: &str, marker: &str) -> bool {
    text.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}
