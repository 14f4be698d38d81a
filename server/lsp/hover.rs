//! What is shown over the place of a finding: which rule, what it says, and why that matters.
//!
//! Other servers usually share the file, and clients show all hovers below one another. So this one is short, begins with the
//! rule, and keeps silent anywhere else.

use super::analysis::{self, Panicked};
use super::state::{Analysed, State};
use super::{from_proto, to_proto};
use crate::rules::{Finding, Rule};
use std::sync::Arc;
use tower_lsp::lsp_types as lsp;

/// The most lines of a rule's page that a hover shows.
const MOST_LINES: usize = 12;

pub(super) async fn hover(state: &Arc<State>, params: lsp::HoverParams) -> Result<Option<lsp::Hover>, Panicked> {
    let place = params.text_document_position_params;
    let Some(analysed) = analysis::latest(state, &place.text_document.uri).await? else { return Ok(None) };
    let client = state.capabilities();
    let text = &analysed.snapshot.text;
    let offset = text.offset(from_proto::position(place.position), client.encoding);
    let found = findings_at(&analysed, offset);
    let Some((range, _)) = found.first() else { return Ok(None) };
    let range = to_proto::range(range.clone(), text, client.encoding);
    let parts: Vec<String> = found.iter().map(|(_, finding)| about(finding)).collect();
    Ok(Some(to_proto::hover(parts.join("\n\n---\n\n"), range, &client)))
}

fn findings_at(analysed: &Analysed, offset: usize) -> Vec<(std::ops::Range<usize>, &Finding)> {
    let documents = analysed.report.documents.iter();
    documents
        .flat_map(|document| document.analysis.findings.iter().map(|finding| (document.place(finding.range), finding)))
        .filter(|(range, _)| range.contains(&offset) || range.start == offset)
        .collect()
}

fn about(finding: &Finding) -> String {
    let Rule { id, scope, .. } = finding.rule;
    let (severity, scope, message) = (finding.severity.name(), scope.name(), &finding.message);
    let why = why(finding.rule.docs);
    let url = finding.rule.url();
    format!("**{id}** ({severity}, {scope})\n\n{message}\n\n{why}\n\n[More about {id}]({url})")
}

/// The section of a rule's page that says why, else what it opens with.
fn why(docs: &str) -> String {
    let lines = docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    let is_text = |line: &&str| !line.starts_with('#') && !line.starts_with("```");
    let section: Vec<_> = lines.clone().skip_while(|line| *line != "## Why").skip(1).take_while(is_text).collect();
    let section = if section.is_empty() { lines.take_while(is_text).collect() } else { section };
    section.join("\n").trim().lines().take(MOST_LINES).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MOST_LINES, why};

    #[test]
    fn the_reason_is_the_section_that_says_why() {
        let docs = " What it is.\n\n ## Why\n\n Because\n of this.\n\n ## Example\n\n ```yaml bad\n a: 1\n ```\n";
        assert_eq!(why(docs), "Because\nof this.");
    }

    #[test]
    fn a_page_without_that_section_opens_with_the_reason() {
        assert_eq!(why(" What it is.\n ```yaml\n a: 1\n ```\n"), "What it is.");
    }

    #[test]
    fn a_long_reason_is_cut() {
        assert_eq!(why(&"line\n".repeat(99)).lines().count(), MOST_LINES);
    }
}
