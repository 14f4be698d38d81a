//! The rules: what each flags, why, and what would mend it. One file a rule; [`ALL`] is the list.
//!
//! Knows Kubernetes' views and what an attacker makes of them. Must not know texts, editors or terminals. Promise: a rule is
//! a pure function; its documentation holds the examples that test it.

mod annotations;
mod capabilities;
mod finding;
mod host_path;
mod leftovers;
mod resources;
mod spelling;
mod standard;

pub use finding::{Finding, Findings, Fix, Related, Safety, Severity, Subject};

use crate::config::{Config, Profile};
use crate::k8s::{Object, Pod};
use crate::yaml::Yaml;

/// A rule: what is checked, with all that a person or a program asks of it.
#[derive(Debug)]
pub struct Rule {
    /// What users write in comments and configuration; final once released. Reads well after "ignore".
    pub id: &'static str,
    pub scope: Scope,
    pub severity: Severity,
    /// The page about the rule, in Markdown: see CONTRIBUTING.md for its parts.
    pub docs: &'static str,
    pub check: Check,
}

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// At this profile and those that contain it.
    From(Profile),
    /// At every profile: what the API server drops, rejects, or reads otherwise than it was meant.
    Always,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    Pod(fn(&Pod<'_>, &Config, &mut Findings<'_, '_>)),
    Object(fn(&Object<'_>, &Config, &mut Findings<'_, '_>)),
    /// The text itself of a document with objects. Not of a template: its text becomes YAML elsewhere.
    Document(fn(&Yaml, &Config, &mut Findings<'_, '_>)),
}

impl Scope {
    pub fn holds_at(self, profile: Profile) -> bool {
        match self {
            Scope::From(first) => first <= profile,
            Scope::Always => true,
        }
    }

    /// The word for it in output: a profile's name, or `always`.
    pub fn name(self) -> &'static str {
        match self {
            Scope::From(profile) => profile.name(),
            Scope::Always => "always",
        }
    }
}

impl Rule {
    /// The rule of that id.
    pub fn named(id: &str) -> Option<&'static Rule> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }

    /// Whether a user's choices let the rule run.
    pub fn runs(&self, config: &Config) -> bool {
        let named = |ids: &[String]| ids.iter().any(|id| id == self.id);
        let wanted = match config.rules.select.as_slice() {
            [] => self.scope.holds_at(config.profile),
            // A manifest that cannot be read in full is not clean, whichever rules were selected.
            selected => named(selected) || self.id == syntax_error::RULE.id,
        };
        wanted && !named(&config.rules.ignore)
    }

    /// Where the rule's page stands on the web.
    pub fn url(&self) -> String {
        format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), self.id)
    }
}

/// Declares the `RULE` of a file: its documentation as doc comments, then its parts.
macro_rules! rule {
    ($(#[doc = $line:expr])* $id:literal, $scope:expr, $severity:expr, $check:expr $(,)?) => {
        #[allow(unused_imports, reason = "a rule names only the variants that it needs")]
        pub(super) static RULE: $crate::rules::Rule = {
            use $crate::config::Profile::*;
            use $crate::rules::{Check, Scope::*, Severity::*};
            $crate::rules::Rule {
                id: $id,
                scope: $scope,
                severity: $severity,
                docs: concat!($($line, "\n"),*),
                check: $check,
            }
        };
    };
}

/// The list of rules: a module each, in the order of the catalogue.
macro_rules! rules {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every rule, in the order of the catalogue.
        pub static ALL: &[&Rule] = &[$(&$module::RULE),*];
    };
}

rules![
    privileged_container,
    sensitive_host_path,
    privilege_escalation,
    undropped_capabilities,
    run_as_root_allowed,
    root_user,
    missing_seccomp_profile,
    writable_root_filesystem,
    mounted_service_account_token,
    missing_cpu_request,
    missing_memory_request,
    missing_memory_limit,
    missing_cpu_limit,
    unpinned_image,
    misplaced_security_field,
    misspelled_security_field,
    unknown_field,
    wrong_type,
    invalid_profile_type,
    invalid_capability,
    conflicting_capabilities,
    conflicting_security_context,
    weakened_override,
    wrong_os_field,
    dead_seccomp_annotation,
    deprecated_apparmor_annotation,
    deprecated_service_account_field,
    removed_api,
    duplicate_key,
    syntax_error,
];
