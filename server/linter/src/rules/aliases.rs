//! What other tools call a rule.
//!
//! Knows their names and in which ways people write them. Must not know where anybody writes a name. Promise: a name that
//! stands for one rule never stands for a second one.

use crate::rules::{ALL, Rule};
use std::fmt;

/// A tool with names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    Trivy,
    Checkov,
    KubeLinter,
    Polaris,
    Kubescape,
    KubeScore,
    Kubeaudit,
    Kubesec,
    Kyverno,
    Yamllint,
}

/// A name that a tool has for a check of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignId {
    pub tool: Tool,
    pub id: &'static str,
}

impl Tool {
    /// The tool as its own pages write it.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Trivy => "Trivy",
            Tool::Checkov => "Checkov",
            Tool::KubeLinter => "kube-linter",
            Tool::Polaris => "Polaris",
            Tool::Kubescape => "Kubescape",
            Tool::KubeScore => "kube-score",
            Tool::Kubeaudit => "kubeaudit",
            Tool::Kubesec => "kubesec",
            Tool::Kyverno => "Kyverno",
            Tool::Yamllint => "yamllint",
        }
    }
}

impl ForeignId {
    /// Whether a word is this name, however it is written. Trivy's have been `KSV017`, `AVD-KSV-0017` and `KSV-0017` in turn.
    pub fn is(&self, word: &str) -> bool {
        self.id.eq_ignore_ascii_case(word)
            || (self.tool == Tool::Trivy
                && number(self.id).is_some_and(|id| number(word) == Some(id)))
    }
}

/// The number of a check of Trivy's.
fn number(word: &str) -> Option<u32> {
    let word = word.to_ascii_uppercase();
    let word = word.strip_prefix("AVD-").unwrap_or(&word);
    word.strip_prefix("KSV")?
        .trim_start_matches('-')
        .parse()
        .ok()
}

/// The rules that a name is about.
#[derive(Debug)]
pub enum Meaning {
    /// The name of a rule, or of the same thing in another tool.
    Rule(&'static Rule),
    /// A name in another tool, of something that is not the same as any one rule; the rules that have to do with it.
    Related(Vec<&'static Rule>),
    Unknown,
}

/// What a word means, whatever its case: a rule's own id, or a name in another tool.
pub fn meaning(word: &str) -> Meaning {
    let with = |has: &dyn Fn(&Rule) -> bool| {
        ALL.iter()
            .copied()
            .filter(|rule| has(rule))
            .collect::<Vec<_>>()
    };
    let own = with(&|rule| rule.id.eq_ignore_ascii_case(word));
    let same = with(&|rule| rule.aliases.iter().any(|name| name.is(word)));
    match own.first().or(same.first()) {
        Some(rule) => Meaning::Rule(rule),
        None => match with(&|rule| rule.related.iter().any(|name| name.is(word))) {
            akin if akin.is_empty() => Meaning::Unknown,
            akin => Meaning::Related(akin),
        },
    }
}

/// The rule that is the same as what a tool has under a name.
pub fn rule_for(tool: Tool, word: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| {
        rule.aliases
            .iter()
            .any(|name| name.tool == tool && name.is(word))
    })
}

/// A rule's names in other tools, as the last section of its page says them.
pub(super) fn section(rule: &Rule) -> String {
    let (same, akin) = (Listed(rule.aliases), Listed(rule.related));
    let text = match (rule.aliases.is_empty(), rule.related.is_empty()) {
        (true, true) => "None of the common tools has this rule.".to_owned(),
        (false, true) => format!("Comments and annotations that ignore understand: {same}."),
        (true, false) => {
            format!(
                "Not the same, but akin, so that comments and annotations do not take them for it: {akin}."
            )
        }
        (false, false) => {
            format!(
                "Comments and annotations that ignore understand: {same}.\n\nNot the same, but akin: {akin}."
            )
        }
    };
    let paragraphs: Vec<String> = text.split("\n\n").map(filled).collect();
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

/// A paragraph in lines that suit a terminal.
fn filled(text: &str) -> String {
    /// In columns.
    const WIDTH: usize = 120;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("one at least");
        match line.is_empty() {
            true => line.push_str(word),
            false if line.len() + 1 + word.len() <= WIDTH => line.extend([" ", word]),
            false => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
