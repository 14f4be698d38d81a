//! What may be wrong near the place where the parser stopped, and how to read on in spite of it.
//!
//! Knows what people leave unfinished while they type, and says it in words for them. Must not know which guess is right: that
//! is found out by reading. Promise: a remedy touches only the lines that it names, and no line break.

use super::event_parser::{Cause, Failure, MAX_DEPTH, range};
use super::source::{Overlay, Source};
use super::{Range, SyntaxError};

/// A guess: what to read instead of what is written, and what was wrong if it is right.
pub(super) struct Candidate {
    pub(super) overlays: Vec<Overlay>,
    /// The lines read otherwise than they are written, each with its error. None where nothing is wrong after all.
    pub(super) faults: Vec<(usize, SyntaxError)>,
    /// Whether everything that is written stays in the tree.
    pub(super) keeps_all: bool,
}

/// The guesses for a failure, the likelier first. Up to `whole_until` nothing was left open in brackets or quotes.
pub(super) fn candidates(
    source: &Source<'_>,
    failure: &Failure,
    whole_until: usize,
) -> Vec<Candidate> {
    let at = FailureSite {
        source,
        failure,
        unclosed: unclosed(source.text(), whole_until.min(failure.at), failure.at),
    };
    let conflict = at.conflict_markers();
    if !conflict.is_empty() {
        return conflict;
    }
    let lines = at.lines();
    let mut remedies = Vec::new();
    remedies.extend(at.indented_continuation());
    remedies.extend(at.space_before_tab());
    remedies.extend(at.masked_alias());
    remedies.extend(at.missing_block());
    for &line in &lines {
        let shape = LineShape::of(source, line);
        remedies.extend(at.starred_key(line, &shape));
        remedies.extend(at.closed(line, &shape));
        remedies.extend(at.colon(line, &shape));
        remedies.extend(at.masked_value(line, &shape));
    }
    remedies.extend(at.missing_key());
    remedies.extend(at.missing_item());
    remedies.extend(at.spaces_for_tabs(&lines));
    remedies.extend(at.hidden_templates(&lines));
    remedies.extend(lines.iter().map(|&line| at.hidden(line)));
    remedies
}

/// The failure as an error, for which nothing was done.
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

/// Where the parser stopped, and what it left open.
struct FailureSite<'s, 't> {
    source: &'s Source<'t>,
    failure: &'s Failure,
    /// The first bracket or quote that is open there.
    unclosed: Option<usize>,
}

/// At how many columns a missing key is looked for.
const MAX_PLACES: usize = 3;

/// How many lines a flow collection or a quoted text may have to be read as if they were indented more.
const MAX_DEEPER_LINES: usize = 1000;

impl FailureSite<'_, '_> {
    fn text(&self) -> &str {
        self.source.text()
    }

    fn parser_reported(&self, words: &str) -> bool {
        matches!(&self.failure.cause, Cause::Parser(info) if info.contains(words))
    }

    /// The lines that may be at fault: where the parser stopped, where the bracket or quote was opened that it was in, the
    /// written line before, the one that line belongs to, and the one that that one belongs to: the lines of a block below an item belong
    /// to it.
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

    /// Git's marks around both sides of a conflict: all of them go.
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

    /// Lines of a quoted text or of brackets that are indented less than the parser wants, though YAML's older readers, the
    /// API server's among them, take them: nothing is wrong with them.
    fn indented_continuation(&self) -> Option<Candidate> {
        let quoted = self
            .parser_reported("invalid indentation in quoted scalar")
            .then_some(self.failure.at);
        let closing_bracket = self.text()[self.failure.at..].starts_with([']', '}']);
        let brackets = self.parser_reported("invalid indentation in flow construct")
            || (self.parser_reported("invalid indentation") && closing_bracket)
            || self.parser_reported("tab cannot be used as indentation");
        let of_values = |open: &usize| {
            self.parser_reported("invalid indentation")
                && !scan_to_closing(self.text(), *open).has_words
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
        let patches = lines
            .map(|line| Overlay::insert(self.line_range(line).start, indent.as_str()))
            .collect();
        Some(Candidate {
            overlays: patches,
            faults: Vec::new(),
            keeps_all: true,
        })
    }

    /// A tab behind a key's colon, which YAML allows though the parser does not: on this line alone, or on every one from here.
    fn space_before_tab(&self) -> Vec<Candidate> {
        if !self.parser_reported("':' must be followed by a valid YAML whitespace") {
            return Vec::new();
        }
        let blank = |line: usize| {
            let shape = LineShape::of(self.source, line);
            let colon = shape.colon.filter(|&colon| colon > shape.content)?;
            (self.text().as_bytes().get(colon + 1) == Some(&b'\t'))
                .then(|| Overlay::insert(colon + 1, " "))
        };
        let remedy = |patches: Vec<Overlay>| Candidate {
            overlays: patches,
            faults: Vec::new(),
            keeps_all: true,
        };
        let line = self.source.line_of(self.failure.at);
        let all = (line..self.source.line_count()).filter_map(blank).collect();
        vec![remedy(blank(line).into_iter().collect()), remedy(all)]
    }

    /// An alias to nothing stays one.
    fn masked_alias(&self) -> Option<Candidate> {
        let at = self.failure.at;
        if !self.parser_reported("unknown anchor") || self.text().as_bytes().get(at) != Some(&b'*')
        {
            return None;
        }
        let line = self.source.line_of(at);
        let name = self.text()[at..]
            .split([' ', '\t', '\n', '\r', ',', ']', '}'])
            .next()
            .unwrap_or_default();
        let message = format!(
            "nothing in this document has the anchor `{}`",
            name.trim_start_matches('*')
        );
        Some(Candidate {
            overlays: vec![Overlay::Mask { range: at..at + 1 }],
            faults: vec![self.fault(line, range(at, at + name.len()), &message)],
            keeps_all: true,
        })
    }

    /// A key that begins like an alias, to which the colon belongs where no blank parts them.
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

    /// The quotes and brackets that a line leaves open, closed at its end.
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

    /// The colon behind a word that stands where a key is wanted, or the blank behind its colon.
    fn colon(&self, line: usize, shape: &LineShape) -> Option<Candidate> {
        let word = &self.text()[shape.content..shape.end];
        if word.is_empty()
            || shape.colon.is_some()
            || !shape.open.is_empty()
            || word.contains([' ', '\t', '{', '[', '#'])
        {
            return None;
        }
        let (patch, message) = match word.find(':') {
            Some(colon) => (
                Overlay::insert(shape.content + colon + 1, " "),
                "a blank is missing after the `:`",
            ),
            None => (
                Overlay::insert(shape.end, ":"),
                "this line needs a `:` after the key",
            ),
        };
        Some(Candidate {
            overlays: vec![patch],
            faults: vec![self.fault(line, range(shape.content, shape.end), message)],
            keeps_all: true,
        })
    }

    /// A key that is not written: on the empty line above lines that are indented as if there were one, behind a dash that
    /// stands alone there, or in their own indentation.
    fn missing_key(&self) -> Vec<Candidate> {
        let line = self.source.line_of(self.failure.at);
        if !is_written(self.source, line) {
            return Vec::new();
        }
        let (column, item) = (indent(self.source, line), self.is_item(line));
        let mut places = Vec::new();
        // Either this line is too deep for those above it, ...
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
        // ... or those are too deep for it.
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
                "a key is missing above this line",
            ));
        }
        let at = self.line_range(line).start + column;
        let patch = Overlay::Replace {
            range: at..at + 1,
            with: ":".into(),
        };
        (column + 1 < indent(self.source, line))
            .then(|| self.single_fault(line, line, patch, INDENTATION))
    }

    /// The dash of an item that is not written: on the empty line above the rest of the item.
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
            "a `-` is missing above this line",
        ))
    }

    /// The `- |` of a text that is not written: on the empty line between an item that is a word and lines that are deeper, one of which
    /// the parser does not take.
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
        // Items below a word are more likely its own, and its colon is missing.
        let is_word = LineShape::of(self.source, item).colon.is_none() && !self.is_item(first);
        let whole = self.line_range(empty);
        let range = whole.start + self.text()[whole.clone()].trim_end().len()..whole.end;
        let is_free = range.start == whole.start
            && !self
                .source
                .overlays()
                .iter()
                .any(|patch| *patch.range() == range);
        (is_word && is_free && first < stopped).then(|| {
            let patch = Overlay::Replace {
                range,
                with: format!("{:column$}- |", "").into(),
            };
            self.single_fault(empty, first, patch, "a `- |` is missing above this line")
        })
    }

    /// Something read on one line, because of what stands on another.
    fn single_fault(
        &self,
        line: usize,
        because: usize,
        patch: Overlay,
        message: &str,
    ) -> Candidate {
        let fault = self.fault(line, written(self.source, because), message);
        Candidate {
            overlays: vec![patch],
            faults: vec![fault],
            keeps_all: true,
        }
    }

    /// Whether nothing stands on a line from a column on, and nothing but a dash before it.
    fn has_room(&self, line: usize, column: usize) -> bool {
        let text = self.text()[self.line_range(line)].trim_end();
        text.len() <= column && matches!(text.trim_start(), "" | "-")
    }

    /// One character read at a column of a line that has room for it, beside what is already read there.
    fn insert_mark(&self, line: usize, column: usize, mark: char) -> Overlay {
        let whole = self.line_range(line);
        let written = self.text()[whole.clone()].trim_end().len();
        let range = whole.start + written..whole.end;
        let earlier = self.source.overlays().iter().find_map(|patch| match patch {
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

    /// The column at which what stands behind a line's dashes begins.
    fn content_column(&self, line: usize) -> usize {
        LineShape::of(self.source, line).content - self.line_range(line).start
    }

    fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        self.source.content(line)
    }

    /// The value of a line read as plain words, whatever stands there.
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

    /// Tabs in the indentation, read as two spaces each: on the first such line alone, or on every one from there.
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
        // The parser looks ahead: it can stop at a key because of a tab that stands lines below it.
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
        let Some(first) = near.or_else(|| ahead().filter(|_| self.parser_reported("tab"))) else {
            return Vec::new();
        };
        let remedy = |lines: &[usize]| Candidate {
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
        vec![remedy(&[first]), remedy(&all), self.hidden(first)]
    }

    /// Every line with `{{` on it: one that holds nothing else is hidden, of others the expressions are read as plain words.
    fn hidden_templates(&self, lines: &[usize]) -> Option<Candidate> {
        if !lines
            .iter()
            .any(|&line| self.text()[self.line_range(line)].contains("{{"))
        {
            return None;
        }
        let (mut patches, mut faults) = (Vec::new(), Vec::new());
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
                    patches.push(Overlay::hide(self.line_range(line)));
                    faults.push(self.fault(line, written(self.source, line), TEMPLATE));
                }
            } else {
                let masks = expressions
                    .into_iter()
                    .map(|expression| whole.start + expression.start..whole.start + expression.end);
                patches.extend(masks.map(|range| Overlay::Mask { range }));
                faults.push(self.fault(line, written(self.source, line), TEMPLATE));
            }
            line = last + 1;
        }
        Some(Candidate {
            overlays: patches,
            faults,
            keeps_all: true,
        })
    }

    /// The line on which an expression ends that begins on a line and has no end there; that line itself where none does.
    fn template_end(&self, line: usize) -> usize {
        let lines = (line + 1..self.source.line_count()).take(MAX_DEEPER_LINES);
        let mut lines =
            lines.take_while(|&line| !self.text()[self.source.line(line)].contains("{{"));
        lines
            .find(|&line| self.text()[self.source.line(line)].contains("}}"))
            .unwrap_or(line)
    }

    /// The line not read at all.
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

    /// What the parser says of a line, in words for a person.
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
            return "a directive that cannot be read, or without a `---` line behind it".into();
        }
        let message = PARSER_MESSAGES
            .iter()
            .find(|(words, _)| info.contains(words))
            .map_or("this is not YAML", |(_, message)| message);
        let at_start = self.failure.at <= written_start(self.source, line)
            || self.source.line_of(self.failure.at) != line;
        match message {
            INDENTATION if at_start => INDENTATION,
            INDENTATION if info.contains("mapping values") => {
                "a value with `: ` in it needs quotes"
            }
            INDENTATION if info.contains("block sequence entries") => {
                "a list cannot begin on the line of its key"
            }
            INDENTATION => "something stands behind the end of the value",
            message => message,
        }
        .into()
    }
}

const TEMPLATE: &str = "template syntax is not YAML";
pub(super) const TAB: &str = "tabs cannot indent YAML: use spaces";
const INDENTATION: &str = "this line is indented differently than its neighbours";

/// Words of the parser, and ours for them.
const PARSER_MESSAGES: &[(&str, &str)] = &[
    ("simple key expect", "this line needs a `:` after the key"),
    ("recursion limit", "brackets nested too deep"),
    ("mapping values are not allowed", INDENTATION),
    ("mapping keys are not allowed", INDENTATION),
    ("did not find expected key", INDENTATION),
    ("did not find expected '-' indicator", INDENTATION),
    ("invalid indentation in quoted scalar", "unclosed quote"),
    ("found unexpected document indicator", "unclosed quote"),
    ("found unexpected end of stream", "unclosed quote"),
    (
        "wrongly indented line in block scalar",
        "this line is indented less than the first line of its block",
    ),
    ("invalid indentation", INDENTATION),
    ("block sequence entries are not allowed", INDENTATION),
    (
        "is only valid inside a block",
        "a list with `-` cannot stand in brackets",
    ),
    (
        "cannot start with '-' followed by",
        "a list with `-` cannot stand in brackets",
    ),
    (
        "invalid trailing content",
        "something stands behind the closing quote",
    ),
    ("expected ',' or '}'", "a `,` or `}` is missing"),
    ("expected ',' or ']'", "a `,` or `]` is missing"),
    (
        "did not find expected node content",
        "a value is missing before this",
    ),
    (
        "unknown escape character",
        "an unknown escape: in double quotes a backslash is written `\\\\`",
    ),
    (
        "hexadecimal number",
        "an escape with too few hexadecimal digits",
    ),
    ("Unicode character escape", "an escape for no character"),
    (
        "unexpected character: `%'",
        "a value cannot start with `%`: put it in quotes",
    ),
    (
        "unexpected character: `@'",
        "a value cannot start with `@`: put it in quotes",
    ),
    (
        "unexpected character: ``'",
        "a value cannot start with a backtick: put it in quotes",
    ),
    (
        "did not find expected comment or line break",
        "only `+`, `-` and a digit can stand behind `|` and `>`",
    ),
    (
        "indentation indicator equal to 0",
        "a block cannot be indented by 0",
    ),
    (
        "comments must be separated",
        "a comment needs a blank before its `#`",
    ),
    ("unknown anchor", "nothing in this document has that anchor"),
    (
        "the handle wasn't declared",
        "this tag's prefix is not declared by a `%TAG` line",
    ),
    ("directive", "this directive cannot be read"),
    ("document end marker", "something stands behind the `...`"),
    (
        "expected <document start>",
        "something stands behind the end of the document",
    ),
    (
        "illegal placement of ':'",
        "a `,` is missing, or the key is broken over two lines",
    ),
    ("tag", "this tag cannot be read"),
    ("anchor or alias", "an anchor or alias needs a name"),
    ("tab", TAB),
];

// --- lines ---

fn written_start(source: &Source<'_>, line: usize) -> usize {
    let range = source.content(line);
    let text = &source.text()[range.clone()];
    range.start + text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// A line without the blanks around what is written on it.
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

/// Whether a line holds more than blanks and a comment, and is read.
fn is_written(source: &Source<'_>, line: usize) -> bool {
    let range = source.content(line);
    let text = source.text()[range.clone()].trim_start_matches([' ', '\t']);
    let marker = text.starts_with("---") && text[3..].trim().is_empty();
    !text.trim().is_empty()
        && !text.starts_with('#')
        && !marker
        && source.past_hidden(range.start) == range.start
}

/// Template expressions in a line, and whether the last one has no end there.
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

// --- what stands on a line ---

/// What a line seems to hold, seen alone.
struct LineShape {
    /// Behind the dashes.
    content: usize,
    /// The end of what is written, without a comment.
    end: usize,
    /// The `:` of its first key.
    colon: Option<usize>,
    /// Brackets and quotes that it leaves open.
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

    /// Where the value of the line's key begins, or the line's item where there is no key.
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
    /// The last quoted text that goes over more than one line.
    long_quote: Option<usize>,
    /// Behind the last bracket or quote that closed all that was open.
    closed: Option<usize>,
    /// Look no further than there.
    only_one: bool,
    /// Whether a line between brackets begins with something else than a quote or a bracket: where a bracket is not closed yet, the keys
    /// below it do.
    has_words: bool,
}

/// Looks at brackets, quotes, keys and comments, without the rules of indentation.
fn scan_line(text: &str, range: std::ops::Range<usize>, seen: &mut Scan) {
    let bytes = &text.as_bytes()[..range.end];
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(b'\n');
    let blank = |at: usize| matches!(byte(at), b' ' | b'\t' | b'\n' | b'\r');
    let mut at = range.start;
    // Whether a token may begin here.
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

/// The first bracket or quote that is open at a place, seen from an earlier one; or else the last quoted text between them
/// that goes over more than one line, which may have been closed by the quote that was to open another.
fn unclosed(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut seen = Scan::default();
    scan_line(text, from..to, &mut seen);
    seen.open.first().map(|&(at, _)| at).or(seen.long_quote)
}

/// What is seen from a bracket or quote to the one that closes it.
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
