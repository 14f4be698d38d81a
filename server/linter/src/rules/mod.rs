//! The rules: what each flags, why, and what would mend it. One file a rule; [`ALL`] is the list.
//!
//! Knows Kubernetes' views and what an attacker makes of them. Must not know texts, editors or terminals. Promise: a rule is
//! a pure function; its documentation holds the examples that test it.

/// Declares the `RULE` of a file: its page as a doc comment, then its fields by name.
///
/// The fields after `check` may be left out.
macro_rules! rule {
    (
        $(#[doc = $line:expr])*
        id: $id:literal,
        enablement: $enablement:expr,
        severity: $severity:expr,
        check: $check:expr,
        $(aliases: [$($alias_tool:ident $alias:literal),* $(,)?],)?
        $(related: [$($related_tool:ident $related:literal),* $(,)?],)?
        $(reports_rejections: $reports_rejections:literal,)?
        $(skips_versioned_blocks: $skips_versioned_blocks:literal,)?
        $(always_selected: $always_selected:literal,)?
    ) => {
        #[allow(unused_imports, reason = "a rule names only the variants that it needs")]
        pub(crate) static RULE: $crate::rules::Rule = {
            use $crate::config::Profile::*;
            use $crate::rules::{Check, Enablement::*, ForeignId, Severity::*, Tool::*};
            $crate::rules::Rule {
                id: $id,
                module: module_path!(),
                enablement: $enablement,
                severity: $severity,
                docs: concat!($($line, "\n"),*),
                check: $check,
                aliases: &[$($(ForeignId { tool: $alias_tool, id: $alias }),*)?],
                related: &[$($(ForeignId { tool: $related_tool, id: $related }),*)?],
                reports_rejections: false $(|| $reports_rejections)?,
                skips_versioned_blocks: false $(|| $skips_versioned_blocks)?,
                always_selected: false $(|| $always_selected)?,
            }
        };
    };
}

mod aliases;
mod describe;
mod diagnostic_group;
mod docs;
mod finding;
mod pod_security;
mod security_context;
mod security_context_fields;
mod suggest;

mod capabilities;
mod host;
mod identity;
mod images;
mod namespaces;
mod privileges;
mod processes;
mod profiles;
mod resources;
mod schema;
mod secrets;
mod service_accounts;
mod storage;
mod suppressions;

pub use crate::config::Severity;
pub use aliases::{ForeignId, Meaning, Tool, meaning, rule_for};
pub use diagnostic_group::MISSING_HARDENING;
pub use docs::Page;
pub use finding::{
    Applicability, Finding, Fix, Location, Message, MissingSetting, NewFinding, Related, Reporter,
    Tag, Target,
};
pub use security_context_fields::{
    FIELDS, Field, FieldValue, OF_CONTAINER, OF_POD, Word, field_of, fields_of,
};

use crate::config::{Config, Profile};
use kubernetes::{Object, Pod};
use yaml::Yaml;

/// A rule: what is checked, with all that a person or a program asks of it.
#[derive(Debug)]
pub struct Rule {
    /// What users write in comments and configuration; final once released. Reads well after "ignore".
    pub id: &'static str,
    /// The path of its module, which ends with its family and its own name.
    pub module: &'static str,
    pub enablement: Enablement,
    pub severity: Severity,
    /// The page about the rule, in Markdown: see CONTRIBUTING.md for its parts.
    pub docs: &'static str,
    pub check: Check,
    /// What other tools call the same: who writes one of these to ignore it means this rule.
    pub aliases: &'static [ForeignId],
    /// Names of what is narrower or wider elsewhere, and so means no one rule.
    pub related: &'static [ForeignId],
    /// Whether its findings are about what the API server rejects. No fix may bring one about.
    pub reports_rejections: bool,
    /// Whether it is silent in the blocks of a template that depend on the version of the cluster.
    pub skips_versioned_blocks: bool,
    /// Whether it runs even when other rules are selected.
    pub always_selected: bool,
}

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enablement {
    /// At this profile and those that contain it.
    Profile(Profile),
    /// Only where configuration selects it or gives it a severity: off otherwise, whatever the profile.
    OptIn,
    /// At every profile: what the API server drops, rejects, or reads otherwise than it was meant, and what only configured
    /// values make wrong.
    Always,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    Pod(fn(&Pod<'_>, &Config, &mut Reporter<'_, '_>)),
    Object(fn(&Object<'_>, &Config, &mut Reporter<'_, '_>)),
    /// The text itself of a document with objects. Not of a template: its text becomes YAML elsewhere.
    Document(fn(&Yaml, &Config, &mut Reporter<'_, '_>)),
    /// What is said to be ignored, once all others have spoken: the one check that the engine makes itself.
    Suppressions,
}

#[cfg(debug_assertions)]
mod failing;

/// What is no rule of the catalogue, and runs in programs that are built for tests.
#[cfg(debug_assertions)]
static HIDDEN: &[&Rule] = &[&failing::RULE];
#[cfg(not(debug_assertions))]
static HIDDEN: &[&Rule] = &[];

/// All rules that may run, in the order of the catalogue.
pub fn running() -> impl Iterator<Item = &'static Rule> {
    ALL.iter().chain(HIDDEN).copied()
}

impl Enablement {
    pub fn includes(self, profile: Profile) -> bool {
        match self {
            Enablement::Profile(first) => first <= profile,
            Enablement::OptIn => false,
            Enablement::Always => true,
        }
    }

    /// The word for it in output: a profile's name, or `always`. What runs only when selected belongs to the last profile.
    pub fn name(self) -> &'static str {
        match self {
            Enablement::Profile(profile) => profile.name(),
            Enablement::OptIn => Profile::Hardened.name(),
            Enablement::Always => "always",
        }
    }
}

impl Rule {
    /// Returns the name of the folder that the rule is in.
    pub fn family(&self) -> &'static str {
        self.module.rsplit("::").nth(1).unwrap_or_default()
    }

    /// The rule of that id.
    pub fn named(id: &str) -> Option<&'static Rule> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }

    /// Whether a user's choices let the rule run. Who gives a severity to a rule that is off wants it to run.
    pub fn runs(&self, config: &Config) -> bool {
        let chosen = config.rules.severity.get(self.id);
        let wanted = match config.rules.select.as_slice() {
            [] => {
                self.enablement.includes(config.profile)
                    || (self.enablement == Enablement::OptIn && chosen.is_some())
            }
            // A manifest that cannot be read in full is not clean, whichever rules were selected.
            selected => selected.iter().any(|id| id == self.id) || self.always_selected,
        };
        wanted && chosen != Some(&None) && !config.rules.ignores(self.id)
    }

    /// How grave its findings are for a user.
    pub fn severity_in(&self, config: &Config) -> Severity {
        config
            .rules
            .severity
            .get(self.id)
            .copied()
            .flatten()
            .unwrap_or(self.severity)
    }

    /// The ids of all rules, in the order of the catalogue.
    pub fn ids() -> Vec<&'static str> {
        ALL.iter().map(|rule| rule.id).collect()
    }

    /// The page about the rule.
    pub fn page(&'static self) -> Page {
        Page {
            id: self.id,
            docs: self.docs,
            rule: Some(self),
        }
    }

    /// The documentation as Markdown, with the names that other tools have for the rule.
    pub fn markdown(&'static self) -> String {
        self.page().markdown()
    }

    /// How grave its findings are, and who gets to see them, in a sentence.
    pub fn severity_sentence(&self) -> String {
        let severity = self.severity.name();
        match self.enablement {
            Enablement::OptIn => {
                format!(
                    "Severity {severity}; off: it runs only when it is selected, or given a severity."
                )
            }
            Enablement::Always => format!("Severity {severity}, at every profile."),
            Enablement::Profile(profile) => {
                format!("Severity {severity}, from profile {} on.", profile.name())
            }
        }
    }

    /// Where the rule's page stands on the web.
    pub fn url(&'static self) -> String {
        self.page().url()
    }
}

/// Every rule, in the order of the catalog.
pub static ALL: &[&Rule] = &[
    &privileges::privileged_container::RULE,
    &host::host_network::RULE,
    &host::host_pid::RULE,
    &host::host_ipc::RULE,
    &host::host_path_volume::RULE,
    &host::sensitive_host_path::RULE,
    &host::container_runtime_socket::RULE,
    &host::host_port::RULE,
    &host::probe_host::RULE,
    &capabilities::dangerous_capability::RULE,
    &privileges::unmasked_proc_mount::RULE,
    &profiles::custom_selinux_options::RULE,
    &profiles::unconfined_seccomp::RULE,
    &profiles::unconfined_apparmor::RULE,
    &privileges::unsafe_sysctl::RULE,
    &privileges::windows_host_process::RULE,
    &privileges::privilege_escalation::RULE,
    &capabilities::undropped_capabilities::RULE,
    &capabilities::added_capability::RULE,
    &identity::run_as_root_allowed::RULE,
    &identity::root_user::RULE,
    &profiles::missing_seccomp_profile::RULE,
    &storage::forbidden_volume_type::RULE,
    &storage::writable_root_filesystem::RULE,
    &service_accounts::mounted_service_account_token::RULE,
    &service_accounts::default_service_account::RULE,
    &identity::low_user_id::RULE,
    &identity::low_group_id::RULE,
    &identity::missing_user_id::RULE,
    &identity::missing_group_id::RULE,
    &identity::root_group::RULE,
    &capabilities::undropped_net_raw::RULE,
    &resources::missing_cpu_request::RULE,
    &resources::missing_memory_request::RULE,
    &resources::missing_memory_limit::RULE,
    &resources::missing_cpu_limit::RULE,
    &images::unpinned_image::RULE,
    &images::image_without_digest::RULE,
    &images::untrusted_registry::RULE,
    &images::deprecated_registry::RULE,
    &images::stale_image_pull_policy::RULE,
    &secrets::secret_in_env::RULE,
    &secrets::secret_in_config_map::RULE,
    &host::writable_host_path::RULE,
    &storage::unpersisted_data::RULE,
    &processes::multiple_processes::RULE,
    &processes::package_install_at_start::RULE,
    &processes::shared_process_namespace::RULE,
    &namespaces::unlabelled_namespace::RULE,
    &schema::misplaced_security_field::RULE,
    &schema::misspelled_security_field::RULE,
    &schema::unknown_field::RULE,
    &schema::wrong_type::RULE,
    &schema::refused_value::RULE,
    &profiles::invalid_profile_type::RULE,
    &capabilities::invalid_capability::RULE,
    &capabilities::conflicting_capabilities::RULE,
    &schema::conflicting_security_context::RULE,
    &schema::weakened_override::RULE,
    &schema::wrong_os_field::RULE,
    &profiles::dead_seccomp_annotation::RULE,
    &profiles::deprecated_apparmor_annotation::RULE,
    &service_accounts::deprecated_service_account_field::RULE,
    &schema::removed_api::RULE,
    &schema::duplicate_key::RULE,
    &schema::syntax_error::RULE,
    &suppressions::unused_ignore::RULE,
];
