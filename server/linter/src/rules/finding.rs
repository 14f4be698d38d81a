//! The parts of a finding: its message, its target, and its fixes.

use std::borrow::Cow;
use yaml::Range;
use yaml::edit::Change;

/// How far a fix can be trusted. Higher values need more caution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// A working workload keeps working.
    Safe,
    /// The fix may break some images; the title says what is lost.
    Unsafe,
    /// The fix writes an example value that the user must choose.
    Placeholder,
}

impl Applicability {
    pub fn name(self) -> &'static str {
        match self {
            Applicability::Safe => "safe",
            Applicability::Unsafe => "unsafe",
            Applicability::Placeholder => "placeholder",
        }
    }
}

/// A message or title. Most of them are constant.
pub type Message = Cow<'static, str>;

/// The changes that resolve a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// An imperative in lower case, without a full stop: "set allowPrivilegeEscalation: false".
    pub title: Message,
    pub applicability: Applicability,
    pub changes: Vec<Change>,
}

/// How an editor shows the range of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// It has no effect and can be removed.
    Unnecessary,
    /// Something else replaces it.
    Deprecated,
}

/// Another range that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub range: Range,
    pub message: Message,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The object's index in its document; `None` if the finding is about a document with several
    /// objects.
    pub object: Option<usize>,
    /// The container's name, if the finding is about a container.
    pub container: Option<Box<str>>,
    /// The range of the whole container, else of the pod or object.
    pub range: Range,
    /// Whether the finding is about something missing.
    pub absent: bool,
    /// The missing setting, if a pod or a container lacks one.
    pub missing: Option<MissingSetting>,
}

/// A setting that a pod or a container lacks. Editors group them by owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSetting {
    /// Its short name: `allowPrivilegeEscalation`, `requests.cpu`.
    pub setting: Box<str>,
    /// The pod or container as messages name it: `container "web"`, `pod`.
    pub holder: String,
    /// The range that represents the owner: the key of its security context, else its name.
    pub anchor: Range,
}
