//! What a user chose: the profile, the Kubernetes version, the rules.
//!
//! Knows settings and their words. Must not know where they come from nor what they do. Promise: a [`Config`] is always
//! usable; every wrong setting was turned away with a message before it got here.

use crate::k8s::Version;
use serde::{Deserialize, Serialize};

/// How much is asked of a manifest. Each profile contains the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The Pod Security Standard `baseline`.
    Baseline,
    /// The Pod Security Standard `restricted`.
    Restricted,
    /// Everything that kubeharden knows.
    #[default]
    Hardened,
}

impl Profile {
    pub const ALL: [Profile; 3] = [Profile::Baseline, Profile::Restricted, Profile::Hardened];

    /// The word that users write for it.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Baseline => "baseline",
            Profile::Restricted => "restricted",
            Profile::Hardened => "hardened",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    pub profile: Profile,
    /// The Kubernetes version that the manifests are for.
    pub kubernetes_version: Version,
    pub rules: Choice,
    pub values: Values,
}

/// Which rules run, by their ids, where the profile alone does not decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// These alone, whatever the profile; empty where the profile decides.
    pub select: Vec<String>,
    /// None of these, even if selected.
    pub ignore: Vec<String>,
}

/// What fixes write where somebody has to choose a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// For `runAsUser`: above the ids that a host gives to its own users.
    pub user_id: i64,
    pub cpu_request: String,
    pub memory_request: String,
    pub cpu_limit: String,
    pub memory_limit: String,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            user_id: 10001,
            cpu_request: "100m".into(),
            memory_request: "128Mi".into(),
            cpu_limit: "500m".into(),
            memory_limit: "256Mi".into(),
        }
    }
}
