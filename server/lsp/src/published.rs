//! All diagnostics of a text, as JSON that is kept part by part while the text is edited.
//!
//! Knows which diagnostics come first and how many are shown. Must not know what one says: `to_proto` makes them. Promise: what is written
//! is what would be written of the same text from scratch; after an edit only what is said of the part around it is made anew, and
//! of what is not shown nothing is made at all.

use super::capabilities::Capabilities;
use super::groups::{self, Grouping, Mark};
use super::settings::SECTION;
use super::state::Analysed;
use super::to_proto::{diagnostic_at, position, range};
use linter::analysis::{Analysis, Chunk, Range};
use linter::rules::Severity;
use serde::Serialize;
use serde_json::json;
use serde_json::ser::Formatter;
use std::array;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError};
use text::{LineIndex, Text};
use tower_lsp::ls_types::{self as lsp, Uri};

/// More diagnostics in one file than this nobody reads, and clients become slow.
pub(super) const MOST_DIAGNOSTICS: usize = 1000;

/// All that there is to say about a text, the gravest first, and then in the order of the text.
pub(super) fn diagnostics(
    analysed: &Analysed,
    url: &Uri,
    grouping: Grouping,
    client: &Capabilities,
) -> Vec<lsp::Diagnostic> {
    let mut json = Vec::new();
    write_diagnostics(analysed, url, grouping, client, &mut json);
    serde_json::from_slice(&json).expect("what was written of diagnostics is read as diagnostics")
}

/// Writes the parameters of the notification that says it, as JSON; with the version where the client numbers diagnostics.
pub(super) fn write(
    analysed: &Analysed,
    url: &Uri,
    version: Option<i32>,
    grouping: Grouping,
    client: &Capabilities,
    json: &mut Vec<u8>,
) {
    let version = version.map_or_else(String::new, |version| format!(r#","version":{version}"#));
    json.extend_from_slice(format!(r#"{{"uri":{}{version},"diagnostics":"#, json!(url)).as_bytes());
    write_diagnostics(analysed, url, grouping, client, json);
    json.push(b'}');
}

fn write_diagnostics(
    analysed: &Analysed,
    url: &Uri,
    grouping: Grouping,
    client: &Capabilities,
    json: &mut Vec<u8>,
) {
    let parts: Vec<_> = analysed.report.chunks().collect();
    let maker = Maker {
        text: &analysed.snapshot.text,
        url,
        grouping,
        client,
    };
    let mut published = analysed
        .published
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    published.follow(&parts, &maker);
    published.write(&parts, &maker, json);
}

/// What is told of each part of a text, in their order.
#[derive(Debug, Default)]
pub(super) struct Published {
    grouping: Grouping,
    told: Vec<Told>,
}

/// What is told of a part.
#[derive(Debug)]
struct Told {
    /// By where it is another part is told from this one; while it is kept, no other one can be there.
    of: Arc<Analysis>,
    /// How many diagnostics there are of each of [`Severity::ALL`].
    counts: [usize; Severity::ALL.len()],
    /// Those of each, once they are shown.
    written: [Option<Written>; Severity::ALL.len()],
}

impl Published {
    /// Goes on with the parts of another text. What is told of those that are the same is kept.
    fn follow(&mut self, parts: &[Chunk<'_>], maker: &Maker<'_>) {
        if self.grouping != maker.grouping {
            *self = Published {
                grouping: maker.grouping,
                told: Vec::new(),
            };
        }
        // What is told of a part in whose middle others stand depends on how much stands there.
        let is_same = |(told, part): &(&Told, &Chunk<'_>)| {
            Arc::ptr_eq(&told.of, part.analysis) && part.is_whole()
        };
        let before = self.told.iter().zip(parts).take_while(is_same).count();
        let behind = self.told[before..]
            .iter()
            .rev()
            .zip(parts[before..].iter().rev())
            .take_while(is_same)
            .count();
        let mut counted = self.told[..before].iter().map(Told::count).sum();
        let fresh: Vec<_> = parts[before..parts.len() - behind]
            .iter()
            .map(|part| maker.told(*part, &mut counted))
            .collect();
        self.told.splice(before..self.told.len() - behind, fresh);
    }

    /// Writes what is told of the parts that it follows as a list in JSON.
    fn write(&mut self, parts: &[Chunk<'_>], maker: &Maker<'_>, json: &mut Vec<u8>) {
        let all: usize = self.told.iter().map(Told::count).sum();
        let shown = if all > MOST_DIAGNOSTICS {
            MOST_DIAGNOSTICS - 1
        } else {
            all
        };
        let mut left = shown;
        json.push(b'[');
        for (index, severity) in Severity::ALL.into_iter().enumerate() {
            for (told, part) in self
                .told
                .iter_mut()
                .zip(parts)
                .filter(|(told, _)| told.counts[index] > 0)
            {
                if left == 0 {
                    break;
                }
                if left < shown {
                    json.push(b',');
                }
                let written =
                    told.written[index].get_or_insert_with(|| maker.written(*part, severity));
                written.write(left, if part.is_whole() { part.line } else { 0 }, json);
                left -= told.counts[index].min(left);
            }
        }
        if shown < all {
            json.push(b',');
            Written::of([more(all - shown)]).write(1, 0, json);
        }
        json.push(b']');
    }
}

impl Told {
    fn count(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// Makes what is told of parts.
struct Maker<'a> {
    text: &'a Text,
    url: &'a Uri,
    grouping: Grouping,
    client: &'a Capabilities,
}

impl Maker<'_> {
    /// What is told of a part that stands behind others with so many diagnostics. As long as those may all be shown, its own are written
    /// with it.
    fn told(&self, part: Chunk<'_>, counted: &mut usize) -> Told {
        let marks = groups::marks_of(part, self.grouping);
        let of = |severity: Severity| marks.iter().filter(move |mark| mark.severity() == severity);
        let counts = Severity::ALL.map(|severity| of(severity).count());
        *counted += marks.len();
        let is_early = *counted <= MOST_DIAGNOSTICS;
        let written = array::from_fn(|index| {
            (is_early && counts[index] > 0).then(|| self.write(part, of(Severity::ALL[index])))
        });
        Told {
            of: Arc::clone(part.analysis),
            counts,
            written,
        }
    }

    /// The diagnostics of a severity in a part.
    fn written(&self, part: Chunk<'_>, severity: Severity) -> Written {
        let marks = groups::marks_of(part, self.grouping);
        self.write(
            part,
            marks.iter().filter(|mark| mark.severity() == severity),
        )
    }

    /// Lines count from the first one of a part that stands together, so that it is told the same wherever it stands.
    fn write<'m, 'p: 'm>(
        &self,
        part: Chunk<'p>,
        marks: impl Iterator<Item = &'m Mark<'p>>,
    ) -> Written {
        let text = part.analysis.text();
        let lines = LineIndex::new(if part.is_whole() { text } else { "" });
        let place = |at: Range| match part.is_whole() {
            true => {
                let [start, end] = [at.start(), at.end()]
                    .map(|end| position(lines.position(text, end.into(), self.client.encoding)));
                lsp::Range { start, end }
            }
            false => range(part.place(at), self.text, self.client.encoding),
        };
        Written::of(marks.map(|mark| diagnostic_at(mark, place, self.url, self.client)))
    }
}

/// Diagnostics as JSON with their lines left out, so that they need not be written again when others come before them.
#[derive(Debug)]
struct Written {
    /// With commas between them.
    json: Box<[u8]>,
    /// Where in the JSON a line is left out, and which.
    lines: Box<[(usize, u32)]>,
    /// Where each of them ends, and how many lines are left out before.
    ends: Box<[(usize, usize)]>,
}

impl Written {
    fn of(diagnostics: impl IntoIterator<Item = lsp::Diagnostic>) -> Written {
        let (mut raw, mut format, mut ends) = (Vec::new(), WithoutLines::default(), Vec::new());
        for diagnostic in diagnostics {
            if !raw.is_empty() {
                raw.push(b',');
            }
            let mut serializer = serde_json::Serializer::with_formatter(&mut raw, &mut format);
            diagnostic.serialize(&mut serializer).expect(
                "a diagnostic has names for keys, and a vector takes all that is written to it",
            );
            ends.push((raw.len() - format.lines.len(), format.lines.len()));
        }
        let (mut json, mut lines) = (
            Vec::with_capacity(raw.len()),
            Vec::with_capacity(format.lines.len()),
        );
        for (piece, number) in raw
            .split(|byte| *byte == WithoutLines::HOLE)
            .zip(format.lines.iter().map(Some).chain([None]))
        {
            json.extend_from_slice(piece);
            lines.extend(number.map(|number| (json.len(), *number)));
        }
        Written {
            json: json.into(),
            lines: lines.into(),
            ends: ends.into(),
        }
    }

    /// Writes so many of them at most, with their lines counted from another one than the first.
    fn write(&self, most: usize, line: u32, json: &mut Vec<u8>) {
        let Some(&(end, lines)) = self.ends[..most.min(self.ends.len())].last() else {
            return;
        };
        let (mut digits, mut start) = (itoa::Buffer::new(), 0);
        for &(at, number) in &self.lines[..lines] {
            json.extend_from_slice(&self.json[start..at]);
            json.extend_from_slice(digits.format(number + line).as_bytes());
            start = at;
        }
        json.extend_from_slice(&self.json[start..end]);
    }
}

/// JSON without the numbers of lines, which are remembered.
#[derive(Default)]
struct WithoutLines {
    is_key: bool,
    is_line: bool,
    lines: Vec<u32>,
}

impl WithoutLines {
    /// Stands for a line: what JSON never has, not even in a string.
    const HOLE: u8 = 0;
}

impl Formatter for &mut WithoutLines {
    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.is_key = true;
        if first {
            Ok(())
        } else {
            writer.write_all(b",")
        }
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.is_line = self.is_key && fragment == "line";
        writer.write_all(fragment.as_bytes())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_key = false;
        Ok(())
    }

    fn write_u32<W: ?Sized + Write>(&mut self, writer: &mut W, value: u32) -> io::Result<()> {
        if !self.is_line {
            return write!(writer, "{value}");
        }
        self.lines.push(value);
        writer.write_all(&[WithoutLines::HOLE])
    }
}

/// What stands for the diagnostics that are too many to show; at the start of the file, where it is seen.
fn more(count: usize) -> lsp::Diagnostic {
    lsp::Diagnostic {
        severity: Some(lsp::DiagnosticSeverity::INFORMATION),
        source: Some(SECTION.to_owned()),
        message: format!("… and {count} more findings"),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::Snapshot;
    use super::*;
    use linter::analysis::{self, Report};
    use linter::config::Config;
    use std::sync::Mutex;

    fn at(line: u32) -> lsp::Range {
        lsp::Range {
            start: lsp::Position { line, character: 3 },
            end: lsp::Position {
                line: line + 1,
                character: 4,
            },
        }
    }

    /// A diagnostic on a line, and something related to it ten lines further on.
    fn diagnostic(line: u32) -> lsp::Diagnostic {
        let uri = "file:///line/0.yaml".parse().unwrap();
        let location = lsp::Location {
            uri,
            range: at(line + 10),
        };
        lsp::Diagnostic {
            range: at(line),
            severity: Some(lsp::DiagnosticSeverity::HINT),
            message: "\"line\":1\0 é \u{1}".to_owned(),
            related_information: Some(vec![lsp::DiagnosticRelatedInformation {
                location,
                message: "line".to_owned(),
            }]),
            data: Some(json!({"rules": ["line"], "line": "line"})),
            ..Default::default()
        }
    }

    #[test]
    fn what_was_written_once_is_written_again_on_other_lines() {
        let written = Written::of([5, 7, 7].map(diagnostic));
        for (line, most) in [(0, 1), (2, 2), (9, 3), (100_000, 9), (1, 0)] {
            let mut json = b"[".to_vec();
            written.write(most, line, &mut json);
            let read: Vec<lsp::Diagnostic> =
                serde_json::from_slice(&[&json[..], b"]"].concat()).unwrap();
            let expected: Vec<_> = [5, 7, 7]
                .into_iter()
                .take(most)
                .map(|at| diagnostic(at + line))
                .collect();
            assert_eq!(read, expected);
        }
    }

    const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostNetwork: true
  containers:
    - name: app
      image: web
      securityContext: {privileged: true}
    - {name: log, image: 'log:latest'}
";

    /// The text as a list, or as documents.
    fn text(pods: usize, is_list: bool) -> String {
        let item = format!("  - {}", POD.trim_end().replace('\n', "\n    ")) + "\n";
        match is_list {
            true => {
                "apiVersion: v1\nkind: List\nitems:\n".to_owned()
                    + &item.repeat(pods)
                    + "metadata: {}\n"
            }
            false => vec![POD; pods].join("---\n"),
        }
    }

    fn json(analysed: &Analysed, grouping: Grouping) -> Vec<u8> {
        let (url, client) = (
            "file:///a/b.yaml".parse().unwrap(),
            Capabilities {
                related_information: true,
                ..Default::default()
            },
        );
        let mut json = Vec::new();
        write(analysed, &url, Some(1), grouping, &client, &mut json);
        json
    }

    fn analysed(text: &Text, report: Report, published: &Arc<Mutex<Published>>) -> Analysed {
        let snapshot = Snapshot::of(&text.to_string());
        Analysed {
            snapshot,
            inputs: Arc::default(),
            report,
            published: Arc::clone(published),
            generation: 0.into(),
        }
    }

    #[test]
    fn what_is_kept_while_a_text_is_edited_is_what_would_be_made_of_it() {
        use Grouping::{Container, Rule};
        // Few are all shown, many are not.
        for (pods, is_list, grouping) in [
            (3, false, Rule),
            (3, true, Container),
            (70, false, Rule),
            (70, true, Rule),
        ] {
            let mut text = Text::from(text(pods, is_list).as_str());
            let (config, published) = (Config::default(), Arc::default());
            let mut report = analysis::analyze(&text.to_string(), &config);
            let shown = json(&analysed(&text, report.clone(), &published), grouping);
            assert_eq!(shown.ends_with(b"more findings\"}]}"), pods > 3);
            let mut dice = 7_usize;
            for step in 0..12 {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let start = (dice >> 33) % text.len();
                let end = (start + (dice >> 8) % 9).min(text.len());
                let insert = [
                    "",
                    "\n",
                    "x",
                    "\n---\n",
                    "  hostPID: true\n",
                    "# x\r\n",
                    ": ",
                ][(dice >> 20) % 7];
                text.replace(start..end, insert);
                report.edit(start..end, insert.len(), |range| text.slice(range));
                let look = |part: &str, role, context: &Arc<_>| {
                    analysis::analyze_chunk(part, role, context, (&config).into())
                };
                report.analyze(|range| text.slice(range), look);
                let kept = json(&analysed(&text, report.clone(), &published), grouping);
                let afresh = json(
                    &analysed(
                        &text,
                        analysis::analyze(&text.to_string(), &config),
                        &Arc::default(),
                    ),
                    grouping,
                );
                assert!(
                    kept == afresh,
                    "step {step} of {pods} pods, as a list: {is_list}"
                );
            }
        }
    }
}
