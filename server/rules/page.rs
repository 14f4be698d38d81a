//! Pages of documentation: one a rule, and one about what is shown and is no rule.
//!
//! Knows where pages stand. Must not know what they say. Promise: a page is the same in a terminal, under `docs/rules/` and on
//! the web.

use super::{MISSING_HARDENING, Rule};

/// A page of documentation, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub id: &'static str,
    /// How grave what it is about is, and who gets to see it, in a sentence.
    pub standing: String,
    /// As doc comments have it, with a blank before each line.
    pub(super) docs: &'static str,
    /// The section about the names that other tools have for it; empty where it is no rule.
    pub(super) names: String,
}

impl Page {
    /// Every page: those of the rules in the order of the catalogue, then the others.
    pub fn all() -> Vec<Page> {
        super::ALL.iter().map(|rule| rule.about()).chain([MISSING_HARDENING.about()]).collect()
    }

    pub fn named(id: &str) -> Option<Page> {
        Rule::named(id).map(Rule::about).or_else(|| (id == MISSING_HARDENING.id).then(|| MISSING_HARDENING.about()))
    }

    /// The documentation without the blank that a doc comment has before each line.
    pub fn markdown(&self) -> String {
        let docs: String = self.docs.lines().flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect();
        if self.names.is_empty() { docs } else { format!("{docs}\n{}", self.names) }
    }

    /// The whole page, as it stands under `docs/rules/`.
    pub fn text(&self) -> String {
        format!("# {}\n\n{}\n\n{}", self.id, self.standing, self.markdown())
    }

    /// Where the page stands on the web.
    pub fn url(&self) -> String {
        format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), self.id)
    }
}
