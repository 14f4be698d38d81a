//! The hover at a finding: the rule, its message, and why it matters.
//!
//! Kept short and led by the rule, because clients show the hovers of all servers below each other.

use super::definition::Definitions;
use super::fields;
use crate::diagnostics::grouping::{self, Mark};
use crate::protocol::{from_proto, to_proto};
use crate::session::settings::Settings;
use linter::rules::Finding;
use std::sync::Arc;
use tower_lsp::ls_types as lsp;

/// The most lines of a rule's page in a hover.
const MOST_LINES: usize = 12;

/// The most findings whose reasons are shown. Without grouping, a container may have a dozen findings at its name, and their
/// reasons would fill the screen.
const MOST_REASONS: usize = 2;

/// Returns the hover at a position: of findings, else of a security field, else of a reference.
pub(crate) async fn hover(
    definitions: &Definitions,
    settings: Settings,
    params: lsp::HoverParams,
) -> Option<lsp::Hover> {
    let place = params.text_document_position_params;
    let analyzed = definitions
        .analyzer
        .latest(&place.text_document.uri)
        .await?;
    let client = definitions.client.capabilities();
    let text = &analyzed.snapshot.text;
    let offset = text.offset(from_proto::position(place.position), client.encoding);
    let around = analyzed
        .report
        .chunks()
        .filter(|chunk| chunk.within(offset).is_some());
    let found: Vec<_> = around
        .flat_map(|chunk| grouping::marks_of(chunk, settings.grouping))
        .filter(|mark| is_at(mark, offset))
        .collect();
    let Some(mark) = found.first() else {
        if !settings.field_help {
            return None;
        }
        let field = Arc::clone(&analyzed);
        return match fields::hover(&definitions.analyzer, &client, field, offset).await {
            None => {
                let url = place.text_document.uri;
                definitions.hover(url, analyzed, offset).await
            }
            found => found,
        };
    };
    let range = to_proto::range(mark.chunk.place(mark.range()), text, client.encoding);
    let parts: Vec<String> = found
        .iter()
        .map(|mark| about(mark, found.len() <= MOST_REASONS))
        .collect();
    Some(to_proto::hover(parts.join("\n\n---\n\n"), range, &client))
}

fn is_at(mark: &Mark<'_>, offset: usize) -> bool {
    let range = mark.chunk.place(mark.range());
    range.contains(&offset) || range.start == offset
}

fn about(mark: &Mark<'_>, with_reason: bool) -> String {
    let page = mark.page();
    let link = format!("[More about {}]({})", page.id, page.url());
    let (head, detail) = match mark.group() {
        Some(_) => (
            format!("**{}** ({})", page.id, mark.severity().name()),
            Some(members(mark)),
        ),
        None => {
            let Finding { rule, severity, .. } = mark.first();
            let head = format!(
                "**{}** ({}, {})",
                rule.id,
                severity.name(),
                rule.enablement.name()
            );
            (head, with_reason.then(|| why(rule.docs)))
        }
    };
    let message = to_proto::shown(&mark.message());
    [Some(head), Some(message), detail, Some(link)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Lists the findings of a group. Without links, because clients without Markdown show them in full.
fn members(mark: &Mark<'_>) -> String {
    let line = |finding: &&Finding| {
        let Finding {
            rule,
            severity,
            message,
            ..
        } = finding;
        let message = to_proto::shown(message);
        format!("- **{}** ({}): {message}", rule.id, severity.name())
    };
    mark.findings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the section "Why" of a rule's page, or else its first paragraphs.
fn why(docs: &str) -> String {
    let lines = docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let is_text = |line: &&str| !line.starts_with('#') && !line.starts_with("```");
    let section: Vec<_> = lines
        .clone()
        .skip_while(|line| *line != "## Why")
        .skip(1)
        .take_while(is_text)
        .collect();
    let section = if section.is_empty() {
        lines.take_while(is_text).collect()
    } else {
        section
    };
    section
        .join("\n")
        .trim()
        .lines()
        .take(MOST_LINES)
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MOST_LINES, why};

    #[test]
    fn reason_is_section_why() {
        let docs = " What it is.\n\n ## Why\n\n Because\n of this.\n\n ## Example\n\n ```yaml bad\n a: 1\n ```\n";
        assert_eq!(why(docs), "Because\nof this.");
    }

    #[test]
    fn page_without_why_starts_with_reason() {
        assert_eq!(why(" What it is.\n ```yaml\n a: 1\n ```\n"), "What it is.");
    }

    #[test]
    fn long_reason_is_cut() {
        assert_eq!(why(&"line\n".repeat(99)).lines().count(), MOST_LINES);
    }
}
