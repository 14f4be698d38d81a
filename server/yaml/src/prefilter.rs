//! Rules out keys of a document's root from its lines, before it is parsed. A key that is ruled out
//! cannot be in the root, whether the document is parsed, recovered, or read as a template; in
//! doubt nothing is ruled out.
//!
//! The keys of a mapping are in one column. If the first line of the document is in the first
//! column, the root's keys are there too. Recovery skips a line only near a failure, so the first
//! entry is checked in full, and the first column of all other lines.

use text::BYTE_ORDER_MARK;

/// What the root of a document may contain.
#[derive(Debug)]
pub struct Prefilter<'t> {
    /// The lines that may contain keys of the root; `None` if any key is possible.
    entries: Option<Vec<&'t str>>,
}

impl<'t> Prefilter<'t> {
    pub fn new(text: &'t str) -> Prefilter<'t> {
        Prefilter {
            entries: entries(text),
        }
    }

    /// Whether the root may have a key with this prefix.
    pub fn may_have_key(&self, key: &str) -> bool {
        self.entries
            .as_ref()
            .is_none_or(|entries| entries.iter().any(|line| line.starts_with(key)))
    }
}

/// Returns the lines that may contain keys of the root; `None` in doubt.
fn entries(text: &str) -> Option<Vec<&str>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut lines = text.split(['\n', '\r']);
    let mut entries = Vec::new();
    let (mut first, mut is_marked) = (SimpleBlock::default(), false);
    for line in lines.by_ref() {
        // An action may remove any line.
        if line.contains("{{") {
            return None;
        }
        if is_blank_or_comment(line) {
            continue;
        }
        let is_deeper = line.starts_with(' ');
        if first.is_empty() && !is_marked && without_comment(line) == "---" {
            is_marked = true;
        } else if first.is_empty() {
            (!is_deeper && first.accept_line(line)).then_some(())?;
            entries.push(line);
        } else if is_deeper || (first.is_mapping() && line.starts_with("- ")) {
            first.accept_line(line).then_some(())?;
        } else {
            let is_next = if first.is_mapping() {
                key_and_value(line).is_some()
            } else {
                line.starts_with("- ")
            };
            entries.push(is_next.then_some(line)?);
            break;
        }
    }
    for line in lines {
        match line.bytes().next() {
            // May be a quoted, explicit, anchored, tagged, or merged key, or a flow collection.
            Some(b'"' | b'\'' | b'?' | b'&' | b'*' | b'!' | b'<' | b'{' | b'[' | b'%') => {
                return None;
            }
            // Another document.
            Some(b'-') if line.starts_with("---") => return None,
            None | Some(b' ' | b'\t' | b'#' | b'-') => {}
            Some(_) => entries.push(line),
        }
    }
    Some(entries)
}

fn is_blank_or_comment(line: &str) -> bool {
    let written = line.trim_start_matches(' ');
    written.is_empty() || written.starts_with('#')
}

fn without_comment(line: &str) -> &str {
    line.find(" #")
        .map_or(line, |comment| &line[..comment])
        .trim_end_matches(' ')
}

/// Lines of one entry or item that cannot be invalid: keys, dashes, and values on one line.
#[derive(Default)]
struct SimpleBlock {
    /// The collections around the last line.
    levels: Vec<Level>,
    /// Whether the last line ends with a colon, or its scanned part with a dash.
    is_open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Level {
    column: usize,
    is_sequence: bool,
}

/// Deeper nesting and longer keys are left to the parser.
const MOST_LEVELS: usize = 64;
const LONGEST_KEY: usize = 128;

impl SimpleBlock {
    fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    fn is_mapping(&self) -> bool {
        self.levels.first().is_some_and(|level| !level.is_sequence)
    }

    /// Adds a line, if it is simple as well.
    fn accept_line(&mut self, line: &str) -> bool {
        let mut rest = line.trim_start_matches(' ');
        let mut is_item = false;
        while let Some(item) = rest.strip_prefix("- ") {
            if !self.enter(Level {
                column: line.len() - rest.len(),
                is_sequence: true,
            }) {
                return false;
            }
            (is_item, self.is_open) = (true, true);
            rest = item.trim_start_matches(' ');
        }
        let column = line.len() - rest.len();
        let written = without_comment(rest);
        let Some((_, value)) = key_and_value(written) else {
            self.is_open = false;
            return is_item && is_simple_value(written);
        };
        let is_entered = self.enter(Level {
            column,
            is_sequence: false,
        });
        self.is_open = value.is_empty();
        is_entered && (self.is_open || is_simple_value(value))
    }

    /// Whether an entry or item may follow the previous lines here.
    fn enter(&mut self, level: Level) -> bool {
        let deepest = self.levels.len();
        while self
            .levels
            .last()
            .is_some_and(|last| last.column > level.column)
        {
            self.levels.pop();
        }
        // A sequence may be in the column of its key.
        if !level.is_sequence
            && self.levels.ends_with(&[
                level,
                Level {
                    is_sequence: true,
                    ..level
                },
            ])
        {
            self.levels.pop();
        }
        let begins = self.is_open && self.levels.len() == deepest || deepest == 0;
        match self.levels.last() {
            Some(last) if *last == level => true,
            Some(last) if !begins || (last.column == level.column && !level.is_sequence) => false,
            _ => {
                self.levels.push(level);
                self.levels.len() <= MOST_LEVELS
            }
        }
    }
}

/// Splits a plain key from the text behind its colon.
fn key_and_value(written: &str) -> Option<(&str, &str)> {
    let (key, value) = written.split_once(':')?;
    let is_key =
        key.starts_with(starts_word) && key.bytes().all(|byte| is_word(byte) || byte == b'$');
    let is_apart = value.is_empty() || value.starts_with(' ');
    (is_key && is_apart && key.len() <= LONGEST_KEY).then(|| (key, value.trim_start_matches(' ')))
}

/// Whether a value is certainly complete and valid on one line.
fn is_simple_value(value: &str) -> bool {
    let (Some(first), Some(last)) = (value.chars().next(), value.chars().next_back()) else {
        return false;
    };
    let inner = || &value[1..value.len() - 1];
    match (first, last) {
        ('"', '"') | ('\'', '\'') if value.len() > 1 => {
            !inner().contains(|c: char| c == first || c == '\\' || c.is_control())
        }
        ('[', ']') => {
            inner().is_empty()
                || inner()
                    .split(", ")
                    .all(|item| item.starts_with(starts_word) && item.bytes().all(is_word))
        }
        ('{', '}') => inner().is_empty(),
        _ => {
            let is_text = |byte| {
                is_word(byte)
                    || matches!(
                        byte,
                        b' ' | b':' | b',' | b';' | b'=' | b'(' | b')' | b'+' | b'$' | b'\''
                    )
            };
            value.starts_with(starts_word)
                && value.bytes().all(is_text)
                && !value.contains(": ")
                && !value.ends_with(':')
        }
    }
}

fn starts_word(first: char) -> bool {
    first.is_ascii_alphanumeric() || matches!(first, '_' | '.' | '/' | '~' | '$')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'~' | b'-')
}
