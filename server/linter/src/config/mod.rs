//! The configuration: profile, Kubernetes version, rules, values and exceptions.
//!
//! A [`Config`] is always valid, because invalid settings are reported and dropped when a file is read. [`mod@keys`] is
//! the only list of keys; [`mod@file`], [`mod@write`] and [`mod@schema`] follow it.

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
pub use file::{ConfigError, Reading, RuleNames, read};
pub use insert_exception::insert_exception;
pub use schema::schema;
pub use write::{template, yaml};

use kubernetes::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Uncertain findings, and housekeeping.
    Hint,
    /// Good practice beyond the Pod Security Standards.
    Info,
    /// Violations of the standard `restricted`.
    Warning,
    /// An explicitly dangerous value, or one that the API server drops or rejects.
    Error,
}

impl Severity {
    /// The most severe first.
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

/// Which rules run. Each profile includes the ones before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The Pod Security Standard `baseline`.
    Baseline,
    /// The Pod Security Standard `restricted`.
    Restricted,
    /// All rules that are on by default.
    #[default]
    Hardened,
}

impl Profile {
    pub const ALL: [Profile; 3] = [Profile::Baseline, Profile::Restricted, Profile::Hardened];

    /// Returns the name, as written in settings.
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
    /// Whether the user chose the profile. If so, the labels of a Namespace cannot lower it.
    pub profile_is_chosen: bool,
    /// Whether the labels of a Namespace set the profile for its objects.
    pub namespace_labels: bool,
    /// The Kubernetes version of the target cluster.
    pub kubernetes_version: Version,
    pub rules: RuleSelection,
    pub values: Values,
    /// A finding of this severity or higher makes a check fail.
    pub fail_on: Severity,
    /// Whether to detect pods in unknown custom resources by their structure.
    pub detect_pod_templates: bool,
    /// Suppressions by file, object, container or image.
    pub exceptions: Vec<Exception>,
    /// Patterns of files that are not searched, as in `.gitignore`, relative to the configuration file.
    pub exclude: Vec<String>,
    /// Whether every suppression must have a reason.
    pub require_reason: bool,
    /// Whether to report suppressed findings too.
    pub no_suppressions: bool,
    /// The day on which suppressions of other tools are compared with their last day. `None`: they never expire.
    pub today: Option<Date>,
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
            exclude: Vec::new(),
            require_reason: false,
            no_suppressions: false,
            today: None,
        }
    }
}

impl Config {
    /// Returns the configuration for one file, given by its path relative to the folder of the configuration file, or
    /// for a text without a path. Returns `None` if the configuration is the same for all files.
    pub fn for_file(&self, path: Option<&Path>) -> Option<Config> {
        let is_by_path = |exception: &Exception| !exception.path.is_empty();
        self.exceptions.iter().any(is_by_path).then(|| {
            let mut config = self.clone();
            config
                .exceptions
                .retain(|exception| exception.applies_to(path));
            config
                .exceptions
                .iter_mut()
                .for_each(|exception| exception.path.clear());
            config
        })
    }
}

/// Which rules run, by id, in addition to the profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSelection {
    /// Run only these, regardless of the profile. If empty, the profile decides.
    pub select: Vec<String>,
    /// Never run these, even if they are selected.
    pub ignore: Vec<String>,
    /// The severity of a rule's findings instead of its own; `None` turns the rule off.
    pub severity: BTreeMap<String, Option<Severity>>,
}

impl RuleSelection {
    pub fn ignores(&self, id: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == id)
    }

    /// Returns the ids that are ignored or have the severity `off`.
    pub fn turned_off(&self) -> impl Iterator<Item = &str> {
        let severities = self.severity.iter();
        let off = severities.filter(|(_, severity)| severity.is_none());
        let ignored = self.ignore.iter();
        ignored.chain(off.map(|(id, _)| id)).map(String::as_str)
    }

    /// Applies a selection that overrides this one, such as `--select`.
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

/// Thresholds for rules, and default values for fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The `runAsUser` that fixes write: above the ids that a node gives to its own users.
    pub user_id: i64,
    /// The `runAsGroup` and `fsGroup` that fixes write.
    pub group_id: i64,
    /// The lowest `runAsUser` that is not reported as low.
    pub min_user_id: i64,
    /// The lowest `runAsGroup` that is not reported as low.
    pub min_group_id: i64,
    /// Allowed registries (`ghcr.io`, `*.example.com`) or repositories (`docker.io/library`). If empty, all are
    /// allowed.
    pub allowed_registries: Vec<String>,
    /// Denied registries or repositories, even if they are allowed.
    pub denied_registries: Vec<String>,
    /// Sensitive folders of a node, in addition to the built-in ones.
    pub sensitive_paths: Vec<String>,
    /// Name suffixes that mark a value as secret: lower case, words separated by `_`. `api_key` matches
    /// `STRIPE_API_KEY` and `stripe.apiKey`, but not `API_KEY_FILE`.
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

const SECRET_NAMES: [&str; 32] = [
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
    "account_key",
    "storage_key",
    "shared_key",
    "shared_access_key",
    "master_key",
    "subscription_key",
    "license_key",
    "jwt_key",
    "hmac_key",
    "session_key",
    "cookie_key",
    "app_key",
    "ssh_key",
    "credential",
    "credentials",
];
