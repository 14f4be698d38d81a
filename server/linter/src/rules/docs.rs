//! The pages of documentation: one per rule, and one about the grouping of findings in editors.
//!
//! A page is the same in a terminal, in `docs/rules/` and on the web.

use super::aliases::ForeignId;
use super::rule::Rule;
use std::fmt;

/// A page of documentation, in Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub id: &'static str,
    /// As in a doc comment, with a space before each line.
    pub(super) docs: &'static str,
    pub(super) subject: Subject,
}

/// What a page is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    Rule(&'static Rule),
    /// Something else, with the line below the title.
    Other {
        subtitle: &'static str,
    },
}

impl Rule {
    /// Returns the page about the rule.
    pub fn page(&'static self) -> Page {
        Page {
            id: self.id,
            docs: self.docs,
            subject: Subject::Rule(self),
        }
    }

    /// Returns the documentation as Markdown, with the names that other tools have for the rule.
    pub fn markdown(&'static self) -> String {
        self.page().markdown()
    }

    /// Returns the address of the rule's page on the web.
    pub fn url(&'static self) -> String {
        self.page().url()
    }
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Page {
    /// Returns the documentation without the space that a doc comment has before each line.
    pub fn markdown(&self) -> String {
        let docs: String = self
            .docs
            .lines()
            .flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"])
            .collect();
        match self.subject {
            Subject::Rule(rule) => format!("{docs}\n{}", names_in_other_tools(rule)),
            Subject::Other { .. } => docs,
        }
    }

    /// Returns the whole page, as in `docs/rules/`.
    pub fn text(&self) -> String {
        let subtitle = match self.subject {
            Subject::Rule(rule) => rule.severity_sentence(),
            Subject::Other { subtitle } => subtitle.to_owned(),
        };
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

/// Returns the last section of a rule's page, with its names in other tools.
fn names_in_other_tools(rule: &Rule) -> String {
    let aliases = (!rule.aliases.is_empty()).then(|| {
        let list = Listed(rule.aliases);
        format!("Equivalent checks, accepted in ignore comments and annotations: {list}.")
    });
    let related = (!rule.related.is_empty()).then(|| {
        let list = Listed(rule.related);
        format!("Related checks, which are not accepted there: {list}.")
    });
    let part_of = (!rule.part_of.is_empty()).then(|| {
        let list = Listed(rule.part_of);
        format!("Checks that are this rule together with others, accepted in annotations: {list}.")
    });
    let none = (aliases.is_none() && part_of.is_none() && related.is_none())
        .then(|| "None of the supported tools has this check.".to_owned());
    let paragraphs: Vec<String> = [aliases, part_of, related, none]
        .into_iter()
        .flatten()
        .map(|text| filled(&text))
        .collect();
    format!("## Other names\n\n{}\n", paragraphs.join("\n\n"))
}

/// Trivy `KSV-0005`, `KSV-0022`; Checkov `CKV_K8S_39`
struct Listed<'a>(&'a [ForeignId]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for name in self.0 {
            match before.replace(name.tool) {
                Some(tool) if tool == name.tool => write!(f, ", `{}`", name.id)?,
                Some(_) => write!(f, "; {} `{}`", name.tool.name(), name.id)?,
                None => write!(f, "{} `{}`", name.tool.name(), name.id)?,
            }
        }
        Ok(())
    }
}

/// Breaks a paragraph into lines that fit a terminal.
fn filled(text: &str) -> String {
    /// In columns.
    const WIDTH: usize = 92;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("one at least");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= WIDTH {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}
