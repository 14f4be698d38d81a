//! The rules, in one folder per family and one file per rule. [`ALL`] lists them.
//!
//! A rule is a pure function of an object and the configuration. Its documentation contains the
//! examples that test it.

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
        $(fields: [$($field:literal),* $(,)?],)?
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
                fields: &[$($($field),*)?],
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

/// A rule: its check, its documentation, and everything that the linter and the editors know about
/// it.
#[derive(Debug)]
pub struct Rule {
    /// The name in comments and configuration. It never changes after a release, and reads well
    /// after "ignore".
    pub id: &'static str,
    /// The path of its module, which ends with its family and its own name.
    pub module: &'static str,
    pub enablement: Enablement,
    pub severity: Severity,
    /// The page about the rule, in Markdown. CONTRIBUTING.md describes its sections.
    pub docs: &'static str,
    pub check: Check,
    /// The names of the same check in other tools. Suppressions accept them.
    pub aliases: &'static [ForeignId],
    /// Checks of other tools that overlap with this rule only in part. Suppressions do not accept
    /// them.
    pub related: &'static [ForeignId],
    /// The fields whose documentation in editors leads to this rule: `SecurityContext.privileged`.
    pub fields: &'static [&'static str],
    /// Whether the API server rejects what it reports. No fix may cause such a finding.
    pub reports_rejections: bool,
    /// Whether it skips the blocks of a template that depend on the version of the cluster.
    pub skips_versioned_blocks: bool,
    /// Whether it runs even when other rules are selected.
    pub always_selected: bool,
}

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enablement {
    /// At this profile and the stricter ones.
    Profile(Profile),
    /// Only if the configuration selects it or sets its severity, whatever the profile.
    OptIn,
    /// At every profile: for what the API server drops, rejects or reads in an unexpected way, and
    /// for rules that depend on configured values.
    Always,
}

/// What a rule checks.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    Pod(fn(&Pod<'_>, &Config, &mut Reporter<'_, '_>)),
    Object(fn(&Object<'_>, &Config, &mut Reporter<'_, '_>)),
    /// The text of a document with objects. Templates are skipped, because they are not YAML yet.
    Document(fn(&Yaml, &Config, &mut Reporter<'_, '_>)),
    /// The suppressions, after all other rules. The analysis does this check itself.
    Suppressions,
}

#[cfg(debug_assertions)]
mod failing;

/// Rules that are not in the catalog and run only in debug builds.
#[cfg(debug_assertions)]
static HIDDEN: &[&Rule] = &[&failing::RULE];
#[cfg(not(debug_assertions))]
static HIDDEN: &[&Rule] = &[];

/// Returns all rules that can run, in the order of the catalog.
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

    /// Returns its name in output: a profile or `always`. An opt-in rule counts as `hardened`.
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

    /// Returns the rule with an id.
    pub fn named(id: &str) -> Option<&'static Rule> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }

    /// Whether the rule runs with a configuration. Setting the severity of an opt-in rule enables
    /// it.
    pub fn runs(&self, config: &Config) -> bool {
        let chosen = config.rules.severity.get(self.id);
        let wanted = match config.rules.select.as_slice() {
            [] => {
                self.enablement.includes(config.profile)
                    || (self.enablement == Enablement::OptIn && chosen.is_some())
            }
            // A manifest with a syntax error is not clean, whichever rules are selected.
            selected => selected.iter().any(|id| id == self.id) || self.always_selected,
        };
        wanted && chosen != Some(&None) && !config.rules.ignores(self.id)
    }

    /// Returns the severity of its findings with a configuration.
    pub fn severity_in(&self, config: &Config) -> Severity {
        config
            .rules
            .severity
            .get(self.id)
            .copied()
            .flatten()
            .unwrap_or(self.severity)
    }

    /// Returns the ids of all rules, in the order of the catalog.
    pub fn ids() -> Vec<&'static str> {
        ALL.iter().map(|rule| rule.id).collect()
    }

    /// Returns the page about the rule.
    pub fn page(&'static self) -> Page {
        Page {
            id: self.id,
            docs: self.docs,
            rule: Some(self),
        }
    }

    /// Returns the documentation as Markdown, with the names that other tools have for the rule.
    pub fn markdown(&'static self) -> String {
        self.page().markdown()
    }

    /// Returns a sentence with its severity and the profiles that include it.
    pub fn severity_sentence(&self) -> String {
        let severity = self.severity.name();
        match self.enablement {
            Enablement::OptIn => {
                format!("Severity: {severity}. Off by default: select it or set its severity.")
            }
            Enablement::Always => format!("Severity: {severity}. Runs at every profile."),
            Enablement::Profile(first) => {
                let profiles: Vec<&str> = Profile::ALL
                    .into_iter()
                    .filter(|profile| *profile >= first)
                    .map(Profile::name)
                    .collect();
                let plural = if profiles.len() == 1 { "" } else { "s" };
                format!(
                    "Severity: {severity}. Profile{plural}: {}.",
                    profiles.join(", ")
                )
            }
        }
    }

    /// Returns the address of the rule's page on the web.
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
