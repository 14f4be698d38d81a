//! Candidates for repairs near a parser failure, for what people leave unfinished while they type.
//! Recovery tries them in order. A candidate changes only the lines that it names, and no line
//! break.

use super::event_parser::{Cause, Failure, MAX_DEPTH, range};
use super::parser_messages::{
    self, ANY_INDENTATION, ANY_TAB, BLOCK_SEQUENCE, FLOW_INDENTATION, INDENTATION, MAPPING_VALUES,
    QUOTED_INDENTATION, TAB, TAB_AFTER_COLON, TAB_INDENTATION, TEMPLATE, UNKNOWN_ANCHOR,
};
use super::source::{Overlay, Source};
use super::{Range, SyntaxError};

/// A possible repair: what to read instead, and the errors if it is right.
pub(super) struct Candidate {
    pub(super) overlays: Vec<Overlay>,
    /// The lines that are read differently, each with its error; empty if the text is valid after
    /// all.
    pub(super) faults: Vec<(usize, SyntaxError)>,
    /// Whether the tree keeps everything that is written.
    pub(super) keeps_all: bool,
}

/// Returns the candidates for a failure, the likelier ones first. Up to `balanced_until` no bracket
/// and no quote is open.
pub(super) fn candidates(
    source: &Source<'_>,
    failure: &Failure,
    balanced_until: usize,
) -> Vec<Candidate> {
    let at = FailureSite {
        source,
        failure,
        unclosed: unclosed(source.text(), balanced_until.min(failure.at), failure.at),
    };
    let conflict = at.conflict_markers();
    if !conflict.is_empty() {
        return conflict;
    }
    let lines = at.lines();
    let mut candidates = Vec::new();
    candidates.extend(at.indented_continuation());
    candidates.extend(at.space_before_tab());
    candidates.extend(at.masked_alias());
    candidates.extend(at.missing_block());
    for &line in &lines {
        let shape = LineShape::of(source, line);
        candidates.extend(at.starred_key(line, &shape));
        candidates.extend(at.closed(line, &shape));
        candidates.extend(at.colon(line, &shape));
        candidates.extend(at.masked_value(line, &shape));
    }
    candidates.extend(at.missing_key());
    candidates.extend(at.missing_item());
    candidates.extend(at.spaces_for_tabs(&lines));
    candidates.extend(at.hidden_templates(&lines));
    candidates.extend(lines.iter().map(|&line| at.hidden(line)));
    candidates
}

/// Returns the error for a failure that was not repaired.
pub(super) fn error(source: &Source<'_>, failure: &Failure) -> SyntaxError {
    let near = FailureSite {
        source,
        failure,
        unclosed: None,
    };
    let line = near
        .lines()
        .first()
        .copied()
        .unwrap_or_else(|| source.line_of(failure.at));
    SyntaxError {
        range: written(source, line),
        message: near.message(line),
    }
}

/// Where the parser stopped, and what is open there.
struct FailureSite<'s, 't> {
    source: &'s Source<'t>,
    failure: &'s Failure,
    /// The first open bracket or quote.
    unclosed: Option<usize>,
}

/// In how many columns a missing key is tried.
const MAX_PLACES: usize = 3;

/// How many lines of a flow collection or quoted scalar may be read with more indentation.
const MAX_DEEPER_LINES: usize = 1000;

impl FailureSite<'_, '_> {
    fn text(&self) -> &str {
        self.source.text()
    }

    fn parser_reported(&self, words: &str) -> bool {
        matches!(&self.failure.cause, Cause::Parser(info) if info.contains(words))
    }

    /// The lines that may be at fault: where the parser stopped, where its bracket or quote was
    /// opened, the line above with content, that line's parent, and the parent's parent.
    fn lines(&self) -> Vec<usize> {
        let source = self.source;
        let stopped = source.line_of(self.failure.at);
        let opened = self.unclosed.map(|at| source.line_of(at));
        let previous = (0..stopped).rev().find(|&line| is_written(source, line));
        let owner = |line: usize| {
            let indent = indent(source, line);
            (0..line)
                .rev()
                .find(|&line| is_written(source, line) && indent > self::indent(source, line))
        };
        let parent = previous.and_then(owner);
        let mut lines = Vec::with_capacity(5);
        for line in [
            Some(stopped),
            opened,
            previous,
            parent,
            parent.and_then(owner),
        ]
        .into_iter()
        .flatten()
        {
            if is_written(source, line) && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// Hides all Git conflict markers.
    fn conflict_markers(&self) -> Vec<Candidate> {
        let marks = |line: &usize| {
            let text = &self.text()[self.source.content(*line)];
            let mark = |mark| {
                text.strip_prefix(mark)
                    .is_some_and(|rest: &str| rest.is_empty() || rest.starts_with(' '))
            };
            is_written(self.source, *line)
                && ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
                    .into_iter()
                    .any(mark)
        };
        let sides = self.text().contains("<<<<<<<") || self.text().contains(">>>>>>>");
        let lines: Vec<usize> = if sides {
            (0..self.source.line_count()).filter(marks).collect()
        } else {
            Vec::new()
        };
        if lines.is_empty() {
            return Vec::new();
        }
        vec![Candidate {
            overlays: lines
                .iter()
                .map(|&line| Overlay::hide(self.line_range(line)))
                .collect(),
            faults: lines
                .iter()
                .map(|&line| self.fault(line, written(self.source, line), "merge conflict marker"))
                .collect(),
            keeps_all: true,
        }]
    }

    /// Indents the lines of a quoted scalar or flow collection that are too far left for the
    /// parser. The API server accepts them, so this is not an error.
    fn indented_continuation(&self) -> Option<Candidate> {
        let quoted = self
            .parser_reported(QUOTED_INDENTATION)
            .then_some(self.failure.at);
        let closing_bracket = self.text()[self.failure.at..].starts_with([']', '}']);
        let brackets = self.parser_reported(FLOW_INDENTATION)
            || (self.parser_reported(ANY_INDENTATION) && closing_bracket)
            || self.parser_reported(TAB_INDENTATION);
        let of_values = |open: &usize| {
            self.parser_reported(ANY_INDENTATION) && !scan_to_closing(self.text(), *open).has_words
        };
        let open = quoted.or(self.unclosed.filter(|open| brackets || of_values(open)))?;
        let close = scan_to_closing(self.text(), open).closed?;
        let (first, last) = (self.source.line_of(open), self.source.line_of(close));
        if last == first || last - first > MAX_DEEPER_LINES {
            return None;
        }
        let indent = " ".repeat((open - self.source.line(first).start + 1).min(MAX_DEEPER_LINES));
        let lines = (first + 1..=last)
            .filter(|&line| !self.text()[self.line_range(line)].trim().is_empty());
        let overlays = lines
            .map(|line| Overlay::insert(self.line_range(line).start, indent.as_str()))
            .collect();
        Some(Candidate {
            overlays,
            faults: Vec::new(),
            keeps_all: true,
        })
    }

    /// Inserts a space before a tab behind a key's colon, on this line or on all lines from here.
    /// YAML allows the tab, the parser does not.
    fn space_before_tab(&self) -> Vec<Candidate> {
        if !self.parser_reported(TAB_AFTER_COLON) {
            return Vec::new();
        }
        let blank = |line: usize| {
            let shape = LineShape::of(self.source, line);
            let colon = shape.colon.filter(|&colon| colon > shape.content)?;
            (self.text().as_bytes().get(colon + 1) == Some(&b'\t'))
                .then(|| Overlay::insert(colon + 1, " "))
        };
        let candidate = |overlays: Vec<Overlay>| Candidate {
            overlays,
            faults: Vec::new(),
            keeps_all: true,
        };
        let line = self.source.line_of(self.failure.at);
        let all = (line..self.source.line_count()).filter_map(blank).collect();
        vec![candidate(blank(line).into_iter().collect()), candidate(all)]
    }

    /// Masks an alias without an anchor, which stays an alias.
    fn masked_alias(&self) -> Option<Candidate> {
        let at = self.failure.at;
        if !self.parser_reported(UNKNOWN_ANCHOR) || self.text().as_bytes().get(at) != Some(&b'*') {
            return None;
        }
        let line = self.source.line_of(at);
        let name = self.text()[at..]
            .split([' ', '\t', '\n', '\r', ',', ']', '}'])
            .next()
            .unwrap_or_default();
        let message = format!("unknown anchor `{}`", name.trim_start_matches('*'));
        Some(Candidate {
            overlays: vec![Overlay::Mask { range: at..at + 1 }],
            faults: vec![self.fault(line, range(at, at + name.len()), &message)],
            keeps_all: true,
        })
    }

    /// Masks the `*` of a key. Without a space before the colon, the parser takes the colon for
    /// part of an alias.
    fn starred_key(&self, line: usize, shape: &LineShape) -> Option<Candidate> {
        let word = self.text()[shape.content..shape.end]
            .split([' ', '\t'])
            .next()?;
        if shape.colon.is_none() || !word.starts_with('*') || !word.ends_with(':') {
            return None;
        }
        let at = shape.content;
        Some(Candidate {
            overlays: vec![Overlay::Mask { range: at..at + 1 }],
            faults: vec![self.fault(
                line,
                range(at, at + word.len() - 1),
                "a key that begins with `*` needs quotes",
            )],
            keeps_all: true,
        })
    }

    /// Closes the quotes and brackets that a line leaves open.
    fn closed(&self, line: usize, shape: &LineShape) -> Option<Candidate> {
        let &(first, opening) = shape.open.first()?;
        let closers: String = shape
            .open
            .iter()
            .rev()
            .map(|&(_, opening)| char::from(closer(opening)))
            .collect();
        let message = match opening {
            b'"' | b'\'' => "unclosed quote".to_owned(),
            bracket => format!("unclosed `{}`", char::from(bracket)),
        };
        Some(Candidate {
            overlays: vec![Overlay::insert(shape.end, closers)],
            faults: vec![self.fault(line, range(first, shape.end), &message)],
            keeps_all: true,
        })
    }

    /// Inserts the colon behind a lone word, or the space behind a word's colon.
    fn colon(&self, line: usize, shape: &LineShape) -> Option<Candidate> {
        let word = &self.text()[shape.content..shape.end];
        if word.is_empty()
            || shape.colon.is_some()
            || !shape.open.is_empty()
            || word.contains([' ', '\t', '{', '[', '#'])
        {
            return None;
        }
        let (overlay, message) = match word.find(':') {
            Some(colon) => (
                Overlay::insert(shape.content + colon + 1, " "),
                "missing space after the `:`",
            ),
            None => (Overlay::insert(shape.end, ":"), "missing `:` after the key"),
        };
        Some(Candidate {
            overlays: vec![overlay],
            faults: vec![self.fault(line, range(shape.content, shape.end), message)],
            keeps_all: true,
        })
    }

    /// Inserts a missing key: on the empty line above lines with deeper indentation, behind a lone
    /// dash, or in the lines' own indentation.
    fn missing_key(&self) -> Vec<Candidate> {
        let line = self.source.line_of(self.failure.at);
        if !is_written(self.source, line) {
            return Vec::new();
        }
        let (column, item) = (indent(self.source, line), self.is_item(line));
        let mut places = Vec::new();
        // Either this line is deeper than those above it, ...
        for above in self.written_above(line) {
            let place = self.content_column(above);
            if (place < column || item && place == column)
                && places.last().is_none_or(|&(_, last)| place < last)
            {
                places.push((line, place));
            }
            if places.len() == MAX_PLACES || self.content_column(above) == 0 {
                break;
            }
        }
        // ... or those are deeper.
        if !item
            && let Some(above) = self
                .written_above(line)
                .find(|&above| indent(self.source, above) < column)
        {
            let first = (above + 1..line).find(|&line| is_written(self.source, line));
            places.extend(
                first
                    .filter(|&first| indent(self.source, first) > column || self.is_item(first))
                    .map(|first| (first, column)),
            );
        }
        places
            .into_iter()
            .filter_map(|(line, place)| self.key_above(line, place))
            .collect()
    }

    fn key_above(&self, line: usize, column: usize) -> Option<Candidate> {
        if let Some(above) = line
            .checked_sub(1)
            .filter(|&above| self.has_room(above, column))
        {
            return Some(self.single_fault(
                above,
                line,
                self.insert_mark(above, column, ':'),
                "missing key above this line",
            ));
        }
        let at = self.line_range(line).start + column;
        let overlay = Overlay::Replace {
            range: at..at + 1,
            with: ":".into(),
        };
        (column + 1 < indent(self.source, line))
            .then(|| self.single_fault(line, line, overlay, INDENTATION))
    }

    /// Inserts a missing dash on the empty line above the rest of an item.
    fn missing_item(&self) -> Option<Candidate> {
        let line = self.source.line_of(self.failure.at);
        if !is_written(self.source, line) || !self.is_item(line) {
            return None;
        }
        let column = indent(self.source, line);
        let above = self
            .written_above(line)
            .find(|&above| indent(self.source, above) <= column)?;
        let first = (above + 1..line).find(|&line| is_written(self.source, line))?;
        let empty = first
            .checked_sub(1)
            .filter(|&above| self.has_room(above, column))?;
        Some(self.single_fault(
            empty,
            first,
            self.insert_mark(empty, column, '-'),
            "missing `-` above this line",
        ))
    }

    /// Inserts a missing `- |` on the empty line between a plain item and deeper lines, one of
    /// which the parser rejects.
    fn missing_block(&self) -> Option<Candidate> {
        let stopped = self.source.line_of(self.failure.at);
        let mut depth = indent(self.source, stopped);
        let mut holders = self.written_above(stopped).filter(|&above| {
            let is_one = indent(self.source, above) < depth;
            depth = depth.min(indent(self.source, above));
            is_one
        });
        let item = holders.find(|&above| self.is_item(above))?;
        let column = indent(self.source, item);
        let first = (item + 1..=stopped).find(|&line| is_written(self.source, line))?;
        let empty = first
            .checked_sub(1)
            .filter(|&above| above > item && self.has_room(above, column))?;
        // Items below a word are more likely its value, and its colon is missing.
        let is_word = LineShape::of(self.source, item).colon.is_none() && !self.is_item(first);
        let whole = self.line_range(empty);
        let range = whole.start + self.text()[whole.clone()].trim_end().len()..whole.end;
        let is_free = range.start == whole.start
            && !self
                .source
                .overlays()
                .iter()
                .any(|overlay| *overlay.range() == range);
        (is_word && is_free && first < stopped).then(|| {
            let overlay = Overlay::Replace {
                range,
                with: format!("{:column$}- |", "").into(),
            };
            self.single_fault(empty, first, overlay, "missing `- |` above this line")
        })
    }

    /// A candidate with one overlay on a line, and an error on another.
    fn single_fault(
        &self,
        line: usize,
        because: usize,
        overlay: Overlay,
        message: &str,
    ) -> Candidate {
        let fault = self.fault(line, written(self.source, because), message);
        Candidate {
            overlays: vec![overlay],
            faults: vec![fault],
            keeps_all: true,
        }
    }

    /// Whether a line is empty from a column on, with at most a dash before it.
    fn has_room(&self, line: usize, column: usize) -> bool {
        let text = self.text()[self.line_range(line)].trim_end();
        text.len() <= column && matches!(text.trim_start(), "" | "-")
    }

    /// Inserts a character at a column of a line with room for it, and keeps what was inserted
    /// there before.
    fn insert_mark(&self, line: usize, column: usize, mark: char) -> Overlay {
        let whole = self.line_range(line);
        let written = self.text()[whole.clone()].trim_end().len();
        let range = whole.start + written..whole.end;
        let earlier = self
            .source
            .overlays()
            .iter()
            .find_map(|overlay| match overlay {
                Overlay::Replace {
                    range: patched,
                    with,
                } if *patched == range => Some(&**with),
                _ => None,
            });
        let mut read = format!(
            "{:width$}",
            earlier.unwrap_or_default(),
            width = column - written
        );
        if read.len() > column - written {
            read.replace_range(
                column - written..column - written + 1,
                mark.encode_utf8(&mut [0; 4]),
            );
        } else {
            read.push(mark);
        }
        Overlay::Replace {
            range,
            with: read.into(),
        }
    }

    fn written_above(&self, line: usize) -> impl Iterator<Item = usize> {
        (0..line)
            .rev()
            .filter(|&line| is_written(self.source, line))
    }

    fn is_item(&self, line: usize) -> bool {
        self.text()[written_start(self.source, line)..].starts_with('-')
    }

    /// The column of a line's content behind its dashes.
    fn content_column(&self, line: usize) -> usize {
        LineShape::of(self.source, line).content - self.line_range(line).start
    }

    fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        self.source.content(line)
    }

    /// Masks the value of a line, so that it is read as plain text.
    fn masked_value(&self, line: usize, shape: &LineShape) -> Option<Candidate> {
        let start = shape.value(self.text())?;
        let message = match &self.text()[start..shape.end] {
            value if value.contains("{{") => TEMPLATE.to_owned(),
            _ => self.message(line),
        };
        Some(Candidate {
            overlays: vec![Overlay::Mask {
                range: start..shape.end,
            }],
            faults: vec![self.fault(line, range(start, shape.end), &message)],
            keeps_all: true,
        })
    }

    /// Replaces the tabs in indentation by two spaces each: on the first such line, or on all lines
    /// from there.
    fn spaces_for_tabs(&self, lines: &[usize]) -> Vec<Candidate> {
        let tabs = |line: usize| {
            let start = self.line_range(line).start;
            let indent = &self.text()[start..written_start(self.source, line)];
            let tabs = indent
                .bytes()
                .enumerate()
                .filter(|&(_, byte)| byte == b'\t');
            tabs.map(|(at, _)| Overlay::Replace {
                range: start + at..start + at + 1,
                with: "  ".into(),
            })
            .collect::<Vec<_>>()
        };
        // The parser looks ahead: it may stop at a key because of a tab lines below it.
        let stopped = self.source.line_of(self.failure.at);
        let ahead = || {
            (stopped..self.source.line_count())
                .find(|&line| is_written(self.source, line) && !tabs(line).is_empty())
        };
        let near = lines
            .iter()
            .copied()
            .filter(|&line| !tabs(line).is_empty())
            .min();
        let Some(first) = near.or_else(|| ahead().filter(|_| self.parser_reported(ANY_TAB))) else {
            return Vec::new();
        };
        let candidate = |lines: &[usize]| Candidate {
            overlays: lines.iter().flat_map(|&line| tabs(line)).collect(),
            faults: lines
                .iter()
                .map(|&line| self.fault(line, indentation(self.source, line), TAB))
                .collect(),
            keeps_all: true,
        };
        let all: Vec<usize> = (first..self.source.line_count())
            .filter(|&line| is_written(self.source, line) && !tabs(line).is_empty())
            .collect();
        vec![candidate(&[first]), candidate(&all), self.hidden(first)]
    }

    /// Hides lines that only contain template expressions, and masks the expressions on other
    /// lines.
    fn hidden_templates(&self, lines: &[usize]) -> Option<Candidate> {
        if !lines
            .iter()
            .any(|&line| self.text()[self.line_range(line)].contains("{{"))
        {
            return None;
        }
        let (mut overlays, mut faults) = (Vec::new(), Vec::new());
        let mut line = 0;
        while line < self.source.line_count() {
            let whole = self.line_range(line);
            let text = &self.text()[whole.clone()];
            if !text.contains("{{") || !is_written(self.source, line) {
                line += 1;
                continue;
            }
            let (expressions, open) = expressions(text);
            let rest = expressions
                .iter()
                .rev()
                .fold(text.to_owned(), |mut rest, expression| {
                    rest.replace_range(expression.clone(), "");
                    rest
                });
            let last = if open { self.template_end(line) } else { line };
            if rest.trim().is_empty() || last > line {
                for line in line..=last {
                    overlays.push(Overlay::hide(self.line_range(line)));
                    faults.push(self.fault(line, written(self.source, line), TEMPLATE));
                }
            } else {
                let masks = expressions
                    .into_iter()
                    .map(|expression| whole.start + expression.start..whole.start + expression.end);
                overlays.extend(masks.map(|range| Overlay::Mask { range }));
                faults.push(self.fault(line, written(self.source, line), TEMPLATE));
            }
            line = last + 1;
        }
        Some(Candidate {
            overlays,
            faults,
            keeps_all: true,
        })
    }

    /// Returns the line on which an expression ends that is open at the end of a line; the same
    /// line if it has no end.
    fn template_end(&self, line: usize) -> usize {
        let lines = (line + 1..self.source.line_count()).take(MAX_DEEPER_LINES);
        let mut lines =
            lines.take_while(|&line| !self.text()[self.source.line(line)].contains("{{"));
        lines
            .find(|&line| self.text()[self.source.line(line)].contains("}}"))
            .unwrap_or(line)
    }

    /// Hides a line.
    fn hidden(&self, line: usize) -> Candidate {
        let message = self.message(line);
        Candidate {
            overlays: vec![Overlay::hide(self.line_range(line))],
            faults: vec![self.fault(line, written(self.source, line), &message)],
            keeps_all: false,
        }
    }

    fn fault(&self, line: usize, range: Range, message: &str) -> (usize, SyntaxError) {
        (
            line,
            SyntaxError {
                range,
                message: message.to_owned(),
            },
        )
    }

    /// Returns the message for a failure on a line.
    fn message(&self, line: usize) -> String {
        let text = &self.text()[self.line_range(line)];
        let info = match &self.failure.cause {
            Cause::TooDeep => return format!("nested deeper than {MAX_DEPTH} levels"),
            Cause::Parser(info) => info,
        };
        if text.contains("{{") {
            return TEMPLATE.into();
        }
        if self.text()[indentation(self.source, line)].contains('\t') {
            return TAB.into();
        }
        if text.starts_with('%') {
            return "unreadable directive, or no `---` line after it".into();
        }
        let message = parser_messages::message(info);
        let at_start = self.failure.at <= written_start(self.source, line)
            || self.source.line_of(self.failure.at) != line;
        match message {
            INDENTATION if at_start => INDENTATION,
            INDENTATION if info.contains(MAPPING_VALUES) => "a value with `: ` in it needs quotes",
            INDENTATION if info.contains(BLOCK_SEQUENCE) => {
                "a list cannot start on the line of its key"
            }
            INDENTATION => "unexpected text after the value",
            message => message,
        }
        .into()
    }
}

fn written_start(source: &Source<'_>, line: usize) -> usize {
    let range = source.content(line);
    let text = &source.text()[range.clone()];
    range.start + text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// The range of a line without surrounding blanks.
fn written(source: &Source<'_>, line: usize) -> Range {
    let start = written_start(source, line);
    range(
        start,
        start
            + source.text()[start..source.content(line).end.max(start)]
                .trim_end()
                .len(),
    )
}

fn indentation(source: &Source<'_>, line: usize) -> Range {
    range(source.content(line).start, written_start(source, line))
}

fn indent(source: &Source<'_>, line: usize) -> usize {
    written_start(source, line) - source.content(line).start
}

/// Whether a line has more than blanks and a comment, and is not hidden.
fn is_written(source: &Source<'_>, line: usize) -> bool {
    let range = source.content(line);
    let text = source.text()[range.clone()].trim_start_matches([' ', '\t']);
    let marker = text.starts_with("---") && text[3..].trim().is_empty();
    !text.trim().is_empty()
        && !text.starts_with('#')
        && !marker
        && source.past_hidden(range.start) == range.start
}

/// Returns the template expressions in a line, and whether the last one has no end there.
fn expressions(line: &str) -> (Vec<std::ops::Range<usize>>, bool) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = line[at..].find("{{").map(|length| at + length) {
        let Some(end) = line[start..]
            .find("}}")
            .map(|length| start + length + "}}".len())
        else {
            found.push(start..line.trim_end().len());
            return (found, true);
        };
        found.push(start..end);
        at = end;
    }
    (found, false)
}

/// The content of a line, scanned without context.
struct LineShape {
    /// Behind the dashes.
    content: usize,
    /// The end of the content, before a comment.
    end: usize,
    /// The `:` of its first key.
    colon: Option<usize>,
    /// The brackets and quotes that it leaves open, with their offsets.
    open: Vec<(usize, u8)>,
}

impl LineShape {
    fn of(source: &Source<'_>, line: usize) -> LineShape {
        let mut seen = Scan::default();
        let whole = source.content(line);
        scan_line(source.text(), whole.clone(), &mut seen);
        let end = seen.comment.unwrap_or(whole.end);
        let start = written_start(source, line);
        let end = start + source.text()[start..end.max(start)].trim_end().len();
        LineShape {
            content: seen.content.unwrap_or(start).min(end),
            end,
            colon: seen.colon,
            open: seen.open,
        }
    }

    /// Returns the start of the value of the line's key, or of its item if there is no key.
    fn value(&self, text: &str) -> Option<usize> {
        let start = self.colon.map_or(self.content, |colon| colon + 1);
        let value = text.get(start..self.end)?;
        (!value.trim().is_empty()).then(|| start + value.len() - value.trim_start().len())
    }
}

#[derive(Default)]
struct Scan {
    content: Option<usize>,
    colon: Option<usize>,
    comment: Option<usize>,
    open: Vec<(usize, u8)>,
    /// The start of the last quoted scalar of several lines.
    long_quote: Option<usize>,
    /// Behind the last closing bracket or quote at the outermost level.
    closed: Option<usize>,
    /// Whether to stop there.
    only_one: bool,
    /// Whether a line in a flow collection starts with something other than a quote or a bracket,
    /// as keys below an unclosed bracket do.
    has_words: bool,
}

/// Scans brackets, quotes, keys, and comments, and ignores indentation.
fn scan_line(text: &str, range: std::ops::Range<usize>, seen: &mut Scan) {
    let bytes = &text.as_bytes()[..range.end];
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(b'\n');
    let blank = |at: usize| matches!(byte(at), b' ' | b'\t' | b'\n' | b'\r');
    let mut at = range.start;
    // Whether a token may start here.
    let mut fresh = true;
    let mut dashes = true;
    while at < range.end && !(seen.only_one && seen.closed.is_some()) {
        let c = byte(at);
        let quote = seen
            .open
            .last()
            .filter(|(_, opening)| matches!(opening, b'"' | b'\''))
            .copied();
        if let Some((opened, quote)) = quote {
            if c == b'\\' && quote == b'"' || c == b'\'' && quote == c && byte(at + 1) == c {
                at += 1;
            } else if c == quote {
                seen.open.pop();
                seen.closed = seen.open.is_empty().then_some(at + 1);
                if text[opened..at].contains(['\n', '\r']) {
                    seen.long_quote = Some(opened);
                }
            }
            at += 1;
            continue;
        }
        let flow = !seen.open.is_empty();
        match c {
            b' ' | b'\t' => {}
            b'\n' | b'\r' => {
                let next = text[at..range.end].trim_start().bytes().next();
                seen.has_words |= flow
                    && !matches!(
                        next,
                        None | Some(b'"' | b'\'' | b'[' | b'{' | b']' | b'}' | b'#')
                    );
                fresh = true;
            }
            b'#' if at == range.start || blank(at - 1) => {
                seen.comment = Some(at);
                at = text[at..range.end]
                    .find(['\n', '\r'])
                    .map_or(range.end, |length| at + length);
                continue;
            }
            b'-' | b'?' if fresh && blank(at + 1) => {}
            b'"' | b'\'' | b'[' | b'{' if fresh || (flow && matches!(c, b'[' | b'{')) => {
                seen.content = seen.content.or(Some(at));
                seen.open.push((at, c));
                fresh = matches!(c, b'[' | b'{');
                dashes = false;
            }
            b']' | b'}' if flow => {
                seen.open.pop();
                seen.closed = seen.open.is_empty().then_some(at + 1);
                fresh = false;
            }
            b',' if flow => fresh = true,
            b':' if blank(at + 1) || flow => {
                if !flow && seen.colon.is_none() {
                    seen.colon = Some(at);
                }
                fresh = true;
            }
            b'&' | b'!' if fresh => {
                while at + 1 < range.end && !blank(at + 1) {
                    at += 1;
                }
            }
            _ => {
                seen.content = seen.content.or(Some(at));
                fresh = false;
                dashes = false;
            }
        }
        if dashes && c == b'-' {
            seen.content = None;
        }
        at += 1;
    }
}

/// Returns the first bracket or quote that is open at `to`, scanned from `from`; otherwise the last
/// quoted scalar of several lines, which may have been closed by the opening quote of another.
fn unclosed(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut seen = Scan::default();
    scan_line(text, from..to, &mut seen);
    seen.open.first().map(|&(at, _)| at).or(seen.long_quote)
}

/// Scans from a bracket or quote to the one that closes it.
fn scan_to_closing(text: &str, open: usize) -> Scan {
    let mut seen = Scan {
        only_one: true,
        ..Scan::default()
    };
    scan_line(text, open..text.len(), &mut seen);
    seen
}

fn closer(opening: u8) -> u8 {
    match opening {
        b'[' => b']',
        b'{' => b'}',
        quote => quote,
    }
}
