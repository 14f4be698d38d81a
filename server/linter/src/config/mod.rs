//! What a user chose: the profile, the Kubernetes version, the rules.
//!
//! Knows settings, their words, and the file that they may stand in. Must not know what they do, nor how a person is told of
//! a mistake. Promise: a [`Config`] is always usable; every wrong setting was turned away with a message before it got here.
//!
//! [`mod@keys`] is the one table of what a file may say: [`mod@file`] reads by it, [`mod@write`] and [`mod@schema`] tell of it.

pub mod discovery;
mod exception;
mod exceptions;
mod file;
mod insert_exception;
pub mod keys;
mod schema;
mod write;

pub use crate::suggest::closest_or_longer as nearest;
pub use exception::{Date, Exception, Pattern};
pub use file::{ConfigError, Reading, read};
pub use insert_exception::insert_exception;
pub use schema::schema;
pub use write::{template, yaml};

use kubernetes::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Unverifiable, or housekeeping.
    Hint,
    /// Good practice beyond the Pod Security Standards.
    Info,
    /// What the standard `restricted` asks for.
    Warning,
    /// An explicitly dangerous value, or one that the API server drops or rejects.
    Error,
}

impl Severity {
    /// The gravest first.
    pub const ALL: [Severity; 4] = [
        Severity::Error,
        Severity::Warning,
        Severity::Info,
        Severity::Hint,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How much is asked of a manifest. Each profile contains the ones before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub profile: Profile,
    /// Whether somebody chose the profile, so that nothing asks for less.
    pub profile_is_chosen: bool,
    /// Whether the labels of a Namespace count for what is in it.
    pub namespace_labels: bool,
    /// The Kubernetes version that the manifests are for.
    pub kubernetes_version: Version,
    pub rules: RuleSelection,
    pub values: Values,
    /// The least severity that makes a check fail.
    pub fail_on: Severity,
    /// Whether a custom resource that nobody here knows has a pod where something looks like one.
    pub detect_pod_templates: bool,
    /// What some rules are not asked of.
    pub exceptions: Vec<Exception>,
    /// Whether every ignore has to say why.
    pub require_reason: bool,
    /// Whether nothing is ignored, whoever asks for it.
    pub no_suppressions: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            profile: Profile::default(),
            profile_is_chosen: false,
            namespace_labels: true,
            kubernetes_version: Version::default(),
            rules: RuleSelection::default(),
            values: Values::default(),
            fail_on: Severity::Warning,
            detect_pod_templates: true,
            exceptions: Vec::new(),
            require_reason: false,
            no_suppressions: false,
        }
    }
}

impl Config {
    /// This configuration as it is for one file, named from the folder of the configuration file on; `None` for a text that is
    /// no file there. Nothing comes back where that makes no difference.
    pub fn for_file(&self, path: Option<&Path>) -> Option<Config> {
        let is_by_path = |exception: &Exception| !exception.path.is_empty();
        self.exceptions.iter().any(is_by_path).then(|| {
            let mut config = self.clone();
            config.exceptions.retain(|exception| exception.is_for(path));
            config
                .exceptions
                .iter_mut()
                .for_each(|exception| exception.path.clear());
            config
        })
    }
}

/// Which rules run, by their ids, where the profile alone does not decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSelection {
    /// These alone, whatever the profile; empty where the profile decides.
    pub select: Vec<String>,
    /// None of these, even if selected.
    pub ignore: Vec<String>,
    /// How grave the findings of a rule are, in the place of its own severity; `None` for a rule that is off.
    pub severity: BTreeMap<String, Option<Severity>>,
}

impl RuleSelection {
    pub fn ignores(&self, id: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == id)
    }

    /// Takes what was asked for on the spot: it runs, or does not, whatever was chosen before.
    pub fn override_with(&mut self, select: &[String], ignore: &[String]) {
        if !select.is_empty() {
            self.ignore.retain(|id| !select.contains(id));
            self.severity
                .retain(|id, severity| severity.is_some() || !select.contains(id));
            self.select = select.to_vec();
        }
        self.ignore.extend(ignore.iter().cloned());
    }
}

/// What rules measure by, and what fixes write where somebody has to choose a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// What fixes write as `runAsUser`: above the ids that a host gives to its own users.
    pub user_id: i64,
    /// What fixes write as `runAsGroup` and `fsGroup`.
    pub group_id: i64,
    /// The lowest `runAsUser` that is not called low.
    pub min_user_id: i64,
    /// The lowest `runAsGroup` that is not called low.
    pub min_group_id: i64,
    /// Where images may come from: registries (`ghcr.io`, `*.example.com`), or repositories in them (`docker.io/library`).
    /// Empty where they may come from anywhere.
    pub allowed_registries: Vec<String>,
    /// Where images may not come from, written likewise, even if it is allowed.
    pub denied_registries: Vec<String>,
    /// Folders of a node that are sensitive beside those that always are.
    pub sensitive_paths: Vec<String>,
    /// How the names of what is secret end: lower case, words with `_` between them. `api_key` is met by `STRIPE_API_KEY` and
    /// `stripe.apiKey`, not by `API_KEY_FILE`.
    pub secret_names: Vec<String>,
    pub cpu_request: String,
    pub memory_request: String,
    pub cpu_limit: String,
    pub memory_limit: String,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            user_id: 10001,
            group_id: 10001,
            min_user_id: 10000,
            min_group_id: 10000,
            allowed_registries: Vec::new(),
            denied_registries: Vec::new(),
            sensitive_paths: Vec::new(),
            secret_names: SECRET_NAMES.map(str::to_owned).into(),
            cpu_request: "100m".into(),
            memory_request: "128Mi".into(),
            cpu_limit: "500m".into(),
            memory_limit: "256Mi".into(),
        }
    }
}

const SECRET_NAMES: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "secret_key",
    "secret_key_base",
    "secret_access_key",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "auth_key",
    "encryption_key",
    "signing_key",
    "private_key",
    "credentials",
];
