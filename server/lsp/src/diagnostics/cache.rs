//! Writes all diagnostics of a text as JSON, and keeps the JSON of unchanged chunks from one keystroke to the next.
//!
//! Writes the same as [`super::list`]. After an edit, creates only the diagnostics of the edited chunk, and none that are not shown;
//! docs/performance.md has the time that this saves.

use super::convert::diagnostic_at;
use super::grouping::{self, Mark};
use super::list::{more, shown};
use super::typing::unfinished_part;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::to_proto::{MOST_DIAGNOSTICS, position, range};
use crate::session::documents::Analyzed;
use crate::session::settings::Grouping;
use linter::analysis::{Analysis, Chunk, Range};
use linter::rules::Severity;
use serde::Serialize;
use serde_json::json;
use serde_json::ser::Formatter;
use std::array;
use std::io::{self, Write};
use std::sync::Arc;
use text::{LineIndex, Text};
use tower_lsp::ls_types::{self as lsp, Uri};

/// The diagnostics of each chunk of a text, in their order.
#[derive(Debug, Default)]
pub(crate) struct DiagnosticsCache {
    grouping: Grouping,
    chunks: Vec<CachedChunk>,
}

/// The diagnostics of a chunk.
#[derive(Debug)]
struct CachedChunk {
    /// Identifies the chunk: no other analysis has its address while the cache keeps it.
    analysis: Arc<Analysis>,
    /// The part that the user was typing.
    unfinished: Option<Range>,
    /// How many diagnostics there are of each of [`Severity::ALL`].
    counts: [usize; Severity::ALL.len()],
    /// The diagnostics of each severity, once they are shown.
    written: [Option<Written>; Severity::ALL.len()],
}

impl DiagnosticsCache {
    /// Appends the parameters of `textDocument/publishDiagnostics` to `json`; with the version if the client supports it.
    pub(crate) fn write_params(
        &mut self,
        analyzed: &Analyzed,
        url: &Uri,
        version: Option<i32>,
        grouping: Grouping,
        client: &Capabilities,
        json: &mut Vec<u8>,
    ) {
        let chunks: Vec<_> = analyzed.report.chunks().collect();
        let maker = Maker {
            text: &analyzed.snapshot.text,
            last_edit: analyzed.snapshot.last_edit,
            url,
            grouping,
            client,
        };
        self.follow(&chunks, &maker);
        let version =
            version.map_or_else(String::new, |version| format!(r#","version":{version}"#));
        let start = format!(r#"{{"uri":{}{version},"diagnostics":"#, json!(url));
        json.extend_from_slice(start.as_bytes());
        self.write(&chunks, &maker, json);
        json.push(b'}');
    }

    /// Updates the cache for another text. Keeps the chunks that are the same.
    fn follow(&mut self, chunks: &[Chunk<'_>], maker: &Maker<'_>) {
        if self.grouping != maker.grouping {
            *self = DiagnosticsCache {
                grouping: maker.grouping,
                chunks: Vec::new(),
            };
        }
        // The positions in a chunk with others inside depend on the length of those.
        let is_same = |(cached, chunk): &(&CachedChunk, &Chunk<'_>)| {
            Arc::ptr_eq(&cached.analysis, chunk.analysis)
                && chunk.is_whole()
                && cached.unfinished == maker.unfinished(**chunk)
        };
        let before = self.chunks.iter().zip(chunks).take_while(is_same).count();
        let after = self.chunks[before..]
            .iter()
            .rev()
            .zip(chunks[before..].iter().rev())
            .take_while(is_same)
            .count();
        let mut counted = self.chunks[..before].iter().map(CachedChunk::count).sum();
        let fresh: Vec<_> = chunks[before..chunks.len() - after]
            .iter()
            .map(|chunk| maker.cached(*chunk, &mut counted))
            .collect();
        self.chunks.splice(before..self.chunks.len() - after, fresh);
    }

    /// Writes the diagnostics of all chunks as a JSON list.
    fn write(&mut self, chunks: &[Chunk<'_>], maker: &Maker<'_>, json: &mut Vec<u8>) {
        let all: usize = self.chunks.iter().map(CachedChunk::count).sum();
        let shown = shown(all);
        let mut left = shown;
        json.push(b'[');
        for (index, severity) in Severity::ALL.into_iter().enumerate() {
            for (cached, chunk) in self
                .chunks
                .iter_mut()
                .zip(chunks)
                .filter(|(cached, _)| cached.counts[index] > 0)
            {
                if left == 0 {
                    break;
                }
                if left < shown {
                    json.push(b',');
                }
                let written =
                    cached.written[index].get_or_insert_with(|| maker.written(*chunk, severity));
                written.write(left, if chunk.is_whole() { chunk.line } else { 0 }, json);
                left -= cached.counts[index].min(left);
            }
        }
        if shown < all {
            json.push(b',');
            Written::of([more(all - shown)]).write(1, 0, json);
        }
        json.push(b']');
    }
}

impl CachedChunk {
    fn count(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// Creates the diagnostics of chunks.
struct Maker<'a> {
    text: &'a Text,
    last_edit: Option<usize>,
    url: &'a Uri,
    grouping: Grouping,
    client: &'a Capabilities,
}

impl Maker<'_> {
    /// Creates the diagnostics of a chunk after others with `counted` diagnostics. Writes them now if they may all be shown.
    fn cached(&self, chunk: Chunk<'_>, counted: &mut usize) -> CachedChunk {
        let unfinished = self.unfinished(chunk);
        let marks = grouping::marks_except(chunk, self.grouping, unfinished);
        let of = |severity: Severity| marks.iter().filter(move |mark| mark.severity() == severity);
        let counts = Severity::ALL.map(|severity| of(severity).count());
        *counted += marks.len();
        let is_early = *counted <= MOST_DIAGNOSTICS;
        let written = array::from_fn(|index| {
            (is_early && counts[index] > 0).then(|| self.write(chunk, of(Severity::ALL[index])))
        });
        CachedChunk {
            analysis: Arc::clone(chunk.analysis),
            unfinished,
            counts,
            written,
        }
    }

    fn unfinished(&self, chunk: Chunk<'_>) -> Option<Range> {
        unfinished_part(chunk, self.last_edit)
    }

    /// Writes the diagnostics of a severity in a chunk.
    fn written(&self, chunk: Chunk<'_>, severity: Severity) -> Written {
        let marks = grouping::marks_except(chunk, self.grouping, self.unfinished(chunk));
        self.write(
            chunk,
            marks.iter().filter(|mark| mark.severity() == severity),
        )
    }

    /// Counts lines from the first one of the chunk if it is contiguous, so that the result does not depend on its place.
    fn write<'m, 'p: 'm>(
        &self,
        chunk: Chunk<'p>,
        marks: impl Iterator<Item = &'m Mark<'p>>,
    ) -> Written {
        let text = chunk.analysis.text();
        let lines = LineIndex::new(if chunk.is_whole() { text } else { "" });
        let encoding = self.client.encoding;
        let place = |at: Range| {
            if !chunk.is_whole() {
                return range(chunk.place(at), self.text, encoding);
            }
            let [start, end] = [at.start(), at.end()]
                .map(|end| position(lines.position(text, end.into(), encoding)));
            lsp::Range { start, end }
        };
        Written::of(marks.map(|mark| diagnostic_at(mark, place, self.url, self.client)))
    }
}

/// Diagnostics as JSON without their line numbers, so that they stay valid when lines are inserted before them.
#[derive(Debug)]
struct Written {
    /// With commas between them.
    json: Box<[u8]>,
    /// The offset and the line number of each gap in the JSON.
    lines: Box<[(usize, u32)]>,
    /// The end of each diagnostic, and the number of gaps before it.
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
            .split(|byte| *byte == WithoutLines::GAP)
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

    /// Appends at most `most` of the diagnostics, with `line` added to their line numbers.
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

/// Formats JSON without line numbers, and collects them.
#[derive(Default)]
struct WithoutLines {
    is_key: bool,
    is_line: bool,
    lines: Vec<u32>,
}

impl WithoutLines {
    /// Marks a line number: a byte that never occurs in JSON, not even in a string.
    const GAP: u8 = 0;
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
        writer.write_all(&[WithoutLines::GAP])
    }
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use super::*;
    use crate::session::documents::Snapshot;
    use linter::analysis::{self, Report};
    use linter::config::Config;

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
        let uri: Uri = "file:///line/0.yaml".parse().unwrap();
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
    fn written_diagnostics_move_to_other_lines() {
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
        if is_list {
            let items = item.repeat(pods);
            format!("apiVersion: v1\nkind: List\nitems:\n{items}metadata: {{}}\n")
        } else {
            vec![POD; pods].join("---\n")
        }
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            related_information: true,
            ..Default::default()
        }
    }

    fn cached(cache: &mut DiagnosticsCache, analyzed: &Analyzed, grouping: Grouping) -> Vec<u8> {
        let url = "file:///a/b.yaml".parse().unwrap();
        let mut json = Vec::new();
        cache.write_params(
            analyzed,
            &url,
            Some(1),
            grouping,
            &capabilities(),
            &mut json,
        );
        json
    }

    fn same_json(one: &[u8], other: &[u8]) -> bool {
        let parse = |json| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        parse(one) == parse(other)
    }

    fn listed(analyzed: &Analyzed, grouping: Grouping) -> Vec<u8> {
        let url: Uri = "file:///a/b.yaml".parse().unwrap();
        let diagnostics = list::diagnostics(analyzed, &url, grouping, &capabilities());
        let params = lsp::PublishDiagnosticsParams::new(url, diagnostics, Some(1));
        serde_json::to_vec(&params).unwrap()
    }

    fn analyzed(text: &Text, report: Report) -> Analyzed {
        let snapshot = Snapshot::of(&text.to_string());
        Analyzed {
            snapshot,
            inputs: Arc::default(),
            report,
            generation: 0.into(),
        }
    }

    #[test]
    fn cache_equals_list_while_editing() {
        use Grouping::{Container, Rule};
        // Few are all shown, many are not.
        for (pods, is_list, grouping) in [
            (3, false, Rule),
            (3, true, Container),
            (70, false, Rule),
            (70, true, Rule),
        ] {
            let mut text = Text::from(text(pods, is_list).as_str());
            let (config, mut cache) = (Config::default(), DiagnosticsCache::default());
            let mut report = analysis::analyze(&text.to_string(), &config);
            let shown = cached(&mut cache, &analyzed(&text, report.clone()), grouping);
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
                    "\n    - name: new\n",
                ][(dice >> 20) % 8];
                text.replace(start..end, insert);
                report.edit(start..end, insert.len(), |range| text.slice(range));
                let look = |chunk: &str, role, context: &Arc<_>| {
                    analysis::analyze_chunk(chunk, role, context, (&config).into())
                };
                report.analyze(|range| text.slice(range), look);
                let after_edit = |report| {
                    let mut analyzed = analyzed(&text, report);
                    // Saved in every third step.
                    analyzed.snapshot.last_edit = (step % 3 > 0).then_some(start + insert.len());
                    analyzed
                };
                let kept = cached(&mut cache, &after_edit(report.clone()), grouping);
                let fresh = analysis::analyze(&text.to_string(), &config);
                let fresh = listed(&after_edit(fresh), grouping);
                assert!(
                    same_json(&kept, &fresh),
                    "step {step} of {pods} pods, as a list: {is_list}"
                );
            }
        }
    }
}
