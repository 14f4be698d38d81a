//! The pages of documentation: one per rule, and one about the grouping of findings in editors.
//!
//! A page is the same in a terminal, in `docs/rules/` and on the web.

use crate::rules::aliases;
use crate::rules::{MISSING_HARDENING, Rule};

/// A page of documentation, in Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub id: &'static str,
    /// As in a doc comment, with a space before each line.
    pub(super) docs: &'static str,
    /// The rule that the page is about, if any.
    pub(super) rule: Option<&'static Rule>,
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Page {
    /// Returns every page: those of the rules in the order of the catalog, then the others.
    pub fn all() -> Vec<Page> {
        crate::rules::ALL
            .iter()
            .map(|rule| rule.page())
            .chain([MISSING_HARDENING.about()])
            .collect()
    }

    pub fn named(id: &str) -> Option<Page> {
        Rule::named(id)
            .map(Rule::page)
            .or_else(|| (id == MISSING_HARDENING.id).then(|| MISSING_HARDENING.about()))
    }

    /// Returns the documentation without the space that a doc comment has before each line.
    pub fn markdown(&self) -> String {
        let docs: String = self
            .docs
            .lines()
            .flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"])
            .collect();
        // Only a rule has names in other tools.
        self.rule.map_or_else(
            || docs.clone(),
            |rule| format!("{docs}\n{}", aliases::section(rule)),
        )
    }

    /// Returns the whole page, as in `docs/rules/`.
    pub fn text(&self) -> String {
        let subtitle = self.rule.map_or_else(
            || MISSING_HARDENING.subtitle.to_owned(),
            Rule::severity_sentence,
        );
        format!("# {}\n\n{subtitle}\n\n{}", self.id, self.markdown())
    }

    /// Returns the address of the page on the web.
    pub fn url(&self) -> String {
        format!(
            "{}/blob/main/docs/rules/{}.md",
            env!("CARGO_PKG_REPOSITORY"),
            self.id
        )
    }
}
