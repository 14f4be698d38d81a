//! Pages of documentation: one a rule, and one about what is shown and is no rule.
//!
//! Knows where pages stand. Must not know what they say. Promise: a page is the same in a terminal, under `docs/rules/` and on
//! the web.

use crate::rules::aliases as names;
use crate::rules::{MISSING_HARDENING, Rule};

/// A page of documentation, in Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub id: &'static str,
    /// As doc comments have it, with a blank before each line.
    pub(super) docs: &'static str,
    /// The rule that it is about.
    pub(super) rule: Option<&'static Rule>,
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Page {
    /// Every page: those of the rules in the order of the catalogue, then the others.
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

    /// The documentation without the blank that a doc comment has before each line.
    pub fn markdown(&self) -> String {
        let docs: String = self
            .docs
            .lines()
            .flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"])
            .collect();
        // A rule has names in other tools.
        self.rule.map_or_else(
            || docs.clone(),
            |rule| format!("{docs}\n{}", names::section(rule)),
        )
    }

    /// The whole page, as it stands under `docs/rules/`.
    pub fn text(&self) -> String {
        let standing = self.rule.map_or_else(
            || MISSING_HARDENING.standing.to_owned(),
            Rule::severity_sentence,
        );
        format!("# {}\n\n{standing}\n\n{}", self.id, self.markdown())
    }

    /// Where the page stands on the web.
    pub fn url(&self) -> String {
        format!(
            "{}/blob/main/docs/rules/{}.md",
            env!("CARGO_PKG_REPOSITORY"),
            self.id
        )
    }
}
