//! What is shown over the place of a finding: which rule, what it says, and why that matters.
//!
//! Other servers usually share the file, and clients show all hovers below one another. So this one is short, begins with the
//! rule. Anywhere else it leaves the word to [`fields`], which speaks of security contexts alone, and to [`definition`], which tells what
//! a name means.

use super::groups::{self, Mark};
use super::state::State;
use super::{analysis, definition, fields, from_proto, to_proto};
use linter::rules::Finding;
use std::sync::Arc;
use tower_lsp::ls_types as lsp;

/// The most lines of a rule's page that a hover shows.
const MOST_LINES: usize = 12;

/// The most findings whose reasons are shown. Ungrouped, a bare container has a dozen at its name, and their reasons would fill the
/// screen.
const MOST_REASONS: usize = 2;

pub(super) async fn hover(state: &Arc<State>, params: lsp::HoverParams) -> Option<lsp::Hover> {
    let place = params.text_document_position_params;
    let analysed = analysis::latest(state, &place.text_document.uri).await?;
    let client = state.capabilities();
    let text = &analysed.snapshot.text;
    let offset = text.offset(from_proto::position(place.position), client.encoding);
    let grouping = state.configuration.grouping();
    let around = analysed
        .report
        .chunks()
        .filter(|part| part.within(offset).is_some());
    let found: Vec<_> = around
        .flat_map(|part| groups::marks_of(part, grouping))
        .filter(|mark| is_at(mark, offset))
        .collect();
    let Some(mark) = found.first() else {
        return match fields::hover(state, Arc::clone(&analysed), offset).await {
            None => {
                definition::hover(
                    state,
                    place.text_document.uri,
                    Arc::clone(&analysed),
                    offset,
                )
                .await
            }
            found => found,
        };
    };
    let range = to_proto::range(mark.part.place(mark.range()), text, client.encoding);
    let parts: Vec<String> = found
        .iter()
        .map(|mark| about(mark, found.len() <= MOST_REASONS))
        .collect();
    Some(to_proto::hover(parts.join("\n\n---\n\n"), range, &client))
}

fn is_at(mark: &Mark<'_>, offset: usize) -> bool {
    let range = mark.part.place(mark.range());
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
    [Some(head), Some(mark.message()), detail, Some(link)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// What a group stands for. A link in each row would be wider than what it is about, where links are shown as they are written.
fn members(mark: &Mark<'_>) -> String {
    let line = |finding: &&Finding| {
        let Finding {
            rule,
            severity,
            message,
            ..
        } = finding;
        format!("- **{}** ({}): {message}", rule.id, severity.name())
    };
    mark.findings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The section of a rule's page that says why, else what it opens with.
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
