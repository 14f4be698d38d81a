//! `--statistics`: objects by kind, findings by rule, and documents that are skipped or checked in part, by reason.
//!
//! Each document that is not checked in full is counted under one reason.

use crate::console::{Console, STRONG};
use linter::analysis::{Analysis, DocumentKind, ObjectInfo, Report};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Statistics {
    /// Objects by `apiVersion` and `kind`.
    kinds: Counts,
    /// Findings by rule.
    rules: Counts,
    /// Documents that are skipped or checked in part, by reason.
    silence: Counts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counts(BTreeMap<String, usize>);

impl Statistics {
    pub(crate) fn of(report: &Report) -> Self {
        let mut statistics = Statistics::default();
        let mut documents: Vec<Vec<&Analysis>> = Vec::new();
        for chunk in report.chunks() {
            let analysis = chunk.analysis.as_ref();
            for object in analysis.objects.iter().filter(|object| !object.repeated) {
                statistics
                    .kinds
                    .add(&format!("{} {}", object.api_version, object.kind), 1);
            }
            analysis
                .findings
                .iter()
                .for_each(|finding| statistics.rules.add(finding.rule.id, 1));
            documents.resize(chunk.document + 1, Vec::new());
            documents[chunk.document].push(analysis);
        }
        documents
            .iter()
            .filter_map(|chunks| silence(chunks))
            .for_each(|reason| statistics.silence.add(reason, 1));
        statistics
    }

    pub(crate) fn absorb(&mut self, other: &Statistics) {
        let pairs = [
            (&mut self.kinds, &other.kinds),
            (&mut self.rules, &other.rules),
            (&mut self.silence, &other.silence),
        ];
        for (counts, more) in pairs {
            more.0
                .iter()
                .for_each(|(name, count)| counts.add(name, *count));
        }
    }

    pub(crate) fn write(&self, console: &mut Console) -> io::Result<()> {
        let tables = [
            ("Objects by kind", &self.kinds),
            ("Findings by rule", &self.rules),
            ("Documents skipped or checked in part", &self.silence),
        ];
        for (index, (title, counts)) in tables.into_iter().enumerate() {
            let style = console.style(STRONG);
            let before = if index > 0 { "\n" } else { "" };
            writeln!(console, "{before}{style}{title}{style:#}")?;
            counts.write(console)?;
        }
        Ok(())
    }
}

/// Returns why a document with these chunks is skipped or checked in part.
fn silence(chunks: &[&Analysis]) -> Option<&'static str> {
    let kind = chunks
        .iter()
        .map(|analysis| analysis.kind)
        .find(|kind| *kind != DocumentKind::Complete)
        .unwrap_or_default();
    match kind {
        _ if chunks.iter().all(|analysis| analysis.is_blank()) => Some("empty"),
        DocumentKind::Template => Some("template"),
        DocumentKind::Patch => Some("patch"),
        _ if !chunks.iter().any(|analysis| analysis.is_manifest()) => Some("not a manifest"),
        DocumentKind::Encrypted => Some("encrypted"),
        DocumentKind::Complete => chunks
            .iter()
            .flat_map(|analysis| &analysis.objects)
            .any(ObjectInfo::makes_workloads_elsewhere)
            .then_some("workloads from a chart or repository"),
    }
}

impl Counts {
    fn add(&mut self, name: &str, count: usize) {
        match self.0.get_mut(name) {
            Some(known) => *known += count,
            None => _ = self.0.insert(name.to_owned(), count),
        }
    }

    /// Returns the counts, highest first; equal counts by name.
    fn sorted(&self) -> Vec<(&str, usize)> {
        let mut sorted: Vec<(&str, usize)> = self
            .0
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let sorted = self.sorted();
        let width = sorted
            .first()
            .map_or(1, |(_, count)| count.to_string().len());
        for (name, count) in &sorted {
            writeln!(
                out,
                "  {count:>width$}  {}",
                crate::output::text::one_line(name)
            )?;
        }
        if sorted.is_empty() {
            writeln!(out, "  none")
        } else {
            Ok(())
        }
    }
}

/// A mapping from names to counts, highest first.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.sorted() {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}
