//! The names of rules in other tools. An alias means exactly one rule.

use crate::rules::{ALL, Rule};
use std::fmt;

/// Another tool that checks manifests.
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

/// The name of a check in another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignId {
    pub tool: Tool,
    pub id: &'static str,
}

impl Tool {
    /// Returns the name of the tool as its own documentation spells it.
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
    /// Whether a word is this name, in any spelling. Trivy has used `KSV017`, `AVD-KSV-0017` and
    /// `KSV-0017`.
    pub fn is(&self, word: &str) -> bool {
        self.id.eq_ignore_ascii_case(word)
            || (self.tool == Tool::Trivy
                && number(self.id).is_some_and(|id| number(word) == Some(id)))
    }
}

/// Returns the number in the name of a Trivy check.
fn number(word: &str) -> Option<u32> {
    let word = word.to_ascii_uppercase();
    let word = word.strip_prefix("AVD-").unwrap_or(&word);
    word.strip_prefix("KSV")?
        .trim_start_matches('-')
        .parse()
        .ok()
}

/// What a name means.
#[derive(Debug)]
pub enum Meaning {
    /// A rule's id, or its name in another tool.
    Rule(&'static Rule),
    /// A check of another tool that overlaps with these rules, but is not the same as any of them.
    Related(Vec<&'static Rule>),
    Unknown,
}

/// Returns what a word means, in any case: a rule's id, or a name in another tool.
pub fn meaning(word: &str) -> Meaning {
    let rules = || ALL.iter().copied();
    let has_alias = |rule: &&Rule| rule.aliases.iter().any(|name| name.is(word));
    let by_id = rules().find(|rule| rule.id.eq_ignore_ascii_case(word));
    if let Some(rule) = by_id.or_else(|| rules().find(has_alias)) {
        return Meaning::Rule(rule);
    }
    let related: Vec<&'static Rule> = rules()
        .filter(|rule| rule.related.iter().any(|name| name.is(word)))
        .collect();
    if related.is_empty() {
        Meaning::Unknown
    } else {
        Meaning::Related(related)
    }
}

/// Returns the rule that is the same as a check of another tool.
pub fn rule_for(tool: Tool, word: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| {
        rule.aliases
            .iter()
            .any(|name| name.tool == tool && name.is(word))
    })
}

/// Returns the last section of a rule's page, with its names in other tools.
pub(super) fn section(rule: &Rule) -> String {
    let aliases = (!rule.aliases.is_empty()).then(|| {
        let list = Listed(rule.aliases);
        format!("Equivalent checks, accepted in ignore comments and annotations: {list}.")
    });
    let related = (!rule.related.is_empty()).then(|| {
        let list = Listed(rule.related);
        format!("Related checks, which are not accepted there: {list}.")
    });
    let none = (aliases.is_none() && related.is_none())
        .then(|| "None of the supported tools has this check.".to_owned());
    let paragraphs: Vec<String> = [aliases, related, none]
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
