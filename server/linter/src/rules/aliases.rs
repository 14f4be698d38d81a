//! The names of checks in other tools.

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
