//! The format `json`: a contract with other programs, described in `docs/json.md`.
//!
//! Within one `version`, keys are only added. Missing strings are null.

use crate::output::report::{self, CheckedFile, Results};
use crate::output::statistics::Statistics;
use crate::output::text::is_active;
use linter::rules::Applicability;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The version of the contract. A new number means that readers have to change.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    version: u32,
    findings: Vec<Finding<'a>>,
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<&'a Statistics>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule: &'a str,
    profile: &'a str,
    severity: &'a str,
    message: &'a str,
    path: Cow<'a, str>,
    document: usize,
    api_version: Option<&'a str>,
    kind: Option<&'a str>,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    container: Option<&'a str>,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start_byte: usize,
    end_byte: usize,
    fix: Option<Fix<'a>>,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    applicability: &'a str,
    /// The older name for `applicability`.
    safety: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    manifests: usize,
    documents: usize,
    skipped: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
    hints: usize,
    ignored: usize,
}

pub(crate) fn write(results: &Results, statistics: bool, out: &mut impl Write) -> io::Result<()> {
    let findings = results
        .findings()
        .map(|(file, found)| finding(file, found))
        .collect();
    let statistics = statistics.then_some(&results.statistics);
    write_value(
        &Output {
            version: VERSION,
            findings,
            summary: summary(results),
            statistics,
        },
        out,
    )
}

/// Writes a value as indented JSON with a final line break.
pub(crate) fn write_value(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(Escaping(&mut *out), value)?;
    writeln!(out)
}

/// Writes the characters that a terminal may act on as escapes. The serializer escapes those below U+0020, and writes
/// a string in pieces that are UTF-8.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// The serializer calls this for each of many short pieces. Most are ASCII, and of ASCII only the last character is
    /// left to escape.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let is_plain = bytes.iter().fold(true, |all, byte| all & (*byte < 0x7f));
        if is_plain {
            return self.0.write_all(bytes);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(escaped(text).as_bytes()),
            Err(_) => self.0.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if is_active(c) && c != '\n' {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn finding<'a>(file: &'a CheckedFile, found: &'a report::Finding) -> Finding<'a> {
    let object = found.object.as_ref();
    let (start, end) = (found.span.start, found.span.end);
    Finding {
        rule: found.rule,
        profile: found.profile,
        severity: found.severity.name(),
        message: &found.message,
        path: file.path.to_string_lossy(),
        document: found.document,
        api_version: object.map(|object| object.api_version.as_str()),
        kind: object.map(|object| object.kind.as_str()),
        namespace: present(object.and_then(|object| object.namespace.as_deref())),
        name: present(object.and_then(|object| object.name.as_deref())),
        container: present(found.container.as_deref()),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        start_byte: start.byte,
        end_byte: end.byte,
        fix: found.fix.as_ref().map(fix),
    }
}

/// Returns the name, or `None` if it is empty.
fn present(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !name.is_empty())
}

fn fix(fix: &report::Fix) -> Fix<'_> {
    Fix {
        title: &fix.title,
        applicability: fix.applicability.name(),
        safety: older_name(fix.applicability),
    }
}

/// Returns the name that version 1 of the contract began with.
pub(crate) fn older_name(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "review",
        Applicability::Placeholder => "ask",
    }
}

fn summary(results: &Results) -> Summary {
    let summary = &results.summary;
    Summary {
        files: summary.files,
        manifests: summary.manifests,
        documents: summary.documents,
        skipped: summary.skipped(),
        errors: summary.errors,
        warnings: summary.warnings,
        infos: summary.infos,
        hints: summary.hints,
        ignored: summary.suppressed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use expect_test::expect;

    fn written(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_findings_is_an_empty_list() {
        expect![[r#"
            {
              "version": 1,
              "findings": [],
              "summary": {
                "files": 0,
                "manifests": 0,
                "documents": 0,
                "skipped": 0,
                "errors": 0,
                "warnings": 0,
                "infos": 0,
                "hints": 0,
                "ignored": 0
              }
            }
        "#]]
        .assert_eq(&written(&Results::default()));
    }

    #[test]
    fn finding_has_every_key() {
        let mut results = sample::results();
        results.files[0].findings.drain(..3);
        expect![[r#"
            {
              "version": 1,
              "findings": [
                {
                  "rule": "weakened-override",
                  "profile": "hardened",
                  "severity": "warning",
                  "message": "container \"wéb\" overrides the pod's runAsNonRoot",
                  "path": "deploy/shop.yaml",
                  "document": 0,
                  "apiVersion": "v1",
                  "kind": "Pod",
                  "namespace": null,
                  "name": "shop",
                  "container": "wéb",
                  "line": 12,
                  "column": 23,
                  "endLine": 12,
                  "endColumn": 28,
                  "startByte": 221,
                  "endByte": 226,
                  "fix": {
                    "title": "remove runAsNonRoot",
                    "applicability": "safe",
                    "safety": "safe"
                  }
                }
              ],
              "summary": {
                "files": 3,
                "manifests": 2,
                "documents": 5,
                "skipped": 3,
                "errors": 1,
                "warnings": 1,
                "infos": 1,
                "hints": 1,
                "ignored": 2
              }
            }
        "#]]
        .assert_eq(&written(&results));
    }
}
